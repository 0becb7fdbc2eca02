"""Waiting for what other processes do."""

import time
from collections.abc import Callable


def come_true(condition: Callable[[], object], seconds: float = 120) -> bool:
    """Whether `condition` comes true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
