"""The story from its beginning to its end, in the order in which a marketplace would live it."""

import time
from dataclasses import dataclass, field

from . import billing, clients, offer, parties, proof, subscribing
from .console import Console, figure
from .data import trades
from .failure import StoryFailed
from .place import Place

MESSAGES = 9000
PARTITIONS = 4
PER_SECOND = 2500


@dataclass
class Subscription:
    id: str
    application: parties.Application
    readers: list = field(default_factory=list)
    used: dict = None


class Play:
    """One telling. `disturb(moment)` is called at "streaming", while messages flow, at "pause", when all that
    was sent has been read and committed, and at "closing", before the billing run; tests break things there."""

    def __init__(self, folder, console=None, with_portal=None, disturb=None, with_jmx=True, messages=MESSAGES):
        self.place = Place(folder)
        self.console = console or Console()
        self.with_portal = subscribing.browser_is_here() if with_portal is None else with_portal
        self.disturb = disturb or (lambda moment: None)
        self.with_jmx = with_jmx
        self.messages = messages
        self.proof = proof.Proof()
        self.subscriptions = []
        self.seconds_until_visible = 0.0

    def run(self):
        try:
            return self.tell()
        except StoryFailed as error:
            raise StoryFailed(f"{error}\n  the broker's log and what the programs said are kept in {self.place.keep_evidence()}") from None

    def tell(self):
        # The file system's clock is coarser than the system's.
        self.began_at = time.time() - 1
        self.number, self.folder = self.place.new_run()
        self.tell_parties()
        self.tell_offer()
        self.tell_subscribing()
        self.tell_traffic()
        self.tell_usage()
        self.tell_billing()
        self.tell_proof()
        return self

    # --- 1 -------------------------------------------------------------------------------------------
    def tell_parties(self):
        say = self.console
        say.step(1, "the marketplace, the cluster, a provider and a consumer")
        self.operator = parties.bootstrap(self.place)
        self.cluster = parties.register_cluster(self.place, self.operator)
        say.note(f"{self.operator.name} runs the marketplace; cluster {self.cluster['name']} is metered by its {self.cluster['metering_class']}")
        tail = "" if self.number == 1 else f" {self.number}"
        domain = "" if self.number == 1 else str(self.number)
        self.provider = parties.sign_up(
            self.place, self.folder, f"Nordlicht Energiedaten{tail}", "DE", "provider", "Petra Lindqvist", f"nordlicht{domain}.example",
            street="Am Kai 7", postal_code="24103", city="Kiel",
        )  # fmt: skip
        self.consumer = parties.sign_up(
            self.place, self.folder, f"Alpenstrom Handel{tail}", "DE", "consumer", "Carla Huber", f"alpenstrom{domain}.example",
            street="Isarweg 12", postal_code="80331", city="München",
        )  # fmt: skip
        self.onlooker = parties.sign_up(
            self.place, self.folder, f"Fjord Wetter{tail}", "DE", "provider", "Oskar Berg", f"fjord{domain}.example",
            street="Hafen 1", postal_code="24937", city="Flensburg",
        )  # fmt: skip
        parties.give_prefix(self.operator, self.provider, f"nordlicht{domain}.")
        parties.give_prefix(self.operator, self.onlooker, f"fjord{domain}.")
        self.feed = parties.make_producer(self.provider, "Trade feed", self.cluster)
        self.stranger = parties.make_producer(self.onlooker, "Station feed", self.cluster)
        self.desk = parties.make_application(self.consumer, "Trading desk")
        # In the portal a secret is made by a click.
        self.risk = parties.make_application(self.consumer, "Risk model", with_secret=not self.with_portal)
        say.note(f"{self.provider.name} owns topics {self.provider.prefix}*; {self.consumer.name} has two applications")
        subscribing.wait_acls(self.place, [self.feed.principal], subscribing.WRITE, self.provider.prefix)
        subscribing.wait_acls(self.place, [self.stranger.principal], subscribing.WRITE, self.onlooker.prefix)

    # --- 2 -------------------------------------------------------------------------------------------
    def tell_offer(self):
        say = self.console
        say.step(2, "a data product: topic, contract, plan")
        topic = f"{self.provider.prefix}power.trades"
        made = offer.make_topic(self.provider, self.cluster, topic, PARTITIONS)
        days = made["retention_ms"] // 86_400_000
        say.note(f"the provider asked for topic {topic}: made, {PARTITIONS} partitions, kept for {days} days")
        name = "Intraday power trades" + ("" if self.number == 1 else f" {self.number}")
        self.product = offer.publish(self.place, self.provider, self.cluster, name, "intraday-power-trades", topic)
        say.note(f"published {name}: ODCS contract {self.product.contract_sha256[:12]}…, graduated price per GB, 49.00 a month, 20 % commission")

    # --- 3 -------------------------------------------------------------------------------------------
    def tell_subscribing(self):
        say = self.console
        say.step(3, "the consumer subscribes, the provider approves, the broker's ACLs follow")
        found = subscribing.find_product(self.consumer, self.product.name)
        if found["id"] != self.product.id:
            raise StoryFailed("the catalogue shows another product under this name")
        by_rest = subscribing.subscribe(self.consumer, self.product, self.desk)
        say.note(f"{self.desk.name}: through REST")
        if self.with_portal:
            by_portal = subscribing.subscribe_in_portal(self.place, self.consumer, self.product, self.risk, self.folder)
            say.note(f"{self.risk.name}: in the portal, by a browser; its secret shown once")
        else:
            by_portal = subscribing.subscribe(self.consumer, self.product, self.risk)
            say.note(f"{self.risk.name}: through REST too")
        self.subscriptions = [Subscription(by_rest, self.desk), Subscription(by_portal, self.risk)]
        for subscription in self.subscriptions:
            subscribing.approve(self.provider, subscription.id)
        began = time.monotonic()
        subscribing.wait_acls(self.place, [self.desk.principal, self.risk.principal], subscribing.READ, self.product.topic)
        say.note(f"approved; the broker lets both read {time.monotonic() - began:.1f} s later")

    # --- 4 -------------------------------------------------------------------------------------------
    def tell_traffic(self):
        say = self.console
        say.step(4, "real clients: one writes, three read, one is refused")
        topic, total = self.product.topic, self.messages
        error = clients.refused(self.place, self.stranger, topic)
        if error is None or error.name() != "TOPIC_AUTHORIZATION_FAILED":
            raise StoryFailed(f"a principal without a subscription was not refused: {error.name() if error else 'it could read'}")
        say.note(f"{self.stranger.name} of {self.onlooker.name} has no subscription: the broker says {error.name()}")
        desk, risk = self.subscriptions
        readers = []
        try:
            desk.readers = [clients.JavaReader(self.place, self.desk, topic, "desk-java", total, self.folder)]
            desk.readers.append(clients.LibrdkafkaReader(self.place, self.desk, topic, "desk-python", total))
            risk.readers = [clients.LibrdkafkaReader(self.place, self.risk, topic, "risk-python", total)]
            readers = desk.readers + risk.readers
            clients.wait_joined(self.place, readers)
            self.stream(readers)
            for reader in readers:
                reader.finish()
        finally:
            for reader in [*desk.readers, *risk.readers]:
                reader.stop()
        self.read_by = time.monotonic()
        for reader in readers:
            say.note(f"{reader.name} ({reader.kind}, {reader.application.name}) read {figure(reader.count)} messages")

    def stream(self, readers):
        """In two halves, with a pause between them."""
        messages = list(trades(self.messages, self.number))
        half = len(messages) // 2
        feed = clients.Stream(self.place, self.feed, self.product.topic)
        feed.send(messages[: half // 2], PER_SECOND)
        self.disturb("streaming")
        feed.send(messages[half // 2 : half], PER_SECOND)
        clients.wait_read(readers, half)
        clients.wait_committed(self.place, readers, half)
        self.disturb("pause")
        feed.send(messages[half:], PER_SECOND)
        self.console.note(f"{self.feed.name} wrote {figure(feed.delivered)} messages, {figure(sum(len(v) for _, v in messages))} bytes before compression")

    # --- 5 -------------------------------------------------------------------------------------------
    def tell_usage(self):
        say = self.console
        say.step(5, "usage and running charges show up")
        for subscription in self.subscriptions:
            expected = sum(reader.count for reader in subscription.readers)
            try:
                subscription.used, _ = billing.wait_usage(self.consumer, subscription.id, expected)
            except StoryFailed as error:
                raise StoryFailed(f"{error}; {proof.told_by_log(self, subscription)}") from None
        self.seconds_until_visible = time.monotonic() - self.read_by
        say.note(f"complete in the API {self.seconds_until_visible:.1f} s after the last client had ended")
        for subscription in self.subscriptions:
            charges = billing.wait_charges(self.consumer, subscription.id, subscription.used["bytes"])
            say.note(f"{subscription.application.name}: {figure(subscription.used['bytes'])} bytes so far, {charges['amount']} {charges['currency']}")

    # --- 6 -------------------------------------------------------------------------------------------
    def tell_billing(self):
        say = self.console
        self.period = billing.this_month()
        say.step(6, f"{self.period} is closed: invoice, ledger, statement, exports")
        self.disturb("closing")
        run = billing.close_period(self.place, self.period)
        if run["state"] != "done":
            raise StoryFailed(f"the billing run is {run['state']}: {run.get('error')}")
        self.invoice = billing.invoice_of(self.consumer, self.period)
        self.statement = billing.statement_of(self.provider)
        self.exports = billing.export(self.place, self.period, self.folder)
        self.ledger = self.operator.person.get("/v1/ledger/accounts")["items"]
        say.note(f"invoice {self.invoice['number']} over {self.invoice['total']} {self.invoice['currency']} for {self.consumer.name}")
        say.note(f"statement {self.statement['number']} over {self.statement['net']} {self.statement['currency']} for {self.provider.name}")
        say.note(f"exports in {self.folder}")
        if self.with_portal:
            self.look_at_portal()

    def look_at_portal(self):
        desk = self.subscriptions[0]
        subscribing.portal(
            self.place, self.consumer, "review", self.folder,
            subscription=desk.id, bytes=str(desk.used["bytes"]), messages=str(desk.used["messages"]),
            invoice=self.invoice["number"], total=self.invoice["total"],
        )  # fmt: skip
        self.console.note(f"the portal shows the same; screenshots in {self.folder / 'screenshots'}")

    # --- 7 -------------------------------------------------------------------------------------------
    def tell_proof(self):
        self.console.step(7, "the proof")
        proof.prove_usage(self.proof, self)
        proof.prove_documents(self.proof, self)
        proof.prove_ledger(self.proof, self)
        self.proof.show(self.console)
        self.proof.demand()

    # --- the end -------------------------------------------------------------------------------------
    def show_figures(self):
        say = self.console
        say.plain()
        rows = []
        names = {subscription.id: subscription.application.name for subscription in self.subscriptions}
        for line in self.invoice["lines"]:
            words = f"{names[line['subscription_id']]}: {line['description'].partition(': ')[2]}"
            quantity = "" if line["metered"] is None else figure(int(line["metered"]))
            rows.append([words, quantity, line["net"]])
            tiers = [row for row in line["rows"] if row.get("tier")]
            rows += [[f"    tier {row['tier']}: {row['quantity']} GB at {row['unit_amount']}", "", row["amount"]] for row in tiers]
        rows.append(["net", "", self.invoice["net"]])
        rows += [[f"VAT {tax['rate']} %", "", tax["amount"]] for tax in self.invoice["taxes"]]
        rows.append(["total", "", self.invoice["total"]])
        rows.append([f"of it to the provider, {self.statement['number']}", "", self.statement["net"]])
        say.table([f"Invoice {self.invoice['number']}", "bytes", self.invoice["currency"]], rows)

    def show_sign_ins(self):
        say = self.console
        say.plain(f"\nLook around: {self.place.api}/")
        people = [("operator", self.operator), ("provider", self.provider), ("consumer", self.consumer)]
        rows = [[role, party.email, party.password_file.read_text()] for role, party in people]
        width = max(len(row[1]) for row in rows)
        for role, email, password in rows:
            say.plain(f"  {role:<9} {email:<{width}}  password {password}")
        say.plain(f"  passwords, exports, screenshots: {self.folder}")
