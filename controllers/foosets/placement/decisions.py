"""Bindings that were sent and are not seen back yet.

A pod that is bound leaves the watch of waiting pods and enters that of bound pods, and the two say so in any order, at
any distance. In between the table counts the decision in the pod's place. A decision is kept until both watches are
past it, which guarantees:

* a pod that may be bound is not decided about again, however long the waiting cache still shows it; where no answer
  said whether it is bound, the same node is asked for again, which the API server grants at most once;
* the room of a pod that may be bound is counted at every moment, and once;
* room is given back when the binding is known to have come to nothing, also if that shows only in the pod's being in
  neither cache.
"""

from dataclasses import dataclass
from enum import Enum, auto

from foosets.api.meta import Key
from foosets.api.names import NodeName
from foosets.api.pod import Pod
from foosets.placement.nodes import Table
from foosets.placement.requests import size_of


class Stage(Enum):
    """How far the binding of a pod has got, as far as this process knows."""

    UNDECIDED = auto()
    """Nothing was sent."""
    UNANSWERED = auto()
    """It was sent, and no answer says whether the pod is bound: the same node must be asked for again."""
    BOUND = auto()
    """The API server has bound the pod; the watches will show it."""
    LOST = auto()
    """The API server has refused it for good, because the pod is not as the cache shows it any more."""
    SEEN = auto()
    """The watch of bound pods has shown the pod."""


class Answer(Enum):
    """What the API server said to a binding."""

    BOUND = auto()
    CONFLICT = auto()
    """The pod has a node, is on its way out, or is another one."""
    GONE = auto()
    REFUSED = auto()
    """For a reason outside the pod (a right, a policy, strain): the same pod may be tried again."""
    NONE = auto()
    """Or one that does not tell whether the binding was done."""


@dataclass(slots=True)
class _Decision:
    pod: Pod
    node: NodeName
    stage: Stage = Stage.UNANSWERED
    repeated: bool = False
    left_at: int | None = None


class Decisions:
    """The decisions of one scheduler, by pod. Those that are still open are assumed in `table`."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._made: dict[Key, _Decision] = {}

    def __len__(self) -> int:
        """Return how many decisions are kept."""
        return len(self._made)

    def stage(self, key: Key) -> Stage:
        """Return how far the binding of the pod is."""
        decision = self._made.get(key)
        return decision.stage if decision is not None else Stage.UNDECIDED

    def node(self, key: Key) -> NodeName | None:
        """Return the node to ask for again; None if a node may be chosen."""
        decision = self._made.get(key)
        return decision.node if decision is not None else None

    def made(self, pod: Pod, node: NodeName) -> None:
        """Take note, before a binding is sent, that it will be; the table assumes it already."""
        decision = self._made.get(pod.key)
        if decision is None:
            self._made[pod.key] = _Decision(pod, node)
        else:
            decision.repeated = True

    def answered(self, key: Key, answer: Answer) -> None:
        """Take the answer to the binding sent last. A refusal says nothing of one before it that had no answer."""
        decision = self._made[key]
        if decision.stage is Stage.SEEN or answer is Answer.NONE:
            return
        if answer is Answer.BOUND or (answer is Answer.CONFLICT and decision.repeated):
            decision.stage = Stage.BOUND
        elif answer is Answer.GONE or answer is Answer.CONFLICT:
            decision.stage = Stage.LOST
            self._table.forget(key)
        elif not decision.repeated:
            self._drop(key)

    def seen(self, pod: Pod) -> bool:
        """Take the news of a bound pod, after the table has; return whether it was decided about here.

        An earlier pod of the same name may come this late. It must not stand in for the one that was decided about.
        """
        decision = self._made.get(pod.key)
        if decision is None:
            return False
        if decision.pod.metadata.uid == pod.metadata.uid:
            decision.stage = Stage.SEEN
            return True
        if decision.stage in {Stage.UNANSWERED, Stage.BOUND}:
            self._table.assume(pod.key, decision.node, size_of(decision.pod.spec))
        return False

    def settle(self, key: Key, waiting: Pod | None, versions: tuple[int, int]) -> None:
        """Drop the decision about `key` if the caches are past it.

        `waiting` is what the cache of waiting pods shows; `versions` are the resourceVersions that this cache and that
        of bound pods have reached. A pod that is in neither, when bound pods are known up to where it was last
        waiting or later, is gone.
        """
        decision = self._made.get(key)
        if decision is None:
            return
        past = _left(decision, versions) if waiting is None else _outdated(decision, waiting)
        if past:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        del self._made[key]
        self._table.forget(key)


def _left(decision: _Decision, versions: tuple[int, int]) -> bool:
    """Whether nothing more will come of a pod that is not waiting any more."""
    if decision.stage in {Stage.SEEN, Stage.LOST}:
        return True
    waiting, bound = versions
    if decision.left_at is None:
        decision.left_at = waiting
    return bound >= decision.left_at


def _outdated(decision: _Decision, waiting: Pod) -> bool:
    """Whether the waiting pod is not the one that was decided about, or can no longer be bound, or is news."""
    one, other = decision.pod.metadata, waiting.metadata
    if one.uid != other.uid or waiting.terminating or waiting.terminal:
        return True
    return decision.stage is Stage.LOST and one.resource_version != other.resource_version
