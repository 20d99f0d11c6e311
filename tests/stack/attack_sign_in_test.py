"""Those who guess, flood and fill: what they do is refused, and nobody else is.

weir-api has its own limits here, not the wide ones of a stack. Strangers ask from addresses of
127.0.0.0/8, or through a proxy at 127.0.8.1 whose X-Forwarded-For is believed.
"""

import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from house import PASSWORD, PLAN, open_house
from rest import Rest
from stack import wait_for

PROXY = "127.0.8.1"


SETTINGS = """\
WEIR_TRUSTED_PROXIES=127.0.8.0/24
WEIR_UNVERIFIED_PLAN_VERSIONS_MAX=2
WEIR_UNVERIFIED_SECRETS_MAX=3
WEIR_UNVERIFIED_SUBSCRIPTION_REQUESTS_MAX=2
"""


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    with open_house(tmp_path_factory, "strict", SETTINGS, WEIR_LIMITS="own") as house:
        yield house


@pytest.fixture(scope="module")
def operator(strict):
    return strict.operator()


def sign_up_body(email):
    return {"name": "Org", "country": "DE", "billing_email": "b@b.test", "roles": ["consumer", "provider"],
            "owner": {"email": email, "name": "Owner", "password": PASSWORD}}  # fmt: skip


class People:
    """Honest ones: each signs up and in from a network of its own, behind the proxy."""

    number = 0

    @classmethod
    def made(cls, house, from_):
        """Signed up; who asks from then on asks from `from_`."""
        cls.number += 1
        email = f"{uuid.uuid4().hex}@people.test"
        stranger = Rest(house.url, PROXY)
        answer = stranger.post("/v1/organisations", sign_up_body(email), X_Forwarded_For=f"10.200.{cls.number}.1")
        assert answer.status == 201, answer
        person = Rest(house.url, from_)
        person.email, person.org = email, answer.json["id"]
        return person


def signed_in(house, from_):
    person = People.made(house, from_)
    return person.sign_in(person.email, PASSWORD)


def sign_in(rest, email, password=PASSWORD, **headers):
    return rest.post("/v1/sessions", {"email": email, "password": password}, **headers)


def assert_limited(answer, policy):
    assert answer.status == 429, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["type"] == "/problems/rate-limited"
    assert int(answer.headers["retry-after"]) >= 1
    assert re.fullmatch(rf'"{policy}";q=\d+;w=\d+', answer.headers["ratelimit-policy"]), answer.headers
    assert re.fullmatch(rf'"{policy}";r=0;t=\d+', answer.headers["ratelimit"]), answer.headers


# --- guessing -----------------------------------------------------------------------------------------
def test_one_address_guesses_a_few_times_and_locks_nobody_out(strict):
    victim = People.made(strict, "127.0.1.2")
    guesser = Rest(strict.url, "127.0.1.1")
    answers = [sign_in(guesser, victim.email, f"guess {n}") for n in range(150)]
    refused = [a for a in answers if a.status == 401]
    assert [a.status for a in answers[:10]] == [401] * 10
    # One more for each 90 seconds that the machine takes.
    assert len(refused) < 30 and {a.status for a in answers} == {401, 429}
    assert_limited(answers[-1], "sign-in")
    # Not even the right password now, so a guess that hits isn't seen to.
    assert_limited(sign_in(guesser, victim.email), "sign-in")
    assert sign_in(victim, victim.email).status == 201


def test_an_account_that_does_not_exist_is_limited_alike(strict):
    guesser, name = Rest(strict.url, "127.0.1.3"), uuid.uuid4().hex
    statuses = [sign_in(guesser, f"{name}@nobody.test" if n % 2 else f"{name.upper()}@NOBODY.test", "x").status for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2


def test_a_right_password_costs_nothing(strict):
    person = People.made(strict, "127.0.1.4")
    for _ in range(4):
        assert sign_in(person, person.email, "wrong").status == 401
        assert [sign_in(person, person.email).status for _ in range(4)] == [201] * 4


def test_one_password_on_many_accounts_stops_the_address(strict):
    guesser = Rest(strict.url, "127.0.1.5")
    answers = [sign_in(guesser, f"{uuid.uuid4().hex}@spray.test", "Summer2026") for _ in range(80)]
    assert [a.status for a in answers[:60]] == [401] * 60
    assert_limited(answers[-1], "sign-in-address")
    person = People.made(strict, "127.0.1.6")
    assert sign_in(person, person.email).status == 201


def test_many_addresses_on_one_account_lock_no_known_browser_out(strict):
    person = People.made(strict, "127.0.1.7")
    answer = sign_in(person, person.email)
    device = next(c for c in answer.cookies if c.startswith("weir_device="))
    crowd = Rest(strict.url, PROXY)
    statuses = [sign_in(crowd, person.email, "x", X_Forwarded_For=f"10.1.{n // 5}.1").status for n in range(150)]
    assert statuses[:100] == [401] * 100 and 401 not in statuses[130:]
    # A browser that signed in before, from wherever, has a count of its own; it opens nothing by itself.
    browser = Rest(strict.url, "127.0.1.8")
    browser.cookie = device
    assert sign_in(browser, person.email, "wrong").status == 401
    assert sign_in(browser, person.email).status == 201
    assert browser.get("/v1/me").status == 401
    # It is this account's and this server's.
    for other in (device[:-1] + ("A" if device[-1] != "A" else "B"), device.replace(".", ".9", 1), "weir_device=..", "weir_device=" + "." * 60):
        browser.cookie = other
        assert_limited(sign_in(browser, person.email), "sign-in-account")
    somebody = People.made(strict, "127.0.1.9")
    browser.cookie = next(c for c in sign_in(somebody, somebody.email).cookies if c.startswith("weir_device="))
    assert_limited(sign_in(browser, person.email), "sign-in-account")


def test_a_taken_session_is_not_enough_to_guess_the_password(strict):
    person, other = signed_in(strict, "127.0.1.61"), signed_in(strict, "127.0.1.62")

    def change(who, current):
        return who.send("PUT", "/v1/me/password", {"current_password": current, "new_password": PASSWORD + "2"})

    assert [change(person, f"guess {n}").status for n in range(10)] == [403] * 10
    # Not even the right one now, so a guess that hits isn't seen to; nobody else pays.
    assert_limited(change(person, PASSWORD), "password")
    assert change(other, PASSWORD).status == 204


def test_x_forwarded_for_is_a_proxy_s_word_only(strict):
    email = f"{uuid.uuid4().hex}@nobody.test"
    liar = Rest(strict.url, "127.0.1.10")
    statuses = [sign_in(liar, email, "x", X_Forwarded_For=f"10.2.{n}.1").status for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    behind, email = Rest(strict.url, PROXY), f"{uuid.uuid4().hex}@nobody.test"
    statuses = [sign_in(behind, email, "x", X_Forwarded_For=f"10.3.{n}.1, 10.2.0.1").status for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    statuses = [sign_in(behind, email, "x", X_Forwarded_For=f"2001:db8:0:1::{n}").status for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2  # one /64


# --- flooding ------------------------------------------------------------------------------------------
def test_a_flood_of_wrong_sign_ins_keeps_nobody_out(strict):
    people = [People.made(strict, f"127.0.2.{n}") for n in range(1, 9)]
    stop, seen = threading.Event(), []

    def flood(n):
        rest = Rest(strict.url, f"127.0.3.{n + 1}")
        while not stop.is_set():
            seen.append(sign_in(rest, f"{uuid.uuid4().hex}@flood.test", "x").status)

    crowd = [threading.Thread(target=flood, args=(n,)) for n in range(80)]
    for t in crowd:
        t.start()
    try:
        wait_for(lambda: len(seen) > 160, "the flood")
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda p: sign_in(p, p.email), people))
    finally:
        stop.set()
        for t in crowd:
            t.join()
    assert [a.status for a in answers] == [201] * 8, answers
    assert 429 in seen and set(seen) <= {401, 429}


def test_sign_ups_from_one_address_are_few(strict):
    with ThreadPoolExecutor(20) as pool:
        rest = Rest(strict.url, "127.0.4.1")
        answers = list(pool.map(lambda n: rest.post("/v1/organisations", sign_up_body(f"{uuid.uuid4().hex}@many.test"), Idempotency_Key=f"a{n}"), range(60)))
    made = sum(1 for a in answers if a.status == 201)
    assert 1 <= made <= 11 and {a.status for a in answers} == {201, 429}
    # Those that found too many waiting weren't counted.
    answers = [rest.post("/v1/organisations", sign_up_body(f"{uuid.uuid4().hex}@many.test")) for _ in range(15)]
    made += sum(1 for a in answers if a.status == 201)
    assert 10 <= made <= 11
    assert_limited(answers[-1], "sign-up")
    # What was refused as it stands was no sign-up.
    typist = Rest(strict.url, "127.0.4.2")
    assert {typist.post("/v1/organisations", {**sign_up_body("y@many.test"), "country": "Germany"}).status for _ in range(15)} == {400}
    assert typist.post("/v1/organisations", sign_up_body(f"{uuid.uuid4().hex}@many.test")).status == 201


def test_sign_ups_that_wait_for_their_hash_hold_no_connection(strict):
    """200 networks at once, each within its limit, with an Idempotency-Key."""
    tenants = [signed_in(strict, f"127.0.6.{n}") for n in range(1, 13)]
    held = "select count(*) from pg_stat_activity where usename = 'weir_api' and state = 'idle in transaction' and state_change < now() - interval '20 ms'"
    outcomes = []

    def sign_up(n):
        rest = Rest(strict.url, PROXY)
        body = sign_up_body(f"{uuid.uuid4().hex}@flood.test")
        outcomes.append(rest.post("/v1/organisations", body, X_Forwarded_For=f"10.10.{n}.1", Idempotency_Key=uuid.uuid4().hex).status)

    crowd = [threading.Thread(target=sign_up, args=(n,)) for n in range(200)]
    for t in crowd:
        t.start()
    answers, idle = [], []
    with ThreadPoolExecutor(12) as pool:
        while any(t.is_alive() for t in crowd) or not answers:
            answers += pool.map(lambda p: p.post("/v1/applications", {"name": "x"}, Idempotency_Key="one"), tenants)
            idle += strict.sql(held)
    for t in crowd:
        t.join()
    assert {a.status for a in answers} == {201}, [a for a in answers if a.status != 201][:3]
    assert set(outcomes) <= {201, 429, 503} and 201 in outcomes
    # A statement of the load may be caught between two of its steps; a queue of hashes would show always.
    assert idle.count("0") > len(idle) // 2, idle


def test_credentials_that_open_nothing_are_counted(strict):
    stranger = Rest(strict.url, "127.0.5.9")
    stranger.token = "no.token.atall"
    answers = [stranger.get("/v1/me") for _ in range(700)]
    assert [a.status for a in answers[:600]] == [401] * 600
    assert_limited(answers[-1], "identify")


# --- tokens --------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def client(strict):
    person = signed_in(strict, "127.0.5.2")
    app = person.made("/v1/applications", {"name": "reader"})
    secret = person.made(f"/v1/applications/{app['id']}/secrets")["secret"]
    wait_for(lambda: app["client_id"] in (strict.stack.folder / "state" / "api" / "clients.snapshot").read_text(), "the snapshot")
    return app["client_id"], secret


def guess_secrets(strict, client_id, source, count=40):
    rest = Rest(strict.url, source)
    return [rest.ask_token(client_id, f"guess {n}") for n in range(count)]


def test_wrong_secrets_are_limited_and_lock_no_client_out(strict, client):
    answers = guess_secrets(strict, client[0], "127.0.5.1")
    assert [a.status for a in answers[:30]] == [401] * 30
    assert_limited(answers[-1], "token-refused")
    for source in ("127.0.5.2", "127.0.5.1"):  # from the guesser's own address too
        answer = Rest(strict.url, source).ask_token(*client)
        assert answer.status == 200 and answer.headers["ratelimit-policy"].startswith('"token";'), answer
    # A right secret spends nothing of that.
    assert [a.status for a in guess_secrets(strict, client[0], "127.0.5.2", 30)] == [401] * 30


# --- filling --------------------------------------------------------------------------------------------
def test_an_unverified_organisation_has_few_of_everything(strict, operator):
    person = signed_in(strict, "127.0.7.1")
    makers = {
        "/v1/applications": lambda: {"name": "x"},
        "/v1/products": lambda: {"slug": f"s{uuid.uuid4().hex[:8]}", "name": "x"},
    }
    operator.patch(f"/v1/organisations/{person.org}", {"topic_prefix": f"p{uuid.uuid4().hex[:8]}."})
    for path, body in makers.items():
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _, p=path, b=body: person.post(p, b()), range(14)))
        assert sorted(a.status for a in answers) == [201] * 10 + [422] * 4, answers
        refused = next(a for a in answers if a.status == 422)
        assert refused.json["type"] == "/problems/limit" and "verified" in refused.json["detail"]
    answer = operator.patch(f"/v1/organisations/{person.org}", {"verified": True})
    assert answer.status == 200, answer
    for path, body in makers.items():
        assert person.post(path, body()).status == 201


def assert_full(answer):
    assert answer.status == 422 and answer.json["type"] == "/problems/limit" and "not verified" in answer.json["detail"], answer


def test_nor_has_it_many_secrets_plans_and_requests(strict, operator):
    provider, consumer = signed_in(strict, "127.0.7.2"), signed_in(strict, "127.0.7.3")
    provider.prefix = f"p{uuid.uuid4().hex[:8]}."
    operator.patch(f"/v1/organisations/{provider.org}", {"topic_prefix": provider.prefix})
    product, plan = strict.product(provider, strict.cluster())
    more = {"plan": {**PLAN, "valid_from": "2099-01-01"}, "revenue_share": {"percent": "20"}}
    assert provider.post(f"/v1/products/{product['id']}/plans", {"code": "b", "name": "B", **more}).status == 201
    assert_full(provider.post(f"/v1/products/{product['id']}/plans", {"code": "c", "name": "C", **more}))
    assert_full(provider.post(f"/v1/plans/{plan['id']}/versions", more))
    app = consumer.made("/v1/applications", {"name": "reader"})
    secrets = f"/v1/applications/{app['id']}/secrets"
    made = [consumer.made(secrets)["id"] for _ in range(3)]
    assert consumer.delete(f"{secrets}/{made[0]}").status == 204
    assert_full(consumer.post(secrets))
    first, _ = (strict.request(consumer, product, plan) for _ in range(2))
    body = {"product_id": product["id"], "plan_id": plan["id"], "application_ids": [app["id"]], "terms_accepted": True}
    assert_full(consumer.post("/v1/subscriptions", body))
    assert provider.post(f"/v1/subscriptions/{first['id']}/deny", {"reason": "no"}).status == 200
    assert consumer.post("/v1/subscriptions", body).status == 201


# --- what is seen of it -----------------------------------------------------------------------------------
def test_answers_say_what_is_left(strict, operator):
    first, second = operator.get("/v1/me"), operator.get("/v1/me")
    assert first.headers["ratelimit-policy"] == '"read";q=60000;w=60'
    left = [int(re.fullmatch(r'"read";r=(\d+);t=1', a.headers["ratelimit"]).group(1)) for a in (first, second)]
    assert 59000 < left[1] <= left[0] < 60000
    assert operator.post("/v1/applications", {}).headers["ratelimit-policy"] == '"write";q=3000;w=60'
    for path in ("/healthz", "/.well-known/jwks.json"):
        assert "ratelimit" not in Rest(strict.url).get(path).headers


def test_refusals_are_counted_and_logged_with_the_client(strict):
    text = Rest(strict.url).get("/metrics").body.decode()
    counted = {m[0]: int(m[1]) for m in re.findall(r'weir_api_rate_limited_total\{policy="([a-z-]+)"\} (\d+)', text)}
    assert {"sign-in", "sign-in-address", "sign-in-account", "sign-up", "token-refused", "identify", "password-share"} <= set(counted), counted
    assert '"client":"10.2.0.1"' in (strict.stack.folder / "log" / "weir-api.out").read_text()


# --- without a database -------------------------------------------------------------------------------
def test_wrong_secrets_are_limited_while_the_database_is_away(strict, client):
    strict.stack.kill("postgres")
    try:
        answers = guess_secrets(strict, client[0], "127.0.5.3")
        assert [a.status for a in answers[:30]] == [401] * 30
        assert_limited(answers[-1], "token-refused")
        assert Rest(strict.url, "127.0.5.4").ask_token(*client).status == 200
        assert Rest(strict.url, "127.0.5.3").ask_token(*client).status == 200
    finally:
        strict.stack.script("postgres", "up")
        wait_for(lambda: Rest(strict.url).get("/readyz").status == 200, "readiness to come back")
