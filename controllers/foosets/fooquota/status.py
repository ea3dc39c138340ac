"""The fooquota controller's report: what one quota has given away, who waits for it, and what it lacks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from foosets.api.fooquota import (
    CHILDREN_MAX,
    RESERVATIONS_MAX,
    RESERVED_BYTES_MAX,
    WAITING_MAX,
    FooQuota,
    FooQuotaStatus,
    Reservation,
    ReservedChild,
    Waiting,
)
from foosets.api.names import ConditionType, Kind, Reason, Uid
from foosets.fooquota.state import Demand, Grant, Root
from foosets.planning.amounts import Amounts, exceeding, in_words, only, parsed, rendered, total
from foosets.planning.conditions import Verdict, merged, whole_second

MESSAGE_MAX = 1024
"""Characters of a message that a queue has room for."""
GRANT_BYTES, PART_BYTES, AMOUNT_BYTES = 180, 40, 10
"""What a reservation takes, each of its parts, and each resource of both, beside their names."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A root that lacks something: what it wants beside what it has been given.

    `crowded` is whether a quota has no room for another reservation. `short` are parts that get more
    of what the root has as other pods of it go.
    """

    demand: Demand
    lacks: Amounts
    crowded: bool = False
    short: tuple[str, ...] = ()

    @property
    def reason(self) -> Literal[Reason.INVALID_POD_TEMPLATE, Reason.PLACING, Reason.QUOTA_EXCEEDED]:
        """Return why it waits. Nothing is wrong where it has all that it wants."""
        if self.demand.invalid:
            return Reason.INVALID_POD_TEMPLATE
        return Reason.PLACING if self.short else Reason.QUOTA_EXCEEDED


@dataclass(slots=True)
class Decision:
    """What is decided about the roots of a namespace; `waits` has the first in line first.

    `size` is about how many bytes the grants will take in a status: the fields, names and quantities of each.
    """

    roots: tuple[Root, ...]
    grants: dict[Uid, Grant] = field(default_factory=dict[Uid, Grant])
    waits: list[Wait] = field(default_factory=list[Wait])
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether a status has no room for another grant."""
        return len(self.grants) >= RESERVATIONS_MAX or self.size >= RESERVED_BYTES_MAX

    def give(self, demand: Demand, grant: Grant) -> None:
        """Decide what a root is given, instead of what was decided about it before."""
        before = self.grants.get(demand.uid)
        self.size += _size(demand, grant) - (_size(demand, before) if before is not None else 0)
        self.grants[demand.uid] = grant


def _size(demand: Demand, grant: Grant) -> int:
    """Return about how many bytes a grant takes."""
    amounts = sum(AMOUNT_BYTES + len(name) for name in grant.requests)
    parts = sum(PART_BYTES + len(name) + amounts for name in grant.parts)
    return GRANT_BYTES + len(demand.name) + amounts + parts


def report(quota: FooQuota, decision: Decision, now: datetime) -> FooQuotaStatus:
    """Return the whole status of one quota."""
    stored, generation = quota.status, quota.metadata.generation
    hard = parsed(quota.spec.hard)
    reserved = only(total(grant.requests for grant in decision.grants.values()), hard)
    used = total(live.amounts for root in decision.roots for live in root.live.values())
    queue = list(_queue(quota, decision, reserved, now))
    return FooQuotaStatus(
        observed_generation=generation,
        conditions=merged(stored.conditions, [_verdict(hard, reserved)], now, generation),
        reserved=rendered(reserved),
        used=rendered(only(used, hard)),
        waiting=len(queue),
        reservations=tuple(_reservations(quota, decision, now)),
        queue=tuple(queue[:WAITING_MAX]),
    )


def _verdict(hard: Amounts, reserved: Amounts) -> Verdict:
    """Return whether all that was given away is within the limits: they may have been lowered, or made later."""
    over = exceeding(reserved, hard)
    if not over:
        return Verdict(ConditionType.READY, True, Reason.AVAILABLE)
    message = f"the sets hold {in_words(over)} more than spec.hard allows; nothing is taken from them"
    return Verdict(ConditionType.READY, False, Reason.QUOTA_EXCEEDED, message)


def _reservations(quota: FooQuota, decision: Decision, now: datetime) -> Iterator[Reservation]:
    stored = {entry.uid: entry for entry in quota.status.reservations}
    demands = [root.demand for root in decision.roots if root.demand.uid in decision.grants]
    for demand in sorted(demands, key=lambda one: (one.name, one.kind, one.uid)):
        grant, entry = decision.grants[demand.uid], stored.get(demand.uid)
        requests = rendered(only(grant.requests, quota.spec.hard))
        if grant.kept and entry is not None:
            kept = tuple(_kept(child, grant) for child in entry.children)
            yield entry.model_copy(update={"requests": requests, "children": kept})
            continue
        children = [
            ReservedChild(name=name, count=told.count, pod_requests=rendered(only(told.size, quota.spec.hard)))
            for name, told in grant.parts.items()
        ]
        yield Reservation(
            uid=demand.uid,
            kind=demand.kind,
            name=demand.name,
            generation=grant.generation,
            since=entry.since if entry is not None else whole_second(now),
            requests=requests,
            children=tuple(children[:CHILDREN_MAX]),
        )


def _kept(child: ReservedChild, grant: Grant) -> ReservedChild:
    """Return what is handed down to a part, without the pods that it makes no more."""
    return child.model_copy(update={"count": min(child.count, grant.parts[child.name].count)})


def _queue(quota: FooQuota, decision: Decision, reserved: Amounts, now: datetime) -> Iterator[Waiting]:
    """Yield whom this quota keeps waiting; another quota may be the one that lacks something."""
    since = {entry.uid: entry.since for entry in quota.status.queue}
    hard = parsed(quota.spec.hard)
    for wait in decision.waits:
        demand = wait.demand
        message = _message(quota.metadata.name, wait, reserved, hard)
        if message:
            yield Waiting(
                uid=demand.uid,
                kind=demand.kind,
                name=demand.name,
                generation=demand.generation,
                since=since.get(demand.uid, whole_second(now)),
                reason=wait.reason,
                message=message[:MESSAGE_MAX],
            )


def _message(name: str, wait: Wait, reserved: Amounts, hard: Amounts) -> str:
    """Say what the quota lacks, as a ResourceQuota does; "" if it is not this one that lacks something."""
    if wait.demand.invalid:
        return wait.demand.invalid
    if wait.crowded:
        return f"{Kind.FOOQUOTA} {name} holds as many reservations as it has room for"
    if wait.short:
        parts = ", ".join(wait.short)
        return (
            f"{Kind.FOOQUOTA} {name} holds all that the set asks for; {parts} may have the rest as other pods of it go"
        )
    short = [key for key in hard if 0 < wait.lacks.get(key, 0) > hard[key] - reserved[key]]
    if not short:
        return ""
    requested, held, limited = (in_words(only(amounts, short)) for amounts in (wait.lacks, reserved, hard))
    return f"exceeded {Kind.FOOQUOTA}: {name}, requested: {requested}, reserved: {held}, limited: {limited}"
