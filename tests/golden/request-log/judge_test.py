"""The judge is judged: on made logs of honest clients the recount in Python finds what the clients read."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from hostile import HONEST, play, write_world  # noqa: E402
from recount import recount_fully  # noqa: E402

SEEDS = 200


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """(seed, what was read, the rows) of each."""
    made = []
    for seed in range(SEEDS):
        world = play(seed, HONEST)
        rows = recount_fully(write_world(world, tmp_path_factory.mktemp("world")))
        made.append((seed, world.read, {(row["principal"], row["topic"]): row for row in rows}))
    return made


def test_messages__are_what_the_clients_read(worlds):
    wrong = [
        (seed, key, read[key], rows[key]["messages"])
        for seed, read, rows in worlds
        for key in read
        if read[key] and not rows[key]["open_fetches"] and not rows[key]["derived_fetches"] and rows[key]["messages"] != read[key]
    ]
    assert not wrong


def test_messages__are_never_more_while_one_is_open(worlds):
    wrong = [
        (seed, key, read[key], rows[key]["messages"])
        for seed, read, rows in worlds
        for key in read
        if read[key] and not rows[key]["derived_fetches"] and rows[key]["messages"] > read[key]
    ]
    assert not wrong


def test_almost_all__is_closed(worlds):
    known = [rows[key] for _, read, rows in worlds for key in read if read[key]]
    assert sum(row["open_fetches"] + row["derived_fetches"] > 0 for row in known) < len(known) / 20
