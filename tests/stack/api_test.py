"""weir-api on a real PostgreSQL: who gets in, what is kept apart, what happens twice, what happens
while the database is away. No Kafka."""

import re
import socket
import threading
import time
import uuid

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from house import PASSWORD
from rest import Rest, token_parts
from stack import wait_for


# --- people ----------------------------------------------------------------------------------------
def test_sign_in_sets_a_cookie_that_scripts_and_other_sites_never_see(house):
    person = house.sign_up()
    answer = Rest(house.url).post("/v1/sessions", {"email": person.email.upper(), "password": PASSWORD})
    assert answer.status == 201
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    me = person.get("/v1/me").json
    assert (me["kind"], me["email"], me["role"], me["organisation"]["id"]) == ("person", person.email, "owner", person.org)


def test_a_wrong_password_and_an_unknown_address_look_the_same(house):
    person = house.sign_up()
    wrong = Rest(house.url).post("/v1/sessions", {"email": person.email, "password": "wrong"})
    unknown = Rest(house.url).post("/v1/sessions", {"email": "nobody@nowhere.test", "password": "wrong"})
    assert wrong.status == unknown.status == 401
    assert {**wrong.json, "request_id": 0} == {**unknown.json, "request_id": 0}
    assert "set-cookie" not in wrong.headers


def test_signing_out_ends_the_session_at_once(house):
    person = house.sign_up()
    assert person.get("/v1/me").status == 200
    assert person.delete("/v1/sessions/current").status == 204
    assert person.get("/v1/me").status == 401


def test_nothing_of_a_session_or_password_is_stored_in_clear(house):
    person = house.sign_up()
    value = person.cookie.split("=", 1)[1]
    hashes_ = house.sql("select encode(token_hash, 'escape') from session")
    assert hashes_ and not any(value in row for row in hashes_)
    stored = house.sql(f"select password_hash from person where email = '{person.email}'")[0]
    assert stored.startswith("$argon2id$") and PASSWORD not in stored


@pytest.mark.parametrize("origin", [None, "https://evil.test", "null"])
def test_a_change_with_the_cookie_needs_the_sites_own_origin(house, origin):
    person = house.sign_up()
    answer = person.post("/v1/applications", {"name": "x"}, Origin=origin)
    assert answer.status == 403 and answer.json["type"] == "/problems/cross-site"
    assert person.get("/v1/applications").json["items"] == []


def test_a_form_of_another_site_is_no_json(house):
    person = house.sign_up()
    answer = person.send("POST", "/v1/applications", b'{"name":"x"}', {"Content-Type": "text/plain"})
    assert answer.status == 415
    foreign = Rest(house.url).post("/v1/sessions", {"email": "a@b.c", "password": "x"}, Origin="https://evil.test")
    assert foreign.status == 403


def test_sign_up_says_which_field_is_wrong(house):
    good = {
        "name": "N", "country": "DE", "billing_email": "a@b.test", "roles": ["consumer"],
        "owner": {"email": f"{uuid.uuid4().hex}@b.test", "name": "N", "password": PASSWORD},
    }  # fmt: skip
    for change, field in [
        ({"name": ""}, "/name"),
        ({"country": "D"}, "/country"),
        ({"roles": ["king"]}, "/roles"),
        ({"roles": []}, "/roles"),
        ({"colour": "red"}, "/colour"),
        ({"address": {"planet": "Mars"}}, "/address/planet"),
        ({"owner": {**good["owner"], "password": "short"}}, "/owner/password"),
        ({"owner": {**good["owner"], "email": "nonsense"}}, "/owner/email"),
        ({"owner": None}, "/owner"),
    ]:
        answer = Rest(house.url).post("/v1/organisations", {**good, **change})
        assert (answer.status, answer.json["field"]) == (400, field), answer
    assert Rest(house.url).post("/v1/organisations", {**good, "time_zone": "Mars/Olympus"}).status == 400
    assert Rest(house.url).post("/v1/organisations", good).status == 201
    again = Rest(house.url).post("/v1/organisations", good)
    assert again.status == 409 and again.json["type"] == "/problems/conflict"


# --- the frame -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body",
    [b"{", b'{"name":1}', b'{"name":"x","name":"y"}', b"[]", b'"x"', b'{"name":"\xff"}', b"[" * 5000, b'{"name":{}}', b"{}"],
)
def test_a_body_that_is_wrong_is_a_problem_and_changes_nothing(house, body):
    person = house.sign_up()
    answer = person.send("POST", "/v1/applications", body, {"Content-Type": "application/json"})
    assert answer.status == 400, answer
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert person.get("/v1/applications").json["items"] == []


def test_bodies_have_limits(house):
    person = house.sign_up()
    answer = person.post("/v1/applications", {"name": "x" * 100_000})
    assert answer.status == 413 and answer.json["type"] == "/problems/too-large"


def test_paths_methods_and_request_ids(house):
    anyone = Rest(house.url)
    assert anyone.get("/v1/nothing").status == 404
    answer = anyone.delete("/v1/organisations")
    assert answer.status == 405 and answer.headers["allow"] == "POST, GET"
    assert anyone.get("/healthz", X_Request_Id="abc-1").headers["x-request-id"] == "abc-1"
    assert anyone.get("/healthz", X_Request_Id="a b").headers["x-request-id"] != "a b"
    headers = anyone.get("/healthz").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-inline" not in headers["content-security-policy"]
    head = anyone.send("HEAD", "/healthz")
    assert head.status == 200 and head.body == b"" and head.headers["content-length"] != "0"


def test_the_portals_files_come_with_type_and_etag(house):
    anyone = Rest(house.url)
    index = anyone.get("/")
    assert index.status == 200 and index.headers["content-type"].startswith("text/html")
    assert anyone.get("/products/123").body == index.body
    script = anyone.get("/js/app.js")
    assert script.headers["content-type"].startswith("text/javascript") and script.body == b"export const x = 1\n"
    assert anyone.get("/js/app.js", If_None_Match=script.headers["etag"]).status == 304
    for path in ["/js/none.js", "/.hidden", "/../../etc/passwd", "/js/../../etc/passwd", "/%2e%2e/index.html"]:
        assert anyone.get(path).status == 404, path


def test_metrics_tell_operation_and_class(house):
    Rest(house.url).get("/v1/me")
    text = Rest(house.url).get("/metrics").body.decode()
    assert re.search(r'weir_http_request_duration_seconds_count\{operation="getMe",status="4xx"\} \d+', text)


def test_lists_come_in_pages_without_gaps(house):
    person = house.sign_up()
    made = [person.made("/v1/applications", {"name": f"a{i}"})["id"] for i in range(7)]
    seen, cursor = [], None
    while True:
        page = person.get("/v1/applications?limit=3" + (f"&cursor={cursor}" if cursor else "")).json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made
    for query in ["limit=0", "limit=201", "limit=x", "cursor=%00", "cursor=!!", "cursor=aGFsbG8"]:
        assert person.get(f"/v1/applications?{query}").status == 400, query


def test_a_change_of_an_old_version_is_refused(house):
    person = house.sign_up()
    path = f"/v1/organisations/{person.org}"
    first = person.get(path)
    assert person.patch(path, {"name": "New"}, If_Match=first.headers["etag"]).status == 200
    late = person.patch(path, {"name": "Newer"}, If_Match=first.headers["etag"])
    assert late.status == 412
    now = person.get(path)
    assert now.json["name"] == "New"
    assert person.get(path, If_None_Match=now.headers["etag"]).status == 304


def test_changes_leave_audit_rows(house):
    person = house.sign_up()
    assert person.patch(f"/v1/organisations/{person.org}", {"name": "Renamed"}).status == 200
    rows = house.sql(
        f"select action, actor_kind, before->>'name' <> after->>'name', request_id is not null from audit_log"
        f" where object_id = '{person.org}' order by id"
    )
    assert rows == ["organisation.sign_up|nobody||t", "organisation.change|person|t|t"]


# --- idempotency -----------------------------------------------------------------------------------
def test_a_repeated_post_gets_the_stored_answer(house):
    person = house.sign_up()
    key = uuid.uuid4().hex
    first = person.post("/v1/applications", {"name": "once"}, Idempotency_Key=key)
    again = person.post("/v1/applications", {"name": "once"}, Idempotency_Key=key)
    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json and again.headers["idempotency-replayed"] == "true"
    other = person.post("/v1/applications", {"name": "twice"}, Idempotency_Key=key)
    assert other.status == 422 and other.json["type"] == "/problems/idempotency-mismatch"
    assert len(person.get("/v1/applications").json["items"]) == 1
    # Another organisation's key of the same name is another key.
    assert house.sign_up().post("/v1/applications", {"name": "once"}, Idempotency_Key=key).json["id"] != first.json["id"]


def test_a_refused_post_may_be_repeated(house):
    person = house.sign_up()
    key = uuid.uuid4().hex
    assert person.post("/v1/applications", {"nam": "x"}, Idempotency_Key=key).status == 400
    assert person.post("/v1/applications", {"name": "x"}, Idempotency_Key=key).status == 201


def test_a_secret_is_shown_once_and_stored_nowhere(house):
    person = house.sign_up()
    app = person.made("/v1/applications", {"name": "a"})
    key = uuid.uuid4().hex
    path = f"/v1/applications/{app['id']}/secrets"
    first = person.post(path, {}, Idempotency_Key=key)
    again = person.post(path, {}, Idempotency_Key=key)
    secret = first.json["secret"]
    assert first.status == again.status == 201
    assert "secret" not in again.json and again.json["secret_shown"] is True
    assert again.json["id"] == first.json["id"]
    for table in ["idempotency_key", "audit_log", "application_secret"]:
        assert not any(secret in row for row in house.sql(f"select t::text from {table} t"))
    assert secret not in person.get(f"/v1/applications/{app['id']}").body.decode()


def test_many_at_once_with_one_key_make_one(house):
    person = house.sign_up()
    key = uuid.uuid4().hex
    answers = []

    def run():
        answers.append(person.post("/v1/applications", {"name": "race"}, Idempotency_Key=key))

    threads = [threading.Thread(target=run) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert {a.status for a in answers} <= {201, 409}
    assert len({a.json["id"] for a in answers if a.status == 201}) == 1
    assert all(a.headers.get("retry-after") for a in answers if a.status == 409)
    assert len(person.get("/v1/applications").json["items"]) == 1


# --- tenants ---------------------------------------------------------------------------------------
def test_another_tenants_objects_do_not_exist(house):
    a, b = house.sign_up(), house.sign_up()
    app = a.made("/v1/applications", {"name": "a"})
    secret = a.made(f"/v1/applications/{app['id']}/secrets")
    for method, path, body in [
        ("GET", f"/v1/organisations/{a.org}", None),
        ("PATCH", f"/v1/organisations/{a.org}", {"name": "stolen"}),
        ("GET", f"/v1/applications/{app['id']}", None),
        ("POST", f"/v1/applications/{app['id']}/secrets", {}),
        ("DELETE", f"/v1/applications/{app['id']}/secrets/{secret['id']}", None),
        ("POST", f"/v1/applications/{app['id']}/producer-grants", {"cluster_id": str(uuid.uuid4())}),
    ]:
        answer = b.send(method, path, body)
        assert answer.status == 404, (method, path, answer)
        # Neither can it be told apart from an id that nobody has.
        nobody = b.send(method, path.replace(app["id"], str(uuid.uuid4())).replace(a.org, str(uuid.uuid4())), body)
        assert {**nobody.json, "request_id": 0} == {**answer.json, "request_id": 0}
    assert [o["id"] for o in b.get("/v1/organisations").json["items"]] == [b.org]
    assert b.get("/v1/applications").json["items"] == []
    assert a.get(f"/v1/organisations/{a.org}").json["name"] != "stolen"


def test_the_database_itself_keeps_tenants_apart(house):
    a, b = house.sign_up(), house.sign_up()
    app = a.made("/v1/applications", {"name": "a"})
    as_b = f"select set_config('weir.org', '{b.org}', false); "
    nobody = ""
    for scope in (as_b, nobody):
        rows = house.sql(scope + f"select count(*) from application where id = '{app['id']}'", role="weir_api")
        assert rows[-1] == "0"
        rows = house.sql(scope + f"select count(*) from organisation where id = '{a.org}'", role="weir_api")
        assert rows[-1] == "0"
        rows = house.sql(
            scope + f"with u as (update application set state = state where id = '{app['id']}' returning 1) select count(*) from u",
            role="weir_api",
        )
        assert rows[-1] == "0"
        with pytest.raises(RuntimeError, match="row-level security"):
            house.sql(
                scope + f"insert into application (org_id, name, principal) values ('{a.org}', 'x', 'w{'a' * 26}')", role="weir_api"
            )
    as_a = f"select set_config('weir.org', '{a.org}', false); "
    assert house.sql(as_a + f"select count(*) from application where id = '{app['id']}'", role="weir_api")[-1] == "1"


def test_the_api_owns_nothing(house):
    for text in ["drop policy own on application", "alter table application disable row level security", "truncate audit_log", "delete from audit_log"]:
        with pytest.raises(RuntimeError):
            house.sql(text, role="weir_api")


def test_only_the_operator_sees_and_sets_what_is_the_operators(house):
    person, operator = house.sign_up(["provider"]), house.operator()
    path = f"/v1/organisations/{person.org}"
    refused = person.patch(path, {"topic_prefix": "mine."})
    assert refused.status == 403 and refused.json["field"] == "/topic_prefix"
    assert person.patch(path, {"verified": True}).status == 403
    cluster = {"name": f"c{uuid.uuid4().hex[:8]}", "bootstrap_servers": "k:9092", "audience": "k", "brokers": [1, 2]}
    assert person.post("/v1/clusters", cluster).status == 403
    made = operator.made("/v1/clusters", cluster)
    assert made["log_topic"] == f"weir.broker-log.{cluster['name']}" and made["brokers"] == [1, 2]
    seen = person.get(f"/v1/clusters/{made['id']}").json
    assert seen["bootstrap_servers"] == "k:9092" and seen["brokers"] is None and seen["log_topic"] is None
    assert operator.post("/v1/clusters", {**cluster, "name": "other", "audience": "weir-api"}).status == 400
    app = person.made("/v1/applications", {"name": "p"})
    grants = f"/v1/applications/{app['id']}/producer-grants"
    assert person.post(grants, {"cluster_id": made["id"]}).status == 409
    prefix = f"p{uuid.uuid4().hex[:8]}."
    assert operator.patch(path, {"topic_prefix": prefix, "verified": True}).json["topic_prefix"] == prefix
    assert person.made(grants, {"cluster_id": made["id"]})["topic_prefix"] == prefix
    assert person.post(grants, {"cluster_id": made["id"]}).status == 409
    assert person.org in [o["id"] for o in operator.get("/v1/organisations?limit=200").json["items"]]


# --- tokens ----------------------------------------------------------------------------------------
def machine(person, api_role=None):
    app = person.made("/v1/applications", {"name": "m", **({"api_role": api_role} if api_role else {})})
    return app, person.made(f"/v1/applications/{app['id']}/secrets")["secret"]


@pytest.mark.parametrize("basic", [False, True])
def test_a_token_for_the_api_opens_it_with_the_applications_role(house, basic):
    person = house.sign_up()
    app, secret = machine(person, "auditor")
    answer = person.ask_token(app["client_id"], secret, "api", basic)
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store", answer
    assert answer.json["token_type"] == "Bearer" and 300 <= answer.json["expires_in"] <= 3600
    caller = Rest(house.url)
    caller.token = answer.json["access_token"]
    me = caller.get("/v1/me").json
    assert (me["kind"], me["role"], me["organisation"]["id"]) == ("application", "auditor", person.org)
    # No cookie, so no Origin is asked for; but the role is.
    assert caller.post("/v1/applications", {"name": "x"}).status == 403


def test_a_token_is_signed_with_a_published_key(house):
    person = house.sign_up()
    app, secret = machine(person, "owner")
    token = person.ask_token(app["client_id"], secret, "api").json["access_token"]
    header, claims = token_parts(token)
    assert header["alg"] == "ES256" and header["typ"] == "JWT"
    assert claims["iss"] == house.url and claims["sub"] == app["principal"] and claims["aud"] == ["weir-api"]
    document = Rest(house.url).get("/.well-known/openid-configuration").json
    assert document["issuer"] == house.url and document["token_endpoint"] == house.url + "/oauth/token"
    keys = {k["kid"]: k for k in Rest(house.url).get(document["jwks_uri"][len(house.url) :]).json["keys"]}
    key = keys[header["kid"]]
    raw = {n: int.from_bytes(b64(key[n]), "big") for n in ("x", "y")}
    public = ec.EllipticCurvePublicNumbers(raw["x"], raw["y"], ec.SECP256R1()).public_key()
    signed, _, signature = token.rpartition(".")
    r, s = (int.from_bytes(b64(signature)[i : i + 32], "big") for i in (0, 32))
    public.verify(utils.encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
    assert "d" not in key


def b64(text):
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_refusals_of_the_token_endpoint_follow_rfc_6749(house):
    person = house.sign_up()
    app, secret = machine(person)
    ask = person.ask_token
    assert (ask(app["client_id"], "wrong").status, ask(app["client_id"], "wrong").json["error"]) == (401, "invalid_client")
    assert ask("nobody", secret).json["error"] == "invalid_client"
    assert ask(app["client_id"], secret, "api").json["error"] == "invalid_scope"
    assert ask(app["client_id"], secret, "all").json["error"] == "invalid_scope"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    anyone = Rest(house.url)
    assert anyone.send("POST", "/oauth/token", b"grant_type=password", form).json["error"] == "unsupported_grant_type"
    assert anyone.send("POST", "/oauth/token", b"", form).json["error"] == "invalid_request"
    assert anyone.send("POST", "/oauth/token", b"grant_type=client_credentials", form).status == 401


def test_a_token_names_the_clusters_where_the_application_has_a_grant(house):
    person, operator = house.sign_up(["provider"]), house.operator()
    app, secret = machine(person)
    assert token_parts(person.ask_token(app["client_id"], secret).json["access_token"])[1]["aud"] == []
    name = f"c{uuid.uuid4().hex[:8]}"
    cluster = operator.made("/v1/clusters", {"name": name, "bootstrap_servers": "k:9092", "audience": name, "brokers": [1]})
    operator.patch(f"/v1/organisations/{person.org}", {"topic_prefix": f"{name}."})
    person.made(f"/v1/applications/{app['id']}/producer-grants", {"cluster_id": cluster["id"]})
    token = person.ask_token(app["client_id"], secret).json["access_token"]
    assert token_parts(token)[1]["aud"] == [name]
    # Such a token is for Kafka and doesn't open the API.
    caller = Rest(house.url)
    caller.token = token
    assert caller.get("/v1/me").status == 401


def test_a_revoked_secret_ends_at_once_and_its_tokens_with_the_client(house):
    person = house.sign_up()
    app = person.made("/v1/applications", {"name": "m", "api_role": "owner"})
    path = f"/v1/applications/{app['id']}/secrets"
    old, new = person.made(path), person.made(path, {"expires_in_days": 1})
    assert person.ask_token(app["client_id"], old["secret"], "api").status == 200
    assert person.ask_token(app["client_id"], new["secret"], "api").status == 200
    caller = Rest(house.url)
    caller.token = person.ask_token(app["client_id"], new["secret"], "api").json["access_token"]
    assert caller.get("/v1/me").status == 200
    assert person.delete(f"{path}/{old['id']}").status == 204
    assert person.delete(f"{path}/{old['id']}").status == 404
    wait_for(lambda: person.ask_token(app["client_id"], old["secret"], "api").status == 401, "the old secret to be refused")
    assert person.ask_token(app["client_id"], new["secret"], "api").status == 200
    assert person.delete(f"{path}/{new['id']}").status == 204
    wait_for(lambda: caller.get("/v1/me").status == 401, "the token of a client without a secret to be refused")


def test_a_developer_cannot_make_itself_an_owner(house):
    owner = house.sign_up()
    app, secret = machine(owner, "developer")
    powerful = owner.made("/v1/applications", {"name": "o", "api_role": "owner"})
    caller = Rest(house.url)
    caller.token = owner.ask_token(app["client_id"], secret, "api").json["access_token"]
    assert caller.post("/v1/applications", {"name": "x"}).status == 201
    assert caller.post("/v1/applications", {"name": "x", "api_role": "owner"}).status == 403
    assert caller.post(f"/v1/applications/{powerful['id']}/secrets", {}).status == 403


# --- misfortune ------------------------------------------------------------------------------------
def test_a_client_that_leaves_early_harms_nobody(house):
    person = house.sign_up()
    host, port = house.url.removeprefix("http://").split(":")
    for i in range(50):
        with socket.create_connection((host, int(port))) as s:
            body = b'{"name":"gone"}'
            s.sendall(
                f"POST /v1/applications HTTP/1.1\r\nHost: x\r\nCookie: {person.cookie}\r\nOrigin: {house.url}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            if i % 2:
                s.shutdown(socket.SHUT_RDWR)
    assert person.get("/v1/me").status == 200


def test_without_the_database_tokens_are_still_issued_and_the_rest_says_503(house):
    person = house.sign_up()
    app, secret = machine(person, "owner")
    snapshot = house.stack.folder / "state" / "api" / "clients.snapshot"
    wait_for(lambda: app["client_id"] in snapshot.read_text(), "the snapshot on disk to know the client")
    pid = house.stack.pid("weir-api")
    house.stack.kill("postgres")
    try:
        wait_for(lambda: Rest(house.url).get("/readyz").status == 503, "readiness to be withdrawn")
        answer = person.get("/v1/me")
        assert answer.status == 503 and answer.headers["retry-after"] and answer.json["type"] == "/problems/unavailable"
        assert person.ask_token(app["client_id"], secret, "api").status == 200
        assert person.ask_token(app["client_id"], "wrong", "api").status == 401
        assert Rest(house.url).get("/healthz").status == 200
        # And after a restart too, from the snapshot on disk.
        house.stack.script("weir", "down", "weir-api")
        house.stack.script("weir", "up", "weir-api")
        assert house.stack.pid("weir-api") != pid
        assert person.ask_token(app["client_id"], secret, "api").status == 200
        assert snapshot.stat().st_mode & 0o077 == 0
    finally:
        house.stack.script("postgres", "up")
    wait_for(lambda: Rest(house.url).get("/readyz").status == 200, "readiness to come back")
    assert person.get("/v1/me").status == 200


def test_stopping_finishes_what_is_in_flight(house):
    statuses = []

    def sign_in():
        statuses.append(Rest(house.url).post("/v1/sessions", {"email": "nobody@nowhere.test", "password": "x"}).status)

    threads = [threading.Thread(target=sign_in) for _ in range(8)]
    before = in_flight(house)
    for t in threads:
        t.start()
    wait_for(lambda: in_flight(house) > before or statuses, "requests to arrive", every=0.001)
    house.stack.script("weir", "down", "weir-api")
    for t in threads:
        t.join()
    house.stack.script("weir", "up", "weir-api")
    # Those that came too late were refused a connection (an exception, so no status); none was cut.
    assert statuses and set(statuses) == {401}


def in_flight(house):
    text = Rest(house.url).get("/metrics").body.decode()
    return sum(int(n) for n in re.findall(r'weir_http_connections\{[^}]*\} (\d+)', text)) - 1


def test_secrets_are_in_no_log(house):
    log = (house.stack.folder / "log" / "weir-api.out").read_text()
    assert PASSWORD not in log and "weir_session=" not in log and "client_secret" not in log
    assert (house.stack.folder / "secrets" / "master-key").read_text().strip() not in log
    environment = f"/proc/{house.stack.pid('weir-api')}/cmdline"
    assert b"postgresql://" not in open(environment, "rb").read()
