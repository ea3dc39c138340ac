"""Two pods of every component: one works, and the other goes on when its pod or its container is gone."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from e2e.apiserver import ApiServer
from e2e.cluster.chart import NAMESPACE
from e2e.cluster.kind import KindCluster
from foosets.api import names
from tests.e2e.story import Story
from tests.e2e_kind.workloads import small

pytestmark = [pytest.mark.kind, pytest.mark.timeout(600)]

COMPONENTS = [str(component) for component in names.Component]
RELEASE_SECONDS = 2.0
RESTART_SECONDS = 5.0
PATIENCE = 60.0
"""For what kubelets on a busy machine do, and for a lease to run out."""
KILLS = 3
"""How often a container is killed, at most, until its kubelet starts the next one while the lease is its pod's."""
WHOLE_SECOND = 1.0
"""What is cut off, at most, of a time that is shown in whole seconds."""
ROLLED_OUT_WITHIN = "--timeout=180s"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
EVENTS = f"/api/v1/namespaces/{NAMESPACE}/events"


@pytest.fixture(scope="module", autouse=True)
def two_of_each(kind_suite: KindCluster) -> Iterator[None]:
    """Have two pods of each component while this module runs."""
    kind_suite.install({"components": {"replicas": 2}})
    yield
    kind_suite.install()


@dataclass(frozen=True, slots=True)
class Seat:
    """One component's Lease and its pods."""

    server: ApiServer
    component: str

    @property
    def lease(self) -> Any:
        """What stands in the Lease."""
        return self.server.get(f"{LEASES}/foosets-{self.component}")["spec"]

    @property
    def holder(self) -> str:
        """Who works; "" when nobody does."""
        return self.lease.get("holderIdentity", "")

    @property
    def deployment(self) -> str:
        """Its pods' owner, as kubectl calls it."""
        return f"deployment/foosets-{self.component}"

    def pods(self) -> dict[str, Any]:
        """The component's pods by name."""
        pods = self.server.get(f"{PODS}?labelSelector=app.kubernetes.io/component={self.component}")["items"]
        return {pod["metadata"]["name"]: pod for pod in pods if "deletionTimestamp" not in pod["metadata"]}

    def until(self, holds: Callable[[], object], seconds: float) -> None:
        """Look again and again until something holds."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, f"{self.component}: {self.lease}"
            time.sleep(0.05)


@pytest.fixture(params=COMPONENTS)
def seat(request: pytest.FixtureRequest, kind_suite: KindCluster, server: ApiServer) -> Seat:
    """A component of which both pods are ready."""
    found = Seat(server, request.param)
    have_both_ready(kind_suite, found)
    return found


def have_both_ready(cluster: KindCluster, seat: Seat) -> None:
    """Wait until both pods are ready and one of them works."""
    cluster.kubectl("rollout", "status", seat.deployment, f"--namespace={NAMESPACE}", ROLLED_OUT_WITHIN)
    seat.until(lambda: seat.holder in seat.pods(), PATIENCE)


def moment(record: Any, which: str) -> float:
    return datetime.fromisoformat(record[which]).timestamp()


def test_two_pods_are_ready_on_two_nodes_and_one_holds_the_lease(seat: Seat) -> None:
    pods = seat.pods()
    assert len({pod["spec"]["nodeName"] for pod in pods.values()}) == 2
    assert seat.holder in pods


def test_when_the_leaders_pod_is_deleted_the_other_works(seat: Seat, kind_suite: KindCluster, story: Story) -> None:
    before, pods = seat.lease, seat.pods()
    kind_suite.kubectl("delete", "pod", before["holderIdentity"], f"--namespace={NAMESPACE}", "--wait=false")
    seat.until(lambda: seat.holder not in {"", before["holderIdentity"]}, PATIENCE)
    after, told_at = seat.lease, told_to_end_at(seat, before["holderIdentity"])
    assert moment(after, "acquireTime") - told_at < RELEASE_SECONDS + WHOLE_SECOND
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1
    assert after["holderIdentity"] in pods, "a new pod was faster than one whose caches are filled"
    story.apply(small("app"))
    story.settle("app")


def told_to_end_at(seat: Seat, pod: str) -> float:
    """When a pod's kubelet told its container to end, as it says itself."""
    chosen = f"fieldSelector=reason=Killing,involvedObject.name={pod}"
    seat.until(lambda: seat.server.get(f"{EVENTS}?{chosen}")["items"], PATIENCE)
    (event,) = seat.server.get(f"{EVENTS}?{chosen}")["items"]
    return moment(event, "firstTimestamp")


def test_a_container_that_is_killed_has_its_lease_back_before_the_other_takes_it(
    seat: Seat, kind_suite: KindCluster, story: Story
) -> None:
    for _ in range(KILLS):
        before = seat.lease
        started_at = killed(kind_suite, seat, before["holderIdentity"])
        if started_at + RESTART_SECONDS <= moment(before, "renewTime") + before["leaseDurationSeconds"]:
            break
        # the same container's next start would be later still: kubelets let one wait that has ended lately
        kind_suite.kubectl("rollout", "restart", seat.deployment, f"--namespace={NAMESPACE}")
        have_both_ready(kind_suite, seat)
    else:
        pytest.fail(f"of {KILLS} times, no kubelet started the container while the lease was its pod's")
    seat.until(lambda: seat.lease.get("acquireTime") != before["acquireTime"], PATIENCE)
    after = seat.lease
    assert after["holderIdentity"] == before["holderIdentity"]
    assert after["leaseTransitions"] == before["leaseTransitions"]
    assert moment(after, "acquireTime") - started_at <= RESTART_SECONDS
    story.apply(small("app"))
    story.settle("app")


def killed(cluster: KindCluster, seat: Seat, pod: str) -> float:
    """Kill a pod's container with -9, as the node's kernel does when memory is short; return when the next started."""
    node, container = seat.pods()[pod]["spec"]["nodeName"], running_container(seat, pod)
    cluster.in_node(node, "crictl", "stop", "--timeout", "0", container)
    seat.until(lambda: running_container(seat, pod) not in {"", container}, PATIENCE)
    # the pod's status says it in whole seconds
    shown = json.loads(cluster.in_node(node, "crictl", "inspect", running_container(seat, pod)))
    return moment(shown["status"], "startedAt")


def running_container(seat: Seat, pod: str) -> str:
    """The id of the container that runs in a pod; "" while none does."""
    (status,) = seat.pods()[pod]["status"]["containerStatuses"]
    return status["containerID"].removeprefix("containerd://") if "running" in status["state"] else ""


def test_an_uninstall_leaves_no_lease_behind(kind_suite: KindCluster, server: ApiServer) -> None:
    kind_suite.suite.uninstall()
    time.sleep(RESTART_SECONDS)
    assert server.get(LEASES)["items"] == []
