"""Fixtures for tests on real servers: one private stack for the whole session."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stack import Stack  # noqa: E402



def open_folder(tmp_path_factory, name):
    """A folder that PostgreSQL's own user can get to, which pytest's are not."""
    folder = tmp_path_factory.mktemp(name)
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o711)
    return folder


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """PostgreSQL and Kafka, no program of Weir's."""
    with Stack(open_folder(tmp_path_factory, "servers")) as stack:
        stack.up_servers()
        yield stack


@pytest.fixture(scope="session")
def weir(tmp_path_factory):
    """Everything: a migrated database, Kafka that takes Weir's tokens, all of Weir's programs."""
    with Stack(open_folder(tmp_path_factory, "weir")) as stack:
        stack.up()
        yield stack
