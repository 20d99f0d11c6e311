"""Something dies (kill -9) in the middle of the traffic and is started again: the figures are the same.

The story proves its own figures, so a telling that ends is the proof. The broker is killed at a moment when
every answer it has sent stands in its log; its counters begin again with it, so they are left out then.
"""

import pytest
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
