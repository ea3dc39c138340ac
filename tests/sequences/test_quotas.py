"""Random histories under FooQuotas; `QUOTAS=1000 make sequences` plays a thousand of them."""

import os

import pytest

from tests.sequences.quotas import problems

HISTORIES = int(os.environ.get("QUOTAS", "6"))
LATE = "I15 Pod"
"""A pod too many, by who knew a quota, a spec or pods too late: watches are up to seconds behind each other here."""
LATE_IN_A_HUNDRED = 1


@pytest.mark.timeout(60 + 5 * HISTORIES)
def test_whatever_happens_limits_are_kept_and_nothing_leaks() -> None:
    found = {seed: lines for seed in range(HISTORIES) if (lines := problems(seed))}

    late = {seed for seed, lines in found.items() if all(line.startswith(LATE) for line in lines)}
    assert {seed: lines for seed, lines in found.items() if seed not in late} == {}
    assert len(late) <= LATE_IN_A_HUNDRED * HISTORIES // 100, late
