"""What a set may make by what its root was given, and how what it wants stands with the FooQuotas.

Example: `demo-workers` wants 9 pods and was told of 4, of which one has ended. It may make one; its condition
`QuotaReserved` is False, and says what the quota says of the other five, or who has not answered for too long.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from foosets.api.customresource import CustomResource
from foosets.api.names import UNBLOCKED_REASONS, ConditionType, Kind, Reason
from foosets.api.status import Status
from foosets.planning.causes import Cause
from foosets.planning.conditions import Verdict, holds
from foosets.planning.ownership import parent_of
from foosets.planning.quantity import amount
from foosets.planning.reservations import NOT_LIMITED, Refusal, Share
from foosets.planning.silence import SILENT_AFTER_SECONDS

EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one set may do under the share of its root.

    `generation` is that of the root's spec which the set carries out: its own, or 0 for a derived child, which is
    written only when the root's spec is granted. `limit` is how many pods it may have, None for as many as it wants;
    each of them was charged with `charges`. `asked_since` is since when the set has asked for what it asks, and has
    been told what it is told. So many of the pods are `taken` by unfinished ones of those that had its name before: a
    child that is made anew is no other part.
    """

    share: Share = NOT_LIMITED
    generation: int = 0
    limit: int | None = None
    charges: Mapping[str, str] = field(default_factory=dict[str, str])
    asked_since: datetime = EVER
    taken: int = 0

    @classmethod
    def of(cls, share: Share, owner: CustomResource, asked_since: datetime = EVER, *, taken: int = 0) -> "Allowance":
        """Return the allowance of a set that has pods."""
        meta = owner.metadata
        generation = 0 if parent_of(owner) is not None else meta.generation
        return cls(share, generation, share.limit(meta.name), share.charges(meta.name), asked_since, taken)

    @property
    def covered(self) -> bool:
        """Whether the set's spec may be carried out, with fewer pods perhaps than it asks for."""
        return self.share.covers(self.generation)

    def admits(self, requests: Mapping[str, str] | None) -> bool:
        """Whether pods that request this may be made: they were charged with no less.

        Admission adds to what a template says. Nothing is known of what it adds before a dry run: None.
        """
        return self.covered and all(
            amount(resource, (requests or {}).get(resource, 0)) <= amount(resource, charged)
            for resource, charged in self.charges.items()
        )

    def beside(self, live: int, wanted: int) -> int:
        """Return how many of the wanted pods may be created beside those that have not ended."""
        return wanted if self.limit is None else max(0, min(wanted, self.limit - self.taken - live))

    def standing(
        self, status: Status, now: datetime, *, pods: int = 0, live: int = 0, requests: Mapping[str, str] | None = None
    ) -> "Standing":
        """Return how the wish for so many pods stands that request this, `live` of which have come.

        `status` tells since when it is awaited.
        """
        if self.admits(requests) and (self.limit is None or self.limit >= pods):
            missing = max(0, pods - live)
            refused = self._displaced() if self.beside(live, missing) < missing else None
            return Standing(self.share.quotas, granted=refused is None, refused=refused)
        refused = self.share.refusal(self.generation)
        silent_from = max(_awaited_since(status, now), self.asked_since) + timedelta(seconds=SILENT_AFTER_SECONDS)
        return Standing(self.share.quotas, granted=False, refused=refused, silent_from=None if refused else silent_from)

    def ended(self, status: Status) -> "Standing":
        """Return how it stands with a set that has ended: it needs nothing any more, whatever it was given."""
        given = holds(status.conditions, ConditionType.QUOTA_RESERVED)
        return Standing(self.share.quotas if given else ())

    def _displaced(self) -> Refusal:
        """Return what is said of pods that are granted, and have others in their place."""
        quotas = f"{Kind.FOOQUOTA} {', '.join(self.share.quotas)}"
        message = f"{quotas}: {self.taken} of {self.limit} reserved pods are still those of an earlier set of this name"
        return Refusal(self.generation, Reason.QUOTA_EXCEEDED, message)


UNLIMITED: Final = Allowance()


def _awaited_since(status: Status, now: datetime) -> datetime:
    """Return since when a set waits: its episode has begun, and it is not Ready any more."""
    ready = status.condition(ConditionType.READY)
    if status.trace is None or ready is None or ready.status == "True":
        return now
    return max(ready.last_transition_time, status.trace.started_at)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a set's wish stands with the FooQuotas that apply: granted, refused, or without an answer so far.

    `silent_from` is when a controller that has not answered counts as silent.
    """

    quotas: tuple[str, ...] = ()
    granted: bool = True
    refused: Refusal | None = None
    silent_from: datetime | None = None

    def cause(self, kind: Kind, name: str, now: datetime) -> Cause | None:
        """Return what keeps the set, if a quota does."""
        if self.refused is not None:
            refused = self.refused
            if refused.reason in UNBLOCKED_REASONS:
                return None
            return Cause(kind, name, ConditionType.QUOTA_RESERVED, Reason(refused.reason), refused.message)
        if self.silent_from is None or self.silent_from > now:
            return None
        message = f"the {Kind.FOOQUOTA.lower()} controller has not answered: is it running?"
        return Cause(Kind.FOOQUOTA, self.quotas[0], ConditionType.READY, Reason.CONTROLLER_SILENT, message)

    def silent_in(self, now: datetime) -> float | None:
        """Return the seconds until silence becomes the cause, or None if it is that already or never will be."""
        left = (self.silent_from - now).total_seconds() if self.silent_from is not None else 0
        return left if left > 0 else None

    def verdicts(self, waiting: Reason) -> Iterator[Verdict]:
        """Yield the condition QuotaReserved where a FooQuota applies; `waiting` is its reason before any answer."""
        names = f"FooQuota {', '.join(self.quotas)}"
        if not self.quotas:
            return
        if self.granted:
            yield Verdict(ConditionType.QUOTA_RESERVED, True, Reason.AVAILABLE, names)
        elif self.refused is not None:
            yield Verdict(ConditionType.QUOTA_RESERVED, False, self.refused.reason, self.refused.message)
        else:
            yield Verdict(ConditionType.QUOTA_RESERVED, False, waiting, f"{names} has not answered yet")
