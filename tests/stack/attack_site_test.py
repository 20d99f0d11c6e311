"""Other sites, other files and other people's markup: nothing is done, read or run by them; nor are secrets found
where data and logs are kept."""

import json
import os
import re
import socket
import subprocess

import pytest
from house import OPENAPI, PASSWORD, House, bootstrap
from rest import Rest
from stack import ROOT, Stack, open_folder, wait_for

BUILD = ROOT / "build"
CHANGES = [
    (method.upper(), re.sub(r"\{[^}]+\}", "0190a8f0-0000-7000-8000-000000000001", path))
    for path, item in OPENAPI["paths"].items()
    for method in item
    if method in ("post", "put", "patch", "delete") and path != "/oauth/token"
]


@pytest.fixture(scope="module")
def site():
    """weir-api with the portal as it is built."""
    with Stack(open_folder("site")) as stack:
        stack.script("postgres", "up")
        stack.script("weir", "migrate")
        stack.script("weir", "up", "weir-api")
        bootstrap(stack)
        yield House(stack)


# --- other sites ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("origin", ["https://evil.test", "null", None])
def test_no_change_is_made_for_another_site(site, origin):
    person = site.sign_up(("consumer", "provider"))
    # What is refused is counted there, too.
    done = "select count(*) from audit_log where not audit_is_counted(action)"
    before = site.sql(done)
    assert len(CHANGES) >= 32
    for method, path in CHANGES:
        if origin is None and path in ("/v1/organisations", "/v1/sessions"):
            continue  # open to anybody, and no cookie counts there
        answer = person.send(method, path, {}, {"Origin": origin})
        assert (answer.status, answer.json["type"]) == (403, "/problems/cross-site"), (method, path, answer)
    assert person.get("/v1/me").status == 200 and site.sql(done) == before


def test_the_site_s_own_pages_change_what_they_may(site):
    """The counterpart: it is the Origin that those above lack, and nothing else."""
    for method, path in CHANGES:
        answer = site.sign_up().send(method, path, {})
        assert answer.status < 500 and b"/problems/cross-site" not in answer.body, (method, path, answer)


def test_no_other_site_is_let_read(site):
    person = site.sign_up()
    for answer in (person.get("/v1/me", Origin="https://evil.test"), person.send("OPTIONS", "/v1/me", headers={"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"})):
        assert not any(name.startswith("access-control-") for name in answer.headers), answer.headers
    cookies = Rest(site.url).post("/v1/sessions", {"email": person.email, "password": PASSWORD}).set_cookies
    assert len(cookies) == 2  # session and browser
    for cookie in cookies:
        assert "; HttpOnly" in cookie and ("; SameSite=Strict" in cookie or "; SameSite=Lax" in cookie), cookie


# --- other files ---------------------------------------------------------------------------------------
UP = ["..", "%2e%2e", "%2E.", "..%2f", "%2e%2e%2f", "%252e%252e", "..%5c", "..\\", "%c0%ae%c0%ae", "..;", "....//", ".%00."]


@pytest.mark.parametrize("up", UP)
def test_no_path_leads_out_of_the_portal_s_folder(site, up):
    host, port = site.url.removeprefix("http://").split(":")
    page = Rest(site.url).get("/").body
    for path in ("/" + "/".join([up] * 8) + "/etc/passwd", f"/parts/{up}/{up}/{up}/{up}/{up}/{up}/{up}/etc/passwd", f"/{up}/www/index.html", "//etc/passwd", "/index.html%00.js"):
        with socket.create_connection((host, int(port)), timeout=15) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            got = b""
            while part := s.recv(65536):
                got += part
        head, _, body = got.partition(b"\r\n\r\n")
        # A path without a dot is the portal's own to route, and gets its one page.
        assert re.match(rb"HTTP/1.1 40[04] ", head) or (b"." not in path.encode() and body == page), (path, got[:200])


NAMED = [path for path, item in OPENAPI["paths"].items() if "{" in path and "get" in item]


@pytest.mark.parametrize("up", UP)
def test_no_name_in_a_path_leads_elsewhere(site, up):
    """What operations take from their path is an id or one of few words, never a way to somewhere."""
    operator = site.operator()
    assert len(NAMED) >= 10
    for path in NAMED:
        for name in (up, f"{up}/{up}/etc/passwd", f"{up}%2f..%2fetc%2fpasswd%00", f"{up}me"):
            answer = operator.get(re.sub(r"\{[^}]+\}", lambda _, n=name: n, path))
            assert answer.status in (400, 404) and answer.headers["content-type"] == "application/problem+json", (path, name, answer)


# --- other people's markup -----------------------------------------------------------------------------
MARKUP = "<img src=x onerror=\"window.markupRan.push('img')\"><script>window.markupRan.push('script')</script>"
LINK = "javascript:window.markupRan.push('link')"


def look(site, person, paths, tmp_path):
    """The text of each page, in a browser in which nothing of it may run."""
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    done = subprocess.run(
        ["node", ROOT / "tests" / "browser" / "markup.mjs", "--url", site.url, "--email", person.email, "--password-file", password, *paths],
        capture_output=True, text=True, timeout=120, env={**os.environ, "WEIR_BUILD": str(BUILD)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["ran"] == []
    return seen["shown"]


def test_markup_is_shown_as_text_in_the_browser(site, tmp_path):
    cluster = site.cluster()
    provider, consumer = site.provider(("provider", "consumer")), site.sign_up()
    for person in (provider, consumer):
        assert person.patch(f"/v1/organisations/{person.org}", {"name": MARKUP}).status == 200
    product, plan = site.product(provider, cluster, name=MARKUP, description=MARKUP + LINK)
    application = consumer.made("/v1/applications", {"name": MARKUP})
    subscription = site.request(consumer, product, plan, application)
    request = f"/subscriptions/{subscription['id']}"
    paths = ["/", f"/products/{product['id']}", "/subscriptions", request]
    for person, more in ((provider, []), (consumer, ["/applications"])):
        for path, text in look(site, person, paths + more, tmp_path).items():
            assert MARKUP in text, (path, text)
    assert provider.post(f"/v1{request}/deny", {"reason": MARKUP}).status == 200
    assert MARKUP in look(site, consumer, [request], tmp_path)[request]


def test_answers_with_markup_are_no_pages(site):
    person = site.sign_up()
    made = person.made("/v1/applications", {"name": MARKUP[:100]})
    answer = person.get(f"/v1/applications/{made['id']}", Accept="text/html")
    assert answer.headers["content-type"] == "application/json" and answer.headers["x-content-type-options"] == "nosniff"
    missing = person.get("/v1/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "html" not in missing.headers["content-type"]
    policy = person.get("/").headers["content-security-policy"]
    assert "script-src 'self'" in policy or "default-src 'self'" in policy
    assert "unsafe" not in policy


# --- secrets -------------------------------------------------------------------------------------------
def test_no_secret_lies_in_the_database_its_dump_or_a_log(site):
    person = site.sign_up()
    application, secret = site.machine(person, "developer")
    token = person.ask_token(application["client_id"], secret, "api").json["access_token"]
    caller = Rest(site.url)
    caller.token = token
    assert caller.get("/v1/me").status == 200
    almost, fresh = f"{PASSWORD} almost", "another horse of the same battery"
    assert Rest(site.url).post("/v1/sessions", {"email": person.email, "password": almost}).status == 401
    assert Rest(site.url).post("/v1/sessions", {"email": almost, "password": PASSWORD}).status == 401
    assert Rest(site.url).ask_token(application["client_id"], secret[:-1]).status == 401
    assert person.send("PUT", "/v1/me/password", {"current_password": PASSWORD, "new_password": fresh}).status == 204
    told = "select count(*) from audit_log where action in ('session.refuse', 'token.refuse') and object_id in ('no address', '{}')"
    wait_for(lambda: int(site.sql(told.format(application["client_id"]))[0]) >= 2, "refusals to be written")
    # As they are, and as a dump writes a bytea.
    cookies = [cookie.split("=", 1)[1] for cookie in person.cookie.split("; ")]
    assert len(cookies) == 2
    secrets = [PASSWORD, almost, fresh, secret[:-1], token, *cookies]
    secrets += [path.read_text().strip() for path in (site.stack.folder / "secrets").iterdir() if path.name == "master-key"]
    dump = subprocess.run(["pg_dump", "--data-only", site.stack.database_url("postgres")], capture_output=True, timeout=120, check=True).stdout
    assert person.email.encode() in dump
    places = {"the database": dump}
    places |= {str(p.relative_to(site.stack.folder)): p.read_bytes() for p in (site.stack.folder / "log").iterdir() if p.is_file()}
    places |= {str(p.relative_to(site.stack.folder)): p.read_bytes() for p in (site.stack.folder / "state").rglob("*") if p.is_file()}
    for place, content in places.items():
        for kept in secrets:
            assert kept.encode() not in content and kept.encode().hex().encode() not in content, f"{kept[:6]}… in {place}"
    assert {"log/weir-api.out", "log/postgres.out"} <= set(places)
