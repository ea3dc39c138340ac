"""Granted is used and used is granted, by the audit logs of the run; so this comes when the stories have been told.

Two clusters: the one of all stories, and one in which no policy names the scheduler. What stories rarely bring about is
brought about here, so that these tests say the same when they run alone.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from e2e.apiserver import ApiServer
from e2e.audit import events, identity
from e2e.cluster.chart import NAMESPACE, RELEASE
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.contract import promised
from e2e.faults.faults import Fault, LoseReply
from e2e.faults.points import Point, Verb
from e2e.rights import RBAC, Right, granted, not_granted, unused, used
from e2e.sweep.outcome import Act, act_of, is_event
from e2e.sweep.runs import tell
from e2e.sweep.stage import Stage, staged
from e2e.sweep.stories import STORIES
from e2e.sweep.sweeping import LANES
from foosets.api import names
from tests.e2e import manifests
from tests.e2e.story import Story, condition, is_true

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

COMPONENTS = [str(component) for component in names.Component]
CONTROLLER_ASSIGNS = {"policies": {"schedulerName": "Controller"}}
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
BIGGER_THAN_A_NODE = "1000"
ON_FINALIZERS = [
    (component, resource)
    for component in COMPONENTS
    for resource, _ in sorted(promised(component))
    if resource.endswith("/finalizers")
]
"""What no request shows: the API server asks for it where `blockOwnerDeletion` is set. Taken away below, one by one."""

Rights = Mapping[str, set[Right]]
"""By component."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was granted on one cluster, and used by the end of its stories."""

    granted: Rights
    used: Rights

    @classmethod
    def of(cls, cluster: LocalCluster, server: ApiServer) -> "Run":
        """Read both."""
        return cls(
            {component: granted(server, component) for component in COMPONENTS},
            {component: used(cluster.audit_log, component) for component in COMPONENTS},
        )


# --------------------------------------------------------------------------------------------------- stories
def replies_are_lost(stage: Stage) -> None:
    """Tell the first rollout with the reply lost to the first of each kind of write: what was written is read back."""
    rollout = STORIES[0]
    acts = {act for act in map(act_of, (one.request for one in tell(stage, rollout).writes)) if recurs(act)}
    told = tell(stage, rollout, partial(lost, acts))
    assert told.happened


def recurs(act: Act) -> bool:
    """Whether another telling has it, too. Events and a pod's condition tell causes, which a quick machine skips."""
    return not is_event(act) and act[2] != "pods/status"


def lost(acts: set[Act], namespace: str) -> list[Fault]:
    return [LoseReply(Point(component, Verb(verb), resource, namespace)) for component, verb, resource in sorted(acts)]


def every_story_is_told(stage: Stage) -> None:
    with ThreadPoolExecutor(LANES) as pool:
        list(pool.map(partial(tell, stage), STORIES))


def pods_fit_nowhere(story: Story) -> None:
    batch, service = manifests.batch(1, cpu=BIGGER_THAN_A_NODE), manifests.service(1, cpu=BIGGER_THAN_A_NODE)
    story.apply(manifests.fooset("app", batch={"workers": batch}, service={"server": service}))
    for kind, name in (("BatchFooSet", "app-workers"), ("ServiceFooSet", "app-server"), ("FooSet", "app")):
        story.until(lambda kind=kind, name=name: reason(story, kind, name) == names.Reason.NO_FIT)


def reason(story: Story, kind: str, name: str) -> str:
    """Why a set is not ready; nothing while there is none."""
    return condition(story.get(kind, name), "Ready")["reason"] if story.exists(kind, name) else ""


def a_child_is_deleted(story: Story) -> None:
    story.apply(manifests.small("app"))
    story.until(lambda: story.exists("BatchFooSet", "app-workers"))
    first = story.get("BatchFooSet", "app-workers")["metadata"]["uid"]
    story.kubectl("delete", "batchfooset", "app-workers")
    story.until(lambda: story.exists("BatchFooSet", "app-workers"))
    assert story.get("BatchFooSet", "app-workers")["metadata"]["uid"] != first


def leases_are_lost(server: ApiServer) -> None:
    for component in COMPONENTS:
        server.ask("DELETE", f"{LEASES}/{RELEASE}-{component}")


def leases(server: ApiServer) -> set[str]:
    return {one["metadata"]["name"] for one in server.get(LEASES)["items"]}


@pytest.fixture(scope="module")
def shared(suite: LocalCluster, server: ApiServer) -> Run:
    """The cluster of all stories, after those that are told here."""
    with staged(suite) as stage, stage.recording():
        replies_are_lost(stage)
        every_story_is_told(stage)
    a_child_is_deleted(empty(suite, server, "child-deleted"))
    story = empty(suite, server, "bigger-than-a-node")
    pods_fit_nowhere(story)
    leases_are_lost(server)
    story.until(lambda: leases(server) == {f"{RELEASE}-{component}" for component in COMPONENTS})
    return Run.of(suite, server)


@pytest.fixture(scope="module")
def assigning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A cluster where the controller names the scheduler, and a set that has settled there."""
    made = LocalCluster(tmp_path_factory.mktemp("rights") / "cluster", progress=Progress(quiet=True))
    try:
        made.up(node_count=2, with_jaeger=False)
        made.install(CONTROLLER_ASSIGNS)
        with ApiServer.of(made.kubeconfig) as server:
            story = empty(made, server, "assigning")
            story.apply(manifests.small("app"))
            story.settle("app")
            yield story
    finally:
        made.down()


@pytest.fixture(scope="module")
def runs(shared: Run, suite: LocalCluster, assigning: Story) -> list[Run]:
    """Both clusters."""
    assert isinstance(assigning.suite, LocalCluster)
    assert assigning.suite is not suite
    return [shared, Run.of(assigning.suite, assigning.server)]


def empty(cluster: LocalCluster, server: ApiServer, namespace: str) -> Story:
    cluster.have_namespace(namespace)
    return Story(cluster, server, namespace)


# ----------------------------------------------------------------------------------------- granted and used
@pytest.mark.parametrize("component", COMPONENTS)
def test_what_is_granted_is_used(runs: list[Run], component: str) -> None:
    everywhere = [right for run in runs for right in run.used[component]]
    assert all(run.granted[component] for run in runs)
    surplus = {right for run in runs for right in unused(run.granted[component], everywhere)}
    without_a_request = {right for right in surplus if (component, right.resource) in ON_FINALIZERS}
    assert sorted(map(str, surplus - without_a_request)) == [], f"granted to {component}, and no story uses it"


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_is_used_is_granted(runs: list[Run], component: str) -> None:
    for run in runs:
        surplus = not_granted(run.used[component], run.granted[component])
        assert sorted(map(str, surplus)) == [], f"{component} asks for it, and no role grants it"


# ------------------------------------------------------------------------------------ what no request shows
@pytest.mark.parametrize(("component", "resource"), ON_FINALIZERS)
def test_who_may_not_block_an_owners_deletion_is_refused_until_he_may(
    runs: list[Run], assigning: Story, component: str, resource: str
) -> None:
    del runs  # the log is read before something is refused
    assert isinstance(assigning.suite, LocalCluster)
    story = empty(assigning.suite, assigning.server, f"without-{resource.partition('.')[0]}")
    role = take_away(story, component, resource)
    story.apply(manifests.small("app"))
    story.until(lambda: refusals(story, component))
    assert not is_true(story.fooset("app"), "Ready")
    put_rules(story.server, component, role["rules"])
    assert is_true(story.settle("app"), "Ready")


def take_away(story: Story, component: str, resource: str) -> Any:
    """Take a resource out of a component's role, and wait until that is in force; return the role as it was."""
    plural = resource.partition(".")[0]
    role = story.server.get(f"{RBAC}/clusterroles/{RELEASE}-{component}")
    rules = [rule for rule in role["rules"] if rule["resources"] != [f"{plural}/finalizers"]]
    assert len(rules) == len(role["rules"]) - 1
    put_rules(story.server, component, rules)
    story.until(lambda: not may_update_finalizers(story.server, component, plural))
    return role


def put_rules(server: ApiServer, component: str, rules: list[Any]) -> None:
    path = f"{RBAC}/clusterroles/{RELEASE}-{component}"
    server.ask("PUT", path, {**server.get(path), "rules": rules})


def may_update_finalizers(server: ApiServer, component: str, plural: str) -> bool:
    asked = {"verb": "update", "group": names.GROUP, "resource": plural, "subresource": "finalizers"}
    review = {"spec": {"user": identity(component), "resourceAttributes": asked}}
    return server.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)["status"]["allowed"]


def refusals(story: Story, component: str) -> list[str]:
    """What the admission plugin has refused to a component in a namespace."""
    of_the_namespace = events(story.suite.audit_log, f'"namespace":"{story.namespace}"'.encode())
    return [
        event.response_status.message
        for event in of_the_namespace
        if (event.user.username, event.response_status.code) == (identity(component), 403)
        and "cannot set blockOwnerDeletion" in event.response_status.message
    ]
