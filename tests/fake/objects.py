"""What becomes of an object on its way into storage: metadata, defaults, what may change, what is refused.

Requests are `writes`' part; here an object goes in and the object to be stored comes out, or a refusal.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from foosets.api.meta import NODES, PODS
from tests.fake import pods, schemas
from tests.fake.kinds import Target
from tests.fake.record import Object
from tests.fake.refusals import bad_request, invalid
from tests.fake.storage import Clock

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME_MAX: Final = 253
_UNCHECKED: Final = schemas.Cause("<nil>", "Invalid value: null: some validation rules were not checked")
"""What the real server adds when it has rules in CEL that it does not come to."""
_SYSTEMS: Final = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
"""Members of metadata that only the server writes."""


def read(target: Target, body: Object) -> Object:
    """Return the object of a request's body, pruned and with its defaults; 400 if it is not what the path names."""
    resource, meta = target.resource, dict(body.get("metadata") or {})
    if (body.get("kind"), body.get("apiVersion")) != (resource.kind, resource.api_version):
        raise bad_request(f"the object provided is unrecognized: {body.get('apiVersion')} {body.get('kind')}")
    namespace = meta.get("namespace") or target.namespace
    if namespace != target.namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if target.name and meta.get("name", "") not in {"", target.name}:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})")
    named = {"name": meta.get("name") or target.name, **({"namespace": namespace} if namespace else {})}
    return completed(target, {**body, "metadata": {**meta, **named}})


def completed(target: Target, found: Object) -> Object:
    """Return the object without unknown fields, and with its defaults."""
    if target.kind.custom:
        found = schemas.pruned(target.kind.schema, found)
    return defaulted(target, found)


def defaulted(target: Target, found: Object) -> Object:
    """Return the object with its defaults, and without empty metadata."""
    meta = {name: part for name, part in found["metadata"].items() if part not in (None, {}, [], "")}
    found = {**found, "metadata": meta}
    return schemas.filled(target.kind.schema, found) if target.kind.custom else found


def begun(target: Target, found: Object, uid: str, clock: Clock) -> Object:
    """Return the object as its first version."""
    meta = {name: part for name, part in found["metadata"].items() if name not in _SYSTEMS}
    meta |= {"uid": uid, "creationTimestamp": pods.moment(clock())}
    if target.kind.generation:
        meta["generation"] = 1
    new = {**found, "metadata": meta}
    if target.kind.custom:
        new.pop("status", None)
        new = schemas.filled(target.kind.schema, new)
    if target.resource.plural in _BEGINNINGS:
        new = _BEGINNINGS[target.resource.plural](new)
    _require_valid(target, new)
    return new


def changed(target: Target, old: Object, new: Object) -> Object:
    """Return the object as its next version; what the request cannot change is as it was."""
    meta = new["metadata"]
    wrong = _immutable(target, old["metadata"], meta)
    systems = {name: old["metadata"][name] for name in _SYSTEMS if name in old["metadata"]}
    meta = {name: part for name, part in meta.items() if name not in _SYSTEMS} | systems
    new = _within_reach(target, old, {**new, "metadata": meta})
    if target.resource == NODES:
        new = _begun_node(new)
    if target.kind.generation and _says(new) != _says(old):
        new["metadata"]["generation"] += 1
    _require_valid(target, new, old, wrong)
    return new


def _within_reach(target: Target, old: Object, new: Object) -> Object:
    """Undo what a request to this subresource, or to none, does not change."""
    if not target.kind.subresources:
        return new
    if target.resource == PODS and target.subresource:
        return pods.reported(old, new)
    if target.resource == PODS:
        new = {**new, "spec": pods.completed(new.get("spec", {}))}
    if not target.subresource:
        return _with(new, "status", old)
    if not target.kind.custom:
        return _with(new, "spec", old)
    owners = {name: new["metadata"][name] for name in ("managedFields",) if name in new["metadata"]}
    return _with({**old, "metadata": {**old["metadata"], **owners}}, "status", new)


def _with(found: Object, part: str, source: Object) -> Object:
    others = {name: value for name, value in found.items() if name != part}
    return others | ({part: source[part]} if part in source else {})


def _says(found: Object) -> Object:
    """Return what the generation counts changes of."""
    return {name: part for name, part in found.items() if name not in {"metadata", "status"}}


def _immutable(target: Target, old: Object, new: Object) -> list[schemas.Cause]:
    """Return the metadata that would be another; a custom resource's status is written without looking at it."""
    if target.kind.custom and target.subresource:
        return []
    changed = [name for name in ("uid", "creationTimestamp") if name in new and new[name] != old[name]]
    return [schemas.Cause(f"metadata.{name}", "Invalid value: field is immutable") for name in changed]


def _require_valid(target: Target, new: Object, old: Object | None = None, known: Sequence[schemas.Cause] = ()) -> None:
    meta, wrong = new["metadata"], [*known]
    if old is None and not (_NAME.fullmatch(meta["name"]) and len(meta["name"]) <= _NAME_MAX):
        wrong.append(schemas.Cause("metadata.name", "Invalid value: a lowercase RFC 1123 subdomain is wanted"))
    if sum(bool(owner.get("controller")) for owner in meta.get("ownerReferences", [])) > 1:
        wrong.append(schemas.Cause("metadata.ownerReferences", "Invalid value: only one owner can be the controller"))
    if target.kind.custom:
        wrong += schemas.causes(target.kind.schema, new, old)
        if any(cause.blocks for cause in wrong):
            wrong.append(_UNCHECKED)
    if old is not None:
        wrong += _forbidden_changes(target, old, new)
    if wrong:
        raise invalid(target.resource, meta["name"], wrong)


def _forbidden_changes(target: Target, old: Object, new: Object) -> list[schemas.Cause]:
    wrong: list[schemas.Cause] = []
    added = set(new["metadata"].get("finalizers", [])) - set(old["metadata"].get("finalizers", []))
    if added and "deletionTimestamp" in old["metadata"]:
        wrong.append(schemas.Cause("metadata.finalizers", "Forbidden: none can be added to what is being deleted"))
    if target.resource == PODS and not target.subresource:
        why = "Forbidden: pod updates may change images, tolerations and deadlines only"
        wrong += [schemas.Cause(part, why) for part in pods.forbidden_changes(old, new)]
    return wrong


def _begun_namespace(found: Object) -> Object:
    meta = found["metadata"]
    labels = {**meta.get("labels", {}), "kubernetes.io/metadata.name": meta["name"]}
    rest = {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    return {**found, "metadata": {**meta, "labels": labels}, **rest}


_NODE_INFO: Final = (
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
)


def _begun_node(found: Object) -> Object:
    status = {"daemonEndpoints": {"kubeletEndpoint": {"Port": 0}}, "nodeInfo": dict.fromkeys(_NODE_INFO, "")}
    return {**found, "spec": found.get("spec", {}), "status": {**status, **found.get("status", {})}}


_BEGINNINGS: Final[dict[str, Callable[[Object], Object]]] = {
    "pods": pods.begun,
    "namespaces": _begun_namespace,
    "nodes": _begun_node,
}
"""By plural: what a new object gets beside its metadata."""
