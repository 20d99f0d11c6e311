"""Topics on a real broker: asked for through weir-api, made by weir-access within limits, and by nobody else."""

import uuid

import psycopg
import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)
from hang_up import backends, end
from house import House, bootstrap
from rest import Rest
from stack import Stack, open_folder, wait_for

DAY = 86_400_000
LIMITS = {"topics_max": 100, "partitions_max": 12, "retention_ms_max": 7 * DAY, "message_bytes_max": 1 << 20}


@pytest.fixture(scope="module")
def site():
    with Stack(open_folder("topics")) as stack:
        stack.script("postgres", "up")
        stack.script("weir", "migrate")
        stack.script("weir", "up", "weir-api")
        stack.script("kafka", "up")
        stack.script("weir", "up", "weir-access")
        bootstrap(stack)
        yield House(stack)


@pytest.fixture(scope="module")
def cluster(site):
    return site.operator().made("/v1/clusters", {
        "name": "local", "bootstrap_servers": site.stack.client, "security_protocol": "SASL_SSL", "audience": "local", "brokers": [1],
    })  # fmt: skip


def producer(site, cluster, api_role=None):
    """A provider with an application that may write."""
    person = site.provider()
    person.application = person.made("/v1/applications", {"name": "feed", "api_role": api_role})
    person.made(f"/v1/applications/{person.application['id']}/producer-grants", {"cluster_id": cluster["id"]})
    return person


@pytest.fixture
def provider(site, cluster):
    return producer(site, cluster)


def wish(provider, cluster, name="ticks", **more):
    return {"cluster_id": cluster["id"], "name": provider.prefix + name, **more}


def decided(provider, topic):
    def now():
        found = provider.get(f"/v1/topics/{topic['id']}").json
        return found["state"] != "requested" and found

    return wait_for(now, "weir-access to decide")


def size_on_broker(site, name):
    admin = site.stack.admin()
    asked = ConfigResource(ConfigResource.Type.TOPIC, name)
    configs = admin.describe_configs([asked])[asked].result()
    partitions = len(admin.list_topics(name, timeout=10).topics[name].partitions)
    return partitions, *(configs[key].value for key in ("retention.ms", "max.message.bytes", "cleanup.policy"))


def on_broker(site, name):
    return name in site.stack.admin().list_topics(timeout=10).topics


def refused(answer, status, field):
    assert (answer.status, answer.json.get("field")) == (status, field), answer
    return answer.json["detail"]


def test_a_topic_is_made_as_asked_for_and_audited(site, cluster, provider):
    asked = provider.post("/v1/topics", wish(provider, cluster, partitions=4, retention_ms=DAY, max_message_bytes=65536))
    assert asked.status == 201 and asked.json["state"] == "requested", asked
    assert asked.headers["location"] == f"/v1/topics/{asked.json['id']}"
    made = decided(provider, asked.json)
    assert (made["state"], made["reason"]) == ("made", None) and made["decided_at"]
    assert size_on_broker(site, made["name"]) == (4, str(DAY), "65536", "delete")
    assert site.sql(f"select action, actor_kind from audit_log where object_id = '{made['id']}' order by id") == [
        "topic.request|person",
        "topic.made|service",
    ]
    listed = provider.get(f"/v1/topics?state=made&cluster_id={cluster['id']}").json["items"]
    assert [topic["id"] for topic in listed] == [made["id"]]


def test_what_is_not_said_is_one_partition_and_what_the_limits_allow(site, cluster, provider):
    made = decided(provider, provider.made("/v1/topics", wish(provider, cluster)))
    assert size_on_broker(site, made["name"]) == (1, str(7 * DAY), str(1 << 20), "delete")


@pytest.mark.parametrize("more, field", [
    ({"partitions": 500}, "/partitions"),
    ({"partitions": 13}, "/partitions"),
    ({"retention_ms": 7 * DAY + 1}, "/retention_ms"),
    ({"max_message_bytes": 100 << 20}, "/max_message_bytes"),
])  # fmt: skip
def test_more_than_the_limits__is_refused_at_the_field(site, cluster, provider, more, field):
    assert "at most" in refused(provider.post("/v1/topics", wish(provider, cluster, **more)), 422, field)
    assert provider.get("/v1/topics").json["items"] == []


@pytest.mark.parametrize("more, field", [
    ({"retention_ms": -1}, "/retention_ms"),
    ({"partitions": 0}, "/partitions"),
    ({"partitions": 1.5}, "/partitions"),
    ({"max_message_bytes": 2**40}, "/max_message_bytes"),
    ({"replication_factor": 1}, "/replication_factor"),
])  # fmt: skip
def test_nonsense__is_refused_at_the_field(site, cluster, provider, more, field):
    refused(provider.post("/v1/topics", wish(provider, cluster, **more)), 400, field)


@pytest.mark.parametrize("name", ["a b", "a/b", "\u00e4", "a" * 245])
def test_a_name_that_kafka_does_not_take__is_refused(site, cluster, provider, name):
    refused(provider.post("/v1/topics", wish(provider, cluster, name)), 400, "/name")


def test_another_providers_prefix__is_refused(site, cluster, provider):
    other = producer(site, cluster)
    for name in (other.prefix + "ticks", "weir.broker-log.local", provider.prefix, "ticks"):
        refused(provider.post("/v1/topics", {**wish(provider, cluster), "name": name}), 403, "/name")
    made = other.made("/v1/topics", wish(other, cluster))
    assert provider.get(f"/v1/topics/{made['id']}").status == 404
    assert provider.get("/v1/topics").json["items"] == []
    with pytest.raises(RuntimeError, match="row-level security"):
        site.sql(
            f"set weir.org = '{provider.org}'; insert into topic_request (org_id, cluster_id, name, partitions, retention_ms, max_message_bytes)"
            f" values ('{provider.org}', '{cluster['id']}', '{other.prefix}x', 1, 1, 1)",
            role="weir_api",
        )


def test_without_a_producer_grant_or_a_cluster__is_refused(site, cluster):
    person = site.provider()
    refused(person.post("/v1/topics", wish(person, cluster)), 409, "/cluster_id")
    refused(person.post("/v1/topics", {**wish(person, cluster), "cluster_id": str(uuid.uuid4())}), 400, "/cluster_id")


def test_asking_again__is_the_same_topic_and_otherwise_a_conflict(site, cluster, provider):
    body = wish(provider, cluster, partitions=2)
    first = provider.made("/v1/topics", body)
    for again in (body, wish(provider, cluster)):
        answer = provider.post("/v1/topics", again)
        assert (answer.status, answer.json["id"]) == (200, first["id"])
    decided(provider, first)
    assert provider.post("/v1/topics", body).json["state"] == "made"
    refused(provider.post("/v1/topics", {**body, "partitions": 3}), 409, "/name")
    assert len(provider.get("/v1/topics").json["items"]) == 1


def test_an_application_with_the_developers_role__asks_too(site, cluster):
    person = producer(site, cluster, api_role="developer")
    secret = person.made(f"/v1/applications/{person.application['id']}/secrets", {})["secret"]
    application = Rest(site.url)
    application.token = application.ask_token(person.application["principal"], secret, "api").json["access_token"]
    assert decided(application, application.made("/v1/topics", wish(person, cluster)))["state"] == "made"


def test_the_operator_alone_sets_limits(site, cluster, provider):
    path = f"/v1/topic-limits/{provider.org}/{cluster['id']}"
    own = provider.get("/v1/topic-limits").json["items"]
    assert [{key: limit[key] for key in LIMITS} for limit in own] == [LIMITS]
    assert provider.patch(path, {"partitions_max": 500}).status == 403
    with pytest.raises(RuntimeError, match="permission denied"):
        site.sql(
            f"set weir.org = '{provider.org}'; insert into topic_limit (org_id, cluster_id, partitions_max)"
            f" values ('{provider.org}', '{cluster['id']}', 500)",
            role="weir_api",
        )
    changed = site.sql(f"set weir.org = '{provider.org}'; update topic_limit set partitions_max = 500 returning 1", role="weir_api")
    assert changed == []
    operator = site.operator()
    refused(operator.patch(path, {"partitions_max": 0}), 400, "/partitions_max")
    answer = operator.patch(path, {"partitions_max": 20, "topics_max": 1})
    assert answer.status == 200 and {key: answer.json[key] for key in LIMITS} == {**LIMITS, "partitions_max": 20, "topics_max": 1}
    assert decided(provider, provider.made("/v1/topics", wish(provider, cluster, partitions=20)))["state"] == "made"
    refused(provider.post("/v1/topics", wish(provider, cluster, "second")), 422, None)
    assert operator.patch(f"/v1/topic-limits/{uuid.uuid4()}/{cluster['id']}", {"topics_max": 1}).status == 404


def test_a_topic_that_is_there__counts_if_it_is_as_asked_for(site, cluster, provider):
    body = wish(provider, cluster, "there", partitions=2, retention_ms=DAY, max_message_bytes=1000)
    site.stack.create_topic(body["name"], partitions=2, retention_ms=DAY, max_message_bytes=1000)
    assert decided(provider, provider.made("/v1/topics", body))["state"] == "made"


@pytest.mark.parametrize("partitions, config, says", [
    (3, {"retention_ms": DAY}, "partitions 3 instead of 2"),
    (2, {"retention_ms": -1}, "retention_ms -1 instead of 86400000"),
    (2, {"retention_ms": DAY, "max_message_bytes": 100 << 20}, "max_message_bytes 104857600"),
    (2, {"retention_ms": DAY, "cleanup_policy": "compact"}, "cleanup.policy"),
])  # fmt: skip
def test_another_topic_of_the_name__is_refused_in_words(site, cluster, provider, partitions, config, says):
    body = wish(provider, cluster, "taken", partitions=2, retention_ms=DAY, max_message_bytes=1000)
    site.stack.create_topic(body["name"], partitions=partitions, **{"max_message_bytes": 1000, **config})
    answer = decided(provider, provider.made("/v1/topics", body))
    assert answer["state"] == "refused" and says in answer["reason"], answer
    assert site.sql(f"select action from audit_log where object_id = '{answer['id']}' order by id")[-1] == "topic.refused"
    assert provider.post("/v1/topics", body).status == 201  # a new request


def test_what_the_broker_refuses__is_told_in_its_words_and_stops_nobody(site, cluster, provider):
    """Kafka takes no two names that differ in . and _ alone."""
    decided(provider, provider.made("/v1/topics", wish(provider, cluster, "a.b")))
    collides = provider.made("/v1/topics", wish(provider, cluster, "a_b"))
    other = provider.made("/v1/topics", wish(provider, cluster, "other"))
    answer = decided(provider, collides)
    assert answer["state"] == "refused" and "collides" in answer["reason"], answer
    assert decided(provider, other)["state"] == "made"


def test_limits_and_rights_are_looked_at_again_when_it_is_made(site, cluster):
    one, two = producer(site, cluster), producer(site, cluster)
    site.stack.script("weir", "down", "weir-access")
    narrowed = one.made("/v1/topics", wish(one, cluster, partitions=4))
    revoked = two.made("/v1/topics", wish(two, cluster))
    site.sql(f"update topic_limit set partitions_max = 3 where org_id = '{one.org}'")
    site.sql(f"update producer_grant set revoked_at = now() where org_id = '{two.org}'")
    site.stack.script("weir", "up", "weir-access")
    assert "partitions may be 3 at most" in decided(one, narrowed)["reason"]
    assert "may no longer write" in decided(two, revoked)["reason"]
    assert not on_broker(site, narrowed["name"]) and not on_broker(site, revoked["name"])


def test_a_crash_between_making_and_recording__ends_in_made(site, cluster, provider):
    site.stack.script("weir", "down", "weir-access")
    asked = provider.made("/v1/topics", wish(provider, cluster))
    with psycopg.connect(site.stack.database_url("postgres")) as held:
        held.execute("select from topic_request where id = %s for update", (asked["id"],))
        site.stack.script("weir", "up", "weir-access")
        wait_for(lambda: on_broker(site, asked["name"]), "the topic")
        site.stack.kill("weir-access")
        end(site.stack, backends(site.stack, "weir_access"))
    assert provider.get(f"/v1/topics/{asked['id']}").json["state"] == "requested"
    site.stack.script("weir", "up", "weir-access")
    assert decided(provider, asked)["state"] == "made"
    assert site.sql(f"select count(*) from audit_log where object_id = '{asked['id']}' and action = 'topic.made'") == ["1"]


def test_a_producer_makes_no_topic_itself_and_a_right_given_before_is_taken_back(site, cluster, provider):
    """Create stood in a producer's ACLs once."""
    who = provider.application["principal"]
    secret = provider.made(f"/v1/applications/{provider.application['id']}/secrets", {})["secret"]
    admin = site.stack.admin()
    every = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, f"User:{who}", None, AclOperation.ANY, AclPermissionType.ANY)

    def operations():
        return {acl.operation for acl in admin.describe_acls(every).result()}

    usual = {AclOperation.WRITE, AclOperation.DESCRIBE}
    wait_for(lambda: operations() == usual, "the producer's ACLs")
    client = AdminClient({
        "bootstrap.servers": site.stack.client, "security.protocol": "SASL_SSL", "ssl.ca.location": str(site.stack.ca), "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.token.endpoint.url": f"{site.url}/oauth/token",
        "sasl.oauthbearer.client.id": who, "sasl.oauthbearer.client.secret": secret, "log_level": 2,
    })  # fmt: skip

    def make(name):
        return client.create_topics([NewTopic(name, num_partitions=500, replication_factor=1)], validate_only=True)[name].result(30)

    site.stack.script("weir", "down", "weir-access")
    create = AclBinding(
        ResourceType.TOPIC, provider.prefix, ResourcePatternType.PREFIXED, f"User:{who}", "*", AclOperation.CREATE, AclPermissionType.ALLOW
    )
    admin.create_acls([create])[create].result()
    make(provider.prefix + "large")  # what it could do with it
    site.stack.script("weir", "up", "weir-access")
    wait_for(lambda: operations() == usual, "the right to create to be taken back")
    with pytest.raises(KafkaException) as caught:
        make(provider.prefix + "large")
    assert caught.value.args[0].code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED)


def test_a_suspended_provider_s_topic_waits_until_it_is_resumed(site, cluster, provider):
    other, operator = producer(site, cluster), site.operator()
    site.stack.script("weir", "down", "weir-access")
    topic = provider.made("/v1/topics", wish(provider, cluster, "late"))
    assert operator.post(f"/v1/organisations/{provider.org}/suspend", {"reason": "looked into"}).status == 200
    after = other.made("/v1/topics", wish(other, cluster, "after"))
    site.stack.script("weir", "up", "weir-access")
    assert decided(other, after)["state"] == "made"
    assert site.sql(f"select state from topic_request where id = '{topic['id']}'") == ["requested"]
    assert not on_broker(site, provider.prefix + "late")
    assert operator.post(f"/v1/organisations/{provider.org}/resume", {"reason": "all is well"}).status == 200
    assert decided(provider, topic)["state"] == "made"
