"""PostgreSQL or single connections to it die while nobody looks: whoever asks next is not told.

weir-api is stopped (SIGSTOP) while connections die and requests arrive, so that it meets all of it at
once, in an order that no timing chooses. The requests come over connections of their own, enough for
every loop and every database connection of both pools.
"""

import contextlib
import http.client
import json
import subprocess
import uuid

import pytest
from hang_up import backends, end, stopped
from rest import Rest
from stack import wait_for

CONNECTIONS = 24  # of HTTP: the kernel spreads them over the loops


class Crowd:
    """Requests of one person, sent together: reads and writes in turn, each third with an Idempotency-Key."""

    def __init__(self, house, person):
        self.house, self.person, self.made, self.connections = house, person, 0, []

    def connect(self):
        """Connections that each loop knows: what comes over them next is seen before what happens after."""
        self.connections = [http.client.HTTPConnection(self.person.netloc, timeout=30) for _ in range(CONNECTIONS)]
        for connection in self.connections:
            connection.request("GET", "/healthz")
            connection.getresponse().read()

    def send(self):
        """Over the connections that are there, or new ones."""
        waiting = []
        connections, self.connections = self.connections, []
        for i in range(CONNECTIONS):
            headers = {"Cookie": self.person.cookie, "Origin": self.house.url, "Content-Type": "application/json"}
            if i % 3 == 0:
                headers["Idempotency-Key"] = uuid.uuid4().hex
            connection = connections[i] if connections else http.client.HTTPConnection(self.person.netloc, timeout=30)
            if i % 2:
                connection.request("GET", "/v1/applications?limit=1", headers=headers)
            else:
                connection.request("POST", "/v1/applications", json.dumps({"name": "crowd"}), headers)
            waiting.append((200 if i % 2 else 201, connection))
        return waiting

    def answers(self, waiting):
        """All are what they should be."""
        wrong = []
        for expected, connection in waiting:
            response = connection.getresponse()
            body = response.read()
            connection.close()
            self.made += response.status == 201
            if response.status != expected:
                wrong.append((expected, response.status, body))
        assert not wrong, wrong

    def stored_once(self):
        where = f"where org_id = '{self.person.org}'"
        stored = self.house.sql(f"select count(*) from application {where} and name = 'crowd'")
        audited = self.house.sql(f"select count(*) from audit_log {where} and action = 'application.create' and after ->> 'name' = 'crowd'")
        assert stored == audited == [str(self.made)]


@pytest.fixture()
def crowd(house):
    crowd = Crowd(house, house.sign_up())
    yield crowd
    crowd.stored_once()


def all_connected(house):
    """Waits for all connections of the program to be in use; their backends."""
    up = b"weir_pg_pool_links_up 12\n"  # 2 loops, each with 2 connections to read and 4 to write
    wait_for(lambda: up in Rest(house.url).get("/metrics").body, "all connections")
    return backends(house.stack, "weir_api")


# --- single connections ----------------------------------------------------------------------------------
def die_unseen(house, crowd, pids, first):
    """The program finds both at once: these connections dead, and requests that go to them."""
    crowd.connect()
    with stopped(house.stack.pid("weir-api")):
        if first == "requests":
            waiting = crowd.send()
            end(house.stack, pids)
        else:
            end(house.stack, pids)
            waiting = crowd.send()
    crowd.answers(waiting)


@pytest.mark.parametrize("first", ["requests", "deaths"])
def test_each_connection_that_died_idle_is_replaced_unseen(house, crowd, first):
    for nth in range(12):
        die_unseen(house, crowd, [all_connected(house)[nth]], first)


@pytest.mark.parametrize("first", ["requests", "deaths"])
def test_all_connections_that_died_idle_are_replaced_unseen(house, crowd, first):
    for _ in range(10):
        die_unseen(house, crowd, all_connected(house), first)


# --- the whole server ------------------------------------------------------------------------------------
def ready(house, person):
    return Rest(house.url).get("/readyz").status == 200


def read(house, person):
    return person.get("/v1/me").status == 200


def write(house, person):
    return person.post("/v1/applications", {"name": "first"}).status == 201


@pytest.mark.parametrize("first_yes", [ready, read, write])
def test_after_the_first_yes_no_request_fails_for_the_old_outage(house, crowd, first_yes):
    for _ in range(4):
        all_connected(house)
        house.stack.kill("postgres")
        wait_for(lambda: not ready(house, None), "readiness to be withdrawn")
        house.stack.script("postgres", "up")
        wait_for(lambda: first_yes(house, crowd.person), "the first yes", every=0)
        crowd.answers(crowd.send())


def test_a_server_that_was_restarted_unseen_is_met_anew(house, crowd):
    for _ in range(3):
        all_connected(house)
        with stopped(house.stack.pid("weir-api")):
            house.stack.kill("postgres")
            house.stack.script("postgres", "up")
            waiting = crowd.send()
        crowd.answers(waiting)


def test_readyz_speaks_for_all_loops_from_the_start(house, crowd):
    machine = crowd.person.made("/v1/applications", {"name": "machine", "api_role": "owner"})
    secret = crowd.person.made(f"/v1/applications/{machine['id']}/secrets")["secret"]
    for _ in range(5):
        house.stack.script("weir", "down", "weir-api")
        (house.stack.folder / "state" / "api" / "clients.snapshot").unlink()
        house.stack.script("weir", "up", "weir-api")
        wait_for(lambda: ready(house, None), "readiness", every=0)
        waiting = crowd.send()
        assert [crowd.person.ask_token(machine["client_id"], secret).status for _ in range(10)] == [200] * 10
        crowd.answers(waiting)


# --- in the middle of the work ---------------------------------------------------------------------------
@contextlib.contextmanager
def locked(house, table):
    """Nobody else reads or writes the table meanwhile."""
    holder = subprocess.Popen(["psql", "-X", "-q", "-At", house.stack.database_url()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdin.write(f"begin; lock table {table} in access exclusive mode; select 'held';\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "held\n"
    try:
        yield
    finally:
        holder.communicate("rollback;\n", timeout=30)


def waiting_for(house, event):
    """The backends of weir-api that wait for this."""
    found = f"select pid from pg_stat_activity where usename = 'weir_api' and wait_event_type || ' ' || wait_event like '{event}'"
    return wait_for(lambda: house.sql(found), event, every=0.01)


def start(person, method, key=None):
    connection = http.client.HTTPConnection(person.netloc, timeout=30)
    headers = {"Cookie": person.cookie, "Origin": person.url, "Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    connection.request(method, "/v1/applications", json.dumps({"name": "crowd"}) if method == "POST" else None, headers)
    return connection


CASES = {
    "a read": ("application", "GET", None),
    "the first segment of a write": ("application", "POST", None),
    "a later one": ("application", "POST", "key"),
    "the last one, before its commit": ("audit_log", "POST", None),
}


@pytest.mark.parametrize(("table", "method", "key"), CASES.values(), ids=CASES)
def test_what_is_lost_before_its_commit_runs_again(house, crowd, table, method, key):
    for nth in range(5):
        with locked(house, table):
            connection = start(crowd.person, method, key and f"{key}{nth}")
            end(house.stack, waiting_for(house, "Lock %"))
            waiting_for(house, "Lock %")  # again
        answer = connection.getresponse()
        answer.read()
        assert answer.status == (201 if method == "POST" else 200)
        crowd.made += method == "POST"


def test_a_commit_whose_outcome_is_unknown_says_so__and_its_key_finds_out(house, crowd):
    """Commits wait for a standby that there is not; the connection is cut when they are done but not confirmed."""

    def standby(names):
        house.sql(f"alter system set synchronous_standby_names = '{names}'")
        house.sql("select pg_reload_conf()")
        wait_for(lambda: house.sql("show synchronous_standby_names") == [names], "the setting")

    standby("nobody")
    try:
        connection = start(crowd.person, "POST", "unknown")
        end(house.stack, waiting_for(house, "IPC SyncRep"))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 503 and answer.headers["Retry-After"]
    finally:
        standby("")
    crowd.made += 1
    repeated = crowd.person.post("/v1/applications", {"name": "crowd"}, Idempotency_Key="unknown")
    assert repeated.status == 201 and repeated.headers["idempotency-replayed"] == "true"
