"""The golden files are what the oracle computes; it asserts the figures of the rules' own examples."""
import os
import subprocess
import sys

ORACLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "oracle.py")


def test_golden_files__are_what_the_oracle_computes():
    run = subprocess.run([sys.executable, ORACLE, "check"], capture_output=True, text=True,
                         check=False)
    assert run.returncode == 0, run.stdout + run.stderr
