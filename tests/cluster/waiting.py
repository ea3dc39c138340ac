"""Waiting for what real processes do."""

import time
from collections.abc import Callable


def until(holds: Callable[[], object], seconds: float = 15.0) -> None:
    """Look again and again until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"does not hold after {seconds} s: {holds}"
        time.sleep(0.02)
