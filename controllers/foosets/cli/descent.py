"""The way down: which objects lie between a root and what is stuck, and which of several it is.

    FooSet demo ─▶ ServiceFooSet demo-server ─▶ Pod demo-server-4ao3v-0

Each status names its root cause, but it is as old as its controller's last look. So every step down is taken by what
the object below says itself, and the name in the status above only tells which of them to ask first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooquota import FooQuota
from foosets.api.fooset import FooSet
from foosets.api.names import ConditionType, Kind
from foosets.api.pod import Pod
from foosets.api.servicefooset import ServiceFooSet

Child: TypeAlias = BatchFooSet | ServiceFooSet
Set: TypeAlias = FooSet | Child
Controlled: TypeAlias = Set | FooQuota
Object: TypeAlias = Controlled | Pod


@dataclass(frozen=True, slots=True)
class Descent:
    """Objects from the root down to what is stuck, each owned by the one before it; one of them was asked about.

    A FooQuota owns nothing and is owned by nobody: it is below a set that has no answer from it, and above the set that
    waits for it first. `quota` is the FooQuota that the root waits for, if it is known.
    """

    objects: tuple[Object, ...]
    asked: int = 0
    quota: str = ""

    @property
    def subject(self) -> Object:
        """What was asked about."""
        return self.objects[self.asked]

    @property
    def below(self) -> tuple[Object, ...]:
        """What was asked about, and what lies under it."""
        return self.objects[self.asked :]

    @property
    def sets(self) -> tuple[Set, ...]:
        """The sets on the way, the root first."""
        return tuple(one for one in self.objects if isinstance(one, FooSet | BatchFooSet | ServiceFooSet))

    @property
    def lags(self) -> bool:
        """Whether some controller has not acted on what it was asked for."""
        return any(lagging(self.objects))


def kind_of(one: Object) -> str:
    """Return the object's kind; the class is called by it."""
    return type(one).__name__


def lags(one: Controlled) -> bool:
    """Whether the object's controller has not acted on its newest spec; a deletion makes a generation, but no work."""
    return not one.terminating and one.status.observed_generation != one.metadata.generation


def lagging(objects: Iterable[Object]) -> Iterator[Controlled]:
    """Yield the objects whose controller has not acted on their newest spec; nobody acts on a pod in that sense."""
    return (one for one in objects if not isinstance(one, Pod) and lags(one))


def is_true(one: Set, condition: str) -> bool:
    """Whether the set shows that condition as True."""
    found = one.status.condition(condition)
    return found is not None and found.status == "True"


def stuck_child(fooset: FooSet, children: Iterable[Child]) -> Child | None:
    """Return the child that keeps the set: the one that is blamed, blocked, unseen by its controller, or not Ready."""
    cause = fooset.status.blocked_by
    if cause is not None and cause.kind in {Kind.FOOSET, Kind.FOOQUOTA}:
        return None
    waiting = [child for child in children if not is_true(child, ConditionType.READY) or lags(child)]
    return min(waiting, key=lambda child: _rank(fooset, child), default=None)


def _rank(fooset: FooSet, child: Child) -> tuple[bool, bool, bool, str]:
    """Order children by how likely each is what keeps the set; the least comes first."""
    above, here = fooset.status.blocked_by, child.status.blocked_by
    names = {child.metadata.name, *([here.name] if here else [])}
    return above is None or above.name not in names, here is None, not lags(child), child.metadata.name


def stuck_pod(pods: Sequence[Pod]) -> Pod | None:
    """Return the first pod by name that has not ended and is not Ready."""
    waiting = [pod for pod in pods if not (pod.ready or pod.terminal or pod.terminating)]
    return min(waiting, key=lambda pod: pod.metadata.name, default=None)


def blamed(one: Set, kind: str) -> str | None:
    """Return the name of the object of that kind that the set's status blames, if it blames one."""
    cause = one.status.blocked_by
    return cause.name if cause is not None and cause.kind == kind else None


def waits_for_quota(one: Set) -> bool:
    """Whether the set says that a FooQuota has not given what it asks for."""
    cause = one.status.blocked_by
    return cause is not None and cause.condition == ConditionType.QUOTA_RESERVED
