"""weir-access on a real broker: grants become ACLs, ends of grants refusals, and nothing else changes."""

import contextlib
import functools
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from hang_up import ask, complaints, end, stopped_idle
from market import Market
from stack import BIN, wait_for
from tokens import TokenIssuer, principal_name


@pytest.fixture(scope="module")
def market(servers):
    servers.script("weir", "migrate")
    market = Market(servers)
    market.cluster("local")
    yield market
    market.close()


@pytest.fixture(scope="module")
def access(servers, market):
    servers.script("weir", "up", "weir-access")
    yield servers
    servers.script("weir", "down", "weir-access")


@pytest.fixture(scope="module")
def signer(servers):
    return TokenIssuer(servers.folder / "kafka" / "jwks.json", f"http://127.0.0.1:{servers.ports['WEIR_API_PORT']}", "local")


@pytest.fixture(scope="module")
def world(market):
    """A provider with a topic, a consumer, a subscription."""
    provider = market.organisation("Acme data")
    consumer = market.organisation("Reader")
    cluster = market.cluster("local")
    plan = {"plan_id": "p", "version": 1, "currency": "EUR", "valid_from": "2020-01-01", "prices": [
        {"price_id": "fee", "kernel": {"type": "flat", "flat_amount": "1.00"}}]}
    product, plan_id = market.product(provider, [(cluster, "acme.ticks")], plan, {"percent": "10"})
    subscription = market.subscription(consumer, provider, product, plan_id, "2026-01-01")
    return {"provider": provider, "consumer": consumer, "cluster": cluster, "subscription": subscription}


@pytest.fixture(scope="module")
def topic(servers):
    servers.create_topic("acme.ticks", partitions=2)
    producer = Producer(servers.kafka_config("admin", linger_ms=5))
    for number in range(200):
        producer.produce("acme.ticks", value=f"tick {number}")
    assert producer.flush(30) == 0
    return "acme.ticks"


@functools.cache
def admin_of(stack):
    return stack.admin()


def acls_of(stack, who):
    everything = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, f"User:{who}", None, AclOperation.ANY, AclPermissionType.ANY
    )
    found = admin_of(stack).describe_acls(everything).result()
    return sorted((a.restype.name, a.resource_pattern_type.name, a.name, a.operation.name) for a in found)


class Reader:
    """A customer's consumer: token, own group, until told otherwise."""

    def __init__(self, stack, signer, who, topic, group=None):
        token = signer.token(who)
        self.consumer = Consumer({
            **stack.token_config(token),
            "group.id": group or f"{who}.test",
            "auto.offset.reset": "earliest",
            "topic.metadata.refresh.interval.ms": 500,
            "allow.auto.create.topics": False,
            "log_level": 0,
        })
        self.consumer.subscribe([topic])
        self.errors = []

    def read(self, seconds=0.2):
        """One poll: a value, or None. Errors are kept."""
        message = self.consumer.poll(seconds)
        if message is None:
            return None
        if message.error():
            self.errors.append(message.error().code())
            return None
        return message.value()

    def close(self):
        self.consumer.close()


def state(market):
    return market.row("select * from access_state where cluster_id = (select id from cluster where name = 'local')")


def test_grant__opens_and_its_end_refuses_within_seconds(access, market, world, topic, signer, record_property):
    application, who = market.application(world["consumer"])
    began = time.monotonic()
    grant = market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
    wait_for(lambda: len(acls_of(access, who)) == 2, "the ACLs of the grant", every=0.02)
    record_property("seconds_from_grant_to_acl", round(time.monotonic() - began, 3))
    assert acls_of(access, who) == [
        ("GROUP", "PREFIXED", f"{who}.", "READ"),
        ("TOPIC", "LITERAL", topic, "READ"),
    ]
    reader = Reader(access, signer, who, topic)
    wait_for(lambda: reader.read() is not None, "the first message", every=0)

    producer = Producer(access.kafka_config("admin"))
    revoked = time.monotonic()
    market.end_grant(grant)

    def refused():
        producer.produce(topic, value="more")  # so that the consumer has something to fetch
        producer.poll(0)
        reader.read(0.05)
        return KafkaError.TOPIC_AUTHORIZATION_FAILED in reader.errors

    wait_for(refused, "the consumer to be refused", every=0)
    seconds = time.monotonic() - revoked
    record_property("seconds_from_revoke_to_refused", round(seconds, 3))
    print(f"\nseconds from revoke to refused: {seconds:.3f}")
    wait_for(lambda: acls_of(access, who) == [], "the ACLs to be gone", every=0.02)
    reader.close()
    producer.flush(10)


def test_a_stranger__is_refused(access, topic, signer):
    reader = Reader(access, signer, principal_name(), topic)
    wait_for(
        lambda: reader.read(0.1) is not None
        or {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED} & set(reader.errors),
        "the refusal", every=0,
    )
    assert reader.errors
    reader.close()


def test_another_tenants_group__is_refused(access, market, world, topic, signer):
    application, who = market.application(world["consumer"])
    market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
    wait_for(lambda: len(acls_of(access, who)) == 2, "the ACLs of the grant")
    reader = Reader(access, signer, who, topic, group=f"{who}x.theirs")
    wait_for(lambda: reader.read(0.1) or reader.errors, "an answer", every=0)
    assert KafkaError.GROUP_AUTHORIZATION_FAILED in reader.errors
    reader.close()


def test_end_in_the_future__is_kept_to_the_second(access, market, world, topic):
    application, who = market.application(world["consumer"])
    ends = datetime.now(timezone.utc) + timedelta(seconds=2)
    market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"], ends=ends)
    wait_for(lambda: len(acls_of(access, who)) == 2, "the ACLs of the grant", every=0.02)
    wait_for(lambda: acls_of(access, who) == [], "the end of the grant", seconds=10, every=0.02)
    assert datetime.now(timezone.utc) >= ends


def test_producer__writes_below_its_prefix_only(access, market, world, signer):
    application, who = market.application(world["provider"])
    market.run(
        "insert into producer_grant (application_id, org_id, cluster_id, topic_prefix) values (%s, %s, %s, 'acme.')",
        application, world["provider"], world["cluster"],
    )
    wait_for(lambda: len(acls_of(access, who)) == 4, "the producer's ACLs")
    assert acls_of(access, who) == [
        ("TOPIC", "PREFIXED", "acme.", "DESCRIBE"),
        ("TOPIC", "PREFIXED", "acme.", "WRITE"),
        ("TRANSACTIONAL_ID", "PREFIXED", f"{who}.", "DESCRIBE"),
        ("TRANSACTIONAL_ID", "PREFIXED", f"{who}.", "WRITE"),
    ]
    market.run("update producer_grant set revoked_at = now() where application_id = %s", application)
    wait_for(lambda: acls_of(access, who) == [], "the producer's ACLs to be gone")


def transact(stack, signer, who, topic, transactional_id):
    """One transaction of one record: None, or Kafka's number of the refusal."""
    producer = Producer({**stack.token_config(signer.token(who)), "transactional.id": transactional_id, "log_level": 0})
    try:
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(topic, value="one")
        producer.commit_transaction(30)
    except KafkaException as refusal:
        return refusal.args[0].code()
    return None


REFUSED = KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED


def test_transactions__work_below_the_principal_until_the_grant_ends(access, market, world, topic, signer):
    application, who = market.application(world["provider"])
    assert transact(access, signer, who, topic, f"{who}.x") == REFUSED
    market.run(
        "insert into producer_grant (application_id, org_id, cluster_id, topic_prefix) values (%s, %s, %s, 'acme.')",
        application, world["provider"], world["cluster"],
    )
    wait_for(lambda: len(acls_of(access, who)) == 4, "the producer's ACLs")
    assert transact(access, signer, who, topic, f"{who}.x") is None
    assert transact(access, signer, who, topic, f"{who}x.y") == REFUSED
    assert transact(access, signer, who, topic, "orders") == REFUSED

    audited = "select count(*) from audit_log where object_kind = 'acl' and object_id like %s and action = %s"
    ours = f"allow User:{who} % transactional\\_id {who}.*"
    wait_for(lambda: market.value(audited, ours, "acl.created") == 2, "the audit rows")
    market.run("update producer_grant set revoked_at = now() where application_id = %s", application)
    wait_for(lambda: acls_of(access, who) == [], "the producer's ACLs to be gone")
    assert transact(access, signer, who, topic, f"{who}.x") == REFUSED
    wait_for(lambda: market.value(audited, ours, "acl.removed") == 2, "the audit rows")


def test_transactional_ids_of_others__survive(access, market, world):
    application, who = market.application(world["provider"])
    before = state(market)["foreign_acls"]
    tool = functools.partial(access.script, "kafka", "tool", "org.apache.kafka.tools.AclCommand")
    own = ["--operation", "Write", "--resource-pattern-type"]
    tool("--add", "--allow-principal", f"User:{who}", "--transactional-id", "legacy-", *own, "prefixed")
    tool("--add", "--allow-principal", f"User:{who}", "--transactional-id", f"{who}.", *own, "literal")
    tool("--add", "--deny-principal", f"User:{who}", "--transactional-id", f"{who}.", *own, "prefixed")
    tool("--add", "--allow-principal", "User:older", "--transactional-id", "older.", *own, "prefixed")
    foreign = acls_of(access, who)
    assert len(foreign) == 3
    market.run(
        "insert into producer_grant (application_id, org_id, cluster_id, topic_prefix) values (%s, %s, %s, 'acme.')",
        application, world["provider"], world["cluster"],
    )
    wait_for(lambda: len(acls_of(access, who)) == 7, "the producer's ACLs")
    market.run("update producer_grant set revoked_at = now() where application_id = %s", application)
    wait_for(lambda: len(acls_of(access, who)) == 3, "Weir's to be gone")
    assert acls_of(access, who) == foreign
    assert acls_of(access, "older") == [("TRANSACTIONAL_ID", "PREFIXED", "older.", "WRITE")]
    wait_for(lambda: state(market)["foreign_acls"] == before + 4, "the foreign ACLs to be counted once")


class Relay:
    """Passes connections on to a broker, until told to refuse them; those that are there live on."""

    def __init__(self, target):
        host, _, port = target.rpartition(":")
        self.target = (host, int(port))
        self.listener = None
        self.open(0)

    def open(self, port=None):
        self.listener = socket.create_server(("127.0.0.1", self.port if port is None else port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.target)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()

    @staticmethod
    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@contextlib.contextmanager
def by_relay(stack):
    """weir-access with a bootstrap server of its own, in place of the stack's."""
    environment = dict(
        line.split("=", 1) for line in (stack.folder / "weir" / "weir-access.env").read_text().splitlines() if "=" in line
    )
    relay = Relay(environment["WEIR_KAFKA_BOOTSTRAP"])
    environment["WEIR_KAFKA_BOOTSTRAP"] = f"127.0.0.1:{relay.port}"
    stack.script("weir", "down", "weir-access")
    binary = BIN / "weir-access"
    process = subprocess.Popen([str(binary)], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield relay
    finally:
        process.terminate()
        assert process.wait(20) == 0
        stack.script("weir", "up", "weir-access")


def test_no_way_to_transactional_ids__stops_nothing_else(access, market, world, topic):
    give = "insert into producer_grant (application_id, org_id, cluster_id, topic_prefix) values (%s, %s, %s, 'acme.')"
    metrics = f"http://127.0.0.1:{access.ports['WEIR_ACCESS_METRICS_PORT']}"

    def ready():
        try:
            with urllib.request.urlopen(f"{metrics}/readyz") as answer:
                return answer.status == 200
        except urllib.error.URLError:
            return False

    with by_relay(access) as relay:
        first, writes = market.application(world["provider"])
        market.run(give, first, world["provider"], world["cluster"])
        wait_for(lambda: len(acls_of(access, writes)) == 4, "the producer's ACLs")
        wait_for(ready, "weir-access to be ready")
        # librdkafka knows the broker itself by now; connections that begin anew are refused.
        relay.close()
        second, also_writes = market.application(world["provider"])
        market.run(give, second, world["provider"], world["cluster"])
        wait_for(lambda: len(acls_of(access, also_writes)) == 2, "the ACLs of topics")
        wait_for(lambda: (state(market)["error"] or "").startswith("transactional ids: "), "the error to be told")
        assert not ready()
        with urllib.request.urlopen(f"{metrics}/metrics") as answer:
            assert "weir_access_transactional 0" in answer.read().decode()
        market.run("update producer_grant set revoked_at = now() where application_id = %s", first)
        wait_for(lambda: {a[0] for a in acls_of(access, writes)} == {"TRANSACTIONAL_ID"}, "the revocation of topics")
        relay.open()
        wait_for(lambda: len(acls_of(access, also_writes)) == 4, "all the ACLs", seconds=40)
        wait_for(lambda: acls_of(access, writes) == [], "the whole revocation")
        wait_for(lambda: state(market)["error"] is None and ready(), "the error to go")


def test_disabled_application__loses_everything(access, market, world, topic):
    application, who = market.application(world["consumer"])
    market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
    wait_for(lambda: len(acls_of(access, who)) == 2, "the ACLs of the grant")
    market.run("update application set state = 'disabled' where id = %s", application)
    wait_for(lambda: acls_of(access, who) == [], "the ACLs to be gone")


def test_suspended_organisation__loses_everything_and_gets_it_back(access, market, world, topic, record_property):
    org = market.organisation("Late payer")
    reader, reads = market.application(org)
    writer, writes = market.application(org)
    market.grant(world["cluster"], reader, org, topic, world["subscription"])
    market.run(
        "insert into producer_grant (application_id, org_id, cluster_id, topic_prefix) values (%s, %s, %s, 'late.')", writer, org, world["cluster"]
    )
    wait_for(lambda: (len(acls_of(access, reads)), len(acls_of(access, writes))) == (2, 4), "the ACLs of both")
    began = time.monotonic()
    market.run("update organisation set suspended_at = now() where id = %s", org)
    wait_for(lambda: acls_of(access, reads) == acls_of(access, writes) == [], "the ACLs to be gone", every=0.02)
    record_property("seconds_from_suspension_to_no_acl", round(time.monotonic() - began, 3))
    market.run("update organisation set suspended_at = null where id = %s", org)
    wait_for(lambda: (len(acls_of(access, reads)), len(acls_of(access, writes))) == (2, 4), "the ACLs to be back")


def test_foreign_acls__are_counted_and_left_alone(access, market, world, topic):
    admin = admin_of(access)
    foreign = AclBinding(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:legacy", "*", AclOperation.READ, AclPermissionType.ALLOW
    )
    brake = AclBinding(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{principal_name()}", "*", AclOperation.READ, AclPermissionType.DENY
    )
    stray = AclBinding(
        ResourceType.TOPIC, "other", ResourcePatternType.LITERAL, f"User:{principal_name()}", "*", AclOperation.READ, AclPermissionType.ALLOW
    )
    before = state(market)["foreign_acls"]
    for future in admin.create_acls([foreign, brake, stray]).values():
        future.result()
    # Nothing in the database changes: the wake-up is a grant of somebody else.
    application, who = market.application(world["consumer"])
    market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
    wait_for(lambda: state(market)["foreign_acls"] == before + 2, "the foreign ACLs to be counted")
    assert acls_of(access, "legacy") == [("TOPIC", "LITERAL", topic, "READ")]
    assert len(acls_of(access, brake.principal.removeprefix("User:"))) == 1
    assert acls_of(access, stray.principal.removeprefix("User:")) == []


# What librdkafka 2.0.2 can't name: each is given by Kafka's own tool, as an operator would.
ODD_ACLS = [
    ["--transactional-id", "acme-tx", "--operation", "Write", "--operation", "Describe"],
    ["--transactional-id", "acme-tx", "--operation", "TwoPhaseCommit"],
    ["--delegation-token", "t", "--operation", "Describe"],
    ["--user-principal", "User:other", "--operation", "CreateTokens", "--operation", "DescribeTokens"],
]


def test_odd_acls_of_an_issued_principal__stop_no_revocation(access, market, world, topic):
    application, who = market.application(world["consumer"])
    grant = market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
    wait_for(lambda: len(acls_of(access, who)) == 2, "the ACLs of the grant")
    before = state(market)["foreign_acls"]
    process = access.pid("weir-access")
    for odd in ODD_ACLS:
        access.script("kafka", "tool", "org.apache.kafka.tools.AclCommand", "--add", "--allow-principal", f"User:{who}", *odd)
    market.end_grant(grant)
    wait_for(lambda: not {("TOPIC", "LITERAL", topic, "READ")} & set(acls_of(access, who)), "the revocation")
    wait_for(lambda: state(market)["foreign_acls"] == before + 6, "the foreign ACLs to be counted")
    assert access.pid("weir-access") == process
    kept = access.script("kafka", "tool", "org.apache.kafka.tools.AclCommand", "--list", "--principal", f"User:{who}").stdout
    assert kept.count("permissionType=ALLOW") == 6


def test_adopted_principal__is_refused_in_words(access, market, world, topic):
    application, who = market.application(world["consumer"], who="CN=orders", adopted=True)
    grant = market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
    wait_for(lambda: "1 grants of adopted principals are not applied" in (state(market)["error"] or ""), "the note")
    assert acls_of(access, who) == []
    market.end_grant(grant)
    wait_for(lambda: state(market)["error"] is None, "the note to go")


def test_changes__are_in_the_audit_log(access, market, world, topic):
    application, who = market.application(world["consumer"])
    grant = market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
    wait_for(lambda: len(acls_of(access, who)) == 2, "the ACLs of the grant")
    market.end_grant(grant)

    def audited():
        return market.rows(
            "select action, object_id from audit_log where object_kind = 'acl' and object_id like %s order by id", f"%{who}%"
        )

    rows = wait_for(lambda: len(audited()) == 4 and audited(), "the audit rows")
    assert [row["action"] for row in rows] == ["acl.created"] * 2 + ["acl.removed"] * 2
    assert sorted(row["object_id"] for row in rows[:2]) == [
        f"allow User:{who} read group {who}.*",
        f"allow User:{who} read topic {topic}",
    ]


def test_second_process__waits_and_takes_over(access, market, world, topic):
    environment = dict(
        line.split("=", 1) for line in (access.folder / "weir" / "weir-access.env").read_text().splitlines() if "=" in line
    )
    environment["WEIR_METRICS_LISTEN"] = "off"
    binary = BIN / "weir-access"
    second = subprocess.Popen([str(binary)], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        access.kill("weir-access")
        application, who = market.application(world["consumer"])
        market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
        wait_for(lambda: len(acls_of(access, who)) == 2, "the second process to take over")
    finally:
        second.terminate()
        assert second.wait(20) == 0
        access.script("weir", "up", "weir-access")


RESTING = "select count(*) from pg_stat_activity where usename = 'weir_access' and state = 'idle' and query like '%extract(epoch from min(b.at)%'"


def test_connection_that_died_idle__is_no_error(access, market, world, topic):
    out = access.folder / "log" / "weir-access.out"
    for _ in range(3):
        application, who = market.application(world["consumer"])
        said = out.stat().st_size
        # Asking for the next border is the last thing it does before it waits.
        wait_for(lambda: ask(access, RESTING) == ["1"], "weir-access to rest")
        with stopped_idle(access, access.pid("weir-access"), "weir_access") as pids:
            end(access, pids)
            market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
        wait_for(lambda w=who: len(acls_of(access, w)) == 2, "the ACLs")
        assert complaints(out, said) == []


def test_database_and_broker_away__it_waits_and_goes_on(access, market, world, topic):
    access.kill("postgres")
    access.kill("kafka")
    access.up_servers()
    market.__init__(access)
    application, who = market.application(world["consumer"])
    market.grant(world["cluster"], application, world["consumer"], topic, world["subscription"])
    wait_for(lambda: len(acls_of(access, who)) == 2, "the ACLs after both came back", seconds=60)
    assert access.pid("weir-access")


def test_metrics__say_what_it_does(access):
    port = access.ports["WEIR_ACCESS_METRICS_PORT"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    assert "weir_access_active 1" in text
    assert "weir_access_transactional 1" in text
    assert "weir_access_acls_created_total" in text
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
        assert answer.status == 200
