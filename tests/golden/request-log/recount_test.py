"""The golden logs: the recount in Python, the clients' own counts, the broker's counter and weirctl agree."""

import json
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from recount import recount  # noqa: E402

GOLDEN = sorted(HERE.glob("*.json"))


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
