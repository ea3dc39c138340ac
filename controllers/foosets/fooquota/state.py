"""What the fooquota controller's plan looks at: one namespace, its quotas and all that they apply to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from foosets.api.fooquota import FooQuota, Reservation, RootKind
from foosets.api.names import Uid
from foosets.planning.amounts import Amounts, larger, parsed


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
    """

    name: str
    want: int = 0
    size: Amounts = field(default_factory=dict[str, int])
    acknowledged: bool = True


@dataclass(frozen=True, slots=True)
class Demand:
    """What a root asks for, from its own spec and its children's objects.

    `staying` is whether it is there and nobody has asked for its deletion: what is not wants no pods. `current` is
    whether its own controller has seen its newest spec. `invalid` says why its size cannot be told. `classes` are the
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


@dataclass(frozen=True, slots=True)
class Root:
    """A FooSet, or another set without one, and the pods of its parts by the part's name.

    Roots are told of as long as anything of them is left: the object, an object of a child, or an unfinished pod.
    """

    demand: Demand
    live: Mapping[str, Live] = field(default_factory=dict[str, Live])


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
    """What a part may have by the reservations that are stored: so many pods of that size."""

    count: int = 0
    size: Amounts = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Grant:
    """What a root has been given, in every quota of its namespace: the generation, the amounts, and each part's."""

    generation: int
    requests: Amounts
    parts: Mapping[str, Told]


def stored_grants(quotas: Iterable[FooQuota]) -> dict[Uid, Grant]:
    """Return what the quotas' statuses say, root by root.

    They are written one after the other, so a new grant may stand in the first alone. It is given, though nobody acts
    upon it before the last has it: of each figure the largest counts.
    """
    grants: dict[Uid, Grant] = {}
    for quota in quotas:
        for entry in quota.status.reservations:
            grant, known = _grant(entry), grants.get(entry.uid)
            grants[entry.uid] = grant if known is None else _joined(known, grant)
    return grants


def _grant(entry: Reservation) -> Grant:
    parts = {child.name: Told(child.count, parsed(child.pod_requests)) for child in entry.children}
    return Grant(entry.generation, parsed(entry.requests), parts)


def _joined(one: Grant, other: Grant) -> Grant:
    parts = dict(one.parts)
    for name, told in other.parts.items():
        known = parts.get(name, told)
        parts[name] = Told(max(known.count, told.count), larger(known.size, told.size))
    return Grant(max(one.generation, other.generation), larger(one.requests, other.requests), parts)
