"""weir-api and callers who mean no good, or a database that goes away under them."""

import base64
import hashlib
import hmac
import json
import re
import socket
import subprocess
import threading
import time
import uuid

import psycopg
import pytest
from house import OPENAPI, PASSWORD
from rest import Rest
from stack import ROOT, wait_for

PATHS = OPENAPI["paths"]
LISTS = [p for p, item in PATHS.items() if any("cursor" in q.get("$ref", "") for q in item.get("get", {}).get("parameters", []))]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def shop(house):
    """A provider, its product, a consumer and its subscription."""
    cluster, provider, consumer = house.cluster(), house.provider(), house.sign_up()
    product, plan = house.product(provider, cluster)
    return cluster, provider, product, plan, consumer, house.request(consumer, product, plan)


def refused(answer, status, field):
    assert (answer.status, answer.json.get("field")) == (status, field), answer


# --- values --------------------------------------------------------------------------------------------
def test_every_refusal_of_a_constraint_is_of_one_that_exists(house):
    named = re.findall(r'^ +\{"([a-z_]+)",', (ROOT / "services" / "api" / "request" / "constraint.c").read_text(), re.M)
    there = house.sql("select conname from pg_constraint union select relname from pg_class where relkind = 'i'")
    assert len(named) > 10 and set(named) - set(there) == {"organisation_time_zone"}


def test_refusals_of_the_database_name_the_field(house, shop):
    cluster, provider, product, plan, consumer, _ = shop
    operator, org = house.operator(), f"/v1/organisations/{consumer.org}"
    refused(consumer.patch(org, {"time_zone": "Mars/Olympus"}), 400, "/time_zone")
    refused(consumer.patch(org, {"billing_email": "x\r\nBcc: y"}), 400, "/billing_email")
    refused(operator.patch(org, {"topic_prefix": "Bad"}), 400, "/topic_prefix")
    refused(operator.patch(org, {"topic_prefix": provider.prefix}), 409, "/topic_prefix")
    body = {"code": "standard", "name": "S", "plan": {"currency": "EUR", "valid_from": "2024-01-01", "prices": [
        {"price_id": "a", "kernel": {"type": "flat", "flat_amount": "1"}}]}, "revenue_share": {"percent": "20"}}  # fmt: skip
    plans = f"/v1/products/{product['id']}/plans"
    refused(provider.post(plans, body), 409, "/code")
    refused(provider.post(plans, {**body, "code": "S!"}), 400, "/code")
    refused(provider.post(plans, {**body, "code": "c", "weakest_class": "best"}), 400, "/weakest_class")
    refused(provider.post("/v1/products", {"slug": product["slug"], "name": "x"}), 409, "/slug")
    new = {"name": f"c{uuid.uuid4().hex[:8]}", "bootstrap_servers": "k:9092", "audience": "k", "brokers": [1]}
    refused(operator.post("/v1/clusters", {**new, "brokers": [1, 1]}), 409, "/brokers")
    refused(operator.post("/v1/clusters", {**new, "metering_class": "guess"}), 400, "/metering_class")
    refused(operator.post("/v1/billing-runs", {"period": "0000-01"}), 400, "/period")
    person = {"name": "x", "country": "de", "billing_email": "a@b.test", "roles": ["consumer"],
              "owner": {"email": f"{uuid.uuid4().hex}@c.test", "name": "z", "password": PASSWORD}}  # fmt: skip
    refused(Rest(house.url).post("/v1/organisations", person), 400, "/country")
    refused(Rest(house.url).post("/v1/organisations", {**person, "country": "DE", "currency": "XXX"}), 400, "/currency")
    taken = {**person, "country": "DE", "owner": {**person["owner"], "email": consumer.email.upper()}}
    refused(Rest(house.url).post("/v1/organisations", taken), 409, "/owner/email")


def test_a_field_that_is_null_changes_nothing(house):
    person, operator = house.sign_up(), house.operator()
    path = f"/v1/organisations/{person.org}"
    assert operator.patch(path, {"verified": True}).json["verified_at"]
    assert operator.patch(path, {"verified": None}).json["verified_at"]
    assert person.patch(path, {"verified": None, "name": "N"}).status == 200
    assert person.send("PATCH", path).status == 400  # nothing at all is no change either
    assert operator.patch(path, {"verified": False}).json["verified_at"] is None


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_that_was_tampered_with_is_refused_or_harmless(house, shop, path):
    operator = house.operator()
    path = path.replace("{id}", shop[2]["id"])
    if "/invoices/" in path:
        assert operator.get(path).status == 404
        return
    for text in (b"abc", b"-1", b"99999999999999999999", b"2026-01-01\nx", b"2026-01-01", b"infinity\n\n", b"\n", b"'; drop", b"0" * 700):
        answer = operator.get(f"{path}?cursor={base64url(text)}")
        assert answer.status in (200, 400), (text, answer)
        assert answer.status == 200 or answer.json["field"] == "cursor", (text, answer)
    for text in ("", "!", "%ff", "%00", "x" * 5000, base64url(b"\xff"), base64url(b"a\0b")):
        assert operator.get(f"{path}?cursor={text}").status == 400, text


def test_the_price_that_is_shown_is_the_price_that_is_charged(house, shop):
    cluster, provider, _, _, consumer, _ = shop
    product, plan = house.product(provider, cluster)
    later = json.loads(json.dumps(plan["current"]["plan"]))
    later["valid_from"] = "2099-01-01"
    later["prices"][0]["kernel"]["flat_amount"] = "1.00"
    body = {"plan": later, "revenue_share": {"percent": "20"}}
    made = provider.made(f"/v1/plans/{plan['id']}/versions", body)
    assert (made["current"]["number"], made["upcoming"]["number"], made["upcoming"]["valid_from"]) == (1, 2, "2099-01-01")
    shown = consumer.get(f"/v1/products/{product['id']}").json["plans"][0]
    assert (shown["number"], shown["plan"]["prices"][0]["kernel"]["flat_amount"]) == (1, "49.00")
    assert house.request(consumer, product, plan)["plan"]["version"] == 1


def test_a_decision_on_an_old_version_is_refused(house, shop):
    cluster, provider, product, plan, consumer, _ = shop
    asked = house.request(consumer, product, plan)
    path = f"/v1/subscriptions/{asked['id']}"
    etag = provider.get(path).headers["etag"]
    assert provider.post(f"{path}/approve", If_Match='"77"').status == 412
    approved = provider.post(f"{path}/approve", If_Match=etag)
    assert approved.status == 200 and approved.headers["etag"] != etag
    assert consumer.post(f"{path}/cancel", {"effective": "now"}, If_Match=etag).status == 412
    assert consumer.post(f"{path}/cancel", {"effective": "now"}, If_Match=approved.headers["etag"]).json["state"] == "ended"


# --- tokens --------------------------------------------------------------------------------------------
def test_a_token_of_another_algorithm_opens_nothing(house):
    person = house.sign_up()
    app = person.made("/v1/applications", {"name": "m", "api_role": "owner"})
    secret = person.made(f"/v1/applications/{app['id']}/secrets")["secret"]
    good = person.ask_token(app["client_id"], secret, "api").json["access_token"]
    head, claims, signature = good.split(".")
    key = Rest(house.url).get("/.well-known/jwks.json").json["keys"][0]
    caller = Rest(house.url)

    def status(token):
        caller.token = token
        return caller.get("/v1/me").status

    assert status(good) == 200
    for material in (json.dumps(key).encode(), base64.urlsafe_b64decode(key["x"] + "=="), key["x"].encode(), b""):
        for kid in ({"kid": key["kid"]}, {}):
            header = base64url(json.dumps({"alg": "HS256", "typ": "JWT", **kid}).encode())
            mac = hmac.new(material, f"{header}.{claims}".encode(), hashlib.sha256).digest()
            assert status(f"{header}.{claims}.{base64url(mac)}") == 401
    for alg in ("none", "None", "ES384", "es256", ""):
        header = base64url(json.dumps({"alg": alg, "typ": "JWT", "kid": key["kid"]}).encode())
        assert status(f"{header}.{claims}.") == 401
        assert status(f"{header}.{claims}.{signature}") == 401
    other = base64url(json.dumps({**json.loads(base64.urlsafe_b64decode(claims + "==")), "sub": "admin"}).encode())
    for bad in (f"{head}.{other}.{signature}", f"{head}.{claims}.{'A' * len(signature)}", f"{head}.{claims}.", f"{good}.", f"{good}x", good + "="):
        assert status(bad) == 401, bad
    assert status(good) == 200


# --- the wire ------------------------------------------------------------------------------------------
def raw(house, data, until_closed=True, timeout=15):
    """Bytes as they are; gives what came back."""
    host, port = house.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=timeout) as s:
        for part in data if isinstance(data, list) else [data]:
            s.sendall(part)
        got = b""
        while until_closed or b"\r\n\r\n" not in got:
            try:
                part = s.recv(65536)
            except ConnectionResetError:
                break
            if not part:
                break
            got += part
        return got


CLOSE = b"Host: x\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /\0 HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET nothing HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET http://evil.test/v1/me HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"OPTIONS * HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET /v1/me%00 HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET /v1/\xff\xfe HTTP/1.1\r\n" + CLOSE + b"\r\n",
        b"GET /v1/me HTTP/1.1\r\n" + CLOSE + b"X: " + b"a" * 70000 + b"\r\n\r\n",
        b"GET /v1/me HTTP/1.1\r\n" + CLOSE + b"".join(b"X-%d: y\r\n" % i for i in range(300)) + b"\r\n",
        b"POST /v1/sessions HTTP/1.1\r\n" + CLOSE + b"Content-Length: -1\r\n\r\n",
        b"POST /v1/sessions HTTP/1.1\r\n" + CLOSE + b"Content-Length: 99999999999999999999\r\n\r\n",
        b"POST /v1/sessions HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/sessions HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"POST /v1/sessions HTTP/1.1\r\n" + CLOSE + b"Transfer-Encoding: gzip\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 9,
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
)
def test_what_is_no_request_of_ours_gets_an_error_or_nothing(house, request_bytes):
    answer = raw(house, request_bytes)
    assert not re.match(rb"HTTP/1.1 (2|5)", answer) or b"<title>portal" in answer, answer[:300]
    assert Rest(house.url).get("/healthz").status == 200


def test_a_request_id_of_a_stranger_cannot_forge_a_log_line(house):
    raw(house, b"GET /healthz HTTP/1.1\r\n" + CLOSE + b'X-Request-Id: x","event":"forged\r\n\r\n')
    raw(house, b'GET /v1/"},{"event":"forged HTTP/1.1\r\n' + CLOSE + b"\r\n")
    raw(house, b"GET /v1/\x1b[2J\x7f\xc3\x28 HTTP/1.1\r\n" + CLOSE + b"\r\n")
    log = (house.stack.folder / "log" / "weir-api.out").read_text()
    for line in log.splitlines():
        assert json.loads(line)["event"] != "forged"
    assert "\x1b" not in log


@pytest.mark.parametrize(
    "first",
    [b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"],
    ids=["in its head", "in its body"],
)
def test_a_request_that_never_ends_is_cut_off(house, first):
    began = time.monotonic()
    answer = raw(house, first, timeout=40)
    assert b"HTTP/1.1 200" not in answer and b"HTTP/1.1 201" not in answer
    assert time.monotonic() - began < 30


# --- a database that goes away ---------------------------------------------------------------------------
def test_a_transaction_does_not_go_on_over_a_connection_made_anew(house):
    """A sign-up waits in its transaction for another that takes the same e-mail address, and its connection is cut."""
    email = f"{uuid.uuid4().hex}@late.test"
    body = {"name": "Late", "country": "DE", "billing_email": "a@b.test", "roles": ["consumer"],
            "owner": {"email": email, "name": "Late", "password": PASSWORD}}  # fmt: skip
    answers = []
    signing_up = threading.Thread(target=lambda: answers.append(Rest(house.url).post("/v1/organisations", body, Idempotency_Key=email)))
    waiting = "from pg_stat_activity where usename = 'weir_api' and wait_event_type = 'Lock'"
    with psycopg.connect(house.stack.database_url("postgres")) as holder:
        holder.execute("insert into person (id, email, name, password_hash) values (gen_random_uuid(), %s, 'First', 'x')", (email,))
        signing_up.start()
        wait_for(lambda: house.sql(f"select count(*) {waiting}") == ["1"], "the sign-up to wait")
        assert house.sql(f"select count(pg_terminate_backend(pid)) {waiting}") == ["1"]
        holder.rollback()
    signing_up.join()
    # Run again whole if there was time enough, else nothing of it is there.
    people = house.sql(f"select count(*) from person where email = '{email}'")
    assert (answers[0].status, people) in ((201, ["1"]), (503, ["0"])), answers[0]


def test_requests_survive_a_database_that_is_restarted_under_them(house):
    person = house.sign_up()
    app = person.made("/v1/applications", {"name": "m"})
    secret = person.made(f"/v1/applications/{app['id']}/secrets")["secret"]
    wait_for(lambda: app["client_id"] in (house.stack.folder / "state" / "api" / "clients.snapshot").read_text(), "the snapshot")
    pid, stop, seen = house.stack.pid("weir-api"), threading.Event(), []

    def keep(what, ask):
        while not stop.is_set():
            answer = ask()
            seen.append((what, answer.status, answer.headers.get("retry-after")))

    asks = {
        "read": lambda: person.get("/v1/applications"),
        "write": lambda: person.post("/v1/applications", {"name": "x"}),
        "once": lambda: person.post("/v1/applications", {"name": "x"}, Idempotency_Key=uuid.uuid4().hex),
        "token": lambda: person.ask_token(app["client_id"], secret),
        "sign in": lambda: Rest(house.url).post("/v1/sessions", {"email": person.email, "password": PASSWORD}),
    }
    threads = [threading.Thread(target=keep, args=item) for item in asks.items()]
    for t in threads:
        t.start()
    try:
        for _ in range(2):
            before = len(seen)
            wait_for(lambda b=before: len(seen) > b + 50, "traffic")
            house.stack.kill("postgres")
            wait_for(lambda b=before: any(s == 503 for _, s, _ in seen[b:]), "the first refusal")
            house.stack.script("postgres", "up")
            wait_for(lambda: Rest(house.url).get("/readyz").status == 200, "readiness to come back")
        wait_for(lambda: seen[-1:] and person.post("/v1/applications", {"name": "after"}).status == 201, "writes")
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert {s for what, s, _ in seen if what == "token"} == {200}
    assert {s for _, s, _ in seen} <= {200, 201, 503}
    assert all(retry for _, s, retry in seen if s == 503)
    assert house.stack.pid("weir-api") == pid
    # What was said to be made is there, with its audit row; nothing else is.
    made = sum(1 for what, s, _ in seen if what in ("write", "once") and s == 201)
    stored = int(house.sql(f"select count(*) from application where org_id = '{person.org}' and name = 'x'")[0])
    audited = int(house.sql(f"select count(*) from audit_log where org_id = '{person.org}' and action = 'application.create' and after ->> 'name' = 'x'")[0])
    refused_ = sum(1 for what, s, _ in seen if what in ("write", "once") and s == 503)
    assert stored == audited and made <= stored <= made + refused_


def test_the_token_endpoint_asks_for_one_client_only(house):
    """Anybody may ask with any name: that must not cost as much as reading all clients."""
    plan = house.sql("explain select * from oauth_client where client_id = 'wnobody'", role="weir_api")
    assert any("application_principal_key" in line for line in plan), plan


def test_stored_answers_go_after_their_day(house):
    person = house.sign_up()
    assert person.post("/v1/applications", {"name": "a"}, Idempotency_Key="first").status == 201
    house.sql(f"update idempotency_key set created_at = now() - interval '2 days' where org_id = '{person.org}'")
    assert person.post("/v1/applications", {"name": "a"}, Idempotency_Key="second").status == 201
    assert house.sql(f"select key from idempotency_key where org_id = '{person.org}'") == ["second"]


def test_nothing_in_the_log_is_secret(house):
    log = (house.stack.folder / "log" / "weir-api.out").read_text()
    assert PASSWORD not in log and "Bearer" not in log and "$argon2" not in log
    secrets = [p.read_text().strip() for p in (house.stack.folder / "secrets").iterdir()]
    assert secrets and not [s for s in secrets if s and s in log]
    leaked = subprocess.run(["ps", "axww"], capture_output=True, text=True).stdout
    assert not [s for s in secrets if s and s in leaked]
