"""The demo's story with real kubelets and containers, and its trace."""

from typing import Any

import pytest

from e2e.expected import misplaced, recorded_edges
from tests.e2e import demo_story
from tests.e2e.story import Story

pytestmark = pytest.mark.kind


def test_the_demo(story: Story) -> None:
    demo_story.tell(story)

    fooset, family = story.fooset("demo"), story.family("demo")
    tree = story.trace(fooset, family.span_counts.total())
    assert story.trace_ids(fooset) == {fooset["status"]["traceID"]}
    assert (len(tree.roots), tree.orphans, tree.outside, misplaced(tree)) == (1, [], [], [])
    assert tree.count == family.span_counts
    assert recorded_edges(tree) == family.edges


def test_the_components_run_as_pods_under_their_own_identities(story: Story) -> None:
    pods = story.suite.client.get("pods", "--namespace=foosets-system")["items"]
    accounts = {pod["spec"]["serviceAccountName"] for pod in pods}
    rooms = ("fooset", "batchfooset", "servicefooset", "scheduler", "fooquota")
    assert accounts == {f"foosets-{component}" for component in rooms}
    assert {pod["status"]["phase"] for pod in pods} == {"Running"}
    assert {restarts for pod in pods for restarts in restarts_of(pod)} == {0}


def restarts_of(pod: dict[str, Any]) -> list[int]:
    return [status["restartCount"] for status in pod["status"]["containerStatuses"]]
