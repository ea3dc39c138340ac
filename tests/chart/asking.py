"""Writes of sets and pods under the identities that the policies know, and what the API server says to them.

Most are server-side dry runs: every policy judges them, and nothing is left behind.
"""

import json
from collections.abc import Callable

import pytest
from chart.manifests import NAMESPACE, Manifest

from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from foosets.api import names

FOOSET, BATCH, SERVICE, SCHEDULER = (
    f"system:serviceaccount:{NAMESPACE}:foosets-{component}"
    for component in ("fooset", "batchfooset", "servicefooset", "scheduler")
)
PLAIN, OVERRIDING, EMPTY = "policies-plain", "policies-overriding", "policies-empty"
EDITOR, DEPLOYER = "policies-editor", "policies-deployer"
CONTAINERS = [{"name": "main", "image": "main"}]


def send(cluster: LocalCluster, manifest: Manifest, user: str, *verb: str) -> Manifest:
    namespace = manifest["metadata"].get("namespace", PLAIN)
    sender = ["--as", user] if user != "admin" else []
    command = [*verb, "--namespace", namespace, *sender, "--output", "json", "--filename", "-"]
    return json.loads(cluster.kubectl(*command, stdin=json.dumps(manifest)))


def created(cluster: LocalCluster, manifest: Manifest, user: str) -> Manifest:
    """What would be stored, as a server-side dry run answers."""
    return send(cluster, manifest, user, "create", "--dry-run=server")


def refusal(cluster: LocalCluster, manifest: Manifest, user: str, *verb: str) -> str:
    """What the API server says to a write that it must refuse."""
    with pytest.raises(ClusterError) as refused:
        send(cluster, manifest, user, *(verb or ("create", "--dry-run=server")))
    return refused.value.message


def is_refused(cluster: LocalCluster, manifest: Manifest, user: str) -> bool:
    """Whether a policy refuses a create."""
    return _is_refused(lambda: created(cluster, manifest, user))


def is_binding_refused(cluster: LocalCluster, manifest: Manifest, user: str) -> bool:
    """Whether a policy refuses a binding, before anyone looks for its pod."""
    path = f"/api/v1/namespaces/{PLAIN}/pods/{manifest['metadata']['name']}/binding?dryRun=All"
    command = ("create", "--raw", path, "--as", user, "--filename", "-")
    return _is_refused(lambda: cluster.kubectl(*command, stdin=json.dumps(manifest)))


def _is_refused(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except ClusterError as refused:
        return "ValidatingAdmissionPolicy" in refused.message
    return False


def controlled_by(kind: str, name: str, uid: str) -> list[Manifest]:
    """Without blockOwnerDeletion, so that the API server does not ask first whether the writer may set that."""
    return [{"apiVersion": names.API_VERSION, "kind": kind, "name": name, "uid": uid, "controller": True}]


def pod(placement: str, owner: str, **spec: str) -> Manifest:
    labels = {names.SET_UID: "1", names.PLACEMENT: placement}
    metadata = {"name": "demo-0", "labels": labels, "ownerReferences": controlled_by(owner, "demo", "1")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": CONTAINERS, **spec}}


def waiting_pod(namespace: str = PLAIN, scheduler: str = names.UNASSIGNED_SCHEDULER) -> Manifest:
    manifest = pod(names.PLACED_BY_SCHEDULER, "ServiceFooSet", schedulerName=scheduler)
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def placed_pod() -> Manifest:
    return pod(names.PLACED_BY_CONTROLLER, "BatchFooSet", nodeName="node-0")


def plain_pod(**spec: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "demo-0"},
        "spec": {"containers": CONTAINERS, **spec},
    }


def fooset(name: str) -> Manifest:
    return {
        "apiVersion": names.API_VERSION,
        "kind": "FooSet",
        "metadata": {"name": name, "namespace": PLAIN},
        "spec": {},
    }


def at_fault() -> Manifest:
    """A set on its own that names a node."""
    manifest = child("BatchFooSet", "faulty", "1")
    del manifest["metadata"]["ownerReferences"]
    manifest["spec"]["template"]["spec"]["nodeName"] = "node-0"
    return manifest


def labelled_binding() -> Manifest:
    """A binding that hands a label on to its pod."""
    target = {"apiVersion": "v1", "kind": "Node", "name": "node-0"}
    metadata = {"name": "demo-0", "labels": {"team": "other"}}
    return {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}


def child(kind: str, parent: str, uid: str, image: str = "main") -> Manifest:
    restart = {"restartPolicy": "Never"} if kind == "BatchFooSet" else {}
    metadata = {
        "name": f"{parent}-part",
        "namespace": PLAIN,
        "labels": {names.CHILD: "part", names.SET_UID: uid},
        "annotations": {names.TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        "ownerReferences": controlled_by("FooSet", parent, uid),
    }
    template = {"spec": {"containers": [{"name": "main", "image": image}], **restart}}
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata, "spec": {"template": template}}
