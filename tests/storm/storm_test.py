"""A small storm, and every figure agrees. `make storm` makes large ones."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from storm import run  # noqa: E402


def test_a_small_storm__every_figure_agrees():
    assert run(int(os.environ.get("STORM_SEED", 3)), 8, lambda text: print(text, flush=True))
