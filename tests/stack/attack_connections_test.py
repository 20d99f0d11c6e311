"""Connections as a weapon, without any sign-in: whoever comes anew still gets in, and tokens above all.

weir-api runs with few descriptors here, so that what takes thousands of connections elsewhere takes
hundreds. The attackers have addresses of their own; the honest caller has 127.0.0.1.
"""

import contextlib
import re
import select
import socket
import threading

import pytest
from rest import Rest
from stack import wait_for

DESCRIPTORS = 256
SETTINGS = "WEIR_CONNECTIONS_PER_ADDRESS=64\nWEIR_SEND_TIMEOUT=1s\nWEIR_QUEUED_BYTES_PER_ADDRESS=16MiB"
HOSTS = [f"127.0.1.{n}" for n in range(1, 17)]
GREEDY = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 60
HALF_A_BODY = b"POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n{"


@pytest.fixture(scope="module")
def tight(house):
    """The house with a weir-api of few descriptors and little patience, and a client who asks for tokens."""
    extra = house.stack.settings["WEIR_EXTRA_API"]
    house.stack.script("weir", "down", "weir-api")
    house.stack.script("weir", "up", "weir-api", limits=[f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"], WEIR_EXTRA_API=f"{extra}\n{SETTINGS}")
    wait_for(lambda: Rest(house.url).get("/readyz").status == 200, "readiness")
    person = house.sign_up()
    house.client = person.made("/v1/applications", {"name": "reader"})["client_id"]
    application = person.get("/v1/applications").json["items"][0]["id"]
    house.secret = person.made(f"/v1/applications/{application}/secrets")["secret"]
    wait_for(lambda: ask_token(house) == 200, "the first token")
    return house


def ask_token(house):
    return Rest(house.url).ask_token(house.client, house.secret).status


def refused(house, reason):
    found = re.search(rf'weir_http_refused_total{{reason="{reason}"}} (\d+)', Rest(house.url).get("/metrics").body.decode())
    return int(found[1])


def connect(house, source):
    host, port = house.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=15, source_address=(source, 0))


class Crowd:
    """So many connections that each say `words` and read nothing. Those that are closed come again."""

    def __init__(self, house, size, words, hosts=HOSTS):
        self.house, self.size, self.words, self.hosts = house, size, words, hosts
        self.made = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        poll, there = select.poll(), {}
        while not self.stopping.is_set():
            while len(there) < self.size and not self.stopping.is_set():
                with contextlib.suppress(OSError):  # closed already, or no place in the kernel's queue
                    attacker = connect(self.house, self.hosts[self.made % len(self.hosts)])
                    there[attacker.fileno()] = attacker
                    poll.register(attacker, select.POLLRDHUP)
                    attacker.setblocking(False)
                    attacker.send(self.words)
                self.made += 1
            for fd, _ in poll.poll(20):
                poll.unregister(fd)
                there.pop(fd).close()
        for attacker in there.values():
            attacker.close()

    def __enter__(self):
        self.thread.start()
        wait_for(lambda: self.made >= self.size, "the crowd")
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


@pytest.mark.parametrize("words", [GREEDY, b"", b"GET /healthz HT", HALF_A_BODY], ids=["never reads", "says nothing", "half a head", "half a body"])
def test_a_crowd_takes_nobody_the_keys_and_tokens(tight, words):
    pid = tight.stack.pid("weir-api")
    with Crowd(tight, 600, words):
        for _ in range(60):
            assert Rest(tight.url).get("/.well-known/jwks.json").status == 200
            assert ask_token(tight) == 200
            assert Rest(tight.url).get("/healthz").status == 200
    assert refused(tight, "full") > 0
    assert refused(tight, "descriptors") == 0  # the limit was known before it was met
    assert tight.stack.pid("weir-api") == pid


def test_an_address_takes_its_own_places_only(tight):
    full = refused(tight, "full")
    with Crowd(tight, 150, GREEDY, HOSTS[:1]):
        for _ in range(20):
            assert ask_token(tight) == 200
    assert refused(tight, "address") > 0
    assert refused(tight, "full") == full


def test_who_does_not_read_is_closed(tight):
    late = refused(tight, "time")
    with connect(tight, HOSTS[0]) as attacker:
        attacker.sendall(GREEDY)
        wait_for(lambda: refused(tight, "time") > late, "its time to be over")


def test_an_answer_that_is_read_slowly_arrives_whole(tight):
    document = Rest(tight.url).get("/openapi.json").body
    with connect(tight, HOSTS[0]) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = b"".join(iter(lambda: s.recv(1000), b""))
    assert got.endswith(document)


def test_an_address_holds_so_many_bytes(tight):
    """Of bodies that never end: each is allowed, all of them are too many."""
    held = refused(tight, "bytes")
    with contextlib.ExitStack() as attackers:
        for _ in range(40):
            attacker = attackers.enter_context(connect(tight, HOSTS[1]))
            with contextlib.suppress(OSError):
                attacker.sendall(HALF_A_BODY + b" " * 1900000)
        wait_for(lambda: refused(tight, "bytes") > held, "some to be closed")
        assert ask_token(tight) == 200


def test_a_client_that_sends_many_requests_in_one_go_gets_a_few_answers(tight):
    """libh2o would go on with it until all are answered, and nobody else would get a word in."""
    before = refused(tight, "pipelined")
    with connect(tight, HOSTS[2]) as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 90)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while part := s.recv(65536):
                got += part
    assert got.count(b"HTTP/1.1 200") <= 8
    assert refused(tight, "pipelined") == before + 1
