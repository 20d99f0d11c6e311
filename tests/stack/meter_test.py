"""weir-meter on a real broker and a real PostgreSQL: whatever is killed, stopped or sent twice, the usage in the
database is what an independent recount of the same log says."""

import gzip
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import requests
from log_feed import Feed
from stack import ROOT, free_ports, wait_for

sys.path.insert(0, str(ROOT / "tests" / "golden" / "request-log"))
from recount import recount  # noqa: E402

GOLDEN = sorted((ROOT / "tests" / "golden" / "request-log").glob("*.log.gz"))
BINARY = Path(os.environ.get("WEIR_BIN", ROOT / "build" / "bin")) / "weir-meter"
PARTITIONS = 4
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def migrated(servers):
    servers.script("weir", "migrate")
    return servers


class Cluster:
    """A registered cluster with a log topic of its own."""

    def __init__(self, stack):
        self.stack = stack
        self.name = f"meter-{os.getpid()}-{next(NUMBERS)}"
        self.topic = f"weir.broker-log.{self.name}"
        stack.create_topic(self.topic, PARTITIONS)
        self.id = self.sql(
            "insert into cluster (name, bootstrap_servers, audience, metering_class, log_topic, log_partitions)"
            " values (%s, %s, %s, 'request_log', %s, %s) returning id",
            self.name, stack.client, self.name, self.topic, PARTITIONS,
        )[0][0]
        self.meters = []

    def sql(self, text, *parameters):
        def attempt():
            with psycopg.connect(self.stack.database_url()) as connection:
                cursor = connection.execute(text, parameters)
                return cursor.fetchall() if cursor.description else True
        while True:
            try:
                return attempt()
            except psycopg.OperationalError:
                time.sleep(0.1)  # while the server restarts

    def feed(self, **more):
        return Feed(self.stack, self.topic, PARTITIONS, **more)

    def meter(self, instance=None, **settings):
        one = Meter(self, instance, settings)
        self.meters.append(one)
        return one

    def usage(self):
        rows = self.sql(
            "select principal, topic, sum(bytes)::text, sum(messages)::text, sum(fetches)::text, sum(open_fetches)::text,"
            " sum(produced_bytes)::text from usage_bound where cluster_id = %s group by 1, 2 order by 1, 2", self.id,
        )
        fields = ("bytes", "messages", "fetches", "open_fetches", "produced_bytes")
        return [{"principal": "User:" + r[0], "topic": r[1], **{f: int(v) for f, v in zip(fields, r[2:])}} for r in rows]

    def days(self):
        return self.sql(
            "select principal, coalesce(t.name, topic), sum(bytes)::text, sum(messages)::text from usage_day"
            " left join topic t using (cluster_id) where cluster_id = %s and (t.topic_id = topic or t.topic_id is null)"
            " group by 1, 2 order by 1, 2", self.id,
        )

    def next_offsets(self):
        return dict(self.sql("select log_partition, next_offset from meter_partition where cluster_id = %s", self.id))

    def end_offsets(self):
        from confluent_kafka import Consumer, TopicPartition

        consumer = Consumer(self.stack.kafka_config("admin", group_id="ends"))
        ends = {p: consumer.get_watermark_offsets(TopicPartition(self.topic, p), timeout=20)[1] for p in range(PARTITIONS)}
        consumer.close()
        return ends

    def caught_up(self):
        ends = {p: n for p, n in self.end_offsets().items() if n > 0}
        return ends == {p: n for p, n in self.next_offsets().items() if n > 0}

    def wait(self, seconds=60):
        wait_for(self.caught_up, "the meter to catch up", seconds, every=0.1)

    def close(self):
        for one in self.meters:
            one.stop()


class Meter:
    def __init__(self, cluster, instance, settings):
        self.cluster, stack = cluster, cluster.stack
        self.port = free_ports(1)[0]
        self.env = {
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            "WEIR_CLUSTER": cluster.name,
            "WEIR_GROUP_ID": f"weir-meter.{cluster.name}",
            "WEIR_KAFKA_BOOTSTRAP": stack.internal,
            "WEIR_KAFKA_USER": "weir-meter",
            "WEIR_KAFKA_PASSWORD_FILE": str(stack.folder / "secrets" / "kafka-weir-meter"),
            "WEIR_DATABASE_URL_FILE": str(stack.folder / "secrets" / "url-weir_meter"),
            "WEIR_METRICS_LISTEN": f"127.0.0.1:{self.port}",
            "WEIR_BATCH_MS": "100",
            "WEIR_SESSION_TIMEOUT": "6s",
            **({"WEIR_INSTANCE": instance} if instance else {}),
            **{f"WEIR_{k.upper()}": str(v) for k, v in settings.items()},
        }
        self.process = None
        self.start()

    def start(self):
        log = open(self.cluster.stack.folder / "log" / f"meter-{self.port}.out", "ab")
        self.process = subprocess.Popen([BINARY], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(30)
        return self.process.returncode

    def metric(self, name):
        try:
            text = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5).text
        except requests.ConnectionError:
            return None
        values = [float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name) and line[len(name)] in " {"]
        return sum(values) if values else None

    def ready(self):
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False


@pytest.fixture
def cluster(migrated):
    one = Cluster(migrated)
    yield one
    one.close()


def lines_of(*logs):
    for log in logs:
        with gzip.open(log, "rb") as file:
            yield from file.read().splitlines(keepends=True)


def expected_of(*logs):
    """What the independent recount says, without what carries nothing."""
    rows = [
        {k: row[k] for k in ("principal", "topic", "bytes", "messages", "fetches", "open_fetches", "produced_bytes")}
        for row in recount(list(logs))
    ]
    return sorted((r for r in rows if any(v for k, v in r.items() if k not in ("principal", "topic"))), key=lambda r: (r["principal"], r["topic"]))


def assert_usage(cluster, *logs):
    assert cluster.usage() == expected_of(*logs)


@pytest.mark.parametrize("log", GOLDEN, ids=lambda path: path.name.split(".")[0])
def test_golden_log__gives_the_recount(cluster, log):
    feed = cluster.feed()
    feed.add_log(lines_of(log))
    cluster.meter()
    feed.ship()
    cluster.wait()
    assert_usage(cluster, log)
    assert cluster.sql("select count(*) from dead_letter where cluster_id = %s", cluster.id) == [(0,)]
