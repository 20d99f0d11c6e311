"""Hostile and awkward request logs: the recount in Python gives the right figures, whatever the order of the files."""

import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from recount import recount_fully  # noqa: E402

CASES = sorted(path.parent for path in HERE.glob("cases/*/expected.json"))


def test_cases__are_there():
    assert len(CASES) >= 19


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
@pytest.mark.parametrize("turned", [False, True])
def test_case__gives_the_figures(case, turned):
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    files = [case / name for name in expected["files"]]
    rows = {(row["principal"], row["topic"]): row for row in recount_fully(files[::-1] if turned else files)}
    assert sorted(rows) == sorted((row["principal"], row["topic"]) for row in expected["rows"])
    for row in expected["rows"]:
        assert {name: rows[row["principal"], row["topic"]][name] for name in row} == row
