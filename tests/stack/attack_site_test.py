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
from stack import ROOT, Stack, open_folder

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
    done = "select count(*) from audit_log where action not like '%denied' and action not like '%refused'"
    before = site.sql(done)
    assert len(CHANGES) >= 32
    for method, path in CHANGES:
        if origin is None and path in ("/v1/organisations", "/v1/sessions"):
            continue  # open to anybody, and no cookie counts there
        answer = person.send(method, path, {}, {"Origin": origin})
        assert (answer.status, answer.json["type"]) == (403, "/problems/cross-site"), (method, path, answer)
    assert person.get("/v1/me").status == 200 and site.sql(done) == before


def test_no_other_site_is_let_read(site):
    person = site.sign_up()
    for answer in (person.get("/v1/me", Origin="https://evil.test"), person.send("OPTIONS", "/v1/me", headers={"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"})):
        assert not any(name.startswith("access-control-") for name in answer.headers), answer.headers
    cookie = Rest(site.url).post("/v1/sessions", {"email": person.email, "password": PASSWORD}).headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie or "samesite=lax" in cookie


# --- other files ---------------------------------------------------------------------------------------
UP = ["..", "%2e%2e", "%2E.", "..%2f", "%2e%2e%2f", "%252e%252e", "..%5c", "..\\", "%c0%ae%c0%ae", "..;", "....//", ".%00."]


@pytest.mark.parametrize("up", UP)
def test_no_path_leads_out_of_the_portal_s_folder(site, up):
    host, port = site.url.removeprefix("http://").split(":")
    for path in ("/" + "/".join([up] * 8) + "/etc/passwd", f"/parts/{up}/{up}/{up}/{up}/{up}/{up}/{up}/etc/passwd", f"/{up}/www/index.html", "//etc/passwd", "/index.html%00.js"):
        with socket.create_connection((host, int(port)), timeout=15) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            got = b""
            while part := s.recv(65536):
                got += part
        assert b"root:" not in got and not got.startswith(b"HTTP/1.1 5"), (path, got[:200])


# --- other people's markup -----------------------------------------------------------------------------
MARKUP = "<img src=x onerror=\"window.markupRan.push('img')\"><script>window.markupRan.push('script')</script>"
LINK = "javascript:window.markupRan.push('link')"


def test_markup_is_shown_as_text_in_the_browser(site, tmp_path):
    cluster = site.cluster()
    provider = site.provider(("provider", "consumer"))
    assert provider.patch(f"/v1/organisations/{provider.org}", {"name": MARKUP[:100]}).status == 200
    product, plan = site.product(provider, cluster, name=MARKUP[:100], description=MARKUP + LINK)
    consumer = site.sign_up()
    application = consumer.made("/v1/applications", {"name": MARKUP[:100]})
    subscription = site.request(consumer, product, plan, application)
    answer = provider.post(f"/v1/subscriptions/{subscription['id']}/deny", {"reason": MARKUP})
    assert answer.status == 200, answer
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    password.chmod(0o600)
    paths = ["/", f"/products/{product['id']}", "/applications", "/subscriptions", f"/subscriptions/{subscription['id']}", "/invoices"]
    done = subprocess.run(
        ["node", ROOT / "tests" / "browser" / "markup.mjs", "--url", site.url, "--email", consumer.email, "--password-file", password, *paths],
        capture_output=True, text=True, timeout=120, env={**os.environ, "WEIR_BUILD": str(BUILD)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["ran"] == []
    for path in ("/", f"/products/{product['id']}", "/applications"):
        assert "<img src=x onerror=" in seen["shown"][path], (path, seen["shown"][path])


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
    wrong = Rest(site.url).post("/v1/sessions", {"email": person.email, "password": PASSWORD + " almost"})
    assert wrong.status == 401
    secrets = [PASSWORD, secret, token, person.cookie.split("=", 1)[1], PASSWORD + " almost"]
    secrets += [path.read_text().strip() for path in (site.stack.folder / "secrets").iterdir() if path.name == "master-key"]
    dump = subprocess.run(["pg_dump", "--data-only", site.stack.database_url("postgres")], capture_output=True, timeout=120, check=True).stdout
    assert person.email.encode() in dump
    places = {"the database": dump}
    places |= {str(p.relative_to(site.stack.folder)): p.read_bytes() for p in (site.stack.folder / "log").iterdir() if p.is_file()}
    places |= {str(p.relative_to(site.stack.folder)): p.read_bytes() for p in (site.stack.folder / "state").rglob("*") if p.is_file()}
    for place, content in places.items():
        for kept in secrets:
            assert kept.encode() not in content, f"{kept[:6]}… in {place}"
