"""The scheduler's shell: caches in, bindings out, and the choice of nodes in between."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from foosets.api.meta import NODES, PODS, Key
from foosets.api.names import STAMPS, Component, NodeName, Reason, Uid
from foosets.api.node import Node
from foosets.api.pod import Pod
from foosets.kube.codec import StructCodec
from foosets.kube.errors import Conflict, NotFound
from foosets.kube.lists import Source
from foosets.placement.choose import Ask, Choice, Chooser, NoFit, draw
from foosets.placement.cooling import Cooling
from foosets.placement.decisions import Answer, Decisions, Stage
from foosets.placement.nodes import Table
from foosets.placement.requests import pod_class
from foosets.placement.scores import Strategy
from foosets.planning.actions import Bind, Plan, SetPodCondition
from foosets.planning.obstacles import Obstacle
from foosets.planning.podspans import NO_ARRIVALS
from foosets.planning.stamps import SECOND, Stamps
from foosets.planning.trace import Microseconds
from foosets.runtime.manager import Assembly, Enqueue, Watch
from foosets.runtime.obstruction import CAP_SECONDS, reason_of
from foosets.runtime.settings import Settings
from foosets.runtime.store import Store
from foosets.runtime.writers import Performed
from foosets.scheduler.plan import POD_SCHEDULED, binding, held, obstacle_of, plan
from foosets.scheduler.spans import owes_spans, stamped
from foosets.scheduler.state import Bound, Observed, Waiting

ROOM_SECONDS: Final = 0.1
"""How long to gather events that make room: pods end in swarms, and one look serves them all."""
STRATEGY: Final = Strategy.SPREAD
"""As kube-scheduler by default (LeastAllocated): what waits for a scheduler is mostly replicas of a service, which
should not share the fate of one node."""


class SchedulerRoom:
    """Caches, and the placer's copy of the cell. A key is a pod."""

    component = Component.SCHEDULER

    def __init__(self, scheduler_name: str, enqueue: Enqueue, clock: Callable[[], Microseconds]) -> None:
        self._name = scheduler_name
        self._enqueue = enqueue
        self._clock = clock
        self.waiting: Store[Pod] = Store()
        self.bound: Store[Pod] = Store()
        self.nodes: Store[Node] = Store()
        self._table = Table()
        self._chooser = Chooser(self._table)
        self._cooling = Cooling()
        self._decisions = Decisions(self._table)
        self._arrived: dict[Key, Microseconds] = {}
        self._owed: dict[Key, Bound] = {}
        self._told_at: dict[Key, float] = {}
        self._mourned: set[Uid] = set()
        self._unfit: dict[Key, None] = {}  # a set that keeps its order: who has waited longest looks first
        self._worth_a_try: set[Key] = set()
        self.waiting.subscribe(self._on_waiting)
        self.nodes.subscribe(self._on_node)
        self.bound.subscribe(self._on_bound)

    # ---- events

    def _on_waiting(self, before: Pod | None, after: Pod | None) -> None:
        changed = after or before
        if changed is None:
            return
        key = changed.key
        if after is None:
            self._mourned.discard(changed.metadata.uid)
            self._arrived.pop(key, None)
            self._worth_a_try.discard(key)
        elif before is None or before.spec != after.spec:
            self._worth_a_try.add(key)
        if before is None and self.waiting.synced.is_set():
            self._arrived[key] = self._clock()
        self._enqueue(key)

    def _on_node(self, before: Node | None, after: Node | None) -> None:
        if self._table.node_changed(before, after):
            self._make_room()

    def _on_bound(self, before: Pod | None, after: Pod | None) -> None:
        self._table.pod_changed(before, after)
        if after is None or after.terminal:
            self._cooling.observe(before, after, self._clock())
            self._make_room()
        if after is None:
            return
        decided = self._decisions.seen(after)
        owes = before is None and self._owe_spans(after)
        if decided or owes:
            self._enqueue(after.key)

    def _owe_spans(self, pod: Pod) -> bool:
        """Remember a bound pod whose spans are to be sent, as long as they are; return whether it is one."""
        now = self._clock()
        while self._owed and not owes_spans(next(iter(self._owed.values())).pod, now):
            del self._owed[next(iter(self._owed))]
        owed = pod.spec.scheduler_name == self._name and owes_spans(pod, now)
        if owed:
            self._owed[pod.key] = Bound(pod, {POD_SCHEDULED: now} if self.bound.synced.is_set() else NO_ARRIVALS)
        return owed

    def _make_room(self) -> None:
        """Let the pods that found no node look again."""
        for key in self._unfit:
            self._worth_a_try.add(key)
            self._enqueue(key, ROOM_SECONDS)
        self._unfit.clear()

    # ---- what the engine asks

    def generation(self, key: Key) -> int:  # noqa: ARG002 - the engine's question is about one object
        """Return 0: that a pod's spec has changed is seen by comparing it, since pods may lack a generation."""
        return 0

    def observe(self, key: Key, obstacle: Obstacle | None) -> Observed | None:
        """Return the pod as the caches show it."""
        pod, bound = self.waiting.get(key), self._owed.pop(key, None)
        self._decisions.settle(key, pod, (self.waiting.resource_version, self.bound.resource_version))
        if pod is not None:
            return Observed(self._waiting(pod, obstacle), bound)
        settled = bound is None and self._decisions.stage(key) is Stage.UNDECIDED
        return None if settled else Observed(bound=bound)

    def plan(self, seen: Observed, now: datetime) -> Plan:
        """Return the plan, with the binding of the pod if it fits somewhere."""
        planned = plan(seen, now)
        if seen.waiting is not None and any(span.error for span in planned.plan.spans):
            self._mourned.add(seen.waiting.pod.metadata.uid)
        return planned.plan if planned.wanted is None else self._place(planned.plan, planned.wanted, now)

    def acted(self, plan: Plan, outcome: Performed) -> None:
        """Take note of what became of a binding, and of when a condition was written."""
        for action in plan.actions:
            key = Key(action.namespace, action.name)
            if isinstance(action, SetPodCondition):
                self._told_at[key] = self._clock() / SECOND + (CAP_SECONDS if _forbidden(outcome) else 0.0)
            elif isinstance(action, Bind):
                self._decisions.answered(key, _answer(outcome))

    def all_keys(self) -> Iterable[Key]:
        """Return the pods that wait, and those whose spans are to be sent."""
        return [*(pod.key for pod in self.waiting), *self._owed]

    def presumes(self, _key: Key, /) -> int:
        """Nothing: a key is a pod, and what its status says is true of itself."""
        return 0

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a pod that does not wait any more."""
        self._told_at.pop(key, None)
        self._unfit.pop(key, None)
        self._worth_a_try.discard(key)

    # ---- placing

    def _waiting(self, pod: Pod, obstacle: Obstacle | None) -> Waiting:
        key, uid = pod.key, pod.metadata.uid
        if obstacle is not None and key in self._worth_a_try:
            obstacle = obstacle.worth_a_try()
        self._worth_a_try.discard(key)
        bound = self.bound.get(key)  # whoever bound it, that cache may be ahead
        stage = Stage.SEEN if bound is not None and bound.metadata.uid == uid else self._decisions.stage(key)
        return Waiting(pod, stage, obstacle, self._told_at.get(key, 0.0), uid in self._mourned)

    def _place(self, planned: Plan, waiting: Waiting, now: datetime) -> Plan:
        """Complete the plan with a node for the pod; that there is none becomes the plan's obstacle."""
        pod = waiting.pod
        choice = self._choose(pod)
        if isinstance(choice, NoFit):
            self._unfit[pod.key] = None
            return held(planned, waiting, self._obstacle(pod, choice, now), now)
        self._decisions.made(pod, choice)
        chosen = self._clock()
        stamps = self._stamps(pod, chosen) if stamped(pod, chosen) else None
        return replace(planned, actions=(binding(pod, choice, stamps),))

    def _choose(self, pod: Pod) -> Choice:
        """Return a node; the one asked for before, as long as it is not known what became of that."""
        asked_for = self._decisions.node(pod.key)
        if asked_for is not None:
            return asked_for
        ask = Ask(pod.key, draw(pod.metadata.uid, 0, 0, self.component))
        return self._chooser.choose(pod_class(pod), STRATEGY, [ask], self._cooling_for(pod))[0]

    def _obstacle(self, pod: Pod, unfit: NoFit, now: datetime) -> Obstacle:
        """Return that no node will do; if one would that cools down, its end is awaited."""
        obstacle = obstacle_of(Reason.NO_FIT, unfit.message, now)
        if not unfit.avoided:
            return obstacle
        cooled = (until / SECOND for until in self._cooling_for(pod).values())  # none, if time has passed since
        return replace(obstacle, retry_at=min((obstacle.retry_at, *cooled)))

    def _cooling_for(self, pod: Pod) -> Mapping[NodeName, Microseconds]:
        """Return the nodes that rejected pods of the same owner, and until when they are left out."""
        return self._cooling.nodes(pod.controller.uid, self._clock()) if pod.controller is not None else {}

    def _stamps(self, pod: Pod, chosen: Microseconds) -> Stamps:
        """Return the pod's stamps with the scheduler's own; its wait begins when the watch brought it."""
        stamps = Stamps.parse(pod.metadata.annotations.get(STAMPS)).with_(scheduled=chosen, bind=self._clock())
        arrived = self._arrived.get(pod.key)
        return stamps if arrived is None else stamps.with_(schedule=arrived)


def _answer(outcome: Performed) -> Answer:
    """Return what the API server said to the one binding of a plan."""
    if outcome.written:
        return Answer.BOUND
    if not outcome.refused:
        return Answer.NONE  # it met a bug, which the engine raises
    error = outcome.refused[0].error
    if error.ambiguous:
        return Answer.NONE
    if isinstance(error, NotFound):
        return Answer.GONE
    return Answer.CONFLICT if isinstance(error, Conflict) else Answer.REFUSED


def _forbidden(outcome: Performed) -> bool:
    """Whether a write was refused for a reason that asking again at once does not change."""
    return any(reason_of(refused.error) is not None for refused in outcome.refused)


def assemble(enqueue: Enqueue, settings: Settings, clock: Callable[[], Microseconds]) -> Assembly:
    """Put the room and its watches together.

    Its own writes of conditions are awaited in the watch of waiting pods, the only ones that it writes to.
    """
    room = SchedulerRoom(settings.scheduler_name, enqueue, clock)
    mine = f"spec.nodeName=,spec.schedulerName={settings.scheduler_name}"
    bound = Source(PODS, StructCodec(Pod), field_selector="spec.nodeName!=")
    return Assembly(
        room,
        [
            Watch(Source(PODS, StructCodec(Pod), field_selector=mine), room.waiting),
            Watch(bound, room.bound, awaited=False),
            Watch(Source(NODES, StructCodec(Node)), room.nodes),
        ],
    )
