"""What people may do to others' things and to their own: the operator's roles in tenants' affairs, and that
what is ended has ended at once. weir-api on a real PostgreSQL, no Kafka."""

import json
import uuid

import pytest
from house import PASSWORD
from rest import Rest
from stack import wait_for

NEW = "a new and quite long passphrase"


@pytest.fixture(scope="module")
def shop(house):
    """A provider, a product, a consumer who reads it."""
    cluster, provider, consumer = house.cluster(), house.provider(), house.sign_up()
    product, plan = house.product(provider, cluster)
    application, secret = house.machine(consumer)
    subscription = house.request(consumer, product, plan, application)
    assert provider.post(f"/v1/subscriptions/{subscription['id']}/approve").status == 200
    return locals()


def with_token(house, application, secret):
    caller = Rest(house.url)
    answer = caller.ask_token(application["client_id"], secret, "api")
    assert answer.status == 200, answer
    caller.token = answer.json["access_token"]
    return caller


def open_grants(house, org):
    return house.sql(f"select count(*) from grant_period where org_id = '{org}' and during @> now()")[0]


# --- the operator in a tenant's affairs --------------------------------------------------------------
@pytest.mark.parametrize("role", ["developer", "finance", "auditor"])
def test_the_operators_people_mint_no_secrets_of_tenants(house, shop, role):
    operator, application = house.operator(role), shop["application"]
    answer = operator.post(f"/v1/applications/{application['id']}/secrets", {"reason": "support"})
    assert answer.status == (404 if role == "developer" else 403), answer
    # What is the operator's own, they may.
    if role == "developer":
        own = operator.made("/v1/applications", {"name": "own"})
        assert operator.post(f"/v1/applications/{own['id']}/secrets", {}).status == 201


@pytest.mark.parametrize("what", [
    "secret", "revoke", "grant", "disable", "enable", "rename", "approve", "deny", "cancel", "product", "plan", "suspend", "resume",
])  # fmt: skip
def test_a_developer_of_the_operator_changes_nothing_of_a_tenant(house, shop, what):
    operator, application = house.operator("developer"), f"/v1/applications/{shop['application']['id']}"
    subscription, why = f"/v1/subscriptions/{shop['subscription']['id']}", {"reason": "because"}
    sid = shop["consumer"].get(application).json["secrets"][0]["id"]
    answer = {
        "secret": lambda: operator.post(f"{application}/secrets", why),
        "revoke": lambda: operator.delete(f"{application}/secrets/{sid}?reason=x"),
        "grant": lambda: operator.post(f"{application}/producer-grants", {"cluster_id": shop["cluster"]["id"], **why}),
        "disable": lambda: operator.post(f"{application}/disable", why),
        "enable": lambda: operator.post(f"{application}/enable", why),
        "rename": lambda: operator.patch(f"/v1/organisations/{shop['consumer'].org}", {"name": "x", **why}),
        "approve": lambda: operator.post(f"{subscription}/approve", why),
        "deny": lambda: operator.post(f"{subscription}/deny", why),
        "cancel": lambda: operator.post(f"{subscription}/cancel", why),
        "product": lambda: operator.patch(f"/v1/products/{shop['product']['id']}", {"name": "x"}),
        "plan": lambda: operator.post(
            f"/v1/products/{shop['product']['id']}/plans",
            {"code": "free", "name": "F", "plan": {"currency": "EUR", "valid_from": "2024-01-01", "prices": []}, "revenue_share": {"percent": "0"}},
        ),
        "suspend": lambda: operator.post(f"/v1/organisations/{shop['consumer'].org}/suspend", why),
        "resume": lambda: operator.post(f"/v1/organisations/{shop['consumer'].org}/resume", why),
    }[what]()
    assert answer.status in (403, 404), answer


def test_an_owner_of_the_operator_helps_with_a_reason_that_the_tenant_reads(house, shop):
    operator, consumer = house.operator(), shop["consumer"]
    path = f"/v1/applications/{shop['application']['id']}"
    refused = operator.post(f"{path}/secrets", {})
    assert (refused.status, refused.json["field"]) == (400, "/reason"), refused
    why = f"ticket {uuid.uuid4().hex}"
    made = operator.made(f"{path}/secrets", {"reason": why})
    refused = operator.delete(f"{path}/secrets/{made['id']}")
    assert (refused.status, refused.json["field"]) == (400, "reason"), refused
    assert operator.delete(f"{path}/secrets/{made['id']}?reason={why.replace(' ', '+')}").status == 204
    rows = consumer.get("/v1/audit?by_operator=true").json["items"]
    assert [(r["action"], r["reason"], r["by_operator"]) for r in rows if r["reason"] == why] == [
        ("secret.revoke", why, True), ("secret.create", why, True),
    ]  # fmt: skip
    # And for the rest: a tenant's own name and a decision between two others.
    org = f"/v1/organisations/{consumer.org}"
    assert operator.patch(org, {"name": "Renamed"}).json["field"] == "/reason"
    assert operator.patch(org, {"name": "Renamed", "reason": why}).status == 200
    subscription = f"/v1/subscriptions/{house.request(consumer, shop['product'], shop['plan'])['id']}"
    assert operator.post(f"{subscription}/deny", {}).json["field"] == "/reason"
    assert operator.post(f"{subscription}/deny", {"reason": why}).status == 200
    told = consumer.get("/v1/audit?by_operator=true&limit=200").json["items"]
    assert {r["action"] for r in told if r["reason"] == why} >= {"organisation.change", "subscription.deny"}


# --- applications --------------------------------------------------------------------------------------
def test_a_disabled_application_gets_nothing_and_loses_what_it_has(house):
    person = house.sign_up()
    application, secret = house.machine(person, "developer")
    caller = with_token(house, application, secret)
    assert caller.get("/v1/me").status == 200
    path = f"/v1/applications/{application['id']}"
    assert person.post(f"{path}/enable", {}).status == 409
    assert person.post(f"{path}/disable", {}).json["state"] == "disabled"
    wait_for(lambda: caller.get("/v1/me").status == 401, "the token to be refused")
    for scope in ("api", None):
        answer = person.ask_token(application["client_id"], secret, scope)
        assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert person.post(f"{path}/disable", {}).status == 409
    assert person.post(f"{path}/secrets", {}).status == 409
    assert person.post(f"{path}/enable", {}).json["state"] == "active"
    wait_for(lambda: caller.get("/v1/me").status == 200, "the token to be good again")
    actions = [r["action"] for r in person.get(f"/v1/audit?object_id={application['id']}").json["items"]]
    assert actions == ["application.enable", "application.disable", "secret.create", "application.create"]


def test_a_developer_disables_no_application_of_an_owner(house):
    owner = house.sign_up()
    application, _ = house.machine(owner, "owner")
    developer = house.member(owner.org, "developer")
    assert developer.post(f"/v1/applications/{application['id']}/disable", {}).status == 403


def test_a_producer_grant_is_revoked_once(house):
    cluster, provider = house.cluster(), house.provider()
    application, secret = house.machine(provider)
    path = f"/v1/applications/{application['id']}/producer-grants"
    grant = provider.made(path, {"cluster_id": cluster["id"]})
    developer = house.member(provider.org, "developer")
    assert developer.delete(f"{path}/{grant['id']}").status == 403
    assert house.provider().delete(f"{path}/{grant['id']}").status == 404
    assert provider.delete(f"{path}/{grant['id']}").status == 204
    assert provider.delete(f"{path}/{grant['id']}").status == 404
    shown = provider.get(f"/v1/applications/{application['id']}").json["producer_grants"]
    assert [g["revoked_at"] is not None for g in shown] == [True]
    again = provider.made(path, {"cluster_id": cluster["id"]})
    assert again["id"] != grant["id"]


# --- passwords and sessions ----------------------------------------------------------------------------
def test_a_password_is_changed_by_who_knows_it_and_ends_other_sessions(house):
    person = house.sign_up()
    other = Rest(house.url).sign_in(person.email, PASSWORD)
    wrong = person.send("PUT", "/v1/me/password", {"current_password": "wrong", "new_password": NEW})
    assert (wrong.status, wrong.json["field"]) == (403, "/current_password")
    short = person.send("PUT", "/v1/me/password", {"current_password": PASSWORD, "new_password": "short"})
    assert (short.status, short.json["field"]) == (400, "/new_password")
    assert other.get("/v1/me").status == 200
    assert person.send("PUT", "/v1/me/password", {"current_password": PASSWORD, "new_password": NEW}).status == 204
    assert (person.get("/v1/me").status, other.get("/v1/me").status) == (200, 401)
    assert Rest(house.url).post("/v1/sessions", {"email": person.email, "password": PASSWORD}).status == 401
    Rest(house.url).sign_in(person.email, NEW)
    assert NEW not in json.dumps(house.sql("select a::text from audit_log a"))


def test_other_sessions_are_listed_and_ended(house):
    person = house.sign_up()
    second, third, stranger = (Rest(house.url).sign_in(person.email, PASSWORD) for _ in range(3))
    stranger = house.sign_up()
    rows = person.get("/v1/sessions").json["items"]
    assert [r["current"] for r in rows].count(True) == 1 and all(r["address"] == "127.0.0.1" for r in rows)
    hashes = house.sql("select encode(token_hash, 'hex') from session")
    assert not any(h in json.dumps(rows) for h in hashes)
    mine = next(r["id"] for r in second.get("/v1/sessions").json["items"] if r["current"])
    assert stranger.delete(f"/v1/sessions/{mine}").status == 404
    assert stranger.get("/v1/sessions").json["items"] != rows
    assert person.delete(f"/v1/sessions/{mine}").status == 204
    assert (second.get("/v1/me").status, third.get("/v1/me").status) == (401, 200)
    assert person.delete("/v1/sessions").status == 204
    assert (third.get("/v1/me").status, person.get("/v1/me").status, stranger.get("/v1/me").status) == (401, 200, 200)


def test_an_application_has_no_password_and_no_sessions(house):
    caller = with_token(house, *house.machine(house.sign_up(), "owner"))
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert caller.send("PUT", "/v1/me/password", body).status == 409
    assert caller.get("/v1/sessions").status == caller.delete("/v1/sessions").status == 409


# --- suspension ----------------------------------------------------------------------------------------
def test_a_suspended_organisation_is_out_at_once_and_back_when_resumed(house):
    cluster, provider, consumer = house.cluster(), house.provider(), house.sign_up()
    product, plan = house.product(provider, cluster)
    application, secret = house.machine(consumer, "owner")
    staying, leaving = (house.request(consumer, *house.product(provider, cluster), application) for _ in range(2))
    for one in (staying, leaving):
        assert provider.post(f"/v1/subscriptions/{one['id']}/approve").status == 200
    assert consumer.post(f"/v1/subscriptions/{leaving['id']}/cancel", {"effective": "period_end"}).status == 200
    pending = house.request(consumer, product, plan, application)
    caller, operator = with_token(house, application, secret), house.operator()
    assert (caller.get("/v1/me").status, open_grants(house, consumer.org)) == (200, "2")
    path = f"/v1/organisations/{consumer.org}"
    assert consumer.post(f"{path}/suspend", {"reason": "x"}).status == 403
    assert operator.post(f"{path}/suspend", {}).json["field"] == "/reason"
    assert operator.post(f"{path}/resume", {"reason": "x"}).status == 409
    assert operator.post(f"{path}/suspend", {"reason": "does not pay"}).json["suspended_at"]
    assert operator.post(f"{path}/suspend", {"reason": "x"}).status == 409

    answer = consumer.get("/v1/me")
    assert answer.status == 403 and "suspended" in answer.json["detail"]
    answer = Rest(house.url).post("/v1/sessions", {"email": consumer.email, "password": PASSWORD})
    assert answer.status == 403 and "suspended" in answer.json["detail"]
    wrong = Rest(house.url).post("/v1/sessions", {"email": consumer.email, "password": "wrong"})
    assert wrong.status == 401 and "suspended" not in wrong.json["detail"]
    wait_for(lambda: caller.get("/v1/me").status == 401, "the token to be refused")
    for scope in ("api", None):
        assert consumer.ask_token(application["client_id"], secret, scope).status == 401
    assert open_grants(house, consumer.org) == "0"
    assert provider.post(f"/v1/subscriptions/{pending['id']}/approve").status == 409

    assert operator.post(f"{path}/resume", {"reason": "paid"}).json["suspended_at"] is None
    assert consumer.get("/v1/me").status == 200
    wait_for(lambda: caller.get("/v1/me").status == 200, "the token to be good again")
    assert open_grants(house, consumer.org) == "2"
    ends = house.sql(f"select s.ends_at is not distinct from upper(g.during) from grant_period g join subscription s on s.id = g.subscription_id where g.org_id = '{consumer.org}' and g.during @> now()")
    assert ends == ["t", "t"]
    # Between the two nothing was granted, and nothing twice.
    assert house.sql(f"select count(*) from grant_period a join grant_period b on a.id < b.id and a.topic = b.topic and a.during && b.during where a.org_id = '{consumer.org}'") == ["0"]
    told = [(r["action"], r["reason"], r["by_operator"]) for r in consumer.get(f"/v1/audit?by_operator=true&object_id={consumer.org}").json["items"]]
    assert told == [("organisation.resume", "paid", True), ("organisation.suspend", "does not pay", True)]


def test_a_suspended_provider_sells_nothing_new(house):
    cluster, provider, consumer = house.cluster(), house.provider(), house.sign_up()
    product, plan = house.product(provider, cluster, approval="automatic")
    old = house.request(consumer, product, plan)
    assert old["state"] == "active"
    path = f"/v1/organisations/{provider.org}"
    assert house.operator().post(f"{path}/suspend", {"reason": "x"}).status == 200
    body = {"product_id": product["id"], "plan_id": plan["id"], "terms_accepted": True}
    application = consumer.made("/v1/applications", {"name": "late"})
    assert consumer.post("/v1/subscriptions", {**body, "application_ids": [application["id"]]}).status == 409
    # Who reads already goes on: it is the consumer's contract too.
    assert open_grants(house, consumer.org) == "1"
    assert house.operator().post(f"{path}/resume", {"reason": "x"}).status == 200
    assert consumer.post("/v1/subscriptions", {**body, "application_ids": [application["id"]]}).status == 201


def test_the_operator_does_not_suspend_itself(house):
    operator = house.operator()
    org = operator.get("/v1/me").json["organisation"]["id"]
    assert operator.post(f"/v1/organisations/{org}/suspend", {"reason": "x"}).status == 409


def test_a_tenants_transaction_resumes_nobody(house):
    consumer = house.sign_up()
    assert house.operator().post(f"/v1/organisations/{consumer.org}/suspend", {"reason": "x"}).status == 200
    as_tenant = f"begin; set local weir.org = '{consumer.org}'; "
    with pytest.raises(RuntimeError, match="operator"):
        house.sql(as_tenant + "update organisation set suspended_at = null; commit", role="weir_api")
    with pytest.raises(RuntimeError):
        house.sql("update organisation set suspended_at = now() where is_operator")


def test_the_end_of_a_grant_comes_sooner_never_later(house, shop):
    grant = house.sql(f"select id from grant_period where subscription_id = '{shop['subscription']['id']}'")[0]
    until = "update grant_period set during = tstzrange(lower(during), now() + interval '{}') where id = '{}'"
    house.sql(until.format("1 hour", grant))
    house.sql(until.format("10 minutes", grant))
    with pytest.raises(RuntimeError, match="earlier"):
        house.sql(until.format("2 hours", grant))
    with pytest.raises(RuntimeError, match="earlier"):
        house.sql(f"update grant_period set during = tstzrange(lower(during), null) where id = '{grant}'")
    house.sql(f"update grant_period set during = tstzrange(lower(during), clock_timestamp()) where id = '{grant}'")
    with pytest.raises(RuntimeError, match="earlier"):
        house.sql(until.format("0 seconds", grant))
