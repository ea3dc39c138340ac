"""Writes: create, replace, patch, apply, bind. Deleting has a file of its own.

Each is one transaction: it reads the newest version, and stores its successor or refuses. A write that would change
nothing stores nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from foosets.api.meta import NAMESPACES, PODS, Key
from foosets.kube.client import APPLY_PATCH, STRATEGIC_MERGE_PATCH
from tests.fake import objects, ownership, pods, schemas
from tests.fake.encoding import encoded
from tests.fake.kinds import BY_PLURAL, Target
from tests.fake.ownership import APPLY, UPDATE, Actor, Manager
from tests.fake.patches import merge_patched, strategically_patched
from tests.fake.record import ADDED, Object, Version
from tests.fake.refusals import (
    Refusal,
    UnsupportedError,
    already_exists,
    another_uid,
    bad_request,
    conflict,
    internal_error,
    invalid,
    modified,
    no_version,
    not_found,
)
from tests.fake.storage import Storage, copied

MERGE_PATCH: Final = "application/merge-patch+json"
_PATCHES: Final = {MERGE_PATCH: merge_patched, STRATEGIC_MERGE_PATCH: strategically_patched}
UNKNOWN_MANAGER: Final = "unknown"
"""Who does not name a field manager; the real server takes the client's user agent."""


class Call(NamedTuple):
    """One request, as far as it is understood."""

    method: str
    target: Target
    body: Object
    content_type: str
    user: str


class Answer(NamedTuple):
    """Status and body of a reply."""

    code: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Writes:
    """The writing requests of one server."""

    storage: Storage
    new_uid: Callable[[], str]
    new_suffix: Callable[[], str]

    def create(self, call: Call) -> Answer:
        """Create the object of the body."""
        if call.target.subresource:
            return self._bind(call)
        found = objects.read(call.target, call.body)
        meta = found["metadata"]
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = f"{meta['generateName']}{self.new_suffix()}"
        if not meta.get("name"):
            nameless = schemas.Cause("metadata.name", "Required value: name or generateName is required")
            raise invalid(call.target.resource, "", [nameless])
        return self._create(call, self._owned({}, found, call))

    def replace(self, call: Call) -> Answer:
        """Replace the object, or its status, by that of the body."""
        new = objects.read(call.target, call.body)
        live = self._live(call.target)
        meant = new["metadata"].get("uid")
        if live is None and not call.target.kind.put_creates:
            raise not_found(call.target.resource, call.target.name)
        found = live.uid if live is not None else ""
        if meant is not None and meant != found:
            raise another_uid(call.target.resource, call.target.name, meant, found)
        if live is None:
            if not call.target.dry_run:  # which answers with the version that was given
                new["metadata"].pop("resourceVersion", None)
            return self._create(call, new)
        return self._store(call, live, self._owned(live.object, new, call))

    def patch(self, call: Call) -> Answer:
        """Change the object, or its status, as the body says."""
        if call.content_type == APPLY_PATCH:
            return self._apply(call)
        patched = _PATCHES.get(call.content_type)
        if patched is None:
            raise UnsupportedError(f"a patch of type {call.content_type}")
        if call.content_type == STRATEGIC_MERGE_PATCH and call.target.kind.custom:
            raise Refusal(415, "the body of the request was in an unknown format")
        live = self._live(call.target)
        if live is None:
            raise not_found(call.target.resource, call.target.name)
        old = copied(live.object)
        new = objects.completed(call.target, patched(old, call.body))
        return self._store(call, live, self._owned(live.object, new, call))

    # ---- apply

    def _apply(self, call: Call) -> Answer:
        target = call.target
        if not target.kind.custom:
            raise UnsupportedError(f"server-side apply of {target.called}")
        if not target.query.get("fieldManager"):
            raise bad_request('PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value')
        configured = self._configured(call)
        live = self._live(target)
        meant = configured["metadata"].get("uid")
        if live is None and meant is not None:
            why = f"uid mismatch: the provided object specified uid {meant}, and no existing object was found"
            raise conflict(target.resource, target.name, why)
        before = live.object if live is not None else _envelope(target)
        force = target.query.get("force") == "true"
        laid = ownership.applied(copied(before), configured, self._actor(call, APPLY), force=force)
        new = objects.defaulted(target, laid)
        if live is None:
            new["metadata"].pop("resourceVersion", None)
            return self._create(call, new)
        return self._store(call, live, new)

    def _configured(self, call: Call) -> Object:
        """Return what is to be applied; defaults are nobody's, so there are none in it."""
        for why in schemas.untypable(call.target.kind.schema, call.body):
            raise internal_error(f"failed to create typed patch object: {why}")
        read = objects.read(call.target, call.body)
        return {**call.body, "metadata": read["metadata"]}

    # ---- binding

    def _bind(self, call: Call) -> Answer:
        """Give a pod its node, once."""
        target, meta = call.target, call.body.get("metadata", {})
        live = self._live(target)
        if live is None:
            raise not_found(PODS, target.name)
        meant = meta.get("uid")
        if meant is not None and meant != live.uid:
            raise another_uid(PODS, target.name, meant, live.uid)
        found = copied(live.object)
        why_not = pods.why_not_bindable(found)
        if why_not:
            raise conflict(PODS, target.name, why_not, subresource=target.subresource)
        node, annotations = call.body["target"]["name"], meta.get("annotations") or {}
        if not target.dry_run:
            self.storage.put(PODS, pods.bound(found, node, annotations, self.storage.clock()), call.user)
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        return Answer(201, msgspec.json.encode(status))

    # ---- what they share

    def _live(self, target: Target) -> Version | None:
        return self.storage.get(target.resource.plural, target.key)

    def _actor(self, call: Call, operation: str) -> Actor:
        name = call.target.query.get("fieldManager") or UNKNOWN_MANAGER
        return Actor(Manager(operation, name, call.target.subresource), call.target, self.storage.clock())

    def _owned(self, live: Mapping[str, Any], new: Object, call: Call) -> Object:
        """Return the new object with the owners of its fields, where they are kept."""
        if not call.target.kind.custom:
            return new
        return ownership.updated(live or _envelope(call.target), new, self._actor(call, UPDATE))

    def _create(self, call: Call, found: Object) -> Answer:
        target = call.target
        if target.namespace and self.storage.get(NAMESPACES.plural, Key("", target.namespace)) is None:
            raise not_found(NAMESPACES, target.namespace)
        new = objects.begun(target, found, self.new_uid(), self.storage.clock)
        key = Key(target.namespace, new["metadata"]["name"])
        if "resourceVersion" in new["metadata"] and not target.dry_run:
            raise internal_error("resourceVersion should not be set on objects to be created")
        if self.storage.get(target.resource.plural, key) is not None:
            raise already_exists(target.resource, key.name)
        if target.dry_run:
            return Answer(201, encoded(target.resource, new))
        return Answer(201, self.storage.put(target.resource, new, call.user).body)

    def _store(self, call: Call, live: Version, new: Object) -> Answer:
        """Store the successor of a version, unless it has been overtaken."""
        target, old = call.target, copied(live.object)
        self._require_newest(call, live, new)
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        new = objects.changed(target, old, new)
        if _changes_nothing(live, new):
            return Answer(200, live.body)
        if target.dry_run:
            return Answer(200, encoded(target.resource, new))
        if _is_released(old, new):
            self.storage.remove(target.resource, target.key, call.user)
            return Answer(200, encoded(target.resource, new))
        return Answer(200, self.storage.put(target.resource, new, call.user).body)

    def _require_newest(self, call: Call, live: Version, new: Object) -> None:
        asked = new["metadata"].get("resourceVersion")
        if asked is None and not call.target.kind.blind_put:
            raise no_version(call.target.resource, call.target.name)
        if asked is not None and asked != str(live.resource_version):
            raise modified(call.target.resource, call.target.name)


def _envelope(target: Target) -> Object:
    return {"apiVersion": target.resource.api_version, "kind": target.resource.kind}


def _changes_nothing(live: Version, new: Object) -> bool:
    """Whether there is nothing to store. A custom resource is created without a status, and gets one with any write."""
    created = live.type == ADDED and BY_PLURAL[live.resource].custom
    return not created and ownership.same_but_for_times(live.object, new)


def _is_released(old: Object, new: Object) -> bool:
    """Whether nothing holds an object any more that is to be deleted."""
    before, after = old["metadata"], new["metadata"]
    return (
        "deletionTimestamp" in before and not after.get("finalizers") and not before.get("deletionGracePeriodSeconds")
    )
