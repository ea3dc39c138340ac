"""What the API server lets each component do, asked for everything that it serves."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from e2e.apiserver import ApiServer, RefusedError
from e2e.audit import identity
from e2e.cluster.chart import NAMESPACE, RELEASE
from e2e.cluster.local import LocalCluster
from e2e.contract import ONLY_WITHOUT_POLICY, Permission, promised, qualified
from foosets.api import names

pytestmark = pytest.mark.cluster

COMPONENTS = [str(component) for component in names.Component]
NOBODY = f"system:serviceaccount:{NAMESPACE}:default"
"""A ServiceAccount that nobody gave anything: what it may, everyone may."""
ASKERS = 4
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
OURS = f"/apis/{names.API_VERSION}/namespaces/default"


@dataclass(frozen=True, slots=True)
class Served:
    """A resource of discovery; `plural` has its subresource."""

    group: str
    plural: str
    verbs: frozenset[str]


def discovered(server: ApiServer) -> Iterator[Served]:
    for root in ("/api", "/apis"):
        for group in server.get(root, accept=DISCOVERY)["items"]:
            for version in group["versions"]:
                yield from _served(group["metadata"].get("name", ""), version["resources"])


def _served(group: str, resources: Iterable[dict[str, Any]]) -> Iterator[Served]:
    for resource in resources:
        yield Served(group, resource["resource"], frozenset(resource["verbs"]))
        for part in resource.get("subresources", []):
            yield Served(group, f"{resource['resource']}/{part['subresource']}", frozenset(part["verbs"]))


def review(user: str, one: Served, verb: str) -> dict[str, object]:
    resource, _, subresource = one.plural.partition("/")
    attributes = {"group": one.group, "resource": resource, "subresource": subresource, "verb": verb}
    if resource == "leases":
        attributes["name"] = user.rpartition(":")[2]  # a component has a right to the one of its own name
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"]
    spec = {"user": user, "groups": groups, "resourceAttributes": {**attributes, "namespace": NAMESPACE}}
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}


def allowed(suite: LocalCluster, users: list[str], served: set[Served]) -> dict[str, set[Permission]]:
    """What each user may do, of every verb with every resource."""
    verbs = sorted(frozenset().union(*(one.verbs for one in served)))
    questions = list(product(users, served, verbs))

    def ask(share: list[tuple[str, Served, str]]) -> list[tuple[str, Permission]]:
        with ApiServer.of(suite.kubeconfig) as server:
            return [
                (user, (qualified(one.plural, one.group), verb))
                for user, one, verb in share
                if server.ask("POST", REVIEWS, review(user, one, verb))["status"]["allowed"]
            ]

    with ThreadPoolExecutor(ASKERS) as pool:
        found = pool.map(ask, (questions[first::ASKERS] for first in range(ASKERS)))
    answers: dict[str, set[Permission]] = {user: set() for user in users}
    for user, permission in (one for share in found for one in share):
        answers[user].add(permission)
    return answers


def test_a_component_may_what_the_contract_says_and_nothing_else(suite: LocalCluster, server: ApiServer) -> None:
    served = set(discovered(server))
    known = {qualified(one.plural, one.group) for one in served}
    assert {"pods/binding", "secrets", "foosets.foo.example.com/status"} <= known
    users = {identity(component): component for component in COMPONENTS}
    found = allowed(suite, [*users, NOBODY], served)
    everyones = found.pop(NOBODY)
    for user, component in users.items():
        due = {one for one in promised(component) if one[0] in known} - ONLY_WITHOUT_POLICY
        assert found[user] - everyones == due


def test_no_component_is_in_a_group_that_gives_it_more(suite: LocalCluster) -> None:
    whoami = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    for component in COMPONENTS:
        with ApiServer.of(suite.component(component).kubeconfig) as server:
            user = server.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", whoami)["status"]["userInfo"]
        assert user["username"] == identity(component)
        assert set(user["groups"]) == {
            "system:serviceaccounts",
            f"system:serviceaccounts:{NAMESPACE}",
            "system:authenticated",
        }


def test_in_one_namespace_it_has_a_role_of_its_own_and_no_other(server: ApiServer) -> None:
    bindings = server.get("/apis/rbac.authorization.k8s.io/v1/rolebindings")["items"]
    subjects = [(binding, subject) for binding in bindings for subject in binding.get("subjects", [])]
    ours = [pair for pair in subjects if pair[1].get("namespace") == NAMESPACE or NAMESPACE in pair[1]["name"]]
    assert {subject["name"] for _, subject in ours} == {f"{RELEASE}-{component}" for component in COMPONENTS}
    for binding, subject in ours:
        assert binding["metadata"]["namespace"] == NAMESPACE
        assert binding["roleRef"]["kind"] == "Role"
        assert binding["metadata"]["name"] == binding["roleRef"]["name"] == subject["name"]


@pytest.mark.parametrize(
    ("component", "method", "path"),
    [
        ("fooset", "POST", "/api/v1/namespaces/default/pods"),
        ("fooset", "GET", "/api/v1/nodes"),
        ("fooset", "PATCH", f"{OURS}/foosets/any"),
        ("batchfooset", "POST", "/api/v1/namespaces/default/pods/any/binding"),
        ("batchfooset", "DELETE", f"{OURS}/batchfoosets/any"),
        ("servicefooset", "GET", "/api/v1/nodes"),
        ("servicefooset", "POST", "/api/v1/namespaces/default/pods/any/binding"),
        ("scheduler", "POST", "/api/v1/namespaces/default/pods"),
        ("scheduler", "DELETE", "/api/v1/namespaces/default/pods/any"),
        ("scheduler", "GET", "/api/v1/namespaces/default/secrets"),
        ("fooset", "GET", LEASES),
        ("fooset", "POST", LEASES),
        ("fooset", "GET", f"{LEASES}/foosets-scheduler"),
        ("fooset", "PUT", f"{LEASES}/foosets-scheduler"),
        ("fooset", "DELETE", f"{LEASES}/foosets-fooset"),
    ],
)
def test_a_request_with_its_token_is_refused(suite: LocalCluster, component: str, method: str, path: str) -> None:
    with ApiServer.of(suite.component(component).kubeconfig) as server:
        with pytest.raises(RefusedError, match=f'User "{identity(component)}" cannot') as refused:
            server.ask(method, path, {} if method in {"POST", "PATCH", "PUT"} else None)
        assert refused.value.code == 403
