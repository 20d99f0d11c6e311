"""The functions that statements share, beside another calendar: Python's."""

from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import psycopg
import pytest

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia", "Etc/GMT+12"]
PERIODS = ["2011-12", "2018-11", "2024-02", "2026-03", "2026-10", "2026-12"]


@pytest.fixture(scope="module")
def database(house):
    with psycopg.connect(house.stack.database_url("postgres"), autocommit=True) as connection:
        yield connection


def ask(database, text, *values):
    row = database.execute(text, values).fetchone()
    return row[0] if len(row) == 1 else row


def midnight(day, zone):
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(timezone.utc)


def first_days(period):
    year, month = map(int, period.split("-"))
    return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", PERIODS)
def test_a_period_is_a_month_of_its_zone(database, period, zone):
    first, after = first_days(period)
    assert ask(database, "select period_month(%s), next_month(period_month(%s))", period, period) == (first, after)
    begins, ends = ask(database, "select period_begins(%s, %s), period_ends(%s, %s)", period, zone, period, zone)
    assert (begins, ends) == (midnight(first, zone), midnight(after, zone))
    last = ends - timedelta(microseconds=1)
    for instant, day in [(begins, first), (last, last.astimezone(ZoneInfo(zone)).date())]:
        assert ask(database, "select local_day(%s, %s), local_month(%s, %s), local_period(%s, %s)",
                   instant, zone, instant, zone, instant, zone) == (day, first, period)  # fmt: skip
    assert ask(database, "select local_period(%s, %s)", ends, zone) == f"{after:%Y-%m}"


def test_days_begin_where_midnight_is_skipped_or_comes_twice(database):
    begins = "select utc_text(day_begins(%s, %s))"
    assert ask(database, begins, date(2018, 11, 4), "America/Sao_Paulo") == "2018-11-04T03:00:00Z"
    assert ask(database, begins, date(2026, 11, 1), "America/Havana") == "2026-11-01T05:00:00Z"


def test_days_are_counted_from_1970(database):
    for day in [date(1970, 1, 1), date(1969, 12, 31), date(2026, 3, 1)]:
        assert ask(database, "select epoch_day(%s)", day) == (day - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("starts", "ends", "serves"),
    [
        (None, None, ("2026-03-01", "2026-04-01")),
        ("2026-02-10T12:00Z", None, ("2026-03-01", "2026-04-01")),
        ("2026-03-09T23:30Z", None, ("2026-03-10", "2026-04-01")),
        ("2026-02-10T12:00Z", "2026-03-31T21:59Z", ("2026-03-01", "2026-03-31")),
        ("2026-02-10T12:00Z", "2026-03-31T22:00Z", ("2026-03-01", "2026-04-01")),
        ("2026-02-10T12:00Z", "2026-02-20T12:00Z", ("2026-03-01", "2026-02-20")),
        ("2026-05-01T12:00Z", None, ("2026-04-01", "2026-04-01")),
    ],
)
def test_a_subscription_serves_days_of_its_zone(database, starts, ends, serves):
    found = ask(database, "select service_begins('2026-03-01', %s::timestamptz, 'Europe/Berlin')::text,"
                " service_ends('2026-03-01', %s::timestamptz, 'Europe/Berlin')::text", starts, ends)  # fmt: skip
    assert found == serves


def test_every_state_is_sorted_as_the_table_does(database):
    """What has begun is what the table asks a beginning of; what runs is that, and has not ended."""
    check = ask(database, "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'subscription'::regclass"
                " and pg_get_constraintdef(oid) like '%%starts_at IS NOT NULL%%'")  # fmt: skip
    states = ("requested", "approved", "denied", "expired", "trialing", "active", "paused", "suspended", "cancelling",
              "ended", "shadow")  # fmt: skip
    for state in states:
        runs, begun = ask(database, "select subscription_runs(%s), subscription_begun(%s)", state, state)
        assert begun == (f"'{state}'" in check)
        assert runs == (begun and state != "ended")
        for due, now in [("-1 second", "ended" if state == "cancelling" else state), ("1 hour", state)]:
            assert ask(database, "select subscription_state_now(%s, now() + %s::interval)", state, due) == now
    assert ask(database, "select subscription_state_now('cancelling', null)") == "cancelling"


def test_no_plan_calls_them(database):
    """Each is inlined, for every kind of caller: a plan is that of the expression written out."""
    argument = {"date": "d", "text": "s", "timestamp with time zone": "t", "smallint": "i", "bigint": "n"}
    functions = database.execute(
        "select p.proname, array(select format_type(a, null) from unnest(p.proargtypes) a)"
        " from pg_proc p join pg_language l on l.oid = p.prolang"
        " where p.pronamespace = 'public'::regnamespace and l.lanname = 'sql'"
        " and not p.prosecdef and not p.proretset"
    ).fetchall()
    assert {"period_begins", "local_day", "subscription_begun", "delivery_name", "weir_org"} <= {f for f, _ in functions}
    database.execute("create temp table shown (d date, s text, t timestamptz, i smallint, n bigint)")
    for name, types in functions:
        call = f"{name}({', '.join(argument[t] for t in types)})"
        plan = "\n".join(line for (line,) in database.execute(f"explain verbose select {call} from shown"))
        assert "Output:" in plan and f"{name}(" not in plan, plan
