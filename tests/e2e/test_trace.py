"""The trace, asked back from Jaeger and compared with the objects in the API server."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.apiserver import ApiServer
from e2e.cluster.local import LocalCluster
from e2e.expected import Family, misplaced, recorded_edges
from e2e.traces import RecordedSpan, TraceShape
from tests.e2e import manifests
from tests.e2e.story import Story, condition, is_true

pytestmark = pytest.mark.cluster

ROLLOUTS = 20
TOO_MUCH = "100"
"""CPUs; a node has ten."""
COUNTED = re.compile(r"0/10 nodes .*10 Insufficient cpu")
CLOSED_WITHIN = 60.0
"""Seconds after the last change, also for a set that never runs."""


@pytest.fixture(scope="module", autouse=True)
def stuck(suite: LocalCluster, server: ApiServer) -> Iterator[Story]:
    """Two FooSets that can never run. They need most of a minute to say so, in which the other test runs."""
    story = Story(suite, server, "stuck")
    suite.have_namespace(story.namespace)
    story.apply(
        manifests.fooset("batch", batch={"workers": manifests.batch(3, cpu=TOO_MUCH)}),
        manifests.fooset("service", service={"server": manifests.service(2, cpu=TOO_MUCH)}),
    )
    yield story
    suite.kubectl("delete", "namespace", story.namespace, "--wait=false")


@pytest.mark.timeout(400)
def test_twenty_rollouts_are_twenty_whole_traces(story: Story) -> None:
    seen: set[str] = set()
    for number in range(ROLLOUTS):
        name = f"set-{number}"
        story.apply(manifests.small(name))
        fooset = story.settle(name)
        family = story.family(name)
        assert len(family.pods) == 5
        tree = story.trace(fooset, family.span_counts.total())
        assert story.trace_ids(fooset) == {fooset["status"]["traceID"]}
        check(tree, family)
        assert not any(span.failed for span in tree.spans)
        seen |= {span.trace_id for span in tree.spans}
    assert len(seen) == ROLLOUTS


def check(tree: TraceShape, family: Family) -> None:
    """A sound trace that tells exactly what the objects tell."""
    assert len(tree.roots) == 1
    assert tree.orphans == []
    assert tree.count == family.span_counts
    assert recorded_edges(tree) == family.edges
    assert misplaced(tree) == []
    assert tree.outside == []
    assert all({"k8s.namespace.name", "fooset.name", "fooset.uid"} <= span.attributes.keys() for span in tree.spans)


@pytest.mark.timeout(150)
def test_a_set_that_fits_nowhere_says_why(stuck: Story) -> None:
    batch, service = stuck.settle("batch", CLOSED_WITHIN), stuck.settle("service", CLOSED_WITHIN)

    (child,) = stuck.family("batch").batches
    blocked = batch["status"]["blockedBy"]
    assert (blocked["kind"], blocked["name"], blocked["reason"]) == ("BatchFooSet", "batch-workers", "NoFit")
    assert COUNTED.search(blocked["message"])
    assert condition(child, "Placed")["reason"] == "NoFit"
    failed = failures(stuck, batch)
    assert {"foosets.rollout", "fooset.refine", "batchfooset.refine", "place"} <= failed.keys()
    check_errors(failed, blocked["message"])

    blocked = service["status"]["blockedBy"]
    assert (blocked["kind"], blocked["reason"]) == ("Pod", "NoFit")
    pods = stuck.family("service").pods
    assert {condition(pod, "PodScheduled")["reason"] for pod in pods} == {"Unschedulable"}
    assert blocked["name"] in {pod["metadata"]["name"] for pod in pods}
    failed = failures(stuck, service)
    assert {"foosets.rollout", "fooset.refine", "servicefooset.refine", "pod", "schedule"} <= failed.keys()
    check_errors(failed, blocked["message"])

    columns = stuck.kubectl("get", "foosets")
    assert columns.count("NoFit") == 2
    assert not is_true(batch, "Ready")
    assert not is_true(service, "Ready")


def failures(story: Story, fooset: Any) -> dict[str, RecordedSpan]:
    """The spans that are errors, by name; the trace they are in is whole."""
    tree = story.trace(fooset, spans=6)
    assert (len(tree.roots), tree.orphans, tree.outside) == (1, [], [])
    assert story.trace_ids(fooset) == {fooset["status"]["traceID"]}
    return {span.name: span for span in tree.spans if span.failed}


def check_errors(failed: dict[str, RecordedSpan], message: str) -> None:
    """Every span that failed tells the cause that the status tells, with its counts."""
    assert {span.attributes["fooset.reason"] for span in failed.values()} == {"NoFit"}
    assert {COUNTED.search(span.error) is not None for span in failed.values()} == {True}
    assert failed["foosets.rollout"].error == f"NoFit: {message}"
