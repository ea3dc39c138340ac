"""Restarts and evictions in the middle of a rollout: everything still comes to be, once, in one trace."""

from collections import Counter
from typing import Any

import pytest

from e2e.cluster.chart import NAMESPACE
from e2e.cluster.kind import KindCluster
from foosets.api import names
from tests.e2e.demo_story import created_by
from tests.e2e.manifests import fooset
from tests.e2e.story import Story, is_true, label
from tests.e2e_kind.workloads import batch, service

pytestmark = pytest.mark.kind

WORKER = "worker2"
COMPLETIONS, REPLICAS = 8, 3
EVICTABLE = "trap 'exit 143' TERM; sleep 25 & wait"
"""Ends at once, and not well, when it is told to end: its work has to be done again."""


def long_rollout(name: str = "app") -> dict[str, Any]:
    """A set of which the batch part takes four rounds."""
    parts = {"workers": batch(COMPLETIONS, parallelism=2, script="sleep 3")}
    return fooset(name, batch=parts, service={"server": service(REPLICAS)})


def succeeded(story: Story) -> Counter[str]:
    """How many pods succeeded of each index."""
    pods = [pod for pod in story.pods() if label(pod, names.CHILD) == "workers"]
    return Counter(label(pod, names.INDEX) for pod in pods if pod["status"]["phase"] == "Succeeded")


def in_the_middle(story: Story) -> bool:
    return 0 < len(succeeded(story)) < COMPLETIONS


def check_end(story: Story) -> None:
    """Each index completed once, the service runs, and nothing else is there."""
    completed = story.get("BatchFooSet", "app-workers")["status"]
    assert completed["completedIndexes"] == f"0-{COMPLETIONS - 1}"
    assert set(succeeded(story).values()) == {1}
    running = story.running("server")
    assert sorted(label(pod, names.INDEX) for pod in running) == [str(slot) for slot in range(REPLICAS)]


def test_a_rolling_restart_of_all_controllers_changes_nothing(kind_suite: KindCluster, story: Story) -> None:
    story.apply(long_rollout())
    story.until(lambda: in_the_middle(story))
    kind_suite.kubectl("rollout", "restart", "deployment", f"--namespace={NAMESPACE}")
    for component in names.Component:
        kind_suite.kubectl("rollout", "status", f"deployment/foosets-{component}", f"--namespace={NAMESPACE}")

    app = story.settle("app")
    check_end(story)
    assert created_by(story.writes(), "pods").total() == COMPLETIONS + REPLICAS
    assert created_by(story.writes(), "pods/binding").total() == REPLICAS
    family = story.family("app")
    tree = story.trace(app, family.span_counts.total())
    assert story.trace_ids(app) == {app["status"]["traceID"]}
    assert (len(tree.roots), tree.orphans) == (1, [])
    assert tree.count == family.span_counts


def test_a_node_that_restarts_loses_no_member(kind_suite: KindCluster, story: Story) -> None:
    story.apply(long_rollout())
    story.until(lambda: in_the_middle(story))
    kind_suite.engine.docker("restart", kind_suite.node(WORKER))

    story.until(lambda: is_true(story.get("BatchFooSet", "app-workers"), "Complete"))
    story.until(lambda: is_true(story.get("ServiceFooSet", "app-server"), "Ready"))
    story.settle("app")
    check_end(story)


def test_a_drained_node_costs_no_retry(kind_suite: KindCluster, story: Story) -> None:
    parts = {"workers": batch(COMPLETIONS, script=EVICTABLE)}
    story.apply(fooset("app", batch=parts, service={"server": service(REPLICAS)}))
    story.until(lambda: len(story.running("workers")) == COMPLETIONS and len(story.running("server")) == REPLICAS)
    story.until(lambda: all(pod["status"]["phase"] == "Running" for pod in story.running("workers")))
    node = busiest(story)
    kind_suite.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=90s")
    try:
        assert [pod["metadata"]["name"] for pod in story.pods() if pod["spec"].get("nodeName") == node] == []
        story.until(lambda: is_true(story.get("BatchFooSet", "app-workers"), "Complete"))
        story.until(lambda: is_true(story.get("ServiceFooSet", "app-server"), "Ready"))
    finally:
        kind_suite.kubectl("uncordon", node)
    check_end(story)
    status = story.get("BatchFooSet", "app-workers")["status"]
    assert status["failed"] == 0
    assert status["attempts"], "nobody was evicted"


def busiest(story: Story) -> str:
    """The node with most members of the story."""
    ((node, _),) = Counter(pod["spec"]["nodeName"] for pod in story.pods()).most_common(1)
    return node
