"""Causes that lie in the suite itself: a component that is down, a right or a policy that was taken away.

What they take away, others would miss; so they have a cluster of their own, and one after the other its use.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.audit import identity
from e2e.cluster.chart import RELEASE
from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from foosets.api import names
from foosets.api.names import Component
from tests.e2e import causes, manifests
from tests.e2e.causes import APP, BATCH, UNPLACED_POD, Blamed, reasons_told
from tests.e2e.story import Story, told_apart
from tests.e2e.test_causes import SHOWN_WITHIN, mended, shown

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

SILENT_WITHIN = 30.0
ROLE = f"{RELEASE}-{Component.BATCHFOOSET}"
ASSIGNMENT = "mutatingadmissionpolicybinding", f"{RELEASE}-scheduler-name"


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster with the suite, for this module alone."""
    made = LocalCluster(tmp_path_factory.mktemp("apart") / "cluster")
    try:
        made.up(node_count=2)
        made.install()
        yield made
    finally:
        made.down()


@pytest.fixture
def story(apart: LocalCluster, request: pytest.FixtureRequest) -> Iterator[Story]:
    """A namespace of that cluster."""
    with told_apart(apart, request.node.name) as story:
        yield story


DOWN = {
    Component.SCHEDULER: ("SchedulerSilent", UNPLACED_POD, causes.server),
    Component.BATCHFOOSET: ("ControllerSilent", Blamed("BatchFooSet", f"{APP}-workers", "Ready"), causes.workers),
    Component.SERVICEFOOSET: ("ControllerSilent", Blamed("ServiceFooSet", f"{APP}-server", "Ready"), causes.server),
}


@pytest.mark.parametrize("component", [str(component) for component in DOWN])
def test_a_component_that_is_down_is_told_by_what_waits_for_it(
    apart: LocalCluster, story: Story, component: str
) -> None:
    reason, blamed, manifest = DOWN[Component(component)]
    apart.component(component).stop()
    try:
        story.apply(manifest())
        shown(story, reason, blamed, SILENT_WITHIN)
    finally:
        apart.component(component).start()
    mended(story)
    assert reasons_told(story) == [reason]


def test_a_quota_that_nobody_keeps_is_told_by_the_set_that_waits_for_its_answer(
    apart: LocalCluster, story: Story
) -> None:
    keeper = apart.component(str(Component.FOOQUOTA))
    keeper.stop()
    try:
        causes.limits(pods="5")(story)
        story.apply(causes.workers())
        shown(story, "ControllerSilent", Blamed("FooQuota", "little", "Ready"), SILENT_WITHIN)
        assert story.pods() == []
    finally:
        keeper.start()
    mended(story)
    assert reasons_told(story) == ["ControllerSilent"]


@pytest.fixture
def role(apart: LocalCluster) -> Iterator[Any]:
    """The role of the batch controller, which has it again afterwards."""
    found = apart.client.get("clusterrole", ROLE)
    yield found
    patch_rules(apart, found["rules"])


def patch_rules(cluster: LocalCluster, rules: list[Any]) -> None:
    cluster.kubectl("patch", "clusterrole", ROLE, "--type=merge", f"--patch={json.dumps({'rules': rules})}")


def test_a_right_that_is_missing_names_who_may_not_do_what_and_the_role(
    apart: LocalCluster, story: Story, role: Any
) -> None:
    patch_rules(apart, [without_create(rule) for rule in role["rules"]])
    story.until(lambda: not may_create_pods(story))
    story.apply(causes.workers())
    shown(story, "AdmissionDenied", BATCH, SHOWN_WITHIN)
    message = story.fooset(APP)["status"]["blockedBy"]["message"]
    assert f'User "{identity(Component.BATCHFOOSET)}" cannot create resource "pods"' in message
    assert message.endswith("see the role that the chart gives this user")
    patch_rules(apart, role["rules"])
    mended(story)
    assert reasons_told(story) == ["AdmissionDenied"]


def without_create(rule: Any) -> Any:
    if rule["resources"] != ["pods"]:
        return rule
    return {**rule, "verbs": [verb for verb in rule["verbs"] if verb != "create"]}


def may_create_pods(story: Story) -> bool:
    asked = ("auth", "can-i", "create", "pods", f"--as={identity(Component.BATCHFOOSET)}")
    try:
        return story.kubectl(*asked).strip() == "yes"
    except ClusterError:
        return False  # kubectl fails where the answer is no


def test_a_policy_that_names_no_scheduler_any_more_is_told_by_the_pod(apart: LocalCluster, story: Story) -> None:
    binding = apart.client.get(*ASSIGNMENT)
    story.kubectl("delete", *ASSIGNMENT)
    try:
        story.until(lambda: not is_assigned(story))
        story.apply(causes.server())
        shown(story, "SchedulerNotAssigned", UNPLACED_POD, SHOWN_WITHIN)
    finally:
        kept = {key: binding["metadata"][key] for key in ("name", "labels", "annotations")}
        apart.client.apply({**binding, "metadata": kept})
    story.until(lambda: is_assigned(story))
    story.kubectl("delete", "pods", "--all", "--wait=false")  # admission judges a pod once
    mended(story)
    assert reasons_told(story) == ["SchedulerNotAssigned"]


def is_assigned(story: Story) -> bool:
    """Whether a pod of a set, were it created now, would be given a scheduler."""
    owner = {"apiVersion": names.API_VERSION, "kind": "ServiceFooSet", "name": "probe", "uid": "probe"}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "probe",
            "labels": {names.SET_UID: "probe", names.PLACEMENT: names.PLACED_BY_SCHEDULER},
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": manifests.pods(cpu="1m", schedulerName=names.UNASSIGNED_SCHEDULER)["spec"],
    }
    path = f"/api/v1/namespaces/{story.namespace}/pods?dryRun=All"
    code, made = story.server.send("POST", path, json.dumps(pod).encode(), user=identity(Component.SERVICEFOOSET))
    assert code == 201, made
    return made["spec"]["schedulerName"] != names.UNASSIGNED_SCHEDULER
