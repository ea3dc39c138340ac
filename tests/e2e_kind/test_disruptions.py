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
from tests.e2e_kind.nodes import cordoned
from tests.e2e_kind.workloads import batch, service

pytestmark = pytest.mark.kind

WORKER = "worker2"
COMPLETIONS, REPLICAS = 8, 3
ENDS_ELSEWHERE = "test $NODE != {node} && exit 0; trap 'exit 143' TERM; sleep infinity & wait"
"""On one node it runs until it is told to end, and then has not done its work; on every other it does it."""
ITS_NODE = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}


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


def servers_on(story: Story, node: str) -> list[Any]:
    """The service's pods that a node has."""
    return [pod for pod in story.running("server") if pod["spec"].get("nodeName") == node]


def check_end(story: Story) -> None:
    """Each index completed once, the service runs, and nothing else is there."""
    completed = story.get("BatchFooSet", "app-workers")["status"]
    assert completed["completedIndexes"] == f"0-{COMPLETIONS - 1}"
    assert set(succeeded(story).values()) == {1}
    running = story.running("server")
    assert sorted(label(pod, names.INDEX) for pod in running) == [str(slot) for slot in range(REPLICAS)]


def start_controllers_anew(suite: KindCluster) -> None:
    """Replace all controllers' pods, and wait until the new ones are ready."""
    suite.kubectl("rollout", "restart", "deployment", f"--namespace={NAMESPACE}")
    for component in names.Component:
        suite.kubectl("rollout", "status", f"deployment/foosets-{component}", f"--namespace={NAMESPACE}")


def test_a_rolling_restart_of_all_controllers_changes_nothing(kind_suite: KindCluster, story: Story) -> None:
    story.apply(long_rollout())
    story.until(lambda: in_the_middle(story))
    start_controllers_anew(kind_suite)

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
    story.have_jaeger_back()
    check_end(story)


@pytest.mark.parametrize("with_controllers", [False, True], ids=["pods alone", "the controllers too"])
def test_a_drained_node_costs_no_retry(kind_suite: KindCluster, story: Story, *, with_controllers: bool) -> None:
    drained, other = kind_suite.node("worker"), kind_suite.node(WORKER)
    workers = batch(COMPLETIONS, script=ENDS_ELSEWHERE.format(node=drained))
    workers["template"]["spec"]["containers"][0]["env"] = [ITS_NODE]
    with cordoned(kind_suite, other if with_controllers else drained):
        start_controllers_anew(kind_suite)
    with cordoned(kind_suite, other):
        story.apply(fooset("app", batch={"workers": workers}, service={"server": service(REPLICAS)}))
        story.until(lambda: [pod["status"]["phase"] for pod in story.pods()] == ["Running"] * (COMPLETIONS + REPLICAS))
    with cordoned(kind_suite, drained):
        kind_suite.kubectl("drain", drained, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=90s")
        story.until(lambda: is_true(story.get("BatchFooSet", "app-workers"), "Complete"))
        # while no controller runs, a set that has lost its pods still says that it is ready
        story.until(lambda: [is_true(pod, "Ready") for pod in servers_on(story, other)] == [True] * REPLICAS)
        story.until(lambda: is_true(story.get("ServiceFooSet", "app-server"), "Ready"))
    story.have_jaeger_back()
    assert {pod["spec"]["nodeName"] for pod in story.pods()} == {other}
    check_end(story)
    assert created_by(story.writes(), "pods").total() == 2 * (COMPLETIONS + REPLICAS)
    status = story.get("BatchFooSet", "app-workers")["status"]
    assert status["failed"] == 0
    if not with_controllers:  # a pod that went while no controller ran is made again under its old attempt
        assert status["attempts"] == [{"indexes": f"0-{COMPLETIONS - 1}", "attempt": 1}]
