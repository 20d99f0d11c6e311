"""A database of the release before, with data in it, is migrated: everything is kept and everything goes on."""

import hashlib
import os
import subprocess
from types import SimpleNamespace

import psycopg
import pytest

from market import Market
from rest import Rest
from stack import BIN, ROOT, Stack, open_folder

LAST_OF_BEFORE = 31
MIGRATIONS = sorted((ROOT / "migrations").glob("[0-9]*.sql"))
PLAN = {"plan_id": "p", "version": 1, "currency": "EUR", "valid_from": "2020-01-01", "prices": []}
SECRET = "a secret that was given out before"
DOCUMENT = """insert into document (kind, org_id, entity_id, currency, period_from, period_to, usage_end, time_zone, net, total)
              values (%s, %s, %s, 'EUR', '2026-01-01', '2026-02-01', '2026-02-01', 'UTC', 10, 10) returning id"""
LINE = """insert into document_line (document_id, line, org_id, subscription_id, provider_org_id, product_id, plan_id, plan_version,
                 kind, description, base, amount, net, tax_category, tax_rate, rows, service_from, service_to)
          values (%s, 1, %s, %s, %s, %s, %s, 1, 'fixed', 'Fee', 10, 10, 10, 'Z', 0, '[]', '2026-01-01', '2026-02-01')"""


def number(path):
    return int(path.name[:4])


def as_before(stack):
    """The roles as they were, the owner made them; the schema of then."""
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as db:
        for role in ("weir_count_grants", "weir_read_statement", "weir_keep_zone", "weir_prune_audit", "weir_take_lock"):
            db.execute(f"drop owned by {role}")
            db.execute(f"drop role {role}")
        db.execute("grant execute on function pg_advisory_lock(bigint), pg_try_advisory_lock(bigint) to public")
        db.execute("alter role weir_owner createrole")
        db.execute("grant temporary on database weir to public")
    with psycopg.connect(stack.database_url("weir_owner")) as db:
        db.execute(
            """create table weir_migration (version integer primary key, name text not null, sha256 text not null,
                                            applied_at timestamptz not null default now())"""
        )
        for path in MIGRATIONS:
            if number(path) <= LAST_OF_BEFORE:
                text = path.read_text()
                db.execute(text)
                db.execute(
                    "insert into weir_migration values (%s, %s, %s)",
                    (number(path), path.stem, hashlib.sha256(text.encode()).hexdigest()),
                )


def fill(market, master_key):
    """What there is before: an issued invoice and its draft successor, the entry, secrets, keys."""
    consumer, provider = market.organisation("Consumer"), market.organisation("Provider")
    cluster = market.cluster("before")
    product, plan = market.product(provider, [(cluster, "p.ticks")], PLAN, {"percent": "0"}, name="Old name")
    subscription = market.subscription(consumer, provider, product, plan, "2026-01-01")
    application, client = market.application(consumer)
    market.grant(cluster, application, consumer, "p.ticks", subscription)
    unbound = hashlib.blake2b(SECRET.encode(), key=master_key, digest_size=32).digest()
    market.run("insert into application_secret (application_id, org_id, secret_hash) values (%s, %s, %s)", application, consumer, unbound)
    entity = market.entity()
    series = market.value(
        "insert into document_series (entity_id, kind, prefix, next_number, last_issue_date) values (%s, 'invoice', 'B-', 42, '2026-02-01') returning id", entity
    )
    invoice, draft = (market.value(DOCUMENT, "invoice", consumer, entity) for _ in range(2))
    for document in (invoice, draft):
        market.run(LINE, document, consumer, subscription, provider, product, plan)
        market.run("insert into document_tax (document_id, category, rate, net, amount) values (%s, 'Z', 0, 10, 0)", document)
        market.run("insert into document_split (document_id, line, party, party_org_id, amount) values (%s, 1, 'provider', %s, 10)", document, provider)
    market.run(
        "update document set state = 'issued', series_id = %s, number = 'B-000041', issue_date = '2026-02-01', issued_at = now() where id = %s", series, invoice
    )
    market.run("insert into billed values (%s, '2026-01-01', 1, %s, true, '[]', '[]')", subscription, invoice)
    return SimpleNamespace(**locals())


def columns_of(market):
    """The columns of every table."""
    found = {}
    for row in market.rows(
        "select table_name::text as t, column_name::text as c from information_schema.columns join pg_class on relname = table_name"
        " where table_schema = 'public' and relnamespace = 'public'::regnamespace and relkind = 'r' and table_name <> 'weir_migration'"
    ):
        found.setdefault(row["t"], []).append(row["c"])
    return found


def rows_of(market, columns):
    """Every row of these tables, with these columns: what an upgrade adds is left out."""
    return {t: sorted(r["j"] for r in market.rows(f"select jsonb_object_agg(f.key, f.value)::text as j from {t} x, jsonb_each(to_jsonb(x)) f where f.key = any (%s) group by x.ctid", names)) for t, names in columns.items()}


@pytest.fixture(scope="module")
def upgraded():
    with Stack(open_folder("upgrade")) as stack:
        stack.script("postgres", "up")
        as_before(stack)
        market = Market(stack)
        secrets = stack.folder / "secrets"
        master_key = os.urandom(32)
        (secrets / "master-key").write_text(master_key.hex())
        before = fill(market, master_key)
        columns = columns_of(market)
        rows = rows_of(market, columns)
        stack.script("weir", "migrate")
        yield SimpleNamespace(stack=stack, market=market, before=before, columns=columns, rows=rows)
        market.close()


def test_every_row_is_kept(upgraded):
    assert sum(map(len, upgraded.rows.values())) > 20
    assert rows_of(upgraded.market, upgraded.columns) == upgraded.rows
    assert upgraded.market.value("select max(version) from weir_migration") == number(MIGRATIONS[-1])


def test_lines_have_the_names_of_the_day(upgraded):
    market, before = upgraded.market, upgraded.before
    market.run("update product set name = 'New name' where id = %s", before.product)
    names = market.row("select product_name, provider_name from document_line where document_id = %s", before.invoice)
    assert names == {"product_name": "Old name", "provider_name": "Provider"}
    assert market.value("select count(*) from pg_trigger where tgenabled <> 'O' and not tgisinternal") == 0


def test_the_series_goes_on(upgraded):
    assert upgraded.market.issue(upgraded.before.draft, prefix="B-") == "B-000042"


def test_the_owner_is_no_more_than_an_owner(upgraded):
    market = upgraded.market
    assert market.row("select rolsuper, rolcreaterole, rolcreatedb from pg_roles where rolname = 'weir_owner'") == {
        "rolsuper": False, "rolcreaterole": False, "rolcreatedb": False,
    }  # fmt: skip
    assert not market.value("select has_database_privilege('weir_api', 'weir', 'temporary')")


def test_secrets_of_before_stay_good_and_copies_open_nothing(upgraded):
    stack, market, before = upgraded.stack, upgraded.market, upgraded.before
    stack.script("weir", "up", "weir-api")
    api = Rest(stack.api)
    assert api.ask_token(before.client, SECRET).status == 200
    victim, victim_client = market.application(before.provider, name="victim")
    copy = "insert into application_secret (application_id, org_id, secret_hash, hash_version) values (%s, %s, %s, %s)"
    with psycopg.connect(stack.database_url("weir_api"), autocommit=True) as thief:
        thief.execute("select set_config('weir.operator', 'on', false)")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            thief.execute(copy, (victim, before.provider, before.unbound, 1))
        thief.execute(copy, (victim, before.provider, before.unbound, 2))
    assert api.ask_token(victim_client, SECRET).status == 401


def test_holes_of_before_end():
    """One without an end ended when it was noticed at the latest; a clock that was set back is no end before the beginning."""
    hole = "insert into log_hole (cluster_id, broker_id, kind, from_generation, from_offset, to_generation, to_offset, from_at, to_at, noticed_at) values (gen_random_uuid(), 1, %s, 5, 0, 6, 7, %s, %s, '2026-01-03')"
    with Stack(open_folder("holes-of-before")) as stack:
        stack.script("postgres", "up")
        as_before(stack)
        with psycopg.connect(stack.database_url("weir_owner"), autocommit=True) as db:
            for kind, start, end in (("open", "2026-01-01", None), ("later", "2026-01-04", None), ("back", "2026-01-02", "2026-01-01"), ("first", None, "2026-01-02")):
                db.execute(hole, (kind, start, end))
        stack.script("weir", "migrate")
        with psycopg.connect(stack.database_url("weir_owner")) as db:
            days = db.execute("select kind, extract(day from from_at at time zone 'UTC'), extract(day from to_at at time zone 'UTC') from log_hole order by kind").fetchall()
        assert days == [("back", 1, 2), ("first", None, 2), ("later", 3, 4), ("open", 1, 3)]


def test_without_the_roles_the_migration_says_who_makes_them():
    with Stack(open_folder("unprepared")) as stack:
        stack.script("postgres", "up")
        as_before(stack)
        with psycopg.connect(stack.database_url("postgres"), autocommit=True) as db:
            db.execute("alter role weir_owner nocreaterole")
        done = subprocess.run(
            [f"{BIN}/weirctl", "migrate"], env={"WEIR_DATABASE_URL": stack.database_url("weir_owner")}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode != 0 and "deploy/postgres/roles.sql" in done.stderr + done.stdout, done
        with psycopg.connect(stack.database_url("postgres"), autocommit=True) as db:
            assert db.execute("select max(version) from weir_migration").fetchone()[0] <= LAST_OF_BEFORE
