"""What the FooQuotas of a namespace let a set have: read from their statuses, obeyed by whoever makes something.

Nothing is made of a set before every FooQuota of its namespace holds a reservation for it; and of a newer spec only
what all of them have granted. What a reservation hands down to each part is the most pods that it may have, those on
their way out counted in. A namespace without FooQuota limits nothing.

Example: FooQuota `team` grants FooSet `demo` at generation 2 with 4 pods for `demo-workers`. Generation 3 asks for 9
and waits: the fooset controller changes no child, and the batch controller goes on with 4.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

from foosets.api.customresource import GENERATION_MAX, CustomResource
from foosets.api.fooquota import FooQuota, ReservedChild, Waiting
from foosets.api.meta import Key
from foosets.api.names import ConditionType, Kind, Reason, Uid
from foosets.api.status import Status
from foosets.planning.causes import Cause
from foosets.planning.children import Owner
from foosets.planning.conditions import Verdict, holds
from foosets.planning.ownership import parent_of
from foosets.planning.quantity import amount
from foosets.planning.silence import SILENT_AFTER_SECONDS


class Refusal(NamedTuple):
    """What a FooQuota says of a wish that does not fit; `generation` is the newest of the root that it is about."""

    generation: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Share:
    """What one root has been given.

    `quotas` are those that apply, none if nothing limits it. `generation` is the newest of its spec that all of them
    granted, 0 without any. `queued` is what one of them says of a wish that does not fit.
    """

    quotas: tuple[str, ...] = ()
    generation: int = 0
    children: Mapping[str, ReservedChild] = field(default_factory=dict[str, ReservedChild])
    queued: Refusal | None = None

    def covers(self, generation: int) -> bool:
        """Whether this spec of the root may be carried out."""
        return not self.quotas or self.generation >= generation

    def limit(self, child: str) -> int | None:
        """Return how many pods the part may have; None for as many as it wants."""
        if not self.quotas:
            return None
        reserved = self.children.get(child)
        return reserved.count if reserved is not None else 0

    def charges(self, child: str) -> Mapping[str, str]:
        """Return what each pod of the part was charged with, of the resources that are limited."""
        reserved = self.children.get(child)
        return reserved.pod_requests if reserved is not None else {}

    def refusal(self, generation: int) -> Refusal | None:
        """Return what is said of this generation, or None while nothing is."""
        return self.queued if self.queued is not None and self.queued.generation >= generation else None


NOT_LIMITED: Final = Share()
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


class Keyed(Protocol):
    """A row of a cache."""

    @property
    def key(self) -> Key:
        """Namespace and name."""
        ...


class Concern(NamedTuple):
    """Whom a change of a quota concerns: roots and parts by `names`, or None for all sets of the namespace."""

    namespace: str
    names: frozenset[str] | None

    def among(self, rows: Iterable[Keyed]) -> Iterator[Key]:
        """Yield the keys of a kind's objects that are concerned; of other kinds' too where names are told."""
        if self.names is not None:
            yield from (Key(self.namespace, name) for name in sorted(self.names))
            return
        yield from (row.key for row in rows if row.key.namespace == self.namespace)


class Reservations:
    """The FooQuotas of all namespaces, by what they say of each root."""

    def __init__(self) -> None:
        self._quotas: dict[str, dict[str, _Quota]] = {}

    def share(self, namespace: str, root: Uid) -> Share:
        """Return what a root of the namespace may have."""
        quotas = self._quotas.get(namespace)
        return _share(quotas, root) if quotas else NOT_LIMITED

    def share_of(self, owner: Owner) -> Share:
        """Return what the root of a set may have."""
        return self.share(owner.namespace, owner.lineage.set_uid)

    def observe(self, before: FooQuota | None, after: FooQuota | None) -> Concern:
        """Take a change of one quota; return whom it concerns: all when it came, went, or cannot explain all waits."""
        changed = after or before
        assert changed is not None, "nothing does not become nothing"
        namespace = changed.metadata.namespace
        quotas = self._quotas.setdefault(namespace, {})
        known = quotas.pop(changed.metadata.name, None)
        if after is not None:
            quotas[changed.metadata.name] = _Quota.of(after)
        if not quotas:
            del self._quotas[namespace]
        if known is None or after is None or known.crowded != quotas[changed.metadata.name].crowded:
            return Concern(namespace, None)
        return Concern(namespace, frozenset(_differences(known, quotas[changed.metadata.name])))


@dataclass(frozen=True, slots=True)
class _Quota:
    """One quota's status by root; `crowded` is whether more sets wait than it explains."""

    crowded: bool
    reservations: Mapping[Uid, "_Held"]
    queue: Mapping[Uid, Waiting]

    @classmethod
    def of(cls, quota: FooQuota) -> "_Quota":
        status = quota.status
        return cls(
            status.waiting > len(status.queue),
            {one.uid: _Held(one.name, one.generation, one.children) for one in status.reservations},
            {one.uid: one for one in status.queue},
        )


class _Held(NamedTuple):
    name: str
    generation: int
    children: tuple[ReservedChild, ...]


def _share(quotas: Mapping[str, _Quota], root: Uid) -> Share:
    """Return what all of them grant: the oldest generation, and of each part the least."""
    held = [quota.reservations.get(root) for quota in quotas.values()]
    queued = (_queued(name, quota, root) for name, quota in sorted(quotas.items()))
    granted = [one for one in held if one is not None]
    complete = len(granted) == len(quotas)
    return Share(
        quotas=tuple(sorted(quotas)),
        generation=min(one.generation for one in granted) if complete else 0,
        children=_least(granted) if complete else {},
        queued=next((said for said in queued if said is not None), None),
    )


def _queued(name: str, quota: _Quota, root: Uid) -> Refusal | None:
    """Return what a quota says of a root; of which it says nothing may be one of those that it does not explain."""
    waiting = quota.queue.get(root)
    if waiting is not None:
        return Refusal(waiting.generation, waiting.reason, waiting.message)
    if not quota.crowded:
        return None
    message = f"{Kind.FOOQUOTA} {name} has no room, and more sets wait for it than it explains"
    return Refusal(GENERATION_MAX, Reason.QUOTA_EXCEEDED, message)


def _least(granted: Iterable[_Held]) -> Mapping[str, ReservedChild]:
    """Return each part with the smallest count and the smallest charges; what one of them lacks has no pods."""
    first, *others = ({child.name: child for child in one.children} for one in granted)
    for other in others:
        first = {name: _smaller(child, other[name]) for name, child in first.items() if name in other}
    return first


def _smaller(one: ReservedChild, other: ReservedChild) -> ReservedChild:
    shared = one.pod_requests.keys() & other.pod_requests.keys()
    least = {
        key: min(one.pod_requests[key], other.pod_requests[key], key=lambda quantity, key=key: amount(key, quantity))
        for key in shared
    }
    charges = {**one.pod_requests, **other.pod_requests, **least}
    return ReservedChild(name=one.name, count=min(one.count, other.count), pod_requests=charges)


def _differences(before: _Quota, after: _Quota) -> Iterator[str]:
    """Yield the names of roots and parts of which the two do not say the same."""
    for uid in before.reservations.keys() | after.reservations.keys() | before.queue.keys() | after.queue.keys():
        held = before.reservations.get(uid), after.reservations.get(uid)
        queued = before.queue.get(uid), after.queue.get(uid)
        if held[0] == held[1] and queued[0] == queued[1]:
            continue
        yield from (one.name for one in (*held, *queued) if one is not None)
        yield from (child.name for one in held if one is not None for child in one.children)
