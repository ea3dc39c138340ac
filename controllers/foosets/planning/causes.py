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


def worst_of(troubles: Collection[Trouble], shown: BlockedBy | None = None) -> Cause | None:
    """Return one cause for many pods; the message counts the others.

    It is of the most frequent reason. There the pod that is `shown` already stays, so that pods which come into the
    same trouble later change no cause; else it is the first by name.
    """
    if not troubles:
        return None
    counts: dict[Reason, int] = {}
    for trouble in troubles:
        counts[trouble.reason] = counts.get(trouble.reason, 0) + 1
    first = min(
        troubles, key=lambda trouble: (-counts[trouble.reason], not same_cause(shown, _cause(trouble)), trouble.pod)
    )
    others = len(troubles) - 1
    return _cause(first, f" (and {others} other pod{'s' if others > 1 else ''})" if others else "")


def _cause(trouble: Trouble, counted: str = "") -> Cause:
    return Cause("Pod", trouble.pod, trouble.condition, trouble.reason, f"{trouble.message}{counted}")


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
