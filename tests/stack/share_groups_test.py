"""Share groups are off where Weir meters: the lines of what they read don't tell its bytes."""

import struct

from confluent_kafka import Producer
from fetch_wire import Reader, uvarint
from house import House, bootstrap
from stack import Stack, open_folder, wait_for
from tokens import TokenIssuer, principal_name
from wire import Wire, text, trusting

SHARE_GROUP_HEARTBEAT, SHARE_FETCH, SHARE_ACKNOWLEDGE = 76, 78, 79
UNSUPPORTED_VERSION = 35
MEMBER = "AAAAAAAAAAAAAAAAAAAAAg"
COUNT = 40


def compact(value):
    return uvarint(len(value) + 1) + value.encode()


def asked(group, topic):
    """Version 1 of what a share consumer asks, by api."""
    who = compact(group) + compact(MEMBER)
    return {
        SHARE_GROUP_HEARTBEAT: who + struct.pack(">ib", 0, 0) + uvarint(2) + compact(topic) + b"\0",
        SHARE_FETCH: who + struct.pack(">iiiiii", 0, 0, 1, 1 << 20, 100, 100) + uvarint(1) + uvarint(1) + b"\0",
        SHARE_ACKNOWLEDGE: who + struct.pack(">i", 1) + uvarint(1) + b"\0",
    }


def errors(wire, group, topic):
    """What each is answered with."""
    found = {}
    for api, body in asked(group, topic).items():
        wire.correlation += 1
        message = struct.pack(">hhi", api, 1, wire.correlation) + text("by hand") + b"\0" + body
        wire.socket.sendall(struct.pack(">i", len(message)) + message)
        answer = Reader(wire._read(struct.unpack(">i", wire._read(4))[0]))
        assert answer.take("i") == wire.correlation
        answer.tags()
        found[api] = answer.take("ih")[1]
    return found


REFUSED = dict.fromkeys((SHARE_GROUP_HEARTBEAT, SHARE_FETCH, SHARE_ACKNOWLEDGE), UNSUPPORTED_VERSION)


def as_admin(stack):
    wire = Wire(stack.internal)
    assert wire.sign_in_plain("admin", stack.secret("kafka-admin")) == 0
    return wire


def test_share_groups__are_refused_to_everybody(servers):
    servers.create_topic("share.off")
    with as_admin(servers) as wire:
        assert errors(wire, "share-off", "share.off") == REFUSED
    who = principal_name()
    signer = TokenIssuer(servers.folder / "kafka" / "jwks.json", f"http://127.0.0.1:{servers.ports['WEIR_API_PORT']}", "local")
    with Wire(servers.client, trusting(servers.ca)) as wire:
        assert wire.sign_in_token(signer.token(who)) == 0
        assert errors(wire, f"{who}.share", "share.off") == REFUSED


def read_shared(stack, group, topic):
    """What Kafka's own share consumer reads."""
    stack.script(
        "kafka", "tool", "kafka.admin.ConfigCommand", "--alter", "--entity-type", "groups", "--entity-name", group,
        "--add-config", "share.auto.offset.reset=earliest",
    )  # fmt: skip
    done = stack.script(
        "kafka", "tool", "org.apache.kafka.tools.consumer.ConsoleShareConsumer", "--topic", topic, "--group", group,
        "--max-messages", str(COUNT), "--timeout-ms", "60000",
    )  # fmt: skip
    return done.stdout.splitlines()


def test_share_groups_that_are_on__are_counted_with_bytes_unknown_until_they_are_off(tmp_path):
    """A cluster from before: its messages are exact, and what isn't known is shown; then it is switched."""
    with Stack(open_folder("share"), WEIR_KAFKA_SHARE_GROUPS="on") as stack:
        stack.up()
        bootstrap(stack)
        house = House(stack)
        house.operator().made("/v1/clusters", {
            "name": "local", "bootstrap_servers": stack.client, "security_protocol": "SASL_SSL", "audience": "local", "brokers": [1],
        })  # fmt: skip
        stack.create_topic("share.on")
        producer = Producer(stack.kafka_config("admin"))
        for number in range(COUNT):
            producer.produce("share.on", value=f"tick {number}")
        assert producer.flush(30) == 0
        with as_admin(stack) as wire:
            assert UNSUPPORTED_VERSION not in errors(wire, "share-on", "share.on").values()
        assert sorted(read_shared(stack, "readers", "share.on")) == sorted(f"tick {number}" for number in range(COUNT))
        usage = "select sum(share_messages), sum(messages), sum(bytes) from usage_bound where principal = 'admin' and topic = 'share.on'"
        wait_for(lambda: house.sql(usage) == [f"{COUNT}|0|0"], "the shared messages")
        unbound = house.operator().get("/v1/unbound-usage").json["items"]
        assert [(u["principal"], u["bytes"], u["reason"]) for u in unbound if u["topic"] == "share.on" and u["produced_bytes"] == "0"]

        stack.script("kafka", "down")
        stack.settings["WEIR_KAFKA_SHARE_GROUPS"] = "off"
        stack.script("kafka", "up")
        with as_admin(stack) as wire:
            assert errors(wire, "share-on", "share.on") == REFUSED
