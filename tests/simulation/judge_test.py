"""What tap and meter counted of a simulated log, on whatever way it took, beside what weirctl recount and the recount in Python
find in the brokers' files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "golden" / "request-log"))

from compare import WEIRCTL, by_name  # noqa: E402
from recount import recount_fully  # noqa: E402

DEAD_LETTERS = 3  # exit code: some lines could not be read
SIMULATION = os.environ.get("SIMULATION", HERE.parents[1] / "build" / "simulation")
SEEDS = range(1, 11)
AS_IT_STANDS = ("bytes", "fetches", "produced_bytes")
COUNTS = (*AS_IT_STANDS, "messages", "open_fetches", "derived_messages", "derived_fetches", "share_messages")


def played(seed, folder):
    subprocess.run([SIMULATION, "--seed", str(seed), "--write", folder], check=True, capture_output=True, timeout=300)
    counted = json.loads((folder / "counted.json").read_text(encoding="utf-8"))
    return counted["exact"], by_name(counted["rows"], COUNTS), sorted(folder.glob("broker*.log"))


def weirctl_rows(logs):
    done = subprocess.run([WEIRCTL, "recount", "--format", "json", *logs], capture_output=True, text=True, encoding="utf-8", timeout=60)
    assert done.returncode in (0, DEAD_LETTERS), done.stderr
    return json.loads(done.stdout)["rows"]


def bare(rows):
    """Their principals as the database has them."""
    return [{**row, "principal": row["principal"].removeprefix("User:")} for row in rows]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_counted__is_what_the_judges_find(seed, tmp_path):
    exact, got, logs = played(seed, tmp_path)
    assert got
    for rows in (weirctl_rows(logs), recount_fully(logs)):
        right = by_name(bare(rows), COUNTS)
        for key in got.keys() | right.keys():
            for name in AS_IT_STANDS:
                # weirctl recount counts requests of share groups as fetches, the database doesn't.
                assert got[key][name] == right[key][name] or (name == "fetches" and got[key]["share_messages"]), (key, name)
            # Of a fetch that nothing closed the judges know less: their time ends with the last line.
            if exact and not any(got[key][name] for name in COUNTS[4:]):
                assert got[key]["messages"] == right[key]["messages"], key
