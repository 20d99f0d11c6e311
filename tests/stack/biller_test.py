"""weir-biller on a real PostgreSQL, as the role weir_biller: runs, invoices, ledger, statements.

Each test has a month of its own, so that the runs of one don't bill the accounts of another.
"""

import json
import random
import re
import signal
import subprocess
import time
from decimal import Decimal

import psycopg
import pytest

from hang_up import complaints, end, stopped_idle
from market import Market
from stack import BIN, Stack, wait_for

GB = 1_000_000_000
PLAN = {
    "plan_id": "ticks", "version": 1, "currency": "EUR", "valid_from": "2020-01-01",
    "prices": [
        {"price_id": "access", "kernel": {"type": "flat", "flat_amount": "49.00"}},
        {"price_id": "fresh", "metric": "bytes", "filter": {"delivery": ["fresh"]},
         "unit_conversion": {"operation": "divide", "factor": "1000000000"},
         "included_units": {"quantity": "5"}, "discount_percent": "10",
         "kernel": {"type": "graduated", "tiers": [
             {"up_to": "50", "unit_amount": "0.12"},
             {"up_to": "200", "unit_amount": "0.09", "flat_amount": "3.00"},
             {"up_to": None, "unit_amount": "0.07"}]}},
        {"price_id": "replay", "metric": "bytes", "filter": {"delivery": ["replay"]},
         "unit_conversion": {"operation": "divide", "factor": "1000000000"},
         "kernel": {"type": "per_unit", "unit_amount": "0.05"}},
        {"price_id": "messages", "metric": "messages",
         "kernel": {"type": "package", "package_size": "1000000", "package_amount": "0.35"},
         "minimum": {"amount": "10.00", "prorated": True}},
    ],
}
SIMPLE = {
    "plan_id": "simple", "version": 1, "currency": "EUR", "valid_from": "2020-01-01",
    "prices": [
        {"price_id": "fee", "kernel": {"type": "flat", "flat_amount": "10.00"}},
        {"price_id": "data", "metric": "bytes",
         "unit_conversion": {"operation": "divide", "factor": "1000000000"},
         "kernel": {"type": "per_unit", "unit_amount": "0.50"}},
    ],
}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """PostgreSQL alone, with the schema."""
    folder = tmp_path_factory.mktemp("biller")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o711)
    with Stack(folder) as stack:
        stack.script("postgres", "up")
        stack.script("weir", "migrate")
        yield stack


@pytest.fixture(scope="module")
def market(database):
    market = Market(database)
    market.run(
        """insert into issuing_entity (org_id, name, country, vat_id, time_zone)
           values (%s, 'Weir GmbH', 'DE', 'DE123456789', 'Europe/Berlin')""", market.operator
    )
    market.run("insert into tax_rate (country, category, percent, valid_from) values ('DE', 'S', 19, '2007-01-01'), ('DE', 'S', 16, '2020-07-01'), ('DE', 'S', 19, '2021-01-01')")
    yield market
    market.close()


class Biller:
    def __init__(self, stack):
        self.stack = stack
        self.start()

    def start(self):
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(BIN / "weir-biller")],
            env={
                "WEIR_DATABASE_URL_FILE": str(self.stack.folder / "secrets" / "url-weir_biller"),
                "WEIR_METRICS_LISTEN": "off", "WEIR_POLL_EVERY": "50ms", "WEIR_WATCH_EVERY": "50ms", "TZ": "UTC",
            },
            stderr=open(self.stack.folder / "log" / "biller.out", "a"),
        )

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(20)
        just_started = time.monotonic() - self.started < 2  # perhaps not listening to signals yet
        assert code == 0 or (just_started and code == -signal.SIGTERM)


@pytest.fixture(scope="module")
def biller(database, market):
    biller = Biller(database)
    yield biller
    biller.stop()


@pytest.fixture
def no_other_biller(biller):
    biller.stop()
    yield
    biller.start()


def month_bounds(month):
    year, number = map(int, month.split("-"))
    return f"{month}-01", f"{year + number // 12}-{number % 12 + 1:02d}-01"


class Sale:
    """A provider, a product on a topic, a consumer with one application and one subscription. With `reader`,
    another sale, it is that sale's consumer and application that subscribe here too."""

    def __init__(self, market, month, plan=SIMPLE, share=None, starts=None, ends=None, months=1, zone="Europe/Berlin", country="DE", heard=True, reader=None, topic="acme.ticks"):
        self.market = market
        self.month = month
        first, last = month_bounds(month)
        for _ in range(months - 1):
            last = month_bounds(last[:7])[1]
        self.provider = market.organisation("Acme data")
        self.consumer = reader.consumer if reader else market.organisation("Reader", zone=zone, country=country)
        self.cluster = market.cluster(f"c-{month}")
        self.topic = topic
        self.product, self.plan = market.product(self.provider, [(self.cluster, self.topic)], plan, share or {"percent": "15"})
        self.starts = starts or f"{first} 00:00 {zone}"
        self.ends = ends or f"{last} 00:00 {zone}"
        self.application, self.who = (reader.application, reader.who) if reader else market.application(self.consumer)
        self.subscription = market.subscription(self.consumer, self.provider, self.product, self.plan, self.starts, self.ends)
        market.grant(self.cluster, self.application, self.consumer, self.topic, self.subscription, self.starts, self.ends)
        if heard:
            market.hear(self.cluster, "2030-01-01")

    def use(self, at, **figures):
        self.market.usage(self.cluster, self.who, self.topic, at, self.subscription, self.application, **figures)

    def documents(self):
        return self.market.rows(
            "select * from document where org_id = %s and kind = 'invoice' order by created_at, number", self.consumer
        )

    def lines(self, document):
        return self.market.rows("select * from document_line where document_id = %s order by line", document["id"])


def ask(market, month, **more):
    columns = {"period": month, "requested_by": "test", **more}
    return market.value(
        f"insert into billing_run ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))}) returning id", *columns.values()
    )


def run_of(market, run):
    return market.row("select * from billing_run where id = %s", run)


def bill(market, month, **more):
    run = ask(market, month, **more)
    done = wait_for(lambda: run_of(market, run)["state"] in ("done", "failed") and run_of(market, run), f"the run of {month}", every=0.02)
    assert done["state"] == "done", done["error"]
    return done


def note(market, run, sale):
    return market.value("select note from billing_run_account where run_id = %s and org_id = %s", run["id"], sale.consumer)


def ledger_is_balanced(market):
    row = market.row("select sum(debit) as debit, sum(credit) as credit from ledger_balance")
    assert row["debit"] == row["credit"]
    off = market.rows(
        """select d.number, d.total, t.amount from document d
             left join lateral (select sum(case when a.id = x.debit_account then x.amount else -x.amount end) as amount
                                  from ledger_entry e join ledger_transfer x on x.entry_id = e.id
                                  join ledger_account a on a.code = 'receivable' and a.id in (x.debit_account, x.credit_account)
                                 where e.document_id = d.id) t on true
            where d.kind = 'invoice' and d.state = 'issued' and d.total <> coalesce(t.amount, 0)"""
    )
    assert off == []


def numbers_are_gapless(market):
    for kind, prefix in (("invoice", "INV"), ("statement", "ST")):
        numbers = [row["number"] for row in market.rows("select number from document where kind = %s and state = 'issued' order by number", kind)]
        assert all(re.fullmatch(prefix + r"-\d{4}-\d{6}", number) for number in numbers)
        counted = [int(number.rpartition("-")[2]) for number in numbers]
        assert counted == list(range(1, len(counted) + 1))
    dates = [row["issue_date"] for row in market.rows("select issue_date from document where kind = 'invoice' and state = 'issued' order by number")]
    assert dates == sorted(dates)


# --- one invoice, worked by hand ------------------------------------------------------------------------


def test_full_run__gives_the_invoice_worked_by_hand(market, biller):
    # October 2025 in Berlin: 31 days, clocks go back on the 26th. Service from the 7th: 25 of 31 days.
    sale = Sale(market, "2025-10", PLAN, starts="2025-10-07 10:00 Europe/Berlin", ends="2025-11-20 00:00 Europe/Berlin")
    sale.use("2025-10-07T08:00Z", bytes=200 * GB, messages=12_000_000, fetches=900)
    sale.use("2025-10-31T22:45Z", bytes=63_480_000_000, messages=300_000, fetches=9)  # the last quarter hour of the month
    sale.use("2025-10-31T23:00Z", bytes=999 * GB)  # November in Berlin
    sale.use("2025-10-15T00:00Z", bytes=41_300_000_000, messages=45_678, fetches=50, delivery=1)
    run = bill(market, "2025-10")
    assert (run["accounts_total"], run["accounts_done"], run["documents"]) == (1, 1, 2)

    (invoice,) = sale.documents()
    lines = sale.lines(invoice)
    got = {(line["price_id"], line["kind"]): line for line in lines}
    # 49.00 * 25/31 = 39.516...
    assert got["access", "fixed"]["amount"] == Decimal("39.52")
    # 263.48 - 5 included: 50 * 0.12 + 150 * 0.09 + 3.00 + 58.48 * 0.07 = 26.5936; 10 % of 26.59 off
    fresh = got["fresh", "usage"]
    assert (fresh["metered"], fresh["quantity"], fresh["base"], fresh["discount"], fresh["amount"]) == (
        263_480_000_000, Decimal("258.48"), Decimal("26.59"), Decimal("2.66"), Decimal("23.93"))
    assert fresh["unrounded"] == "26.5936"
    # 41.3 * 0.05 = 2.065, half away from zero
    assert got["replay", "usage"]["amount"] == Decimal("2.07")
    # 12,345,678 messages: 13 packages at 0.35
    assert (got["messages", "usage"]["metered"], got["messages", "usage"]["amount"]) == (12_345_678, Decimal("4.55"))
    # 10.00 * 25/31 - 4.55 = 3.5145...
    assert got["messages", "minimum"]["amount"] == Decimal("3.51")
    assert len(lines) == 5
    # 39.52 + 23.93 + 2.07 + 4.55 + 3.51; 19 % of 73.58 = 13.9802
    assert (invoice["net"], invoice["tax"], invoice["total"]) == (Decimal("73.58"), Decimal("13.98"), Decimal("87.56"))
    assert invoice["state"] == "issued" and re.fullmatch(r"INV-\d{4}-\d{6}", invoice["number"])
    assert (invoice["due_date"] - invoice["issue_date"]).days == 30
    assert invoice["seller"]["vat_id"] == "DE123456789" and invoice["buyer"]["name"] == "Reader"
    assert invoice["period_from"].isoformat() == "2025-09-30T22:00:00+00:00"
    assert invoice["period_to"].isoformat() == "2025-10-31T23:00:00+00:00"
    tax = market.rows("select category, rate, net, amount from document_tax where document_id = %s", invoice["id"])
    assert [tuple(row.values()) for row in tax] == [("S", 19, Decimal("73.58"), Decimal("13.98"))]
    assert len(invoice["metered_to"]) == 8

    assert {(line["product_name"], line["provider_name"]) for line in lines} == {
        ("Market ticks", market.value("select name from organisation where id = %s", lines[0]["provider_org_id"]))}

    # What a person reads.
    assert got["access", "fixed"]["description"] == "Market ticks: fee (access), 7-31 October 2025, 25 of 31 days"
    assert fresh["description"] == "Market ticks: data read, fresh, in GB (fresh) from acme.ticks, October 2025"
    assert fresh["metering_class"] == "request_log" and not fresh["touched_by_hole"]
    assert sum(Decimal(row["amount"]) for row in fresh["rows"]) == Decimal(fresh["unrounded"])
    assert [row["reason"] for row in fresh["rows"]] == ["included", "billed", "billed", "billed"]

    # Shares: 15 % of each net, rounded per line: 5.93 + 3.59 + 0.31 + 0.68 + 0.53 = 11.04.
    shares = market.rows("select party, sum(amount) as amount from document_split where document_id = %s group by 1 order by 1", invoice["id"])
    assert [tuple(row.values()) for row in shares] == [("operator", Decimal("11.04")), ("provider", Decimal("62.54"))]
    transfers = market.rows(
        """select d.code as debit, d.org_id as debtor, c.code as credit, c.org_id as creditor, t.amount
             from ledger_entry e join ledger_transfer t on t.entry_id = e.id
             join ledger_account d on d.id = t.debit_account join ledger_account c on c.id = t.credit_account
            where e.document_id = %s order by t.amount""", invoice["id"])
    assert [tuple(row.values()) for row in transfers] == [
        ("receivable", sale.consumer, "commission_revenue", None, Decimal("11.04")),
        ("receivable", sale.consumer, "output_vat", None, Decimal("13.98")),
        ("receivable", sale.consumer, "provider_payable_pending", sale.provider, Decimal("62.54")),
    ]
    statement = market.row("select * from document where kind = 'statement' and org_id = %s", sale.provider)
    assert (statement["net"], statement["total"], statement["state"]) == (Decimal("62.54"), Decimal("62.54"), "issued")
    assert re.fullmatch(r"ST-\d{4}-\d{6}", statement["number"])
    reported = market.value("select count(*) from document_split where statement_id = %s", statement["id"])
    assert reported == 5
    ledger_is_balanced(market)

    # A second run finds no difference and writes nothing.
    before = market.row("select (select count(*) from document) as documents, (select count(*) from billed) as billed, (select count(*) from ledger_entry) as entries")
    again = bill(market, "2025-10")
    assert again["documents"] == 0
    assert market.row("select (select count(*) from document) as documents, (select count(*) from billed) as billed, (select count(*) from ledger_entry) as entries") == before


# --- after the close ------------------------------------------------------------------------------------


def test_late_usage__is_a_delta_line_that_names_what_it_corrects(market, biller):
    sale = Sale(market, "2025-01", months=2)
    sale.use("2025-01-10T00:00Z", bytes=10 * GB)
    bill(market, "2025-01")
    sale.use("2025-01-11T00:00Z", bytes=3 * GB)  # arrives after the run
    sale.use("2025-02-10T00:00Z", bytes=4 * GB)
    bill(market, "2025-02")
    january, february = sale.documents()
    assert (january["net"], february["net"]) == (Decimal("15.00"), Decimal("13.50"))
    late, fee, data = sale.lines(february)
    assert (late["amount"], late["metered"], late["corrects_document"], late["corrects_line"]) == (Decimal("1.50"), 3 * GB, january["id"], 2)
    assert late["description"] == f"Correction of {january['number']}, line 2: Market ticks: data read, in GB (data) from acme.ticks, January 2025"
    assert late["service_from"].isoformat() == "2024-12-31T23:00:00+00:00"
    assert (fee["amount"], data["amount"]) == (Decimal("10.00"), Decimal("2.00"))
    assert market.value("select max(seq) from billed where subscription_id = %s", sale.subscription) == 2


def test_late_usage_alone__is_billed_by_a_second_run_of_the_month(market, biller):
    sale = Sale(market, "2025-03")
    sale.use("2025-03-10T00:00Z", bytes=10 * GB)
    bill(market, "2025-03")
    sale.use("2025-03-10T00:00Z", bytes=2 * GB)
    bill(market, "2025-03")
    first, second = sale.documents()
    (line,) = sale.lines(second)
    assert (line["amount"], line["corrects_document"]) == (Decimal("1.00"), first["id"])
    assert second["total"] == Decimal("1.19")


def test_lowered_usage__is_a_negative_line_of_the_next_invoice(market, biller):
    sale = Sale(market, "2025-04", months=2)
    sale.use("2025-04-10T00:00Z", bytes=10 * GB)
    bill(market, "2025-04")
    sale.use("2025-04-10T00:00Z", bytes=-4 * GB)
    # Alone it would make a total below zero: it waits for the next invoice, and the run says so.
    run = bill(market, "2025-04")
    assert len(sale.documents()) == 1
    assert note(market, run, sale) == "-2.00 EUR of months billed before is left for the next invoice"
    sale.use("2025-05-10T00:00Z", bytes=1 * GB)
    bill(market, "2025-05")
    april, may = sale.documents()
    lowered, fee, data = sale.lines(may)
    assert (lowered["amount"], lowered["corrects_document"], lowered["corrects_line"]) == (Decimal("-2.00"), april["id"], 2)
    assert may["net"] == Decimal("8.50")
    # The commission of the lowered line is given back at its own rate.
    split = market.rows("select party, amount from document_split where document_id = %s and line = 1 order by party", may["id"])
    assert [tuple(row.values()) for row in split] == [("operator", Decimal("-0.30")), ("provider", Decimal("-1.70"))]
    ledger_is_balanced(market)
    bill(market, "2025-05")
    assert len(sale.documents()) == 2


def test_late_line__keeps_the_tax_of_its_month(market, biller):
    # Germany lowered its rate to 16 % for the second half of 2020.
    sale = Sale(market, "2020-12", months=2)
    sale.use("2020-12-10T00:00Z", bytes=10 * GB)
    bill(market, "2020-12")
    sale.use("2020-12-10T00:00Z", bytes=10 * GB)
    bill(market, "2021-01")
    december, january = sale.documents()
    assert december["tax"] == Decimal("2.40")
    tax = market.rows("select rate, net, amount from document_tax where document_id = %s order by rate", january["id"])
    assert [tuple(row.values()) for row in tax] == [(16, Decimal("5.00"), Decimal("0.80")), (19, Decimal("10.00"), Decimal("1.90"))]


def test_any_order_of_usage_and_runs__costs_what_one_run_costs(market, biller):
    """Usage that rises and falls between many runs of a month: the sum of all invoices, of all shares and of the
    running differences is what one run at the end bills, to the cent, for each subscription."""
    dice = random.Random(20251122)
    month = "2022-05"
    sales = []
    for n in range(6):  # the last three: one account with subscriptions of several providers
        reader = sales[2] if n > 2 else None
        starts = f"2022-05-0{n + 1} 00:00 Europe/Berlin"
        sales.append(Sale(market, month, PLAN if n % 2 else SIMPLE, starts=starts, reader=reader, topic=f"acme.ticks{n}"))
    used = {sale.subscription: dict.fromkeys(("bytes", "messages", "replayed"), 0) for sale in sales}
    for round in range(7):
        for sale in sales:
            total = used[sale.subscription]
            for kind, most in (("bytes", 120 * GB), ("messages", 9_000_000), ("replayed", 70 * GB)):
                # The last round only adds, so that no lowering is left for a later invoice.
                step = dice.randrange(-total[kind], most) if round < 6 else 3 * most
                total[kind] += step
                figures = {"messages": step} if kind == "messages" else {"bytes": step}
                sale.use(f"2022-05-{10 + round}T0{round}:00Z", delivery=int(kind == "replayed"), **figures)
        bill(market, month)
    twins = []
    for sale, (plan, n) in zip(sales, ((PLAN if n % 2 else SIMPLE, n) for n in range(6))):
        twin = Sale(market, month, plan, starts=f"2022-05-0{n + 1} 00:00 Europe/Berlin")
        total = used[sale.subscription]
        twin.use("2022-05-20T00:00Z", bytes=total["bytes"], messages=total["messages"])
        twin.use("2022-05-20T00:00Z", bytes=total["replayed"], delivery=1)
        twins.append(twin)
    bill(market, month)
    net = """select coalesce(sum(l.net), 0) as net, coalesce(sum(l.base), 0) as base
               from document_line l join document d on d.id = l.document_id
              where l.subscription_id = %s and d.state = 'issued'"""
    for sale, twin in zip(sales, twins):
        assert market.row(net, sale.subscription) == market.row(net, twin.subscription)
        assert market.value("select count(*) from document_line where subscription_id = %s and corrects_document is not null", sale.subscription) > 1
    off = market.rows("""select l.document_id, l.line from document_line l
                           left join lateral (select sum(s.amount) as amount from document_split s
                                               where s.document_id = l.document_id and s.line = l.line) s on true
                          where l.net <> coalesce(s.amount, 0)""")
    assert off == []
    assert market.value("select count(*) from document_split s join document d on d.id = s.document_id"
                        " where s.statement_id is null and s.party <> 'operator' and d.state = 'issued'") == 0
    ledger_is_balanced(market)
    numbers_are_gapless(market)


def test_total_of_zero__is_issued_and_moves_nothing(market, biller):
    """What usage adds the minimum gives back: lines, but no money."""
    plan = json.loads(json.dumps(SIMPLE))
    plan["prices"][1]["minimum"] = {"amount": "5.00"}
    sale = Sale(market, "2022-06", plan)
    sale.use("2022-06-10T00:00Z", bytes=GB)
    bill(market, "2022-06")
    sale.use("2022-06-10T00:00Z", bytes=2 * GB)
    bill(market, "2022-06")
    first, second = sale.documents()
    assert first["net"] == Decimal("15.00")
    assert (second["net"], second["tax"], second["total"], second["state"]) == (0, 0, 0, "issued")
    assert sorted(line["net"] for line in sale.lines(second)) == [Decimal("-1.00"), Decimal("1.00")]
    transfers = market.value("select count(*) from ledger_entry where document_id = %s", second["id"])
    assert transfers == 0
    ledger_is_balanced(market)


def test_quantity_below_zero__fails_no_account(market, biller):
    """Corrections may outweigh what a month holds (their fetch was counted on the other side of a grant's border)."""
    sale = Sale(market, "2022-07", PLAN)
    sale.use("2022-07-10T00:00Z", messages=-5)
    other = Sale(market, "2022-07")
    bill(market, "2022-07")
    assert [document["state"] for document in other.documents()] == ["issued"]
    (invoice,) = sale.documents()
    assert invoice["total"] >= 0
    ledger_is_balanced(market)


def test_month_closed_early__is_rated_once_though_the_subscription_ends(market, biller):
    """Fee and minimum of the whole month first; after the end in the middle only what was served is due."""
    sale = Sale(market, "2022-08", PLAN)
    market.run("update subscription set ends_at = null where id = %s", sale.subscription)
    sale.use("2022-08-10T00:00Z", bytes=60 * GB, messages=3_000_000)
    bill(market, "2022-08", close_early=True, reason="story")
    market.run("update subscription set state = 'ended', ends_at = '2022-08-16 00:00 Europe/Berlin' where id = %s", sale.subscription)
    sale.use("2022-08-15T00:00Z", bytes=600 * GB)
    bill(market, "2022-08")
    twin = Sale(market, "2022-08", PLAN, ends="2022-08-16 00:00 Europe/Berlin")
    twin.use("2022-08-10T00:00Z", bytes=660 * GB, messages=3_000_000)
    bill(market, "2022-08")
    per_price = """select l.price_id, l.kind, sum(l.net) as net from document_line l join document d on d.id = l.document_id
                    where l.subscription_id = %s and d.state = 'issued' group by 1, 2 order by 1, 2"""
    assert market.rows(per_price, sale.subscription) == market.rows(per_price, twin.subscription)


def test_another_time_zone__is_refused_once_a_subscription_began(market, biller):
    sale = Sale(market, "2022-09", zone="UTC")
    sale.use("2022-09-10T00:00Z", bytes=GB)
    bill(market, "2022-09")
    with pytest.raises(psycopg.Error, match="its months are billed in UTC") as refused:
        market.run("update organisation set time_zone = 'Asia/Tokyo' where id = %s", sale.consumer)
    assert refused.value.sqlstate == "WC001"
    market.run("update organisation set time_zone = time_zone, name = 'Other' where id = %s", sale.consumer)
    bill(market, "2022-09")
    assert len(sale.documents()) == 1


def test_running_charge__follows_an_end_without_usage(market, biller):
    first = market.value("select date_trunc('month', now() at time zone 'Europe/Berlin')::date")
    sale = Sale(market, first.isoformat()[:7])
    market.run("update subscription set ends_at = null where id = %s", sale.subscription)
    charge = "select amount from running_charge where subscription_id = %s"
    wait_for(lambda: market.value(charge, sale.subscription) == Decimal("10.00"), "the running charge")
    # It ends as it began: nothing was served.
    market.run("update subscription set state = 'ended', ends_at = starts_at where id = %s", sale.subscription)
    wait_for(lambda: market.value(charge, sale.subscription) == 0, "the end to show", seconds=60)


# --- when a run can't go on -------------------------------------------------------------------------------


def test_unheard_broker__is_named_and_waited_for(market, biller):
    sale = Sale(market, "2024-06", heard=False)
    sale.use("2024-06-10T00:00Z", bytes=GB)
    market.hear(sale.cluster, "2024-07-02", partitions=6)
    run = ask(market, "2024-06")
    wait_for(lambda: run_of(market, run)["state"] == "waiting", "the run to wait", every=0.02)
    assert run_of(market, run)["waiting_for"] == [
        "cluster c-2024-06, broker 1: not heard past 2024-06-30T22:00:00Z in 2 of 8 log partitions (6, 7); some never"
    ]
    assert sale.documents() == []
    market.hear(sale.cluster, "2024-06-30T21:59:59Z")
    wait_for(lambda: "last heard 2024-06-30T21:59:59Z" in run_of(market, run)["waiting_for"][0], "what is missing to be told anew", every=0.02)
    market.hear(sale.cluster, "2024-06-30T22:00:00Z")
    wait_for(lambda: run_of(market, run)["state"] == "done", "the run", every=0.02)
    assert len(sale.documents()) == 1


def test_override__bills_with_a_reason(market, biller):
    sale = Sale(market, "2024-07", heard=False)
    sale.use("2024-07-10T00:00Z", bytes=GB)
    run = bill(market, "2024-07", override_incomplete_reason="broker 1 burnt down")
    assert run["waiting_for"] == [] and len(sale.documents()) == 1


def test_open_month__is_waited_for_unless_closed_early(market, biller):
    now = market.row("select to_char(now() at time zone 'Pacific/Kiritimati', 'YYYY-MM') as month, now() as now")
    sale = Sale(market, now["month"], zone="Pacific/Kiritimati")
    at = market.value("select date_trunc('month', now() at time zone 'Pacific/Kiritimati') at time zone 'Pacific/Kiritimati'")
    sale.use(at, bytes=7 * GB)
    run = ask(market, now["month"])
    wait_for(lambda: run_of(market, run)["state"] == "waiting", "the run to wait", every=0.02)
    (why,) = [text for text in run_of(market, run)["waiting_for"] if "Kiritimati" in text]
    assert why.startswith(f"the period {now['month']} has not ended: in Pacific/Kiritimati it ends at ")
    assert sale.documents() == []
    bill(market, now["month"], close_early=True, reason="story")
    (invoice,) = sale.documents()
    assert invoice["net"] == Decimal("13.50")  # the fee of the whole month
    assert invoice["usage_end"] <= market.value("select now()")
    # The running charge is what the month costs, billed or not.
    wait_for(lambda: market.value("select amount from running_charge where subscription_id = %s", sale.subscription) == Decimal("13.50"), "the running charge", every=0.02)
    sale.use(at, bytes=1 * GB)
    wait_for(lambda: market.value("select amount from running_charge where subscription_id = %s", sale.subscription) == Decimal("14.00"), "the running charge", every=0.02)
    charge = market.row("select * from running_charge where subscription_id = %s", sale.subscription)
    assert [line["price_id"] for line in charge["lines"]] == ["fee", "data"]
    wait_for(lambda: market.value("select count(*) from usage_touch where subscription_id = %s", sale.subscription) == 0, "the touch to go", every=0.02)
    bill(market, now["month"], close_early=True, reason="story again")
    assert [document["net"] for document in sale.documents()] == [Decimal("13.50"), Decimal("0.50")]
    market.run("update billing_run set state = 'failed' where id = %s", run)


def test_cross_border_sale__stays_a_draft_that_says_why(market, biller):
    sale = Sale(market, "2024-08", country="FR", zone="Europe/Paris")
    sale.use("2024-08-10T00:00Z", bytes=GB)
    run = bill(market, "2024-08")
    (draft,) = sale.documents()
    assert (draft["state"], draft["number"], draft["net"]) == ("draft", None, Decimal("10.50"))
    assert draft["blocked_by"] == "the tax of a sale from DE to FR is not decided: only sales inside one country are supported yet"
    assert "stays a draft" in note(market, run, sale)
    assert market.value("select count(*) from billed where subscription_id = %s", sale.subscription) == 0
    assert market.value("select count(*) from ledger_entry where document_id = %s", draft["id"]) == 0
    # Made anew by the next run of the month, and issued once nothing stands in its way.
    bill(market, "2024-08")
    assert len(sale.documents()) == 1
    market.run("update organisation set country = 'DE' where id = %s", sale.consumer)
    bill(market, "2024-08")
    (invoice,) = sale.documents()
    assert (invoice["state"], invoice["total"]) == ("issued", Decimal("12.50"))


def test_missing_tax_rate_and_unpriced_usage__block(market, biller):
    plan = json.loads(json.dumps(SIMPLE))
    plan["prices"][1]["filter"] = {"delivery": ["fresh"]}
    sale = Sale(market, "2006-03", plan)
    sale.use("2006-03-10T00:00Z", bytes=2 * GB, delivery=1)
    bill(market, "2006-03")
    (draft,) = sale.documents()
    assert "2000000000 bytes (replay) of Market ticks have no price in plan Standard" in draft["blocked_by"]
    assert "there is no rate of tax category S in DE for March 2006" in draft["blocked_by"]


def test_broken_plan__fails_its_account_and_no_other(market, biller):
    good = Sale(market, "2024-09")
    bad = Sale(market, "2024-09", {"plan_id": "bad", "version": 1, "currency": "EUR", "valid_from": "2020-01-01", "prices": [{"price_id": "x", "kernel": {"type": "magic"}}]})
    run = ask(market, "2024-09")
    ended = wait_for(lambda: run_of(market, run)["state"] == "failed" and run_of(market, run), "the run to end", every=0.02)
    assert re.fullmatch(r"1 of \d+ accounts were not billed; the first: plan Standard, version 1: unknown value \"magic\"", ended["error"])
    assert [document["state"] for document in good.documents()] == ["issued"]
    assert bad.documents() == []
    # Running, it would be complained of every 15 s, in whatever test that is.
    market.run("update subscription set state = 'ended' where id = %s", bad.subscription)


# --- what is not known is said ----------------------------------------------------------------------------


def test_open_fetches_share_groups_and_holes__are_on_the_line(market, biller):
    plan = json.loads(json.dumps(SIMPLE))
    plan["prices"].append({"price_id": "messages", "metric": "messages", "kernel": {"type": "per_unit", "unit_amount": "0.001"}})
    sale = Sale(market, "2024-10", plan)
    sale.use("2024-10-10T00:00Z", bytes=GB, messages=1000, open_fetches=3, share_messages=120, share_unknown=100, share_bytes=0)
    market.run(
        """insert into log_hole (cluster_id, broker_id, kind, from_generation, from_offset, to_generation, to_offset, from_at, to_at, lines_at_least)
           values (%s, 1, 'rotated_away', 1, 0, 1, 100, '2024-10-12T00:00Z', '2024-10-12T00:05Z', 1)""", sale.cluster)
    bill(market, "2024-10")
    (invoice,) = sale.documents()
    fee, data, messages = sale.lines(invoice)
    assert data["description"].endswith(". Messages read by share groups: 100; their bytes are unknown and not in this figure")
    assert messages["description"].endswith(". Fetches still open: 3; their messages are not in this figure yet")
    assert messages["metered"] == 1120
    assert (fee["touched_by_hole"], data["touched_by_hole"], messages["touched_by_hole"]) == (False, True, True)


def test_hole_of_a_topic_or_reader__marks_that_ones_lines_alone(market, biller):
    sales = [Sale(market, "2024-03", topic=topic) for topic in ("acme.ticks", "acme.tocks")]
    sales.append(Sale(market, "2024-03", topic="acme.tocks"))
    for sale in sales:
        sale.use("2024-03-10T00:00Z", bytes=GB)
    hole = """insert into log_hole (cluster_id, broker_id, kind, from_generation, from_offset, to_generation, to_offset, from_at, to_at, topic, principal, bytes_at_least)
              values (%s, 1, %s, 1, 0, 1, 100, '2024-03-12T00:00Z', '2024-03-12T00:05Z', %s, %s, %s)"""
    market.run(hole, sales[0].cluster, "counter", "acme.ticks", None, 500)
    market.run(hole, sales[0].cluster, "counter", "acme.others", None, 500)
    market.run(hole, sales[0].cluster, "session_skip", None, sales[2].who, None)
    bill(market, "2024-03")
    marks = [[line["touched_by_hole"] for line in sale.lines(sale.documents()[0])][-1] for sale in sales]
    assert marks == [True, False, True]


def test_lines_that_could_not_be_read__are_on_the_invoice_line_and_told_with_the_run(market, biller):
    """Money at risk: a line of the reader itself marks its invoice lines, one of an unknown reader is told with the run."""
    sale = Sale(market, "2024-12")
    other = Sale(market, "2024-12", reader=None)
    for one in (sale, other):
        one.use("2024-12-10T00:00Z", bytes=GB)
    letter = """insert into dead_letter (cluster_id, log_partition, broker_id, generation, byte_offset, reason, head, line_bytes, line_at, received_at, principal, api)
                values (%s, 0, 1, 7, %s, %s, '', %s, %s, '2024-12-13', %s, %s)"""
    place = 0
    for reason, size, at, who, api in (
        ("too_long", 70_000_000, "2024-12-12T10:00Z", sale.who, "FETCH"),
        ("bad_json", 100, "2024-12-12T11:00Z", None, None),
        ("bad_json", 50, "2024-12-12T11:30Z", other.who, "OFFSET_COMMIT"),  # carries no bytes
        ("bad_json", 50, "2025-01-12T11:30Z", other.who, "FETCH"),  # another month's
        ("time_off", 10, "9024-12-01T00:00Z", None, "SHARE_FETCH"),  # counts where it was received
    ):
        place += 100
        market.run(letter, sale.cluster, place, reason, size, at, who, api)
    market.run(
        """insert into dead_letter_flood (cluster_id, broker_id, reason, hour, lines, first_generation, first_offset, last_generation, last_offset)
           values (%s, 1, 'bad_json', '2024-12-12T11:00Z', 5000, 7, 1, 7, 2)""", sale.cluster)
    run = bill(market, "2024-12")
    marks = [[line["touched_by_hole"] for line in one.lines(one.documents()[0])] for one in (sale, other)]
    assert marks == [[False, True], [False, False]]
    assert [text for text in run["unread"] if text.startswith(f"cluster c-2024-12:")] == [
        "cluster c-2024-12: log lines that could not be read (bad_json): 1, together 100 bytes, from 2024-12-12T11:00:00Z to 2024-12-12T11:00:00Z; of unknown readers",
        "cluster c-2024-12: more log lines that could not be read (bad_json) and were only counted: 5000",
        "cluster c-2024-12: log lines that could not be read (time_off): 1, together 10 bytes, from 2024-12-13T00:00:00Z to 2024-12-13T00:00:00Z; of unknown readers",
        f"cluster c-2024-12: log lines that could not be read (too_long): 1, together 70000000 bytes, from 2024-12-12T10:00:00Z to 2024-12-12T10:00:00Z; of {sale.who}",
    ]


# --- guards -------------------------------------------------------------------------------------------------


def test_issued_documents_and_ledger__refuse_every_change(database, market, biller):
    sale = Sale(market, "2024-11")
    sale.use("2024-11-10T00:00Z", bytes=GB)
    bill(market, "2024-11")
    (invoice,) = sale.documents()
    attempts = [
        "update document set total = 0, net = 0, tax = 0 where id = %s",
        "update document set state = 'draft' where id = %s",
        "delete from document where id = %s",
        "update document_line set amount = 0 where document_id = %s",
        "delete from document_line where document_id = %s",
        "delete from document_tax where document_id = %s",
        "update document_split set amount = 0 where document_id = %s",
        "delete from document_split where document_id = %s",
        "insert into document_tax (document_id, category, rate, net, amount) values (%s, 'S', 7, 0, 0)",
        "update ledger_entry set booked_on = '2000-01-01' where document_id = %s",
        "delete from ledger_transfer where entry_id in (select id from ledger_entry where document_id = %s)",
        "update billed set final = false where document_id = %s",
        "delete from billed where document_id = %s",
    ]
    with psycopg.connect(database.database_url("weir_biller"), autocommit=True) as connection:
        for sql in attempts:
            with pytest.raises((psycopg.errors.IntegrityConstraintViolation, psycopg.errors.InsufficientPrivilege)):
                connection.execute(sql, [invoice["id"]])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("truncate document cascade")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            connection.execute(
                """insert into ledger_transfer (entry_id, n, debit_account, credit_account, currency, amount)
                   select e.id, 1, t.debit_account, t.credit_account, 'EUR', 1 from ledger_entry e join ledger_transfer t on t.entry_id = e.id
                    where e.document_id = %s limit 1""", [invoice["id"]])
    assert sale.documents() == [invoice]


# --- several at once, killed anywhere -----------------------------------------------------------------------


def many_sales(market, month, count):
    sales = [Sale(market, month, heard=False) for _ in range(count)]
    for number, sale in enumerate(sales):
        sale.use(f"{month}-10T00:00Z", bytes=(number + 1) * GB)
    market.hear(sales[0].cluster, "2030-01-01")
    return sales


def check_many(market, sales):
    for number, sale in enumerate(sales):
        (invoice,) = sale.documents()
        assert invoice["state"] == "issued"
        assert invoice["net"] == Decimal("10.00") + (number + 1) * Decimal("0.50")
        assert market.value("select count(*) from billed where subscription_id = %s", sale.subscription) == 1
    numbers_are_gapless(market)
    ledger_is_balanced(market)
    assert market.value("select count(*) from document_split s join document d on d.id = s.document_id where d.state = 'issued' and s.party <> 'operator' and s.statement_id is null") == 0


def test_two_billers_and_two_runs_at_once__bill_once(database, market, biller):
    second = Biller(database)
    try:
        sales = many_sales(market, "2023-05", 40)
        runs = [ask(market, "2023-05"), ask(market, "2023-05")]
        for run in runs:
            wait_for(lambda run=run: run_of(market, run)["state"] in ("done", "failed"), "the run", seconds=60)
            assert run_of(market, run)["state"] == "done", run_of(market, run)["error"]
    finally:
        second.stop()
    check_many(market, sales)


def test_run_that_another_biller_plans__is_left_alone(database, market, biller):
    sale = Sale(market, "2023-08")
    with psycopg.connect(database.database_url("postgres")) as other:
        run = ask(market, "2023-08")  # autocommitted: the biller may begin before the lock, so ask until it is ours
        while other.execute("select state from billing_run where id = %s for no key update", [run]).fetchone() != ("queued",):
            other.rollback()
            run = ask(market, "2023-08")
        documents = len(sale.documents())
        bill(market, "2023-09")  # the biller has looked at both
        assert run_of(market, run)["state"] == "queued"
        assert len(sale.documents()) == documents
        other.rollback()
    wait_for(lambda: run_of(market, run)["state"] == "done", "the run", every=0.02)
    assert run_of(market, run)["accounts_total"] >= 1
    assert len(sale.documents()) == 1


def test_two_billers__never_end_a_run_before_it_began(database, market, biller):
    second = Biller(database)
    sales = many_sales(market, "2023-10", 3)
    for _ in range(40):
        ended = bill(market, "2023-10")
        assert ended["accounts_total"] >= 3 and ended["accounts_done"] == ended["accounts_total"]
    second.stop()
    check_many(market, sales)


def test_killed_twenty_times__bills_once(database, market, no_other_biller):
    chance = random.Random(7)
    sales = many_sales(market, "2023-06", 150)
    run = ask(market, "2023-06")

    def progress():  # moves with every transaction of an account
        return market.row(
            """select count(*) filter (where state = 'drafted') as drafted, count(*) filter (where state = 'done') as done
                 from billing_run_account where run_id = %s""", run)

    for _ in range(20):
        before = progress()
        biller = Biller(database)
        wait_for(lambda: progress() != before, "the biller to get on", every=0)
        time.sleep(chance.random() * 0.02)  # where the kill falls is the point of the test
        assert run_of(market, run)["state"] in ("queued", "running")
        biller.kill()
    print(f"\nafter 20 kills: {progress()}")
    biller = Biller(database)
    wait_for(lambda: run_of(market, run)["state"] == "done", "the run", seconds=60)
    biller.stop()
    ended = run_of(market, run)
    assert ended["accounts_done"] == ended["accounts_total"] >= 150
    check_many(market, sales)


def test_database_away__is_waited_for(database, market, no_other_biller):
    sales = many_sales(market, "2023-07", 40)
    biller = Biller(database)
    run = ask(market, "2023-07")
    wait_for(lambda: run_of(market, run)["accounts_done"] > 0, "the run to begin", every=0)
    database.kill("postgres")
    database.script("postgres", "up")
    market.__init__(database)
    wait_for(lambda: run_of(market, run)["state"] == "done", "the run", seconds=60)
    biller.stop()
    check_many(market, sales)


def test_connections_that_died_idle__are_no_error(database, market, biller):
    out = database.folder / "log" / "biller.out"
    for month in ("2022-03", "2022-04", "2022-05"):
        sale = Sale(market, month)
        said = out.stat().st_size
        with stopped_idle(database, biller.process.pid, "weir_biller") as pids:
            assert len(pids) == 2  # billing runs, running charges
            end(database, pids)
            sale.use(f"{month}-10 12:00", bytes=1000)
            run = ask(market, month)
        wait_for(lambda r=run: run_of(market, r)["state"] == "done", "the run", every=0.02)
        wait_for(lambda s=sale: market.row("select subscription_id from running_charge where subscription_id = %s", s.subscription), "the running charge")
        assert complaints(out, said) == []


def test_wrong_setting__is_one_line_and_exit_2():
    binary = BIN / "weir-biller"
    done = subprocess.run([str(binary)], env={"WEIR_DATABASE_URL": "postgresql://x", "WEIR_INVOICE_PREFIX": "rechnung-"}, capture_output=True, text=True)
    assert done.returncode == 2
    assert "invoice_prefix" in done.stderr and len(done.stderr.strip().splitlines()) <= 2
