"""Who owns which fields of a custom resource: `metadata.managedFields`, kept as the real server keeps it.

Supported is what has a schema here, which is our own kinds. Of others no owners are kept, and applying them is refused
loudly. Left out: merging more than ten managers that only update into one, and managers of other versions of the API.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from tests.fake.fields import (
    NONE,
    Difference,
    Fields,
    Path,
    difference,
    fields_in,
    merged,
    read,
    with_named_parents,
    without,
    written,
)
from tests.fake.kinds import Target
from tests.fake.record import Object
from tests.fake.refusals import Refusal
from tests.fake.schemas import Schema

_TEXT: Final[Schema] = {"type": "string"}
_TEXTS: Final[Schema] = {"type": "object", "additionalProperties": _TEXT}
_METADATA: Final[Schema] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("name", "generateName", "namespace", "uid", "resourceVersion", "creationTimestamp"), _TEXT),
        **dict.fromkeys(("generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"), _TEXT),
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "finalizers": {"type": "array", "items": _TEXT, "x-kubernetes-list-type": "set"},
        "ownerReferences": {
            "type": "array",
            "items": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"uid": _TEXT}},
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["uid"],
        },
    },
}
_ENVELOPE: Final[Schema] = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": _METADATA}
_NOBODYS: Final[Fields] = frozenset(
    {("f:apiVersion",), ("f:kind",), ("f:metadata",)}
    | {
        ("f:metadata", f"f:{name}")
        for name in ("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "resourceVersion")
    }
)
_RESET: Final[Mapping[str, frozenset[str]]] = {"": frozenset({"status"}), "status": frozenset({"metadata", "spec"})}
"""By subresource: what a request to it cannot change, and so nobody comes to own."""

_BEFORE_FIRST_APPLY: Final = "before-first-apply"
APPLY: Final = "Apply"
UPDATE: Final = "Update"


class Manager(NamedTuple):
    """Somebody who owns fields."""

    operation: str
    name: str
    subresource: str


@dataclass(frozen=True, slots=True)
class Actor:
    """A manager who is about to change an object, and when."""

    manager: Manager
    target: Target
    at: datetime

    @property
    def schema(self) -> Schema:
        """The kind's schema with the envelope."""
        own = self.target.kind.schema
        return {**own, "properties": {**own["properties"], **_ENVELOPE}}

    def reach(self, found: Mapping[str, Any]) -> Object:
        """Return the part of an object that the request can change."""
        return {name: part for name, part in _bare(found).items() if name not in _RESET[self.manager.subresource]}

    def difference(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
        """Return what the request changes, without what nobody owns."""
        made = difference(self.schema, self.reach(old), self.reach(new))
        return Difference(made.changed - _NOBODYS, made.removed - _NOBODYS)


def updated(live: Mapping[str, Any], new: Object, actor: Actor) -> Object:
    """Return the new object with its owners: what it changes is the actor's from here on.

    Once an object has no owners left, none are kept until it is applied again.
    """
    owners = _owners(live)
    if not owners and "metadata" in live:
        return _with_owners(new, {}, live, actor)
    changed, removed = actor.difference(live, new)
    owned = {manager: fields - removed - changed for manager, fields in owners.items()}
    owned[actor.manager] = (owners.get(actor.manager, NONE) | changed) - removed
    return _with_owners(new, owned, live, actor)


def applied(live: Object, configured: Object, actor: Actor, *, force: bool) -> Object:
    """Return the live object with what is configured laid over it; raises the refusal of fields that are others'."""
    if "metadata" in live and not _owners(live):
        live = _with_former_owner(live, actor)
    schema, owners = actor.schema, _owners(live)
    before = owners.get(actor.manager, NONE)
    own = fields_in(schema, actor.reach(configured)) - _NOBODYS
    owners[actor.manager] = own
    laid = merged(schema, _bare(live), configured)
    everybodys = with_named_parents(schema, frozenset().union(*owners.values()))
    gone = with_named_parents(schema, fields_in(schema, laid)) & with_named_parents(schema, before) - everybodys
    new = without(schema, laid, gone - _NOBODYS)
    changed, removed = actor.difference(live, new)
    others = {manager: fields for manager, fields in owners.items() if manager != actor.manager}
    _require_peace(others, changed, force=force)
    owned = {manager: fields - changed - removed for manager, fields in others.items()}
    return _with_owners(new, {**owned, actor.manager: own}, live, actor)


def _with_former_owner(live: Object, actor: Actor) -> Object:
    """Return an object of which no owners are kept, as if one had made all of it before the first apply."""
    former = replace(actor, manager=Manager(UPDATE, _BEFORE_FIRST_APPLY, ""))
    envelope = {name: live[name] for name in ("apiVersion", "kind")}
    return updated(envelope, live, former)


def same_but_for_times(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two objects differ in nothing but when their managers acted."""
    return _bare(old) == _bare(new) and _timeless(old) == _timeless(new)


def _require_peace(others: Mapping[Manager, Fields], changed: Fields, *, force: bool) -> None:
    conflicts = {manager: fields & changed for manager, fields in others.items() if fields & changed}
    if not conflicts or force:
        return
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager.name}"', "field": _dotted(path)}
        for manager, fields in conflicts.items()
        for path in sorted(fields)
    ]
    named = ", ".join(cause["field"] for cause in causes)
    count = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    raise Refusal(409, f"Apply failed with {count}: {named}", {"causes": causes})


def _dotted(path: Path) -> str:
    return "".join(f".{step[2:]}" if step.startswith("f:") else f"[{_key(step)}]" for step in path)


def _key(step: str) -> str:
    kind, _, value = step.partition(":")
    keys: Object = msgspec.json.decode(value) if kind == "k" else {"": msgspec.json.decode(value)}
    return ",".join(f"{name}={msgspec.json.encode(part).decode()}" for name, part in keys.items())


def _bare(found: Mapping[str, Any]) -> Object:
    meta = {name: part for name, part in found.get("metadata", {}).items() if name != "managedFields"}
    return {**found, "metadata": meta} if meta else {name: part for name, part in found.items() if name != "metadata"}


def _owners(found: Mapping[str, Any]) -> dict[Manager, Fields]:
    return {_manager(entry): read(entry["fieldsV1"]) for entry in _entries(found)}


def _entries(found: Mapping[str, Any]) -> list[Object]:
    return found.get("metadata", {}).get("managedFields", [])


def _timeless(found: Mapping[str, Any]) -> dict[Manager, Object]:
    return {_manager(entry): entry["fieldsV1"] for entry in _entries(found)}


def _manager(entry: Object) -> Manager:
    return Manager(entry["operation"], entry["manager"], entry.get("subresource", ""))


def _with_owners(new: Object, owners: Mapping[Manager, Fields], live: Mapping[str, Any], actor: Actor) -> Object:
    times = {_manager(entry): entry.get("time", "") for entry in _entries(live)}
    if actor.manager.operation == UPDATE or _bare(new) != _bare(live):  # who applies what is there gets no time
        times[actor.manager] = f"{actor.at:%Y-%m-%dT%H:%M:%SZ}"
    entries = [_entry(manager, fields, times.get(manager, ""), actor) for manager, fields in owners.items() if fields]
    entries.sort(key=_place)
    meta = {**_bare(new).get("metadata", {}), **({"managedFields": entries} if entries else {})}
    return {**new, "metadata": meta}


def _place(entry: Object) -> tuple[str, ...]:
    return entry["operation"], entry.get("time", ""), entry["manager"], entry.get("subresource", "")


def _entry(manager: Manager, fields: Fields, time: str, actor: Actor) -> dict[str, Any]:
    entry = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": actor.target.resource.api_version,
        **({"time": time} if time else {}),
        "fieldsType": "FieldsV1",
        "fieldsV1": written(fields),
    }
    return entry | ({"subresource": manager.subresource} if manager.subresource else {})
