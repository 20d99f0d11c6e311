"""Real clients: what produces, and the groups of consumers that write down what they are given."""

import os
import re
import shutil
import subprocess
import threading
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import confluent_kafka
from brokers import JAVA, KAFKA, LIB
from confluent_kafka import Producer
from process import Process, plain_env
from stack import ROOT

HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build" / "storm"
PYTHON = ROOT / "build" / "venv" / "bin" / "python"
LIMITS = {"session_timeout_ms": 6000, "auto_commit_interval_ms": 500, "auto_offset_reset": "earliest"}
QUEUED = re.compile(
    r"^%7\|(\d+)\.(\d+)\|CONSUME\|.*: Enqueue (\d+) message\(s\) .* on (\S+) \[(\d+)\] fetch queue \(.*last_offset (-?\d+), ",
    re.MULTILINE,
)


@dataclass
class Entry:
    """Offsets [first, after) of one partition that a client was given, at a time in µs since 1970."""

    at: int
    place: tuple  # (topic, partition)
    first: int
    after: int


class Group:
    """Consumers of one principal and group. Each life of a member has a client id, and so a ledger, of its own."""

    obeys = True  # takes commands on standard input
    takes_back = True  # "back N" among them

    def __init__(self, name, brokers, folder, topics, members=2):
        self.name, self.brokers, self.folder, self.topics = name, brokers, folder, topics
        self.principal = f"User:{name}"
        self.lives = []
        self.members = {number: None for number in range(1, members + 1)}

    def start(self, number):
        life = f"{self.name}.{number}.{len(self.lives) + 1}"
        self.lives.append(life)
        properties = self.folder / f"{life}.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in self.properties(client_id=life, group_id=f"{self.name}.readers", **LIMITS).items()))
        self.members[number] = process = Process(life, self.command(life, properties), plain_env(), self.out(life))
        process.start()

    def start_all(self):
        for number in self.members:
            self.start(number)

    def close(self, number):
        """The end of a client that says goodbye."""
        process = self.members[number]
        process.must_run()
        if self.obeys:
            process.tell("close")
            if process.process.wait(120):
                raise RuntimeError(f"{process.name} ended with {process.process.returncode}; see {process.out}")
        else:
            process.stop()

    def ledger(self, life):
        return self.folder / f"{life}.ledger"

    def out(self, life):
        return self.folder / f"{life}.out"

    def given(self, life):
        """What the application was given, in order."""
        return [self.entry(line) for line in read_lines(self.ledger(life))]

    @staticmethod
    def entry(line):
        at, topic, partition, first, last, _ = line.split()
        return Entry(int(at), (topic, int(partition)), int(first), int(last) + 1)

    def taken(self, life):
        """What the client took in and asks for no more: the same, where nothing is fetched ahead."""
        return self.given(life)

    def ends(self):
        """{place: highest offset written down}, over all lives."""
        ends = defaultdict(int)
        for life in self.lives:
            for entry in self.given(life):
                ends[entry.place] = max(ends[entry.place], entry.after)
        return ends


def read_lines(path):
    """Whole lines: the last of a client that was killed may be torn."""
    text = path.read_text() if path.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()


class JavaGroup(Group):
    title = "Java 4.3.1, with fetch sessions and (broker 3) without"

    def properties(self, **settings):
        return self.brokers.java(self.name, fetch_min_bytes=8000, **settings)

    def command(self, life, properties):
        return [*JAVA, "-Xmx128m", f"-Dlog4j2.configurationFile={KAFKA}/tools-log4j2.yaml", "-cp", f"{BUILD}:{LIB}/*",
                "Recorder", self.ledger(life), properties, *self.topics]  # fmt: skip


class LibrdkafkaGroup(Group):
    """librdkafka fetches ahead: what it queued is what it took, and says so on standard error."""

    def properties(self, **settings):
        return self.brokers.librdkafka(
            self.name, debug="msg", enable_auto_offset_store="false", fetch_min_bytes=8000, fetch_message_max_bytes=100000, **settings
        )

    def taken(self, life):
        entries = []
        for seconds, millis, count, topic, partition, last in QUEUED.findall(self.out(life).read_text(errors="replace")):
            if int(count):
                at = int(seconds) * 1_000_000 + int(millis) * 1000 + 999
                entries.append(Entry(at, (topic, int(partition)), int(last) - int(count) + 1, int(last) + 1))
        return entries


class DebianGroup(LibrdkafkaGroup):
    title = "librdkafka 2.0.2 (C)"

    def command(self, life, properties):
        return [BUILD / "recorder", self.ledger(life), properties, *self.topics]


class NewestGroup(LibrdkafkaGroup):
    title = f"librdkafka {confluent_kafka.libversion()[0]} (confluent-kafka)"

    def command(self, life, properties):
        return [PYTHON, HERE / "readers" / "recorder.py", self.ledger(life), properties, *self.topics]


class KcatGroup(LibrdkafkaGroup):
    """kcat lets an offset be committed before it has printed it, so what it queued is its ledger."""

    title = "kcat (librdkafka 2.0.2)"
    obeys = takes_back = False

    def properties(self, **settings):
        return {**super().properties(**settings), "enable.auto.offset.store": "true"}

    def command(self, life, properties):
        consume = ["kcat", "-F", properties, "-u", "-f", r"%t %p %o %S\n", "-G", f"{self.name}.readers", *self.topics]
        return ["sh", "-c", 'ledger=$1; shift; exec "$@" >"$ledger"', "sh", self.ledger(life), *consume]

    @staticmethod
    def entry(line):
        topic, partition, offset, _ = line.split()
        return Entry(None, (topic, int(partition)), int(offset), int(offset) + 1)


class FranzGroup(Group):
    title = "franz-go"
    takes_back = False

    def properties(self, **settings):
        return self.brokers.librdkafka(self.name, **settings)

    def command(self, life, properties):
        return [BUILD / "recorder-franz", self.ledger(life), properties, *self.topics]


class Producing:
    """A thread that produces until it is told to stop. What is acknowledged is there for good (acks=all)."""

    def __init__(self, brokers, name, topics, dice, records_per_second):
        self.topics, self.dice, self.rate = topics, dice, records_per_second
        self.acknowledged = 0
        self.failed = []
        self.stopping = threading.Event()
        settings = {"enable.idempotence": True, "linger.ms": 40, "batch.num.messages": 200, "log_level": 0, "message.timeout.ms": 300000}
        self.producers = {
            topic: Producer({**brokers.librdkafka(name, client_id=f"{name}.{topic}"), **settings, "compression.type": compression})
            for topic, (_, compression) in topics.items()
        }
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        names = list(self.topics)
        while not self.stopping.wait(0.02):
            for _ in range(self.rate // 50):
                topic = self.dice.choice(names)
                self.produce(topic, self.dice.randrange(self.topics[topic][0]), self.dice.randbytes(self.dice.randrange(100, 400)))
            for producer in self.producers.values():
                producer.poll(0)

    def produce(self, topic, partition, value):
        try:
            self.producers[topic].produce(topic, value, partition=partition, on_delivery=self.delivered)
        except BufferError:
            self.producers[topic].poll(0.1)

    def delivered(self, error, _):
        if error:
            self.failed.append(str(error))
        else:
            self.acknowledged += 1

    def stop(self):
        self.stopping.set()
        self.thread.join(30)
        left = sum(producer.flush(120) for producer in self.producers.values())
        if left or self.failed:
            raise RuntimeError(f"{left} records can't be delivered; errors: {self.failed[:3]}")


def all_groups():
    """{principal's name: class} of the clients that this machine has, and what it hasn't."""
    groups = {"java": JavaGroup, "rdkafka-debian": DebianGroup, "rdkafka-newest": NewestGroup}
    missing = []
    if shutil.which("kcat"):
        groups["kcat"] = KcatGroup
    else:
        missing.append("kcat: not installed")
    if (BUILD / "recorder-franz").exists() and os.environ.get("STORM_FRANZ"):
        groups["franz-go"] = FranzGroup
    else:
        missing.append("franz-go: it fetches ahead and its recorder doesn't yet say what it has taken (STORM_FRANZ=1 runs it all the same)")
    return groups, missing


def build():
    """The readers that are compiled."""
    BUILD.mkdir(parents=True, exist_ok=True)
    c = ["gcc", "-std=gnu17", "-O2", "-Wall", "-Wextra", "-Werror", "-o", BUILD / "recorder", HERE / "readers" / "recorder.c", "-lrdkafka"]
    java = ["javac", "-cp", f"{LIB}/*", "-d", BUILD, HERE / "readers" / "Recorder.java"]
    for command in (c, java):
        subprocess.run(command, check=True)
    if shutil.which("go") and os.environ.get("STORM_FRANZ"):  # one that is too old for the module says so, and leaves franz-go out
        folder = HERE / "readers" / "franz"
        subprocess.run(["go", "build", "-trimpath", "-buildvcs=false", "-o", BUILD / "recorder-franz", "."], cwd=folder, env={**os.environ, "GOTOOLCHAIN": "local"})
