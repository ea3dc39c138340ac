"""Deleting: at once, after a pod's grace period, or when the last finalizer is gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from foosets.api.meta import NAMESPACES, PODS
from tests.fake import pods
from tests.fake.kinds import Target
from tests.fake.record import Object, Version
from tests.fake.refusals import UnsupportedError, not_found, not_meant
from tests.fake.storage import Storage, copied
from tests.fake.writes import Answer, Call

FOREGROUND: Final = "foregroundDeletion"
ORPHAN: Final = "orphan"
_FINALIZER_OF: Final = {"Foreground": FOREGROUND, "Orphan": ORPHAN}


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deleting requests of one server."""

    storage: Storage

    def delete(self, call: Call) -> Answer:
        """Delete the object of the path, if it is the one that the preconditions mean."""
        target, options = call.target, call.body
        if target.resource == NAMESPACES or not target.name or target.subresource:
            raise UnsupportedError(f"deleting {target.called} {target.name!r}")
        live = self.storage.get(target.resource.plural, target.key)
        if live is None:
            raise not_found(target.resource, target.name)
        _require_meant(target, options, live)
        if target.dry_run:
            return Answer(200, live.body)
        return self._delete(call, live)

    def _delete(self, call: Call, live: Version) -> Answer:
        if call.target.resource == PODS and live.object["metadata"].get("deletionGracePeriodSeconds") != 0:
            return self._delete_gracefully(call, live)
        new = copied(live.object)
        _hold(new["metadata"], call.body)
        if not new["metadata"].get("finalizers"):
            end = self.storage.remove(call.target.resource, call.target.key, call.user)
            return Answer(200, end.body if call.target.resource == PODS else _gone(call.target, live))
        _mark(new["metadata"], 0, self.storage.clock())
        if new != live.object:
            live = self.storage.put(call.target.resource, new, call.user)
        return Answer(200, live.body)

    def _delete_gracefully(self, call: Call, live: Version) -> Answer:
        """Give a pod its time to end; one that needs none and is held by nothing is gone then."""
        new, now = copied(live.object), self.storage.clock()
        seconds = pods.grace(new, call.body.get("gracePeriodSeconds"))
        if "deletionTimestamp" in new["metadata"]:
            if not _hasten(new["metadata"], call.body.get("gracePeriodSeconds")):
                return Answer(200, live.body)
        else:
            _mark(new["metadata"], seconds, now)
        _hold(new["metadata"], call.body)
        live = self.storage.put(PODS, new, call.user)
        if not new["metadata"].get("finalizers") and not new["metadata"]["deletionGracePeriodSeconds"]:
            live = self.storage.remove(PODS, call.target.key, call.user)
        return Answer(200, live.body)


def _require_meant(target: Target, options: Object, live: Version) -> None:
    conditions = options.get("preconditions") or {}
    for member, name, found in (
        ("uid", "UID", live.uid),
        ("resourceVersion", "ResourceVersion", str(live.resource_version)),
    ):
        meant = conditions.get(member)
        if meant is not None and meant != found:
            why = f"the {name} in the precondition ({meant}) does not match the {name} in record ({found})"
            raise not_meant(target.resource, target.name, why)


def _mark(meta: Object, seconds: int, now: datetime) -> None:
    """Mark an object for deletion, unless it is; that counts as a change of what is wanted."""
    if "deletionTimestamp" in meta:
        return
    meta["deletionTimestamp"] = pods.moment(now + timedelta(seconds=seconds))
    meta["deletionGracePeriodSeconds"] = seconds
    if "generation" in meta:
        meta["generation"] += 1


def _hasten(meta: Object, seconds: int | None) -> bool:
    """Let a pod that is ending end sooner; return whether that was asked for."""
    before = meta["deletionGracePeriodSeconds"]
    if seconds is None or seconds >= before:
        return False
    began = datetime.fromisoformat(meta["deletionTimestamp"]) - timedelta(seconds=before)
    meta["deletionTimestamp"] = pods.moment(began + timedelta(seconds=seconds))
    meta["deletionGracePeriodSeconds"] = seconds
    return True


def _hold(meta: Object, options: Object) -> None:
    """Have the garbage collector's finalizer that the propagation policy asks for, and no other."""
    policy = options.get("propagationPolicy")
    if policy is None:
        return
    others = [one for one in meta.get("finalizers", []) if one not in _FINALIZER_OF.values()]
    finalizers = [*others, *(finalizer for name, finalizer in _FINALIZER_OF.items() if name == policy)]
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)


def _gone(target: Target, live: Version) -> bytes:
    """Return the Status that says which object is gone."""
    group = {"group": target.resource.group} if target.resource.group else {}
    details: dict[str, Any] = {"name": target.name, **group, "kind": target.resource.plural, "uid": live.uid}
    return msgspec.json.encode(
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    )
