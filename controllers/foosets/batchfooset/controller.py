"""The batch controller's shell: caches in, actions out, and the choice of nodes in between."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import heappop, heappush
from typing import Final

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooquota import FooQuota
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, NODES, PODS, Key
from foosets.api.names import Component, Kind, Reason, Uid
from foosets.api.node import Node
from foosets.api.pod import Pod
from foosets.batchfooset.children import create, stencil_of
from foosets.batchfooset.plan import BatchPlan, plan
from foosets.batchfooset.state import Observed, Placed, Wanted
from foosets.kube.codec import ModelCodec, StructCodec
from foosets.kube.lists import Source
from foosets.placement.choose import Ask, Chooser, NoFit, draw
from foosets.placement.cooling import Cooling
from foosets.placement.dryruns import Admitted, passed
from foosets.placement.nodes import Table
from foosets.placement.requests import PodClass
from foosets.placement.scores import Strategy
from foosets.planning.actions import Create, Plan
from foosets.planning.allowance import Allowance
from foosets.planning.children import Owner, PodStencil
from foosets.planning.memberships import Memberships
from foosets.planning.obstacles import Obstacle
from foosets.planning.ownership import owner_of
from foosets.planning.reservations import Reservations
from foosets.planning.revision import template_revision
from foosets.planning.stamps import SECOND, Stamps
from foosets.planning.trace import Context, Microseconds
from foosets.planning.unchanged import Unchanged
from foosets.runtime.manager import SWARM_SECONDS, Assembly, Enqueue, Watch
from foosets.runtime.settings import Settings
from foosets.runtime.store import Store
from foosets.runtime.writers import Performed

NO_FIT_RETRY_SECONDS: Final = 60.0
"""How long to wait for an event that makes room before looking again all the same."""
UNPLACED: Final = frozenset({Reason.NO_FIT, Reason.KUBELET_REJECTED})
"""The obstacles that are nodes; whether they stand is looked up."""
ROOM_SECONDS: Final = 0.1
"""How long to gather events that make room: pods end in swarms, and one look serves them all."""


@dataclass(frozen=True, slots=True)
class _Template:
    """What is computed once for a generation of the spec, and what the template's dry run told once it has passed."""

    generation: int
    revision: str
    stencil: PodStencil
    admitted: Admitted | None


class BatchRoom:
    """Caches, and the placer's copy of the cell."""

    component = Component.BATCHFOOSET

    def __init__(self, enqueue: Enqueue, clock: Callable[[], Microseconds]) -> None:
        self._enqueue = enqueue
        self._clock = clock
        self.batches: Store[BatchFooSet] = Store()
        self.pods: Store[Pod] = Store()
        self.quotas: Store[FooQuota] = Store()
        self.nodes: Store[Node] = Store()
        self._members = Memberships(Kind.BATCHFOOSET, self.batches.get)
        self._reservations = Reservations()
        self._asked = Unchanged()
        self._templates: dict[Uid, _Template] = {}
        self._table = Table()
        self._chooser = Chooser(self._table)
        self._cooling = Cooling()
        self._created: list[tuple[int, Key]] = []  # a heap
        self._waiting: set[Key] = set()
        self.batches.subscribe(self._on_batch)
        self.nodes.subscribe(self._on_node)
        self.pods.subscribe(self._on_pod)
        self.quotas.subscribe(self._on_quota)

    # ---- events

    def _on_batch(self, before: BatchFooSet | None, after: BatchFooSet | None) -> None:
        if before is not None and (after is None or after.metadata.uid != before.metadata.uid):
            self._members.forget(before)
            self._templates.pop(before.metadata.uid, None)
            self._cooling.forget(before.metadata.uid)
            self._asked.forget(before.metadata.uid)
        changed = after or before
        if changed is not None:
            self._enqueue(changed.key)

    def _on_node(self, before: Node | None, after: Node | None) -> None:
        if self._table.node_changed(before, after):
            self._make_room()

    def _on_pod(self, before: Pod | None, after: Pod | None) -> None:
        self._table.pod_changed(before, after)
        at = self._clock()
        owner = self._members.observe(before, after, at if self.pods.synced.is_set() else None)
        if owner is not None:
            self._enqueue(owner, SWARM_SECONDS)
        if after is None or after.terminal:
            self._cooling.observe(before, after, at)
            self._make_room()

    def _make_room(self) -> None:
        """Let the sets that found no node look again."""
        for key in self._waiting:
            self._enqueue(key, ROOM_SECONDS)
        self._waiting.clear()

    def _on_quota(self, before: FooQuota | None, after: FooQuota | None) -> None:
        for key in self._reservations.observe(before, after).among(self.batches):
            self._enqueue(key)

    # ---- what the engine asks

    def generation(self, key: Key) -> int:
        """Return the spec's generation."""
        batch = self.batches.get(key)
        return batch.metadata.generation if batch is not None else 0

    def observe(self, key: Key, obstacle: Obstacle | None) -> Observed | None:
        """Return the set and its pods as the caches show them."""
        self._forget_the_unseen()
        batch = self.batches.get(key)
        if batch is None:
            return None
        template = self._template(batch)
        admitted = template.admitted
        requests = admitted.requests if admitted is not None else None
        if obstacle is not None and obstacle.reason in UNPLACED:
            obstacle = self._as_of_now(batch, admitted.pods, obstacle) if admitted else obstacle.worth_a_try()
        owner, meta = owner_of(BATCHFOOSETS, batch), batch.metadata
        share = self._reservations.share_of(owner)
        asked_since = self._asked.since(meta.uid, (meta.generation, requests, share), self._clock())
        taken = self._members.unfinished_before(owner)
        allowance = Allowance.of(share, batch, asked_since, taken=taken)
        return Observed(batch, self._members.of(owner), template.revision, obstacle, allowance, requests)

    def plan(self, seen: Observed, now: datetime) -> Plan:
        """Return the plan, with a node for every pod that it wants and that fits somewhere."""
        planned, admitted = plan(seen, now), self._template(seen.batch).admitted
        if not planned.wanted or planned.context is None or admitted is None:
            return planned.plan
        return self._place(seen, planned, planned.context, admitted.pods)

    def acted(self, plan: Plan, outcome: Performed) -> None:
        """Remember a template that passed its dry run; give back the room assumed for pods that did not come to be."""
        for owner, admitted in passed(plan, outcome):
            self._admit(owner, admitted)
        written = {written.target: written.resource_version for written in outcome.written}
        for action in plan.actions:
            if isinstance(action, Create):
                key = Key(action.namespace, action.name)
                if key in written:
                    heappush(self._created, (written[key], key))
                else:
                    self._table.forget(key)

    def _forget_the_unseen(self) -> None:
        """Give back the room of pods that were made and gone while the watch was broken: no event tells of them."""
        while self._created and self._created[0][0] <= self.pods.resource_version:
            self._table.forget(heappop(self._created)[1])

    def all_keys(self) -> Iterable[Key]:
        """Return all sets."""
        return [row.key for row in self.batches]

    def presumes(self, key: Key, /) -> int:
        """Return the newest version of a pod that whoever last raised the attempts had seen."""
        batch = self.batches.get(key)
        return int(batch.status.attempts_resource_version or 0) if batch is not None else 0

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a set that is gone."""
        self._waiting.discard(key)

    # ---- templates

    def _template(self, batch: BatchFooSet) -> _Template:
        """Return the set's template; with the same pods in it as before, what is known of them is kept."""
        meta, known = batch.metadata, self._templates.get(batch.metadata.uid)
        if known is not None and known.generation == meta.generation:
            return known
        revision = template_revision(batch.spec.template)
        admitted = known.admitted if known is not None and known.revision == revision else None
        made = _Template(meta.generation, revision, stencil_of(batch, revision), admitted)
        self._templates[meta.uid] = made
        return made

    def _admit(self, owner: Owner, admitted: Admitted) -> None:
        """Remember what the dry run of a set's template told, unless the set is gone, and look at the set again."""
        template = self._templates.get(owner.uid)
        if template is not None:
            self._templates[owner.uid] = replace(template, admitted=admitted)
            self._enqueue(Key(owner.namespace, owner.name))

    # ---- placing

    def _place(self, seen: Observed, planned: BatchPlan, context: Context, pods: PodClass) -> Plan:
        """Choose a node for each wanted pod; what does not fit becomes the plan's obstacle."""
        batch, template = seen.batch, self._template(seen.batch)
        decide = self._clock()
        asks = [self._ask(batch, template.stencil, wanted) for wanted in planned.wanted]
        cooling = self._cooling.nodes(batch.metadata.uid, decide)
        choices = self._chooser.choose(pods, Strategy(batch.spec.placement.strategy), asks, cooling)
        decided = self._clock()
        stamps = Stamps(decide=decide, decided=decided, create=self._clock()).render()
        creates = tuple(
            create(batch, template.stencil, wanted, Placed(choice, context, stamps))
            for wanted, choice in zip(planned.wanted, choices, strict=True)
            if not isinstance(choice, NoFit)
        )
        unfit = next((choice for choice in choices if isinstance(choice, NoFit)), None)
        obstacle = self._obstacle(batch, unfit, decided) if unfit is not None else None
        waits = [planned.plan.wake_after, obstacle.retry_at - decided / SECOND if obstacle is not None else None]
        wake_after = min((seconds for seconds in waits if seconds is not None), default=None)
        return replace(planned.plan, actions=planned.plan.actions + creates, obstacle=obstacle, wake_after=wake_after)

    def _ask(self, batch: BatchFooSet, stencil: PodStencil, wanted: Wanted) -> Ask:
        key = Key(batch.metadata.namespace, stencil.name(wanted.index, wanted.attempt))
        return Ask(key, draw(batch.metadata.uid, wanted.index, wanted.attempt, self.component))

    def _as_of_now(self, batch: BatchFooSet, pods: PodClass, obstacle: Obstacle) -> Obstacle:
        """Return what keeps the pods from nodes now: whether one fits is looked up, not tried."""
        at = self._clock()
        cooling = self._cooling.nodes(batch.metadata.uid, at)
        unfit = self._chooser.unfit(pods, Strategy(batch.spec.placement.strategy), cooling)
        if unfit is None:
            return obstacle.worth_a_try()
        return replace(self._obstacle(batch, unfit, at), since=obstacle.since)

    def _obstacle(self, batch: BatchFooSet, unfit: NoFit, at: Microseconds) -> Obstacle:
        """Return that no node will do; if one would that cools down, that is the cause, and its end is awaited."""
        self._waiting.add(batch.key)
        retry_at = at + NO_FIT_RETRY_SECONDS * SECOND
        if not unfit.avoided:
            return Obstacle(Reason.NO_FIT, unfit.message, at / SECOND, retry_at / SECOND)
        cooled = self._cooling.nodes(batch.metadata.uid, at).values()  # none, if time has passed since
        retry_at = min((retry_at, *cooled))
        return Obstacle(Reason.KUBELET_REJECTED, unfit.message, at / SECOND, retry_at / SECOND)


def assemble(enqueue: Enqueue, settings: Settings, clock: Callable[[], Microseconds]) -> Assembly:
    """Put the room and its watches together.

    All bound pods are watched, not only our own: whoever placed a pod, it takes room on its node.
    """
    del settings  # nothing about this room differs between installations
    room = BatchRoom(enqueue, clock)
    return Assembly(
        room,
        [
            Watch(Source(BATCHFOOSETS, ModelCodec(BatchFooSet)), room.batches),
            Watch(Source(PODS, StructCodec(Pod), field_selector="spec.nodeName!="), room.pods),
            Watch(Source(NODES, StructCodec(Node)), room.nodes),
            Watch(Source(FOOQUOTAS, ModelCodec(FooQuota)), room.quotas),
        ],
    )
