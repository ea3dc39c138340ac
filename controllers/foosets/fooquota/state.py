"""What the fooquota controller's plan looks at: one namespace, its quotas and all that they apply to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce

from foosets.api.fooquota import FooQuota, Reservation, RootKind
from foosets.api.names import Uid
from foosets.planning.amounts import Amounts, parsed


@dataclass(frozen=True, slots=True)
class Live:
    """The pods of one part that exist and have not finished, and what they request together."""

    count: int = 0
    amounts: Amounts = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Part:
    """One BatchFooSet or ServiceFooSet of a root.

    `want` is how many pods the root wants of it, `size` what each takes. It is `acknowledged` once nobody acts on an
    older wish: its object says what the root wants and its controller has seen that, or there is no object to act.
    `reported` are the pods that its controller has seen, of which the watch of pods may not have told yet. A part that
    `waits` makes none before the root's newest spec is granted: it is the root itself, or has yet to be made.
    """

    name: str
    want: int = 0
    size: Amounts = field(default_factory=dict[str, int])
    acknowledged: bool = True
    reported: int = 0
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Demand:
    """What a root asks for, from its own spec and its children's objects.

    `staying` is whether it is there and nobody has asked for its deletion: what is not wants no pods. `current` is
    whether its own controller has seen its newest spec, `ended` whether it and all of its parts have come to their end
    and nothing is left to be made of that spec. `invalid` says why its size cannot be told. `classes` are the
    priority classes of its pods.
    """

    uid: Uid
    kind: RootKind
    name: str
    generation: int
    created: datetime
    parts: tuple[Part, ...]
    classes: tuple[str, ...] = ()
    invalid: str = ""
    staying: bool = True
    current: bool = True
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Root:
    """A FooSet, or another set without one, and the pods of its parts by the part's name.

    Roots are told of as long as anything of them is left: the object, an object of a child, or an unfinished pod.
    `unseen` are parts with pods of a set that no cache has shown yet: it may go on making them.
    """

    demand: Demand
    live: Mapping[str, Live] = field(default_factory=dict[str, Live])
    unseen: frozenset[str] = frozenset()

    @property
    def is_over(self) -> bool:
        """Whether it has ended and has neither pods nor a use for any."""
        parts = self.demand.parts
        return self.demand.ended and not self.live and not any(part.want or part.reported for part in parts)


@dataclass(frozen=True, slots=True)
class Observed:
    """One namespace. `complete` is whether the caches have told of all that is in it.

    `priorities` are the values of the cluster's priority classes, `default_priority` that of pods which name none.
    """

    quotas: tuple[FooQuota, ...]
    roots: tuple[Root, ...] = ()
    priorities: Mapping[str, int] = field(default_factory=dict[str, int])
    default_priority: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """What a part may have: so many pods of that size.

    `counts` are the pods that each resource is charged for, where that is another number: one quota may have been told
    of more already, and the next not yet.
    """

    count: int
    size: Amounts
    counts: Mapping[str, int] = field(default_factory=dict[str, int])

    def of(self, name: str) -> int:
        """Return how many pods a resource is charged for."""
        return self.counts.get(name, self.count)

    def promised(self, most: int) -> dict[str, int]:
        """Return what it was charged with for so many pods at most."""
        return {name: min(most, self.of(name)) * value for name, value in self.size.items()}

    def at_most(self, most: int) -> "Told":
        """Return the same of so many pods at most."""
        return Told(min(most, self.count), self.size, {name: min(most, count) for name, count in self.counts.items()})


@dataclass(frozen=True, slots=True)
class Grant:
    """What a root has been given, in every quota of its namespace: the generation, the amounts, and each part's.

    It is `half` while only some of the quotas have been told of it, and `unfinished` if one that was there already when
    it began has no entry of it. It is `kept` if it stays as each quota has it, of no part more pods than it says.
    """

    generation: int
    requests: Amounts
    parts: Mapping[str, Told]
    half: bool = False
    unfinished: bool = False
    kept: bool = False


def stored_grants(quotas: Sequence[FooQuota]) -> dict[Uid, Grant]:
    """Return what the statuses of these quotas say, which come in the order in which they are written.

    A decision is written to one after the other, so a new one may stand in the first alone: of each resource the first
    that lists it says what is charged, and its sums are within the limits. Nothing is lost with what later ones say
    beside it: less than before is given only when nobody acts on the older wish any more, and on more than before
    nobody acts until the last has it.
    """
    entries: dict[Uid, dict[str, Reservation]] = {}
    for quota in quotas:
        for entry in quota.status.reservations:
            entries.setdefault(entry.uid, {})[quota.metadata.name] = entry
    return {uid: _stored(by_quota, quotas) for uid, by_quota in entries.items()}


def _stored(entries: Mapping[str, Reservation], quotas: Iterable[FooQuota]) -> Grant:
    since = min(entry.since for entry in entries.values())
    grant = reduce(_beside, map(_grant, entries.values()))
    lacking = (quota.metadata for quota in quotas if quota.metadata.name not in entries)
    unfinished = any(meta.creation_timestamp < since for meta in lacking)
    return replace(grant, half=grant.half or unfinished, unfinished=unfinished)


def _grant(entry: Reservation) -> Grant:
    parts = {
        child.name: Told(child.count, size := parsed(child.pod_requests), dict.fromkeys(size, child.count))
        for child in entry.children
    }
    return Grant(entry.generation, parsed(entry.requests), parts)


def _beside(first: Grant, later: Grant) -> Grant:
    """Return what the first says, and beside it what the later one says of resources that the first does not list."""
    names = dict.fromkeys((*first.parts, *later.parts))
    parts = {name: _told_beside(_told(first, name), _told(later, name)) for name in names}
    same = first.generation == later.generation and _counts(first) == _counts(later)
    return Grant(first.generation, {**later.requests, **first.requests}, parts, half=first.half or not same)


def _told(grant: Grant, name: str) -> Told:
    """Return what a part was told; one that has no entry is charged for no pod yet."""
    return grant.parts.get(name, Told(0, {}, dict.fromkeys(grant.requests, 0)))


def _told_beside(first: Told, later: Told) -> Told:
    return Told(first.count, {**later.size, **first.size}, {**later.counts, **first.counts})


def _counts(grant: Grant) -> dict[str, int]:
    return {name: told.count for name, told in grant.parts.items()}
