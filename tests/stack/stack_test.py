"""The local stack itself: what `make up` promises."""

import socket
import stat

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer


def produce(stack, topic, count, user="admin", size=100):
    producer = Producer(stack.kafka_config(user, linger_ms=5))
    errors = []
    for number in range(count):
        producer.produce(topic, value=f"{number:0{size}d}", on_delivery=lambda error, _: errors.append(error) if error else None)
    producer.flush(30)
    return errors


def consume(stack, topic, count, user="admin", group="stack-test"):
    consumer = Consumer(stack.kafka_config(user, group_id=group, auto_offset_reset="earliest"))
    consumer.subscribe([topic])
    got = []
    try:
        while len(got) < count:
            message = consumer.poll(20)
            assert message is not None, f"only {len(got)} of {count} messages came"
            if message.error():
                raise KafkaException(message.error())
            got.append(message.value())
    finally:
        consumer.close()
    return got


def test_second_up__is_a_no_op(servers):
    before = servers.pid("kafka"), servers.postgres_pid()
    servers.up_servers()
    assert (servers.pid("kafka"), servers.postgres_pid()) == before


def test_busy_port__is_named_with_its_setting(servers, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = servers.script("postgres", "up", check=False, WEIR_STACK_DIR=tmp_path / "other", WEIR_PG_PORT=port)
    assert done.returncode == 2
    assert f"port {port} (PostgreSQL) is already in use" in done.stderr
    assert f"WEIR_PG_PORT={port + 10000}" in done.stderr


def test_secrets__are_for_their_owner_only(servers):
    paths = [*(servers.folder / "secrets").iterdir(), servers.folder / "kafka" / "server.properties", servers.java_properties()]
    assert paths
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_secrets__stay_out_of_command_lines(servers):
    with open(f"/proc/{servers.pid('kafka')}/cmdline", "rb") as file:
        command_line = file.read().decode()
    for path in (servers.folder / "secrets").iterdir():
        assert path.read_text().strip() not in command_line, path.name


def test_postgres__wants_a_password(servers):
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(servers.database_url("weir_owner")) as connection:
        assert connection.execute("select current_user").fetchone() == ("weir_owner",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(servers.database_url("weir_owner"), password="wrong")


def test_request_log__has_the_bytes_of_the_brokers_counter(servers):
    topic = "stack.bytes"
    servers.create_topic(topic)
    assert produce(servers, topic, 500) == []
    assert len(consume(servers, topic, 500)) == 500
    counted = servers.jmx_counts("BytesOutPerSec")[topic]
    assert counted > 500 * 100 * 0.9
    logged = b"".join(path.read_bytes() for path in servers.request_logs())
    assert b"DEBUG Completed request:{" in logged
    assert b'"principal":"User:admin"' in logged


def test_weirs_users__have_just_their_rights(servers):
    servers.create_topic("stack.rights")
    refused = produce(servers, "stack.rights", 1, user="weir-tap")
    assert [error.code() for error in refused] == [KafkaError.TOPIC_AUTHORIZATION_FAILED]
    assert produce(servers, servers.log_topic(), 1, user="weir-tap") == []
    assert len(consume(servers, servers.log_topic(), 1, user="weir-meter", group="weir-meter-stack-test")) == 1
    with pytest.raises(KafkaException) as caught:
        consume(servers, servers.log_topic(), 1, user="weir-access", group="weir-meter-stack-test")
    assert caught.value.args[0].code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)


def test_killed_broker__comes_back_with_its_data(servers):
    topic = "stack.killed"
    servers.create_topic(topic)
    assert produce(servers, topic, 50) == []
    servers.kill("kafka")
    assert servers.pid("kafka") is None
    servers.up_servers()
    assert len(consume(servers, topic, 50, group="stack-killed")) == 50


def test_killed_postgres__comes_back(servers):
    psycopg = pytest.importorskip("psycopg")
    servers.kill("postgres")
    servers.up_servers()
    with psycopg.connect(servers.database_url("weir_owner")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
