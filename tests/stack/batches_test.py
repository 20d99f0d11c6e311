"""What only all the produce batches of a topic together can tell: the meters of their writers and readers know but
parts of them, and the database puts these together."""

import gzip
import json
import random
import sys
import time

import pytest
from confluent_kafka import Producer
from log_feed import Feed
from meter_test import PARTITIONS, Cluster, cluster, migrated  # noqa: F401 (fixtures)
from stack import ROOT, Stack, open_folder, wait_for

sys.path.insert(0, str(ROOT / "tests" / "golden" / "request-log"))
from recount import recount_fully  # noqa: E402

TWO_WRITERS = ROOT / "tests" / "golden" / "metering" / "produced_two_principals.log.gz"
ID = "ZWlyYmF0Y2hlc3RvcGljMQ"
MINUTE = 60_000_000
BEGIN = 1_795_341_600_000_000  # 2026-11-22T10:00Z
LINE = (
    '[2026-11-22 %02d:%02d:%02d,%03d] DEBUG Completed request:{"isForwarded":false,"requestHeader":{"requestApiKey":0,'
    '"requestApiVersion":%d,"correlationId":1,"clientId":"maker","requestApiKeyName":"PRODUCE"},"request":{"transactionalId":null,'
    '"acks":-1,"timeoutMs":30000,"topicData":[{%s,"partitionData":[{"index":%d,"recordsSizeInBytes":%d}]}]},"response":{"responses":'
    '[{%s,"partitionResponses":[{"index":%d,"errorCode":0,"baseOffset":%d,"logAppendTimeMs":-1,"logStartOffset":0}]}],'
    '"throttleTimeMs":0},"connection":"127.0.0.1:19094-127.0.0.1:40001-0-1","totalTimeMs":1.5,"principal":"User:%s",'
    '"listener":"CLIENT"} (kafka.request.logger)'
)


def wrote(who, at_ms, base, size, topic=f'"topicId":"{ID}"', partition=0):
    """A PRODUCE line at_ms after 10:00."""
    s, ms = divmod(at_ms, 1000)
    version = 13 if "topicId" in topic else 7
    return (LINE % (10 + s // 3600, s // 60 % 60, s % 60, ms, version, topic, partition, size, topic, partition, base, who)).encode()


def produced(cluster, table="usage_quarter"):  # noqa: F811
    return {
        name: (int(size), int(messages))
        for name, size, messages in cluster.sql(
            f"select principal, sum(produced_bytes), sum(produced_messages) from {table} where cluster_id = %s group by 1", cluster.id
        )
    }


def judged(*logs):
    """{principal: (bytes, messages)} of the independent recount."""
    rows = {}
    for row in recount_fully(list(logs)):
        name = row["principal"].removeprefix("User:")
        size, messages = rows.get(name, (0, 0))
        rows[name] = size + row["produced_bytes"], messages + row["produced_messages"]
    return rows


def log_of(folder, lines):
    log = folder / "kafka-request.log.gz"
    with gzip.open(log, "wb", compresslevel=1) as file:
        file.write(b"".join(line + b"\n" for line in lines))
    return log


def who_of(line):
    return json.loads(line[line.index(b"{") : line.rindex(b"}") + 1])["principal"].encode()


def settled(cluster):  # noqa: F811
    return cluster.sql("select 1 from produce_batch where cluster_id = %s and pending limit 1", cluster.id) == []


def writers(count):
    return [f"maker{number}" for number in range(count)]


def interleaved(names, count, seed, topic=f'"topicId":"{ID}"'):
    """PRODUCE lines of several principals into two partitions, a third of them out of order."""
    dice, ends, lines = random.Random(seed), [0, 0], []
    for number in range(count):
        partition = dice.randrange(2)
        lines.append(wrote(dice.choice(names), 20 * number, ends[partition], dice.randrange(70, 5000), topic, partition))
        ends[partition] += dice.randrange(1, 100)
    for at in range(0, count - 3, 3):
        if dice.random() < 0.5:
            a, b = lines[at], lines[at + 2]
            lines[at], lines[at + 2] = b[:0] + a[:25] + b[25:], b[:25] + a[25:]
    return lines


def feed_of(cluster, lines):  # noqa: F811
    feed = cluster.feed()
    for line in lines:
        feed.add_line(line, who_of(line))
    return feed


def test_two_principals_on_one_partition__have_what_the_recount_says(cluster):  # noqa: F811
    with gzip.open(TWO_WRITERS, "rb") as file:
        lines = file.read().splitlines()
    feed = feed_of(cluster, lines)
    cluster.meter()
    feed.ship()
    cluster.wait()
    wait_for(lambda: settled(cluster), "the batches to be settled")
    assert produced(cluster) == {"p1": (3000, 2), "p2": (18000, 180)} == judged(TWO_WRITERS)
    assert produced(cluster, "usage_day") == produced(cluster)


@pytest.mark.parametrize("meters", [1, 2])
def test_several_principals__have_what_the_recount_says_whatever_is_killed(cluster, tmp_path, meters):  # noqa: F811
    """Four writers in different partitions of the log, each killed meter's part read again by the next."""
    names, dice = writers(4), random.Random(meters)
    lines = interleaved(names, 3000, meters)
    feed = feed_of(cluster, lines)
    running = [cluster.meter(instance=f"m{n}") for n in range(meters)]
    for part in range(6):
        feed.ship(max(0, part * 500 - 200), 700 if part else 500)
        victim = dice.choice(running)
        wait_for(victim.ready, "the meter to have its partitions")
        victim.kill()
        victim.start()
    cluster.wait()
    expected = judged(log_of(tmp_path, lines))
    wait_for(lambda: settled(cluster) and produced(cluster) == expected, "what the recount says")
    assert produced(cluster, "usage_day") == expected
    assert cluster.sql("select several, kept from batch_topic where cluster_id = %s", cluster.id) == [(True, True)]


def test_second_writer_read_hours_later__still_divides_what_the_first_was_given(cluster, tmp_path):  # noqa: F811
    """Until everybody has read up to them, the first one's batches stay in memory; then only the topic's rows."""
    first = [wrote("alone", 1000 * n, 100 * n, 500) for n in range(1800)]  # half an hour
    second = [wrote("late", 1000 * n + 500, 100 * n + 30, 700) for n in range(1800)]
    name = next(n for n in map("late{}".format, range(100)) if Feed.partition_of(Probe, f"User:{n}".encode()) != Feed.partition_of(Probe, b"User:alone"))
    second = [line.replace(b"User:late", f"User:{name}".encode()) for line in second]
    feed = cluster.feed()
    for line in first:
        feed.add_line(line, b"User:alone")
    mine = feed.partition_of(b"User:alone")
    for minute in range(0, 300, 5):  # control records of the one partition alone
        value = {"broker_time_us": BEGIN + minute * MINUTE, "generation": feed.generation, "offset": feed.offset, "interval_ms": 5000, "version": "test"}
        feed.add(mine, "control", json.dumps(value).encode())
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    alone = produced(cluster)
    assert alone == {"alone": (900_000, 179_900)}
    meter.kill()
    meter.start()
    cluster.wait()
    shipped = len(feed.records)
    for line in second:
        feed.add_line(line, f"User:{name}".encode())
    feed.ship(shipped)
    cluster.wait()
    expected = judged(log_of(tmp_path, first + second))
    assert expected["alone"] == (900_000, 1800 * 30)
    wait_for(lambda: settled(cluster) and produced(cluster) == expected, "what the recount says")


class Probe:
    partitions = PARTITIONS


def test_late_line__is_a_correction_and_not_a_second_count(cluster, tmp_path):  # noqa: F811
    early = [wrote("one", 0, 0, 100), wrote("two", 1000, 10, 100), wrote("one", 2000, 40, 100)]
    late = [wrote("two", 1500, 25, 100)]
    feed = feed_of(cluster, early)
    cluster.meter()
    feed.ship()
    cluster.wait()
    wait_for(lambda: settled(cluster), "the batches to be settled")
    assert produced(cluster) == {"one": (200, 10), "two": (100, 30)}
    shipped = len(feed.records)
    feed.add_line(late[0], who_of(late[0]))
    feed.ship(shipped)
    cluster.wait()
    wait_for(lambda: settled(cluster), "the batches to be settled")
    assert produced(cluster) == {"one": (200, 10), "two": (200, 30)} == judged(log_of(tmp_path, early + late))


def test_writer_by_name_and_writer_by_id__are_of_one_topic(cluster, tmp_path):  # noqa: F811
    """One is told by name before anybody knows the id."""
    by_name = '"name":"acme.both"'
    first = [wrote("name1", 1000 * n, 100 * n, 500, by_name) for n in range(10)]
    other = [wrote("name2", 1000 * n + 300, 100 * n + 20, 500, by_name) for n in range(10)]
    second = [wrote("id1", 1000 * n + 500, 100 * n + 30, 700) for n in range(10)]
    feed = feed_of(cluster, first + other + second)
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    shipped = len(feed.records)
    feed.add_everywhere("fact", {"at_us": BEGIN - MINUTE, "topics": [{"id": ID, "name": "acme.both", "event": "seen"}]})
    feed.offset += 1
    more = [wrote("name1", 20_000, 1000, 500, by_name), wrote("id1", 21_000, 1100, 500)]
    for line in more:
        feed.add_line(line, who_of(line))
    feed.ship(shipped)
    cluster.wait()
    expected = {"name1": (5500, 20 * 10 + 100), "name2": (5000, 10 * 10), "id1": (7500, 9 * 70 + 70)}
    wait_for(lambda: settled(cluster) and produced(cluster) == expected, "what the topic's writers have together")
    wait_for(lambda: cluster.sql("select topic, several from batch_topic where cluster_id = %s", cluster.id) == [(ID, True)], "the name to be gone")
    assert meter.ready()


# --- share groups ----------------------------------------------------------------------------------------------------
SHARED = (
    '[2026-11-22 10:%02d:%02d,000] DEBUG Completed request:{"isForwarded":false,"requestHeader":{"requestApiKey":78,'
    '"requestApiVersion":2,"correlationId":203,"clientId":"sharer","requestApiKeyName":"SHARE_FETCH"},"request":{"groupId":"g",'
    '"memberId":"IyJYkeh4QU2cDWzvZN4LbQ","shareSessionEpoch":1,"maxWaitMs":500,"minBytes":1,"maxBytes":52428800,"maxRecords":500,'
    '"batchSize":500,"shareAcquireMode":0,"isRenewAck":false,"topics":[],"forgottenTopicsData":[]},"response":{"throttleTimeMs":0,'
    '"errorCode":0,"errorMessage":null,"acquisitionLockTimeoutMs":30000,"responses":[{"topicId":"' + ID + '","partitions":'
    '[{"partitionIndex":0,"errorCode":0,"errorMessage":null,"acknowledgeErrorCode":0,"acknowledgeErrorMessage":null,'
    '"currentLeader":{"leaderId":0,"leaderEpoch":0},"records":"","acquiredRecords":[%s]}]}],"nodeEndpoints":[]},'
    '"connection":"127.0.0.1:19094-127.0.0.1:34810-4-5","totalTimeMs":1.5,"principal":"User:sharer","listener":"CLIENT"} (kafka.request.logger)'
)


def shared(second, *ranges):
    """A SHARE_FETCH line: (first, last, how often delivered)."""
    acquired = ",".join('{"firstOffset":%d,"lastOffset":%d,"deliveryCount":%d}' % r for r in ranges)
    return (SHARED % (second // 60, second % 60, acquired)).encode()


def share_usage(cluster, table="usage_quarter"):  # noqa: F811
    """{delivery: (messages, bytes, messages whose bytes are unknown)}"""
    return {
        delivery: tuple(map(int, rest))
        for delivery, *rest in cluster.sql(
            f"select delivery, sum(share_messages), sum(share_bytes), sum(share_unknown) from {table} where cluster_id = %s"
            " and share_messages > 0 group by 1", cluster.id,
        )
    }


class Later:
    """The brokers' time goes on, a minute at each look."""

    def __init__(self, cluster, feed, begin_us=BEGIN + 30 * MINUTE):  # noqa: F811
        self.cluster, self.feed, self.at = cluster, feed, begin_us

    def __call__(self):
        before = len(self.feed.records)
        self.at += MINUTE
        self.feed.control(self.at)
        self.feed.ship(before)

    def until(self, condition, what):
        def look():
            self()
            return condition()

        wait_for(look, what, 60, every=1)

    def until_read(self):
        waiting = "select 1 from produce_reading where cluster_id = %s limit 1"
        self.until(lambda: self.cluster.sql(waiting, self.cluster.id) == [], "the readings to be settled")


def test_share_group__has_the_bytes_of_the_batches_it_was_sent(cluster):  # noqa: F811
    """Whole batches, from that of the first record acquired to that of the last, in each answer anew."""
    feed = feed_of(cluster, [
        wrote("one", 0, 0, 100), wrote("two", 1000, 10, 200), wrote("one", 2000, 20, 400), wrote("one", 3000, 30, 800),
        shared(10, (0, 9, 1)), shared(11, (12, 25, 1)), shared(12, (12, 14, 2)), shared(13, (5, 7, 2), (33, 34, 1)),
    ])  # fmt: skip
    cluster.meter()
    feed.ship()
    cluster.wait()
    assert share_usage(cluster) == {0: (10 + 14 + 2, 0, 10 + 14 + 5), 1: (3 + 3, 0, 3)}
    Later(cluster, feed).until_read()
    assert share_usage(cluster) == {0: (26, 100 + 600 + 1500, 0), 1: (6, 200, 0)} == share_usage(cluster, "usage_day")


def test_share_group_reads_what_is_not_known__its_bytes_are_unknown_and_never_zero_in_silence(cluster):  # noqa: F811
    """Records of before the first batch that was seen, and around one that the broker told no place of."""
    nowhere = wrote("one", 2500, 30, 800).replace(b'"acks":-1', b'"acks":0')
    nowhere = nowhere[: nowhere.index(b'"response":')] + b'"response":""' + nowhere[nowhere.index(b',"connection"') :]
    feed = feed_of(cluster, [
        wrote("one", 0, 50, 100), wrote("one", 1000, 60, 200), shared(10, (0, 9, 1)), shared(11, (50, 59, 1)),
    ])  # fmt: skip
    cluster.meter()
    feed.ship()
    cluster.wait()
    Later(cluster, feed).until_read()
    assert share_usage(cluster) == {0: (20, 100, 10)}
    before = len(feed.records)
    for line in (nowhere, shared(1200, (50, 59, 1))):
        feed.add_line(line, who_of(line))
    feed.ship(before)
    cluster.wait()
    Later(cluster, feed, BEGIN + 60 * MINUTE).until_read()
    assert share_usage(cluster) == {0: (30, 100, 20)}
    unplaced = cluster.sql("select count(unplaced_from) from batch_topic where cluster_id = %s", cluster.id)
    assert unplaced == [(1,)]


def test_topic_with_too_many_batches__the_oldest_go_and_that_is_told(cluster):  # noqa: F811
    lines = [wrote(f"maker{n % 2}", 1000 * n, 10 * n, 500) for n in range(1800)]
    feed = feed_of(cluster, lines)
    cluster.meter(batches_most=1000)
    feed.ship()
    cluster.wait()
    told = "select batches::int, capped_at is not null from batch_topic where cluster_id = %s"
    Later(cluster, feed).until(lambda: cluster.sql(told, cluster.id) == [(1000, True)], "the oldest to be gone")
    kept = cluster.sql("select count(*), min(base_offset) from produce_batch where cluster_id = %s", cluster.id)
    assert kept == [(1000, 8000)]
    assert produced(cluster) == {"maker0": (900 * 500, 9000), "maker1": (900 * 500, 8990)}


def test_topic_that_is_wanted_by_its_name__is_kept_with_one_writer_too(cluster):  # noqa: F811
    """By each id that bears the name; what the writer's state remembers comes with it."""
    feed = feed_of(cluster, [wrote("one", 0, 0, 100), wrote("one", 1000, 10, 200)])
    feed.add_everywhere("fact", {"at_us": BEGIN - MINUTE, "topics": [{"id": ID, "name": "acme.wanted", "event": "seen"}]})
    feed.offset += 1
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    assert cluster.sql("select 1 from produce_batch where cluster_id = %s", cluster.id) == []
    cluster.sql("insert into batch_topic (cluster_id, topic, wanted) values (%s, 'acme.wanted', true)", cluster.id)
    rows = "select base_offset, bytes, counted from produce_batch where cluster_id = %s and not pending order by 1"
    wait_for(lambda: cluster.sql(rows, cluster.id) == [(0, 100, 10), (10, 200, 0)], "the batches to be handed over")
    before = len(feed.records)
    line = wrote("one", 2000, 30, 400)
    feed.add_line(line, who_of(line))
    feed.ship(before)
    wait_for(lambda: cluster.sql(rows, cluster.id) == [(0, 100, 10), (10, 200, 20), (30, 400, 0)], "the next batch")
    assert produced(cluster) == {"one": (700, 30)}
    topics = cluster.sql("select topic, wanted, kept from batch_topic where cluster_id = %s order by 1", cluster.id)
    assert topics == [(ID, True, True), ("acme.wanted", True, True)]
    assert meter.stop() == 0


@pytest.fixture(scope="module")
def sharing():
    """A broker with share groups, and a database."""
    with Stack(open_folder("share"), WEIR_KAFKA_EXTRA_USERS="maker sharer") as stack:
        stack.up_servers()
        stack.script("weir", "migrate")
        stack.script("kafka", "tool", "org.apache.kafka.tools.FeatureCommand", "upgrade", "--feature", "share.version=1", check=False)
        yield stack


def test_share_group_on_a_live_broker__has_the_bytes_of_the_brokers_own_counter(sharing):
    """Two principals write; one member releases what it was given, so that others are sent it again."""
    cluster, topic = Cluster(sharing), "share.live"
    sharing.create_topic(topic, 2)
    allow(sharing, topic)
    tool = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"
    sharing.script("kafka", "tool", "kafka.admin.ConfigCommand", "--alter", "--entity-type", "groups", "--entity-name", "live",
                   "--add-config", "share.auto.offset.reset=earliest")  # fmt: skip
    dice, total = random.Random(3), 0
    for turn in range(12):
        producer = Producer(sharing.kafka_config(("maker", "admin")[turn % 2], linger_ms=20, compression_type=("none", "lz4")[turn % 3 == 0]))
        for _ in range(dice.randrange(20, 120)):
            producer.produce(topic, dice.randbytes(dice.randrange(10, 900)).hex(), partition=dice.randrange(2))
            total += 1
        producer.flush(30)
    for more in (["--release", "--max-messages", "150"], ["--max-messages", str(total // 2)], []):
        sharing.script("kafka", "tool", tool, "--topic", topic, "--group", "live", "--timeout-ms", "8000", *more, check=False)
    sent = sharing.jmx_counts("BytesOutPerSec")[topic]
    feed = cluster.feed()
    feed.add_log(line for log in sharing.request_logs() for line in log.read_bytes().splitlines(keepends=True))
    cluster.meter()
    feed.ship()
    cluster.wait()
    assert share_usage(cluster)[0][0] >= total and share_usage(cluster)[1][0] > 0
    Later(cluster, feed, int(time.time() * 1_000_000)).until_read()
    known = share_usage(cluster)
    cluster.close()
    assert sum(size for _, size, _ in known.values()) == sent > 0
    assert [unknown for _, _, unknown in known.values()] == [0, 0]


def allow(stack, topic):
    """Its makers may write it."""
    from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

    acl = AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:maker", "*", AclOperation.WRITE, AclPermissionType.ALLOW)
    admin = stack.admin()  # it has to outlive its answers
    for future in admin.create_acls([acl]).values():
        future.result()
