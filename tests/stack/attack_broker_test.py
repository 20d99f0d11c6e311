"""Against the broker itself, from its own host and from a customer's side: its controller, its counters, its
files, its memory."""

import os
import ssl
import stat
import subprocess
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from stack import ROOT, Stack, open_folder, wait_for
from tokens import TokenIssuer, principal_name
from wire import API_VERSIONS, AUTHENTICATION_FAILED, Closed, Wire, trusting

INTRUDER = Path(__file__).parent / "support" / "JmxIntruder.java"
REQUEST_MAX = 2 * 1024 * 1024


@pytest.fixture(scope="module")
def signer(servers):
    return TokenIssuer(servers.folder / "kafka" / "jwks.json", f"http://127.0.0.1:{servers.ports['WEIR_API_PORT']}", "local")


def address_of(stack, listener):
    return f"127.0.0.1:{stack.ports[f'WEIR_KAFKA_{listener}_PORT']}"


# --- the controller --------------------------------------------------------------------------------------


@pytest.mark.parametrize("listener", ["CONTROLLER", "INTERNAL"])
def test_a_stranger_on_the_host_grants_himself_nothing(servers, listener):
    with Wire(address_of(servers, listener)) as wire:
        assert wire.ask(API_VERSIONS, 0, b"")
        with pytest.raises(Closed):
            wire.create_read_acl(servers.log_topic(), "User:stranger")


def test_only_the_broker_signs_in_at_the_controller(servers):
    controller = address_of(servers, "CONTROLLER")
    attempts = [("broker", "wrong"), ("ANONYMOUS", "")]
    attempts += [(user, servers.secret(f"kafka-{user}")) for user in ("admin", "weir-tap", "weir-meter", "weir-access")]
    for user, password in attempts:
        with Wire(controller) as wire:
            assert wire.sign_in_plain(user, password) == AUTHENTICATION_FAILED, user
    with Wire(controller) as wire:
        assert wire.sign_in_plain("broker", servers.secret("kafka-broker")) == 0


# --- JMX -------------------------------------------------------------------------------------------------


def intrude(stack, *credentials):
    port = stack.ports["WEIR_KAFKA_JMX_PORT"]
    command = ["java", "-XX:TieredStopAtLevel=1", str(INTRUDER), str(port), *map(str, credentials)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_counters__are_for_those_with_the_password_and_load_no_code(servers, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    assert intrude(servers) == ["refused"]
    assert intrude(servers, "weir-jmx", wrong) == ["refused"]
    assert intrude(servers, "weir-jmx", servers.folder / "secrets" / "jmx") == ["reads", "loads no code"]


# --- users and files -------------------------------------------------------------------------------------


def user_of(pid):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("Uid:"))


def test_servers__run_as_users_of_their_own(servers):
    kafka, postgres = user_of(servers.pid("kafka")), user_of(servers.postgres_pid())
    if os.getuid() == 0:
        assert 0 not in (kafka, postgres) and kafka != postgres
    else:
        assert kafka == postgres == os.getuid()


def test_data_and_logs__are_not_for_everybody(servers):
    closed = [servers.folder / name for name in ("kafka", "postgres", "log", "secrets")]
    files = [path for name in ("data", "logs") for path in (servers.folder / "kafka" / name).rglob("*")]
    assert servers.request_log in files
    assert [path for path in [*closed, *files] if stat.S_IMODE(path.stat().st_mode) & 0o007] == []


@pytest.mark.skipif(os.getuid() != 0, reason="an ordinary user's servers are that user's")
def test_stack_in_a_folder_that_is_roots_alone__has_its_servers_elsewhere(tmp_path):
    (tmp_path / "lib").symlink_to(os.environ.get("WEIR_KAFKA_LIB", ROOT / "build" / "kafka" / "4.3.1" / "lib"))
    tmp_path.chmod(0o700)
    with Stack(tmp_path / "stack", WEIR_KAFKA_LIB=tmp_path / "lib") as stack:
        stack.up_servers()
        assert 0 not in (user_of(stack.pid("kafka")), user_of(stack.postgres_pid()))
        elsewhere = [(stack.folder / name).readlink() for name in ("kafka", "postgres")]
        assert all(stat.S_IMODE(path.stat().st_mode) & 0o007 == 0 for path in elsewhere)
        stack.create_topic("elsewhere.ticks")
        stack.down()
        stack.up_servers()
        assert "elsewhere.ticks" in stack.admin().list_topics(timeout=30).topics
        stack.purge()
    assert not any(path.exists() for path in [*elsewhere, tmp_path / "stack"])


def test_passwords_and_keys_of_the_broker__are_for_its_user_alone(servers):
    for name in ("server.properties", "broker.pem", "jmx.password"):
        path = servers.folder / "kafka" / name
        assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid) == (0o600, user_of(servers.pid("kafka"))), name
    assert list((servers.folder / "kafka").rglob("ca.key")) == []


# --- TLS -------------------------------------------------------------------------------------------------


def test_customers__are_spoken_to_with_tls_alone(servers):
    with Wire(servers.client) as wire, pytest.raises(Closed):
        wire.ask(API_VERSIONS, 0, b"")
    with pytest.raises(ssl.SSLCertVerificationError):
        Wire(servers.client, ssl.create_default_context())
    with Wire(servers.client, trusting(servers.ca)) as wire:
        assert wire.ask(API_VERSIONS, 0, b"")


@pytest.fixture(scope="module")
def template():
    """The template as an operator takes it: TLS on every listener."""
    with Stack(open_folder("template"), WEIR_KAFKA_INTERNAL_TLS="on") as stack:
        stack.up_servers()
        yield stack


def test_template__speaks_tls_on_every_listener(template):
    for listener in ("CONTROLLER", "INTERNAL", "CLIENT"):
        with Wire(address_of(template, listener)) as wire, pytest.raises(Closed):
            wire.ask(API_VERSIONS, 0, b"")
    with Wire(address_of(template, "CONTROLLER"), trusting(template.ca)) as wire:
        assert wire.sign_in_plain("admin", template.secret("kafka-admin")) == AUTHENTICATION_FAILED
    template.create_topic("template.ticks")
    producer = Producer(template.kafka_config(compression_type="zstd"))
    producer.produce("template.ticks", value="tick")
    assert producer.flush(30) == 0
    consumer = Consumer(template.kafka_config(group_id="template", auto_offset_reset="earliest"))
    consumer.subscribe(["template.ticks"])
    message = consumer.poll(30)
    consumer.close()
    assert message is not None and message.value() == b"tick"


# --- memory ----------------------------------------------------------------------------------------------


def customer(servers, token, source=None):
    wire = Wire(servers.client, trusting(servers.ca), source)
    assert wire.sign_in_token(token) == 0
    return wire


ELSEWHERE = "127.0.0.9"  # connections are counted by address
SASL_MAX = 16 * 1024
PER_ADDRESS = 100


def hold(servers, count, size, token=None):
    """Connections from elsewhere that say how long their request will be; those that the broker lets in."""
    held = []
    for _ in range(count):
        try:
            if token:
                wire = customer(servers, token, ELSEWHERE)
            else:
                wire = Wire(servers.client, trusting(servers.ca), ELSEWHERE)
            wire.announce(size)
            held.append(wire)
        except (OSError, Closed):
            pass
    return held


def is_served(servers, token):
    with customer(servers, token) as wire:
        return bool(wire.ask(API_VERSIONS, 0, b""))


@pytest.mark.parametrize("size, kept", [(SASL_MAX + 1, False), (512 * 1024 - 1, False), (SASL_MAX, True)])
def test_strangers_who_say_how_long_their_request_is__take_no_memory(servers, signer, size, kept):
    pid, token = servers.pid("kafka"), signer.token(principal_name())
    held = hold(servers, PER_ADDRESS + 20, size)
    try:
        assert is_served(servers, token)
        if kept:
            assert len(held) <= PER_ADDRESS
        else:
            assert not any(wire.is_open() for wire in held)
    finally:
        for wire in held:
            wire.socket.close()
    assert servers.pid("kafka") == pid and is_served(servers, token)


def test_a_customer_who_says_so_on_all_connections_of_an_address__does_not_stop_the_broker(servers, signer):
    pid, token = servers.pid("kafka"), signer.token(principal_name())
    held = hold(servers, PER_ADDRESS + 20, REQUEST_MAX, token)
    try:
        assert 0 < len(held) <= PER_ADDRESS
        assert is_served(servers, token)
    finally:
        for wire in held:
            wire.socket.close()
    assert servers.pid("kafka") == pid and is_served(servers, token)


def test_a_fetch_of_more_than_can_be_logged__is_refused_and_the_broker_goes_on(servers, signer):
    who, pid = principal_name(), servers.pid("kafka")
    token, most = signer.token(who), REQUEST_MAX // 16 - 8
    with customer(servers, token) as wire, pytest.raises(Closed):
        wire.fetch("stranger.ticks", 220_000)
    # The largest that is let in has its line: nothing is read that isn't in the log.
    with customer(servers, token) as wire:
        wire.fetch("stranger.ticks", most)
        wire.fetch("stranger.ticks", 1)
    mark = f'"principal":"User:{who}"'.encode()

    def lines():
        found = [line for path in servers.request_logs() for line in path.read_bytes().splitlines() if mark in line and b'"FETCH"' in line]
        return found if len(found) >= 2 else None

    logged = wait_for(lines, "both lines")
    assert [line.count(b'"fetchOffset":') for line in logged] == [most, 1]
    assert servers.pid("kafka") == pid
