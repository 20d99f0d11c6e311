"""Writes records of weir.broker-log.<cluster> as weir-tap does, from lines in memory: for tests that need
duplicates, gaps, dead letters and restarts at will. It shares no code with the tap.
"""

import json
import random
import re

import log_block
from confluent_kafka import Producer

SHIPPED = {"FETCH", "SHARE_FETCH", "SHARE_ACKNOWLEDGE", "PRODUCE", "OFFSET_COMMIT", "TXN_OFFSET_COMMIT"}
TOPIC_ID = "YPusGw0rSSyuwfEQtKYsug"  # of session_fetches
OWN = {"User:weir-tap", "User:weir-meter", "User:weir-access"}
API = re.compile(rb'"requestApiKeyName":"(\w+)"')
BODY = re.compile(rb"\] DEBUG Completed request:(\{.*\}) \(kafka\.request\.logger\)$")


def murmur2(data):
    """org.apache.kafka.common.utils.Utils.murmur2"""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = (0x9747B28C ^ len(data)) & mask
    for i in range(0, len(data) - 3, 4):
        k = int.from_bytes(data[i : i + 4], "little") * m & mask
        k = (k ^ (k >> 24)) * m & mask
        h = (h * m & mask) ^ k
    tail = data[len(data) & ~3 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * m & mask
    h = (h ^ (h >> 13)) * m & mask
    return h ^ (h >> 15)


LINE = (
    '[2026-11-22 16:%02d:%02d,%03d] DEBUG Completed request:{"isForwarded":false,"requestHeader":{"requestApiKey":1,'
    '"requestApiVersion":18,"correlationId":%d,"clientId":"console-consumer","requestApiKeyName":"FETCH"},"request":'
    '{"maxWaitMs":500,"minBytes":1,"maxBytes":52428800,"isolationLevel":0,"sessionId":%d,"sessionEpoch":%d,"topics":'
    '[{"topicId":"YPusGw0rSSyuwfEQtKYsug","partitions":[%s]}],"forgottenTopicsData":[],"rackId":""},"response":'
    '{"throttleTimeMs":0,"errorCode":0,"sessionId":%d,"responses":[{"topicId":"YPusGw0rSSyuwfEQtKYsug","partitions":'
    '[%s]}]},"connection":"127.0.0.1:19094-127.0.0.1:%d-4-3","totalTimeMs":5.486,"requestQueueTimeMs":3.913,'
    '"localTimeMs":1.288,"remoteTimeMs":0.0,"throttleTimeMs":0,"responseQueueTimeMs":0.064,"sendTimeMs":0.22,'
    '"securityProtocol":"SASL_PLAINTEXT","principal":"User:%s","listener":"CLIENT","clientInformation":'
    '{"softwareName":"apache-kafka-java","softwareVersion":"4.3.1"}} (kafka.request.logger)'
)
ASKED = '{"partition":%d,"currentLeaderEpoch":0,"fetchOffset":%d,"lastFetchedEpoch":-1,"logStartOffset":-1,"partitionMaxBytes":3000}'
ANSWERED = (
    '{"partitionIndex":%d,"errorCode":0,"highWatermark":%d,"lastStableOffset":%d,"logStartOffset":0,'
    '"abortedTransactions":null,"preferredReadReplica":-1,"recordsSizeInBytes":3000}'
)


def session_fetches(count, principals):
    """Lines of `principals` Java consumers in turn, in fetch sessions, each going on where it was: (name, line).
    All within a quarter hour; 30 messages a fetch and partition, two partitions; 1.6 kB each."""
    letters = str.maketrans("0123456789", "abcdefghij")
    names = [f"w{number:026d}".translate(letters) for number in range(principals)]
    for number in range(count):
        who, turn = number % principals, number // principals
        asked = ",".join(ASKED % (p, turn * 30 + p) for p in range(2))
        answered = ",".join(ANSWERED % (p, turn * 30 + 1000, turn * 30 + 1000) for p in range(2))
        at = 10 + number * 800 // count  # nobody asks before the quarter hour
        session = 1000 + who if turn else 0
        yield names[who], (
            LINE % (at // 60, at % 60, number % 1000, turn, session, turn, asked, 1000 + who, answered, 30000 + who, names[who])
        ).encode()


def partition_of(key, partitions):
    """Kafka's own rule for keyed records."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def wide_fetches(partitions, lines, name="wide"):
    """Lines of a consumer without fetch sessions: 100 bytes and one message of each of many partitions, each time."""
    for turn in range(lines):
        asked = ",".join(ASKED % (p, turn) for p in range(partitions))
        answered = ",".join((ANSWERED % (p, turn + 1000, turn + 1000)).replace(":3000}", ":100}") for p in range(partitions))
        yield (LINE % (0, turn, 0, turn, 0, -1, asked, 0, answered, 30000, name)).encode()


class Feed:
    """One broker's tap. `records` is all it would ship; ship() sends a part of it, again if asked to."""

    def __init__(self, stack, topic, partitions, broker=1, generation=1_700_000_000_000):
        self.topic, self.partitions, self.broker, self.generation = topic, partitions, broker, generation
        self.stack = stack
        self.connect()
        self.dice = random.Random(generation)
        self.offset = 0
        self.last = {}  # partition -> position of the broker's last record in it
        self.records = []  # (partition, key, headers, value)

    def connect(self):
        self.errors = []
        self.producer = Producer(self.stack.kafka_config("admin", linger_ms=5, compression_type="zstd", enable_idempotence=True))

    # --- building ------------------------------------------------------------------------------------
    def position(self, offset):
        return f"{self.broker}:{self.generation}:{offset}"

    def partition_of(self, key):
        return partition_of(key, self.partitions)

    def add(self, partition, kind, value, key=b"", pos=None):
        advances = kind not in ("control", "hole")
        before = self.last.get(partition)
        pos = pos or (self.position(self.offset) if advances else before or self.position(0).replace(str(self.generation), "0"))
        headers = [("kind", kind), ("pos", pos)]
        if advances and before:
            headers.append(("prev", before))
        if advances:
            self.last[partition] = pos
        self.records.append((partition, key, headers, value))

    def add_line(self, line, key):
        self.add(self.partition_of(key), "line", line, key)
        self.offset += len(line) + 1

    def add_everywhere(self, kind, value):
        for partition in range(self.partitions):
            self.add(partition, kind, json.dumps(value).encode())

    def control(self, time_us):
        self.add_everywhere(
            "control", {"broker_time_us": time_us, "generation": self.generation, "offset": self.offset, "interval_ms": 5000, "version": "test"}
        )

    def dead(self, key, reason, text):
        import base64

        value = {"reason": reason, "bytes": len(text), "text": base64.urlsafe_b64encode(text[:4096]).decode().rstrip("=")}
        self.add(self.partition_of(key), "dead", json.dumps(value).encode())
        self.offset += len(text) + 1

    def add_log(self, lines):
        """Lines of a request log: what may be counted as it is, metadata as facts, the rest not at all."""
        for line in lines:
            line = line.rstrip(b"\n")
            found = API.search(line)
            api = found and found.group(1).decode()
            if api in SHIPPED:
                request = json.loads(BODY.search(line).group(1))
                if request["principal"] in OWN or request["requestHeader"].get("requestApiKeyName") != api:
                    self.offset += len(line) + 1
                    continue
                self.add_line(line, request["principal"].encode())
                continue
            if api in ("METADATA", "CREATE_TOPICS"):
                self.add_facts(line, api)
            self.offset += len(line) + 1

    def add_facts(self, line, api):
        response = json.loads(BODY.search(line).group(1)).get("response") or {}
        topics = [
            {"id": t["topicId"], "name": t["name"], "event": "seen" if api == "METADATA" else "created"}
            for t in response.get("topics", [])
            if t.get("errorCode") == 0 and t.get("name") and t.get("topicId", "A" * 22) != "A" * 22
        ]
        if topics:
            self.add_everywhere("fact", {"at_us": 1_700_000_000_000_000, "topics": topics})

    # --- shipping ------------------------------------------------------------------------------------
    def ship(self, first=0, count=None, leave_out=(), bare=False):
        """Sends records [first, first + count), but those whose number is in leave_out, in blocks that are cut by chance;
        `bare`: each by itself, as the release before blocks did."""
        records = self.records[first:] if count is None else self.records[first : first + count]
        open_blocks = {}  # partition -> records that go together
        for number, record in enumerate(records, first):
            partition, key, headers, value = record
            if bare and number not in leave_out:
                self.produce(partition, headers, value, key)
            elif number in leave_out or self.dice.random() < 0.1:
                self.close_block(open_blocks.pop(partition, []))
            if not bare and number not in leave_out:
                open_blocks.setdefault(partition, []).append(record)
        for block in open_blocks.values():
            self.close_block(block)
        assert self.producer.flush(60) == 0
        assert not self.errors, self.errors[0]

    def close_block(self, records):
        if not records:
            return
        named = [dict(headers) for _, _, headers, _ in records]
        partition, _, _, value = records[0]
        prev, pos = named[0].get("prev"), named[-1]["pos"]
        if named[0]["kind"] in log_block.NOTICES and not named[0]["pos"].endswith(":0:0"):
            prev = named[0]["pos"]
        if len(records) == 1 and named[0]["kind"] == "line" and len(value) > 1 and self.dice.random() < 0.5:
            at = self.dice.randrange(1, len(value))
            for first, part in ((0, value[:at]), (at, value[at:])):
                self.produce(partition, log_block.headers(pos, prev), log_block.pack(log_block.record("line", pos, part, (first, len(value)))))
            return
        text = b"".join(log_block.record(n["kind"], n["pos"], r[3]) for n, r in zip(named, records))
        self.produce(partition, log_block.headers(pos, prev), log_block.pack(text))

    def produce(self, partition, headers, value, key=b""):
        while True:
            try:
                self.producer.produce(
                    self.topic, value=value, key=key or None, partition=partition, headers=headers, on_delivery=self.delivered
                )
                break
            except BufferError:
                self.producer.poll(0.1)
        self.producer.poll(0)

    def delivered(self, error, _):
        if error:
            self.errors.append(error)
