"""Fixtures for tests on real servers: one private stack for the whole session."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))

from house import house  # noqa: E402, F401 (a fixture)
from stack import Stack, open_folder  # noqa: E402


@pytest.fixture(scope="session")
def servers():
    """PostgreSQL and Kafka, no program of Weir's."""
    with Stack(open_folder("servers")) as stack:
        stack.up_servers()
        yield stack


@pytest.fixture(scope="session")
def weir():
    """Everything: a migrated database, Kafka that takes Weir's tokens, all of Weir's programs."""
    with Stack(open_folder("weir")) as stack:
        stack.up()
        yield stack
