"""A world of pods for the scheduler's room: an API server's view, two watches that lag, and a hand-turned engine."""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, auto

from msgspec import json

from foosets.api.meta import PODS, Key
from foosets.api.names import SET_UID, STAMPS, NodeName, Uid
from foosets.api.node import Node
from foosets.api.pod import Condition, Container, Metadata, Pod, PodSpec, PodStatus, ResourceRequirements
from foosets.kube.errors import ApiError, Conflict, Forbidden, NotFound, ServerFault, Unreachable
from foosets.planning.actions import Action, Bind, Plan, SetPodCondition
from foosets.planning.quantity import amount
from foosets.planning.stamps import Stamps
from foosets.planning.trace import Span
from foosets.runtime.apply import Written
from foosets.runtime.obstruction import Obstructions
from foosets.runtime.store import Store
from foosets.runtime.writers import Performed, Refused
from foosets.scheduler.controller import SchedulerRoom

SCHEDULER = "foo-scheduler"
START = 1_800_000_000_000_000
COPY = json.Decoder(Pod)


class Fault(Enum):
    NONE = auto()
    REPLY_LOST = auto()
    REQUEST_LOST = auto()
    OVERLOADED = auto()
    FORBIDDEN = auto()


def a_pod(name: str, cpu: str = "1", **changes: str) -> Pod:
    """A waiting pod of a FooSet; `changes` are more labels."""
    container = Container(resources=ResourceRequirements(requests={"cpu": cpu}))
    spec = PodSpec(scheduler_name=SCHEDULER, containers=[container])
    labels = {SET_UID: "root"} | changes
    return Pod(Metadata(name=name, namespace="ns", uid=Uid(f"uid-{name}"), labels=labels), spec)


def copy(pod: Pod) -> Pod:
    return COPY.decode(json.encode(pod))


@dataclass
class Server:
    """Pods as the API server has them. `waiting` and `bound` are the events that the two watches have yet to bring."""

    pods: dict[Key, Pod] = field(default_factory=dict)
    version: int = 1
    waiting: deque[Callable[[Store[Pod]], None]] = field(default_factory=deque)
    bound: deque[Callable[[Store[Pod]], None]] = field(default_factory=deque)
    bindings: list[tuple[Uid, NodeName]] = field(default_factory=list)
    lives: int = 0

    def create(self, pod: Pod) -> None:
        if pod.key in self.pods:
            return
        self.lives += 1
        pod.metadata.uid = Uid(f"{pod.metadata.uid}-{self.lives}")
        self._put(pod)

    def delete(self, key: Key) -> None:
        pod = self.pods.pop(key, None)
        if pod is not None:
            self._leave(pod, self.bound if pod.spec.node_name else self.waiting)

    def end(self, key: Key) -> None:
        pod = self.pods.get(key)
        if pod is not None and pod.spec.node_name:
            pod.status.phase = "Succeeded"
            self._put(pod)

    def bind(self, action: Bind) -> None:
        pod = self.pods.get(Key(action.namespace, action.name))
        if pod is None:
            raise NotFound(404, "NotFound", "no such pod")
        if pod.metadata.uid != action.uid or pod.spec.node_name:
            raise Conflict(409, "Conflict", "already assigned")
        self.bindings.append((action.uid, action.node))
        self._leave(pod, self.waiting)
        pod.spec.node_name = action.node
        pod.metadata.annotations |= action.annotations
        pod.status.conditions = [Condition("PodScheduled", "True")]
        self._put(pod, raised=False)

    def tell(self, action: SetPodCondition) -> int:
        pod = self.pods.get(Key(action.namespace, action.name))
        if pod is None:
            raise NotFound(404, "NotFound", "no such pod")
        if pod.metadata.uid != action.uid:
            raise Conflict(409, "Conflict", "another pod")
        if pod.spec.node_name:
            raise Forbidden(403, "Forbidden", "not of a pod that has its node")  # by the chart's policy
        pod.status.conditions = [action.condition]
        self._put(pod)
        return self.version

    def relist(self, which: str) -> None:
        """A broken watch: all that it has yet to bring is replaced by a list."""
        events = self.bound if which == "bound" else self.waiting
        events.clear()
        rows = [copy(pod) for pod in self.pods.values() if bool(pod.spec.node_name) == (which == "bound")]
        version = self.version
        events.append(lambda store: store.replace(rows, version))

    def bookmark(self) -> None:
        version = self.version
        self.bound.append(lambda store: store.bookmark(version))

    def _put(self, pod: Pod, *, raised: bool = True) -> None:
        self.version += raised
        pod.metadata.resource_version = str(self.version)
        self.pods[pod.key] = pod
        row = copy(pod)
        (self.bound if pod.spec.node_name else self.waiting).append(lambda store: store.upsert(row))

    def _leave(self, pod: Pod, events: deque[Callable[[Store[Pod]], None]]) -> None:
        """One event at a version of its own: gone, or out of the selection."""
        self.version += 1
        row = copy(pod)
        row.metadata.resource_version = str(self.version)
        events.append(lambda store: store.remove(row))


class World:
    """The server, the room, and an engine that looks when told to."""

    def __init__(self) -> None:
        self.server = Server()
        self.now = START
        self.keys: dict[Key, None] = {}
        self.later: dict[Key, None] = {}
        self.spans: list[Span] = []
        self.writes: list[Action] = []
        self.during: list[str] = []
        self.fault = Fault.NONE
        self.new_process()

    def new_process(self) -> None:
        """Start the room, with both caches listed."""
        self.keys.clear()
        self.room = SchedulerRoom(SCHEDULER, self._enqueue, lambda: self.now)
        self.obstructions = Obstructions(random.Random(1))
        self.server.relist("waiting")
        self.server.relist("bound")
        self.deliver("waiting")
        self.deliver("bound")

    def node(self, node: Node) -> None:
        held = self.room.nodes.get(node.key)
        node.metadata.resource_version = str(int(held.metadata.resource_version) + 1 if held else 1)
        self.room.nodes.upsert(node)

    def _enqueue(self, key: Key, after: float = 0.0) -> None:
        del after
        self.keys[key] = None

    def deliver(self, which: str, count: int = 1) -> None:
        events, store = (
            (self.server.bound, self.room.bound) if which == "bound" else (self.server.waiting, self.room.waiting)
        )
        for _ in range(min(count, len(events))):
            events.popleft()(store)

    def look(self, key: Key) -> Plan | None:
        """One look, as `runtime.controller` does it."""
        self.keys.pop(key, None)
        seen = self.room.observe(key, self.obstructions.of(key, 0))
        if seen is None:
            self.obstructions.forget(key)
            self.room.forget(key)
            return None
        wall = self.now / 1_000_000
        plan = self.room.plan(seen, datetime.fromtimestamp(wall, UTC))
        outcome = self._perform(plan)
        self.room.acted(plan, outcome)
        if self.obstructions.learn(key, 0, plan, outcome, wall):
            self.keys[key] = None
        self.spans += plan.spans
        if plan.wake_after is not None:
            self.later[key] = None
        if outcome.refused:
            self.later[key] = None
        return plan

    def look_at_all(self) -> None:
        while self.keys:
            self.look(next(iter(self.keys)))

    def pass_time(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)
        self.keys |= self.later
        self.later.clear()

    def catch_up(self) -> None:
        """Bring every event, and the bookmark that ends them."""
        self.server.bookmark()
        self.deliver("waiting", 10_000)
        self.deliver("bound", 10_000)

    def settle(self) -> None:
        """Let everything come to rest."""
        self.fault = Fault.NONE
        for _ in range(6):
            self.catch_up()
            self.look_at_all()
            self.pass_time(61)
        self.catch_up()
        self.look_at_all()

    def _perform(self, plan: Plan) -> Performed:
        outcome = Performed()
        for action in plan.actions:
            try:
                outcome.written.append(self._write(action))
            except ApiError as error:
                outcome.refused.append(Refused(action, error))
        return outcome

    def _write(self, action: Action) -> Written:
        self.writes.append(action)
        assert isinstance(action, Bind | SetPodCondition)
        if self.fault is Fault.REQUEST_LOST:
            raise Unreachable("reset")
        if self.fault is Fault.OVERLOADED:
            raise ServerFault(503, "ServiceUnavailable", "busy")
        if self.fault is Fault.FORBIDDEN:
            raise Forbidden(403, "Forbidden", "no right")
        version = 0
        if isinstance(action, Bind):
            self.server.bind(action)
        else:
            version = self.server.tell(action)
        for which in self.during:
            self.deliver(which)
        if self.fault is Fault.REPLY_LOST:
            raise Unreachable("reset")
        return Written(PODS, Key(action.namespace, action.name), action.uid, version)

    # ---- what must hold

    def free(self, node: str) -> int:
        """Free milli-CPUs of a node as the placer counts them."""
        return self.room._table.rows[NodeName(node)].free["cpu"]

    def truly_used(self, node: str) -> int:
        """Milli-CPUs of the pods that the server has there."""
        return sum(
            amount("cpu", container.resources.requests["cpu"])
            for pod in self.server.pods.values()
            if pod.spec.node_name == node and not pod.terminal
            for container in pod.spec.containers
        )

    def statuses(self) -> dict[str, PodStatus]:
        return {key.name: pod.status for key, pod in self.server.pods.items()}

    def stamps(self, name: str) -> Stamps:
        return Stamps.parse(self.server.pods[Key("ns", name)].metadata.annotations.get(STAMPS))
