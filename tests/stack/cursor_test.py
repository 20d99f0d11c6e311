"""Pages may end at any row: keys of every length and content that the database can hold."""

import random
import string
import urllib.parse

import pytest
from rest import Rest

AT = "2026-03-01T00:00:00Z"
TOPIC = "t" * 249


def unbound(house, cluster, *rows):
    """Unbound usage: (principal, topic, bytes). False if PostgreSQL can't hold a row."""
    values = ", ".join(
        f"('{cluster['id']}', $p${principal}$p$, '{topic}', 0, '{AT}', 'request_log', {size})" for principal, topic, size in rows
    )
    try:
        house.sql(f"insert into usage_quarter (cluster_id, principal, topic, delivery, from_at, metering_class, bytes) values {values}")
    except RuntimeError as e:
        assert "index row size" in str(e), e
        return False
    return True


def pages(person, path, limit):
    """Every item, by pages of `limit`."""
    items, cursor = [], None
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = person.get(f"{path}?{urllib.parse.urlencode(query)}")
        assert answer.status == 200, answer
        page = answer.json
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


@pytest.fixture
def cluster(house):
    """A cluster whose usage is all the unbound usage there is."""
    house.sql("delete from usage_quarter")
    yield house.cluster()
    house.sql("delete from usage_quarter")


def random_text(length):
    return "".join(random.Random(length).choices(string.ascii_letters + string.digits, k=length))


PRINCIPALS = [
    "u",
    "CN=" + random_text(330),
    "CN=" + random_text(1000),
    "CN=" + random_text(2045),  # the longest that the meter takes
    "O=" + "\N{LATIN SMALL LETTER U WITH DIAERESIS}" * 1000,
    "a" * 2048,
    'CN="a, b"\n\n\\0,O=\x1f\t',
]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_page_of_unbound_usage_ends_at_any_principal(house, cluster, limit):
    assert unbound(house, cluster, *[(p, TOPIC, i + 1) for i, p in enumerate(PRINCIPALS)])
    seen = pages(house.operator(), "/v1/unbound-usage", limit)
    assert sorted((u["principal"], u["bytes"]) for u in seen) == sorted((p, str(i + 1)) for i, p in enumerate(PRINCIPALS))


def test_a_page_ends_at_the_longest_key_of_the_index(house, cluster):
    assert unbound(house, cluster, ("~~~", TOPIC, 2), ("!", TOPIC, 1))
    longest = next(n for n in range(2704, 2048, -4) if unbound(house, cluster, (random_text(n), TOPIC, 3)))
    assert longest > 2300
    seen = pages(house.operator(), "/v1/unbound-usage", 1)
    assert sorted(len(u["principal"]) for u in seen) == [1, 3, longest]


def test_a_key_beyond_every_cursor_is_said_and_survived(house, cluster):
    """Repetitive text is compressed in an index, so longer keys can be put there by hand."""
    assert unbound(house, cluster, ("a" * 6000, TOPIC, 1), ("b", TOPIC, 2))
    operator = house.operator()
    answer = operator.get("/v1/unbound-usage?limit=1")
    assert (answer.status, answer.json["field"]) == (422, "limit"), answer
    assert len(pages(operator, "/v1/unbound-usage", 2)) == 2
    assert Rest(house.url).get("/readyz").status == 200


def test_usage_under_a_topics_id_and_its_name_is_one_row(house, cluster):
    topic_id = random_text(22)
    house.sql(f"insert into topic (cluster_id, topic_id, name, seen_at) values ('{cluster['id']}', '{topic_id}', 'orders', '{AT}')")
    assert unbound(house, cluster, ("u", topic_id, 5), ("u", "orders", 7), ("v", "orders", 11))
    seen = pages(house.operator(), "/v1/unbound-usage", 1)
    assert [(u["principal"], u["topic"], u["bytes"]) for u in seen] == [("u", "orders", "12"), ("v", "orders", "11")]


def test_a_page_of_clusters_ends_at_the_longest_name(house):
    operator = house.operator()
    names = [f"{letter}{random_text(61).lower()}9" for letter in "xyz"]
    for name in names:
        operator.made("/v1/clusters", {"name": name, "bootstrap_servers": "k:9092", "audience": name, "brokers": [1]})
    seen = [c["name"] for c in pages(operator, "/v1/clusters", 1)]
    assert len(seen) == len(set(seen)) and set(names) <= set(seen)
