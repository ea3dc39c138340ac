"""What has settled costs nothing: for three minutes, while the other stories go on and components come and go."""

import time

import pytest

from tests.e2e.story import Resting

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

IDLE_SECONDS = 180.0
"""Since it has settled: this test comes last, so that few of them are left to wait for."""


def test_what_has_settled_costs_nothing(resting: Resting) -> None:
    story = resting.story
    time.sleep(max(0.0, resting.since + IDLE_SECONDS - time.monotonic()))
    assert story.our_writes()[len(resting.writes) :] == []
    assert story.trace(resting.fooset, 0).spans == resting.spans
    assert story.trace_ids(resting.fooset) == {resting.fooset["status"]["traceID"]}
    assert story.fooset("idle") == resting.fooset
