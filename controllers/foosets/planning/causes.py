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


def worst_of(troubles: Collection[Trouble]) -> Cause | None:
    """Return one cause for many pods: of the most frequent reason, the first by name; the message counts the others."""
    if not troubles:
        return None
    counts: dict[Reason, int] = {}
    for trouble in troubles:
        counts[trouble.reason] = counts.get(trouble.reason, 0) + 1
    first = min(troubles, key=lambda trouble: (-counts[trouble.reason], trouble.pod))
    others = len(troubles) - 1
    message = f"{first.message} (and {others} other pods)" if others else first.message
    return Cause("Pod", first.pod, first.condition, first.reason, message)


def blocked_by(stored: BlockedBy | None, cause: Cause | None, trace: TraceId, now: datetime) -> BlockedBy | None:
    """Return the cause as status shows it; the same cause keeps its `since`, whatever its message counts by now."""
    if cause is None:
        return None
    same = stored is not None and (stored.kind, stored.name, stored.condition, stored.reason) == (
        cause.kind,
        cause.name,
        cause.condition,
        cause.reason,
    )
    return BlockedBy(
        kind=cause.kind,
        name=cause.name,
        condition=cause.condition,
        reason=cause.reason,
        message=cause.message,
        since=stored.since if stored is not None and same else whole_second(now),
        trace_id=trace,
    )
