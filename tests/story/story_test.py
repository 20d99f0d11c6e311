"""The story on a private stack, twice, and what the operator sees beside it."""

import base64
import json
import os
import subprocess
import time
import urllib.request
from collections import Counter

import psycopg
import pytest
from confluent_kafka import Consumer
from stack import wait_for
from story import billing
from story.place import BIN
from story.play import Play

PROGRAMS = ["weir-api", "weir-tap", "weir-meter", "weir-biller", "weir-access"]
IDLE_SECONDS = 20
IDLE_SHARE_MAX = 0.05


@pytest.fixture(scope="module")
def told(stack):
    """The first telling, with the portal in a browser."""
    return Play(stack.folder, with_portal=True).run()


def metric(stack, port_setting, name):
    """The sum of a metric over its labels; 0 while no label has been counted."""
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.ports[port_setting]}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.partition("{")[0].partition(" ")[0] == name)


# --- the story -----------------------------------------------------------------------------------------
def test_story__holds(told):
    assert told.proof.holds()
    assert len(told.proof.lines) >= 10
    assert told.invoice["standing"] == "open"


def test_story__both_tenants_see_their_own_only(told):
    assert [s["id"] for s in told.onlooker.person.items("/v1/subscriptions")] == []
    assert told.onlooker.person.items("/v1/invoices") == []
    assert told.provider.person.items("/v1/invoices") == []


def test_billing_again__makes_nothing(told):
    documents = json.loads(told.place.operate("bill", told.period, "--close-early", "--reason", "again"))["documents"]
    assert documents == 0


def test_secrets__are_in_no_log_and_no_command_line(stack, told):
    secrets = [path.read_text().strip() for path in (stack.folder / "secrets").iterdir() if not path.name.startswith("url-")]
    secrets += [application.secret for application in told.consumer.applications + told.provider.applications]
    secrets += [party.password_file.read_text() for party in (told.operator, told.provider, told.consumer)]
    assert all(len(secret) >= 12 for secret in secrets)
    texts = [path.read_text(errors="replace") for path in (stack.folder / "log").iterdir()]
    for name in [*PROGRAMS, "kafka"]:
        for part in ("cmdline", "environ"):
            texts.append(open(f"/proc/{stack.pid(name)}/{part}", "rb").read().decode(errors="replace"))
    for secret in secrets:
        assert not any(secret in text for text in texts)


def test_second_telling__holds_too(stack, told):
    second = Play(stack.folder, with_portal=False, messages=2000).run()
    assert second.number == told.number + 1
    assert second.proof.holds()
    assert second.invoice["number"] > told.invoice["number"]


# --- what nobody pays for ------------------------------------------------------------------------------
def unbound(play, principal, topic):
    rows = [u for u in play.operator.person.items("/v1/unbound-usage") if u["principal"] == principal and u["topic"] == topic]
    return sum(int(u["bytes"]) for u in rows), sum(int(u["messages"]) for u in rows), {u["reason"] for u in rows}


def read_as_admin(stack, topic, count):
    consumer = Consumer(stack.kafka_config("admin", group_id="admin.look", auto_offset_reset="earliest", client_id="admin-look"))
    consumer.subscribe([topic])
    got = 0
    while got < count:
        message = consumer.poll(30)
        assert message is not None and not message.error()
        got += 1
    consumer.close()


def test_unknown_principal__is_unbound_usage(stack, told):
    read_as_admin(stack, told.product.topic, told.messages)
    wait_for(lambda: unbound(told, "admin", told.product.topic)[1] == told.messages, "the admin's reading to be listed", 60)
    size, _, reasons = unbound(told, "admin", told.product.topic)
    by_log = [row for row in told.place.recount_by_weirctl(stack.request_logs()) if row["principal"] == "User:admin" and row["topic"] == told.product.topic]
    assert size == sum(row["bytes"] for row in by_log) > 0
    assert reasons == {"unknown_principal"}
    assert "admin" in told.place.operate("unbound")


def test_unbound_usage__is_bound_and_billed_later(stack, told):
    """The unknown principal turns out to be one of the consumer's, adopted from before it read."""
    desk = told.subscriptions[0]
    size, messages, _ = unbound(told, "admin", told.product.topic)
    assert messages == told.messages
    with psycopg.connect(stack.database_url("postgres"), autocommit=True) as db:
        db.execute(
            """with a as (insert into application (org_id, name, principal, adopted) values (%s, 'Old batch job', 'admin', true) returning id)
               insert into grant_period (cluster_id, application_id, org_id, topic, subscription_id, during)
               select %s, a.id, %s, %s, %s, tstzrange(now() - interval '2 hours', null) from a""",
            (told.consumer.id, told.cluster["id"], told.consumer.id, told.product.topic, desk.id),
        )
    wait_for(lambda: unbound(told, "admin", told.product.topic)[1] == 0, "the usage to be bound", 60)
    used = billing.usage(told.consumer, desk.id)
    assert used["bytes"] == desk.used["bytes"] + size
    assert used["messages"] == desk.used["messages"] + messages
    # The issued invoice stays as it is; the next one has the difference.
    told.place.operate("bill", told.period, "--close-early", "--reason", "late usage")
    invoices = told.consumer.person.items("/v1/invoices", period=told.period)
    later = [told.consumer.person.get(f"/v1/invoices/{i['id']}") for i in invoices if i["id"] != told.invoice["id"]]
    assert len(invoices) == 2 and len(later) == 1
    assert [int(line["metered"]) for line in later[0]["lines"] if line["metric"] == "bytes"] == [size]
    assert [(line["corrects_document"], line["corrects_line"]) for line in later[0]["lines"]] == [(told.invoice["id"], 2)]
    assert told.consumer.person.get(f"/v1/invoices/{told.invoice['id']}")["total"] == told.invoice["total"]


# --- what could not be read ----------------------------------------------------------------------------
def dead_letters(play):
    return play.operator.person.items("/v1/dead-letters")


def append(log, data):
    """Writes one line at the end of the live log as a logger would, and returns where it begins."""
    with open(log, "ab", buffering=0) as file:
        assert file.write(data) == len(data)
        return file.tell() - len(data)  # not the file's size: the broker may have written since


BEGIN = b"[2026-01-01 00:00:00,000] DEBUG Completed request:{"
HEADER = b'"isForwarded":false,"requestHeader":{"requestApiKey":1,"requestApiVersion":18,"correlationId":7,"clientId":"x"},'
WHO = b'"connection":"127.0.0.1:9094-127.0.0.1:4711-0-1","principal":"User:x","listener":"CLIENT"'
END = b"} (kafka.request.logger)\n"
BROKEN = {
    "malformed": BEGIN + HEADER + b'"request":{"maxWaitMs":},"response":{},' + WHO + END,
    "torn": BEGIN + HEADER + b'"request":{"maxWaitMs":5\n',
    "over-long": BEGIN + HEADER + b'"request":{"rackId":"' + b"x" * (65 << 20) + b'"},"response":{},' + WHO + END,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_line__is_a_dead_letter_with_position_and_reason(stack, told, kind):
    line = BROKEN[kind]
    known = {letter["id"] for letter in dead_letters(told)}
    counted = metric(stack, "WEIR_METER_METRICS_PORT", "weir_meter_dead_letters_total")
    offset = append(stack.request_log, line)
    (letter,) = wait_for(lambda: [d for d in dead_letters(told) if d["id"] not in known], f"a dead letter for the {kind} line", 60)
    assert letter["byte_offset"] == offset
    assert letter["broker_id"] == 1 and letter["generation"] > 0
    assert letter["line_bytes"] == len(line) - 1
    assert letter["reason"]
    shown = told.place.operate("dead-letters")
    assert f":{offset} " in shown and letter["reason"] in shown
    one = json.loads(told.place.operate("dead-letters", str(letter["id"])))
    head = base64.b64decode(one["head"])
    assert len(head) > 0 and line.startswith(head)
    assert metric(stack, "WEIR_METER_METRICS_PORT", "weir_meter_dead_letters_total") == counted + 1


def test_recount__names_the_same_broken_lines(stack, told):
    logs = [str(path) for path in stack.request_logs()]
    done = subprocess.run([BIN / "weirctl", "recount", "--format", "json", *logs], capture_output=True, text=True)
    assert done.returncode == 3
    by_reason = Counter(letter["reason"] for letter in dead_letters(told))
    assert json.loads(done.stdout)["dead_by_reason"] == by_reason
    assert sum(by_reason.values()) == len(BROKEN)


# --- idle ----------------------------------------------------------------------------------------------
def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_idle_stack__uses_little_of_a_core(stack, told):
    """A ratio of processor time to elapsed time, over all of Weir's own programs."""
    pids = {name: stack.pid(name) for name in PROGRAMS}
    began, before = time.monotonic(), {name: cpu_seconds(pid) for name, pid in pids.items()}
    time.sleep(IDLE_SECONDS)
    elapsed = time.monotonic() - began
    shares = {name: (cpu_seconds(pid) - before[name]) / elapsed for name, pid in pids.items()}
    print("\nidle: " + ", ".join(f"{name} {share:.2%}" for name, share in shares.items()) + f"; together {sum(shares.values()):.2%} of a core")
    assert sum(shares.values()) < IDLE_SHARE_MAX
