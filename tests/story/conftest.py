"""A whole private stack for the tests of this folder. The story is played on it."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "stack" / "support"), str(TESTS.parent / "deploy" / "local")]

from stack import Stack, open_folder  # noqa: E402


@pytest.fixture(scope="module")
def stack():
    with Stack(open_folder("story")) as stack:
        stack.up()
        yield stack
