"""Nobody reads free of charge: hostile consumers with valid credentials, on a whole stack. What they receive is what
they are counted for, to the byte, and nobody else's figures move."""

import os
import struct

import pytest
from confluent_kafka import Producer, TopicCollection
from fetch_wire import NOT_AUTHORIZED, FetchWire, body_by_name
from house import House, bootstrap
from stack import Stack, open_folder, wait_for
from wire import Closed, trusting

REQUEST_MAX = 2 * 1024 * 1024
UNKNOWN_SERVER_ERROR = -1
BATCHES, RECORDS = 10, 20
ALL = 1 << 20


# --- who is there ----------------------------------------------------------------------------------------


class Site:
    """A provider with a topic of two partitions in small batches, another provider's topic, and their readers."""

    def __init__(self, stack):
        self.stack, self.house = stack, House(stack)
        self.cluster = self.house.operator().made("/v1/clusters", {
            "name": "local", "bootstrap_servers": stack.client, "security_protocol": "SASL_SSL", "audience": "local", "brokers": [1],
        })  # fmt: skip
        self.provider, self.product, self.plan, self.topic = self.offer()
        self.other = self.offer()[3]
        self.ids = {name: self.id_of(name) for name in (self.topic, self.other)}
        self.consumer = self.house.sign_up()

    def offer(self):
        provider = self.house.provider()
        product, plan = self.house.product(provider, self.cluster)
        topic = provider.prefix + product["slug"]
        self.stack.create_topic(topic, partitions=2)
        self.fill(topic, 0, BATCHES)
        self.fill(topic, 1, 3)
        return provider, product, plan, topic

    def fill(self, topic, partition, batches):
        """Batches of RECORDS records, one after another."""
        producer = Producer(self.stack.kafka_config("admin", linger_ms=200, batch_num_messages=RECORDS))
        for _ in range(batches):
            for number in range(RECORDS):
                producer.produce(topic, value=f"{number:0100d}", partition=partition)
            assert producer.flush(30) == 0

    def id_of(self, topic):
        admin = self.stack.admin()
        found = admin.describe_topics(TopicCollection([topic]))[topic].result().topic_id
        return struct.pack(">qq", found.get_most_significant_bits(), found.get_least_significant_bits())

    def reader(self, plan=None):
        """An application with a right to the topic, let in by the broker."""
        application, secret = self.house.machine(self.consumer)
        one = Attacker(self, application, secret)
        one.subscription = self.subscribe(application, plan or self.plan)
        wait_for(one.is_let_in, "the right to reach the broker")
        return one

    def subscribe(self, application, plan):
        asked = self.house.request(self.consumer, self.product, plan, application)
        answer = self.provider.post(f"/v1/subscriptions/{asked['id']}/approve")
        assert answer.status == 200, answer
        return asked["id"]

    def usage(self):
        """(bytes, messages, fetches) by principal and topic."""
        with_sums = self.house.sql(
            "select principal, topic, sum(bytes), sum(messages), sum(fetches) from usage_bound group by 1, 2 having sum(bytes) + sum(messages) <> 0"
        )
        return {tuple(row[:2]): tuple(map(int, row[2:])) for row in (line.split("|") for line in with_sums)}


class Attacker:
    """Who reads, and what he has received."""

    def __init__(self, site, application, secret):
        self.site, self.application, self.who = site, application, application["principal"]
        self.secret, self.token, self.person = secret, None, site.consumer
        self.bytes = self.records = 0

    def wire(self, **more):
        wire = FetchWire(self.site.stack.client, trusting(self.site.stack.ca), **more)
        assert wire.sign_in_token(self.token) == 0
        return wire

    def is_let_in(self):
        # A token names the clusters where there is a grant.
        self.token = self.person.ask_token(self.application["client_id"], self.secret).json["access_token"]
        with FetchWire(self.site.stack.client, trusting(self.site.stack.ca)) as wire:
            return wire.sign_in_token(self.token) == 0 and wire.read([(self.site.topic, [(0, BATCHES * RECORDS)])]).parts[0].error == 0

    def received(self, answer):
        self.bytes += answer.bytes
        return answer

    def metered(self):
        return self.site.usage().get((self.who, self.site.topic), (0, 0, 0))

    def read_all(self, wire, beside=(), topic=None, max_bytes=ALL, session=False, behind=()):
        """Partition 0 from its start until nothing is left, naming beside it, before and behind, what else there is. The last
        fetch brings nothing and closes the one before."""
        topic = topic or self.site.topic
        offset, epoch, granted = 0, 0 if session else -1, 0
        while True:
            asked = [*beside, (topic, [(0, offset)]), *behind]
            if granted:
                asked = [(topic, [(0, offset)])]
            answer = self.received(wire.read(asked, session=granted, epoch=epoch, max_bytes=max_bytes))
            assert answer.error == 0
            part = answer.part(topic, 0)
            assert part is None or part.error == 0
            if part is None or not part.records:
                break
            base, count = part.batches[-1]
            self.records += base + count - offset
            offset = base + count
            granted = answer.session
            epoch = epoch + 1 if granted else epoch
        assert offset >= BATCHES * RECORDS
        return answer


@pytest.fixture(scope="module")
def site():
    with Stack(open_folder("metering"), WEIR_EXTRA_METER="WEIR_BATCH_MS=100") as stack:
        stack.up()
        bootstrap(stack)
        yield Site(stack)


@pytest.fixture(scope="module")
def bystander(site):
    """An honest reader of another organisation."""
    own, site.consumer = site.consumer, site.house.sign_up()
    one = site.reader()
    site.consumer = own
    return one


class Watched:
    """What was counted while something went on: for whoever did it what he received, for an honest reader beside him what
    he received, for nobody else anything."""

    def __init__(self, site, bystander, attacker, messages=True):
        self.site, self.bystander, self.attacker, self.messages = site, bystander, attacker, messages

    def __enter__(self):
        self.before = self.site.usage()

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        with self.bystander.wire() as wire:
            self.bystander.read_all(wire)
        expected = dict(self.before)
        for one in (self.bystander, self.attacker):
            key = one.who, self.site.topic
            was = self.before.get(key, (0, 0, 0))
            assert one.bytes > was[0]
            expected[key] = (one.bytes, one.records) if self.messages or one is self.bystander else (one.bytes,)

        def counted():
            return {key: row[: len(expected.get(key, row))] for key, row in self.site.usage().items()}

        try:
            wait_for(lambda: counted() == expected, "the figures", 60, every=0.2)
        except TimeoutError:
            assert counted() == expected
        if not self.messages:
            key = self.attacker.who, self.site.topic
            self.attacker.records = self.site.usage()[key][1]
        letters = self.site.house.sql("select reason, principal, line_bytes from dead_letter")
        assert letters == []


# --- what is named beside --------------------------------------------------------------------------------


def nonsense(topic, count):
    return [(topic, [(2 + number, number) for number in range(count)])]


BESIDE = {
    "nothing": lambda _: [],
    "an empty name": lambda _: [("", [(0, 0)])],
    "an empty name without partitions": lambda _: [("", []), ("", [])],
    "a name of 300 characters": lambda _: [("x" * 300, [(0, 0)])],
    "a name of 32,000 characters": lambda _: [("é" * 16_000, [(0, 0)])],
    "names that no topic has": lambda _: [(name, [(0, 0)]) for name in ("..", "a/b", '"},{', "\0", "a\nb", "\u2028", "\u202e")],
    "6,000 partitions too many": lambda site: nonsense(site.topic, 6_000),
    "6,000 partitions of no topic": lambda _: nonsense("nowhere.ticks", 6_000),
    "partitions of every number": lambda site: [(site.topic, [(-1, 0), (2**31 - 1, 0), (-(2**31), 0)])],
    "offsets of every size": lambda site: [(site.topic, [(1, 2**63 - 1)]), (site.other, [(0, -(2**63)), (1, -1)])],
    "topics without right": lambda site: [(site.other, [(0, 0), (1, 0)]), (site.stack.log_topic(), [(0, 0)]), ("__consumer_offsets", [(0, 0)])],
}


@pytest.fixture(scope="module")
def attacker(site):
    return site.reader()


@pytest.mark.parametrize("session", [False, True], ids=["sessionless", "in a session"])
@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE)
def test_what_else_is_named__hides_nothing(site, bystander, attacker, beside, session):
    named = beside(site)
    with Watched(site, bystander, attacker):
        for before, behind in ((named, []), ([], named)):
            with attacker.wire() as wire:
                attacker.read_all(wire, before, behind=behind, session=session, max_bytes=5_000)


UNKNOWN = {
    "an unknown id": lambda _: [(os.urandom(16), [(0, 0)])],
    "6,000 unknown ids": lambda _: [(os.urandom(16), [(0, 0)]) for _ in range(6_000)],
    "ids without right": lambda site: [(site.ids[site.other], [(0, 0), (1, 0)])],
    "6,000 partitions too many": lambda site: nonsense(site.ids[site.topic], 6_000),
}


@pytest.mark.parametrize("session", [False, True], ids=["sessionless", "in a session"])
@pytest.mark.parametrize("beside", UNKNOWN.values(), ids=UNKNOWN)
def test_ids_that_are_named_beside__hide_nothing(site, bystander, attacker, beside, session):
    named = beside(site)
    with Watched(site, bystander, attacker):
        for before, behind in ((named, []), ([], named)):
            with attacker.wire() as wire:
                attacker.read_all(wire, before, site.ids[site.topic], behind=behind, session=session, max_bytes=5_000)


@pytest.mark.parametrize("numbers", [[0], [1], [0, 1]], ids=["none", "the cluster's own", "both"])
def test_ids_that_no_topic_has__hide_nothing(site, bystander, attacker, numbers):
    """The broker serves what is named beside them, or fails over them and serves nothing."""
    odd, real = [(bytes(15) + bytes([number]), [(0, 0)]) for number in numbers], [(site.ids[site.topic], [(0, 0)])]
    with Watched(site, bystander, attacker):
        for named in (odd + real, real + odd):
            with attacker.wire() as wire:
                read = attacker.received(wire.read(named))
                assert read.error == 0 or (read.error, read.bytes) == (UNKNOWN_SERVER_ERROR, 0)
                attacker.read_all(wire)  # again, and counted for it


def test_partition_named_twice__is_counted_once(site, bystander, attacker):
    """The broker reads the last of them. Where a fetch began is then anybody's guess, so its messages may be derived."""
    with Watched(site, bystander, attacker, messages=False), attacker.wire() as wire:
        for topic in (site.topic, site.ids[site.topic]):
            attacker.read_all(wire, [(topic, [(0, 3)])], topic, max_bytes=5_000)
            attacker.read_all(wire, [], topic, max_bytes=5_000, behind=[(topic, [(1, 0), (1, 2)])])


# --- as large as a request may be ------------------------------------------------------------------------


def largest(site, size):
    """(topics beside, client id) that make a sessionless request of `size` bytes for one partition of the topic."""
    room = size - len(fetch_of(site, [], b""))
    count = (room - 64) // 28
    named = [("nowhere.ticks", [(number, 0) for number in range(count)])]
    return named, b"c" * (size - len(fetch_of(site, named, b"")))


def fetch_of(site, named, client_id):
    """The bytes behind the size."""
    return b"\0" * 10 + client_id + body_by_name([*named, (site.topic, [(0, 0)])], 0, -1, (), 0, 0, ALL)


def test_request_of_the_largest_size__is_counted_and_one_byte_more_is_served_nothing(site, bystander, attacker):
    named, client_id = largest(site, REQUEST_MAX)
    with Watched(site, bystander, attacker):
        with attacker.wire(client_id=client_id) as wire:
            attacker.read_all(wire, named)
        with attacker.wire(client_id=client_id + b"c") as wire, pytest.raises(Closed):
            wire.read([*named, (site.topic, [(0, 0)])])
    assert sum(len(parts) for _, parts in named) > 74_000


def test_largest_session__is_counted(site, bystander, attacker):
    """Every answer in it names all the partitions that don't exist."""
    named, _ = largest(site, REQUEST_MAX // 2)
    with Watched(site, bystander, attacker), attacker.wire() as wire:
        attacker.read_all(wire, named, session=True)


MANY = {
    "topics without partitions": lambda _: [("", [])] * 349_000,
    "names of one letter": lambda _: [("x", [(0, 0)])] * 59_000,
    "ids": lambda _: [(os.urandom(16), [(0, 0)]) for _ in range(40_000)],
}


@pytest.mark.parametrize("beside", MANY.values(), ids=MANY)
def test_as_many_topics_as_a_request_holds__hide_nothing(site, bystander, attacker, beside):
    named = beside(site)
    topic = site.ids[site.topic] if isinstance(named[0][0], bytes) else site.topic
    with Watched(site, bystander, attacker), attacker.wire() as wire:
        attacker.read_all(wire, named, topic)


# --- what a client says of itself ------------------------------------------------------------------------

FORGED = (
    '\n[2026-11-22 16:00:00,000] DEBUG Completed request:{"isForwarded":false,"requestHeader":{"requestApiKey":1,"requestApiVersion":11,'
    '"correlationId":1,"clientId":"c","requestApiKeyName":"FETCH"},"request":{"replicaId":-1,"sessionId":0,"sessionEpoch":-1,"topics":[]},'
    '"response":{"errorCode":0,"sessionId":0,"responses":[]},"connection":"a:1-b:2-0-0","totalTimeMs":1.0,"principal":"User:%s",'
    '"listener":"CLIENT"} (kafka.request.logger)\n'
)
CLIENTS = {
    "empty": "",
    "of control characters": "\x01\x1b\r\n\t\x7f" * 5_000,
    "of quotes": '"\\' * 16_000,
    "of another principal": '","principal":"User:nobody","listener":"CLIENT","x":"',
    "of another line": FORGED,
    "a torn line": "] DEBUG Completed request:{",
    "not ASCII": "é✓𝄞\u2028\u202e" * 2_000,
    "not text": bytes(range(128, 256)) * 200,
    "as long as can be": "c" * 32_767,
}


@pytest.mark.parametrize("client_id", CLIENTS.values(), ids=CLIENTS)
def test_client_id__hides_nothing(site, bystander, attacker, client_id):
    if client_id is FORGED:
        client_id = FORGED % bystander.who
    with Watched(site, bystander, attacker), attacker.wire(client_id=client_id) as wire:
        attacker.read_all(wire, max_bytes=5_000)


def test_correlation_ids_that_repeat__hide_nothing(site, bystander, attacker):
    with Watched(site, bystander, attacker):
        for _ in range(2):
            with attacker.wire(correlation=7) as wire:
                attacker.read_all(wire, max_bytes=5_000)


def test_names_and_ids_in_turn__are_one_reader(site, bystander, attacker):
    with Watched(site, bystander, attacker), attacker.wire() as wire:
        offset = 0
        for turn in range(BATCHES + 1):
            topic = (site.topic, site.ids[site.topic])[turn % 2]
            part = attacker.received(wire.read([(topic, [(0, offset)])], max_bytes=2_500)).part(topic, 0)
            if part.batches:
                attacker.records += part.batches[0][1]
                offset = part.batches[0][0] + part.batches[0][1]
        assert offset == BATCHES * RECORDS


@pytest.mark.parametrize("replica", [-2, -3, -(2**31)])
def test_reader_that_says_it_is_no_consumer__is_counted(site, bystander, attacker, replica):
    with Watched(site, bystander, attacker):
        for topic in (site.topic, site.ids[site.topic]):
            with attacker.wire(replica=replica) as wire:
                attacker.read_all(wire, topic=topic, max_bytes=5_000)


@pytest.mark.parametrize("replica", [0, 1, 2**31 - 1])
def test_reader_that_says_it_is_a_broker__is_served_nothing(site, attacker, replica):
    with attacker.wire(replica=replica) as wire:
        for topic in (site.topic, site.ids[site.topic]):
            assert [(part.error, part.records) for part in wire.read([(topic, [(0, 0)])]).parts] == [(NOT_AUTHORIZED, b"")]


# --- a right that ends while a fetch waits ---------------------------------------------------------------


def end(site, subscription):
    assert site.consumer.post(f"/v1/subscriptions/{subscription}/cancel", {"effective": "now"}).json["state"] == "ended"


def by_payer(site, attacker):
    rows = site.house.sql(f"select coalesce(subscription_id::text, ''), sum(bytes) from usage_quarter where principal = '{attacker.who}' group by 1")
    return {payer: int(size) for payer, size in (row.split("|") for row in rows) if int(size)}


def wait_at_the_end(site, wire):
    """Reads partition 1, and leaves a fetch behind that the broker has let in and that waits for more."""
    read = wire.read([(site.topic, [(1, 0)])]).parts[0]
    wire.begin([(site.topic, [(1, read.high)])], wait_ms=25_000, min_bytes=1_000)
    return read


def test_fetch_that_waits_while_its_right_ends__is_the_ended_ones(site, bystander):
    """Another plan follows for the same application and topic; then nothing follows."""
    body = {"code": "second", "name": "Second", "plan": site.plan["current"]["plan"], "revenue_share": {"percent": "20"}}
    second_plan = site.provider.made(f"/v1/products/{site.product['id']}/plans", body)
    attacker = site.reader()
    with attacker.wire() as wire:
        read = wait_at_the_end(site, wire)
        first = attacker.subscription
        end(site, first)
        second = site.subscribe(attacker.application, second_plan)
        wait_for(attacker.is_let_in, "the right to reach the broker again")
        site.fill(site.topic, 1, 1)
        waited = wire.answer_of_fetch()
        after = wire.read([(site.topic, [(1, waited.parts[0].high)])])
        begun = wire.read([(site.topic, [(1, 0)])])
    assert waited.bytes > 0 and after.bytes == 0
    expected = {first: len(read.records) + waited.bytes, second: begun.bytes}
    wait_for(lambda: by_payer(site, attacker) == expected, f"{expected}")
    with attacker.wire() as wire, attacker.wire() as another:
        read = wait_at_the_end(site, wire)
        end(site, second)
        behind = [(site.topic, [(1, read.high)])]
        refused = lambda: another.read(behind).parts[0].error == NOT_AUTHORIZED  # noqa: E731
        wait_for(refused, "the right to be taken away")
        site.fill(site.topic, 1, 1)
        waited = wire.answer_of_fetch()
        assert waited.bytes > 0
        assert wire.read([(site.topic, [(1, 0)])]).bytes == 0
    expected[second] += len(read.records) + waited.bytes
    wait_for(lambda: by_payer(site, attacker) == expected, f"{expected}")
