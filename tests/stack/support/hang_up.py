"""Database connections that die while the program that owns them can't see it: it is stopped meanwhile."""

import contextlib
import json
import os
import signal
import subprocess

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
