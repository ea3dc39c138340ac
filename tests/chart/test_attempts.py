"""Each attempt at more than one's due is refused by the guard that is named, and its rightful counterpart passes."""

import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from chart.asking import CONTAINERS
from chart.asks import LEASES, MERGE, PLACE, PODS, REVIEWS, SETS, Ask, Scene, a_set, of_a_set, status
from chart.attempts import (
    ADMIN,
    ATTEMPTS,
    CAUSES,
    CHANGER,
    COLLECTOR,
    COMPONENTS,
    DEPLOYER,
    EDITOR,
    FOOSET,
    JOBS,
    ORPHAN,
    ROOT,
    SCHEDULER,
    SERVICE,
    VIEWER,
    Attempt,
)
from chart.manifests import NAMESPACE, Manifest

from e2e.apiserver import ApiServer, RefusedError
from e2e.cluster import controlplane
from e2e.cluster.local import LocalCluster
from foosets.api import names
from tests.cluster.waiting import until_may

pytestmark = pytest.mark.cluster

REFUSED = {403, 422}
PEOPLE = {
    VIEWER: ["foosets-view"],
    EDITOR: ["foosets-view", "foosets-edit"],
    DEPLOYER: ["foosets-view", "foosets-edit", "attempts-pods"],
    CHANGER: ["attempts-change", "attempts-pods"],
    ADMIN: ["admin"],
}
MAY = {
    VIEWER: [("get", "foosets")],
    EDITOR: [("update", "foosets")],
    DEPLOYER: [("update", "foosets"), ("create", "pods")],
    CHANGER: [("patch", "batchfoosets"), ("create", "pods")],
    ADMIN: [("update", "foosets"), ("create", "pods")],
}
"""What shows that the server knows of all that somebody is given: bindings arrive one by one, and the controller
manager has to add our rights to the cluster's own roles."""
BOUND = {"schedulerName": names.DEFAULT_SCHEDULER, "nodeName": "node-0"}
OWN_ROLES = {
    "attempts-pods": {"apiGroups": [""], "resources": ["pods"], "verbs": ["create"]},
    "attempts-change": {"apiGroups": [names.GROUP], "resources": ["batchfoosets"], "verbs": ["get", "patch"]},
}


@dataclass(frozen=True)
class Everyone:
    """A connection for each: with the token of a ServiceAccount, or as the administrator."""

    by_name: dict[str, ApiServer]

    def ask(self, who: str, what: Ask) -> Any:
        """Return the answer; raises RefusedError, also where it is that somebody may not."""
        answer = self.by_name[who].ask(what.method, what.path, what.body, headers=what.headers)
        if what.path == REVIEWS and not answer["status"]["allowed"]:
            raise RefusedError(403, f"{who} may not")
        return answer


# ----------------------------------------------------------------------------------------------- who is there
@pytest.fixture(scope="module")
def everyone(policies: LocalCluster) -> Iterator[Everyone]:
    """Components, controllers of Kubernetes, and people."""
    policies.have_namespace(PLACE)
    policies.client.apply(*grants())
    for person, rights in MAY.items():
        for verb, resource in rights:
            until_may(policies, f"system:serviceaccount:{PLACE}:{person}", verb, resource, PLACE)
    users = {f"{NAMESPACE}:foosets-{component}": component for component in COMPONENTS}
    users |= {f"kube-system:{name}": name for name in (JOBS, COLLECTOR)}
    users |= {f"{PLACE}:{person}": person for person in PEOPLE}
    tls = ssl.create_default_context(cafile=controlplane.authority(policies.state))
    with ExitStack() as stack:
        root = stack.enter_context(ApiServer.of(policies.kubeconfig))
        tokens = {who: token(root, account) for account, who in users.items()}
        people = {who: stack.enter_context(ApiServer(root.url, tls, token)) for who, token in tokens.items()}
        yield Everyone({ROOT: root, **people})


def token(root: ApiServer, account: str) -> str:
    namespace, name = account.split(":")
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    return root.ask("POST", path, {"spec": {}})["status"]["token"]


def grants() -> Iterator[Manifest]:
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    for name, rule in OWN_ROLES.items():
        yield {**rbac, "kind": "ClusterRole", "metadata": {"name": name}, "rules": [rule]}
    for person, roles in PEOPLE.items():
        subject = {"kind": "ServiceAccount", "namespace": PLACE, "name": person}
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": person, "namespace": PLACE}}
        for role in roles:
            metadata = {"name": f"{person}-{role}", "namespace": PLACE}
            reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
            yield {**rbac, "kind": "RoleBinding", "metadata": metadata, "roleRef": reference, "subjects": [subject]}


# ---------------------------------------------------------------------------------------------- what is there
@pytest.fixture(scope="module")
def scene(everyone: Everyone) -> Scene:
    """A FooSet with two children and a pod, a set without a parent, an orphan, and two pods of nobody's."""
    stored: dict[str, Any] = {}
    now = Scene(stored)

    def create(who: str, path: str, manifest: Manifest) -> None:
        stored[manifest["metadata"]["name"]] = everyone.ask(who, Ask("POST", path, manifest))

    create(DEPLOYER, f"{SETS}/foosets", a_set("FooSet", "parent"))
    create(DEPLOYER, f"{SETS}/batchfoosets", a_set("BatchFooSet", "alone"))
    for kind, name in (("BatchFooSet", "parent-batch"), ("ServiceFooSet", "parent-service")):
        create(FOOSET, f"{SETS}/{kind.lower()}s", a_set(kind, name, now.owned_by("parent")))
    for name in ("member", "orphan"):
        create(SERVICE, PODS, of_a_set(now, "ServiceFooSet", name, schedulerName=names.DEFAULT_SCHEDULER))
    orphan = Ask("PATCH", ORPHAN, {"metadata": {"ownerReferences": None}}, {"Content-Type": MERGE})
    stored["orphan"] = everyone.ask(COLLECTOR, orphan)
    for name, spec in (("plain", {"schedulerName": "nobody"}), ("bound", BOUND)):
        create(DEPLOYER, PODS, {"metadata": {"name": name}, "spec": {"containers": CONTAINERS, **spec}})
    for component in COMPONENTS:
        stored[f"lease of {component}"] = everyone.ask(component, Ask("GET", f"{LEASES}/foosets-{component}"))
    return now


# --------------------------------------------------------------------------------------------------- the tests
@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_an_attempt_is_refused_by_its_guard_and_what_is_right_passes(
    everyone: Everyone, scene: Scene, attempt: Attempt
) -> None:
    with pytest.raises(RefusedError) as refused:
        everyone.ask(attempt.who, attempt.request(scene))
    assert refused.value.code in REFUSED
    assert re.search(cause(attempt), str(refused.value))
    everyone.ask(attempt.rightful, (attempt.instead or attempt.request)(scene))


def cause(attempt: Attempt) -> str:
    return CAUSES[attempt.guard].format(user=f"system:serviceaccount:.*{attempt.who}")


@pytest.mark.parametrize(
    "change",
    [
        {"phase": "Failed"},
        {"phase": None},
        {"reason": "x"},
        {"nominatedNodeName": "node-0"},
        {"podIPs": [{"ip": "10.0.0.1"}]},
        {"startTime": "2026-01-01T12:00:00Z"},
        {"containerStatuses": [{"name": "main", "image": "", "imageID": "", "ready": True, "restartCount": 0}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_scheduler_writes_no_member_of_a_status_but_its_condition(
    everyone: Everyone, scene: Scene, change: Manifest
) -> None:
    with pytest.raises(RefusedError, match="writes the condition PodScheduled of a pod's status and nothing else"):
        everyone.ask(SCHEDULER, status({"status": change})(scene))


def test_no_attempt_is_told_twice() -> None:
    assert len({str(attempt) for attempt in ATTEMPTS}) == len(ATTEMPTS)
