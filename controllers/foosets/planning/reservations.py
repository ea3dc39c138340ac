"""What the FooQuotas of a namespace let a root have, as their statuses say. What a set makes of it: `allowance`.

Nothing is made of a set before every FooQuota of its namespace holds a reservation for it; and of a newer spec only
what all of them have granted. What a reservation hands down to each part is the most pods that it may have, those on
their way out counted in. A namespace without FooQuota limits nothing.

Example: FooQuota `team` grants FooSet `demo` at generation 2 with 4 pods for `demo-workers`. Generation 3 asks for 9
and waits: the fooset controller changes no child, and the batch controller goes on with 4.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from foosets.api.customresource import GENERATION_MAX
from foosets.api.fooquota import FooQuota, ReservedChild, Waiting
from foosets.api.meta import Key
from foosets.api.names import Kind, Reason, Uid
from foosets.planning.children import Owner
from foosets.planning.quantity import amount


class Refusal(NamedTuple):
    """What a FooQuota says of a wish that does not fit; `generation` is the newest of the root that it is about.

    Nothing is wrong by its reason where the root has all that it asks for, and other pods of it have to go first.
    """

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
