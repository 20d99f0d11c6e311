"""Step 2: the provider's product: topic, contract, plan, published."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .failure import StoryFailed
from .waiting import wait_for

TEMPLATE = Path(__file__).with_name("contract.odcs.yaml")

# A small stream costs what a large one would: the prices are per GB (10^9 bytes), and the tiers lie so low
# that the few hundred kB of the story reach the third.
PLAN = {
    "currency": "EUR",
    "valid_from": "2024-01-01",
    "prices": [
        {"price_id": "access", "kernel": {"type": "flat", "flat_amount": "49.00"}},
        {
            "price_id": "volume",
            "metric": "bytes",
            "unit_conversion": {"operation": "divide", "factor": "1000000000"},
            "kernel": {
                "type": "graduated",
                "tiers": [
                    {"up_to": "0.0001", "unit_amount": "9600.00"},
                    {"up_to": "0.0003", "unit_amount": "7200.00"},
                    {"up_to": None, "unit_amount": "4800.00"},
                ],
            },
        },
    ],
}
REVENUE_SHARE = {"percent": "20"}


@dataclass
class Product:
    id: str
    name: str
    topic: str
    plan_id: str
    contract_sha256: str


def make_topic(provider, cluster, topic, partitions):
    """Asks for it, and waits until weir-access has made it."""
    asked = provider.person.post("/v1/topics", cluster_id=cluster["id"], name=topic, partitions=partitions)

    def decided():
        now = provider.person.get(f"/v1/topics/{asked['id']}")
        return now if now["state"] != "requested" else None

    made = wait_for(decided, f"topic {topic} (weir-access)")
    if made["state"] != "made":
        raise StoryFailed(f"topic {topic} was refused: {made['reason']}")
    return made


def publish(place, provider, cluster, name, slug, topic):
    person = provider.person
    product = person.post(
        "/v1/products",
        slug=slug,
        name=name,
        description="Every trade of the continuous intraday power market in Germany, Austria and France, as it happens.",
        tags=["energy", "power", "trades"],
        approval="manual",
    )
    person.put(f"/v1/products/{product['id']}/topics", topics=[{"cluster_id": cluster["id"], "topic": topic}])
    contract = TEMPLATE.read_text().replace("@TOPIC@", topic).replace("@BOOTSTRAP@", place.client).encode()
    sha256 = put_contract(person, product["id"], contract)
    plan = person.post(f"/v1/products/{product['id']}/plans", code="stream", name="Stream", plan=PLAN, revenue_share=REVENUE_SHARE)
    published = person.post(f"/v1/products/{product['id']}/publish")
    if published["state"] != "published":
        raise StoryFailed(f"the product is {published['state']} after publishing")
    return Product(product["id"], name, topic, plan["id"], sha256)


def put_contract(person, product_id, contract):
    """Byte for byte: what is read back has the hash of what was sent."""
    path = f"/v1/products/{product_id}/contract"
    said = person.call("PUT", path, data=contract, headers={"Content-Type": "application/yaml"}).json()
    sha256 = hashlib.sha256(contract).hexdigest()
    back = person.call("GET", path).content
    if back != contract or said["sha256"] != sha256:
        raise StoryFailed("the contract came back other than it was sent")
    return sha256
