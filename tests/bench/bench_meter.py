#!/usr/bin/env python3
"""Lines per second of weir-meter, metered and committed, beside bare librdkafka consumers of the same lines.

usage: bench_meter.py [--lines N] [--principals N] [--partitions N] [--runs N]

Brings up PostgreSQL and Kafka of its own. FETCH lines of 1.6 kB in zstd, once a line a record (as before blocks) and
once in blocks as a tap at work makes them. The meter reads the blocks, and two bare consumers the ones and the others,
in turn and with the same fetch settings; medians of all runs but the first. Times go from the assignment of the
partitions to the last message, or to the last commit.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "stack" / "support"))

import psycopg  # noqa: E402
from confluent_kafka import Producer  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402
import log_block  # noqa: E402
from log_feed import partition_of, session_fetches  # noqa: E402
from pairs import machine, ratio  # noqa: E402
from stack import Stack  # noqa: E402

BUILD = Path(os.environ.get("WEIR_BUILD", ROOT / "build"))
QUEUE_KBYTES = 65536  # the meter's default
BLOCK_BYTES = 64 * 1024  # of a tap with the default queue and 64 partitions


def open_topic(stack, topic, partitions, codec):
    admin = AdminClient(stack.kafka_config("admin"))
    for future in admin.create_topics(
        [NewTopic(topic, partitions, 1, config={"compression.type": "producer", "max.message.bytes": "4194304"})]
    ).values():
        future.result()
    # Idempotent: a batch that is sent again must not come behind the one after it.
    return Producer(
        {**stack.kafka_config("admin"), "enable.idempotence": True, "compression.type": codec, "linger.ms": 50,
         "batch.size": 1000000, "log_level": 0, "queue.buffering.max.messages": 200000, "queue.buffering.max.kbytes": 400000}
    )


def produce(producer, topic, partition, value, headers):
    while True:
        try:
            return producer.produce(topic, value=value, partition=partition, headers=headers, on_delivery=delivered)
        except BufferError:
            producer.poll(0.1)


def delivered(error, _):
    if error:
        sys.exit(f"bench_meter: the topic could not be filled: {error}")


def fill(stack, single, blocks, lines, principals, partitions):
    """Session fetches of many principals in turn: each goes on where its last one ended. Returns bytes and blocks."""
    singles, blocked = open_topic(stack, single, partitions, "zstd"), open_topic(stack, blocks, partitions, "none")
    last, prev, open_block = [b""] * partitions, [b""] * partitions, [b""] * partitions
    homes = {}
    place = size = count = 0

    def close_block(home):
        nonlocal count
        if open_block[home]:
            produce(blocked, blocks, home, log_block.pack(open_block[home]), log_block.headers(last[home], prev[home]))
            count += 1
        open_block[home], prev[home] = b"", last[home]

    for name, line in session_fetches(lines, principals):
        home = homes.setdefault(name, partition_of(f"User:{name}".encode(), partitions))
        pos = b"1:1700000000000:%d" % place
        produce(singles, single, home, line, [("kind", b"line"), ("pos", pos), ("prev", last[home])])
        if len(open_block[home]) + len(line) > BLOCK_BYTES:
            close_block(home)
        open_block[home] += b"line %d %d\n%s\n" % (place, len(line), line)
        last[home] = pos
        place += len(line) + 1
        size += len(line)
    for home in range(partitions):
        close_block(home)
    if singles.flush(300) or blocked.flush(300):
        sys.exit("bench_meter: the topic could not be filled")
    return size, count


def run_bare(stack, program, topic, messages, partitions, kind):
    done = subprocess.run(
        [program, stack.internal, "admin", stack.folder / "secrets" / "kafka-admin", topic, str(partitions), str(messages), str(QUEUE_KBYTES), kind],
        check=True, capture_output=True, text=True,
    )
    count, _, seconds, cpu = done.stdout.split()
    assert int(count) == messages
    return float(seconds), float(cpu)


def log_time(line):
    return datetime.fromisoformat(json.loads(line)["time"].replace("Z", "+00:00")).timestamp()


def run_meter(stack, topic, lines, blocks, partitions, run):
    """From the assignment of the partitions to the last commit."""
    cluster = f"bench-{int(time.time())}-{run}"
    with psycopg.connect(stack.database_url(), autocommit=True) as db:
        cluster_id = db.execute(
            "insert into cluster (name, bootstrap_servers, audience, metering_class, log_topic, log_partitions)"
            " values (%s, 'bench', 'bench', 'request_log', %s, %s) returning id", (cluster, topic, partitions),
        ).fetchone()[0]
        log = BUILD / "bench" / f"{cluster}.log"
        with open(log, "wb") as out:
            meter = subprocess.Popen(
                [Path(os.environ.get("WEIR_BIN", BUILD / "bin")) / "weir-meter"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={
                    "WEIR_CLUSTER": cluster,
                    "WEIR_GROUP_ID": f"weir-meter.{cluster}",
                    "WEIR_KAFKA_BOOTSTRAP": stack.internal,
                    "WEIR_KAFKA_USER": "weir-meter",
                    "WEIR_KAFKA_PASSWORD_FILE": str(stack.folder / "secrets" / "kafka-weir-meter"),
                    "WEIR_DATABASE_URL_FILE": str(stack.folder / "secrets" / "url-weir_meter"),
                    "WEIR_METRICS_LISTEN": "off",
                    "WEIR_QUEUE_SIZE": f"{QUEUE_KBYTES}KiB",
                },
            )
        deadline = time.monotonic() + 300
        while True:
            total, last = db.execute(
                "select sum(next_offset)::int8, extract(epoch from max(committed_at))::float8 from meter_partition where cluster_id = %s",
                (cluster_id,),
            ).fetchone()
            if total == blocks:
                break
            if meter.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"bench_meter: the meter did not get through; see {log}")
            time.sleep(0.2)
        meter.terminate()
        _, _, used = os.wait4(meter.pid, 0)
        meter.returncode = 0
        fetches, size = db.execute(
            "select sum(fetches)::int8, sum(bytes)::int8 from usage_quarter where cluster_id = %s", (cluster_id,)
        ).fetchone()
        assert (fetches, size) == (lines, lines * 6000), (fetches, size)
    began = next(log_time(line) for line in log.read_bytes().splitlines() if b"partitions assigned" in line)
    return last - began, used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=600_000)
    parser.add_argument("--principals", type=int, default=300)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--runs", type=int, default=4)
    options = parser.parse_args()
    bare = BUILD / "bench" / "bare_consumer"
    single, topic = "weir.broker-log.bench-single", "weir.broker-log.bench"
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        os.chmod(folder, 0o711)  # PostgreSQL runs as a user of its own
        with Stack(folder, WEIR_PG_FSYNC="on") as stack:
            stack.up_servers()
            stack.script("weir", "migrate")
            size, blocks = fill(stack, single, topic, options.lines, options.principals, options.partitions)
            print(f"meter: {options.lines} FETCH lines of {size / options.lines:.0f} bytes in zstd, {options.partitions} partitions,"
                  f" {options.lines / blocks:.0f} lines a block, {options.runs} rounds, the first to warm up; {machine()}")
            runs = {"weir-meter": [], "bare consumer, a line a record": [], "bare consumer, blocks": []}
            for turn in range(options.runs):
                runs["bare consumer, a line a record"].append(run_bare(stack, bare, single, options.lines, options.partitions, "lines"))
                runs["bare consumer, blocks"].append(run_bare(stack, bare, topic, blocks, options.partitions, "blocks"))
                runs["weir-meter"].append(run_meter(stack, topic, options.lines, blocks, options.partitions, turn))
    rate, cpus = {}, {}
    for name, results in runs.items():
        counted = results[1:] or results
        rates = [options.lines / seconds for seconds, _ in counted]
        rate[name] = statistics.median(rates)
        cpus[name] = statistics.median(cpu for _, cpu in counted) * 1e6 / options.lines
        print(f"  {name:30} {rate[name]:9.0f} lines/s  (min {min(rates):.0f}, max {max(rates):.0f}), {cpus[name]:.2f} us of CPU a line")
    ratio("meter_vs_bare_consumer", rate["weir-meter"] / rate["bare consumer, a line a record"], 1.0)
    ratio("meter_vs_bare_consumer_of_blocks", rate["weir-meter"] / rate["bare consumer, blocks"], 0.6)
    # 2.2 us where the bare consumer of a line a record needs 1.1.
    ratio("cpu_of_bare_consumer_vs_meter", cpus["bare consumer, a line a record"] / cpus["weir-meter"], 0.5)


if __name__ == "__main__":
    main()
