"""Fixtures for tests on real servers: one private stack for the whole session."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stack import Stack  # noqa: E402


@pytest.fixture(scope="session")
def servers(tmp_path_factory):
    """PostgreSQL and Kafka, no program of Weir's. PostgreSQL runs as another user, so the folder is open."""
    folder = tmp_path_factory.mktemp("stack")
    for parent in (folder, folder.parent, folder.parent.parent):
        if parent.owner() != "root" or parent.stat().st_mode & 0o077 == 0:
            parent.chmod(0o711)
    with Stack(folder) as stack:
        stack.up_servers()
        yield stack
