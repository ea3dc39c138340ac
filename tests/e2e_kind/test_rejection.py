"""Kubelets that refuse pods, of a node that was filled behind the placers' backs or by two placers at once.

In the first story a kubelet that cannot reach the API server starts a static pod of which nobody else can know. What
was placed there meanwhile it refuses as soon as it hears of it.
"""

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from e2e.audit import identity
from e2e.cluster.kind import KindCluster
from e2e.expected import BATCH_POD, SERVICE_POD
from foosets.api import names
from foosets.planning.quantity import amount
from tests.e2e.demo_story import created_by
from tests.e2e.manifests import fooset
from tests.e2e.story import Story, is_true
from tests.e2e_kind.nodes import cordoned
from tests.e2e_kind.workloads import batch, container, service

pytestmark = pytest.mark.kind
logger = logging.getLogger(__name__)

FILLED, OTHER = "worker", "worker2"
MEMBERS = 2
MEMBER_CPU = 400
"""Milli; two fit on a node that runs little else, and none beside the filler."""
MOST_CREATES = 5
COMPETING, SERVERS = 12, 4
"""Pods of two placers for one node that has room for the first alone."""
MANIFEST = "/etc/kubernetes/manifests/filler.yaml"
TO_THE_API = ("OUTPUT", "-p", "tcp", "--dport", "6443", "-j", "REJECT", "--reject-with", "tcp-reset")
IP_VERSIONS = ("iptables", "ip6tables")
"""A kubelet that gets nowhere with one tries the other."""
STARTED_WITHIN = 30.0
REFUSED = "OutOfcpu"
"""The kubelet's word."""


@contextmanager
def cut_off(cluster: KindCluster, node: str) -> Iterator[None]:
    """Keep a node's kubelet from the API server; short enough, nobody calls the node lost."""
    for program in IP_VERSIONS:
        cluster.in_node(node, program, "-I", *TO_THE_API)
    try:
        yield
    finally:
        for program in IP_VERSIONS:
            cluster.in_node(node, program, "-D", *TO_THE_API)


@contextmanager
def filled(cluster: KindCluster, node: str, cpu: int) -> Iterator[None]:
    """Have a static pod on the node."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "filler", "namespace": "kube-system"},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container("sleep infinity", cpu=f"{cpu}m")]},
    }
    cluster.in_node(node, "sh", "-c", f"cat > {MANIFEST} <<'END'\n{json.dumps(pod)}\nEND")
    try:
        deadline = time.monotonic() + STARTED_WITHIN
        while "filler" not in cluster.in_node(node, "crictl", "ps", "--name=main", "-o", "json"):
            assert time.monotonic() < deadline, "the kubelet did not start the static pod"
            time.sleep(0.5)
        yield
    finally:
        cluster.in_node(node, "rm", "-f", MANIFEST)


def free_cpu(story: Story, node: str) -> int:
    """What is left of a node, in milli."""
    allocatable = story.server.get(f"/api/v1/nodes/{node}")["status"]["allocatable"]["cpu"]
    pods = story.server.get(f"/api/v1/pods?fieldSelector=spec.nodeName={node}")["items"]
    live = [pod for pod in pods if pod["status"]["phase"] not in ("Succeeded", "Failed")]
    requests = [one["resources"].get("requests", {}) for pod in live for one in pod["spec"]["containers"]]
    return amount("cpu", allocatable) - sum(amount("cpu", request.get("cpu", "0")) for request in requests)


def test_a_refused_pod_is_placed_elsewhere_and_charged_to_nobody(kind_suite: KindCluster, story: Story) -> None:
    node, other = kind_suite.node(FILLED), kind_suite.node(OTHER)
    filler = free_cpu(story, node) - MEMBER_CPU // 2
    parts = {"workers": batch(MEMBERS, cpu=f"{MEMBER_CPU}m")}
    with ExitStack() as behind_the_back:
        with cordoned(kind_suite, other), cut_off(kind_suite, node):
            behind_the_back.enter_context(filled(kind_suite, node, filler))
            story.apply(fooset("app", batch=parts))
            story.until(lambda: [pod["spec"]["nodeName"] for pod in story.pods()] == [node] * MEMBERS)
        story.until(lambda: is_true(story.fooset("app"), "Complete"))

    status = story.get("BatchFooSet", "app-workers")["status"]
    assert (status["placementConflicts"], status["failed"], status["succeeded"]) == (MEMBERS, 0, MEMBERS)
    assert {pod["status"]["phase"] for pod in story.pods()} == {"Succeeded"}
    assert {pod["spec"]["nodeName"] for pod in story.pods()} == {other}
    creates = [write for write in story.writes() if (write.verb, write.resource) == ("create", "pods")]
    assert {write.user for write in creates} == {identity("batchfooset")}
    indexes = Counter(write.body["metadata"]["labels"][names.INDEX] for write in creates)
    assert all(1 < count <= MOST_CREATES for count in indexes.values()), indexes

    app = story.settle("app")
    tree = story.trace(app, spans=2 * MEMBERS)
    refused = [span for span in tree.spans if span.name == "pod" and span.attributes.get("fooset.reason") == REFUSED]
    assert len(refused) == MEMBERS
    assert all(span.failed and span.error.startswith(f"{REFUSED}: ") for span in refused)
    assert (len(tree.roots), tree.orphans) == (1, [])


def test_two_placers_that_want_one_node_pay_for_each_conflict_once(kind_suite: KindCluster, story: Story) -> None:
    """How many conflicts there are is a matter of who is first; that every pod more is one of them is not."""
    each = f"{free_cpu(story, kind_suite.node(FILLED)) // COMPETING}m"
    parts = {"batch": {"workers": batch(COMPETING, cpu=each)}, "service": {"server": service(SERVERS, cpu=each)}}
    with cordoned(kind_suite, kind_suite.node(OTHER)):
        story.apply(fooset("app", **parts))
        story.until(lambda: len(story.pods()) >= COMPETING)
    app = story.settle("app")

    conflicts = {child["name"]: child["placementConflicts"] for child in app["status"]["children"]}
    workers, servers = COMPETING + conflicts["workers"], SERVERS + conflicts["server"]
    logger.info("%d of %d pods met a conflict", sum(conflicts.values()), workers + servers)
    assert created_by(story.writes(), "pods") == {
        identity("batchfooset"): workers,
        identity("servicefooset"): servers,
    }
    assert created_by(story.writes(), "pods/binding") == {identity("scheduler"): servers}
    family = story.family("app")
    assert Counter(pod["status"]["phase"] for pod in family.pods) == {"Succeeded": COMPETING, "Running": SERVERS}
    assert [child["failed"] for child in app["status"]["children"]] == [0, 0]
    refused = Counter(BATCH_POD * conflicts["workers"]) + Counter(SERVICE_POD * conflicts["server"])
    spans = family.span_counts + refused
    tree = story.trace(app, spans.total())
    assert tree.count == spans
    assert (len(tree.roots), tree.orphans) == (1, [])
