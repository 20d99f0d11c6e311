"""Step 4: real clients with Weir's credentials. Each gets its own tokens from /oauth/token."""

import os
import re
import subprocess
import threading
import time

from confluent_kafka import Consumer, ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from .failure import StoryFailed
from .place import KAFKA_LIB, ROOT
from .waiting import wait_for

READ_SECONDS = 120
PASSING_ERRORS = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}


def librdkafka_config(place, application, **more):
    """As a customer would write it: client credentials, the token endpoint, and whose certificates to believe."""
    return {
        "bootstrap.servers": place.client,
        "security.protocol": place.client_protocol,
        "ssl.ca.location": str(place.ca),
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": f"{place.api}/oauth/token",
        "sasl.oauthbearer.client.id": application.principal,
        "sasl.oauthbearer.client.secret": application.secret,
        "reconnect.backoff.max.ms": 500,
        "log_level": 2,
        **{name.replace("_", "."): value for name, value in more.items()},
    }


class Stream:
    """The provider's application, writing at an even pace."""

    def __init__(self, place, application, topic):
        self.topic = topic
        self.failed = []
        self.delivered = 0
        self.producer = Producer(
            librdkafka_config(place, application, client_id="trade-feed", compression_type="zstd", linger_ms=40, enable_idempotence=True)
        )

    def _acknowledged(self, error, _):
        if error:
            self.failed.append(error)
        else:
            self.delivered += 1

    def send(self, messages, per_second):
        """Sends all of them and waits until the broker has acknowledged each."""
        began = time.monotonic()
        for number, (key, value) in enumerate(messages):
            self.producer.produce(self.topic, key=key, value=value, on_delivery=self._acknowledged)
            if number % 50 == 0:
                self.producer.poll(max(0, began + number / per_second - time.monotonic()))
        self.producer.flush(60)
        if self.failed:
            raise StoryFailed(f"{len(self.failed)} messages were not delivered: {self.failed[0].str()}")


class LibrdkafkaReader:
    """confluent-kafka in a thread; it stops, and commits, when it has read as many as it is told."""

    kind = "librdkafka"

    def __init__(self, place, application, topic, name, count):
        self.application = application
        self.name = name
        self.wanted = count
        self.count = 0
        self.seen = set()
        self.group = f"{application.principal}.{name}"
        self.error = None
        config = librdkafka_config(
            place, application, group_id=self.group, client_id=name, auto_offset_reset="earliest", auto_commit_interval_ms=200
        )
        self.consumer = Consumer(config)
        self.consumer.subscribe([topic])
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        try:
            while self.count < self.wanted and not self.stopped.is_set():
                message = self.consumer.poll(0.2)
                if message is None:
                    continue
                if message.error() is None:
                    self.count += 1
                    self.seen.add(hash(message.value()))
                elif message.error().code() not in PASSING_ERRORS:
                    raise KafkaException(message.error())
        except KafkaException as error:
            self.error = error.args[0].str()
        finally:
            self.consumer.close()

    def check(self):
        if self.error:
            raise StoryFailed(f"{self.name}: {self.error}")

    def finish(self):
        self.thread.join(READ_SECONDS)
        self.check()
        if self.thread.is_alive() or self.count != self.wanted:
            raise StoryFailed(f"{self.name} read {self.count} of {self.wanted} messages")

    def stop(self):
        self.stopped.set()
        self.thread.join(30)


class JavaReader:
    """Kafka's own console consumer. It says at its end how many messages it processed."""

    kind = "Java"

    def __init__(self, place, application, topic, name, count, folder):
        self.application = application
        self.name = name
        self.wanted = count
        self.count = 0
        self.seen = set()
        self.group = f"{application.principal}.{name}"
        endpoint = f"{place.api}/oauth/token"
        self.properties = properties = folder / f"{name}.properties"
        properties.touch(mode=0o600)
        properties.write_text(
            f"security.protocol={place.client_protocol}\n"
            "ssl.truststore.type=PEM\n"
            f"ssl.truststore.location={place.ca}\n"
            "sasl.mechanism=OAUTHBEARER\n"
            "sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;\n"
            "sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler\n"
            f"sasl.oauthbearer.token.endpoint.url={endpoint}\n"
            f"sasl.oauthbearer.client.credentials.client.id={application.principal}\n"
            f"sasl.oauthbearer.client.credentials.client.secret={application.secret}\n"
            f"client.id={name}\n"
            "auto.commit.interval.ms=200\n"
            "reconnect.backoff.max.ms=500\n"
        )
        self.said = folder / f"{name}.err"
        with open(self.said, "w", encoding="utf-8") as err:
            self.process = subprocess.Popen(
                ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
                 f"-Dlog4j2.configurationFile={ROOT}/deploy/kafka/tools-log4j2.yaml",
                 f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={endpoint}",
                 "-cp", f"{KAFKA_LIB}/*", "org.apache.kafka.tools.consumer.ConsoleConsumer",
                 "--bootstrap-server", place.client, "--command-config", str(properties), "--topic", topic,
                 "--group", self.group, "--from-beginning", "--max-messages", str(count)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC"},
            )  # fmt: skip
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self):
        for line in self.process.stdout:
            self.count += 1
            self.seen.add(hash(line))

    def _last_words(self):
        return " / ".join(self.said.read_text().strip().splitlines()[-3:]) or "nothing said"

    def check(self):
        if self.process.poll() not in (None, 0):
            raise StoryFailed(f"{self.name} ended with {self.process.returncode}: {self._last_words()}")

    def finish(self):
        try:
            self.process.wait(READ_SECONDS)
        except subprocess.TimeoutExpired:
            self.stop()
            raise StoryFailed(f"{self.name} read {self.count} of {self.wanted} messages in {READ_SECONDS} s") from None
        self.thread.join(10)
        self.check()
        processed = re.search(r"Processed a total of (\d+) messages", self.said.read_text())
        if not processed or int(processed[1]) != self.count or self.count != self.wanted:
            raise StoryFailed(f"{self.name} read {self.count} of {self.wanted} messages; it said: {self._last_words()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.properties.unlink(missing_ok=True)


def wait_joined(place, readers):
    """Until the group of every reader has its partitions. A group still forming may begin again from its
    last commit, and then its reader is given messages twice."""
    from .parties import admin_config

    admin = AdminClient(admin_config(place))
    groups = [reader.group for reader in readers]

    def joined():
        for reader in readers:
            reader.check()
        answers = admin.describe_consumer_groups(groups, request_timeout=10)
        try:
            told = [answers[group].result(20) for group in groups]
        except KafkaException:
            return False  # no such group yet
        return all(group.state == ConsumerGroupState.STABLE and any(m.assignment.topic_partitions for m in group.members) for group in told)

    wait_for(joined, "the readers' groups", 60)


def wait_read(readers, count):
    """Until each reader has that many messages."""

    def all_have():
        for reader in readers:
            reader.check()
        return all(reader.count >= count for reader in readers)

    wait_for(all_have, f"every reader to have {count} messages", READ_SECONDS)


def refused(place, application, topic):
    """Tries to read partition 0; returns what the broker answers about the topic, None if it lets it in.

    Before it can fetch, a client asks who leads the partition, and there the broker refuses.
    """
    consumer = Consumer(librdkafka_config(place, application, group_id=f"{application.principal}.look", enable_auto_commit=False, client_id="onlooker"))
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        error = wait_for(lambda: consumer.list_topics(topic, timeout=20).topics[topic], "the broker's answer").error
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            raise StoryFailed("a principal without a subscription has read a message")
        return error
    finally:
        consumer.close()


def wait_committed(place, readers, count):
    """Until the groups of all readers have committed what they read."""
    from .parties import admin_config

    admin = AdminClient(admin_config(place))

    def committed(group):
        answer = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=10)
        return sum(max(0, place.offset) for place in answer[group].result(20).topic_partitions)

    wait_for(lambda: all(committed(reader.group) >= count for reader in readers), "the readers' commits", 60)
