"""Captures real request logs as golden files: real clients on a private Kafka, what they themselves count,
the broker's own counter, and an independent recount.

    build/venv/bin/python tests/golden/request-log/capture.py [SCENARIO...]

Writes SCENARIO.log.gz (the lines of the scenario's principals and topics, unedited, nothing with a secret)
and SCENARIO.json beside itself. A capture whose figures contradict each other is an error and not written.
"""

import gzip
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "stack" / "support")]

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import (  # noqa: E402
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from recount import LINE, recount  # noqa: E402
from stack import ROOT, Stack, wait_for  # noqa: E402
from tokens import TokenIssuer, principal_name  # noqa: E402

ISSUER, AUDIENCE = "https://weir.example", "golden"
KAFKA_LIB = ROOT / "build" / "kafka" / "4.3.1" / "lib"
# PRODUCE, FETCH, METADATA, OFFSET_COMMIT, FIND_COORDINATOR, CREATE_TOPICS, TXN_OFFSET_COMMIT: what usage
# follows from. Heartbeats, handshakes and the like would only make the files large.
KEPT_APIS = {0, 1, 3, 8, 10, 19, 28}


class JavaReader:
    """A Java consumer in its own process (Reader.java)."""

    def __init__(self, lab, principal, topics, stop_after=0, **settings):
        self.counts = Counter()
        self.assigned = None
        self.words = set()
        properties = lab.folder / f"reader-{lab.next_number()}.properties"
        token_file = properties.with_suffix(".jwt")
        token_file.write_text(lab.issuer.token(principal))
        lines = {
            "bootstrap.servers": lab.stack.client,
            "security.protocol": "SASL_SSL",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(lab.stack.ca),
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.jaas.config": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;",
            "sasl.login.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
            "sasl.oauthbearer.jwt.retriever.class": "org.apache.kafka.common.security.oauthbearer.FileJwtRetriever",
            "sasl.oauthbearer.token.endpoint.url": f"file://{token_file}",
            "auto.offset.reset": "earliest",
            "group.id": f"{principal}.readers",
            **{name.replace("_", "."): value for name, value in settings.items()},
        }
        properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        self.process = subprocess.Popen(
            ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
             f"-Dlog4j2.configurationFile={ROOT}/deploy/kafka/tools-log4j2.yaml",
             f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://{token_file}",
             "-cp", f"{KAFKA_LIB}/*", str(HERE / "Reader.java"), str(properties), ",".join(topics), str(stop_after)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self):
        for text in self.process.stdout:
            word, *rest = text.split()
            if word == "got":
                self.counts[rest[0].rpartition("-")[0]] += int(rest[1])
                self.counts[rest[0]] += int(rest[1])
            elif word == "assigned":
                self.assigned = rest
            self.words.add(word)

    def wait_assigned(self, *partitions):
        wait_for(lambda: self.assigned == sorted(partitions), f"assignment of {partitions}", 60)

    def wait_count(self, name, count):
        try:
            wait_for(lambda: self.counts[name] >= count, f"{count} records of {name}", 60)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; came: {self.counts}") from None

    def wait_word(self, word):
        wait_for(lambda: word in self.words, f"the reader to be {word}", 60)

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def close(self):
        self.tell("close")
        self.wait_word("closed")
        self.process.wait(30)
        self.listener.join(10)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self.listener.join(10)


class Lab:
    """One broker; scenarios use principals and topics of their own and run one after the other."""

    def __init__(self, folder, scenario):
        self.folder = folder
        self.scenario = scenario
        self.number = 0
        self.principals = {}
        self.rights = {}
        self.topics = []
        self.clients = {}
        jwks = folder / "stack" / "kafka" / "jwks.json"
        self.issuer = TokenIssuer(jwks, ISSUER, AUDIENCE)
        self.stack = Stack(
            folder / "stack", WEIR_JWKS_URL=f"file://{jwks}", WEIR_TOKEN_ISSUER=ISSUER, WEIR_TOKEN_AUDIENCE=AUDIENCE,
            WEIR_KAFKA_EXTRA_USERS="golden-kcat",
        )  # fmt: skip
        self.stack.script("kafka", "up")
        self.admin = self.stack.admin()

    def next_number(self):
        self.number += 1
        return self.number

    # --- who and what --------------------------------------------------------------------------------
    def topic(self, name, partitions=1, **config):
        name = f"golden.{self.scenario}.{name}"
        self.stack.create_topic(name, partitions, **config)
        self.topics.append(name)
        return name

    def principal(self, role, name=None):
        """A principal with the rights of a subscriber, or of the provider when its role says so."""
        name = name or principal_name()
        self.principals[role] = name
        provider = role == "provider"
        rights = [(ResourceType.TOPIC, "golden.", AclOperation.WRITE if provider else AclOperation.READ)]
        if not provider:
            rights.append((ResourceType.GROUP, f"{name}.", AclOperation.READ))
        bindings = [
            AclBinding(kind, prefix, ResourcePatternType.PREFIXED, f"User:{name}", "*", operation, AclPermissionType.ALLOW)
            for kind, prefix, operation in rights
        ]
        for future in self.admin.create_acls(bindings).values():
            future.result()
        self.rights[name] = bindings
        return name

    def revoke(self, name):
        filters = [
            AclBindingFilter(b.restype, b.name, b.resource_pattern_type, b.principal, b.host, b.operation, b.permission_type)
            for b in self.rights[name]
        ]
        for future in self.admin.delete_acls(filters).values():
            future.result()

    def count(self, role, topic, what, messages, exact=True):
        """What a client says it read; a role's clients add up. Not exact: one that was killed in between."""
        entry = self.clients.setdefault(
            f"{role} {topic}", {"principal": f"User:{self.principals[role]}", "topic": topic, "messages": 0, "exact": True, "by": []}
        )
        entry["messages"] += messages
        entry["exact"] &= exact
        entry["by"].append(f"{what}: {messages}")

    # --- clients -------------------------------------------------------------------------------------
    def librdkafka_config(self, principal, **settings):
        return self.stack.token_config(self.issuer.token(principal), **settings)

    def produce(self, topic, count, partition=0, size=40, per_batch=100):
        producer = Producer(
            self.librdkafka_config(self.principals["provider"], linger_ms=1000, batch_num_messages=per_batch, enable_idempotence=True)
        )
        errors = []
        for number in range(count):
            producer.produce(
                topic, value=f"{number:0{size}d}", partition=partition,
                on_delivery=lambda error, _: errors.append(error) if error else None,
            )  # fmt: skip
        producer.flush(30)
        assert not errors, errors[0]

    def librdkafka_reader(self, principal, topic, **settings):
        consumer = Consumer(
            self.librdkafka_config(principal, **{"auto_offset_reset": "earliest", "group_id": f"{principal}.readers", **settings})
        )
        consumer.subscribe([topic])
        return consumer

    def java_reader(self, principal, *topics, **settings):
        return JavaReader(self, principal, topics, **settings)

    # --- the result ----------------------------------------------------------------------------------
    def lines(self):
        wanted = {f"User:{name}" for name in self.principals.values()}
        for path in self.stack.request_logs():
            with open(path, encoding="utf-8") as file:
                for text in file:
                    found = LINE.match(text.rstrip("\n"))
                    if not found:
                        continue
                    body = json.loads(found[2])
                    api = body["requestHeader"]["requestApiKey"]
                    creates = api == 19 and any(topic["name"] in self.topics for topic in body["request"]["topics"])
                    if (body["principal"] in wanted and api in KEPT_APIS) or creates:
                        yield text

    def all_logged(self):
        """A line stands in the log when its answer has left: ask something, and wait for its line."""
        mark = f"golden-mark-{self.next_number()}"
        from confluent_kafka.admin import AdminClient

        AdminClient({**self.stack.kafka_config("admin"), "client.id": mark}).list_topics(timeout=10)
        wait_for(lambda: any(mark in path.read_text() for path in self.stack.request_logs()), "the log to be written")


def drain(consumer, count, seconds=30):
    """Reads until `count` messages came."""
    got = 0
    while got < count:
        message = consumer.poll(seconds)
        assert message is not None, f"only {got} of {count} messages came"
        if message.error():
            if message.error().code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT):
                continue
            raise KafkaException(message.error())
        got += 1
    return got


def idle(consumer, seconds=1.0):
    """Until a poll brings nothing: what is prefetched by then was read to the end."""
    got = 0
    while consumer.poll(seconds) is not None:
        got += 1
    return got


# --- the scenarios -------------------------------------------------------------------------------------
def java_small_polls(lab):
    """A Java consumer that takes 10 records a poll and commits every 10 ms: commits come many times between
    two fetches. Then one that is closed while it holds records it has not given out, and its successor."""
    lab.principal("provider")
    reader = lab.principal("reader")
    topic = lab.topic("orders")
    lab.produce(topic, 2000)
    first = lab.java_reader(reader, topic, max_poll_records=10, auto_commit_interval_ms=10, max_partition_fetch_bytes=20000, client_id="small-polls")
    first.wait_count(topic, 2000)
    first.close()
    lab.count("reader", topic, "Java, max.poll.records=10, commits every 10 ms", first.counts[topic])
    lab.produce(topic, 500)
    half = lab.java_reader(reader, topic, stop_after=21, max_poll_records=7, auto_commit_interval_ms=10, client_id="half")
    half.wait_word("stopped")
    half.close()
    lab.count("reader", topic, "Java, closed in the middle of a fetched batch", half.counts[topic])
    rest = lab.java_reader(reader, topic, client_id="rest")
    rest.wait_count(topic, 500 - half.counts[topic])
    rest.close()
    lab.count("reader", topic, "Java, goes on where the one before stopped", rest.counts[topic])


def two_groups(lab):
    """Two groups of one principal on one topic: one far ahead with commits, one that begins 50 messages before
    the end; then both at once, Java and librdkafka, with the same client id."""
    lab.principal("provider")
    reader = lab.principal("reader")
    topic = lab.topic("orders")
    lab.produce(topic, 1900)
    ahead = lab.java_reader(reader, topic, group_id=f"{reader}.ahead", client_id="etl", auto_commit_interval_ms=20)
    ahead.wait_count(topic, 1900)
    lab.produce(topic, 100)
    ahead.wait_count(topic, 2000)
    tail = lab.librdkafka_reader(reader, topic, group_id=f"{reader}.tail", client_id="etl", enable_auto_commit=False)
    tail.unsubscribe()
    tail.assign([TopicPartition(topic, 0, 1950)])
    got = drain(tail, 50)
    got += idle(tail)
    tail.close()
    lab.count("reader", topic, "librdkafka, group tail, the last 50, no commits", got)
    slow = lab.librdkafka_reader(reader, topic, group_id=f"{reader}.slow", client_id="etl", fetch_message_max_bytes=9000)
    lab.produce(topic, 300)
    got = drain(slow, 2300)
    got += idle(slow)
    slow.close()
    ahead.wait_count(topic, 2300)
    ahead.close()
    lab.count("reader", topic, "Java, group ahead", ahead.counts[topic])
    lab.count("reader", topic, "librdkafka, group slow, from the beginning", got)


def offset_reset(lab):
    """A consumer seeks back and reads again; a group's offsets are set back between two runs; a consumer begins
    beyond the end (error 1) and is sent to the beginning. What is read twice counts twice."""
    lab.principal("provider")
    reader = lab.principal("reader")
    lost = lab.principal("lost")
    topic = lab.topic("orders")
    lab.produce(topic, 1000)
    seeker = lab.java_reader(reader, topic, client_id="seeker")
    seeker.wait_count(topic, 1000)
    seeker.tell(f"seek {topic} 0 600")
    seeker.wait_count(topic, 1400)
    seeker.close()
    lab.count("reader", topic, "Java, all 1000, then again from 600", seeker.counts[topic])
    lab.stack.script(
        "kafka", "tool", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--group", f"{reader}.readers",
        "--topic", topic, "--reset-offsets", "--to-offset", "250", "--execute",
    )  # fmt: skip
    again = lab.librdkafka_reader(reader, topic, client_id="again")
    got = drain(again, 750)
    got += idle(again)
    again.close()
    lab.count("reader", topic, "librdkafka, the group set back to 250", got)
    beyond = lab.librdkafka_reader(lost, topic, client_id="beyond")
    beyond.unsubscribe()
    beyond.assign([TopicPartition(topic, 0, 99_999_999)])
    got = drain(beyond, 1000)
    got += idle(beyond)
    beyond.close()
    lab.count("lost", topic, "librdkafka, begins at 99999999, reset to the beginning", got)


def open_tail(lab):
    """Fetches that nothing closes: a Java consumer killed with records in hand and no commits; the same with
    commits, which close it; kcat that stops after 40 messages."""
    lab.principal("provider")
    silent = lab.principal("silent")
    committing = lab.principal("committing")
    kcat = lab.principal("kcat", "golden-kcat")
    topic = lab.topic("orders")
    lab.produce(topic, 300)
    hangs = lab.java_reader(silent, topic, stop_after=30, max_poll_records=10, enable_auto_commit="false", client_id="hangs")
    hangs.wait_word("stopped")
    hangs.kill()
    lab.count("silent", topic, "Java, killed after 30 of a fetch of 300, no commits", hangs.counts[topic], exact=False)
    # Auto-commit happens in poll, for what earlier polls gave out.
    commits = lab.java_reader(
        committing, topic, stop_after=60, max_poll_records=10, auto_commit_interval_ms=1, client_id="commits"
    )
    commits.wait_word("stopped")
    commits.kill()
    lab.count(
        "committing", topic, "Java, killed after 60 of a fetch of 300, had committed less", commits.counts[topic], exact=False
    )  # fmt: skip
    config = lab.folder / "kcat.conf"
    config.write_text("".join(f"{k}={v}\n" for k, v in lab.stack.kafka_config("golden-kcat").items()))
    done = subprocess.run(
        ["kcat", "-F", str(config), "-C", "-t", topic, "-o", "beginning", "-c", "40", "-q", "-X", "fetch.message.max.bytes=3000"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lab.count("kcat", topic, "kcat, -c 40, no group, had fetched more", len(done.stdout.splitlines()), exact=False)


def idle_partition(lab):
    """A group of two Java consumers; one leaves, the other takes over its partition, which is idle: the
    incremental fetch that adds it to the session is empty. Only later are messages written to it."""
    lab.principal("provider")
    reader = lab.principal("reader")
    topic = lab.topic("orders", partitions=2)
    lab.produce(topic, 200, partition=0)
    settings = {"partition_assignment_strategy": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor", "heartbeat_interval_ms": 200}
    stays = lab.java_reader(reader, topic, client_id="stays", **settings)
    stays.wait_assigned(f"{topic}-0", f"{topic}-1")
    stays.wait_count(topic, 200)
    leaves = lab.java_reader(reader, topic, client_id="leaves", **settings)
    wait_for(lambda: stays.assigned and leaves.assigned and len(stays.assigned) == len(leaves.assigned) == 1, "one partition each", 60)
    moved = leaves.assigned[0]
    moved_partition = int(moved.rpartition("-")[2])
    lab.produce(topic, 70, partition=moved_partition)
    leaves.wait_count(moved, 70)
    leaves.close()
    stays.wait_assigned(f"{topic}-0", f"{topic}-1")
    # The session has to hold the added partition while it is still empty of news.
    seen = sum(1 for _ in lab.lines())
    wait_for(lambda: sum(1 for _ in lab.lines()) > seen + 4, "some empty fetches", 30)
    before = stays.counts[moved]
    lab.produce(topic, 500, partition=moved_partition)
    stays.wait_count(moved, before + 500)
    stays.close()
    lab.count("reader", topic, "Java, leaves the group", leaves.counts[topic])
    lab.count("reader", topic, "Java, takes over the idle partition", stays.counts[topic])


def broker_restart(lab):
    """The broker is stopped and, later, killed (kill -9) under a Java and a librdkafka consumer that live on."""
    lab.principal("provider")
    java_principal = lab.principal("java")
    librdkafka_principal = lab.principal("librdkafka")
    topic = lab.topic("orders")
    lab.produce(topic, 800)
    java = lab.java_reader(java_principal, topic, client_id="java", auto_commit_interval_ms=200, reconnect_backoff_max_ms=500)
    other = lab.librdkafka_reader(librdkafka_principal, topic, client_id="librdkafka", reconnect_backoff_max_ms=500)
    got = drain(other, 800)
    java.wait_count(topic, 800)
    lab.stack.script("kafka", "down")
    lab.stack.script("kafka", "up")
    lab.produce(topic, 300)
    got += drain(other, 300, 60)
    java.wait_count(topic, 1100)
    lab.produce(topic, 200)
    got += drain(other, 200, 60)
    java.wait_count(topic, 1300)
    # An answer sent in the moment of the kill would have no line.
    lab.all_logged()
    lab.stack.kill("kafka")
    lab.stack.script("kafka", "up")
    lab.produce(topic, 100)
    got += drain(other, 1400 - got, 60)
    got += idle(other)
    java.wait_count(topic, 1400)
    java.close()
    other.close()
    lab.count("java", topic, "Java through a stop and a kill of the broker", java.counts[topic])
    lab.count("librdkafka", topic, "librdkafka through a stop and a kill of the broker", got)


def revoked(lab):
    """The rights are taken from a Java consumer that still holds records of its last fetch: it gives them out,
    and then both its commit and its next fetch are refused. That refused fetch alone says how far it has read."""
    lab.principal("provider")
    reader = lab.principal("reader")
    topic = lab.topic("orders")
    lab.produce(topic, 400)
    java = lab.java_reader(reader, topic, stop_after=30, max_poll_records=10, auto_commit_interval_ms=60_000, client_id="slow")
    java.wait_word("stopped")
    lab.revoke(reader)
    java.tell("resume")
    java.wait_word("refused")
    java.process.wait(30)
    java.listener.join(10)
    lab.count("reader", topic, "Java, refused after it has given out what it held", java.counts[topic])


SCENARIOS = {
    "java_small_polls": java_small_polls,
    "two_groups": two_groups,
    "offset_reset": offset_reset,
    "open_tail": open_tail,
    "idle_partition": idle_partition,
    "broker_restart": broker_restart,
    "revoked": revoked,
}


def contradictions(rows, clients, jmx):
    """What the sources say against each other."""
    for topic, count in (jmx or {}).items():
        logged = sum(row["bytes"] for row in rows if row["topic"] == topic)
        if logged != count:
            yield f"{topic}: {logged} bytes in the log, {count} by the broker's counter"
    for said in clients.values():
        row = next((r for r in rows if (r["principal"], r["topic"]) == (said["principal"], said["topic"])), None)
        if row is None:
            yield f"{said} has no row"
        elif said["exact"] and row["messages"] != said["messages"]:
            yield f"{said['principal']} {said['topic']}: {row['messages']} by the log, {said['messages']} by the clients {said['by']}"


def capture(name):
    scenario = SCENARIOS[name]
    with tempfile.TemporaryDirectory(prefix="weir-golden-") as folder:
        Path(folder).chmod(0o711)  # the broker has a user of its own
        lab = Lab(Path(folder), name)
        try:
            scenario(lab)
            lab.all_logged()
            # After a restart the counter has begun again.
            jmx = None
            if name != "broker_restart":
                jmx = {topic: count for topic, count in lab.stack.jmx_counts("BytesOutPerSec").items() if topic in lab.topics}
            log = "".join(lab.lines())
        finally:
            lab.stack.purge()
        assert not re.search(r"salt|password|eyJ", log, re.IGNORECASE)
        path = Path(folder) / "captured.log"
        path.write_text(log, encoding="utf-8")
        rows = recount([path])
        wrong = list(contradictions(rows, lab.clients, jmx))
        if wrong:
            path.rename(f"/tmp/{name}.log")
            sys.exit(f"{name}: the figures contradict each other (log kept as /tmp/{name}.log)\n  " + "\n  ".join(wrong))
    with gzip.GzipFile(HERE / f"{name}.log.gz", "wb", mtime=0) as file:
        file.write(log.encode())
    result = {
        "description": " ".join(scenario.__doc__.split()),
        "kafka": "4.3.1",
        "rows": rows,
        "clients": list(lab.clients.values()),
        "jmx": jmx,
    }
    (HERE / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    for row in rows:
        print(f"{name}: {row}")
    for said in lab.clients.values():
        print(f"{name}:   clients say {said['messages']} {said['by']}")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or SCENARIOS:
        capture(wanted)
