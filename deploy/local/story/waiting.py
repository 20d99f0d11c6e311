"""Waiting for a condition, with a deadline."""

import time

from .failure import StoryFailed


def wait_for(condition, what, seconds=30.0, every=0.1):
    """Asks until `condition` returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise StoryFailed(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(every)
