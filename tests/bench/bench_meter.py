#!/usr/bin/env python3
"""Lines per second of weir-meter, metered and committed, beside a bare librdkafka consumer of the same topic.

usage: bench_meter.py [--lines N] [--principals N] [--partitions N] [--runs N]

Runs against the stack in WEIR_STACK_DIR (build/stack), which must be up; its PostgreSQL must be migrated. The two
take turns on one topic of FETCH lines of 1.4 kB in zstd; the best run of each counts. Prints CPU seconds too, and
last, for machines:
    ratio meter_vs_bare_consumer VALUE goal 0.4
"""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "stack"))

import psycopg  # noqa: E402
from confluent_kafka import Producer  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402
from log_feed import partition_of, session_fetches  # noqa: E402

BUILD = ROOT / "build"
GOAL = 0.4
QUEUE_KBYTES = int(os.environ.get('BENCH_QUEUE_KBYTES', 256 * 1024))


class Running:
    """The stack that is up, by its folder."""

    def __init__(self, folder):
        self.folder = Path(folder)
        if not (self.folder / "stack.env").exists():
            sys.exit(f"bench_meter: no stack in {self.folder}; make up, or WEIR_STACK_DIR=...")
        self.env = dict(line.split("=", 1) for line in (self.folder / "stack.env").read_text().split())

    @property
    def bootstrap(self):
        return "127.0.0.1:" + self.env["WEIR_KAFKA_INTERNAL_PORT"]

    def secret(self, name):
        return self.folder / "secrets" / name

    def kafka(self, user):
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": user,
            "sasl.password": self.secret(f"kafka-{user}").read_text().strip(),
        }

    def database(self):
        return self.secret("url-postgres").read_text().strip()


def fill(stack, topic, lines, principals, partitions):
    """Session fetches of many principals in turn: each goes on where its last one ended."""
    admin = AdminClient(stack.kafka("admin"))
    for future in admin.create_topics(
        [NewTopic(topic, partitions, 1, config={"compression.type": "producer", "max.message.bytes": "4194304"})]
    ).values():
        future.result()
    producer = Producer(
        {**stack.kafka("admin"), "compression.type": "zstd", "linger.ms": 50, "batch.size": 1000000,
         "queue.buffering.max.messages": 200000, "queue.buffering.max.kbytes": 400000}
    )
    last = [b""] * partitions
    place = size = 0
    for name, line in session_fetches(lines, principals):
        home = partition_of(f"User:{name}".encode(), partitions)
        pos = b"1:1700000000000:%d" % place
        headers = [("kind", b"line"), ("pos", pos)]
        if last[home]:
            headers.append(("prev", last[home]))
        last[home] = pos
        place += len(line) + 1
        size += len(line)
        while True:
            try:
                producer.produce(topic, value=line, key=f"User:{name}", partition=home, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
    if producer.flush(300):
        sys.exit("bench_meter: the topic could not be filled")
    return size


def compile_bare():
    target = BUILD / "bench" / "bare_consumer"
    target.parent.mkdir(parents=True, exist_ok=True)
    source = ROOT / "tests" / "bench" / "bare_consumer.c"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        subprocess.run(["cc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-o", target, source, "-lrdkafka"], check=True)
    return target


def run_bare(stack, program, topic, lines, partitions):
    done = subprocess.run(
        [program, stack.bootstrap, "admin", stack.secret("kafka-admin"), topic, str(partitions), str(lines), str(QUEUE_KBYTES)],
        check=True, capture_output=True, text=True,
    )
    count, _, seconds, cpu = done.stdout.split()
    assert int(count) == lines
    return float(seconds), float(cpu)


def log_time(line):
    return datetime.fromisoformat(json.loads(line)["time"].replace("Z", "+00:00")).timestamp()


def run_meter(stack, topic, lines, partitions, run):
    """From the assignment of the partitions to the last commit."""
    cluster = f"bench-{int(time.time())}-{run}"
    with psycopg.connect(stack.database(), autocommit=True) as db:
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
                    "WEIR_KAFKA_BOOTSTRAP": stack.bootstrap,
                    "WEIR_KAFKA_USER": "weir-meter",
                    "WEIR_KAFKA_PASSWORD_FILE": str(stack.secret("kafka-weir-meter")),
                    "WEIR_DATABASE_URL_FILE": str(stack.secret("url-weir_meter")),
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
            if total == lines:
                break
            if meter.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"bench_meter: the meter did not get through; see {log}")
            time.sleep(0.2)
        meter.terminate()
        _, _, used = os.wait4(meter.pid, 0)
        meter.returncode = 0
        fetches, size, opened = db.execute(
            "select sum(fetches)::int8, sum(bytes)::int8, sum(open_fetches)::int8 from usage_quarter where cluster_id = %s", (cluster_id,)
        ).fetchone()
        assert (fetches, size) == (lines, lines * 6000), (fetches, size)
    began = next(log_time(line) for line in log.read_bytes().splitlines() if b"partitions assigned" in line)
    return last - began, used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=600_000)
    parser.add_argument("--principals", type=int, default=300)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="leave the topic, for a profile")
    parser.add_argument("--topic", help="a topic that --keep has left, of the same size")
    options = parser.parse_args()
    stack = Running(os.environ.get("WEIR_STACK_DIR", BUILD / "stack"))
    bare = compile_bare()
    topic = options.topic or f"weir.broker-log.bench-{int(time.time())}"
    if not options.topic:
        size = fill(stack, topic, options.lines, options.principals, options.partitions)
        print(f"{topic}: {options.lines} FETCH lines, {size / options.lines:.0f} bytes each, zstd, {options.partitions} partitions")
    best = {}
    try:
        for run in range(options.runs):
            for name, result in (
                ("bare consumer", run_bare(stack, bare, topic, options.lines, options.partitions)),
                ("weir-meter", run_meter(stack, topic, options.lines, options.partitions, run)),
            ):
                seconds, cpu = result
                print(f"{name:14} {options.lines / seconds:10.0f} lines/s  {cpu * 1e6 / options.lines:6.2f} us CPU a line  {seconds:6.2f} s")
                best[name] = min(best.get(name, seconds), seconds)
    finally:
        if options.keep:
            return
        admin = AdminClient(stack.kafka("admin"))
        for future in admin.delete_topics([topic]).values():
            future.result()
    print(f"ratio meter_vs_bare_consumer {best['bare consumer'] / best['weir-meter']:.3f} goal {GOAL}")


if __name__ == "__main__":
    main()
