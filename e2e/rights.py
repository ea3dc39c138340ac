"""What each component may do and what it does: what is granted by installed roles, and used in an audit log.

Used is what a component's own processes ask for: sent under its identity by what calls itself by its name. A test that
borrows the identity, or its token, calls itself something else.

    granted  ClusterRole foosets-scheduler   pods/binding create, in any namespace
    used     POST /api/v1/namespaces/demo/pods/demo-0/binding

A request that makes an object where it was to change one (an update or a patch, answered with 201) is asked about twice
by the API server, the second time for `create`; so both are used.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

from e2e.apiserver import ApiServer
from e2e.audit import Event, events, identity
from e2e.cluster.chart import NAMESPACE
from e2e.contract import qualified
from foosets.api.names import Component, field_manager

CREATED: Final = 201
OF_ITS_NAMESPACE: Final = f"system:serviceaccounts:{NAMESPACE}"
"""The group that holds our components alone; others that they are in hold everyone's ServiceAccounts."""
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
Manifest = Mapping[str, Any]


class Right(NamedTuple):
    """A verb on a resource, written as `plural.group/subresource`, or on a path.

    Granted without a namespace or a name it is for any; used without a name it is about none in particular.
    """

    resource: str
    verb: str
    namespace: str = ""
    name: str = ""

    def covers(self, used: "Right") -> bool:
        """Whether what was asked is granted by this."""
        return (
            (self.resource, self.verb) == (used.resource, used.verb)
            and self.namespace in {"", used.namespace}
            and self.name in {"", used.name}
        )

    def __str__(self) -> str:
        about = f" {self.name}" if self.name else ""
        return f"{self.verb} {self.resource}{about}" + (f" in {self.namespace}" if self.namespace else "")


def unused(granted: Iterable[Right], used: Collection[Right]) -> set[Right]:
    """Return what is granted and nobody asked for."""
    return {one for one in granted if not any(map(one.covers, used))}


def not_granted(used: Iterable[Right], granted: Collection[Right]) -> set[Right]:
    """Return what was asked for and is not granted."""
    return {one for one in used if not any(right.covers(one) for right in granted)}


# ---- granted


def granted(server: ApiServer, component: str) -> set[Right]:
    """Return what the roles say that are bound to a component on an API server; not what everyone may."""
    kinds = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
    found = [one for kind in kinds for one in _listed(server, kind)]
    return granted_by(found, identity(component))


def granted_by(objects: Iterable[Manifest], user: str) -> set[Right]:
    """Return what these roles and bindings, each with its kind, give to the user of a ServiceAccount."""
    found = list(objects)
    roles = {_key(one): one for one in found if "rules" in one}
    return {
        right
        for binding in found
        if "roleRef" in binding and any(_names(subject, user) for subject in binding.get("subjects") or ())
        for right in _given(roles, binding)
    }


def _listed(server: ApiServer, plural: str) -> Iterator[Manifest]:
    listed = server.get(f"{RBAC}/{plural}")
    kind = listed["kind"].removesuffix("List")
    return ({**one, "kind": kind} for one in listed["items"])


def _key(role: Manifest) -> tuple[str, str, str]:
    return role["kind"], role["metadata"].get("namespace", ""), role["metadata"]["name"]


def _names(subject: Manifest, user: str) -> bool:
    """Whether a binding's subject is a ServiceAccount, given as the user that it is."""
    if subject["kind"] == "ServiceAccount":
        return user == f"system:serviceaccount:{subject['namespace']}:{subject['name']}"
    return subject["name"] in {user, OF_ITS_NAMESPACE}


def _given(roles: Mapping[tuple[str, str, str], Manifest], binding: Manifest) -> Iterator[Right]:
    namespace = binding["metadata"].get("namespace", "")
    kind, name = binding["roleRef"]["kind"], binding["roleRef"]["name"]
    role = roles.get((kind, namespace if kind == "Role" else "", name), {"rules": ()})
    for rule in role["rules"] or ():
        resources = [qualified(one, group) for one in rule.get("resources", ()) for group in rule["apiGroups"]]
        for resource, verb in product([*resources, *rule.get("nonResourceURLs", ())], rule["verbs"]):
            for named in rule.get("resourceNames") or [""]:
                yield Right(resource, verb, namespace, named)


# ---- used


def used(log: Path, component: str) -> set[Right]:
    """Return what a component's own processes asked for."""
    name = f"{field_manager(Component(component))}/"
    of_its_own = events(log, f'"userAgent":"{name}'.encode())
    return {
        right
        for event in of_its_own
        if event.user.username == identity(component) and event.user_agent.startswith(name)
        for right in _asked(event)
    }


def _asked(event: Event) -> Iterator[Right]:
    target = event.object_ref
    if not target.resource:
        yield Right(event.uri.partition("?")[0], event.verb)
        return
    resource = qualified(target.path, target.api_group)
    yield Right(resource, event.verb, target.namespace, target.name)
    if event.verb in {"update", "patch"} and event.response_status.code == CREATED:
        yield Right(resource, "create", target.namespace, target.name)
