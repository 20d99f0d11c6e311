"""No tenant reaches another's things: neither through any operation of the API, nor in the database
with the API's own role and another tenant's organisation set."""

import re
import uuid

import psycopg
import pytest
from house import CONTRACT, OPENAPI, PASSWORD, PLAN
from rest import Rest
from stack import wait_for

OPERATIONS = [
    (method.upper(), path, operation)
    for path, item in OPENAPI["paths"].items()
    for method, operation in item.items()
    if method in ("get", "post", "put", "patch", "delete")
]
SHARE = {"percent": "20"}
# Who may call what, in their own organisation. A new operation says so here too.
ANY = {"owner", "developer", "finance", "auditor"}
DEVELOPERS, FINANCE, OWNERS, READERS = {"owner", "developer"}, {"owner", "finance"}, {"owner"}, {"owner", "auditor"}
ROLES = {
    **dict.fromkeys(
        "createToken getJwks getDiscovery createSession createOrganisation getHealth getReadiness getMetrics getOpenapi".split(),
        None,
    ),
    **dict.fromkeys(
        """getMe endSession listSessions endOtherSessions endOtherSession changePassword listProducts getProduct getContract listPlans
           getPlan listSubscriptions getSubscription getSubscriptionUsage getSubscriptionCharges listUsage listInvoices getInvoice
           listInvoiceLines listStatements getStatement listOrganisations getOrganisation listClusters getCluster listApplications
           getApplication listTopics getTopic listTopicLimits""".split(),
        ANY,
    ),
    **dict.fromkeys(
        """createProduct updateProduct putContract putTopics publishProduct deprecateProduct createPlan createPlanVersion
           createSubscription approveSubscription denySubscription cancelSubscription createApplication createSecret revokeSecret
           disableApplication enableApplication createTopic""".split(),
        DEVELOPERS,
    ),
    **dict.fromkeys("exportInvoices exportInvoiceLines".split(), FINANCE),
    **dict.fromkeys("updateOrganisation createProducerGrant revokeProducerGrant".split(), OWNERS),
    "listAudit": READERS,
}
# The same for the operator's own work.
OPERATORS = {
    **dict.fromkeys("listBillingRuns getBillingRun listUnboundUsage listDeadLetters getDeadLetter listHoles listGaps".split(), ANY),
    **dict.fromkeys("createCluster updateTopicLimit".split(), DEVELOPERS),
    **dict.fromkeys("createBillingRun listLedgerAccounts listLedgerEntries".split(), FINANCE),
    **dict.fromkeys("suspendOrganisation resumeOrganisation".split(), OWNERS),
}
# Where the operator's owners help a tenant.
SUPPORT = {
    "createSecret", "revokeSecret", "createProducerGrant", "revokeProducerGrant", "disableApplication", "enableApplication",
    "updateOrganisation", "approveSubscription", "denySubscription", "cancelSubscription", "suspendOrganisation", "resumeOrganisation",
}  # fmt: skip
BODIES = {
    "suspendOrganisation": {"reason": "theft"},
    "resumeOrganisation": {"reason": "theft"},
    "updateOrganisation": {"name": "stolen"},
    "createSecret": {},
    "updateProduct": {"name": "stolen"},
    "createPlan": {"code": "cheap", "name": "Cheap", "plan": PLAN, "revenue_share": SHARE},
    "createPlanVersion": {"plan": PLAN, "revenue_share": SHARE},
    "putContract": CONTRACT,
}
# What a tenant learns of others on purpose: the catalogue's published part, clusters, topics' names, keys
# (sealed), who issues; and what has no tenant at all.
COMMON = {
    "cluster", "topic", "signing_key", "marketplace", "weir_migration",
    "product", "product_version", "product_topic", "plan", "plan_version", "organisation_public", "oauth_client",
}  # fmt: skip


class Market:
    """Everything that can be, of a provider and a consumer; and an intruder who is both."""

    def __init__(self, house):
        self.house = house
        self.cluster = house.cluster()
        self.provider, self.consumer = house.provider(), house.sign_up()
        self.intruder = house.provider(["provider", "consumer"])
        self.draft, self.draft_plan = house.product(self.provider, self.cluster, publish=False)
        self.product, self.plan = house.product(self.provider, self.cluster)
        self.application = self.consumer.made("/v1/applications", {"name": "reader"})
        self.secret = self.consumer.made(f"/v1/applications/{self.application['id']}/secrets")
        self.subscription = house.request(self.consumer, self.product, self.plan, self.application)
        answer = self.provider.post(f"/v1/subscriptions/{self.subscription['id']}/approve")
        assert answer.status == 200, answer
        self.pending = house.request(self.consumer, self.product, self.plan)
        writer = self.provider.made("/v1/applications", {"name": "writer"})
        self.grant = self.provider.made(f"/v1/applications/{writer['id']}/producer-grants", {"cluster_id": self.cluster["id"]})
        self.topic = self.provider.made("/v1/topics", {"cluster_id": self.cluster["id"], "name": f"{self.provider.prefix}asked"})
        self.consumer.post("/v1/applications", {"name": "again"}, Idempotency_Key=uuid.uuid4().hex)
        self.db = psycopg.connect(house.stack.database_url("postgres"), autocommit=True)
        self.billed_by_hand()
        self.session = self.consumer.get("/v1/sessions").json["items"][0]["id"]
        self.ids = {
            self.grant["id"], self.session,
            self.provider.org, self.consumer.org, self.subscription["id"], self.application["id"], self.secret["id"],
            self.invoice, self.statement, self.draft["id"], self.draft_plan["id"], self.application["principal"],
            self.entry, self.provider.email, self.consumer.email, self.topic["id"],
        }  # fmt: skip

    def one(self, sql, **values):
        return self.db.execute(sql, {**vars(self), **values}).fetchone()[0]

    def billed_by_hand(self):
        """What meter and biller write."""
        s = {"s": self.subscription["id"], "c": self.cluster["id"], "who": self.application["principal"], "p": self.product["id"]}
        s |= {"plan": self.plan["id"], "consumer": self.consumer.org, "provider": self.provider.org, "app": self.application["id"]}
        s["topic"] = f"{self.provider.prefix}x"
        for table in ("usage_quarter", "usage_day"):
            self.db.execute(
                f"""insert into {table} (cluster_id, principal, topic, delivery, from_at, subscription_id, application_id, metering_class, bytes)
                    values (%(c)s, %(who)s, %(topic)s, 0, date_trunc('day', now()), %(s)s, %(app)s, 'request_log', 5)""",
                s,
            )
        self.db.execute("insert into usage_evidence values (%(c)s, %(who)s, %(topic)s, 0, date_trunc('day', now()), 1, 1, 1, 1, 1, 1)", s)
        self.db.execute("insert into running_charge values (%(s)s, now(), now(), 'EUR', 5, '[]')", s)
        run = self.db.execute("insert into billing_run (period, requested_by) values ('2026-01', %(consumer)s) returning id", s).fetchone()[0]
        self.db.execute("insert into billing_run_account values (%s, %s)", (run, self.consumer.org))
        s["run"] = run
        s["entity"] = self.one("select id from issuing_entity limit 1")
        document = """insert into document (kind, org_id, entity_id, run_id, currency, period_from, period_to, usage_end, time_zone, net, total)
                      values (%(kind)s, %(org)s, %(entity)s, %(run)s, 'EUR', '2026-01-01', '2026-02-01', '2026-02-01', 'UTC', %(net)s, %(net)s)
                      returning id::text"""
        self.invoice = self.one(document, **s, kind="invoice", org=self.consumer.org, net=5)
        self.statement = self.one(document, **s, kind="statement", org=self.provider.org, net=4)
        s |= {"invoice": self.invoice, "statement": self.statement}
        self.db.execute(
            """insert into document_line (document_id, line, org_id, subscription_id, provider_org_id, product_id, plan_id, plan_version, kind,
                                          description, base, amount, net, tax_category, tax_rate, rows, service_from, service_to,
                                          product_name, provider_name)
               values (%(invoice)s, 1, %(consumer)s, %(s)s, %(provider)s, %(p)s, %(plan)s, 1, 'fixed', 'Fee', 5, 5, 5, 'S', 0, '[]',
                       '2026-01-01', '2026-02-01', 'Ticks as sold', 'Provider')""",
            s,
        )
        self.db.execute("insert into document_tax values (%(invoice)s, 'S', 0, 5, 0)", s)
        for party, org, amount in (("provider", self.provider.org, 4), ("operator", self.one("select id from organisation where is_operator"), 1)):
            self.db.execute("insert into document_split values (%s, 1, %s, %s, %s, %s)", (self.invoice, party, org, str(amount), amount))
        self.db.execute("insert into billed values (%(s)s, '2026-01-01', 1, %(invoice)s, true, '[]', '[]')", s)
        self.issue("invoice")
        self.db.execute("update document_split set statement_id = %(statement)s where document_id = %(invoice)s and party = 'provider'", s)
        self.issue("statement")
        self.db.execute("insert into payment (document_id, org_id, amount, received_on) values (%(invoice)s, %(consumer)s, 1, '2026-02-02')", s)
        with self.db.transaction():
            account = "insert into ledger_account (code, org_id, currency) values (%s, %s, 'EUR') returning id"
            debit = self.db.execute(account, ("receivable", self.consumer.org)).fetchone()[0]
            credit = self.db.execute(account, ("provider_payable_pending", self.provider.org)).fetchone()[0]
            self.entry = self.one(
                "insert into ledger_entry (kind, document_id, booked_on, transfers) values ('invoice_issued', %(i)s, '2026-02-01', 1) returning id::text",
                i=self.invoice,
            )
            self.db.execute("insert into ledger_transfer values (%s, 1, %s, %s, 'EUR', 5)", (self.entry, debit, credit))

    def issue(self, kind):
        """With the first number of a series of its own."""
        prefix = uuid.uuid4().hex[:8].upper()
        with self.db.transaction():
            series = self.one("insert into document_series (entity_id, kind, prefix) select id, %(k)s, %(p)s from issuing_entity limit 1 returning id", k=kind, p=prefix)
            self.db.execute("update document_series set next_number = 2, last_issue_date = '2026-02-01' where id = %s", (series,))
            self.db.execute(
                "update document set state = 'issued', series_id = %s, number = %s, issue_date = '2026-02-01', issued_at = now() where id = %s",
                (series, f"{prefix}000001", getattr(self, kind)),
            )

    def path(self, template):
        """With the ids of the provider and the consumer in it."""
        first = {
            "organisations": self.consumer.org,
            "clusters": self.cluster["id"],
            "applications": self.application["id"],
            "products": self.draft["id"],
            "plans": self.draft_plan["id"],
            "subscriptions": self.subscription["id"],
            "invoices": self.invoice,
            "statements": self.statement,
            "billing-runs": self.invoice,
            "dead-letters": "1",
            "topics": self.topic["id"],
            "topic-limits": "",
            "sessions": self.session,
        }[template.split("/")[2]]
        more = {
            "{id}": first, "{number}": first, "{sid}": self.secret["id"], "{gid}": self.grant["id"],
            "{org_id}": self.provider.org, "{cluster_id}": self.cluster["id"],
        }  # fmt: skip
        for name, value in more.items():
            template = template.replace(name, value)
        return template

    def body(self, operation):
        if operation == "putTopics":
            return {"topics": [{"cluster_id": self.cluster["id"], "topic": f"{self.intruder.prefix}x"}]}
        if operation == "createProducerGrant":
            return {"cluster_id": self.cluster["id"]}
        return BODIES.get(operation)


@pytest.fixture(scope="module")
def market(house):
    return Market(house)


WITH_ID = [(m, p, o["operationId"]) for m, p, o in OPERATIONS if "{" in p]
LISTS = [p for m, p, o in OPERATIONS if m == "GET" and "{" not in p and p.startswith("/v1/")]


def token_of(house, person, api_role):
    """An application of the person's organisation that calls with a token. Also the application's id."""
    application, secret = house.machine(person, api_role)
    caller = Rest(house.url)
    caller.token = caller.ask_token(application["client_id"], secret, "api").json["access_token"]
    assert caller.get("/v1/me").status == 200
    return caller, application["id"]


@pytest.fixture(scope="module")
def strangers(house, market):
    """Who has no business with the provider's and the consumer's things."""
    return {
        "both": market.intruder,
        "provider": house.provider(),
        "consumer": house.sign_up(),
        "token": token_of(house, house.provider(), "owner")[0],
    }


@pytest.mark.parametrize("who", ["both", "provider", "consumer", "token"])
@pytest.mark.parametrize("method,template,operation", WITH_ID, ids=[o for _, _, o in WITH_ID])
def test_anothers_ids_are_ids_that_nobody_has(market, strangers, method, template, operation, who):
    if operation == "getCluster":
        pytest.skip("clusters are everybody's to read")
    headers = {"Content-Type": "application/yaml"} if operation == "putContract" else None
    path, stranger = market.path(template), strangers[who]
    answer = stranger.send(method, path, market.body(operation), headers)
    if operation in OPERATORS:
        assert answer.status == 403
        return
    if operation == "endOtherSession" and who == "token":  # a token has no sessions, whosever id is named
        assert answer.status == 409
        return
    assert answer.status == 404, (method, path, answer)
    unknown = path
    for one in market.ids:
        unknown = unknown.replace(one, str(uuid.uuid4()))
    nobody = stranger.send(method, unknown, market.body(operation), headers)
    assert {**nobody.json, "request_id": 0} == {**answer.json, "request_id": 0}


# --- every operation, every caller ------------------------------------------------------------------
def unknown_path(template):
    return re.sub(r"{(\w+)}", lambda m: "1" if m[1] == "number" else str(uuid.uuid4()), template)


ALL = [(m, p, o["operationId"]) for m, p, o in OPERATIONS]
SIGNED_IN = [one for one in ALL if ROLES.get(one[2], ANY) is not None]


def test_every_operation_is_in_the_table():
    assert set(ROLES) | set(OPERATORS) == {o for _, _, o in ALL}
    public = {o["operationId"] for _, _, o in OPERATIONS if o.get("security") == []}
    assert public == {o for o, roles in ROLES.items() if roles is None}


@pytest.fixture(scope="module")
def nobodies(house):
    """Callers who were somebody, or never were, with the answer they get."""
    anonymous, forged, no_cookie = Rest(house.url), Rest(house.url), Rest(house.url)
    forged.token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."
    no_cookie.cookie = "weir_session=" + "A" * 43
    expired, ended = house.sign_up(), house.sign_up()
    house.sql(f"update session set expires_at = now() - interval '1 second' where org_id = '{expired.org}'")
    assert ended.delete("/v1/sessions/current").status == 204
    owner, suspended = house.sign_up(), house.sign_up()
    disabled, application = token_of(house, owner, "owner")
    assert owner.post(f"/v1/applications/{application}/disable", {}).status == 200
    without, application = token_of(house, owner, "owner")
    sid = owner.get(f"/v1/applications/{application}").json["secrets"][0]["id"]
    assert owner.delete(f"/v1/applications/{application}/secrets/{sid}").status == 204
    of_suspended, _ = token_of(house, suspended, "owner")
    assert house.operator().post(f"/v1/organisations/{suspended.org}/suspend", {"reason": "test"}).status == 200
    for one in (disabled, without, of_suspended):
        wait_for(lambda one=one: one.get("/v1/me").status == 401, "the token to end")
    return {
        "anonymous": (anonymous, 401), "forged token": (forged, 401), "unknown session": (no_cookie, 401),
        "expired session": (expired, 401), "ended session": (ended, 401), "suspended organisation's session": (suspended, 403),
        "suspended organisation's token": (of_suspended, 401), "disabled application's token": (disabled, 401),
        "token of a revoked secret": (without, 401),
    }  # fmt: skip


@pytest.mark.parametrize("method,template,operation", SIGNED_IN, ids=[o for _, _, o in SIGNED_IN])
def test_who_is_nobody_gets_nothing(market, nobodies, method, template, operation):
    for path in {unknown_path(template), market.path(template) if "{" in template else template}:
        for who, (caller, status) in nobodies.items():
            answer = caller.send(method, path, market.body(operation))
            assert answer.status == status, (who, method, path, answer)


@pytest.fixture(scope="module")
def own_roles(house, market):
    return {role: token_of(house, market.intruder, role)[0] for role in sorted(ANY)}


@pytest.mark.parametrize("method,template,operation", SIGNED_IN, ids=[o for _, _, o in SIGNED_IN])
def test_a_role_opens_what_it_says(own_roles, method, template, operation):
    for role, caller in own_roles.items():
        answer = caller.send(method, unknown_path(template), {} if method != "GET" else None)
        if role in ROLES.get(operation, set()):
            assert answer.status not in (401, 403) and answer.status < 500, (role, answer)
        else:
            assert answer.status == 403, (role, answer)


@pytest.fixture(scope="module")
def operators(house):
    owner = house.operator()
    return {role: token_of(house, owner, role)[0] for role in sorted(ANY)}


CHANGES = [one for one in SIGNED_IN if one[0] != "GET" and "{" in one[1] and (one[2] not in OPERATORS or one[2] in SUPPORT)]


@pytest.mark.parametrize("method,template,operation", SIGNED_IN, ids=[o for _, _, o in SIGNED_IN])
def test_a_role_of_the_operator_opens_what_it_says(operators, method, template, operation):
    allowed = OPERATORS.get(operation, ROLES.get(operation))
    for role, caller in operators.items():
        answer = caller.send(method, unknown_path(template), {} if method != "GET" else None)
        if role in allowed:
            assert answer.status not in (401, 403) and answer.status < 500, (role, answer)
        else:
            assert answer.status == 403, (role, answer)


@pytest.mark.parametrize("method,template,operation", CHANGES, ids=[o for _, _, o in CHANGES])
def test_the_operator_changes_a_tenants_things_as_an_owner_with_a_reason(market, operators, method, template, operation):
    """Nobody gives a reason here; and even with one, only an owner would be heard."""
    headers = {"Content-Type": "application/yaml"} if operation == "putContract" else None
    body = {} if operation in ("suspendOrganisation", "resumeOrganisation") else market.body(operation)
    for role, caller in operators.items():
        answer = caller.send(method, market.path(template), body, headers)
        if role == "owner" and operation in SUPPORT:
            assert answer.status == 400 and answer.json["field"].endswith("reason"), (role, answer)
        elif operation == "endOtherSession":
            assert answer.status == 409, (role, answer)
        else:
            assert answer.status in (403, 404), (role, answer)


@pytest.mark.parametrize("path", LISTS)
def test_lists_hold_nothing_of_others(market, path):
    answer = market.intruder.get(path)
    assert answer.status in (200, 403), answer
    if path == "/v1/audit":  # what was denied is told with the id that was asked for
        rows = market.house.sql(f"select id from audit_log where org_id = '{market.intruder.org}'")
        assert {str(item["id"]) for item in answer.json["items"]} <= set(rows)
    elif path != "/v1/products":
        assert not [one for one in market.ids if one in answer.body.decode()]
    else:
        seen = {item["id"] for item in answer.json["items"]}
        assert market.draft["id"] not in seen and market.product["id"] in seen


def test_a_consumer_decides_nothing_and_a_provider_asks_for_nobody(market):
    consumer, provider, pending = market.consumer, market.provider, market.pending["id"]
    for verb in ("approve", "deny"):
        assert consumer.post(f"/v1/subscriptions/{pending}/{verb}").status == 403
    body = {"product_id": market.product["id"], "plan_id": market.plan["id"], "terms_accepted": True}
    stolen = market.intruder.post("/v1/subscriptions", {**body, "application_ids": [market.application["id"]]})
    assert stolen.status == 400 and stolen.json["field"] == "/application_ids", stolen
    assert consumer.post("/v1/subscriptions", {**body, "product_id": market.draft["id"], "application_ids": [market.application["id"]]}).status == 404
    # The provider sees who subscribes, and of the application no more than its name and principal.
    seen = provider.get(f"/v1/subscriptions/{pending}").json
    assert set(seen["applications"][0]) == {"id", "name", "principal"}
    assert provider.get(f"/v1/applications/{market.application['id']}").status == 404


def test_an_idempotency_key_is_its_organisations_own(market):
    key = uuid.uuid4().hex
    first = market.consumer.post("/v1/applications", {"name": "mine"}, Idempotency_Key=key)
    second = market.intruder.post("/v1/applications", {"name": "mine"}, Idempotency_Key=key)
    assert (first.status, second.status) == (201, 201) and first.json["id"] != second.json["id"]
    assert second.json["org_id"] == market.intruder.org


# --- the database itself -----------------------------------------------------------------------------
class As:
    """The API's role in one tenant's transaction, rolled back at the end."""

    def __init__(self, market, org):
        self.db = psycopg.connect(market.house.stack.database_url("weir_api"))
        self.db.execute("select set_config('weir.org', %s, true), set_config('weir.operator', '', true)", (org,))

    def __enter__(self):
        return self.db

    def __exit__(self, *_):
        self.db.rollback()
        self.db.close()


def relations(market):
    return [r[0] for r in market.db.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'p') order by 1"
    )]  # fmt: skip


def seen(db, relation, ids):
    """How many rows name one of the ids; None where the role may not even ask."""
    try:
        with db.transaction():
            return db.execute(
                f"select count(*) from {relation} x where x::text ~ %s", ("|".join(sorted(ids)),)
            ).fetchone()[0]
    except psycopg.errors.InsufficientPrivilege:
        return None


def test_no_row_of_another_tenant_is_in_reach(market):
    ids = market.ids
    leaks, filled = {}, []
    with As(market, market.intruder.org) as db:
        for relation in relations(market):
            if seen(market.db, relation, ids):
                filled.append(relation)
            count = seen(db, relation, ids)
            if count and relation not in COMMON:
                leaks[relation] = count
        # Of the catalogue, what is published.
        for relation in ("product", "product_version", "product_topic", "plan", "plan_version"):
            assert seen(db, relation, {market.draft["id"], market.draft_plan["id"]}) == 0, relation
        # Of the log, its own rows: a denial is told with the id that was asked for.
        assert {str(r[0]) for r in db.execute("select org_id from audit_log")} == {market.intruder.org}
        del leaks["audit_log"]
        # Of others, the public face.
        with pytest.raises(psycopg.errors.UndefinedColumn):
            db.execute("select billing_email from organisation_public")
    assert leaks == {}
    # Otherwise nothing was tested.
    empty = set(relations(market)) - set(filled)
    assert empty <= COMMON | {
        "access_state", "batch_topic", "cluster_broker", "dead_letter", "dead_letter_flood", "document_series", "issuing_entity", "log_gap", "log_hole",
        "meter_partition", "meter_position", "meter_state", "produce_batch", "produce_reading", "tax_rate", "unread_line", "usage_touch",
    }  # fmt: skip


def test_without_an_organisation_there_is_nothing(market):
    with As(market, "") as db:
        visible = {r: n for r in relations(market) if (n := seen(db, r, {"."}))}
    assert set(visible) <= {"marketplace", "organisation_public", "oauth_client", "signing_key", "topic"}


def test_people_of_other_organisations_are_not_to_be_seen(market):
    with As(market, market.intruder.org) as db:
        assert [r[0] for r in db.execute("select email from person")] == [market.intruder.email]
        assert {str(r[0]) for r in db.execute("select org_id from membership")} == {market.intruder.org}
        assert {str(r[0]) for r in db.execute("select org_id from session")} == {market.intruder.org}


def new_subscription(market, **more):
    values = {
        "org_id": market.intruder.org, "provider_org_id": market.provider.org, "product_id": market.product["id"], "product_version": 1,
        "plan_id": market.plan["id"], "plan_version": 1, "terms_sha256": b"", **more,
    }  # fmt: skip
    names = ", ".join(values)
    return f"insert into subscription ({names}) values ({', '.join(f'%({n})s' for n in values)}) returning id", values


def test_a_tenants_transaction_cannot_widen_its_own_rights(market):
    """As the intruder, and as the consumer of a subscription that nobody has approved yet."""
    m, intruder = market, market.intruder.org
    own = market.intruder.made("/v1/applications", {"name": "own"})["id"]
    pending, subscription = market.pending["id"], market.subscription["id"]
    pending_app = market.pending["applications"][0]["id"]
    topic = f"{m.provider.prefix}private"
    grant = "insert into grant_period (cluster_id, application_id, org_id, topic, subscription_id, during) values (%s, %s, %s, %s, %s, tstzrange(now(), null))"
    offered = m.one("select topic from product_topic where product_id = %(p)s", p=m.product["id"])
    attempts = [
        (intruder, "update organisation set is_operator = true", ()),
        (intruder, "update organisation set topic_prefix = 'other.'", ()),
        (intruder, "update organisation set verified_at = now()", ()),
        (intruder, "insert into organisation (id, name, country, billing_email, is_operator) values (%s, 'x', 'DE', 'x', true)", (uuid.uuid4(),)),
        (intruder, "insert into membership (person_id, org_id, role) select id, %s, 'owner' from person", (m.consumer.org,)),
        (intruder, "insert into cluster (name, bootstrap_servers, audience, metering_class, log_topic, log_partitions) values ('mine', 'k', 'k', 'committed', 'l', 1)", ()),
        (intruder, "insert into application (org_id, name, principal, adopted) values (%s, 'x', 'admin', true)", (intruder,)),
        (intruder, "update application set principal = 'admin'", ()),
        (intruder, "update application set api_role = 'owner'", ()),
        (intruder, "insert into application_secret (application_id, org_id, secret_hash) values (%s, %s, sha256(''))", (m.application["id"], intruder)),
        (intruder, "insert into producer_grant (application_id, org_id, cluster_id, topic_prefix) values (%s, %s, %s, %s)", (own, intruder, m.cluster["id"], m.provider.prefix)),
        (intruder, "insert into topic_request (org_id, cluster_id, name, partitions, retention_ms, max_message_bytes) values (%s, %s, %s, 1, 1, 1)", (m.provider.org, m.cluster["id"], f"{m.provider.prefix}y")),
        (m.provider.org, "insert into topic_request (org_id, cluster_id, name, partitions, retention_ms, max_message_bytes) values (%s, %s, %s, 1, 1, 1)", (m.provider.org, m.cluster["id"], f"{m.intruder.prefix}y")),
        (m.provider.org, "update topic_request set state = 'made'", ()),
        (m.provider.org, "update topic_limit set partitions_max = 500", ()),
        (m.provider.org, "insert into topic_limit (org_id, cluster_id, partitions_max) values (%s, %s, 500)", (m.provider.org, m.cluster["id"])),
        (intruder, "insert into topic_limit (org_id, cluster_id) values (%s, %s)", (m.consumer.org, m.cluster["id"])),
        (intruder, "insert into product_version (product_id, number, org_id, published_at) values (%s, 9, %s, now())", (m.product["id"], intruder)),
        (intruder, "insert into plan (product_id, org_id, code, name) values (%s, %s, 'free', 'Free')", (m.product["id"], intruder)),
        (intruder, "insert into plan_version (plan_id, number, org_id, valid_from, currency, body, revenue_share) values (%s, 9, %s, now(), 'EUR', '{}', '{}')", (m.plan["id"], intruder)),
        (intruder, *new_subscription(m, state="active", starts_at="2020-01-01")),
        (intruder, *new_subscription(m, provider_org_id=intruder)),
        (intruder, *new_subscription(m, product_id=m.draft["id"], plan_id=m.draft_plan["id"])),
        (intruder, *new_subscription(m, org_id=m.consumer.org)),
        (intruder, "insert into subscription_application values (%s, %s, %s)", (pending, own, intruder)),
        (intruder, grant, (m.cluster["id"], own, intruder, offered, subscription)),
        (m.consumer.org, "insert into subscription_application values (%s, %s, %s)", (subscription, pending_app, m.consumer.org)),
        (m.consumer.org, "update subscription set state = 'active', starts_at = now() where id = %s", (pending,)),
        (m.consumer.org, "update subscription set state = 'denied' where id = %s", (pending,)),
        (m.consumer.org, "update subscription set provider_org_id = org_id where id = %s", (pending,)),
        (m.consumer.org, "update subscription set plan_version = 2 where id = %s", (subscription,)),
        (m.consumer.org, grant, (m.cluster["id"], pending_app, m.consumer.org, offered, pending)),
        (m.consumer.org, grant, (m.cluster["id"], m.application["id"], m.consumer.org, topic, subscription)),
        (m.consumer.org, grant, (m.cluster["id"], pending_app, m.consumer.org, offered, subscription)),
        (m.consumer.org, "update grant_period set topic = %s where subscription_id = %s", (topic, subscription)),
        (m.consumer.org, "update grant_period set during = tstzrange(lower(during), lower(during) + interval '1 microsecond') where subscription_id = %s", (subscription,)),
        (m.consumer.org, "insert into audit_log (org_id, actor_kind, actor_id, action, object_kind, object_id) values (%s, 'nobody', '', '', '', '')", (m.provider.org,)),
        (m.provider.org, "insert into product_topic (product_id, number, org_id, cluster_id, topic) values (%s, 1, %s, %s, %s)", (m.draft["id"], m.provider.org, m.cluster["id"], f"{m.intruder.prefix}x")),
    ]  # fmt: skip
    done = []
    for org, sql, values in attempts:
        with As(m, org) as db:
            try:
                if db.execute(sql, values).rowcount > 0:
                    done.append(sql)
            except (psycopg.errors.InsufficientPrivilege, psycopg.errors.IntegrityError):
                pass
            except psycopg.Error as error:
                assert error.sqlstate == "WD001", (sql, error)
    assert done == []


def test_what_is_allowed_still_works_for_a_product_that_approves_by_itself(house, market):
    product, plan = house.product(market.provider, market.cluster, approval="automatic")
    made = house.request(market.intruder, product, plan)
    assert made["state"] == "active"
    assert Rest(house.url).sign_in(market.intruder.email, PASSWORD).get("/v1/me").status == 200


def test_a_topic_prefix_in_use_stays_where_it_is(house, market):
    operator = house.operator()
    path = f"/v1/organisations/{market.provider.org}"
    answer = operator.patch(path, {"topic_prefix": "elsewhere."})
    assert answer.status == 409, answer
    fresh = house.sign_up(["provider"])
    mistaken, right = f"a{uuid.uuid4().hex[:8]}.", f"b{uuid.uuid4().hex[:8]}."
    for prefix in (mistaken, right):
        assert operator.patch(f"/v1/organisations/{fresh.org}", {"topic_prefix": prefix}).status == 200
    reserved = operator.patch(f"/v1/organisations/{fresh.org}", {"topic_prefix": "weir."})
    assert reserved.status == 400 and reserved.json["field"] == "/topic_prefix"


def test_a_document_keeps_the_names_it_was_issued_with(market):
    """The line's, not today's name of the product."""
    invoice, consumer = f"/v1/invoices/{market.invoice}", market.consumer
    product = {"id": market.product["id"], "name": "Ticks as sold"}
    assert consumer.get(invoice).json["lines"][0]["product"] == product
    assert consumer.get(f"{invoice}/lines").json["items"][0]["product"] == product
    exported = consumer.get("/v1/exports/invoice-lines?format=csv").body.decode()
    assert "Ticks as sold" in exported


def test_an_invoice_and_its_list_of_lines_say_the_same_of_a_line(market):
    invoice = market.consumer.get(f"/v1/invoices/{market.invoice}").json
    assert len(invoice["lines"]) == 1
    assert market.consumer.get(f"/v1/invoices/{market.invoice}/lines").json["items"] == invoice["lines"]
