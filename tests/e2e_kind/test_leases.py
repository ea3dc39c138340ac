"""Two pods of every component: one works, and the other goes on when its pod or its container is gone."""

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
KUBELET_SECONDS = 10.0
"""Until a kubelet on a busy machine has told a container to end, or has noticed that one ended and started the next."""
RESTART_SECONDS = 5.0
ROLLED_OUT_WITHIN = "--timeout=180s"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"


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
    deployment = f"deployment/foosets-{request.param}"
    kind_suite.kubectl("rollout", "status", deployment, f"--namespace={NAMESPACE}", ROLLED_OUT_WITHIN)
    found = Seat(server, request.param)
    found.until(lambda: found.holder in found.pods(), KUBELET_SECONDS)
    return found


def moment(lease: Any, which: str) -> float:
    return datetime.fromisoformat(lease[which]).timestamp()


def test_two_pods_are_ready_on_two_nodes_and_one_holds_the_lease(seat: Seat) -> None:
    pods = seat.pods()
    assert len({pod["spec"]["nodeName"] for pod in pods.values()}) == 2
    assert seat.holder in pods


def test_when_the_leaders_pod_is_deleted_the_other_works(seat: Seat, kind_suite: KindCluster, story: Story) -> None:
    before, pods = seat.lease, seat.pods()
    kind_suite.kubectl("delete", "pod", before["holderIdentity"], f"--namespace={NAMESPACE}", "--wait=false")
    seat.until(lambda: seat.holder not in {"", before["holderIdentity"]}, KUBELET_SECONDS + RELEASE_SECONDS)
    after = seat.lease
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1
    assert after["holderIdentity"] in pods, "a new pod was faster than one whose caches are filled"
    story.apply(small("app"))
    story.settle("app")


def test_a_container_that_is_killed_has_its_lease_back_before_the_other_takes_it(
    seat: Seat, kind_suite: KindCluster, story: Story
) -> None:
    before = seat.lease
    killed_at = time.time()
    kill_container(kind_suite, seat.pods()[before["holderIdentity"]])
    within = KUBELET_SECONDS + RESTART_SECONDS
    seat.until(lambda: seat.lease.get("acquireTime") != before["acquireTime"], within)
    after = seat.lease
    assert after["holderIdentity"] == before["holderIdentity"]
    assert after["leaseTransitions"] == before["leaseTransitions"]
    assert moment(after, "acquireTime") - killed_at < within
    story.apply(small("app"))
    story.settle("app")


def kill_container(cluster: KindCluster, pod: Any) -> None:
    """Kill it with -9, as the node's kernel does when memory is short."""
    (status,) = pod["status"]["containerStatuses"]
    container = status["containerID"].removeprefix("containerd://")
    cluster.in_node(pod["spec"]["nodeName"], "crictl", "stop", "--timeout", "0", container)


def test_an_uninstall_leaves_no_lease_behind(kind_suite: KindCluster, server: ApiServer) -> None:
    kind_suite.suite.uninstall()
    time.sleep(RESTART_SECONDS)
    assert server.get(LEASES)["items"] == []
