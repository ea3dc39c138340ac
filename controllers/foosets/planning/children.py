"""From a set to its pods: labels, environment, and the JSON of each pod.

Everything that is equal for all pods of a template is encoded once. What differs (name, index, attempt, node, trace
context, stamps) is short and known to need no escaping, or is encoded on its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct

from foosets.api import names
from foosets.api.meta import Resource
from foosets.api.names import Uid
from foosets.planning.naming import pod_name, pod_prefix

_encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a set's pods come from: the root's name and uid, and the entry of the FooSet, if there is one."""

    set_name: str
    set_uid: Uid
    child: str = ""

    @classmethod
    def of(cls, name: str, uid: Uid, labels: Mapping[str, str], *, derived: bool) -> "Lineage":
        """Return the lineage that a child's labels state; a set without a FooSet above it is its own root."""
        if not derived:
            return cls(name, uid)
        return cls(labels.get(names.SET_NAME, name), Uid(labels.get(names.SET_UID, uid)), labels.get(names.CHILD, ""))

    def labels(self) -> dict[str, str]:
        """Return the labels that children and pods carry."""
        labels = {names.SET_NAME: self.set_name, names.SET_UID: self.set_uid}
        return labels | {names.CHILD: self.child} if self.child else labels


@dataclass(frozen=True, slots=True)
class Owner:
    """The set that owns the pods."""

    resource: Resource
    namespace: str
    name: str
    uid: Uid
    lineage: Lineage


def owner_reference(resource: Resource, name: str, uid: Uid) -> dict[str, Any]:
    """Return the controller reference; it blocks the owner's foreground deletion, so that nothing is left behind."""
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


class Mark(Struct, frozen=True):
    """What tells one pod of a template from the next."""

    index: int
    attempt: int
    node: str
    traceparent: str
    stamps: str


class PodStencil:
    """The pods of one owner and template revision."""

    __slots__ = ("_annotations", "_labels", "_metadata", "_prefix", "_spec")

    def __init__(self, owner: Owner, template: Mapping[str, Any], revision: str, placement: str) -> None:
        metadata: Mapping[str, Any] = template.get("metadata") or {}
        labels: dict[str, str] = dict(metadata.get("labels") or {})
        labels |= owner.lineage.labels()
        labels |= {names.REVISION: revision, names.OWNER_UID: owner.uid, names.PLACEMENT: placement}
        annotations: dict[str, str] = dict(metadata.get("annotations") or {})
        annotations.pop(names.TRACEPARENT, None)
        references = [owner_reference(owner.resource, owner.name, owner.uid)]
        self._prefix = pod_prefix(owner.name, owner.uid)
        self._metadata = b'"namespace":%b,"ownerReferences":%b' % (_encode(owner.namespace), _encode(references))
        self._labels = _open_object(labels)
        self._annotations = _open_object(annotations)
        self._spec = _open_object(_with_environment(template.get("spec") or {}, owner.lineage))

    def name(self, index: int, attempt: int) -> str:
        """Return the pod's name."""
        return pod_name(self._prefix, index, attempt)

    @property
    def trial_name(self) -> str:
        """The name of the pod that stands for all in a dry run; no pod that is stored has it."""
        return f"{self._prefix}dry-run"

    def body(self, mark: Mark) -> bytes:
        """Return the pod as the API server takes it; without a node it is left to a scheduler."""
        return self._body(self.name(mark.index, mark.attempt), mark)

    def trial_body(self, mark: Mark) -> bytes:
        """Return the same pod under the name of a dry run."""
        return self._body(self.trial_name, mark)

    def _body(self, name: str, mark: Mark) -> bytes:
        node = b'"nodeName":"%b"' % mark.node.encode() if mark.node else b""
        return (
            b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%b",%b,'
            b'"labels":%b"%b":"%d","%b":"%d"},"annotations":%b"%b":"%b","%b":%b}},"spec":%b}'
        ) % (
            name.encode(),
            self._metadata,
            self._labels,
            _INDEX,
            mark.index,
            _ATTEMPT,
            mark.attempt,
            self._annotations,
            _TRACEPARENT,
            mark.traceparent.encode(),
            _STAMPS,
            _encode(mark.stamps),
            self._spec + node + b"}" if node else self._spec.removesuffix(b",") + b"}",
        )


_INDEX: Final = names.INDEX.encode()
_ATTEMPT: Final = names.ATTEMPT.encode()
_TRACEPARENT: Final = names.TRACEPARENT.encode()
_STAMPS: Final = names.STAMPS.encode()


def _open_object(value: Mapping[str, Any]) -> bytes:
    """Return the JSON object without its closing brace, ready for another member."""
    encoded = _encode(value)[:-1]
    return encoded + b"," if value else encoded


def _with_environment(spec: Mapping[str, Any], lineage: Lineage) -> dict[str, Any]:
    """Return the pod spec with our variables in front of every container's own; a name that the user set wins."""
    changed = dict(spec)
    for kind in ("containers", "initContainers"):
        if spec.get(kind):
            changed[kind] = [_container(container, lineage) for container in spec[kind]]
    return changed


def _container(container: Mapping[str, Any], lineage: Lineage) -> dict[str, Any]:
    own: list[dict[str, Any]] = list(container.get("env") or [])
    taken = {variable.get("name") for variable in own}
    ours = [variable for variable in _environment(lineage) if variable["name"] not in taken]
    return {**container, "env": ours + own}


def _environment(lineage: Lineage) -> list[dict[str, Any]]:
    """Return our variables; index and attempt are read from the labels, so that all pods share one spec."""
    return [
        {"name": names.ENV_NAME, "value": lineage.set_name},
        {"name": names.ENV_CHILD, "value": lineage.child},
        {"name": names.ENV_INDEX, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{names.INDEX}']"}}},
        {"name": names.ENV_ATTEMPT, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{names.ATTEMPT}']"}}},
    ]
