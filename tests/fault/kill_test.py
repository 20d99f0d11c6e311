"""Something dies (kill -9) in the middle of the traffic and is started again: the figures are the same.

The story proves its own figures, so a telling that ends is the proof. The broker is killed at a moment when
every answer it has sent stands in its log; its counters begin again with it, so they are left out then.
"""

import threading

import psycopg
import pytest
from stack import wait_for
from story.play import Play

PROGRAMS = ["weir-api", "weir-tap", "weir-meter", "weir-biller", "weir-access"]


class Fault:
    """Kills at one moment of the traffic and starts again at another."""

    def __init__(self, stack, victim, kill_at, start_at):
        self.stack = stack
        self.victim = victim
        self.moments = {}
        self.moments.setdefault(kill_at, []).append(self.kill)
        self.moments.setdefault(start_at, []).append(self.start)
        self.done = []

    def __call__(self, moment):
        for action in self.moments.get(moment, []):
            action()

    def kill(self):
        self.stack.kill(self.victim)
        self.done.append("killed")

    def start(self):
        kind = {"postgres": "postgres", "kafka": "kafka"}.get(self.victim)
        if kind:
            self.stack.script(kind, "up")
        else:
            self.stack.script("weir", "up", self.victim)
        self.done.append("started")


@pytest.mark.parametrize(
    ("victim", "kill_at", "start_at"),
    [
        ("weir-meter", "streaming", "pause"),
        ("weir-tap", "streaming", "pause"),
        ("postgres", "streaming", "pause"),
        ("kafka", "pause", "pause"),
    ],
)
def test_killed_in_the_middle__the_figures_are_the_same(stack, victim, kill_at, start_at):
    before = {name: stack.pid(name) for name in PROGRAMS}
    fault = Fault(stack, victim, kill_at, start_at)
    play = Play(stack.folder, with_portal=False, disturb=fault, with_jmx=victim != "kafka").run()
    assert fault.done == ["killed", "started"]
    assert play.proof.lines and play.proof.holds()
    # Nobody else went down with it, and whoever was killed is another process now.
    changed = {name for name in PROGRAMS if stack.pid(name) != before[name]}
    assert changed == ({victim} & set(PROGRAMS))
    gaps = [gap for gap in play.operator.person.get("/v1/gaps")["items"] if not gap["closed_at"]]
    assert gaps == []


def test_biller_killed_in_its_run__the_figures_are_the_same(stack):
    """The run waits up to 5 s for the brokers' control records; then it writes. It dies twice on the way."""
    before = stack.pid("weir-biller")
    killed = []

    def state_of_newest():
        with psycopg.connect(stack.database_url("postgres")) as db:
            return db.execute("select id, state from billing_run order by requested_at desc limit 1").fetchone()

    def kill_twice(earlier):
        for _ in range(2):
            wait_for(lambda: state_of_newest() != earlier and state_of_newest()[1] != "done", "the run to begin", 60)
            stack.kill("weir-biller")
            killed.append(state_of_newest())
            stack.script("weir", "up", "weir-biller")

    threads = []

    def disturb(moment):
        if moment == "closing":
            threads.append(threading.Thread(target=kill_twice, args=(state_of_newest(),)))
            threads[0].start()

    play = Play(stack.folder, with_portal=False, disturb=disturb).run()
    threads[0].join(60)
    assert len(killed) == 2
    assert play.proof.holds()
    assert stack.pid("weir-biller") not in (None, before)
