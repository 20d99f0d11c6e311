"""Step 3: subscriptions, through REST and in the portal, their approval, and the broker's ACLs."""

import json
import shutil

from confluent_kafka.admin import AclBindingFilter, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType

from .failure import StoryFailed
from .parties import admin_config
from .place import ROOT
from .waiting import wait_for

ACL_SECONDS = 30


def find_product(consumer, name):
    """As the consumer sees it: by search in the catalogue."""
    found = [product for product in consumer.person.items("/v1/products", q=name) if product["name"] == name]
    if len(found) != 1:
        raise StoryFailed(f"the catalogue shows {len(found)} products named {name}")
    return found[0]


def subscribe(consumer, product, application):
    subscription = consumer.person.post(
        "/v1/subscriptions", product_id=product.id, plan_id=product.plan_id, application_ids=[application.id], terms_accepted=True
    )
    if subscription["state"] != "requested":
        raise StoryFailed(f"a subscription is {subscription['state']} before anybody approved it")
    return subscription["id"]


def browser_is_here():
    return bool(shutil.which("node")) and (ROOT / "build" / "browser" / "node_modules" / "playwright-core").is_dir()


def portal(place, party, command, folder, **options):
    """A person's walk through the portal in a real browser; returns what they saw."""
    words = ["node", ROOT / "tests" / "browser" / "portal.mjs", command, "--url", place.api, "--email", party.email]
    words += ["--password-file", party.password_file, "--screenshots", folder / "screenshots"]
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", value]
    return json.loads(place.run(words, f"the portal ({command})").splitlines()[-1])


def subscribe_in_portal(place, consumer, product, application, folder):
    """Subscribes in the browser and takes the application's secret from the one page that shows it."""
    secret_file = folder / "portal-secret"
    seen = portal(
        place, consumer, "subscribe", folder, product=product.name, application=application.name, secret_file=secret_file
    )
    application.secret = secret_file.read_text().strip()
    secret_file.unlink()
    return seen["subscription"]


def approve(provider, subscription_id):
    subscription = provider.person.post(f"/v1/subscriptions/{subscription_id}/approve", reason="credit checked")
    if subscription["state"] != "active":
        raise StoryFailed(f"the subscription is {subscription['state']} after approval")


def wait_acls(place, principals, operation, name):
    """Until the broker itself lists `operation` on topic or prefix `name` for each principal."""
    admin = AdminClient(admin_config(place))
    wanted = {f"User:{principal}" for principal in principals}
    every = AclBindingFilter(ResourceType.TOPIC, name, ResourcePatternType.ANY, None, None, operation, AclPermissionType.ALLOW)

    def granted():
        return wanted <= {acl.principal for acl in admin.describe_acls(every, request_timeout=10).result(20)}

    wait_for(granted, f"the broker's ACLs on {name} (weir-access)", ACL_SECONDS)


READ, WRITE = AclOperation.READ, AclOperation.WRITE
