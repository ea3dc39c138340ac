"""Deleting: at once, after a pod's grace period, or when the last finalizer is gone."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from foosets.api.meta import NAMESPACES
from tests.fake import pods
from tests.fake.kinds import Target
from tests.fake.record import Object, Version
from tests.fake.refusals import UnsupportedError, conflict, not_found
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
        graceful = call.target.resource.plural == "pods"
        new = (
            _marked_pod(live, call.body, self.storage.clock())
            if graceful
            else _marked(live, call.body, self.storage.clock())
        )
        if new is None:
            return Answer(200, live.body)
        held = bool(new["metadata"].get("finalizers")) or bool(new["metadata"].get("deletionGracePeriodSeconds"))
        if graceful or held:
            live = self.storage.put(call.target.resource, new, call.user)
        if held:
            return Answer(200, live.body)
        self.storage.remove(call.target.resource, call.target.key, call.user)
        return Answer(200, live.body if graceful else _gone(call.target, live))


def _require_meant(target: Target, options: Object, live: Version) -> None:
    conditions = options.get("preconditions") or {}
    for member, name, found in (
        ("uid", "UID", live.uid),
        ("resourceVersion", "ResourceVersion", str(live.resource_version)),
    ):
        meant = conditions.get(member)
        if meant is not None and meant != found:
            why = f"the {name} in the precondition ({meant}) does not match the {name} in record ({found})"
            raise conflict(target.resource, target.name, why)


def _marked(live: Version, options: Object, now: datetime) -> Object | None:
    """Return the object marked for deletion, with the finalizers that it needs; None if it was marked before."""
    if "deletionTimestamp" in live.object["metadata"]:
        return None
    new = copied(live.object)
    meta = new["metadata"]
    _hold(meta, options)
    meta |= {"deletionTimestamp": pods.moment(now), "deletionGracePeriodSeconds": 0}
    _count(meta)
    return new


def _marked_pod(live: Version, options: Object, now: datetime) -> Object | None:
    """Return the pod with its time to end; None if that is set already, and no sooner one is asked for."""
    new = copied(live.object)
    meta = new["metadata"]
    before = meta.get("deletionGracePeriodSeconds")
    seconds = pods.grace(new, options.get("gracePeriodSeconds"))
    if before is not None:
        asked = options.get("gracePeriodSeconds")
        if asked is None or asked >= before:
            return None
        began = datetime.fromisoformat(meta["deletionTimestamp"]) - timedelta(seconds=before)
        meta |= {
            "deletionTimestamp": pods.moment(began + timedelta(seconds=asked)),
            "deletionGracePeriodSeconds": asked,
        }
        return new
    _hold(meta, options)
    _count(meta)
    meta |= {
        "deletionTimestamp": pods.moment(now + timedelta(seconds=seconds)),
        "deletionGracePeriodSeconds": seconds,
    }
    return new


def _hold(meta: Object, options: Object) -> None:
    """Have the garbage collector's finalizer that the propagation policy asks for, and no other."""
    wanted = _FINALIZER_OF.get(options.get("propagationPolicy", "Background"))
    others = [one for one in meta.get("finalizers", []) if one not in _FINALIZER_OF.values()]
    finalizers = [*others, *([wanted] if wanted else [])]
    if finalizers:
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)


def _count(meta: Object) -> None:
    if "generation" in meta:
        meta["generation"] += 1


def _gone(target: Target, live: Version) -> bytes:
    """Return the Status that says which object is gone."""
    group = {"group": target.resource.group} if target.resource.group else {}
    details: dict[str, Any] = {"name": target.name, **group, "kind": target.resource.plural, "uid": live.uid}
    return msgspec.json.encode(
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
    )
