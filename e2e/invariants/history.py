"""A recording: every version of every object as watches told of it, and every write as the audit log has it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from e2e.audit import Write
from foosets.api import names

Object = Mapping[str, Any]

ADDED: Final = "ADDED"
MODIFIED: Final = "MODIFIED"
DELETED: Final = "DELETED"

POD: Final = "Pod"
NODE: Final = "Node"
SETS: Final = (names.Kind.FOOSET, names.Kind.BATCHFOOSET, names.Kind.SERVICEFOOSET)
POD_OWNERS: Final = (names.Kind.BATCHFOOSET, names.Kind.SERVICEFOOSET)


@dataclass(frozen=True, slots=True)
class Version:
    """One event of a watch: `object` is the state after it, or before a deletion, with the event's own version."""

    type: str
    object: Object
    at: datetime

    @property
    def number(self) -> int:
        """The resourceVersion; one counter numbers all kinds, so it orders events of different watches too."""
        return int(self.object["metadata"]["resourceVersion"])


@dataclass(frozen=True, slots=True)
class Slot:
    """The place that a pod holds: its owner's uid, and its index or slot there."""

    owner: str
    index: int

    def __str__(self) -> str:
        """`index of owner`."""
        return f"{self.index} of {self.owner}"


@dataclass(frozen=True, slots=True)
class Life:
    """One object, by uid, from its first version on. `ended` is the version that it went with, or None."""

    versions: Sequence[Version]
    ended: int | None

    @property
    def uid(self) -> str:
        """Which incarnation of the name."""
        return self.last["metadata"]["uid"]

    @property
    def name(self) -> str:
        """The object's name."""
        return self.last["metadata"]["name"]

    @property
    def namespace(self) -> str:
        """Where it is; "" for a node."""
        return self.last["metadata"].get("namespace", "")

    @property
    def kind(self) -> str:
        """The object's kind."""
        return self.last["kind"]

    @property
    def last(self) -> Object:
        """Its newest state."""
        return self.versions[-1].object

    @property
    def began(self) -> int:
        """The version that it came with."""
        return self.versions[0].number

    def at(self, number: int) -> Object | None:
        """Return the state at a version, or None if it was not there."""
        if self.ended is not None and self.ended <= number:
            return None
        known = [version.object for version in self.versions if version.number <= number]
        return known[-1] if known else None

    def __str__(self) -> str:
        """`Kind namespace/name`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class History:
    """What the whole cell has seen; where a `namespace` is named, only what is in it is judged.

    Lives by kind, and writes in the order of their answers.
    """

    lives: Mapping[str, Sequence[Life]]
    writes: Sequence[Write] = ()
    namespace: str = ""

    @classmethod
    def of(
        cls,
        versions: Iterable[Version],
        writes: Iterable[Write] = (),
        *,
        namespace: str = "",
    ) -> "History":
        """Sort a recording by object."""
        lives: dict[str, list[Life]] = {}
        for life in _lives(versions):
            lives.setdefault(life.kind, []).append(life)
        return cls(lives, tuple(writes), namespace)

    def everywhere(self, *kinds: str) -> Iterator[Life]:
        """Yield every life of these kinds, in all namespaces: pods of others take room, too."""
        for kind in kinds:
            yield from self.lives.get(kind, ())

    def of_kind(self, *kinds: str) -> Iterator[Life]:
        """Yield every life of these kinds that is judged."""
        found = self.everywhere(*kinds)
        return (life for life in found if not self.namespace or life.namespace == self.namespace)

    def present(self, *kinds: str) -> Iterator[Life]:
        """Yield what is there at the end."""
        return (life for life in self.of_kind(*kinds) if life.ended is None)

    def pods_of(self, owner: str) -> Iterator[Life]:
        """Yield every pod that a set, by uid, ever had."""
        return (life for life in self.of_kind(POD) if controller(life.last).get("uid") == owner)


@dataclass(frozen=True, slots=True)
class At:
    """How a recording came to be. `rest` is when all was done, or None if it was cut off before.

    `lag` is how many seconds the placers' caches may have been behind; `replicas` how many of each component there
    were, each of which may cost as much; `resent` how many replies were lost, after which a PUT on a kept connection is
    sent once more at once; `reference` is the same story without a fault.
    """

    rest: datetime | None = None
    lag: float = 0.0
    replicas: int = 1
    resent: int = 0
    reference: History | None = None


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """What does not hold, of which object, and what shows it."""

    invariant: str
    subject: str
    evidence: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.invariant} {self.subject}: {self.evidence}"


# ---- what objects say


def controller(owned: Object) -> Mapping[str, Any]:
    """Return the reference to the object that controls this one, or an empty one."""
    references = owned["metadata"].get("ownerReferences", ())
    return next((reference for reference in references if reference.get("controller")), {})


def slot_of(pod: Object) -> Slot | None:
    """Return the place that a pod of one of our sets holds, or None for every other pod."""
    owner = controller(pod)
    if owner.get("kind") not in POD_OWNERS:
        return None
    return Slot(owner["uid"], int(pod["metadata"].get("labels", {}).get(names.INDEX, "-1")))


def phase_of(pod: Object) -> str:
    """Return the pod's phase."""
    return pod.get("status", {}).get("phase", "Pending")


def has_ended(pod: Object) -> bool:
    """Whether nothing of the pod runs any more, or ever will."""
    return phase_of(pod) in {"Succeeded", "Failed"}


def is_leaving(one: Object) -> bool:
    """Whether somebody asked for its deletion."""
    return "deletionTimestamp" in one["metadata"]


def is_ready(pod: Object) -> bool:
    """Whether the pod says that it is Ready."""
    return is_true(pod, "Ready")


def is_true(one: Object, condition: str) -> bool:
    """Whether a condition holds."""
    conditions = one.get("status", {}).get("conditions", ())
    return any(found["type"] == condition and found["status"] == "True" for found in conditions)


def _lives(versions: Iterable[Version]) -> Iterator[Life]:
    by_uid: dict[str, dict[int, Version]] = {}
    for version in sorted(versions, key=lambda one: one.number):
        # two watches of one kind tell the same twice; only a deletion is more than what is known
        known = by_uid.setdefault(version.object["metadata"]["uid"], {})
        if version.number not in known or version.type == DELETED:
            known[version.number] = version
    for told in by_uid.values():
        told_in_order = tuple(told.values())
        last = told_in_order[-1]
        yield Life(told_in_order, last.number if last.type == DELETED else None)
