"""Makes request logs of honest and hostile clients: one file per broker, from one number.

    hostile.py --seed N --out DIR

A small cluster is played: partitions hold batches, brokers answer as a broker does (whole first batch, cut tails,
sessions, errors), clients read, move, die, seek, commit and lie. The same seed gives the same bytes.
"""

import argparse
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

NOON = datetime(2026, 11, 22, 12)
PRODUCE, FETCH, METADATA, OFFSET_COMMIT, CREATE_TOPICS, DELETE_TOPICS, TXN_OFFSET_COMMIT = 0, 1, 3, 8, 19, 20, 28
API_NAMES = {0: "PRODUCE", 1: "FETCH", 3: "METADATA", 8: "OFFSET_COMMIT", 19: "CREATE_TOPICS", 20: "DELETE_TOPICS", 28: "TXN_OFFSET_COMMIT"}
ZERO_ID = "A" * 22
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
WILD_OFFSETS = (0, 1, -1, -2, -(2**63), 2**31, 2**53, 2**60, 2**63 - 1)
WILD_NAMES = ("", "x" * 250, "n" * 5000, "Größe", 'quote" and \\ slash', "tab\there", "a/../b", "\u2028", "💥")
PRINCIPALS = ("User:alice", "User:Müller", 'User:CN=foo,O="bar, inc",C=DE', "User:w" + "a" * 26)
# Each seed plays with some of these; the rest never happens in it.
FEATURES = (
    "cut_tails commits false_commits txn_commits kills rebalances leader_moves queue_full early_watermarks retention seeks_back seeks_forward "
    "refused wild_offsets wild_names small_records recreated hours days evicted_sessions forgets same_client_id skewed_clocks info escaped "
    "late_produce retried_produce no_acks noise many_open two_groups throttled"
).split()
# What leaves no doubt what was read; and a client that gives a partition up shows it in its next fetch.
HONEST = "queue_full rebalances leader_moves cut_tails forgets evicted_sessions wild_names late_produce noise info escaped retention".split()


@dataclass(eq=False)
class Partition:
    topic: "Topic"
    number: int
    leader: int
    batches: list = field(default_factory=list)  # (base offset, records, bytes)
    start: int = 0  # where the log begins
    end: int = 0

    def append(self, records, size):
        base = self.end
        self.batches.append((base, records, size))
        self.end += records
        return base

    def read(self, offset, limit):
        """(bytes, the offset after them) of a fetch: whole batches, the last one cut."""
        taken, reached = 0, offset
        for base, records, size in self.batches:
            if base + records <= offset:
                continue
            if taken and taken + size > limit:
                return max(taken, limit), reached
            taken, reached = taken + size, base + records
        return taken, reached


@dataclass(eq=False)
class Topic:
    name: str
    id: str
    partitions: list = field(default_factory=list)


@dataclass(eq=False)
class Session:
    id: int
    epoch: int = 1
    offsets: dict = field(default_factory=dict)  # Partition -> offset
    watermarks: dict = field(default_factory=dict)


class World:
    def __init__(self, seed, among=FEATURES):
        self.rng = random.Random(seed)
        self.features = set(self.rng.sample(among, self.rng.randint(3, min(12, len(among)))))
        self.honest = among is HONEST
        self.read = Counter()  # (principal, name of topic): messages that clients got
        self.now = NOON
        self.brokers = self.rng.randint(1, 3)
        most = 700 if "skewed_clocks" in self.features else 0
        self.skew = [timedelta(milliseconds=self.rng.randint(0, most)) for _ in range(self.brokers)]
        self.lines = [[] for _ in range(self.brokers)]
        self.connections = 0
        self.waiting = []  # produce lines that come later
        self.topics = [self.new_topic(name) for name in ("orders", "prices")[: self.rng.randint(1, 2)]]
        self.committed = {}  # (principal, group) -> {partition: offset}

    def likes(self, feature, chance=1.0):
        return feature in self.features and self.rng.random() < chance

    def new_topic(self, name):
        topic = Topic(name, "".join(self.rng.choices(BASE64, k=21)) + "Q")
        topic.partitions = [Partition(topic, i, self.rng.randrange(self.brokers)) for i in range(self.rng.randint(1, 3))]
        return topic

    def partitions(self):
        return [partition for topic in self.topics for partition in topic.partitions]

    def connection(self):
        self.connections += 1
        return self.connections

    # --- lines -------------------------------------------------------------------------------------------------------
    def pass_time(self):
        self.now += timedelta(milliseconds=self.rng.randint(1, 1500))

    def idle(self, clients):
        """Nobody does anything for long: the broker closes idle connections after 10 minutes, and throws sessions out."""
        hours, days = self.likes("hours", 0.1), self.likes("days", 0.03)
        if hours or days:
            while self.waiting:
                self.write_produce(*self.waiting.pop())
            self.now += timedelta(hours=self.rng.randint(20, 30)) if days else timedelta(minutes=self.rng.randint(20, 90))
        for client in clients if hours else ():
            client.connections = {}
        for client in clients if days else ():
            client.connect()

    def write(self, broker, principal, client_id, address, connection, api, version, request, response, forwarded=False):
        self.pass_time()
        body = {
            "isForwarded": forwarded,
            "requestHeader": {
                "requestApiKey": api,
                "requestApiVersion": version,
                "correlationId": self.rng.randint(-5, 2**31 - 1),
                "clientId": client_id,
                "requestApiKeyName": API_NAMES[api],
            },
            "request": request,
            "response": response,
            "connection": f"10.0.0.{broker + 1}:9092-{address}:{40000 + connection}-0-{connection}",
            "totalTimeMs": self.rng.choice((0.25, 1.5, 501.125, 1.0e-3)),
            "requestQueueTimeMs": 0.1,
            "localTimeMs": 1.1,
            "remoteTimeMs": 0.0,
            "throttleTimeMs": 0,
            "responseQueueTimeMs": 0.1,
            "sendTimeMs": 0.2,
            "securityProtocol": "SASL_PLAINTEXT",
            "principal": principal,
            "listener": "CLIENT",
            "clientInformation": {"softwareName": "librdkafka", "softwareVersion": "2.0.2"},
        }
        level = "INFO" if self.likes("info", 0.3) else "DEBUG"
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=self.likes("escaped", 0.5))
        text = text.replace("\u2028", "\\u2028")
        self.put(broker, f"{level} Completed request:{text} (kafka.request.logger)")
        if self.likes("noise", 0.1):
            self.put(broker, "TRACE Processor 1 received request: FetchRequestData(clusterId=null) (kafka.network.RequestChannel$)")

    def put(self, broker, text):
        time = self.now + self.skew[broker]
        self.lines[broker].append(f"[{time:%Y-%m-%d %H:%M:%S},{time.microsecond // 1000:03d}] {text}\n")

    def write_metadata(self):
        topics = [{"errorCode": 0, "name": t.name, "topicId": t.id, "isInternal": False, "partitions": []} for t in self.topics]
        topics.append({"errorCode": 3, "name": "nowhere", "topicId": ZERO_ID, "isInternal": False, "partitions": []})
        response = {"throttleTimeMs": 0, "brokers": [], "clusterId": "x", "controllerId": 1, "topics": topics}
        request = {"topics": None, "allowAutoTopicCreation": False}
        self.write(self.rng.randrange(self.brokers), "User:admin", "admin", "10.0.9.9", 0, METADATA, 13, request, response)

    def recreate(self, clients):
        """A topic is deleted and made anew; the log tells it, once as forwarded."""
        at = self.rng.randrange(len(self.topics))
        old, broker = self.topics[at], self.rng.randrange(self.brokers)
        self.topics[at] = new = self.new_topic(old.name)
        who = ("User:admin", "admin", "10.0.9.9", 0)
        request = {"topics": [{"name": old.name, "topicId": ZERO_ID}], "timeoutMs": 30000}
        response = {"throttleTimeMs": 0, "responses": [{"name": old.name, "topicId": old.id, "errorCode": 0, "errorMessage": None}]}
        self.write(broker, *who, DELETE_TOPICS, 6, request, response, forwarded=True)
        self.write(broker, *who, DELETE_TOPICS, 6, request, response)
        made = {"name": new.name, "topicId": new.id, "errorCode": 0, "errorMessage": None, "topicConfigErrorCode": 0}
        made |= {"numPartitions": 3, "replicationFactor": 1, "configs": []}
        wish = {"name": new.name, "numPartitions": 3, "replicationFactor": 1, "assignments": [], "configs": []}
        request = {"topics": [wish], "timeoutMs": 30000, "validateOnly": False}
        self.write(broker, *who, CREATE_TOPICS, 7, request, {"throttleTimeMs": 0, "topics": [made]}, forwarded=True)
        self.write(broker, *who, CREATE_TOPICS, 7, request, {"throttleTimeMs": 0, "topics": [made]})
        for client in clients:
            for partition in [p for p in client.positions if p.topic is old]:
                del client.positions[partition]
                twin = new.partitions[partition.number % len(new.partitions)]
                client.positions.setdefault(twin, 0)

    # --- producers ---------------------------------------------------------------------------------------------------
    def produce(self):
        partition = self.rng.choice(self.partitions())
        records = self.rng.choice((1, 1, 7, 30, 100, 500))
        per_record = self.rng.choice((0.1, 0.4, 5)) if "small_records" in self.features else self.rng.choice((20, 50, 50, 130))
        if self.honest:  # records of one size: what bytes say of messages is never far off
            per_record = 50
        size = max(70, int(records * per_record))
        no_acks = self.likes("no_acks", 0.2)
        base = partition.append(records, size)
        number = self.rng.randint(1, 2)
        line = (partition, number, size, base, no_acks)
        if self.likes("late_produce", 0.4):
            self.waiting.append(line)
        else:
            self.write_produce(*line)
        if self.likes("retried_produce", 0.2):
            self.waiting.append(line)
        self.rng.shuffle(self.waiting)
        while self.waiting and (self.rng.random() < 0.5 or len(self.waiting) > 5):
            self.write_produce(*self.waiting.pop())

    def write_produce(self, partition, number, size, base, no_acks):
        if partition.topic not in self.topics:
            return
        by_id = number == 2
        topic = {"topicId": partition.topic.id} if by_id else {"name": partition.topic.name}
        request = {
            "transactionalId": None,
            "acks": 0 if no_acks else -1,
            "timeoutMs": 30000,
            "topicData": [{**topic, "partitionData": [{"index": partition.number, "recordsSizeInBytes": size}]}],
        }
        answer = {"index": partition.number, "errorCode": 0, "baseOffset": base, "logAppendTimeMs": -1, "logStartOffset": 0}
        answer |= {"recordErrors": [], "errorMessage": None}
        response = "" if no_acks else {"responses": [{**topic, "partitionResponses": [answer]}], "throttleTimeMs": 0}
        self.write(partition.leader, f"User:writer{number}", "w", f"10.0.8.{number}", 0, PRODUCE, 13 if by_id else 7, request, response)


class Client:
    """A consumer of some partitions: `rd` and `rd_ids` without sessions (names, ids), `java` with sessions."""

    def __init__(self, world, principal, number, kind, group):
        self.world, self.rng, self.principal, self.kind, self.group = world, world.rng, principal, kind, group
        self.client_id = "rdkafka" if "same_client_id" in world.features else self.rng.choice((f"app-{number}", f"app-{number}", None, ""))
        self.address = f"10.0.1.{number if self.rng.random() < 0.7 else 1}"
        self.limit = self.rng.choice((300, 3000, 20000)) if "cut_tails" in world.features else 1 << 20
        self.positions = {}  # partition -> next offset
        self.connect()

    def connect(self):
        self.connections, self.sessions = {}, {}

    def keeps_one_at(self, partition):
        """Whether it reads another partition from the same broker: its next fetch there will be one without this."""
        return any(other is not partition and other.leader == partition.leader for other in self.positions)

    def committed(self):
        return self.world.committed.setdefault((self.principal, self.group), {})

    def write(self, broker, api, version, request, response):
        connection = self.connections.setdefault(broker, self.world.connection())
        self.world.write(broker, self.principal, self.client_id, self.address, connection, api, version, request, response)

    # --- a fetch -----------------------------------------------------------------------------------------------------
    def topic_of(self, partition):
        return {"topic": partition.topic.name} if self.kind == "rd" else {"topicId": partition.topic.id}

    def grouped(self, parts, key):
        """[(partition, part)] as the lines have them: by topic."""
        topics = {}
        for partition, part in parts:
            topics.setdefault(partition.topic, (self.topic_of(partition), []))[1].append(part)
        return [{**names, key: members} for names, members in topics.values()]

    def asked(self, partition, offset, epoch=-1):
        part = {"partition": partition.number, "currentLeaderEpoch": epoch, "fetchOffset": offset}
        if self.kind != "rd":
            part["lastFetchedEpoch"] = -1
        return {**part, "logStartOffset": -1, "partitionMaxBytes": self.limit}

    @staticmethod
    def answered(number, error, watermark, log_start, size):
        return {
            "partitionIndex": number,
            "errorCode": error,
            "highWatermark": watermark,
            "lastStableOffset": watermark,
            "logStartOffset": log_start,
            "abortedTransactions": None,
            "preferredReadReplica": -1,
            "recordsSizeInBytes": size,
        }

    def answer(self, partition, offset, broker, lost=False):
        """The broker's answer, and where the client goes on."""
        error, size, watermark, reached = 0, 0, partition.end, offset
        if partition.leader != broker:
            error, watermark = 6, -1
        elif not partition.start <= offset <= partition.end:
            error, watermark = 1, -1
            reached = partition.start if self.rng.random() < 0.5 else partition.end
        else:
            size, reached = partition.read(offset, self.limit)
            self.world.read[self.principal, partition.topic.name] += 0 if lost else reached - offset
            if size and self.world.likes("early_watermarks", 0.3):
                watermark = self.rng.choice((offset, max(offset, partition.batches[-1][0])))
        answer = self.answered(partition.number, error, watermark, -1 if error else partition.start, size)
        return answer, offset if lost else reached

    def poll(self, broker, lost=False):
        """One fetch of a broker. `lost`: the client dies before the answer comes."""
        here = [p for p in self.positions if p.leader == broker or (self.rng.random() < 0.03 and not self.world.honest)]
        if self.kind != "java":
            if self.world.likes("queue_full", 0.3):
                here = [p for p in here if self.rng.random() < 0.5]
            if here:
                self.full(broker, here, (0, -1), lost)
        elif broker not in self.sessions or self.world.likes("evicted_sessions", 0.05):
            if here:
                if broker in self.sessions:
                    self.evicted(broker)
                self.full(broker, here, (0, 0), lost)
        elif self.rng.random() < 0.04:
            session = self.sessions.pop(broker)
            ending = self.rng.choice((0, -1))
            self.full(broker, here if ending == 0 else [], (session.id, ending), lost)
        else:
            self.incremental(broker, here, lost)

    def write_fetch(self, broker, session, epoch, granted, asked, answers, forgotten=(), error=0):
        request = {"maxWaitMs": 500, "minBytes": 1, "maxBytes": 52428800, "isolationLevel": 1, "sessionId": session, "sessionEpoch": epoch}
        if self.kind == "rd":
            request = {"replicaId": -1, **request}
        request["topics"] = self.grouped([(p, self.asked(p, offset)) for p, offset in asked.items()], "partitions")
        request["forgottenTopicsData"] = self.grouped([(p, p.number) for p in forgotten], "partitions")
        request["rackId"] = ""
        order = list(answers.items())
        self.rng.shuffle(order)
        responses = [] if error else self.grouped(order, "partitions")
        response = {"throttleTimeMs": 0, "errorCode": error, "sessionId": granted, "responses": responses}
        self.spoil(request, response)
        self.write(broker, FETCH, {"rd": 11, "rd_ids": 16, "java": 18}[self.kind], request, response)

    def spoil(self, request, response):
        """Names and numbers of a topic that doesn't exist, beside the honest parts."""
        if self.kind == "rd" and self.world.likes("wild_names", 0.4):
            name, number = self.rng.choice(WILD_NAMES), self.rng.choice((0, -1, 2**31 - 1))
            asked = {"partition": number, "currentLeaderEpoch": 7, "fetchOffset": self.rng.choice(WILD_OFFSETS), "logStartOffset": -1, "partitionMaxBytes": 1}
            request["topics"].append({"topic": name, "partitions": [asked]})
            response["responses"].append({"topic": name, "partitions": [self.answered(number, self.rng.choice((3, 29)), -1, -1, 0)]})

    def evicted(self, broker):
        session = self.sessions.pop(broker)
        self.write_fetch(broker, session.id, session.epoch, 0, {}, {}, error=self.rng.choice((70, 71)))

    def full(self, broker, partitions, session, lost):
        asked = {p: self.positions[p] for p in partitions}
        if self.world.likes("throttled", 0.1):
            answers = {}
        else:
            answers = {p: self.take(p, broker, lost) for p in partitions}
        wished = self.kind == "java" and session[1] == 0 and answers  # a throttled answer grants none
        granted = self.rng.randint(1, 2**31 - 1) if wished and (self.world.honest or self.rng.random() < 0.9) else 0
        if granted:
            watermarks = {p: answer["highWatermark"] for p, answer in answers.items()}
            self.sessions[broker] = Session(granted, 1, dict(asked), watermarks)
        self.write_fetch(broker, *session, granted, asked, answers)

    def take(self, partition, broker, lost):
        answer, self.positions[partition] = self.answer(partition, self.positions[partition], broker, lost)
        return answer

    def incremental(self, broker, here, lost):
        session = self.sessions[broker]
        gone = [p for p in session.offsets if p not in here or (self.world.likes("forgets", 0.2))]
        for partition in gone:
            del session.offsets[partition]
        asked = {p: self.positions[p] for p in here if p not in gone and session.offsets.get(p) != self.positions[p]}
        session.offsets.update(asked)
        answers = {}
        if not self.world.likes("throttled", 0.1):
            for partition in session.offsets:
                answer = self.take(partition, broker, lost)
                if answer["errorCode"] or answer["recordsSizeInBytes"] or session.watermarks.get(partition) != answer["highWatermark"]:
                    answers[partition] = answer
                    session.watermarks[partition] = answer["highWatermark"]
        self.write_fetch(broker, session.id, session.epoch, session.id, asked, answers, gone)
        session.epoch += 1

    # --- what else it does -------------------------------------------------------------------------------------------
    def refused(self):
        """A fetch that the broker refuses, at any offset."""
        partition = self.rng.choice(self.world.partitions())
        offset = self.rng.choice(WILD_OFFSETS) if "wild_offsets" in self.world.features else partition.end - self.rng.randint(0, 60)
        error = self.rng.choice((75, 29, 3, 74))
        asked = [(partition, self.asked(partition, offset, 999))]
        answers = [(partition, self.answered(partition.number, error, -1, -1, 0))]
        for other in self.positions:  # a full request without them would end their runs
            if other is not partition and other.leader == partition.leader and self.rng.random() < 0.9:
                asked.append((other, self.asked(other, self.positions[other])))
                answers.append((other, self.take(other, partition.leader, False)))
        request = {"replicaId": -1, "maxWaitMs": 500, "minBytes": 1, "maxBytes": 52428800, "isolationLevel": 1, "sessionId": 0, "sessionEpoch": -1}
        request |= {"topics": self.grouped(asked, "partitions"), "forgottenTopicsData": [], "rackId": ""}
        response = {"throttleTimeMs": 0, "errorCode": 0, "sessionId": 0, "responses": self.grouped(answers, "partitions")}
        self.write(partition.leader, FETCH, 11 if self.kind == "rd" else 16, request, response)

    def commit(self, false, by_producer):
        offsets = dict(self.positions)
        if false:
            lies = {p: position + self.rng.choice((-50, -3, 40, 2**60, -(2**63))) for p, position in offsets.items()}
            offsets = {p: min(max(offset, -(2**63)), 2**63 - 1) for p, offset in lies.items()}
        if not offsets:
            return
        if not false:
            self.committed().update(offsets)
        failed = self.rng.random() < 0.05
        topics, answers = {}, {}
        for partition, offset in offsets.items():
            part = {"partitionIndex": partition.number, "committedOffset": offset, "committedLeaderEpoch": 0, "committedMetadata": ""}
            topics.setdefault(partition.topic.name, []).append(part)
            answers.setdefault(partition.topic.name, []).append({"partitionIndex": partition.number, "errorCode": 25 if failed else 0})
        request = {"groupId": self.group, "generationIdOrMemberEpoch": 1, "memberId": "m", "groupInstanceId": None}
        request["topics"] = [{"name": name, "partitions": parts} for name, parts in topics.items()]
        response = {"throttleTimeMs": 0, "topics": [{"name": name, "partitions": parts} for name, parts in answers.items()]}
        broker = self.rng.randrange(self.world.brokers)
        client_id = "its-producer" if by_producer else self.client_id
        connection = self.connections.setdefault(("coordinator", broker), self.world.connection())
        api, version = (TXN_OFFSET_COMMIT, 4) if by_producer else (OFFSET_COMMIT, 9)
        self.world.write(broker, self.principal, client_id, self.address, connection, api, version, request, response)

    def die(self):
        """Killed in a long poll; comes back where its group has committed, or where it was."""
        if self.positions:
            self.poll(self.rng.choice(list(self.positions)).leader, lost=True)
        self.connect()
        for partition in self.positions:
            if self.rng.random() < 0.7:
                self.positions[partition] = self.committed().get(partition, partition.start)

    def seek(self):
        if not self.positions:
            return
        partition = self.rng.choice(list(self.positions))
        if self.world.likes("seeks_back"):
            self.positions[partition] = self.rng.randint(partition.start, max(partition.start, self.positions[partition]))
        if self.world.likes("seeks_forward", 0.5):
            self.positions[partition] = self.rng.choice((partition.end, self.positions[partition] + self.rng.randint(1, 3000), partition.end + 5))
        if self.world.likes("wild_offsets", 0.3):
            self.positions[partition] = self.rng.choice(WILD_OFFSETS)


def play(seed, among=FEATURES):
    world = World(seed, among)
    rng = world.rng
    principals = rng.sample(PRINCIPALS, rng.randint(1, 2))
    groups = ["g1", "g2"] if "two_groups" in world.features else ["g1"]
    clients = [
        Client(world, principals[i % len(principals)], i + 1, rng.choice(("rd", "rd", "rd_ids", "java", "java")), rng.choice(groups))
        for i in range(rng.randint(1, 4))
    ]
    for principal in principals:
        for group in groups:
            members = [c for c in clients if (c.principal, c.group) == (principal, group)]
            for partition in world.partitions() if members else ():
                rng.choice(members).positions[partition] = 0
    world.write_metadata()
    for _ in range(rng.randint(25, 90)):
        step(world, clients)
    if rng.random() < 0.5 or world.honest:  # all that was read is asked beyond
        world.features -= {"queue_full"}
        for client in clients * 6:
            for partition in list(client.positions):
                client.poll(partition.leader)
    if "many_open" in world.features:  # more open fetches than are kept
        for _ in range(70):
            clients[0].connect()
            for partition in list(clients[0].positions)[:1]:
                clients[0].positions[partition] = partition.start
                clients[0].poll(partition.leader, lost=True)
    if rng.random() < 0.5:
        world.write_metadata()
    if rng.random() < 0.3:
        world.now += timedelta(minutes=rng.choice((59, 61, 200)))
        world.write_metadata()
    return world


def step(world, clients):
    rng, client = world.rng, world.rng.choice(clients)
    world.idle(clients)
    if rng.random() < 0.25:
        world.produce()
    for feature, chance, act in (
        ("commits", 0.2, lambda: client.commit(false=False, by_producer=False)),
        ("false_commits", 0.15, lambda: client.commit(false=True, by_producer=world.likes("txn_commits"))),
        ("txn_commits", 0.15, lambda: client.commit(false=False, by_producer=True)),
        ("kills", 0.07, client.die),
        ("refused", 0.15, client.refused),
        ("recreated", 0.03, lambda: world.recreate(clients)),
        ("seeks_back", 0.05, client.seek),
        ("seeks_forward", 0.05, client.seek),
        ("wild_offsets", 0.03, client.seek),
    ):
        if world.likes(feature, chance):
            act()
    if world.likes("rebalances", 0.12) and client.positions:
        partition = rng.choice(list(client.positions))
        others = [c for c in clients if c.principal == client.principal and c.group == client.group and partition not in c.positions]
        if others and (not world.honest or client.keeps_one_at(partition)):
            position = client.positions.pop(partition)
            if world.honest:
                client.poll(partition.leader)
            rng.choice(others).positions[partition] = client.committed().get(partition, position) if rng.random() < 0.3 else position
    if world.likes("leader_moves", 0.08):
        partition, broker = rng.choice(world.partitions()), rng.randrange(world.brokers)
        readers = [c for c in clients if partition in c.positions]
        if not world.honest:
            partition.leader = broker
        elif all(c.keeps_one_at(partition) for c in readers):
            before, partition.leader = partition.leader, broker
            for reader in readers:
                reader.poll(before)
    if world.likes("retention", 0.15):
        partition = rng.choice(list(client.positions) or world.partitions())
        position = client.positions.get(partition, 0)
        partition.start = max(partition.start, min(partition.end, rng.choice((position, position + 1, partition.end))))
    if client.positions:
        client.poll(rng.choice(list(client.positions)).leader)


def write_logs(seed, folder):
    """The paths of the logs of a seed, and what was played with."""
    world = play(seed)
    return write_world(world, folder), sorted(world.features)


def write_world(world, folder):
    paths = []
    for broker, lines in enumerate(world.lines):
        if lines:
            path = Path(folder) / f"broker{broker + 1}.log"
            path.write_text("".join(lines), encoding="utf-8", newline="\n")
            paths.append(path)
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Makes the request logs of honest and hostile clients.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    Path(arguments.out).mkdir(parents=True, exist_ok=True)
    written, features = write_logs(arguments.seed, arguments.out)
    print(*written, f"features: {' '.join(features)}", sep="\n")
