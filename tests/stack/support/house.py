"""weir-api on a real PostgreSQL, without Kafka, and the people who sign in to it."""

import contextlib
import json
import os
import subprocess
import uuid

import pytest
from rest import Rest
from stack import BIN, ROOT, Stack, open_folder

CONTRACT = b"apiVersion: v3.1.0\nkind: DataContract\nid: ticks\nversion: 1.0.0\nstatus: active\n"
PLAN = {
    "currency": "EUR",
    "valid_from": "2024-01-01",
    "prices": [{"price_id": "access", "kernel": {"type": "flat", "flat_amount": "49.00"}}],
}
PASSWORD = "correct horse battery staple"
OPENAPI = json.loads((ROOT / "build" / "gen" / "openapi.json").read_text())


class House:
    """A migrated database, weir-api, and the operator's owner."""

    def __init__(self, stack):
        self.stack = stack
        self.url = stack.api

    def sql(self, text, role="postgres"):
        """What psql prints, row by row; with `role`, as the role the program itself has."""
        done = subprocess.run(
            ["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", self.stack.database_url(role), "-c", text],
            capture_output=True,
            text=True,
            timeout=30,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.splitlines()

    def sign_up(self, roles=("consumer",), **more):
        name = uuid.uuid4().hex[:10]
        body = {
            "name": f"Org {name}",
            "country": "DE",
            "billing_email": f"billing@{name}.test",
            "roles": list(roles),
            "owner": {"email": f"owner@{name}.test", "name": "Owner", "password": PASSWORD},
            **more,
        }
        made = Rest(self.url).made("/v1/organisations", body)
        person = Rest(self.url).sign_in(body["owner"]["email"], PASSWORD)
        person.org = made["id"]
        person.email = body["owner"]["email"]
        return person

    def operator(self, role="owner"):
        if role == "owner":
            return Rest(self.url).sign_in("operator@weir.test", PASSWORD)
        return self.member(self.sql("select id from organisation where is_operator")[0], role)

    def member(self, org, role):
        """Another person of an organisation. (There is no operation that invites one yet.)"""
        email = f"{role}@{uuid.uuid4().hex[:10]}.test"
        self.sql(
            f"""with p as (insert into person (email, name, password_hash)
                           select '{email}', '{role}', password_hash from person where email = 'operator@weir.test' returning id)
                insert into membership (person_id, org_id, role) select id, '{org}', '{role}' from p"""
        )
        person = Rest(self.url).sign_in(email, PASSWORD)
        person.org, person.email = org, email
        return person

    def machine(self, person, api_role=None):
        """An application with a secret. Returns (application, secret)."""
        made = person.made("/v1/applications", {"name": "m", **({"api_role": api_role} if api_role else {})})
        return made, person.made(f"/v1/applications/{made['id']}/secrets")["secret"]

    def cluster(self):
        name = f"c{uuid.uuid4().hex[:8]}"
        body = {"name": name, "bootstrap_servers": "k:9092", "audience": name, "brokers": [1]}
        return self.operator().made("/v1/clusters", body)

    def provider(self, roles=("provider",)):
        """With a topic prefix of its own."""
        person = self.sign_up(roles)
        person.prefix = f"p{uuid.uuid4().hex[:8]}."
        answer = self.operator().patch(f"/v1/organisations/{person.org}", {"topic_prefix": person.prefix})
        assert answer.status == 200, answer
        return person

    def product(self, provider, cluster, publish=True, **more):
        """A product with one topic and one plan. Returns (product, plan)."""
        slug = f"s{uuid.uuid4().hex[:8]}"
        product = provider.made("/v1/products", {"slug": slug, "name": "Ticks", **more})
        path = f"/v1/products/{product['id']}"
        topics = {"topics": [{"cluster_id": cluster["id"], "topic": f"{provider.prefix}{slug}"}]}
        assert provider.send("PUT", f"{path}/topics", topics).status == 200
        assert provider.send("PUT", f"{path}/contract", CONTRACT, {"Content-Type": "application/yaml"}).status == 200
        plan = provider.made(f"{path}/plans", {"code": "standard", "name": "Standard", "plan": PLAN, "revenue_share": {"percent": "20"}})
        if publish:
            answer = provider.post(f"{path}/publish")
            assert answer.status == 200, answer
        return product, plan

    def request(self, consumer, product, plan, application=None):
        """A subscription that is asked for."""
        application = application or consumer.made("/v1/applications", {"name": "reader"})
        body = {"product_id": product["id"], "plan_id": plan["id"], "application_ids": [application["id"]], "terms_accepted": True}
        return consumer.made("/v1/subscriptions", body)


def bootstrap(stack):
    """The marketplace and its operator's owner, operator@weir.test."""
    env = {
        "PATH": os.environ["PATH"],
        "WEIR_DATABASE_URL": stack.database_url("weir_owner"),
        "WEIR_MASTER_KEY_FILE": str(stack.folder / "secrets" / "master-key"),
        "WEIR_OWNER_PASSWORD": PASSWORD,
    }
    subprocess.run(
        [
            f"{BIN}/weirctl", "bootstrap", "--marketplace", "Test", "--operator-name", "Operator",
            "--operator-country", "DE", "--tax-percent", "19", "--owner-email", "operator@weir.test", "--owner-name", "Op",
        ],
        env=env, check=True, timeout=60, capture_output=True,
    )  # fmt: skip


@contextlib.contextmanager
def open_house(tmp_path_factory, name, extra="", **settings):
    """`extra`: lines of weir-api's own settings."""
    portal = tmp_path_factory.mktemp("portal")
    (portal / "index.html").write_text("<!doctype html><title>portal</title>")
    (portal / "js").mkdir()
    (portal / "js" / "app.js").write_text("export const x = 1\n")
    (portal / ".hidden").write_text("no")
    with Stack(open_folder(name), WEIR_EXTRA_API=f"WEIR_PORTAL_DIR={portal}\n{extra}", **settings) as stack:
        stack.script("postgres", "up")
        stack.script("weir", "migrate")
        stack.script("weir", "up", "weir-api")
        bootstrap(stack)
        yield House(stack)


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    with open_house(tmp_path_factory, "api") as opened:
        yield opened
