"""Which Event follows from a status: one for each change of the cause, whatever its message counts meanwhile.

Example: a quota refuses a set's pods, later a policy does, then nothing. That is two Events: none says that a cause has
gone, which status tells, and none is written for each pod.

The name is derived from the set, the cause and since when it is so: told twice (two replicas, a restart between status
and Event), the second create collides and is no second Event.
"""

from dataclasses import dataclass
from typing import Final

from foosets.api.customresource import CustomResource
from foosets.api.meta import Key, Resource
from foosets.api.names import Kind, Uid
from foosets.api.status import BlockedBy, Status
from foosets.planning.causes import same_cause
from foosets.planning.naming import event_name
from foosets.planning.trace import REFINE, Context, TraceId, span_id

NOTE_BYTES: Final = 1024
"""The API server's limit of an Event's note."""
REASON_MAX: Final = 128
"""The API server's limit of an Event's reason; a child of a newer version may have a longer one."""


@dataclass(frozen=True, slots=True)
class Event:
    """A Warning about one set. `context` is the set's own span in the trace that its status names, if it has one."""

    name: str
    resource: Resource
    regarding: Key
    uid: Uid
    reason: str
    note: str
    context: Context | None


def event_of(resource: Resource, seen: CustomResource, stored: Status, wanted: Status) -> Event | None:
    """Return the Event that is due once `wanted` is stored, or None when it names no other cause than `stored`."""
    cause = wanted.blocked_by
    if cause is None or same_cause(stored.blocked_by, cause):
        return None
    meta = seen.metadata
    said = (cause.kind, cause.name, cause.condition, cause.reason, cause.since.isoformat())
    return Event(
        name=event_name(meta.name, meta.uid, said),
        resource=resource,
        regarding=seen.key,
        uid=meta.uid,
        reason=cause.reason[:REASON_MAX],
        note=_note(resource, seen, cause),
        context=_context(resource, meta.uid, wanted),
    )


def _note(resource: Resource, seen: CustomResource, cause: BlockedBy) -> str:
    """Return the cause's message, which begins with the object that is stuck where that is another, cut to fit."""
    own = (cause.kind, cause.name) == (resource.kind, seen.metadata.name)
    note = cause.message if own else f"{cause.kind} {cause.name}: {cause.message}"
    return note.encode()[:NOTE_BYTES].decode(errors="ignore")


def _context(resource: Resource, uid: Uid, status: Status) -> Context | None:
    if not status.trace_id:
        return None
    trace = TraceId(status.trace_id)
    return Context(trace, span_id(trace, REFINE[Kind(resource.kind)], uid))
