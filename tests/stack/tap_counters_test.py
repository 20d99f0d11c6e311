"""Lines that the broker's logger never wrote: on a real broker whose request log is switched off for a moment.

The judges: what the log's lines add up to, and the broker's own counter.
"""

import json
import os
import signal
import subprocess
import threading
import time
import urllib.request

import pytest
from confluent_kafka import Consumer, Producer
from stack import LOCAL, Stack, open_folder, wait_for
from tap_test import LINE, Reader, caught_up, metrics

PARTITIONS = 8
LOGGER = "kafka.request.logger"
SETTLE_S = 1


@pytest.fixture(scope="module")
def counted():
    folder = open_folder("counters")
    with Stack(folder, WEIR_LOG_PARTITIONS=PARTITIONS, WEIR_KAFKA_SHARE_GROUPS="on") as stack:
        (folder / "kafka").mkdir()
        (folder / "kafka" / "jwks.json").write_text('{"keys":[]}')
        stack.settings["WEIR_JWKS_URL"] = f"file://{folder}/kafka/jwks.json"
        stack.settings["WEIR_KAFKA_EXTRA_USERS"] = "cara"
        stack.settings["WEIR_EXTRA_TAP"] = f"WEIR_CONTROL_INTERVAL=500ms\nWEIR_COUNTERS_INTERVAL=300ms\nWEIR_COUNTERS_SETTLE={SETTLE_S}s"
        stack.script("kafka", "up")
        stack.script("weir", "up", "weir-tap")
        yield stack
        stack.script("weir", "down", "weir-tap", check=False)
        stack.script("kafka", "down", check=False)


def set_level(stack, level):
    stack.script("kafka", "tool", "kafka.admin.ConfigCommand", "--alter", "--entity-type", "broker-loggers", "--entity-name", "1", "--add-config", f"{LOGGER}={level}")


def produce(stack, topic, count, size=500):
    producer = Producer(stack.kafka_config())
    for number in range(count):
        producer.produce(topic, value=os.urandom(size // 2).hex(), key=str(number))
    assert producer.flush(30) == 0


class JavaReader:
    """One of Kafka's own console clients, with fetch sessions; it ends by itself after `messages`."""

    def __init__(self, stack, kind, topic, messages, tmp_path, *arguments):
        env = {k: v for k, v in os.environ.items() if not k.startswith("WEIR_") or k in ("WEIR_VENV", "WEIR_BIN", "WEIR_KAFKA_LIB")}
        self.out = tmp_path / f"{topic}.out"
        command = [str(LOCAL / "kafka.sh"), "tool", f"org.apache.kafka.tools.consumer.{kind}", "--topic", topic, "--max-messages", str(messages), *arguments]
        with open(self.out, "wb") as out:
            self.process = subprocess.Popen(command, env={**env, **stack.settings}, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, start_new_session=True)

    def wait_for(self, messages):
        wait_for(lambda: self.out.read_bytes().count(b"\n") >= messages, f"{messages} messages in {self.out.name}", 60, 0.1)

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def java(request):
    readers = []

    def start(*arguments):
        readers.append(JavaReader(*arguments))
        return readers[-1]

    yield start
    for reader in readers:
        reader.end()


class PythonReader:
    """librdkafka: no fetch sessions."""

    def __init__(self, stack, topic, user="admin"):
        self.count, self.stopping = 0, threading.Event()
        self.consumer = Consumer(stack.kafka_config(user, group_id=f"{topic}.g", auto_offset_reset="earliest"))
        self.consumer.subscribe([topic])
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while not self.stopping.is_set():
            message = self.consumer.poll(0.1)
            self.count += message is not None and not message.error()
        self.consumer.close()

    def wait_for(self, messages):
        wait_for(lambda: self.count >= messages, f"{messages} messages read", 60, 0.1)

    def end(self):
        self.stopping.set()
        self.thread.join()


# --- the judges --------------------------------------------------------------------------------------------


def counter_of(stack, topic):
    """What the broker counted, from its page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.ports['WEIR_KAFKA_COUNTERS_PORT']}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("kafka_server_brokertopicmetrics_bytesout_total{") and f'topic="{topic}"' in line:
                return int(float(line.rpartition(" ")[2]))
    return 0


def lines_of(stack):
    for path in stack.request_logs():
        for line in path.read_bytes().splitlines():
            match = LINE.match(line)
            if match and json.loads(match.group(3))["requestHeader"]["requestApiKeyName"] in ("FETCH", "METADATA"):
                yield json.loads(match.group(3))


def bytes_in_lines(stack, topic):
    ids, total = set(), 0
    for request in lines_of(stack):
        if request["requestHeader"]["requestApiKeyName"] == "METADATA":
            ids |= {t["topicId"] for t in request["response"]["topics"] if t["name"] == topic and t["errorCode"] == 0 and "topicId" in t}
    for request in lines_of(stack):
        if request["requestHeader"]["requestApiKeyName"] == "FETCH" and request["response"]:
            for t in request["response"]["responses"]:
                if t.get("topic") == topic or t.get("topicId") in ids:
                    total += sum(p["recordsSizeInBytes"] for p in t["partitions"])
    return total


def holes(stack):
    reader = Reader(stack)
    try:
        return [hole for _, hole in reader.read_to_end().holes]
    finally:
        reader.close()


def holes_of_topic(stack, topic):
    found = [h for h in holes(stack) if h.get("topic") == topic]
    assert all(h["kind"] == "counter" and h["principal"] == "" and h["from_us"] < h["to_us"] for h in found)
    return found


def settled(stack):
    """Everything up to now is settled: read, and held against a later page."""
    now_us = int(time.time() * 1e6)
    wait_for(lambda: caught_up(stack, now_us + (SETTLE_S + 4) * 1_000_000), "control records behind the time that is waited for", 60, 0.5)
    pages = metrics(stack)["weir_tap_counter_pages_total"]
    wait_for(lambda: metrics(stack)["weir_tap_counter_pages_total"] > pages + 2, "another page of counters", 30, 0.2)


# --- tests -------------------------------------------------------------------------------------------------


def test_lines_never_written__are_holes_of_their_session_and_topic(counted, java, tmp_path):
    """One reader has fetch sessions, the other none; the log is off while each gets 30 messages."""
    began_us = int(time.time() * 1e6)
    for topic in ("lost.sessions", "lost.plain", "kept"):
        counted.create_topic(topic)
        produce(counted, topic, 50)
    with_sessions = java(counted, "ConsoleConsumer", "lost.sessions", 90, tmp_path, "--from-beginning")
    plain, kept = PythonReader(counted, "lost.plain"), PythonReader(counted, "kept")
    try:
        for reader in (with_sessions, plain, kept):
            reader.wait_for(50)
        settled(counted)
        assert [h for h in holes(counted) if h["kind"] != "unknown_before"] == [], "while all is well"
        set_level(counted, "WARN")
        off_us = int(time.time() * 1e6)
        for topic, reader in (("lost.sessions", with_sessions), ("lost.plain", plain)):
            produce(counted, topic, 30)
            reader.wait_for(80)
        set_level(counted, "DEBUG")
        on_us = int(time.time() * 1e6)
        for topic, reader in (("lost.sessions", with_sessions), ("lost.plain", plain), ("kept", kept)):
            produce(counted, topic, 10)
            reader.wait_for(60 if topic == "kept" else 90)
        settled(counted)
    finally:
        for reader in (plain, kept):
            reader.end()
    for topic in ("lost.sessions", "lost.plain"):
        missing = counter_of(counted, topic) - bytes_in_lines(counted, topic)
        assert missing > 30 * 500, "the test lost lines, and the broker counted them"
        found = holes_of_topic(counted, topic)
        assert sum(h["bytes_at_least"] for h in found) == missing, found
        assert all(off_us - 20_000_000 < h["from_us"] and h["to_us"] < on_us + 20_000_000 for h in found)
    assert holes_of_topic(counted, "kept") == []
    skips = [h for h in holes(counted) if h["kind"] == "session_skip"]
    assert [h["principal"] for h in skips] == ["User:admin"], skips
    [skip] = skips
    assert skip["lines_at_least"] >= 1
    assert began_us < skip["from_us"] <= off_us + 1_000_000 and skip["to_us"] >= off_us
    told = metrics(counted)
    assert told['weir_tap_holes_total{kind="session_skip"}'] == 1
    assert told["weir_tap_counters_away"] == 0
    assert told["weir_tap_counter_late_bytes_total"] == 0


def test_restart_of_the_tap__misses_no_skip(counted, java, tmp_path):
    """Killed while the log is off: what stands before its place is read again, and nothing is shipped twice."""
    counted.create_topic("restarts")
    produce(counted, "restarts", 20)
    reader = java(counted, "ConsoleConsumer", "restarts", 60, tmp_path, "--from-beginning")
    reader.wait_for(20)
    settled(counted)
    before = [h for h in holes(counted) if h["kind"] == "session_skip"]
    set_level(counted, "WARN")
    produce(counted, "restarts", 20)
    reader.wait_for(40)
    counted.kill("weir-tap")
    counted.script("weir", "up", "weir-tap")
    set_level(counted, "DEBUG")
    produce(counted, "restarts", 20)
    reader.wait_for(60)
    settled(counted)
    judged = Reader(counted)
    try:
        judged.read_to_end()
    finally:
        judged.close()
    found = [h for _, h in judged.holes if h["kind"] == "session_skip" and h not in before]
    assert [(h["principal"], h["lines_at_least"] > 0) for h in found] == [("User:admin", True)], found
    assert judged.duplicates == 0


def test_share_group__keeps_its_bytes(counted, java, tmp_path):
    """They stand in the counter and in no line: the topic's difference is theirs, and no hole."""
    counted.create_topic("shared")
    reader = java(counted, "ConsoleShareConsumer", "shared", 60, tmp_path, "--group", "share")
    wait_for(lambda: any(r for r in share_lines(counted)), "the share group to ask", 60, 0.2)
    for _ in range(6):
        produce(counted, "shared", 10)
    reader.wait_for(60)
    settled(counted)
    assert counter_of(counted, "shared") > 60 * 500
    assert bytes_in_lines(counted, "shared") == 0
    assert holes_of_topic(counted, "shared") == []


def share_lines(stack):
    return (line for path in stack.request_logs() for line in path.read_bytes().splitlines() if b'"requestApiKeyName":"SHARE_FETCH"' in line)


def test_broker_that_restarts_or_hides_its_page__is_no_hole(counted):
    counted.create_topic("restarted")
    produce(counted, "restarted", 50)
    reader = PythonReader(counted, "restarted")
    try:
        reader.wait_for(50)
        settled(counted)
        before = counter_of(counted, "restarted")
        counted.kill("kafka")
        wait_for(lambda: metrics(counted)["weir_tap_counters_away"] == 1, "the page to be missed", 30, 0.2)
        assert counted.pid("weir-tap"), "the tap goes on"
        counted.script("kafka", "up")
        wait_for(lambda: metrics(counted)["weir_tap_counters_away"] == 0, "the page to be read again", 30, 0.2)
        produce(counted, "restarted", 10)
        reader.wait_for(60)
        settled(counted)
        assert 0 < counter_of(counted, "restarted") < before, "the counter began anew"
        assert holes_of_topic(counted, "restarted") == []
        said = (counted.folder / "log" / "weir-tap.out").read_text()
        assert "counters can't be read" in said
    finally:
        reader.end()


def test_heavy_traffic__is_no_hole(counted):
    """Answers are on their way at every page."""
    topics = [f"busy{n}" for n in range(4)]
    for topic in topics:
        counted.create_topic(topic, partitions=2)
    readers = [PythonReader(counted, topic) for topic in topics]
    try:
        for _ in range(5):
            for topic in topics:
                produce(counted, topic, 2000, 2000)
        for reader in readers:
            reader.wait_for(10000)
        settled(counted)
    finally:
        for reader in readers:
            reader.end()
    settled(counted)
    peak = next(line for line in open(f"/proc/{counted.pid('weir-tap')}/status") if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 64 * 1024, peak
    for topic in topics:
        assert counter_of(counted, topic) == bytes_in_lines(counted, topic) > 0
        assert holes_of_topic(counted, topic) == []
