"""How long to leave a key alone after it failed: exponential, capped, and never the same for two keys."""

import random
from typing import Final

from foosets.api.meta import Key

FIRST_SECONDS: Final = 0.2
CAP_SECONDS: Final = 60.0
JITTER: Final = 0.25
"""Part of a delay that is random, so that keys that failed together do not come back together."""


class Backoff:
    """Failures in a row, by key."""

    def __init__(self, rng: random.Random, cap: float = CAP_SECONDS) -> None:
        self._failures: dict[Key, int] = {}
        self._rng = rng
        self._cap = cap

    def failed(self, key: Key, first: float = FIRST_SECONDS) -> float:
        """Count one more failure and return the seconds to wait: about `first` after one, twice as long each time."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        delay = min(first * 2 ** min(failures, 16), self._cap)
        return delay * (1 + JITTER * self._rng.random())

    def failures(self, key: Key) -> int:
        """Return how often in a row a key has failed."""
        return self._failures.get(key, 0)

    def succeeded(self, key: Key) -> None:
        """Forget the failures of a key."""
        self._failures.pop(key, None)
