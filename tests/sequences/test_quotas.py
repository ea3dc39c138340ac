"""Random histories under FooQuotas; `QUOTAS=1000 make sequences` plays a thousand of them."""

import os

import pytest

from tests.sequences.quotas import problems

pytestmark = pytest.mark.timeout(120)

HISTORIES = range(int(os.environ.get("QUOTAS", "4")))


@pytest.mark.parametrize("seed", HISTORIES)
def test_whatever_happens_limits_are_kept_and_nothing_leaks(seed: int) -> None:
    assert problems(seed) == []
