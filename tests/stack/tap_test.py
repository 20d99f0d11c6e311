"""weir-tap on a real broker whose request log is renamed every second: killed, restarted, cut off.

The judge is a reader of its own: it reads the log files and the log topic, knows the rules of the design,
and shares no code with the tap.
"""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.request

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from log_block import records_of
from log_feed import partition_of, wide_fetches
from stack import BIN, Stack, open_folder, wait_for

PARTITIONS = 8
SHIPPED = {"FETCH", "SHARE_FETCH", "SHARE_ACKNOWLEDGE", "PRODUCE", "OFFSET_COMMIT", "TXN_OFFSET_COMMIT"}
LINE = re.compile(rb"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3})\] (?:DEBUG|INFO) Completed request:(\{.*\}) \(kafka\.request\.logger\)$")


@pytest.fixture(scope="module")
def rotating():
    folder = open_folder("tap")
    with Stack(folder, WEIR_REQUEST_LOG_ROLL="yyyy-MM-dd-HH-mm-ss", WEIR_LOG_PARTITIONS=PARTITIONS) as stack:
        (folder / "kafka").mkdir()
        (folder / "kafka" / "jwks.json").write_text('{"keys":[]}')
        stack.settings["WEIR_JWKS_URL"] = f"file://{folder}/kafka/jwks.json"
        stack.settings["WEIR_KAFKA_EXTRA_USERS"] = "cara paul"
        stack.settings["WEIR_EXTRA_TAP"] = "WEIR_CONTROL_INTERVAL=500ms"
        stack.script("kafka", "up")
        yield stack
        stack.script("weir", "down", "weir-tap", check=False)
        stack.script("kafka", "down", check=False)


# --- the judge -----------------------------------------------------------------------------------------


def log_positions(stack):
    """Every line of every file with its position, by the rule of the design alone."""
    files = {}
    for path in stack.request_log.parent.glob("kafka-request.log*"):
        if not path.is_file():
            continue
        content = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
        match = LINE.match(content.partition(b"\n")[0]) or re.match(rb"\[(.{19}),(\d{3})\]", content)
        if match:
            when = time.strptime(match.group(1).decode(), "%Y-%m-%d %H:%M:%S")
            files[path.name] = (int(time.mktime(when)) * 1000 + int(match.group(2)), content)
    copies = [a for a, (_, x) in files.items() if any(a != b and x != y and y.startswith(x) for b, (_, y) in files.items())]
    lines, last = [], 0
    for first_ms, content in sorted((f for name, f in files.items() if name not in copies), key=lambda f: f[0]):
        last = max(first_ms, last + 1)
        offset = 0
        for line in content.split(b"\n")[:-1]:
            lines.append(((1, last, offset), line))
            offset += len(line) + 1
    return lines


def empty(fetch):
    parts = [p for t in fetch["response"]["responses"] for p in t["partitions"]]
    return fetch["response"].get("errorCode", 0) == 0 and all(p["errorCode"] == 0 and p["recordsSizeInBytes"] == 0 for p in parts)


def offsets(fetch):
    return [(t.get("topicId") or t.get("topic"), p["partition"], p["fetchOffset"]) for t in fetch["request"]["topics"] for p in t["partitions"]]


def says_nothing(before, fetch):
    """The design's rule for an empty FETCH that may be left out; `before`: the one before on its connection."""
    request, response = fetch["request"], fetch["response"]
    if before is None or not empty(before) or not empty(fetch):
        return False
    if response["sessionId"] not in (0, request["sessionId"]) or request["forgottenTopicsData"]:
        return False
    if request["sessionId"] != 0:
        return request["sessionEpoch"] > 0 and not request["topics"]
    return before["request"]["sessionId"] == 0 and offsets(before) == offsets(fetch)


def expected(stack):
    """{position: (line, principal, whether it may be left out)} of what has to be shipped."""
    wanted, before = {}, {}
    for place, line in log_positions(stack):
        match = LINE.match(line)
        assert match, f"{place}: {line[:200]}"
        request = json.loads(match.group(3))
        name = request["requestHeader"]["requestApiKeyName"]
        if request["isForwarded"] or request["listener"] == "CONTROLLER" or request["principal"].startswith("User:weir-"):
            continue
        if name not in SHIPPED:
            continue
        optional = False
        if name == "FETCH":
            optional = says_nothing(before.get(request["connection"]), request)
            before[request["connection"]] = request
        wanted[place] = (line, request["principal"], optional)
    return wanted


class Reader:
    """What a meter does with the topic: a watermark for each partition, prev <= watermark < position."""

    def __init__(self, stack):
        self.consumer = Consumer(stack.kafka_config("admin", group_id="judge", enable_auto_commit="false"))
        self.topic = stack.log_topic()
        self.watermark = dict.fromkeys(range(PARTITIONS), (1, 0, 0))
        self.consumer.assign([TopicPartition(self.topic, p, 0) for p in range(PARTITIONS)])
        self.lines, self.principal_partition = {}, {}
        self.facts, self.holes, self.refusals = [], [], []
        self.parts = {}
        self.blocks = self.duplicates = 0
        self.control_us = dict.fromkeys(range(PARTITIONS), 0)

    def read_to_end(self):
        for partition in range(PARTITIONS):
            _, end = self.consumer.get_watermark_offsets(TopicPartition(self.topic, partition), timeout=10)
            while self.consumer.position([TopicPartition(self.topic, partition)])[0].offset < end:
                message = self.consumer.poll(10)
                assert message is not None, f"partition {partition} doesn't come to its end {end}"
                if message.error():
                    raise KafkaException(message.error())
                self.take(message)
            if end == 0:
                continue
        return self

    def take(self, message):
        records, prev = records_of(message)
        partition = message.partition()
        self.blocks += 1
        assert prev is None or prev <= self.watermark[partition], f"gap in partition {partition}: {prev} > {self.watermark[partition]}"
        for kind, pos, value, part in records:
            self.take_record(partition, kind, pos, value, part)

    def take_record(self, partition, kind, pos, value, part):
        watermark = self.watermark[partition]
        if kind in ("control", "hole"):
            assert pos <= watermark, f"{kind} before what it stands for"
            value = json.loads(value)
            if kind == "hole":
                self.holes.append((partition, value))
            else:
                self.control_us[partition] = max(self.control_us[partition], value["broker_time_us"])
            return
        if pos <= watermark:
            self.duplicates += part is None or part[0] == 0
            return
        if part:
            before, total = self.parts.get(pos, b""), part[1]
            assert part[0] <= len(before), f"a part of {pos} is missing"
            self.parts[pos] = value = before[: part[0]] + value
            if len(value) < total:
                return
            assert len(self.parts.pop(pos)) == total
        self.watermark[partition] = pos
        if kind == "line":
            principal = json.loads(LINE.match(value).group(3))["principal"]
            assert self.principal_partition.setdefault(principal, partition) == partition
            assert partition_of(principal.encode(), PARTITIONS) == partition
            self.lines[pos] = (value, principal)
        elif kind == "fact":
            self.facts.append((partition, json.loads(value)))
        elif kind == "refusal":
            self.refusals.append(json.loads(value))
        else:
            raise AssertionError(f"{kind} at {pos}: {value[:300]}")

    def close(self):
        self.consumer.close()


def metrics(stack):
    url = f"http://127.0.0.1:{stack.ports['WEIR_TAP_METRICS_PORT']}/metrics"
    with urllib.request.urlopen(url, timeout=5) as answer:
        text = answer.read().decode()
    return {m[0]: float(m[1]) for m in re.findall(r"^(weir_tap_\S+) (\S+)$", text, re.M)}


def caught_up(stack, since_us):
    """True once every partition has a control record of a later broker time."""
    reader = Reader(stack)
    try:
        return min(reader.read_to_end().control_us.values()) > since_us
    finally:
        reader.close()


def judge(stack):
    """Reads the whole topic once everything up to now is in it, and compares it with the log."""
    now_us = int(time.time() * 1e6)
    wait_for(lambda: caught_up(stack, now_us), "control records past now in every partition", 60, 0.5)
    wanted = {place: line for place, line in expected(stack).items()}
    reader = Reader(stack)
    try:
        reader.read_to_end()
    finally:
        reader.close()
    newest = max(reader.lines)
    missing = [p for p, (_, _, optional) in wanted.items() if p not in reader.lines and not optional and p <= newest]
    assert not missing, f"{len(missing)} of {len(wanted)} lines are missing, the first at {missing[0]}: {wanted[missing[0]][0][:300]}"
    for place, (line, principal) in reader.lines.items():
        if place in wanted:
            assert line == wanted[place][0]
            assert principal == wanted[place][1]
    assert all(h["kind"] == "unknown_before" for _, h in reader.holes), reader.holes
    return reader, wanted


def recount(stack, *files):
    done = subprocess.run([str(BIN / "weirctl"), "recount", "--format", "csv", *map(str, files)], capture_output=True, text=True, check=True)
    rows = [r.split(",") for r in done.stdout.splitlines()]
    return sorted(r for r in rows if not r[0].startswith("User:weir-"))


# --- the work going on meanwhile -------------------------------------------------------------------------


class Traffic:
    """A producer and two consumers (one at the open end of the log, one slow) until told to stop."""

    def __init__(self, stack, topic):
        self.stack, self.topic = stack, topic
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=t) for t in (self.produce, self.consume, self.consume_slowly)]
        self.errors = []
        for thread in self.threads:
            thread.start()

    def produce(self):
        producer = Producer(self.stack.kafka_config("paul", linger_ms=5))
        number = 0
        while not self.stopping.is_set():
            try:
                for _ in range(20):
                    producer.produce(self.topic, key=str(number), value=f"{number:0400d}")
                    number += 1
            except KafkaException:
                pass  # the broker learns of a new ACL a moment later
            producer.poll(0)
            self.stopping.wait(0.05)
        producer.flush(20)

    def consume(self, group="cara.live", pause=0.0, **more):
        consumer = Consumer(self.stack.kafka_config("admin", group_id=group, auto_offset_reset="earliest", **more))
        consumer.subscribe([self.topic])
        while not self.stopping.is_set():
            consumer.poll(0.2)
            if pause:
                self.stopping.wait(pause)
        consumer.close()

    def consume_slowly(self):
        self.consume("cara.slow", 0.002, max_partition_fetch_bytes="5000", auto_commit_interval_ms="300")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def traffic(rotating, request):
    topic = "acme." + re.sub(r"[^a-z]+", "-", request.node.name)
    rotating.create_topic(topic, partitions=2)
    allow(rotating, "paul", topic)
    traffic = Traffic(rotating, topic)
    yield traffic
    traffic.stop()


def allow(stack, user, topic):
    from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

    acl = AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{user}", "*", AclOperation.WRITE, AclPermissionType.ALLOW)
    admin = stack.admin()  # ends its requests when it goes
    for future in admin.create_acls([acl]).values():
        future.result()


def tap_up(stack):
    stack.script("weir", "up", "weir-tap")


# --- tests ---------------------------------------------------------------------------------------------------


def test_kills_and_rotations__lose_nothing_and_repeat_only_what_was_seen(rotating, traffic, tmp_path):
    tap_up(rotating)
    for _ in range(4):
        time.sleep(1.5)  # traffic and renames between kills
        rotating.kill("weir-tap")
        tap_up(rotating)
    # A rename and a compression while the tap is down.
    rotating.kill("weir-tap")
    renamed = sorted(rotating.request_log.parent.glob("kafka-request.log.*"))[-1]
    subprocess.run(["gzip", str(renamed)], check=True)
    count = len(rotating.request_logs())
    wait_for(lambda: len(rotating.request_logs()) > count + 1, "two more renames")
    # The state is lost as well: everything is shipped again, at the same positions.
    for path in (rotating.folder / "state" / "tap").glob("*.state"):
        path.unlink()
    tap_up(rotating)
    time.sleep(1.5)
    traffic.stop()
    reader, wanted = judge(rotating)
    assert reader.duplicates > 0, "the state was lost, so lines must have been shipped twice"
    assert any(principal == "User:paul" for _, principal in reader.lines.values())
    # Facts reach every partition, and tell the topic's name and id.
    names = {p: {t["name"]: t["id"] for q, f in reader.facts if q == p for t in f["topics"]} for p in range(PARTITIONS)}
    assert all(traffic.topic in names[p] for p in range(PARTITIONS))
    assert len({names[p][traffic.topic] for p in range(PARTITIONS)}) == 1
    # What was left out says nothing: a recount of what was shipped is a recount of the log.
    log = [(place, line) for place, line in log_positions(rotating) if place <= max(reader.lines)]
    metadata = [line for _, line in log if b'"METADATA"' in line and b'"isForwarded":false' in line]
    shipped = tmp_path / "shipped.log"
    shipped.write_bytes(b"\n".join(metadata + [reader.lines[p][0] for p in sorted(reader.lines)]) + b"\n")
    raw = tmp_path / "raw.log"
    raw.write_bytes(b"\n".join(line for _, line in log if b'"listener":"CONTROLLER"' not in line) + b"\n")
    rows = recount(rotating, raw)
    assert any(r[1] == traffic.topic and r[2].isdigit() and int(r[2]) > 0 for r in rows)
    assert recount(rotating, shipped) == rows


def test_blocks__are_readable_with_ordinary_tools(rotating, traffic, tmp_path):
    tap_up(rotating)
    wait_for(lambda: metrics(rotating)["weir_tap_acked_records_total"] > 100, "lines to be shipped")
    traffic.stop()
    judge(rotating)
    rotating.script("weir", "down", "weir-tap")
    reader, _ = judge_without_waiting(rotating)
    config = tmp_path / "kcat.config"
    config.write_text("".join(f"{name}={value}\n" for name, value in rotating.kafka_config("admin").items()))
    asked = ["kcat", "-F", str(config), "-C", "-t", rotating.log_topic(), "-o", "beginning", "-e", "-q", "-f", "%s"]
    frames = subprocess.run(asked, capture_output=True, check=True, timeout=60).stdout
    shown = set(subprocess.run(["zstd", "-dc"], input=frames, capture_output=True, check=True).stdout.split(b"\n"))
    assert reader.lines
    assert all(line in shown for line, _ in reader.lines.values() if len(line) < 2**19)


def test_names_copies_and_folders__are_told_apart(rotating, traffic):
    """An operator's copy, a folder, names of other rotators, zstd: while the tap is away, and while it reads."""
    tap_up(rotating)
    time.sleep(1.5)
    logs = rotating.request_log.parent

    def newest_renamed():
        return max(logs.glob("kafka-request.log.*-*-*"), key=lambda path: path.name)

    newest_renamed().rename(logs / "kafka-request.log-20261128")
    rotating.kill("weir-tap")
    archive = logs / "kafka-request.log.archive"
    archive.mkdir()
    wait_for(lambda: rotating.request_log.exists() and rotating.request_log.read_bytes().count(b"\n") > 3, "lines of the live file")
    (logs / "kafka-request.log.2026").write_bytes(b"".join(rotating.request_log.read_bytes().splitlines(keepends=True)[:2]))
    count = len(rotating.request_logs())
    wait_for(lambda: len(rotating.request_logs()) > count + 1, "two more renames")
    newest_renamed().rename(logs / "kafka-request.log_saved")
    tap_up(rotating)
    time.sleep(1.5)
    traffic.stop()
    judge(rotating)
    said = (rotating.folder / "log" / "weir-tap.out").read_text()
    assert said.count("kafka-request.log.archive") == 1, "a folder is left out, and that is said once"
    archive.rmdir()


class OwnLog:
    """A request log of a broker that isn't there, followed by a tap of its own into a topic of its own."""

    def __init__(self, stack, folder, name):
        self.stack, self.folder, self.topic, self.count = stack, folder, f"weir.broker-log.{name}", 0
        self.live = folder / "kafka-request.log"
        stack.create_topic(self.topic)
        self.env = {
            "PATH": os.environ["PATH"], "WEIR_CLUSTER": name, "WEIR_BROKER_ID": "7", "WEIR_LOG_FILE": str(self.live),
            "WEIR_STATE_DIR": str(folder), "WEIR_KAFKA_BOOTSTRAP": stack.internal, "WEIR_KAFKA_USER": "admin",
            "WEIR_KAFKA_PASSWORD_FILE": str(stack.folder / "secrets" / "kafka-admin"), "WEIR_METRICS_LISTEN": "off",
        }  # fmt: skip
        for line in (stack.folder / "weir" / "weir-tap.env").read_text().splitlines():
            key, _, value = line.partition("=")
            if key.startswith("WEIR_KAFKA_") and key not in ("WEIR_KAFKA_USER", "WEIR_KAFKA_PASSWORD_FILE"):
                self.env[key] = value

    def write(self, name, *clocks):
        with open(self.folder / name, "ab") as file:
            for clock in clocks:
                self.count += 1
                file.write(b"[2026-11-22 %s,000" % clock.encode() + next(wide_fetches(1, 1))[24:] + b"\n")

    def follow(self, lines):
        """Starts the tap until the topic holds so many lines; returns the holes as (kind, clock before, clock behind)."""
        tap = subprocess.Popen([BIN / "weir-tap"], env=self.env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: tap.poll() is not None or len(self.read()[0]) >= lines, f"{lines} lines in {self.topic}", 30, 0.2)
        finally:
            tap.send_signal(signal.SIGTERM)
            said = tap.communicate(timeout=20)[1].decode()
        got, holes = self.read()
        assert len(got) == lines, said
        return holes

    def read(self):
        consumer = Consumer(self.stack.kafka_config("admin", group_id="own", enable_auto_commit="false"))
        lines, holes = {}, {}
        _, end = consumer.get_watermark_offsets(TopicPartition(self.topic, 0), timeout=10)
        consumer.assign([TopicPartition(self.topic, 0, 0)])
        at = 0
        while at < end:
            message = consumer.poll(10)
            assert message is not None and not message.error()
            at = message.offset() + 1
            for kind, pos, value, _ in records_of(message)[0]:
                if kind == "line":
                    lines[pos] = value
                elif kind == "hole":
                    hole = json.loads(value)
                    clocks = [time.strftime("%H:%M", time.gmtime(hole[key] / 1e6)) for key in ("from_us", "to_us")]
                    holes[hole["from"], hole["to"]] = (hole["kind"], *clocks)
        consumer.close()
        return lines, list(holes.values())


def vanish(log):
    os.rename(log.live, log.folder / "kafka-request.log.2026-11-22-10")
    return "removed"


def pack_with_xz(log):
    vanish(log)
    (log.folder / "kafka-request.log.2026-11-22-11.xz").write_bytes(b"\xfd7zXZ\0 what it would take")
    return "damaged"


def break_gzip_off(log):
    vanish(log)
    (log.folder / "kafka-request.log.2026-11-22-11.gz").write_bytes(gzip.compress(os.urandom(1000))[:60])
    return "damaged"


def copy_and_truncate(log):
    shutil.copy(log.live, log.folder / "kafka-request.log.1")
    os.truncate(log.live, 0)
    return "truncated"


def copy_and_truncate_under_a_writer(log):
    size = log.live.stat().st_size
    copy_and_truncate(log)
    os.truncate(log.live, size)
    return "truncated"


@pytest.mark.parametrize("happen", [vanish, pack_with_xz, break_gzip_off, copy_and_truncate, copy_and_truncate_under_a_writer])
def test_what_was_lost_while_the_tap_was_away__is_a_hole_with_an_end(rotating, tmp_path, happen):
    tap_up(rotating)
    log = OwnLog(rotating, tmp_path, happen.__name__.replace("_", "-"))
    log.write("kafka-request.log", "10:00:00")
    assert log.follow(1) == [("unknown_before", "00:00", "10:00")]
    log.write("kafka-request.log", "10:30:00")
    kind = happen(log)
    log.write("kafka-request.log", "12:00:00")
    assert log.follow(3) == [("unknown_before", "00:00", "10:00"), (kind, "10:30", "12:00")]
    assert log.follow(3) == [("unknown_before", "00:00", "10:00"), (kind, "10:30", "12:00")]


def test_broker_kill__is_waited_for(rotating, traffic):
    tap_up(rotating)
    time.sleep(1)
    rotating.kill("kafka")
    time.sleep(2)
    assert rotating.pid("weir-tap"), "the tap ended with the broker"
    rotating.script("kafka", "up")
    time.sleep(1.5)
    traffic.stop()
    judge(rotating)


def test_refusals__are_shipped_once_with_the_principal(rotating):
    tap_up(rotating)
    rotating.create_topic("acme.closed")
    consumer = Consumer(rotating.kafka_config("cara", group_id="not.mine", auto_offset_reset="earliest"))
    consumer.subscribe(["acme.closed"])
    for _ in range(5):
        consumer.poll(0.5)
    consumer.close()
    Producer(rotating.kafka_config("cara")).list_topics("acme.closed", timeout=10)
    reader, _ = judge(rotating)
    mine = [r for r in reader.refusals if r["principal"] == "User:cara"]
    assert {r["error_code"] for r in mine} == {29, 30}
    assert len(mine) == 2
    assert {r["resource"] for r in mine} == {"acme.closed", "not.mine"}


def test_stop__writes_the_state_and_a_start_repeats_nothing(rotating, traffic):
    tap_up(rotating)
    time.sleep(1.5)
    traffic.stop()
    judge(rotating)
    rotating.script("weir", "down", "weir-tap")
    before, _ = judge_without_waiting(rotating)
    tap_up(rotating)
    after, _ = judge(rotating)
    assert after.duplicates == before.duplicates


def judge_without_waiting(stack):
    reader = Reader(stack)
    try:
        return reader.read_to_end(), None
    finally:
        reader.close()


def test_metrics__tell_how_it_goes(rotating):
    tap_up(rotating)
    wait_for(lambda: metrics(rotating)["weir_tap_log_missing"] == 0, "the log to be found")
    got = metrics(rotating)
    assert got["weir_tap_kafka_away"] == 0
    assert got["weir_tap_read_bytes_total"] > 0
    wait_for(lambda: metrics(rotating)["weir_tap_control_time_seconds"] > time.time() - 10, "a control record")
    secret = rotating.secret("kafka-weir-tap")
    assert secret not in open(f"/proc/{rotating.pid('weir-tap')}/cmdline").read()
    assert secret not in (rotating.folder / "log" / "weir-tap.out").read_text()


def test_wrong_settings__are_one_clear_line(tmp_path):
    done = subprocess.run([str(BIN / "weir-tap")], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, timeout=20)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "cluster" in done.stderr and "example" in done.stderr


def test_log_in_a_local_zone__is_refused(rotating, tmp_path):
    line = rotating.request_log.read_bytes().splitlines()[0]
    shifted = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 2 * 3600)).encode()
    log = tmp_path / "kafka-request.log"
    log.write_bytes(b"[" + shifted + line[20:] + b"\n")
    env = {
        "PATH": os.environ["PATH"],
        "WEIR_CLUSTER": "local",
        "WEIR_BROKER_ID": "1",
        "WEIR_LOG_FILE": str(log),
        "WEIR_STATE_DIR": str(tmp_path),
        "WEIR_KAFKA_BOOTSTRAP": rotating.internal,
        "WEIR_KAFKA_USER": "weir-tap",
        "WEIR_KAFKA_PASSWORD_FILE": str(rotating.folder / "secrets" / "kafka-weir-tap"),
        "WEIR_METRICS_LISTEN": "off",
    }
    done = subprocess.run([str(BIN / "weir-tap")], capture_output=True, text=True, env=env, timeout=20)
    assert done.returncode == 2
    assert "not in UTC" in done.stderr and "120 minutes" in done.stderr


def test_second_tap_on_one_state__is_refused(rotating):
    tap_up(rotating)
    env = {"PATH": os.environ["PATH"], "WEIR_METRICS_LISTEN": "off"}
    for line in (rotating.folder / "weir" / "weir-tap.env").read_text().splitlines():
        name, _, value = line.partition("=")
        if name and name != "WEIR_METRICS_LISTEN":
            env[name] = value
    done = subprocess.run([str(BIN / "weir-tap")], capture_output=True, text=True, env=env, timeout=20)
    assert done.returncode == 2
    assert "another weir-tap" in done.stderr


def test_idle__costs_next_to_nothing(rotating):
    tap_up(rotating)
    pid = rotating.pid("weir-tap")
    time.sleep(1)

    def ticks():
        fields = open(f"/proc/{pid}/stat").read().rpartition(") ")[2].split()
        return int(fields[11]) + int(fields[12])

    before = ticks()
    time.sleep(3)
    share = (ticks() - before) / os.sysconf("SC_CLK_TCK") / 3
    assert share < 0.05, f"{share:.1%} of a core while only heartbeats are logged"
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: rotating.pid("weir-tap") is None, "a clean stop", 15)
