"""Waiting until nothing is left to do, so that no run pays for the one before it.

A server that still collects garbage halves the next figure. Quiet is a window in which no process used more than a
share of a core.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import anyio

from e2e.bench.contest.cpu import Spent, between

WINDOW_SECONDS: Final = 1.0
SHARE: Final = 0.15
"""Of a core. At rest the API server uses about 0.05 here: a thousand nodes renew their leases."""
LONGEST_SECONDS: Final = 180.0


class RestlessError(Exception):
    """Something goes on working."""


@dataclass(frozen=True, slots=True)
class Calm:
    """A window without work: what had been spent when it began, and the share of a core that each process used."""

    spent: Spent
    began: float
    shares: Mapping[str, float]


def shares(before: Spent, after: Spent, seconds: float) -> Mapping[str, float]:
    """Return the share of a core that each process used in a window."""
    return {name: used / seconds for name, used in between(before, after).items()}


def is_calm(used: Mapping[str, float]) -> bool:
    """Return whether no process did work worth speaking of."""
    return all(share <= SHARE for share in used.values())


async def calm(look: Callable[[], Spent], *, window: float = WINDOW_SECONDS, longest: float = LONGEST_SECONDS) -> Calm:
    """Wait for a quiet window and return it; raises RestlessError after `longest` seconds."""
    deadline = time.monotonic() + longest
    before, at = look(), time.monotonic()
    while True:
        await anyio.sleep(window)
        after, now = look(), time.monotonic()
        used = shares(before, after, now - at)
        if is_calm(used):
            return Calm(before, at, used)
        if now > deadline:
            raise RestlessError(f"no quiet within {longest:.0f} s: {dict(used)}")
        before, at = after, now
