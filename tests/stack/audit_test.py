"""The audit log: what it is told without anybody changing anything, who reads it, and that nobody fills it."""

import re
import uuid

import pytest
from house import PASSWORD
from rest import Rest
from stack import ROOT, wait_for


def found(person, query, count=1):
    """The rows, once there are that many."""
    path = f"/v1/audit?limit=200&{query}"
    wait_for(lambda: len(person.get(path).json["items"]) >= count, f"audit rows of {query}")
    return person.get(path).json["items"]


def test_wrong_passwords_are_told_with_their_address_and_counted(house):
    person = house.sign_up()
    for _ in range(5):
        assert Rest(house.url).post("/v1/sessions", {"email": person.email, "password": "wrong"}).status == 401
    row = found(person, "action=session.refuse")[-1]
    assert (row["actor_kind"], row["actor_id"], row["object_kind"]) == ("nobody", "127.0.0.1", "person")
    assert row["object_id"] == person.get("/v1/me").json["id"] and row["after"]["operation"] == "createSession"
    # The first of each event loop, and no row for each of the others.
    assert sum(r["after"]["count"] for r in found(person, "action=session.refuse")) <= 5
    assert len(found(person, "action=session.refuse")) <= 2


def test_unknown_addresses_are_the_operators_to_see_and_bounded(house):
    name, operator = uuid.uuid4().hex, house.operator()
    before = int(house.sql("select count(*) from audit_log")[0])
    for i in range(200):
        Rest(house.url).post("/v1/sessions", {"email": f"{i}@{name}.test", "password": "wrong"})
    Rest(house.url).post("/v1/sessions", {"email": "my secret password", "password": "wrong"})
    wait_for(lambda: operator.get(f"/v1/audit?action=session.refuse&object_id=many").json["items"], "the row of too many")
    after = int(house.sql("select count(*) from audit_log")[0])
    # 64 of each kind and loop in a minute, and one for all others; two loops.
    assert 64 <= after - before <= 2 * (64 + 1) + 20
    assert house.sql("select count(*) from audit_log a where a::text like '%my secret password%'") == ["0"]
    assert house.sign_up().get("/v1/audit?action=session.refuse").json["items"] == []


def test_refused_tokens_are_told(house):
    person = house.sign_up()
    application, secret = house.machine(person, "auditor")
    assert person.ask_token(application["client_id"], "wrong", "api").status == 401
    row = found(person, "action=token.refuse")[0]
    assert (row["object_kind"], row["object_id"], row["after"]["address"]) == ("client", application["client_id"], "127.0.0.1")
    caller = Rest(house.url)
    caller.token = "not.a.token"
    assert caller.get("/v1/invoices").status == 401
    wait_for(
        lambda: house.sql("select 1 from audit_log where action = 'token.refuse' and object_kind = 'listInvoices' and org_id is null"),
        "the token that is none",
    )


def test_denials_are_told(house):
    owner = house.sign_up()
    auditor = house.member(owner.org, "auditor")
    assert auditor.post("/v1/applications", {"name": "x"}).status == 403
    row = found(owner, "action=request.deny")[0]
    assert (row["object_kind"], row["actor_id"], row["after"]["count"]) == ("createApplication", auditor.get("/v1/me").json["id"], 1)


def test_exports_are_told(house):
    person = house.sign_up()
    assert person.get("/v1/exports/invoices?period=2026-01").status == 200
    assert person.get("/v1/exports/invoice-lines?format=json").status == 200
    rows = person.get("/v1/audit?action=export").json["items"]
    assert [(r["object_id"], r["after"]) for r in rows] == [
        ("invoice-lines", {"rows": 0, "period": None, "format": "json"}),
        ("invoices", {"rows": 0, "period": "2026-01", "format": "csv"}),
    ]
    assert person.get("/v1/exports/invoices?period=nonsense").status == 400
    assert len(person.get("/v1/audit?action=export").json["items"]) == 2


@pytest.mark.parametrize("role", ["owner", "developer", "finance", "auditor"])
def test_the_operators_reads_of_tenants_are_told(house, role):
    person, reader = house.sign_up(), house.operator(role)
    who = reader.get("/v1/me").json["id"]
    assert reader.get(f"/v1/organisations/{person.org}").status == 200
    assert reader.get("/v1/invoices?period=2026-01").status == 200
    wanted = {("getOrganisation", person.org, None), ("listInvoices", "*", "period=2026-01")}

    def told():
        rows = house.operator().get(f"/v1/audit?limit=200&action=tenant.read&actor_id={who}").json["items"]
        return {(r["object_kind"], r["object_id"], r["after"].get("query")) for r in rows}

    wait_for(lambda: wanted <= told(), "the rows of the reads")
    assert "getMe" not in {kind for kind, _, _ in told()}
    assert person.get("/v1/audit?action=tenant.read").json["items"] == []


def test_who_reads_the_log(house):
    owner, stranger = house.sign_up(), house.sign_up()
    for role, status in [("developer", 403), ("finance", 403), ("auditor", 200)]:
        assert house.member(owner.org, role).get("/v1/audit").status == status
        assert house.operator(role).get("/v1/audit").status == status
    assert Rest(house.url).get("/v1/audit").status == 401
    assert {r["org_id"] for r in owner.get("/v1/audit?limit=200").json["items"]} == {owner.org}
    assert owner.get(f"/v1/audit?org_id={stranger.org}").json["items"] == []
    seen = house.operator().get(f"/v1/audit?org_id={stranger.org}").json["items"]
    assert {r["org_id"] for r in seen} == {stranger.org}


def test_the_log_comes_in_pages_and_by_filters(house):
    person = house.sign_up()
    made = [person.made("/v1/applications", {"name": f"a{i}"})["id"] for i in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = person.get(f"/v1/audit?action=application.create&limit=2{cursor and '&cursor=' + cursor}").json
        seen += [r["object_id"] for r in page["items"]]
        cursor = page["next_cursor"]
    assert seen == made[::-1]
    me = person.get("/v1/me").json["id"]
    assert len(person.get(f"/v1/audit?actor_id={me}&action=application.create").json["items"]) == 5
    assert person.get("/v1/audit?to=2000-01-01T00:00:00Z").json["items"] == []
    assert person.get("/v1/audit?from=2000-01-01T00:00:00Z").json["items"] != []
    assert person.get("/v1/audit?by_operator=true").json["items"] == []
    assert person.get("/v1/audit?by_operator=perhaps").status == 400
    assert person.get("/v1/audit?org_id=x").status == 400


def test_the_log_is_found_by_its_indexes(house):
    """A tenant's page doesn't read everybody's rows."""
    person = house.sign_up()
    plan = "\n".join(house.sql(
        f"""begin; set local weir.org = '{person.org}'; set local enable_seqscan = off;
            explain (costs off) select id from audit_log a
             where not weir_operator() and a.org_id = weir_org() and id < 5 order by id desc limit 50""",
        role="weir_api",
    ))  # fmt: skip
    assert "Index" in plan and "org_id = " in plan.replace("(", " "), plan


def test_sign_in_is_unharmed_while_the_log_is_told(house):
    person = house.sign_up()
    for _ in range(3):
        Rest(house.url).post("/v1/sessions", {"email": person.email, "password": "wrong"})
    Rest(house.url).sign_in(person.email, PASSWORD)


def test_what_only_counted_goes_after_its_time(house):
    """13 months where nothing else is set. Changes stay, and so does what is younger."""
    counted = re.findall(r'^    \[TALLY_[A-Z_]+\] = \{"([a-z.]+)"', (ROOT / "services" / "api" / "request" / "tally.c").read_text(), re.M)
    assert len(counted) == 4
    kinds = [*counted, "secret.create", "session.create", "export"]
    ages = {"old": "13 months 1 day", "young": "13 months -1 day"}
    for age, interval in ages.items():
        for kind in kinds:
            house.sql(
                "insert into audit_log (at, actor_kind, actor_id, action, object_kind, object_id)"
                f" values (now() - interval '{interval}', 'nobody', '', '{kind}', 'retention', '{age}')"
            )
    house.stack.script("weir", "down", "weir-api")
    house.stack.script("weir", "up", "weir-api")

    def left(age):
        return set(house.sql(f"select action from audit_log where object_kind = 'retention' and object_id = '{age}'"))

    wait_for(lambda: not left("old") & set(counted), "old rows to go")
    assert left("old") == set(kinds) - set(counted)
    assert left("young") == set(kinds)
