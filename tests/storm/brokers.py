"""A cluster of three real brokers on loopback, each broker and controller, set up from deploy/kafka.

They are in the clear and by password on both listeners; the third grants no fetch sessions. The request log is
renamed every few seconds, and nothing of it is removed.
"""

import base64
import contextlib
import os
import secrets
import struct
import subprocess

from confluent_kafka import KafkaException
from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient, NewTopic, ResourcePatternType, ResourceType
from process import Process, plain_env
from stack import LOCAL, ROOT, wait_for
from wire import Closed, Wire

KAFKA = LOCAL.parent / "kafka"
LIB = os.environ.get("WEIR_KAFKA_LIB", str(ROOT / "build" / "kafka" / "4.3.1" / "lib"))
NODES = (1, 2, 3)
SESSIONLESS = 3
ELECT_LEADERS, ALTER_PARTITION_REASSIGNMENTS = 43, 45
PREFERRED = 0
INTERNAL_USERS = ("broker", "admin", "weir-tap", "weir-meter")
JAVA = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Duser.timezone=UTC", "-Djava.awt.headless=true"]


class Brokers:
    def __init__(self, folder, ports, clients, rotate_seconds):
        self.folder, self.rotate_seconds = folder, rotate_seconds
        self.passwords = {name: secrets.token_hex(12) for name in (*INTERNAL_USERS, *clients)}
        self.clients = list(clients)
        self.ports = {node: tuple(ports[3 * i : 3 * i + 3]) for i, node in enumerate(NODES)}  # internal, controller, client
        self.nodes = {}
        cluster_id = "W" + base64.urlsafe_b64encode(os.urandom(16)).decode()[1:21] + "A"
        for node in NODES:
            self.make(node, cluster_id)
        self.admin_client = None

    # --- set up ------------------------------------------------------------------------------------------------------
    def home(self, node):
        return self.folder / f"broker-{node}"

    def make(self, node, cluster_id):
        home = self.home(node)
        (home / "tmp").mkdir(parents=True)
        (home / "server.properties").write_text(self.properties(node))
        log4j = (KAFKA / "log4j2.yaml").read_text().replace("interval: 1\n", f"interval: {self.rotate_seconds}\n")
        (home / "log4j2.yaml").write_text(log4j)
        java = [*JAVA, "-cp", f"{LIB}/*"]
        subprocess.run(
            [*java, f"-Dlog4j2.configurationFile={KAFKA}/tools-log4j2.yaml", "kafka.tools.StorageTool", "format",
             "-t", cluster_id, "-c", home / "server.properties"],
            check=True, env=plain_env(), stdout=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip
        self.nodes[node] = Process(
            f"broker-{node}",
            [*java[:-2], "-Xms128m", "-Xmx384m", f"-Djava.io.tmpdir={home}/tmp", f"-Dkafka.logs.dir={home}/logs",
             f"-Dlog4j2.configurationFile={home}/log4j2.yaml", "-Dweir.request-log.roll=yyyy-MM-dd-HH-mm-ss",
             "-Dweir.request-log.keep=P30D", *java[-2:], "kafka.Kafka", home / "server.properties"],
            plain_env(), self.folder / "log" / f"broker-{node}.out",
        )  # fmt: skip

    def properties(self, node):
        internal, controller, client = self.ports[node]
        text = (KAFKA / "server.properties.in").read_text()
        for name, value in {
            "WEIR_KAFKA_CONTROLLER_PORT": controller,
            "WEIR_KAFKA_INTERNAL_PORT": internal,
            "WEIR_KAFKA_CLIENT_PORT": client,
            "KAFKA_DIR": self.home(node),
            "PASSWORD_broker": self.passwords["broker"],
            "INTERNAL_USERS": self.users(INTERNAL_USERS),
        }.items():
            text = text.replace(f"@{name}@", str(value))
        lines = [line for line in text.splitlines() if not line.startswith(("ssl.", "listener.name.client."))]
        login = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        voters = ",".join(f"{other}@127.0.0.1:{ports[1]}" for other, ports in self.ports.items())
        # The last line counts.
        return "\n".join([
            *lines,
            f"node.id={node}",
            f"controller.quorum.voters={voters}",
            "listener.security.protocol.map=CONTROLLER:SASL_PLAINTEXT,INTERNAL:SASL_PLAINTEXT,CLIENT:SASL_PLAINTEXT",
            "listener.name.client.sasl.enabled.mechanisms=PLAIN",
            f"listener.name.client.plain.sasl.jaas.config={login} {self.users(self.clients)};",
            "offsets.topic.replication.factor=3",
            "transaction.state.log.replication.factor=3",
            "min.insync.replicas=2",
            "auto.leader.rebalance.enable=false",
            "broker.session.timeout.ms=3000",
            "broker.heartbeat.interval.ms=500",
            "log.segment.bytes=1073741824",
            *(["max.incremental.fetch.session.cache.slots=0"] if node == SESSIONLESS else []),
            "",
        ])  # fmt: skip

    def users(self, names):
        return " ".join(f'user_{name}="{self.passwords[name]}"' for name in names)

    # --- life --------------------------------------------------------------------------------------------------------
    def start(self):
        for process in self.nodes.values():
            process.start()
        self.wait_whole()

    def restart(self, node):
        """Back, and in sync in every partition: another one may go."""
        self.nodes[node].start()
        self.wait_whole()

    def wait_whole(self):
        wait_for(self.whole, "all replicas to be in sync", 180, every=0.2)

    def whole(self):
        for node, process in self.nodes.items():
            process.must_run()
            if self.times_started(node) < process.starts:
                return False
        admin = self.admin()
        try:
            metadata = admin.list_topics(timeout=5)
        except KafkaException:
            return False
        partitions = [partition for topic in metadata.topics.values() for partition in topic.partitions.values()]
        return len(metadata.brokers) == len(NODES) and all(len(p.isrs) == len(p.replicas) and p.leader in NODES for p in partitions)

    def times_started(self, node):
        logs = (self.home(node) / "logs").glob("server.log*")
        return sum(log.read_text(errors="replace").count("] Kafka Server started (") for log in logs)

    def stop(self):
        for process in self.nodes.values():
            if process.process and process.process.poll() is None:
                process.process.terminate()
        for process in self.nodes.values():
            process.stop(90)

    def delete_records(self, places):
        """The first error, None if all is done. (A client of its own: one that knew other leaders stays with them.)"""
        admin = AdminClient({**self.librdkafka("admin"), "log_level": 0})
        futures = admin.delete_records(places, request_timeout=20).values()
        return next((error for error in [future.exception(30) for future in futures] if error), None)

    # --- speaking to it ----------------------------------------------------------------------------------------------
    def bootstrap(self, client=False):
        return ",".join(f"127.0.0.1:{ports[2 if client else 0]}" for ports in self.ports.values())

    def config(self, user, **more):
        """librdkafka's and Java's names alike, but for the password (jaas)."""
        return {
            "bootstrap.servers": self.bootstrap(user in self.clients),
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            **{key.replace("_", "."): str(value) for key, value in more.items()},
        }

    def librdkafka(self, user, **more):
        return {**self.config(user, **more), "sasl.username": user, "sasl.password": self.passwords[user]}

    def java(self, user, **more):
        login = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="{user}" password="{self.passwords[user]}";'
        return {**self.config(user, **more), "sasl.jaas.config": login}

    def admin(self):
        if self.admin_client is None:
            self.admin_client = AdminClient({**self.librdkafka("admin"), "log_level": 0})
        return self.admin_client

    def create_topic(self, name, partitions, **config):
        topic = NewTopic(name, partitions, 3, config={key.replace("_", "."): str(value) for key, value in config.items()})
        for future in self.admin().create_topics([topic], request_timeout=60).values():
            future.result()

    def allow(self, user, kind, name, operation, pattern=ResourcePatternType.PREFIXED):
        binding = AclBinding(getattr(ResourceType, kind), name, pattern, f"User:{user}", "*", getattr(AclOperation, operation), AclPermissionType.ALLOW)
        for future in self.admin().create_acls([binding], request_timeout=60).values():
            future.result()

    def request_logs(self, node):
        return sorted((self.home(node) / "logs").glob("kafka-request.log*"))

    def ask(self, api, version, body):
        """A request of the admin's that no client here can send, to whichever broker answers. Its answer's body."""
        def asked():
            for internal, _, _ in self.ports.values():
                with contextlib.suppress(OSError, Closed), Wire(f"127.0.0.1:{internal}") as wire:
                    if wire.sign_in_plain("admin", self.passwords["admin"]) == 0:
                        return wire.ask(api, version, body)
            return None

        return wait_for(asked, "a broker to answer")

    def elect(self):
        """The first replica of every partition leads it again."""
        answer = self.ask(ELECT_LEADERS, 1, struct.pack(">bii", PREFERRED, -1, 30000))
        return struct.unpack(">ih", answer[:6])[1]

    def order_replicas(self, first):
        """`first`: {(topic, partition): replicas, the preferred leader in front}."""
        topics = {}
        for (topic, partition), replicas in first.items():
            numbers = b"".join(struct.pack(">i", node) for node in replicas)
            topics.setdefault(topic, []).append(struct.pack(">ib", partition, len(replicas) + 1) + numbers + b"\0")
        named = b"".join(struct.pack(">b", len(topic) + 1) + topic.encode() + struct.pack(">b", len(rows) + 1) + b"".join(rows) + b"\0" for topic, rows in topics.items())
        # Headers of this version have tagged fields, none here.
        answer = self.ask(ALTER_PARTITION_REASSIGNMENTS, 0, b"\0" + struct.pack(">ib", 30000, len(topics) + 1) + named + b"\0")
        return struct.unpack(">ih", answer[1:7])[1]
