"""What only all the produce batches of a topic together can tell: the meters of their writers and readers know but
parts of them, and the database puts these together."""

import gzip
import json
import random
import sys

import pytest
from log_feed import Feed
from meter_test import PARTITIONS, cluster, migrated  # noqa: F401 (fixtures)
from stack import ROOT, wait_for

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


def test_two_principals_on_one_partition__have_what_the_recount_says(cluster):  # noqa: F811
    with gzip.open(TWO_WRITERS, "rb") as file:
        lines = file.read().splitlines()
    feed = cluster.feed()
    for line in lines:
        feed.add_line(line, who_of(line))
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
    feed = cluster.feed()
    for line in lines:
        feed.add_line(line, who_of(line))
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
    feed = cluster.feed()
    for line in early:
        feed.add_line(line, who_of(line))
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
    feed = cluster.feed()
    for line in first + other + second:
        feed.add_line(line, who_of(line))
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
