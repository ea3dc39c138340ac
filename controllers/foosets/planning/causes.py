"""The root cause: which object below keeps a set, since when, and why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from foosets.api.names import Reason
from foosets.api.status import BlockedBy
from foosets.planning.conditions import whole_second
from foosets.planning.trace import TraceId
from foosets.planning.troubles import Trouble

MESSAGE_MAX: Final = 1024
"""Characters of a cause's message. Kubelets and schedulers set no limit, but conditions have one."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One object's blocking condition; its message is cut to MESSAGE_MAX."""

    kind: str
    name: str
    condition: str
    reason: Reason
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", self.message[:MESSAGE_MAX])


def same_cause(one: BlockedBy | None, other: BlockedBy | Cause | None) -> bool:
    """Whether both name the same condition of the same object, for the same reason; messages and times may differ."""
    if one is None or other is None:
        return one is other
    return (one.kind, one.name, one.condition, one.reason) == (other.kind, other.name, other.condition, other.reason)


def deepest(
    troubles: Collection[Trouble], revision: str, own: Cause | None, shown: BlockedBy | None = None
) -> Cause | None:
    """Return what keeps a set of pods: a pod made from its template, else its `own` cause, else an older pod.

    Older pods make way as soon as the new ones can be made, so what is in the way of these comes first.
    """
    current = [trouble for trouble in troubles if trouble.revision == revision]
    return worst_of(current, shown) or own or worst_of(troubles, shown)


def on_the_set(cause: Cause | None, own: Cause | None) -> Cause | None:
    """Return what a set's conditions say where its root cause is a pod: its `own` cause, if it has one, too."""
    return own if own is not None and cause is not None and cause.kind == "Pod" else cause


def worst_of(troubles: Collection[Trouble], shown: BlockedBy | None = None) -> Cause | None:
    """Return one cause for many pods; the message counts the others.

    The pod that is `shown` already stays as long as it is in the same trouble, so that nobody is told of a new cause
    because of others. Else it is the one that has been in trouble for longest, then by name.
    """
    if not troubles:
        return None
    first = min(troubles, key=lambda trouble: (not same_cause(shown, _cause(trouble)), trouble.since, trouble.pod))
    others = len(troubles) - 1
    return _cause(first, f" (and {others} other pod{'s' if others > 1 else ''})" if others else "")


def _cause(trouble: Trouble, counted: str = "") -> Cause:
    message = f"{trouble.message[: MESSAGE_MAX - len(counted)]}{counted}"
    return Cause("Pod", trouble.pod, trouble.condition, trouble.reason, message)


def blocked_by(stored: BlockedBy | None, cause: Cause | None, trace: TraceId, now: datetime) -> BlockedBy | None:
    """Return the cause as status shows it; the same cause keeps its `since`, whatever its message counts by now."""
    if cause is None:
        return None
    return BlockedBy(
        kind=cause.kind,
        name=cause.name,
        condition=cause.condition,
        reason=cause.reason,
        message=cause.message,
        since=stored.since if stored is not None and same_cause(stored, cause) else whole_second(now),
        trace_id=trace,
    )
