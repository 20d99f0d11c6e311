"""weir-meter on a real broker and a real PostgreSQL: whatever is killed, stopped or sent twice, the usage in the
database is what an independent recount of the same log says."""

import gzip
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import psycopg
import pytest
import requests
from hang_up import complaints, end, stopped_idle
from log_feed import TOPIC_ID, Feed, session_fetches, wide_fetches
from stack import BIN, ROOT, free_ports, wait_for

sys.path.insert(0, str(ROOT / "tests" / "golden" / "request-log"))
from recount import recount  # noqa: E402

GOLDEN = sorted((ROOT / "tests" / "golden" / "request-log").glob("*.log.gz"))
BINARY = BIN / "weir-meter"
PARTITIONS = 4
# What the share consumers themselves counted.
SHARED = {"sessions.log.gz": {"acme.share": 400}, "sessionless.log.gz": {"umbra.share": 300}}
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def migrated(servers):
    servers.script("weir", "migrate")
    return servers


class Cluster:
    """A registered cluster with a log topic of its own."""

    def __init__(self, stack):
        self.stack = stack
        self.name = f"meter-{os.getpid()}-{next(NUMBERS)}"
        self.topic = f"weir.broker-log.{self.name}"
        stack.create_topic(self.topic, PARTITIONS)
        self.id = self.sql(
            "insert into cluster (name, bootstrap_servers, audience, metering_class, log_topic, log_partitions)"
            " values (%s, %s, %s, 'request_log', %s, %s) returning id",
            self.name, stack.client, self.name, self.topic, PARTITIONS,
        )[0][0]
        self.meters, self.taps = [], []

    def sql(self, text, *parameters):
        def attempt():
            with psycopg.connect(self.stack.database_url()) as connection:
                cursor = connection.execute(text, parameters)
                return cursor.fetchall() if cursor.description else True
        while True:
            try:
                return attempt()
            except psycopg.OperationalError:
                time.sleep(0.1)  # while the server restarts

    def feed(self, **more):
        return Feed(self.stack, self.topic, PARTITIONS, **more)

    def meter(self, instance=None, **settings):
        one = Meter(self, instance, settings)
        self.meters.append(one)
        return one

    def usage(self):
        rows = self.sql(
            "select principal, topic, sum(bytes)::text, sum(messages)::text, sum(fetches)::text, sum(open_fetches)::text,"
            " sum(produced_bytes)::text from usage_bound where cluster_id = %s group by 1, 2 order by 1, 2", self.id,
        )
        fields = ("bytes", "messages", "fetches", "open_fetches", "produced_bytes")
        named = [{"principal": "User:" + r[0], "topic": r[1], **{f: int(v) for f, v in zip(fields, r[2:])}} for r in rows]
        return [row for row in named if any(row[f] for f in fields)]

    def share_messages(self):
        return dict(self.sql("select topic, sum(share_messages)::int8 from usage_bound where cluster_id = %s and share_messages > 0 group by 1", self.id))

    def next_offsets(self):
        return dict(self.sql("select log_partition, next_offset from meter_partition where cluster_id = %s", self.id))

    def end_offsets(self):
        """None while the client has still to hear who leads a partition."""
        from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

        unheard = KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART
        consumer = Consumer(self.stack.kafka_config("admin", group_id="ends"))
        try:
            return {p: consumer.get_watermark_offsets(TopicPartition(self.topic, p), timeout=20)[1] for p in range(PARTITIONS)}
        except KafkaException as error:
            if error.args[0].code() not in unheard:
                raise
            return None
        finally:
            consumer.close()

    def caught_up(self):
        ends = self.end_offsets()
        return ends is not None and {p: n for p, n in ends.items() if n > 0} == {p: n for p, n in self.next_offsets().items() if n > 0}

    def wait(self, seconds=60):
        wait_for(self.caught_up, "the meter to catch up", seconds, every=0.1)

    def tap(self, log, **settings):
        one = Tap(self, log, settings)
        self.taps.append(one)
        return one

    def close(self):
        for one in self.taps + self.meters:
            one.stop()


class Meter:
    def __init__(self, cluster, instance, settings):
        self.cluster, stack = cluster, cluster.stack
        self.port = free_ports(len(cluster.meters) + 1)[-1]  # those before may not listen yet
        self.env = {
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            "WEIR_CLUSTER": cluster.name,
            "WEIR_GROUP_ID": f"weir-meter.{cluster.name}",
            "WEIR_KAFKA_BOOTSTRAP": stack.internal,
            "WEIR_KAFKA_USER": "weir-meter",
            "WEIR_KAFKA_PASSWORD_FILE": str(stack.folder / "secrets" / "kafka-weir-meter"),
            "WEIR_DATABASE_URL_FILE": str(stack.folder / "secrets" / "url-weir_meter"),
            "WEIR_METRICS_LISTEN": f"127.0.0.1:{self.port}",
            "WEIR_BATCH_MS": "100",
            "WEIR_SESSION_TIMEOUT": "6s",
            **({"WEIR_INSTANCE": instance} if instance else {}),
            **{f"WEIR_{k.upper()}": str(v) for k, v in settings.items()},
        }
        self.process = None
        self.out = stack.folder / "log" / f"meter-{self.port}.out"
        self.others = self.out.stat().st_size if self.out.exists() else 0  # said by one that had the port before
        self.start()

    def start(self):
        log = open(self.out, "ab")
        self.process = subprocess.Popen([BINARY], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(30)
        return self.process.returncode

    def metric(self, name):
        try:
            text = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=5).text
        except requests.ConnectionError:
            return None
        values = [float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name) and line[len(name)] in " {"]
        return sum(values) if values else None

    def log(self):
        return [json.loads(line) for line in self.out.read_bytes()[self.others :].splitlines()]

    def ready(self):
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False


@pytest.fixture
def cluster(migrated):
    one = Cluster(migrated)
    yield one
    one.close()


def lines_of(*logs):
    for log in logs:
        with gzip.open(log, "rb") as file:
            yield from file.read().splitlines(keepends=True)


def expected_of(*logs):
    """What the independent recount says, without what carries nothing."""
    rows = [
        {k: row[k] for k in ("principal", "topic", "bytes", "messages", "fetches", "open_fetches", "produced_bytes")}
        for row in recount(list(logs))
    ]
    return sorted((r for r in rows if any(v for k, v in r.items() if k not in ("principal", "topic"))), key=lambda r: (r["principal"], r["topic"]))


def assert_usage(cluster, *logs):
    assert cluster.usage() == expected_of(*logs)


@pytest.mark.parametrize("log", GOLDEN, ids=lambda path: path.name.split(".")[0])
def test_golden_log__gives_the_recount(cluster, log):
    feed = cluster.feed()
    feed.add_log(lines_of(log))
    cluster.meter()
    feed.ship()
    cluster.wait()
    assert_usage(cluster, log)
    assert cluster.share_messages() == SHARED.get(log.name, {})
    assert cluster.sql("select count(*) from dead_letter where cluster_id = %s", cluster.id) == [(0,)]


# --- trouble ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def many(tmp_path_factory):
    """A log of 6,000 fetches by 40 principals, and what the recount says of it."""
    log = tmp_path_factory.mktemp("many") / "kafka-request.log.gz"
    with gzip.open(log, "wb", compresslevel=1) as file:
        for _, line in session_fetches(6000, 40):
            file.write(line + b"\n")
    return log, [{**row, "topic": TOPIC_ID} for row in expected_of(log)]


def many_feed(cluster, log):
    feed = cluster.feed()
    feed.add_log(lines_of(log))
    return feed


def test_meter_killed_20_times__counts_everything_once(cluster, many):
    log, expected = many
    feed = many_feed(cluster, log)
    meter = cluster.meter(instance="one")
    dice = random.Random(20)
    for part in range(20):
        feed.ship(part * 300, 300)
        wait_for(meter.ready, "the meter to have its partitions")
        time.sleep(dice.random() * 0.15)  # anywhere from the first record to after the commit
        meter.kill()
        meter.start()
    cluster.wait()
    assert cluster.usage() == expected
    assert meter.stop() == 0


def test_meters_killed_while_they_join__have_their_partitions_back(cluster):
    """Their sessions of five minutes would hold them; and a member that doesn't know yet that the group is dividing
    them anew is waited for."""
    dice = random.Random(12)

    def joins(instance):
        one = cluster.meter(instance=instance, session_timeout="5m")
        for _ in range(6):
            time.sleep(dice.random() * 0.3)  # anywhere from its start to after its joining
            one.kill()
            one.start()
        return one

    first = joins("one")
    wait_for(lambda: first.metric("weir_meter_partitions") == PARTITIONS, "the first to have them all")
    second = joins("two")
    wait_for(lambda: [m.metric("weir_meter_partitions") for m in (first, second)] == [2, 2], "both to have their share")
    for one in (first, second, first):
        one.kill()
        one.start()
    wait_for(lambda: [m.metric("weir_meter_partitions") for m in (first, second)] == [2, 2], "both to have the same again")


def test_records_sent_again__are_dropped(cluster, many):
    log, expected = many
    feed = many_feed(cluster, log)
    meter = cluster.meter()
    feed.ship(0, 3000)
    feed.ship(1000, 3000)
    feed.ship()
    cluster.wait()
    assert cluster.usage() == expected
    assert meter.metric("weir_meter_duplicates_total") == 6000
    evidence = cluster.sql("select sum(lines)::int8 from usage_evidence where cluster_id = %s", cluster.id)
    assert evidence == [(6000,)]


def test_log_of_the_release_before__is_read_and_blocks_go_on_from_it(cluster, many):
    """Meters upgrade before taps; a tap that lost its state ships in blocks what was a record each before."""
    log, expected = many
    feed = many_feed(cluster, log)
    feed.ship(0, 2000, bare=True)
    meter = cluster.meter()
    cluster.wait()
    feed.ship(2000, 1000)
    feed.ship(1000, 3000)
    feed.ship(3500, 1500, bare=True)
    feed.ship(3500)
    cluster.wait()
    assert cluster.usage() == expected
    assert meter.metric("weir_meter_lines_total") == 6000
    assert meter.metric("weir_meter_duplicates_total") > 0
    assert cluster.sql("select 1 from log_gap where cluster_id = %s", cluster.id) == []


def test_delivery_that_failed__is_a_gap_until_it_is_shipped_again(cluster, many):
    log, expected = many
    feed = many_feed(cluster, log)
    meter = cluster.meter()
    feed.ship(leave_out={100})
    cluster.wait()
    gaps = "select records::int8, closed_at is not null from log_gap where cluster_id = %s"
    [(records, closed)] = cluster.sql(gaps, cluster.id)
    assert records > 0 and not closed
    place = [(line["partition"], line["broker"], line["offset"]) for line in meter.log() if line["event"].startswith("gap: ")]
    assert place == cluster.sql("select log_partition, broker_id, byte_offset from log_gap where cluster_id = %s", cluster.id)
    meter.kill()
    meter.start()
    wait_for(lambda: [line for line in meter.log() if line["event"].startswith("gap still open")], "the gap to be told again")
    lines = cluster.sql("select sum(lines)::int8 from usage_evidence where cluster_id = %s", cluster.id)[0][0]
    assert lines == 6000 - 1 - records
    wait_for(lambda: meter.metric("weir_meter_gaps_open") == 1, "the alarm")
    feed.ship(first=100)
    cluster.wait()
    assert cluster.usage() == expected
    assert cluster.sql(gaps, cluster.id) == [(records, True)]
    wait_for(lambda: meter.metric("weir_meter_gaps_open") == 0, "the alarm's end")
    assert [line["partition"] for line in meter.log() if line["event"].startswith("gap closed")] == [place[0][0]]


def test_zombie__changes_nothing(cluster, many):
    """A meter that hangs in the middle of a commit while another takes its partitions over, and then wakes up."""
    log, expected = many
    feed = many_feed(cluster, log)
    zombie = cluster.meter()
    feed.ship(0, 2000)
    cluster.wait()
    with psycopg.connect(cluster.stack.database_url()) as lock:
        lock.execute("select from meter_partition where cluster_id = %s for update", (cluster.id,))
        feed.ship(2000, 2000)
        waiting = "select 1 from pg_stat_activity where application_name = 'weir-meter' and wait_event_type = 'Lock'"
        wait_for(lambda: cluster.sql(waiting), "a commit under way")
        zombie.process.send_signal(signal.SIGSTOP)
    second = cluster.meter()
    cluster.wait(90)  # the group's session, then the locks of the zombie's transaction
    done = second.metric("weir_meter_lines_total")
    zombie.process.send_signal(signal.SIGCONT)
    feed.ship(4000)
    cluster.wait()
    assert cluster.usage() == expected
    assert done == 2000
    assert zombie.process.poll() is None


def test_two_meters__share_the_partitions(cluster, many):
    log, expected = many
    feed = many_feed(cluster, log)
    meters = [cluster.meter(), cluster.meter()]
    wait_for(lambda: [m.metric("weir_meter_partitions") for m in meters] == [2, 2], "both to have their share", 60)
    feed.ship(0, 3000)
    cluster.wait()
    assert all(m.metric("weir_meter_lines_total") > 0 for m in meters)
    assert meters[0].stop() == 0
    feed.ship(3000)
    cluster.wait()
    assert cluster.usage() == expected


def test_postgresql_killed__nothing_is_lost_or_doubled(cluster, many):
    log, expected = many
    feed = many_feed(cluster, log)
    meter = cluster.meter()
    for part in range(3):
        feed.ship(part * 2000, 1000)
        wait_for(lambda: meter.metric("weir_meter_lines_total") > part * 2000, "progress")
        cluster.stack.kill("postgres")
        feed.ship(part * 2000 + 1000, 1000)
        wait_for(lambda: not meter.ready(), "the meter to say that its database is away")
        cluster.stack.script("postgres", "up")
    cluster.wait()
    assert cluster.usage() == expected
    assert meter.metric("weir_meter_reconnects_total") >= 3
    wait_for(meter.ready, "the meter to be ready again")


def test_connection_that_died_idle__is_no_error(cluster, many):
    log, expected = many
    feed = many_feed(cluster, log)
    meter = cluster.meter()
    out = meter.out
    feed.ship(0, 3000)
    cluster.wait()
    complained = len(complaints(out))
    for begin in range(3000, 6000, 1000):
        with stopped_idle(cluster.stack, meter.process.pid, "weir_meter") as pids:
            end(cluster.stack, pids)
            feed.ship(begin, 1000)
        cluster.wait()
    assert cluster.usage() == expected
    assert complaints(out)[complained:] == []
    assert meter.metric("weir_meter_reconnects_total") == 3 and meter.ready()


def test_broker_killed__reading_goes_on(cluster, many):
    log, expected = many
    feed = many_feed(cluster, log)
    cluster.meter()
    feed.ship(0, 3000)
    cluster.stack.kill("kafka")
    cluster.stack.up_servers()
    feed.connect()  # as after a tap's restart
    feed.ship(2500)
    cluster.wait(90)
    assert cluster.usage() == expected


# --- what can't be read, what nobody owns ----------------------------------------------------------------------------
def test_topic_made_anew__is_read_from_its_start(cluster, many):
    """What the database says is next lies beyond the topic's end: then what lies below is no old record."""
    log, expected = many
    feed = many_feed(cluster, log)
    for partition in range(PARTITIONS):
        cluster.sql("insert into meter_partition (cluster_id, log_partition, next_offset) values (%s, %s, 1000000)", cluster.id, partition)
    feed.ship()
    cluster.meter()
    cluster.wait()
    assert cluster.usage() == expected


def test_unreadable_lines__are_dead_letters(cluster):
    name, line = next(session_fetches(1, 1))
    key = f"User:{name}".encode()
    feed = cluster.feed()
    good, torn = line, line[:300] + line
    feed.add_line(b"garbage", key)
    feed.add_line(good, key)
    feed.add_line(line[:-40], key)
    feed.dead(key, "too_long", b"x" * 5000)
    feed.add_line(torn, key)
    feed.add_line(line.replace(b"[2026", b"[9026", 1), key)
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    letters = cluster.sql(
        "select byte_offset, reason, line_bytes, length(head), generation, broker_id from dead_letter where cluster_id = %s order by 1", cluster.id
    )
    place = [0, 8, 8 + len(good) + 1]
    assert [letter[1] for letter in letters] == ["bad_prefix", letters[1][1], "too_long", "torn", "time_off"]
    assert [letter[0] for letter in letters[:2]] == [place[0], place[2]]
    assert letters[2][2:4] == (5000, 4096)
    assert {letter[4:] for letter in letters} == {(feed.generation, feed.broker)}
    known = cluster.sql("select reason, principal, api, line_at::text from dead_letter where cluster_id = %s order by byte_offset", cluster.id)
    when = "2026-11-22 16:00:10+00"
    assert known[1] == (letters[1][1], name, "FETCH", when)  # cut behind its principal
    assert [k[1:] for k in known if k[0] in ("bad_prefix", "too_long")] == [(None, None, None)] * 2
    assert known[3] == ("torn", None, "FETCH", when)
    assert known[4] == ("time_off", name, "FETCH", when.replace("2026", "9026"))
    assert cluster.usage()[0]["fetches"] == 2  # the good one, and the rest of the torn one
    assert meter.metric("weir_meter_dead_letters_total") == 5


def test_flood_of_dead_letters__is_counted(cluster):
    feed = cluster.feed()
    for number in range(1200):
        feed.add_line(b"garbage %d" % number, b"User:alice")
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    kept = cluster.sql("select count(*) from dead_letter where cluster_id = %s", cluster.id)[0][0]
    floods = cluster.sql("select lines::int8, last_offset from dead_letter_flood where cluster_id = %s", cluster.id)
    assert kept + sum(lines for lines, _ in floods) == 1200
    assert kept >= 1000  # two hours may meet
    if len(floods) == 1 and kept == 1000:
        assert floods == [(200, int(feed.last[feed.partition_of(b"User:alice")].rpartition(":")[2]))]
    assert meter.metric("weir_meter_dead_letters_total") == 1200


def grant(cluster, principal, topic, from_at, to_at=None):
    """A grant as it stands in the table; the tables around it are of no interest here."""
    with psycopg.connect(cluster.stack.database_url()) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(
            "insert into application (org_id, name, principal) values (gen_random_uuid(), 'a', %s) on conflict do nothing", (principal,)
        )
        return connection.execute(
            "insert into grant_period (cluster_id, application_id, org_id, topic, subscription_id, during)"
            " select %s, id, org_id, %s, gen_random_uuid(), tstzrange(%s, %s, '[)') from application where principal = %s"
            " returning subscription_id",
            (cluster.id, topic, from_at, to_at, principal),
        ).fetchone()[0]


def bytes_by_payer(cluster):
    return cluster.sql(
        "select subscription_id, to_char(from_at, 'HH24:MI:SS'), sum(bytes)::int8 from usage_quarter"
        " where cluster_id = %s group by 1, 2 order by 2", cluster.id,
    )


def minutes_feed(cluster):
    """One fetch of 6,000 bytes each minute from 16:00 to 16:13."""
    feed = cluster.feed()
    lines = list(session_fetches(14, 1))
    name = lines[0][0]
    for minute, (_, line) in enumerate(lines):
        feed.add_line(re.sub(rb"^\[2026-11-22 16:\d\d:\d\d", b"[2026-11-22 16:%02d:30" % minute, line), f"User:{name}".encode())
    return feed, name


def test_usage_nobody_owns__is_bound_when_a_grant_comes(cluster):
    feed, name = minutes_feed(cluster)
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    assert bytes_by_payer(cluster) == [(None, "16:00:00", 14 * 6000)]
    assert meter.metric("weir_meter_unbound_bytes_total") == 14 * 6000
    cluster.sql(
        "insert into topic (cluster_id, topic_id, name, seen_at) values (%s, %s, 'acme.orders', now())", cluster.id, TOPIC_ID
    )
    subscription = grant(cluster, name, "acme.orders", "2026-11-01T00:00Z")
    wait_for(lambda: bytes_by_payer(cluster) == [(subscription, "16:00:00", 14 * 6000)], "the usage to be bound")
    assert cluster.sql("select 1 from usage_touch where subscription_id = %s", subscription)
    days = cluster.sql("select subscription_id, bytes from usage_day where cluster_id = %s", cluster.id)
    assert days == [(subscription, 14 * 6000)]


def test_usage_nobody_owns__is_bound_when_its_topics_name_is_learned(cluster):
    feed, name = minutes_feed(cluster)
    subscription = grant(cluster, name, "acme.orders", "2026-11-01T00:00Z")
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    wait_for(lambda: meter.metric("weir_meter_bound_rows_total") == 0, "the start to be over")
    assert bytes_by_payer(cluster) == [(None, "16:00:00", 14 * 6000)]
    before = len(feed.records)
    feed.add_everywhere("fact", {"at_us": 1_700_000_000_000_000, "topics": [{"id": TOPIC_ID, "name": "acme.orders", "event": "seen"}]})
    feed.ship(before)
    wait_for(lambda: bytes_by_payer(cluster) == [(subscription, "16:00:00", 14 * 6000)], "the usage to be bound")
    assert cluster.sql("select subscription_id, bytes from usage_day where cluster_id = %s", cluster.id) == [(subscription, 14 * 6000)]


def test_rows_added_to_again__leave_no_dead_versions_behind(cluster):
    """Every batch adds to every row: the new version stays on the page of the old one, which no index hears of."""
    tables = ("usage_quarter", "usage_day", "usage_evidence", "meter_state")
    principals, batches = 400, 12
    updates = "select relname, n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = any(%s)"

    def counted():
        return {name: (all_, hot) for name, all_, hot in cluster.sql(updates, list(tables))}

    feed = cluster.feed()
    for name, line in session_fetches(principals * batches, principals):
        feed.add_line(line, f"User:{name}".encode())
    before = counted()
    cluster.meter()
    for batch in range(batches):
        feed.ship(batch * principals, principals)
        cluster.wait()
    more = lambda: {t: tuple(now - then for now, then in zip(counted()[t], before[t])) for t in tables}  # noqa: E731
    wait_for(lambda: min(updated for updated, _ in more().values()) >= principals * (batches - 1), "the statistics")
    assert {t: hot / updated > 0.95 for t, (updated, hot) in more().items()} == {t: True for t in tables}, more()


def test_grant_borders__split_the_quarter_hour(cluster):
    feed, name = minutes_feed(cluster)
    cluster.sql(
        "insert into topic (cluster_id, topic_id, name, seen_at) values (%s, %s, 'acme.orders', now())", cluster.id, TOPIC_ID
    )
    first = grant(cluster, name, "acme.orders", "2026-11-22T16:02Z", "2026-11-22T16:05Z")
    second = grant(cluster, name, "acme.orders", "2026-11-22T16:08Z")
    cluster.meter()
    feed.ship()
    cluster.wait()
    assert bytes_by_payer(cluster) == [
        (None, "16:00:00", 2 * 6000),
        (first, "16:02:00", 3 * 6000),
        (first, "16:05:00", 1 * 6000),  # up to 60 s after its end
        (None, "16:06:00", 2 * 6000),
        (second, "16:08:00", 6 * 6000),
    ]
    assert sum(row["messages"] for row in cluster.usage()) == 13 * 60


def test_border_inside_an_open_batch__folds_it_again(cluster):
    feed, name = minutes_feed(cluster)
    cluster.sql(
        "insert into topic (cluster_id, topic_id, name, seen_at) values (%s, %s, 'acme.orders', now())", cluster.id, TOPIC_ID
    )
    meter = cluster.meter(batch_ms=100)
    wait_for(meter.ready, "the meter to be ready")
    with psycopg.connect(cluster.stack.database_url()) as lock:
        lock.execute("select from meter_partition where cluster_id = %s for update", (cluster.id,))
        feed.ship()
        waiting = "select 1 from pg_stat_activity where application_name = 'weir-meter' and wait_event_type = 'Lock'"
        wait_for(lambda: cluster.sql(waiting), "a commit under way")
        subscription = grant(cluster, name, "acme.orders", "2026-11-22T16:04Z")
    cluster.wait()
    assert bytes_by_payer(cluster) == [(None, "16:00:00", 4 * 6000), (subscription, "16:04:00", 10 * 6000)]
    assert meter.metric("weir_meter_conflicts_total") == 1


def test_grant_that_comes_while_a_batch_is_written__is_seen_before_the_batch_is_done(cluster):
    """The batch is held where its rows are being written: what it looked up before is no longer so."""
    feed, name = minutes_feed(cluster)
    cluster.sql(
        "insert into topic (cluster_id, topic_id, name, seen_at) values (%s, %s, 'acme.orders', now())", cluster.id, TOPIC_ID
    )
    feed.add(0, "fact", json.dumps({"at_us": 1_700_000_000_000_000, "topics": [{"id": TOPIC_ID, "name": "acme.orders", "event": "seen"}]}).encode())
    feed.offset += 1
    meter = cluster.meter(batch_ms=3000)  # all in one batch
    wait_for(meter.ready, "the meter to be ready")
    with psycopg.connect(cluster.stack.database_url()) as lock:
        lock.execute("select from topic where cluster_id = %s for update", (cluster.id,))
        feed.ship()
        waiting = "select 1 from pg_stat_activity where application_name = 'weir-meter' and wait_event_type = 'Lock' and strpos(query, 'INTO topic') > 0"
        wait_for(lambda: cluster.sql(waiting), "rows being written")
        subscription = grant(cluster, name, "acme.orders", "2026-11-22T16:04Z")
    cluster.wait()
    assert bytes_by_payer(cluster) == [(None, "16:00:00", 4 * 6000), (subscription, "16:04:00", 10 * 6000)]
    assert meter.metric("weir_meter_conflicts_total") == 1


def test_fetch_that_waited__is_paid_by_whoever_had_let_it_in(cluster):
    """Lines are completed up to two minutes after their requests came: over the border between two subscriptions, over an
    end with nothing after it, over a quarter hour."""
    name, line = next(session_fetches(1, 1))
    feed = cluster.feed()
    fetches = [  # completed, milliseconds since it arrived
        ("16:05:20", 30_000), ("16:05:21", 20_999), ("16:05:22", 20_000),
        ("16:12:00", 120_001), ("16:12:01", 91_000), ("16:12:02", 30_000),
        ("16:15:10", 10_001), ("16:15:10", 10_000),
    ]  # fmt: skip
    for number, (at, waited) in enumerate(fetches):
        text = re.sub(rb"^\[2026-11-22 16:\d\d:\d\d,000", b"[2026-11-22 %s,000" % at.encode(), line)
        text = text.replace(b'"totalTimeMs":5.486', b'"totalTimeMs":%d.0' % waited).replace(b":3000}", b":%d}" % 10**number)
        feed.add_line(text, f"User:{name}".encode())
    cluster.sql(
        "insert into topic (cluster_id, topic_id, name, seen_at) values (%s, %s, 'acme.orders', now())", cluster.id, TOPIC_ID
    )
    first = grant(cluster, name, "acme.orders", "2026-11-22T16:00Z", "2026-11-22T16:05Z")
    second = grant(cluster, name, "acme.orders", "2026-11-22T16:05Z", "2026-11-22T16:10Z")
    cluster.meter()
    feed.ship()
    cluster.wait()
    assert bytes_by_payer(cluster) == [
        (first, "16:00:00", 2 * 1),
        (second, "16:05:00", 2 * 110),  # the earlier came at 16:05:00.001
        (second, "16:06:00", 2 * 1_000),  # at 16:09:59.999
        (second, "16:10:00", 2 * 10_000),  # up to 60 s after its end
        (None, "16:11:00", 2 * 1_100_000),
        (None, "16:15:00", 2 * 10_000_000),
    ]
    days = cluster.sql("select subscription_id, sum(bytes)::int8 from usage_day where cluster_id = %s group by 1", cluster.id)
    assert dict(days) == {first: 2, second: 2 * 11_110, None: 2 * 11_100_000}


# --- what the database refuses ---------------------------------------------------------------------------------------
class Refusing:
    """A check on a table that refuses some of its rows for their content."""

    def __init__(self, cluster, table, condition):
        self.cluster, self.table, self.condition = cluster, table, condition

    def __enter__(self):
        self.cluster.sql(f"alter table {self.table} add constraint poison check (not ({self.condition})) not valid")

    def __exit__(self, *_):
        self.cluster.sql(f"alter table {self.table} drop constraint poison")


def refused(cluster):
    return cluster.sql(
        "select principal, detail, convert_from(head, 'UTF8'), line_at::text, line_bytes, broker_id, generation, byte_offset"
        " from dead_letter where cluster_id = %s and reason = 'refused' order by id", cluster.id,
    )


def without(expected, name):
    return [row for row in expected if row["principal"] != f"User:{name}"]


def test_sum_that_cannot_be_stored__is_taken_out_and_the_rest_goes_on(cluster, many):
    log, expected = many
    feed = many_feed(cluster, log)
    evil = next(session_fetches(1, 1))[0]
    position = next(headers for _, key, headers, _ in feed.records if key == f"User:{evil}".encode())[1][1]
    full = "insert into usage_quarter (cluster_id, principal, topic, delivery, from_at, metering_class, bytes)" \
        " values (%s, %s, %s, 0, '2026-11-22T16:00Z', 'request_log', repeat('9', 131072)::numeric)"
    cluster.sql(full, cluster.id, evil, TOPIC_ID)
    feed.ship()
    meter = cluster.meter(batch_ms=3000)  # all in one batch
    cluster.wait()
    cluster.sql("delete from usage_quarter where cluster_id = %s and length(bytes::text) > 1000", cluster.id)
    assert cluster.usage() == without(expected, evil)
    [(principal, detail, head, at, size, *place)] = refused(cluster)
    [was] = [row for row in expected if row["principal"] == f"User:{evil}"]
    row = json.loads(head)
    assert (principal, at, ":".join(map(str, place))) == (evil, "2026-11-22 16:00:00+00", position)
    assert "overflow" in detail and detail.startswith("usage: ")
    assert {k: int(row[k]) for k in ("bytes", "messages", "fetches", "open_fetches", "produced_bytes")} == {k: v for k, v in was.items() if isinstance(v, int)}
    assert (row["topic"], row["delivery"], row["evidence"][0][5], size) == (TOPIC_ID, 0, 150, was["bytes"])
    assert meter.ready() and meter.metric("weir_meter_refused_total") == 1
    assert [line["principal"] for line in meter.log() if line["level"] == "error"] == [evil]


@pytest.mark.parametrize(
    "table, condition, part",
    [
        ("usage_quarter", "principal = '{evil}'", "usage"),
        ("usage_day", "principal = '{evil}'", "usage"),
        ("usage_evidence", "principal = '{evil}'", "usage"),
        ("meter_state", "principal = '{evil}'", "state"),
        ("topic", "name = 'acme.evil'", "topic"),
        ("log_hole", "kind = 'evil'", "hole"),
        ("dead_letter", "byte_offset = 40 and reason <> 'refused'", "letter"),
    ],
)
def test_row_that_is_refused__is_taken_out_and_the_rest_goes_on(cluster, many, table, condition, part):
    log, expected = many
    evil = next(session_fetches(1, 1))[0]
    feed = many_feed(cluster, log)
    for name, topic in (("acme.good", "A" * 21 + "B"), ("acme.evil", "A" * 21 + "C"), ("acme.fair", "A" * 21 + "D")):
        feed.add(0, "fact", json.dumps({"at_us": 1_700_000_000_000_000, "topics": [{"id": topic, "name": name, "event": "seen"}]}).encode())
        feed.offset += 1
    for kind in ("good", "evil", "fair"):
        feed.add(0, "hole", json.dumps({"from": feed.position(5), "to": feed.position(9), "kind": kind, "lines_at_least": 1, "principal": ""}).encode())
    second = cluster.feed(broker=2)
    for number in range(3):
        second.add(1, "line", b"garbage", pos=second.position(20 * number + 20))
    with Refusing(cluster, table, condition.format(evil=evil)):
        feed.ship()
        second.ship()
        meter = cluster.meter(batch_ms=3000)
        cluster.wait()
    letters = refused(cluster)
    assert [letter[1].partition(":")[0] for letter in letters] == [part]
    assert cluster.usage() == (without(expected, evil) if part == "usage" else expected)
    assert letters[0][0] == (evil if part in ("usage", "state") else None)
    counts = cluster.sql(
        "select (select count(*) from meter_state where cluster_id = c), (select count(*) from topic where cluster_id = c),"
        " (select count(*) from log_hole where cluster_id = c),"
        " (select count(*) from dead_letter where cluster_id = c and reason <> 'refused') from (select %s::uuid as c) x", cluster.id,
    )[0]
    assert counts == tuple(n - (part == p) for n, p in ((40, "state"), (3, "topic"), (3, "hole"), (3, "letter")))
    assert meter.ready()


def test_name_that_cannot_be_stored__is_taken_out_and_the_rest_goes_on(cluster):
    feed = cluster.feed()
    for number, name in enumerate(("acme.good", "acme.\0", "acme.fair")):
        topic = {"id": "A" * 21 + "BCD"[number], "name": name, "event": "seen"}
        feed.add(0, "fact", json.dumps({"at_us": 1_700_000_000_000_000, "topics": [topic]}).encode())
        feed.offset += 1
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    assert cluster.sql("select name from topic where cluster_id = %s order by 1", cluster.id) == [("acme.fair",), ("acme.good",)]
    [letter] = refused(cluster)
    assert letter[1].startswith("topic: ") and "invalid byte sequence" in letter[1]
    assert letter[7] == 1 and json.loads(letter[2])["name"] == "acme.?"
    assert meter.ready() and meter.metric("weir_meter_refused_total") == 1


def test_state_that_was_refused__does_not_come_back(cluster, many):
    """Of the principal an older state is stored: it must not be read again after what was counted since."""
    log, expected = many
    evil = next(session_fetches(1, 1))[0]
    feed = many_feed(cluster, log)
    meter = cluster.meter()
    feed.ship(0, 2000)
    cluster.wait()
    with Refusing(cluster, "meter_state", f"principal = '{evil}'"):
        feed.ship(2000, 2000)
        cluster.wait()
        meter.kill()
    assert refused(cluster)[0][:2] == (evil, refused(cluster)[0][1]) and refused(cluster)[0][1].startswith("state: ")
    assert cluster.sql("select 1 from meter_state where cluster_id = %s and principal = %s", cluster.id, evil) == []
    meter.start()
    feed.ship(4000)
    cluster.wait()
    assert [{**row, "messages": 0, "open_fetches": 0} for row in cluster.usage()] == [{**row, "messages": 0, "open_fetches": 0} for row in expected]
    assert without(cluster.usage(), evil) == without(expected, evil)


# --- with the tap -----------------------------------------------------------------------------------------------------
class Tap:
    """weir-tap on a log of its own."""

    def __init__(self, cluster, log, settings):
        self.log, stack = log, cluster.stack
        self.env = {
            "PATH": os.environ["PATH"],
            "WEIR_CLUSTER": cluster.name,
            "WEIR_BROKER_ID": "1",
            "WEIR_LOG_FILE": str(log),
            "WEIR_STATE_DIR": str(log.parent),
            "WEIR_UTC_CHECK": "false",
            "WEIR_KAFKA_BOOTSTRAP": stack.internal,
            "WEIR_KAFKA_USER": "admin",
            "WEIR_KAFKA_PASSWORD_FILE": str(stack.folder / "secrets" / "kafka-admin"),
            "WEIR_METRICS_LISTEN": "off",
            **{f"WEIR_{k.upper()}": str(v) for k, v in settings.items()},
        }
        self.start()

    def start(self):
        with open(self.log.parent / "tap.out", "ab") as out:
            self.process = subprocess.Popen([BIN / "weir-tap"], env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)


def peak_mib(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) // 1024


def fetched(cluster):
    return cluster.sql(
        "select sum(bytes)::int8, sum(messages)::int8, sum(fetches)::int8, sum(open_fetches)::int8 from usage_bound where cluster_id = %s", cluster.id
    )[0]


def wide_log(folder, partitions, lines):
    log = folder / "kafka-request.log"
    with open(log, "wb") as file:
        file.write(b"[2026-11-22 16:00:00,000] INFO begun (kafka.server.KafkaServer)\n")
        for line in wide_fetches(partitions, lines):
            file.write(line + b"\n")
    return log


@pytest.mark.parametrize("partitions", [4_200, 60_000])
def test_lines_longer_than_a_block__are_metered_in_little_memory(cluster, tmp_path, partitions):
    """A consumer without fetch sessions names all its partitions each time: lines of 1.2 and 17 MB."""
    log, lines = wide_log(tmp_path, partitions, 4), 4
    tap, meter = cluster.tap(log), cluster.meter()
    last = (lines - 1) * partitions
    wait_for(lambda: fetched(cluster)[1] == last, f"{last} messages", 120)
    tap_mib, meter_mib = peak_mib(tap.process), peak_mib(meter.process)
    print(f"{log.stat().st_size // lines} bytes a line: tap {tap_mib} MiB, meter {meter_mib} MiB")
    assert tap.stop() == 0
    assert fetched(cluster)[0] == lines * partitions * 100
    assert cluster.sql("select reason from dead_letter where cluster_id = %s", cluster.id) == []
    if "WEIR_SANITIZED" not in os.environ:  # whose shadow memory counts
        assert tap_mib < 64
        assert meter_mib < 512


def test_tap_and_meter_killed_in_a_long_line__count_it_once(cluster, tmp_path):
    tap, meter = cluster.tap(wide_log(tmp_path, 20_000, 6), queue_bytes=1 << 20), cluster.meter(instance="one")
    dice = random.Random(9)
    wait_for(meter.ready, "the meter to have its partitions")
    for turn in range(8):
        time.sleep(dice.random() * 0.4)  # in a line, or between two
        victim = dice.choice((tap, meter))
        victim.kill()
        victim.start()
    wait_for(lambda: fetched(cluster)[1] == 100_000, "all messages", 120)
    assert tap.stop() == 0
    cluster.wait()
    assert fetched(cluster)[:2] == (12_000_000, 100_000)
    assert cluster.sql("select sum(lines)::int8 from usage_evidence where cluster_id = %s", cluster.id) == [(6,)]


# --- the program -----------------------------------------------------------------------------------------------------
def test_control_records__say_how_far_each_broker_has_been_read(cluster):
    feed = cluster.feed()
    feed.control(1_800_000_000_000_000)
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    rows = cluster.sql(
        "select log_partition, broker_id, extract(epoch from broker_time)::int8 from meter_position where cluster_id = %s order by 1", cluster.id
    )
    assert rows == [(p, 1, 1_800_000_000) for p in range(PARTITIONS)]
    assert meter.stop() == 0


WROTE = (
    '[2026-11-22 16:00:%02d,000] DEBUG Completed request:{"isForwarded":false,"requestHeader":{"requestApiKey":0,"requestApiVersion":13,'
    '"correlationId":1,"clientId":"maker","requestApiKeyName":"PRODUCE"},"request":{"transactionalId":null,"acks":-1,"timeoutMs":30000,'
    '"topicData":[{"topicId":"YPusGw0rSSyuwfEQtKYsug","partitionData":[{"index":0,"recordsSizeInBytes":3000}]}]},"response":{"responses":'
    '[{"topicId":"YPusGw0rSSyuwfEQtKYsug","partitionResponses":[{"index":0,"errorCode":0,"baseOffset":%d,"logAppendTimeMs":-1,'
    '"logStartOffset":0}]}],"throttleTimeMs":0},"connection":"127.0.0.1:19094-127.0.0.1:40001-0-1","totalTimeMs":1.5,'
    '"principal":"User:maker","listener":"CLIENT"} (kafka.request.logger)'
)


def test_holes__each_is_kept_once_and_has_an_end(cluster):
    """Also as taps of the release before tell them, without times; a second hole of a kind is another one."""
    feed = cluster.feed()
    first, second, minute = feed.generation, feed.generation + 3_600_000, 60_000_000

    def hole(kind, start, to, **times):
        feed.add_everywhere("hole", {"from": start, "to": to, "kind": kind, "lines_at_least": 0, "principal": "", **times})

    hole("unknown_before", "", f"1:{first}:0")
    feed.add_line(next(wide_fetches(1, 1)), b"User:wide")
    feed.control(first * 1000 + minute)
    hole("truncated", f"1:{first}:500", f"1:{first + 1}:40")
    hole("damaged", f"1:{first}:900", f"1:{second - 1}:0", from_us=first * 1000 + 2 * minute, to_us=first * 1000 + 3 * minute)
    hole("damaged", f"1:{first}:900", f"1:{second}:0", from_us=first * 1000 + 9 * minute, to_us=first * 1000 + 4 * minute)
    feed.ship()
    meter = cluster.meter()
    cluster.wait()
    hole("unknown_before", "", f"1:{second}:0")
    hole("unknown_before", "", f"1:{first}:0")
    feed.ship()
    cluster.wait()
    assert cluster.sql(
        "select kind, to_generation - %s, round(extract(epoch from from_at) * 1000) - %s, round(extract(epoch from to_at) * 1000) - %s"
        " from log_hole where cluster_id = %s and kind <> 'truncated' order by 1, 2", first, first, first, cluster.id,
    ) == [
        ("damaged", 3_599_999, 120_000, 180_000),
        ("damaged", 3_600_000, 240_000, 540_001),
        ("unknown_before", 0, None, 0),
        ("unknown_before", 3_600_000, 60_000, 3_600_000),  # from where the control records ended
    ]
    [(noticed,)] = cluster.sql("select to_at between now() - interval '5 minutes' and noticed_at from log_hole where cluster_id = %s and kind = 'truncated'", cluster.id)
    assert noticed and meter.ready()


def test_holes_of_a_topic_or_reader__keep_what_is_known(cluster):
    """Told in one partition; while nothing is written, several of them stand at one position."""
    feed = cluster.feed()
    place, at = f"1:{feed.generation}:70", 1_795_363_200_000_000
    feed.add_line(next(wide_fetches(1, 1)), b"User:wide")
    meter = None

    def hole(partition, kind, times, **more):
        value = {"from": place, "to": place, "kind": kind, "lines_at_least": 0, "principal": "", "from_us": at + times[0], "to_us": at + times[1], **more}
        feed.add(partition, "hole", json.dumps(value).encode())

    for _ in range(2):  # told again after a failed delivery
        hole(0, "counter", (0, 1_000_000), topic="orders", bytes_at_least=2**53)
        hole(0, "counter", (1_000_000, 2_000_000), topic="orders", bytes_at_least=7)
        hole(1, "counter", (0, 1_000_000), topic="bills", bytes_at_least=8)
        hole(1, "session_skip", (0, 1_000_000), principal="User:wide", lines_at_least=3)
        hole(1, "session_skip", (0, 1_000_001), principal="User:wide", lines_at_least=3)
        feed.ship()
        meter = meter or cluster.meter()
        cluster.wait()
    assert cluster.sql(
        "select kind, topic, principal, lines_at_least, bytes_at_least, extract(epoch from to_at - from_at)::int from log_hole"
        " where cluster_id = %s order by kind, topic, bytes_at_least", cluster.id,
    ) == [
        ("counter", "bills", None, 0, 8, 1),
        ("counter", "orders", None, 0, 7, 1),
        ("counter", "orders", None, 0, 2**53, 1),
        ("session_skip", None, "wide", 3, None, 1),
    ]
    assert meter.ready()


def test_fetches_that_nothing_closed__are_derived_after_an_hour_and_marked(cluster):
    """One reader has had 100 bytes a message before; of another's only fetch the topic's production tells 50."""
    quarter, feed = 1_795_363_200_000_000 + 15 * 60_000_000, cluster.feed()  # 2026-11-22T16:15Z
    (reader, *_), (other, only) = [name for name, _ in session_fetches(1, 1)], list(session_fetches(2, 2))[1]
    for name, line in session_fetches(3, 1):
        feed.add_line(line, f"User:{name}".encode())
    feed.add_line(only, f"User:{other}".encode())
    for second, base in ((1, 0), (2, 120)):
        feed.add_line((WROTE % (second, base)).encode(), b"User:maker")
    meter = cluster.meter()

    def told():
        return dict(
            (name, rest) for name, *rest in cluster.sql(
                "select principal, sum(messages)::int8, sum(derived_messages)::int8, sum(open_fetches)::int8, sum(derived_fetches)::int8"
                " from usage_quarter where cluster_id = %s and principal <> 'maker' group by 1", cluster.id,
            )
        )  # fmt: skip

    feed.control(quarter)
    feed.ship()
    cluster.wait()
    assert told() == {reader: [120, 0, 2, 0], other: [0, 0, 2, 0]}
    shipped = len(feed.records)
    feed.control(quarter + 75 * 60_000_000)
    feed.ship(shipped)
    wait_for(lambda: told()[reader] == [180, 60, 0, 2], "the first reader's last fetch")
    # What was produced is looked up between two batches.
    minutes = iter(range(95, 10_000, 20))

    def a_while_later():
        shipped = len(feed.records)
        feed.control(quarter + next(minutes) * 60_000_000)
        feed.ship(shipped)
        return told()[other] == [120, 120, 0, 2]

    wait_for(a_while_later, "the other's only fetch", every=1)
    assert cluster.sql("select sum(derived_messages)::int8 from usage_day where cluster_id = %s", cluster.id) == [(180,)]
    assert meter.stop() == 0


def test_silent_broker__is_told_and_holds_back_no_more(cluster):
    for broker, age in ((1, "0"), (2, "26 hours"), (3, "24 hours")):
        cluster.sql("insert into cluster_broker (cluster_id, broker_id, listed_at) values (%s, %s, now() - %s::interval)", cluster.id, broker, age)
    feed = cluster.feed()
    feed.control(int(time.time() * 1_000_000))
    meter = cluster.meter()
    feed.ship()
    cluster.wait()
    wait_for(lambda: meter.metric("weir_meter_silent_brokers") == 1, "the silent broker to be counted")
    told = [line["broker"] for line in meter.log() if "silent" in line["event"]]
    assert told == [2]
    heard = cluster.sql("select count(heard_at) from meter_position where cluster_id = %s", cluster.id)
    assert heard == [(PARTITIONS,)]


def test_unregistered_cluster__is_waited_for(cluster):
    cluster.sql("update cluster set name = name || '-later' where id = %s", cluster.id)
    meter = cluster.meter()
    wait_for(lambda: meter.metric("process_start_time_seconds") is not None, "its metrics")
    assert not meter.ready()
    cluster.sql("update cluster set name = %s where id = %s", cluster.name, cluster.id)
    wait_for(meter.ready, "the meter to be ready")


@pytest.mark.parametrize(
    "setting, value, said",
    [
        ("WEIR_DATABASE_URL_FILE", None, "database_url"),
        ("WEIR_KAFKA_USER", None, "kafka_user"),
        ("WEIR_CLUSTER", None, "cluster"),
        ("WEIR_BATCH_MS", "soon", "batch_ms"),
        ("WEIR_METRICS_LISTEN", "nonsense", "metrics_listen"),
    ],
)
def test_wrong_setting__is_named(cluster, setting, value, said):
    meter = cluster.meter()
    meter.kill()
    env = {k: v for k, v in {**meter.env, setting: value}.items() if v is not None}
    done = subprocess.run([BINARY], env=env, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]
