"""Database connections that die while the program that owns them can't see it: it is stopped meanwhile."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

from stack import wait_for


def ask(stack, text):
    done = subprocess.run(["psql", "-X", "-q", "-At", stack.database_url(), "-c", text], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.splitlines()


def backends(stack, role):
    """The server's processes that work for this role."""
    return ask(stack, f"select pid from pg_stat_activity where usename = '{role}' order by pid")


def end(stack, pids):
    """Ends these backends and waits until they are gone."""
    ask(stack, f"select pg_terminate_backend(pid) from pg_stat_activity where pid in ({','.join(pids)})")
    wait_for(lambda: not set(pids) & set(ask(stack, "select pid from pg_stat_activity")), "backends to end")


@contextlib.contextmanager
def stopped(pid):
    """SIGSTOP, and SIGCONT at the end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def stopped_idle(stack, pid, role):
    """As stopped, with the connections of its role idle and every thread asleep: nothing is under way that could
    fail when they end. Yields the backends' pids."""

    def resting():
        rows = [row.split("|") for row in ask(stack, f"select pid, state, state_change from pg_stat_activity where usename = '{role}' order by pid")]
        return rows if rows and all(state == "idle" for _, state, _ in rows) else None

    def asleep():
        states = [path.read_text().rpartition(") ")[2][0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
        return states and set(states) == {"S"}

    def stop():
        before = resting()
        if before is None or not asleep():
            return None
        os.kill(pid, signal.SIGSTOP)
        if resting() == before:
            return [backend for backend, _, _ in before]
        os.kill(pid, signal.SIGCONT)  # it had begun something
        return None

    backends = wait_for(stop, "the program to rest", every=0.01)
    try:
        yield backends
    finally:
        os.kill(pid, signal.SIGCONT)


def complaints(log, since=0):
    """What a program's log says above the level of information, from a byte on."""

    def whole():
        with open(log, "rb") as file:
            file.seek(since)
            text = file.read()
        # A line that is being written is waited for.
        return [text] if text == b"" or text.endswith(b"\n") else None

    text = wait_for(whole, "the end of the log's last line")[0]
    lines = [json.loads(line) for line in text.splitlines() if line.startswith(b"{")]
    return [line for line in lines if line["level"] not in ("debug", "info")]
