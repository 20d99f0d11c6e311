"""From a program's database password to more than the program's work: nothing of it succeeds.

The attacker has the password of a service role and speaks SQL as he likes. What a role may do by right
is in tests/lint/privileges.expected.
"""

from types import SimpleNamespace

import psycopg
import pytest

from market import Market
from stack import Stack, open_folder, wait_for

PLAN = {"plan_id": "p", "version": 1, "currency": "EUR", "valid_from": "2020-01-01", "prices": []}
SERVICES = ["weir_api", "weir_meter", "weir_biller", "weir_access", "weir_auditor"]
REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.IntegrityError)


@pytest.fixture(scope="module")
def database():
    with Stack(open_folder("attack")) as stack:
        stack.script("postgres", "up")
        stack.script("weir", "migrate")
        yield stack


@pytest.fixture(scope="module")
def market(database):
    market = Market(database)
    yield market
    market.close()


@pytest.fixture(scope="module")
def sale(market):
    consumer, provider = market.organisation("Consumer"), market.organisation("Provider")
    cluster = market.cluster("attacked")
    product, plan = market.product(provider, [(cluster, "p.ticks")], PLAN, {"percent": "0"})
    subscription = market.subscription(consumer, provider, product, plan, "2026-01-01")
    application, _ = market.application(consumer)
    market.grant(cluster, application, consumer, "p.ticks", subscription)
    return SimpleNamespace(
        consumer=consumer, provider=provider, cluster=cluster, product=product, plan=plan, subscription=subscription, application=application
    )


@pytest.fixture(scope="module")
def invoice(market, sale):
    document = market.draft(sale)
    market.issue(document)
    return document


def login(database, role):
    return psycopg.connect(database.database_url(role), autocommit=True)


@pytest.fixture(params=SERVICES)
def thief(database, request):
    with login(database, request.param) as connection:
        yield connection


@pytest.fixture
def with_temporary_objects(market):
    """As if an administrator had given the right to make temporary objects back to everybody."""
    market.run("grant temporary on database weir to public")
    yield
    market.run("revoke temporary on database weir from public")


# --- to the owner and to the operating system -----------------------------------------------------------
def test_a_role_makes_nothing_of_its_own(thief):
    for sql in (
        "create temporary table t (x int)",
        "create temporary view v as select 1",
        "create function pg_temp.f() returns int language sql as 'select 1'",
        "create schema mine",
        "create table public.mine (x int)",
        "create function public.f() returns int language sql as 'select 1'",
        "create role accomplice",
        "set role weir_owner",
        "grant weir_owner to current_user",
        "copy (select 1) to program 'true'",
        "create extension file_fdw",
    ):
        with pytest.raises(psycopg.Error):
            thief.execute(sql)
            pytest.fail(f"done: {sql}")


TRAP = """create function pg_temp.trap() returns tstzrange language plpgsql as $$
begin
    raise exception 'ran as %', current_user using errcode = 'WX001';
end $$"""
DEFINER_CALLS = {
    "topic_open_grants": (
        "create temporary view grant_period as select gen_random_uuid() as application_id, '00000000-0000-0000-0000-000000000000'::uuid as cluster_id, "
        "'t'::text as topic, pg_temp.trap() as during",
        "select topic_open_grants('00000000-0000-0000-0000-000000000000', 't')",
    ),
    "statement_lines": (
        "create temporary view document as select '00000000-0000-0000-0000-000000000000'::uuid as id, 'statement'::text as kind, "
        "'00000000-0000-0000-0000-000000000000'::uuid as org_id, ''::text || pg_temp.trap() as number",
        "select * from statement_lines('00000000-0000-0000-0000-000000000000')",
    ),
    "keep_time_zone": (
        "create temporary view subscription as select o.id as org_id, now() as starts_at, ''::text || pg_temp.trap() as state from public.organisation o",
        "update organisation set time_zone = 'Europe/Paris'",
    ),
    "program_lock": ("create temporary view pg_locks as select pg_temp.trap() as pid", "select program_lock('weir-access:local')"),
    "prune_audit_log": (
        "create temporary view audit_log as select 1::bigint as id, now() - interval '2 years' as at, ''::text || pg_temp.trap() as action",
        "select prune_audit_log(13, 10)",
    ),
}


@pytest.mark.parametrize("function", DEFINER_CALLS)
def test_what_runs_for_its_owner_sees_no_object_of_the_caller(database, market, sale, invoice, with_temporary_objects, function):
    """The way it was: a temporary view in the place of a table ran a function of the attacker's as the owner."""
    view, call = DEFINER_CALLS[function]
    with login(database, "weir_api") as thief:
        # Public's right to make objects there is not all it takes: the owner must reach them too.
        for sql in (TRAP, "grant execute on function pg_temp.trap() to public", view):
            thief.execute(sql)
        name = view.split()[3]
        thief.execute(f"grant select on {name} to public")
        thief.execute("select set_config('weir.operator', 'on', false)")
        try:
            thief.execute(call)
        except psycopg.Error as error:
            assert error.sqlstate != "WX001", f"the attacker's function {error}"


def test_not_even_the_owner_reaches_the_operating_system(database):
    with login(database, "weir_owner") as owner:
        for sql in (
            "copy (select 1) to program 'true'",
            "copy (select 1) to '/tmp/weir-attack'",
            "select pg_read_file('/etc/hostname')",
            "create role accomplice",
            "grant pg_execute_server_program to weir_owner",
            "alter role weir_owner createrole",
            "alter role weir_api superuser",
            "set role postgres",
        ):
            with pytest.raises(psycopg.Error):
                owner.execute(sql)
                pytest.fail(f"done: {sql}")


def test_a_function_that_runs_for_its_owner_does_one_thing(market):
    """Its owner signs in nowhere, owns no table and reads only what the function reads."""
    functions = market.rows(
        """select p.proname, p.proowner::regrole::text as owner, r.rolcanlogin, r.rolsuper, r.rolcreaterole, r.rolbypassrls,
                  (select count(*) from pg_proc x where x.proowner = p.proowner) as functions,
                  (select count(*) from pg_class c where c.relowner = p.proowner) as relations,
                  has_schema_privilege(p.proowner, 'public', 'create') as makes
             from pg_proc p join pg_roles r on r.oid = p.proowner
            where p.prosecdef and p.pronamespace = 'public'::regnamespace"""
    )
    assert {f["proname"] for f in functions} == set(DEFINER_CALLS)
    for f in functions:
        assert not (f["rolcanlogin"] or f["rolsuper"] or f["rolcreaterole"] or f["rolbypassrls"] or f["makes"]), f
        assert (f["functions"], f["relations"]) == (1, 0), f


# --- to stop the others ---------------------------------------------------------------------------------
OWN_LOCK = {"weir_access": "weir-access:local", "weir_biller": "weir-biller-watch"}
LOCKS = ("weir-access:local", "weir-biller-watch", "weir.migrate", "weir signing keys", "prune_audit_log")


def test_no_role_takes_the_lock_of_anothers_program(database, thief):
    """The way it was: the auditor took the lock of weir-access, and revocations stopped without a word."""
    role = thief.info.user
    kept = []
    for lock in LOCKS:
        for function in ("pg_advisory_lock", "pg_try_advisory_lock", "pg_advisory_xact_lock", "pg_try_advisory_xact_lock", "pg_advisory_lock_shared"):
            if done(thief, f"select {function}(hashtextextended(%s, 0))", (lock,)):
                kept.append((lock, function))
        if lock != OWN_LOCK.get(role) and done(thief, "select program_lock(%s)", (lock,)):
            kept.append((lock, "program_lock"))
        # The one that takes whatever number it is given.
        with database_of(database) as other:
            with thief.transaction(force_rollback=True):
                if done(thief, "select lock_key(hashtextextended(%s, 0))", (lock,)):
                    if not other.execute("select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (lock,)).fetchone()[0]:
                        kept.append((lock, "lock_key"))
    assert kept == []
    if role in OWN_LOCK:
        assert thief.execute("select program_lock(%s)", (OWN_LOCK[role],)).fetchone() == (True,)
        with login(database, role) as second:
            assert second.execute("select program_lock(%s)", (OWN_LOCK[role],)).fetchone() == (False,)


def database_of(database):
    return psycopg.connect(database.database_url("postgres"), autocommit=True)


def test_a_key_of_idempotency_is_still_one_mans(database):
    with login(database, "weir_api") as first, login(database, "weir_api") as second:
        with first.transaction():
            assert first.execute("select lock_key(-5)").fetchone() == (True,)
            with second.transaction():
                assert second.execute("select lock_key(-5)").fetchone() == (False,)
            with second.transaction():
                assert second.execute("select lock_key(5)").fetchone() == (True,)


def test_connections_are_not_all_one_roles(database):
    with login(database, "weir_auditor") as first:
        taken = [first]
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            for _ in range(20):
                taken.append(login(database, "weir_auditor"))
        for connection in taken[1:]:
            connection.close()
        assert 1 < len(taken) < 20


def test_nothing_is_left_outside_the_tables(database, thief):
    for sql in ("select lo_from_bytea(0, 'x')", "select lo_create(0)", "select lo_creat(-1)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            thief.execute(sql)
            pytest.fail(f"done: {sql}")
    for other in ("postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(database.database_url(thief.info.user), dbname=other)


def test_a_program_relies_on_no_setting_of_its_role(database, market):
    """A role may set its own defaults for good: what a program needs it says when it connects."""
    with login(database, "weir_biller") as thief:
        for setting in ("default_transaction_read_only = on", "search_path = pg_temp", "timezone = 'Asia/Tokyo'", "lock_timeout = '1ms'"):
            thief.execute(f"alter role weir_biller set {setting}")
    try:
        database.script("weir", "up", "weir-biller")
        run = market.value("insert into billing_run (period, requested_by) values ('2020-01', 'test') returning id")
        wait_for(lambda: market.value("select state from billing_run where id = %s", run) != "queued", "the biller to write")
    finally:
        database.script("weir", "down", "weir-biller")
        market.run("alter role weir_biller reset all")


# --- traces ----------------------------------------------------------------------------------------------
AUDITED = "insert into audit_log (at, actor_kind, actor_id, action, object_kind, object_id) values (now() - %s::interval, 'nobody', '', %s, '', '') returning id"


def test_nobody_removes_his_traces(database, market):
    """What only counted goes after a month at the earliest, whoever asks and for whatever time; all else never."""
    old, young = (market.value(AUDITED, age, "session.refuse") for age in ("32 days", "27 days"))
    change = market.value(AUDITED, "10 years", "secret.create")
    with login(database, "weir_api") as thief:
        for sql in ("delete from audit_log", "select prune_audit_log(0, 1000)", "select prune_audit_log(-1000, 1000)"):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.IntegrityConstraintViolation)):
                thief.execute("select set_config('weir.operator', 'on', false)")
                thief.execute(sql)
                pytest.fail(f"done: {sql}")
        thief.execute("select prune_audit_log(1, 1000)")
    kept = [r["id"] for r in market.rows("select id from audit_log where id = any (%s) order by id", [old, young, change])]
    assert kept == [young, change]
    with login(database, "weir_owner") as owner:
        for sql in (
            f"delete from audit_log where id = {young}",
            f"delete from audit_log where id = {change}",
            f"update audit_log set at = '2000-01-01' where id = {young}",
            "truncate audit_log",
        ):
            with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
                owner.execute(sql)
                pytest.fail(f"done: {sql}")
    for role in ("weir_meter", "weir_biller", "weir_access", "weir_auditor"):
        with login(database, role) as thief, pytest.raises(psycopg.errors.InsufficientPrivilege):
            thief.execute("select prune_audit_log(1, 1000)")


# --- money ----------------------------------------------------------------------------------------------
DOCUMENT = """insert into document (kind, org_id, entity_id, currency, period_from, period_to, usage_end, time_zone, net, tax, total{names})
              values ('invoice', %(consumer)s, %(entity)s, 'EUR', '2026-01-01', '2026-02-01', '2026-02-01', 'UTC', {net}, 0, {net}{values})"""


def forgeries(market, sale, invoice):
    entity, series = market.entity(), market.value("select series_id from document where id = %s", invoice)
    values = {**vars(sale), "entity": entity, "series": series, "invoice": invoice, "draft": market.draft(sale)}
    issued = DOCUMENT.format(
        names=", state, number, issue_date, issued_at, series_id", net=100000, values=", 'issued', 'T-999999', '2026-02-01', now(), %(series)s"
    )
    numbered = DOCUMENT.format(names=", number, series_id", net=1, values=", 'T-999999', %(series)s")
    line = """insert into document_line (document_id, line, org_id, subscription_id, provider_org_id, product_id, plan_id, plan_version, kind,
                     description, base, amount, net, tax_category, tax_rate, rows, service_from, service_to, product_name, provider_name)
              values (%(invoice)s, 7, %(consumer)s, %(subscription)s, %(provider)s, %(product)s, %(plan)s, 1, 'fixed', '', 1, 1, 1, 'Z', 0, '[]',
                      '2026-01-01', '2026-02-01', '', '')"""
    issue = """update document set state = 'issued', number = {number}, series_id = %(series)s, issue_date = '2026-02-01', issued_at = now(){more}
                where id = %(draft)s"""
    take = "update document_series set next_number = next_number + 1 where id = %(series)s;"
    next_number = "(select prefix || lpad((next_number - 1)::text, 6, '0') from document_series where id = %(series)s)"
    return {
        "a document that is issued from its birth": (issued, values),
        "a draft with a number": (numbered, values),
        "a line of an issued document": (line, values),
        "a tax of an issued document": ("insert into document_tax (document_id, category, rate, net, amount) values (%(invoice)s, 'S', 19, 1, 1)", values),
        "a split of an issued document": (
            "insert into document_split (document_id, line, party, party_org_id, amount) values (%(invoice)s, 1, 'x', %(provider)s, 1)", values),
        "the total of an issued document": ("update document set net = 100000, total = 100000 where id = %(invoice)s", values),
        "a number that the series has not given": (issue.format(number="'T-999999'", more=""), values),
        "a number taken without the series": (issue.format(number="'T-000002'", more=""), values),
        "another sum than the lines": (take + issue.format(number=next_number, more=", net = 100000, total = 100000"), values),
        "another tax than the taxes": (take + issue.format(number=next_number, more=", tax = 5, total = net + 5"), values),
        "a series rewound": ("update document_series set next_number = 1 where id = %(series)s", values),
        "a series that leaves a gap": ("update document_series set next_number = next_number + 2 where id = %(series)s", values),
        "a number taken and not used": ("update document_series set next_number = next_number + 1 where id = %(series)s", values),
        "a date that goes back": (
            "update document_series set next_number = next_number + 1, last_issue_date = '2000-01-01' where id = %(series)s", values),
        "a date ahead": (
            "update document_series set next_number = next_number + 1, last_issue_date = '2999-01-01' where id = %(series)s", values),
        "a first number that no document has": (
            "insert into document_series (entity_id, kind, prefix, next_number) values (%(entity)s, 'invoice', 'N-', 2)", values),
        "a series without its row": ("delete from document_series where id = %(series)s", values),
        "a series that begins in the middle": (
            "insert into document_series (entity_id, kind, prefix, next_number) values (%(entity)s, 'invoice', 'M-', 500)", values),
        "billed with an issued document": (
            "insert into billed (subscription_id, period_start, seq, document_id, final, usage, lines) values (%(subscription)s, '2026-01-01', 1, %(invoice)s, true, '[]', '[]')", values),
        "billed out of turn": (
            "insert into billed (subscription_id, period_start, seq, document_id, final, usage, lines) values (%(subscription)s, '2026-01-01', 5, %(draft)s, true, '[]', '[]')", values),
        "an entry without transfers": (
            "insert into ledger_entry (kind, document_id, booked_on, transfers) values ('invoice_issued', %(invoice)s, '2026-02-01', 2)", values),
    }  # fmt: skip


def done(connection, statements, values):
    """Whether all of it was done and kept."""
    try:
        with connection.transaction():
            for sql in filter(None, map(str.strip, statements.split(";"))):
                if connection.execute(sql, values).rowcount == 0:
                    return False
    except REFUSED:
        return False
    return True


# The biller has the rights that its statements need; guards refuse the rest also to whoever has all rights.
@pytest.mark.parametrize("role", ["weir_biller", "weir_owner"])
def test_documents_and_numbers_are_not_forged(database, market, sale, invoice, role):
    with login(database, role) as thief:
        kept = [what for what, (sql, values) in forgeries(market, sale, invoice).items() if done(thief, sql, values)]
    assert kept == []


def test_the_biller_records_no_payment(database, sale, invoice):
    payment = "insert into payment (document_id, org_id, amount, received_on) values (%s, %s, 10, '2026-02-02')"
    with login(database, "weir_biller") as thief:
        assert not done(thief, payment, (invoice, sale.consumer))


def test_a_ledger_entry_is_what_its_document_says(database, market, sale, invoice):
    account = "insert into ledger_account (code, org_id, currency) values (%s, %s, 'EUR') returning id"
    receivable, revenue = market.value(account, "receivable", sale.consumer), market.value(account, "commission_revenue", None)
    foreign = market.value(account, "receivable", sale.provider)
    entry = "insert into ledger_entry (kind, document_id, booked_on, transfers) values ('invoice_issued', %s, %s, %s) returning id"
    transfer = "insert into ledger_transfer (entry_id, n, debit_account, credit_account, currency, amount) values (%s, %s, %s, %s, 'EUR', %s)"
    kept = []
    with login(database, "weir_biller") as thief:
        for what, date, count, rows in (
            ("fewer transfers than it says", "2026-02-01", 2, [(receivable, revenue, 10)]),
            ("another sum than the document's", "2026-02-01", 1, [(receivable, revenue, 100000)]),
            ("another customer's debt", "2026-02-01", 1, [(foreign, revenue, 10)]),
            ("another date", "2020-02-01", 1, [(receivable, revenue, 10)]),
        ):
            try:
                with thief.transaction():
                    made = thief.execute(entry, (invoice, date, count)).fetchone()[0]
                    for n, (debit, credit, amount) in enumerate(rows, 1):
                        thief.execute(transfer, (made, n, debit, credit, amount))
                kept.append(what)
            except REFUSED:
                pass
        assert kept == []
        with thief.transaction():
            made = thief.execute(entry, (invoice, "2026-02-01", 1)).fetchone()[0]
            thief.execute(transfer, (made, 1, receivable, revenue, 10))


def test_no_guard_looks_at_a_table_of_the_callers(database, market, sale, invoice, with_temporary_objects):
    """A temporary table in the place of the one that a guard reads."""
    with login(database, "weir_biller") as thief:
        thief.execute("create temporary table document (id uuid, state text)")
        thief.execute("insert into pg_temp.document values (%s, 'draft')", (invoice,))
        with pytest.raises(REFUSED):
            thief.execute("insert into document_tax (document_id, category, rate, net, amount) values (%s, 'S', 19, 1, 1)", (invoice,))


# --- keys and secrets -----------------------------------------------------------------------------------
def test_the_last_key_that_signs_stays(database, market):
    key = "insert into signing_key (kid, private_key, public_jwk, sign_from) values (%s, '', '{}', now() + %s::interval)"
    market.run(key, "old", "-20 days")
    market.run(key, "new", "1 day")
    attempts = (
        "update signing_key set retire_at = now()",
        "update signing_key set retire_at = now() where kid = 'old'",
        "update signing_key set retire_at = now() + interval '10 years' where kid = 'new'",
        "update signing_key set retire_at = now() + interval '1 day' where kid = 'old'",
        "update signing_key set sign_from = now() + interval '1 year' where kid = 'old'",
        "update signing_key set private_key = 'mine' where kid = 'old'",
        "delete from signing_key",
        "insert into signing_key (kid, private_key, public_jwk, sign_from) values ('mine', '', '{}', now())",
        "insert into signing_key (kid, private_key, public_jwk, sign_from, retire_at) values ('mine', '', '{}', now() + interval '2 days', now())",
    )
    for role in ("weir_owner", "weir_api"):
        with login(database, role) as thief:
            assert [sql for sql in attempts if done(thief, sql, ())] == [], role
    with login(database, "weir_api") as thief:
        # What the program itself does: the old one stays until its last token has expired.
        assert done(thief, "update signing_key k set retire_at = n.sign_from + interval '2 hours' from signing_key n where n.kid = 'new' and k.kid = 'old'", ())


def test_an_unbound_hash_is_never_stored_again(database, market, sale):
    """A secret's hash holds its client: copied to another client it opens nothing. Those of before don't, so no
    new ones of that kind are taken."""
    secret = "insert into application_secret (application_id, org_id, secret_hash{}) values (%s, %s, sha256('known'){})"
    with login(database, "weir_api") as thief:
        thief.execute("select set_config('weir.operator', 'on', false)")
        assert not done(thief, secret.format("", ""), (sale.application, sale.consumer))
        assert not done(thief, secret.format(", hash_version", ", 1"), (sale.application, sale.consumer))
        assert done(thief, secret.format(", hash_version", ", 2"), (sale.application, sale.consumer))
        assert done(thief, "update application_secret set revoked_at = now()", ())
    changes = ("secret_hash = sha256('mine')", "hash_version = 1", "revoked_at = null", "created_at = now()")
    for role in ("weir_api", "weir_owner"):
        with login(database, role) as thief:
            thief.execute("select set_config('weir.operator', 'on', false)")
            assert [change for change in changes if done(thief, f"update application_secret set {change}", ())] == [], role


def test_access_reads_nobodys_address(database, market, sale, invoice):
    with login(database, "weir_access") as thief:
        for sql in (
            "select * from organisation", "select billing_email from organisation", "select vat_id from organisation", "select email from person",
            "select contract from product_version", "select body from plan_version", "select terms_sha256 from subscription", "select * from application",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                thief.execute(sql)
                pytest.fail(f"read: {sql}")
