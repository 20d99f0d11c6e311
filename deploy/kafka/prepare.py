"""Waits for the broker's answer, then gives Weir's own Kafka users their rights and makes the log topic.

usage: prepare.py BOOTSTRAP SASL_SSL|SASL_PLAINTEXT CA_FILE PASSWORD_FILE CLUSTER PARTITIONS SECONDS

Each user gets only what its program does: the tap writes the log topics, the meter reads them, weir-access
changes ACLs and makes topics. None of them is a super user. What exists already is left as it is.
"""

import sys
import time

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

LOG_TOPICS = "weir.broker-log."
TOPIC, GROUP, CLUSTER = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.BROKER
PREFIXED, LITERAL = ResourcePatternType.PREFIXED, ResourcePatternType.LITERAL

RIGHTS = [
    ("weir-tap", TOPIC, LOG_TOPICS, PREFIXED, AclOperation.WRITE),
    ("weir-meter", TOPIC, LOG_TOPICS, PREFIXED, AclOperation.READ),
    ("weir-meter", GROUP, "weir-meter", PREFIXED, AclOperation.READ),
    ("weir-access", CLUSTER, "kafka-cluster", LITERAL, AclOperation.DESCRIBE),
    ("weir-access", CLUSTER, "kafka-cluster", LITERAL, AclOperation.ALTER),
    ("weir-access", TOPIC, "*", LITERAL, AclOperation.CREATE),
    ("weir-access", TOPIC, "*", LITERAL, AclOperation.DESCRIBE),
    ("weir-access", TOPIC, "*", LITERAL, AclOperation.DESCRIBE_CONFIGS),
]


def wait_for_broker(admin: AdminClient, deadline: float) -> None:
    while True:
        try:
            if admin.list_topics(timeout=2).brokers:
                return
        except KafkaException:
            pass
        if time.monotonic() > deadline:
            sys.exit("prepare.py: the broker does not answer the admin user")


def apply_acls(admin: AdminClient) -> None:
    bindings = [
        AclBinding(kind, name, pattern, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
        for user, kind, name, pattern, operation in RIGHTS
    ]
    for future in admin.create_acls(bindings, request_timeout=20).values():
        future.result()


def create_log_topic(admin: AdminClient, cluster: str, partitions: int) -> None:
    topic = NewTopic(
        LOG_TOPICS + cluster,
        num_partitions=partitions,
        replication_factor=1,
        # A line may be longer than a default record.
        config={"retention.ms": str(35 * 86_400_000), "compression.type": "producer", "max.message.bytes": "4194304"},
    )
    for future in admin.create_topics([topic], request_timeout=20).values():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def main() -> None:
    bootstrap, protocol, ca, password_file, cluster, partitions, seconds = sys.argv[1:8]
    with open(password_file, encoding="ascii") as file:
        password = file.read().strip()
    admin = AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "security.protocol": protocol,
            "ssl.ca.location": ca,
            "sasl.mechanism": "PLAIN",
            "sasl.username": "admin",
            "sasl.password": password,
            "client.id": "weir-prepare",
            "log_level": 0,
        }
    )
    wait_for_broker(admin, time.monotonic() + float(seconds))
    apply_acls(admin)
    create_log_topic(admin, cluster, int(partitions))


main()
