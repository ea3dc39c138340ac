import time

import pytest

from tests.e2e import manifests
from tests.e2e.story import Story

pytestmark = pytest.mark.cluster

IDLE_SECONDS = 10.0
AT_REST_SECONDS = 2.0
"""For the last writes to be written down; nothing may come after that."""


def test_what_has_settled_costs_nothing(story: Story) -> None:
    story.apply(manifests.small("idle"))
    fooset = story.settle("idle")
    time.sleep(AT_REST_SECONDS)
    writes, spans = story.our_writes(), story.trace(fooset, 0).spans
    time.sleep(IDLE_SECONDS)
    assert story.our_writes()[len(writes) :] == []
    assert story.trace(fooset, 0).spans == spans
    assert story.trace_ids(fooset) == {fooset["status"]["traceID"]}
    assert story.fooset("idle") == fooset
