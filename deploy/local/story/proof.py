"""Step 7: the same figures from sources that don't know each other. Any difference ends the story."""

from dataclasses import dataclass

from .billing import money
from .console import figure
from .failure import StoryFailed


@dataclass
class Line:
    what: str
    values: dict  # source -> figure
    format: object = figure

    @property
    def equal(self):
        return len(set(self.values.values())) == 1


class Proof:
    def __init__(self):
        self.lines = []

    def equal(self, what, format=figure, **values):
        """Every source says the same; None stands for a source that can't say."""
        known = {name.replace("_", " "): value for name, value in values.items() if value is not None}
        self.lines.append(Line(what, known, format))

    def holds(self):
        return all(line.equal for line in self.lines)

    def show(self, console):
        for line in self.lines:
            sources = {}
            for source, value in line.values.items():
                sources.setdefault(value, []).append(source)
            if line.equal:
                (value,) = sources
                console.plain(f"  ok     {line.what}: {line.format(value)} = {' = '.join(line.values)}")
            else:
                told = ", ".join(f"{line.format(value)} ({', '.join(names)})" for value, names in sources.items())
                console.plain(f"  WRONG  {line.what}: {told}")

    def demand(self):
        wrong = [line.what for line in self.lines if not line.equal]
        if wrong:
            raise StoryFailed("the proof does not hold: " + "; ".join(wrong))


def rows_by_principal(rows, topic):
    return {row["principal"]: row for row in rows if row["topic"] == topic}


def told_by_log(play, subscription):
    """What the broker's log and the clients say of an application, in words."""
    files = play.place.request_logs(since=play.began_at)
    principal = f"User:{subscription.application.principal}"
    said = []
    for name, rows in (("weirctl recount", play.place.recount_by_weirctl(files)), ("the independent recount", play.place.recount_independent(files))):
        row = rows_by_principal(rows, play.product.topic).get(principal, {})
        said.append(f"{name} finds {row.get('messages', 0)} messages, {row.get('bytes', 0)} bytes, {row.get('open_fetches', 0)} fetches open")
    said += [f"{reader.name} was given {reader.count} messages, {reader.count - len(reader.seen)} of them again" for reader in subscription.readers]
    return "; ".join(said)


def prove_usage(proof, play):
    """Bytes and messages of each application, and of the topic as a whole."""
    files = play.place.request_logs(since=play.began_at)
    ours = rows_by_principal(play.place.recount_by_weirctl(files), play.product.topic)
    independent = rows_by_principal(play.place.recount_independent(files), play.product.topic)
    totals = {"invoice": 0, "recount": 0, "independent": 0}
    for subscription in play.subscriptions:
        application = subscription.application
        principal = f"User:{application.principal}"
        if principal not in ours or principal not in independent:
            raise StoryFailed(f"{application.name} does not stand in the broker's request log")
        billed = sum(int(line["metered"]) for line in play.invoice["lines"] if line["subscription_id"] == subscription.id and line["metric"] == "bytes")
        proof.equal(
            f"bytes of {application.name}",
            invoice=billed,
            usage=subscription.used["bytes"],
            weirctl_recount=int(ours[principal]["bytes"]),
            independent_recount=int(independent[principal]["bytes"]),
        )
        proof.equal(
            f"messages of {application.name}",
            clients=sum(reader.count for reader in subscription.readers),
            usage=subscription.used["messages"],
            weirctl_recount=int(ours[principal]["messages"]),
            independent_recount=int(independent[principal]["messages"]),
        )
        proof.equal(
            f"open fetches of {application.name}",
            none=0,
            usage=subscription.used["open_fetches"],
            weirctl_recount=int(ours[principal]["open_fetches"]),
            independent_recount=int(independent[principal]["open_fetches"]),
        )
        totals["invoice"] += billed
        totals["recount"] += int(ours[principal]["bytes"])
        totals["independent"] += int(independent[principal]["bytes"])
    proof.equal(
        "bytes of the topic",
        invoice=totals["invoice"],
        weirctl_recount=totals["recount"],
        independent_recount=totals["independent"],
        JMX_BytesOutPerSec=play.place.jmx_count("BytesOutPerSec", play.product.topic) if play.with_jmx else None,
    )


def prove_documents(proof, play):
    """The invoice adds up, and says the same in every place it appears in."""
    invoice, statement = play.invoice, play.statement
    number = invoice["number"]
    exported = [row for row in play.exports["invoices"] if row["number"] == number]
    lines = [row for row in play.exports["invoice-lines"] if row["number"] == number]
    proof.equal(
        f"net of invoice {number}",
        str,
        invoice=money(invoice["net"]),
        its_lines=sum(money(line["net"]) for line in invoice["lines"]),
        exported_lines=sum(money(line["net"]) for line in lines),
    )
    proof.equal("invoice lines touched by a hole in the log", none=0, invoice=sum(1 for line in invoice["lines"] if line["touched_by_hole"]))
    proof.equal(
        f"total of invoice {number}",
        str,
        invoice=money(invoice["total"]),
        net_and_tax=money(invoice["net"]) + sum(money(tax["amount"]) for tax in invoice["taxes"]),
        export=sum(money(row["total"]) for row in exported),
        receivable=balance(play.ledger, "receivable", play.consumer),
    )
    proof.equal(
        f"statement {statement['number']}",
        str,
        statement=money(statement["net"]),
        its_lines=sum(money(line["share"]) for line in statement["lines"]),
        payable=-balance(play.ledger, "provider_payable_pending", play.provider),
    )


def prove_ledger(proof, play):
    proof.equal(
        "ledger",
        str,
        debit=sum(money(account["debit"]) for account in play.ledger),
        credit=sum(money(account["credit"]) for account in play.ledger),
    )


def balance(ledger, code, party):
    found = [a for a in ledger if a["code"].startswith(code) and (a["organisation"] or {}).get("id") == party.id]
    if not found:
        raise StoryFailed(f"the ledger has no account {code} of {party.name}")
    return sum(money(account["balance"]) for account in found)
