"""Random histories under FooQuotas; `QUOTAS=1000 make sequences` plays a thousand of them."""

import os

import pytest

from tests.sequences.quotas import LATE, faults, problems

HISTORIES = int(os.environ.get("QUOTAS", "6"))


@pytest.mark.timeout(60 + 5 * HISTORIES)
def test_whatever_happens_limits_are_kept_and_nothing_leaks() -> None:
    found = {seed: lines for seed in range(HISTORIES) if (lines := problems(seed))}
    assert faults(found, HISTORIES) == {}


def test_one_history_in_a_hundred_may_end_with_pods_by_who_was_late() -> None:
    late = {seed: [f"{LATE}I15 Pod a"] for seed in (3, 5)}
    assert faults(late, 200) == {}
    assert faults(late, 199) == late


def test_what_is_not_explained_by_that_is_a_fault() -> None:
    other = {3: [f"{LATE}I15 Pod a", "I15 FooQuota b"], 5: ["I15 Pod a"]}
    assert faults(other, 1000) == other
