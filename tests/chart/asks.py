"""Requests of which it matters who makes them, as values: most are dry runs, so that nothing is left behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from chart.asking import CONTAINERS, controlled_by
from chart.manifests import NAMESPACE, Manifest

from e2e.rights import RBAC
from foosets.api import names

PLACE: Final = "attempts"
"""The namespace of all of them; people are ServiceAccounts there."""
APPLY: Final = "application/apply-patch+yaml"
MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
PODS: Final = f"/api/v1/namespaces/{PLACE}/pods"
BINDINGS: Final = f"/api/v1/namespaces/{PLACE}/bindings"
"""The older way to bind a pod, which the body names."""
SETS: Final = f"/apis/{names.API_VERSION}/namespaces/{PLACE}"
ACCOUNTS: Final = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts"
REVIEWS: Final = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
LEASES: Final = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"
DRY: Final = "?dryRun=All"
PRIVILEGED: Final = [{"name": "main", "image": "main", "securityContext": {"privileged": True}}]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    method: str
    path: str
    body: Manifest | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Scene:
    """What is there, as stored: a FooSet with a child of each kind and pods, sets without parents, others' pods."""

    stored: Mapping[str, Any]

    def uid(self, name: str) -> str:
        """Return an object's uid."""
        return self.stored[name]["metadata"]["uid"]

    def owned_by(self, fooset: str) -> list[Manifest]:
        """Return the owner references of a child."""
        return controlled_by("FooSet", fooset, self.uid(fooset))


Request = Callable[[Scene], Ask]


# -------------------------------------------------------------------------------------------------- manifests
def pod(name: str, labels: Mapping[str, str], owners: list[Manifest], **spec: Any) -> Manifest:
    metadata = {"name": name, "labels": dict(labels), "ownerReferences": owners}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": CONTAINERS, **spec}}


def of_a_set(scene: Scene, kind: str, name: str = "new", **spec: Any) -> Manifest:
    """A pod as the controller of that kind creates it."""
    parent = "parent-batch" if kind == "BatchFooSet" else "parent-service"
    labels = {names.SET_UID: scene.uid("parent"), names.OWNER_UID: scene.uid(parent)}
    return pod(name, labels, controlled_by(kind, parent, scene.uid(parent)), **spec)


def a_set(kind: str, name: str, owners: list[Manifest] | None = None, image: str = "main") -> Manifest:
    restart = {"restartPolicy": "Never"} if kind == "BatchFooSet" else {}
    template = {"spec": {"containers": [{"name": "main", "image": image}], **restart}}
    metadata = {"name": name, "namespace": PLACE, "ownerReferences": owners or []}
    spec = {} if kind == "FooSet" else {"template": template}
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def placed(scene: Scene) -> Manifest:
    """A pod as the batchfooset controller makes it."""
    return of_a_set(scene, "BatchFooSet", nodeName="node-0")


def waiting(scene: Scene) -> Manifest:
    """A pod as the servicefooset controller makes it."""
    return of_a_set(scene, "ServiceFooSet", schedulerName="foo-scheduler")


def waiting_somewhere(scene: Scene) -> Manifest:
    """The same with a node."""
    return of_a_set(scene, "ServiceFooSet", nodeName="node-0")


def unmarked(scene: Scene) -> Manifest:
    """A pod of a set that does not say so."""
    manifest = placed(scene)
    return {**manifest, "metadata": {**manifest["metadata"], "labels": {"app": "x"}}}


def nobodys(scene: Scene) -> Manifest:
    """The same without a controller of ours."""
    manifest = unmarked(scene)
    return {**manifest, "metadata": {"name": "new", "labels": {"app": "x"}}}


def privileged(scene: Scene) -> Manifest:
    """A pod that is root on its node."""
    return of_a_set(scene, "BatchFooSet", nodeName="node-0", containers=PRIVILEGED)


def restricted(scene: Scene, account: str = "default") -> Manifest:
    """A pod that the release's namespace takes."""
    pod = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    containers = [{"name": "main", "image": "main", "securityContext": container}]
    spec = {"nodeName": "node-0", "securityContext": pod, "containers": containers, "serviceAccountName": account}
    return of_a_set(scene, "BatchFooSet", **spec)


def as_the_scheduler(scene: Scene) -> Manifest:
    """A pod that runs as another component."""
    return restricted(scene, "foosets-scheduler")


# --------------------------------------------------------------------------------------------------- requests
def create_pod(make: Callable[[Scene], Manifest], namespace: str = PLACE) -> Request:
    return lambda scene: Ask("POST", f"/api/v1/namespaces/{namespace}/pods{DRY}", make(scene))


def create_set(kind: str, owner: str = "") -> Request:
    path = f"{SETS}/{kind.lower()}s{DRY}"
    return lambda scene: Ask("POST", path, a_set(kind, "new", scene.owned_by(owner) if owner else []))


def apply_set(kind: str, name: str, owner: str = "", image: str = "other") -> Request:
    def request(scene: Scene) -> Ask:
        owners = scene.owned_by(owner) if owner else []
        path = f"{SETS}/{kind.lower()}s/{name}{DRY}&fieldManager=attempts&force=true"
        return Ask("PATCH", path, a_set(kind, name, owners, image), {"Content-Type": APPLY})

    return request


def patch(path: str, change: Manifest, content: str = MERGE) -> Request:
    return lambda _: Ask("PATCH", f"{path}{DRY}", change, {"Content-Type": content})


def put_set(kind: str, name: str, image: str = "other") -> Request:
    def request(scene: Scene) -> Ask:
        spec = a_set(kind, name, image=image)["spec"]
        return Ask("PUT", f"{SETS}/{kind.lower()}s/{name}{DRY}", {**scene.stored[name], "spec": spec})

    return request


def put_status(kind: str, name: str) -> Request:
    return lambda scene: Ask("PUT", f"{SETS}/{kind.lower()}s/{name}/status{DRY}", scene.stored[name])


def bind(name: str, labels: Mapping[str, str] | None = None, *, at: str = "") -> Request:
    """Bind a pod, by its subresource or `at` another path."""
    metadata = {"name": name, "labels": dict(labels or {})}
    target = {"apiVersion": "v1", "kind": "Node", "name": "node-0"}
    path = f"{PODS}/{name}/binding"
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
    return lambda _: Ask("POST", f"{at or path}{DRY}", binding)


def get(path: str) -> Request:
    return lambda _: Ask("GET", path)


def post(path: str, body: Manifest) -> Request:
    return lambda _: Ask("POST", path, body)


def put_lease(component: str) -> Request:
    return lambda scene: Ask("PUT", f"{LEASES}/foosets-{component}{DRY}", scene.stored[f"lease of {component}"])


def delete(path: str) -> Request:
    return lambda _: Ask("DELETE", f"{path}{DRY}")


def make_role(resource: str, *verbs: str) -> Request:
    rule = {"apiGroups": [names.GROUP], "resources": [resource], "verbs": list(verbs)}
    return post(f"{RBAC}/namespaces/{PLACE}/roles{DRY}", {"metadata": {"name": "attempt"}, "rules": [rule]})


def bind_role(role: str, account: str, *, namespace: str = "") -> Request:
    where = f"namespaces/{namespace}/rolebindings" if namespace else "clusterrolebindings"
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    subject = {"kind": "ServiceAccount", "namespace": PLACE, "name": account}
    body: Manifest = {"metadata": {"name": "attempt"}, "roleRef": reference, "subjects": [subject]}
    return post(f"{RBAC}/{where}{DRY}", body)


def widen_role(component: str) -> Request:
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    return patch(f"{RBAC}/clusterroles/foosets-{component}", {"rules": everything})


def pretend(user: str) -> Request:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    return lambda _: Ask("POST", path, {}, {"Impersonate-User": user})


def token_of(account: str) -> Request:
    return post(f"{ACCOUNTS}/{account}/token", {"spec": {}})


def may(verb: str, resource: str, subresource: str = "") -> Request:
    """Whether who asks may do something: for what cannot be done to a pod that does not run."""
    attributes = {"namespace": PLACE, "verb": verb, "resource": resource, "subresource": subresource}
    review = {"spec": {"resourceAttributes": attributes}}
    return post(REVIEWS, review)


def own(path: str, *owners: Manifest) -> Request:
    """Have an object name these as its owners."""
    return patch(path, {"metadata": {"ownerReferences": list(owners)}})


def own_as(path: str, like: str, **changes: str) -> Request:
    """Have an object name the owners that `like` is stored with, with these changes."""

    def request(scene: Scene) -> Ask:
        owners = scene.stored[like]["metadata"]["ownerReferences"]
        return own(path, *({**owner, **changes} for owner in owners))(scene)

    return request


def labelled(key: str, value: str | None = "x") -> Manifest:
    return {"metadata": {"labels": {key: value}}}


def annotated(key: str) -> Manifest:
    return {"metadata": {"annotations": {key: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}}


def status(change: Manifest, name: str = "member") -> Request:
    """A write to a pod's status."""
    return patch(f"{PODS}/{name}/status", change, STRATEGIC)
