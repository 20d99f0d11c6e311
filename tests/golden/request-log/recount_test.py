"""The golden logs: the recount in Python, the clients' own counts, the broker's counter and weirctl agree."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from recount import recount  # noqa: E402

WEIRCTL = HERE.parents[2] / "build" / "bin" / "weirctl"
# Those with the clients' own counts; the others are read by the unit test of recount alone.
GOLDEN = sorted(path for path in HERE.glob("*.json") if "clients" in json.loads(path.read_text()))
COUNTS = ("bytes", "messages", "fetches", "produced_bytes", "open_fetches")


@pytest.fixture(params=GOLDEN, ids=lambda path: path.stem)
def golden(request):
    return request.param.with_suffix(".log.gz"), json.loads(request.param.read_text())


def test_golden_files__are_there():
    assert len(GOLDEN) >= 6


def test_recount__gives_the_rows(golden):
    log, expected = golden
    assert recount([log]) == expected["rows"]


def test_messages__are_what_the_clients_say(golden):
    _, expected = golden
    messages = {(row["principal"], row["topic"]): row["messages"] for row in expected["rows"]}
    for said in expected["clients"]:
        if said["exact"]:
            assert messages[said["principal"], said["topic"]] == said["messages"]


def test_bytes__are_the_brokers_counter(golden):
    _, expected = golden
    for topic, counted in (expected["jmx"] or {}).items():
        assert sum(row["bytes"] for row in expected["rows"] if row["topic"] == topic) == counted


def test_weirctl__gives_the_rows(golden):
    log, expected = golden
    done = subprocess.run([WEIRCTL, "recount", "--format", "csv", log], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    got = {(row["principal"], row["topic"]): {name: int(row[name] or 0) for name in COUNTS} for row in rows}
    assert got == {(row["principal"], row["topic"]): {name: row[name] for name in COUNTS} for row in expected["rows"]}
