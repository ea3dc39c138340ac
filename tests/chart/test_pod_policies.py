"""Which scheduler a waiting pod gets, and who creates which pods, on a real API server."""

import pytest
from chart.asking import (
    BATCH,
    EMPTY,
    FOOSET,
    OVERRIDING,
    PLAIN,
    SCHEDULER,
    SERVICE,
    created,
    placed_pod,
    plain_pod,
    pod,
    refusal,
    waiting_pod,
)
from chart.manifests import Manifest

from e2e.cluster.local import LocalCluster
from foosets.api import names

pytestmark = pytest.mark.cluster


# ------------------------------------------------------------------------------------- the scheduler's name
@pytest.mark.parametrize(
    ("namespace", "asked", "given"),
    [
        (PLAIN, names.UNASSIGNED_SCHEDULER, names.DEFAULT_SCHEDULER),
        (OVERRIDING, names.UNASSIGNED_SCHEDULER, "other-scheduler"),
        (EMPTY, names.UNASSIGNED_SCHEDULER, names.DEFAULT_SCHEDULER),
    ],
)
def test_a_waiting_pod_gets_its_scheduler(policies: LocalCluster, namespace: str, asked: str, given: str) -> None:
    stored = created(policies, waiting_pod(namespace, asked), SERVICE)
    assert stored["spec"]["schedulerName"] == given
    assert stored["metadata"]["annotations"][names.SCHEDULER_ASSIGNED_BY] == names.ASSIGNED_BY_POLICY


@pytest.mark.parametrize("chosen", ["default-scheduler", "my-scheduler"])
def test_an_explicit_scheduler_is_honoured(policies: LocalCluster, chosen: str) -> None:
    stored = created(policies, waiting_pod(OVERRIDING, chosen), SERVICE)
    assert stored["spec"]["schedulerName"] == chosen
    assert names.SCHEDULER_ASSIGNED_BY not in stored["metadata"].get("annotations", {})


def test_other_pods_are_left_alone(policies: LocalCluster) -> None:
    stored = created(policies, plain_pod(schedulerName=names.UNASSIGNED_SCHEDULER), "admin")
    assert stored["spec"]["schedulerName"] == names.UNASSIGNED_SCHEDULER
    assert created(policies, plain_pod(nodeName="node-0"), "admin")["spec"]["nodeName"] == "node-0"


# ---------------------------------------------------------------------------------------------- pods' origin
def test_the_batch_controller_places_its_pods(policies: LocalCluster) -> None:
    assert created(policies, placed_pod(), BATCH)["spec"]["nodeName"] == "node-0"


@pytest.mark.parametrize("key", [names.SET_UID, names.OWNER_UID, names.PLACEMENT])
def test_our_labels_come_from_our_controllers_alone(policies: LocalCluster, key: str) -> None:
    pretending = plain_pod(nodeName="node-0")
    pretending["metadata"]["labels"] = {key: "x"}
    assert "create a FooSet, BatchFooSet or ServiceFooSet, or leave these labels out" in refusal(
        policies, pretending, "admin"
    )


def test_only_the_batch_controller_writes_the_node_name(policies: LocalCluster) -> None:
    placed = pod(names.PLACED_BY_SCHEDULER, "ServiceFooSet", nodeName="node-0")
    assert "only the batchfooset controller creates pods with spec.nodeName" in refusal(policies, placed, SERVICE)


@pytest.mark.parametrize(("user", "owner"), [(BATCH, "BatchFooSet"), (SERVICE, "ServiceFooSet")])
def test_our_controllers_create_nothing_unmarked(policies: LocalCluster, user: str, owner: str) -> None:
    unmarked = pod(names.PLACED_BY_SCHEDULER, owner)
    del unmarked["metadata"]["labels"][names.SET_UID]
    said = "creates only pods that carry the label foo.example.com/set-uid"
    assert said in refusal(policies, unmarked, user)
    assert said in refusal(policies, plain_pod(), user)


@pytest.mark.parametrize(
    ("user", "manifest"),
    [
        (SERVICE, pod(names.PLACED_BY_SCHEDULER, "BatchFooSet")),
        (BATCH, pod(names.PLACED_BY_CONTROLLER, "ServiceFooSet", nodeName="node-0")),
        (BATCH, pod(names.PLACED_BY_CONTROLLER, "FooSet", nodeName="node-0")),
    ],
)
def test_a_controller_creates_pods_of_its_own_kind_alone(policies: LocalCluster, user: str, manifest: Manifest) -> None:
    assert "as controller" in refusal(policies, manifest, user)


@pytest.mark.parametrize("user", [FOOSET, SCHEDULER])
def test_the_other_components_may_not_create_pods_at_all(policies: LocalCluster, user: str) -> None:
    assert f'User "{user}" cannot create resource "pods"' in refusal(policies, waiting_pod(), user)
