"""Pods that their kubelets refused to run: aborted placements, not failures of the pods.

A placer decides on its own copy of the cell, and the node's kubelet has the last word. What it refuses is Failed for
ever, so the pod is deleted once status has counted it, and its index is placed again with the next attempt. A node
that always refuses must not cost a storm of pods (131 of them for two replicas, kubernetes#120160). So status keeps
how often in a row each index was rejected: the more often, the longer it waits, and after the fifth time until that
is forgotten. This alone bounds it, to five creates of an index in any ten minutes, whoever restarts when; that a node
cools down (`foosets.placement.cooling`) spares most of them.

Example: the pods of index 3 are rejected at 12:00:00, at once again at 12:00:01, and by a third node at 12:00:21. The
next is due at 12:01:10: the times are kept to ten seconds, so that few ranges say them all.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from foosets.api.names import ConditionType, Kind, Reason
from foosets.api.status import LastRejection, RejectionRange
from foosets.planning.causes import MESSAGE_MAX, Cause
from foosets.planning.indexes import Attempts, IndexSet, format_ranges, stored_ranges
from foosets.planning.kubelets import Refusal
from foosets.planning.members import Members
from foosets.planning.trace import error_text

NONE: Final = IndexSet()
GRAIN_SECONDS: Final = 10
"""Times of rejections are rounded down to multiples of this. A status holds at most 62 of them, each five times."""
FORGOTTEN_AFTER_SECONDS: Final = 600 + GRAIN_SECONDS
"""A rejection of this age counts no more, and with it those before it."""
PAUSES_SECONDS: Final = (0, 10 + GRAIN_SECONDS, 40 + GRAIN_SECONDS, 160 + GRAIN_SECONDS, FORGOTTEN_AFTER_SECONDS)
"""How long after its first, second, ... rejection in a row an index may be placed again."""


class Rejection(NamedTuple):
    """How often in a row the pods of an index were rejected, and when the last of them was."""

    times: int
    at: datetime

    @property
    def due(self) -> datetime:
        """When the index may be placed again."""
        return self.at + timedelta(seconds=PAUSES_SECONDS[self.times - 1])

    def counts(self, now: datetime) -> bool:
        """Whether it is not forgotten yet."""
        return (now - self.at).total_seconds() < FORGOTTEN_AFTER_SECONDS


class Rejections(dict[int, Rejection]):
    """The indexes whose pods were rejected lately."""

    def after(self, rejected: Iterable[int], now: datetime) -> "Rejections":
        """Return them with one more of each of these indexes."""
        at = now - timedelta(seconds=now.second % GRAIN_SECONDS, microseconds=now.microsecond)
        counts = {index: self[index].times + 1 if index in self else 1 for index in rejected}
        return Rejections(self | {index: Rejection(min(n, len(PAUSES_SECONDS)), at) for index, n in counts.items()})

    def grouped(self) -> tuple[RejectionRange, ...]:
        """Return the shape that status stores."""
        groups: dict[Rejection, list[int]] = {}
        for index, rejection in self.items():
            groups.setdefault(rejection, []).append(index)
        return tuple(
            RejectionRange(indexes=format_ranges(IndexSet.of(indexes)), count=one.times, last_rejected_at=one.at)
            for one, indexes in sorted(groups.items())
        )

    @classmethod
    def from_groups(cls, groups: Iterable[RejectionRange]) -> "Rejections":
        """Return what `grouped` wrote."""
        return cls(
            {
                index: Rejection(group.count, group.last_rejected_at)
                for group in groups
                for index in stored_ranges(group.indexes)
            }
        )


class Stored(Protocol):
    """What a set's status says of rejections."""

    @property
    def placement_conflicts(self) -> int:
        """How many pods were rejected."""
        ...

    @property
    def rejections(self) -> tuple[RejectionRange, ...]:
        """How often in a row those of each index were."""
        ...

    @property
    def last_rejection(self) -> LastRejection | None:
        """What was said of the last."""
        ...


@dataclass(frozen=True, slots=True)
class Conflicts:
    """The rejected pods of a set: as status stores them, and what the pods that are there add to it.

    A rejected pod counts once: its attempt is then below the stored one, which is raised in the same status write. One
    that was being deleted before, and so was passed over already, is no conflict any more.
    `waiting` are the indexes that are not due yet; see `among`.
    """

    total: int
    rejections: Rejections
    waiting: Rejections
    last: LastRejection | None

    @classmethod
    def of(
        cls, stored: Stored, pods: Members, recorded: Attempts, now: datetime, *, settled: IndexSet = NONE
    ) -> "Conflicts":
        """Add the pods to the stored status; adding them again adds nothing. `settled` indexes need no more pods."""
        fresh = {index: said for index, said in pods.rejections.items() if said.attempt >= recorded[index]}
        known = Rejections.from_groups(stored.rejections)
        kept = {index: one for index, one in known.items() if one.counts(now) and index not in settled}
        rejections = Rejections(kept).after((index for index in fresh if index not in settled), now)
        last = _last(fresh[min(fresh)]) if fresh else stored.last_rejection
        return cls(
            total=stored.placement_conflicts + len(fresh),
            rejections=rejections,
            waiting=Rejections({index: one for index, one in rejections.items() if one.due > now}),
            last=last if rejections else None,
        )

    def among(self, wanted: IndexSet) -> "Conflicts":
        """Return them with none waiting but `wanted` ones; the others may be wanted again, and their bound stays."""
        return replace(self, waiting=Rejections({i: one for i, one in self.waiting.items() if i in wanted}))

    @property
    def due(self) -> datetime | None:
        """When the first of those that wait may be placed again."""
        return min((one.due for one in self.waiting.values()), default=None)

    def due_in(self, now: datetime) -> float | None:
        """Return the seconds until then."""
        return (self.due - now).total_seconds() if self.due is not None else None

    def cause(self, kind: Kind, name: str) -> Cause | None:
        """Return what keeps a set from placing its pods, if some of them wait."""
        due, last = self.due, self.last
        if due is None or last is None:
            return None
        message = (
            f"{len(self.waiting)} pods wait, the first until {due:%Y-%m-%dT%H:%M:%SZ}: "
            f"node {last.node} rejected {last.pod}, {error_text(last.reason, last.message)}"
        )
        return Cause(kind, name, ConditionType.PLACED, Reason.KUBELET_REJECTED, message)


def _last(said: Refusal) -> LastRejection:
    return LastRejection(
        pod=said.pod, node=said.node, reason=said.reason[:MESSAGE_MAX], message=said.message[:MESSAGE_MAX]
    )
