"""Steps 5 and 6: usage and charges as they show up, the closed period, and what finance takes away."""

import csv
import io
import json
import time
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from .failure import StoryFailed
from .parties import ZONE
from .waiting import wait_for

VISIBLE_SECONDS = 60


def this_month():
    return datetime.now(ZoneInfo(ZONE)).strftime("%Y-%m")


def usage(party, subscription_id):
    return {name: int(value) for name, value in party.person.get(f"/v1/subscriptions/{subscription_id}/usage")["totals"].items()}


def wait_usage(party, subscription_id, messages):
    """Until the API shows that many messages and no open fetch; returns the totals and the seconds it took."""
    began = time.monotonic()
    seen = {}

    def complete():
        seen.update(usage(party, subscription_id))
        return seen["messages"] == messages and seen["open_fetches"] == 0

    try:
        wait_for(complete, "usage", VISIBLE_SECONDS)
    except StoryFailed:
        raise StoryFailed(
            f"after {VISIBLE_SECONDS} s the API shows {seen['messages']} of {messages} messages, {seen['bytes']} bytes, "
            f"{seen['open_fetches']} fetches open"
        ) from None
    return seen, time.monotonic() - began


def charged_bytes(charges):
    return sum(int(line["metered"]) for line in charges["lines"] if line.get("metered") is not None)


def wait_charges(party, subscription_id, used_bytes):
    """Until the running charge is that of these bytes."""

    def current():
        charges = party.person.get(f"/v1/subscriptions/{subscription_id}/charges")
        return charges if charges["computed_at"] and charged_bytes(charges) == used_bytes else None

    return wait_for(current, f"running charges over {used_bytes} bytes", VISIBLE_SECONDS)


def close_period(place, period):
    return json.loads(place.operate("bill", period, "--close-early", "--reason", "the story of the local stack ends"))


def invoice_of(party, period):
    """The one invoice of a consumer that has just begun."""
    invoices = party.person.items("/v1/invoices", period=period)
    if len(invoices) != 1:
        raise StoryFailed(f"{party.name} has {len(invoices)} invoices for {period}, expected one")
    invoice = party.person.get(f"/v1/invoices/{invoices[0]['id']}")
    if not invoice["number"]:
        raise StoryFailed(f"the invoice is {invoice['state']} and has no number")
    return invoice


def statement_of(party):
    statements = party.person.items("/v1/statements")
    if len(statements) != 1:
        raise StoryFailed(f"{party.name} has {len(statements)} statements, expected one")
    return party.person.get(f"/v1/statements/{statements[0]['id']}")


def export(place, period, folder):
    """Both exports in both formats, as files; returns their rows, which have to agree."""
    rows = {}
    for what in ("invoices", "invoice-lines"):
        as_csv = place.operate("export", what, "--format", "csv", "--period", period)
        as_json = place.operate("export", what, "--format", "json", "--period", period)
        (folder / f"{what}.csv").write_text(as_csv)
        (folder / f"{what}.json").write_text(as_json)
        rows[what] = json.loads(as_json)
        from_csv = list(csv.DictReader(io.StringIO(as_csv)))
        if [row["number"] for row in from_csv] != [row["number"] for row in rows[what]]:
            raise StoryFailed(f"the exports of {what} differ between CSV and JSON")
    return rows


def money(text):
    return Decimal(text)
