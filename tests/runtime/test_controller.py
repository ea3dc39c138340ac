"""One look at one key: the order of its steps, and what it waits for."""

import random
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import anyio
import pytest

from foosets.api.meta import BATCHFOOSETS, PODS, Key, Resource
from foosets.api.names import Component, Uid
from foosets.kube.errors import AlreadyExists, ApiError, Conflict, Forbidden, QuotaRefused, ServerFault
from foosets.planning.actions import Create, Plan, Status
from foosets.planning.events import Event
from foosets.planning.obstacles import Obstacle
from foosets.planning.trace import Span
from foosets.runtime.apply import Applier, Written
from foosets.runtime.controller import CATCH_UP_SECONDS, STATUS_INTERVAL, Clocks, Controller, Engine, Room
from foosets.runtime.events import Events
from foosets.runtime.expectations import Expectations, Sight
from foosets.runtime.obstruction import Obstructions
from foosets.runtime.queue import KeyQueue
from foosets.runtime.telemetry import Tracing
from foosets.runtime.writers import Performed, Refused, Writers

SET = Key("ns", "set")
CREATE = Create(PODS, "ns", "pod", b"{}", Uid("owner"))
STATUS = Status(BATCHFOOSETS, "ns", "set", Uid("uid"), "1", b"{}")
SPAN = cast("Span", object())


@dataclass
class World:
    """Stands in for everything around the controller, and writes down what happens."""

    plan_now: Plan = field(default_factory=Plan)
    there: bool = True
    cache: int = 100
    presumed: int = 0
    monotonic: float = 1000.0
    refusal: Exception | None = None
    status_refusal: Exception | None = None
    bug: Exception | None = None
    bug_in_room: Exception | None = None
    told: list[str] = field(default_factory=list)
    obstacles: list[Obstacle | None] = field(default_factory=list)

    component = Component.BATCHFOOSET

    # the room

    def observe(self, key: Key, obstacle: Obstacle | None) -> str | None:
        self.obstacles.append(obstacle)
        return str(key) if self.there else None

    def plan(self, seen: str, now: datetime) -> Plan:
        assert seen == str(SET)
        assert now.tzinfo is not None
        self.told.append("plan")
        return self.plan_now

    def acted(self, plan: Plan, outcome: Performed) -> None:
        if self.bug_in_room is not None:
            raise self.bug_in_room
        self.told.append(f"acted {len(outcome.written)} of {len(plan.actions)}")

    def all_keys(self) -> list[Key]:
        return [SET]

    def generation(self, _key: Key) -> int:
        return 1

    def presumes(self, _key: Key) -> int:
        return self.presumed

    def forget(self, key: Key) -> None:
        self.told.append(f"forget {key}")

    # the engine's parts

    async def perform(self, *args: Any, **_how: bool) -> Any:
        match args:
            case (Key(), tuple() as actions):
                outcome = Performed(bug=self.bug)
                for action in actions:
                    if self.refusal is not None:
                        outcome.refused.append(Refused(action, cast("Any", self.refusal)))
                        break
                    self.told.append("create")
                    outcome.written.append(Written(PODS, Key("ns", action.name), Uid("pod"), 101))
                return outcome
            case _ if self.status_refusal is not None:
                raise self.status_refusal
            case _:
                self.told.append("status")
                return Written(BATCHFOOSETS, SET, Uid("uid"), 2)

    def tell(self, event: Event) -> None:
        self.told.append(f"event {event.name}")

    def emit(self, spans: tuple[Span, ...]) -> None:
        if spans:
            self.told.append("spans")

    async def flush(self, _seconds: float) -> bool:
        self.told.append("exported")
        return True

    def relist(self, resource: Resource) -> None:
        self.told.append(f"relist {resource.plural}")


def controller(world: World) -> tuple[Controller, KeyQueue]:
    queue = KeyQueue(lambda: world.monotonic)
    engine = Engine(
        queue=queue,
        writers=cast("Writers", type("W", (), {"perform": staticmethod(world.perform), "forget": lambda *_: None})()),
        applier=cast("Applier", world),
        expectations=Expectations({PODS: Sight(lambda: world.cache, lambda *_: False)}),
        obstructions=Obstructions(random.Random(0)),
        events=cast("Events", type("E", (), {"tell": staticmethod(world.tell), "forget": lambda *_: None})()),
        tracing=cast("Tracing", world),
        clocks=Clocks(lambda: 1_700_000_000.0 + world.monotonic, lambda: world.monotonic),
        rng=random.Random(0),
        relist=world.relist,
    )
    return Controller(cast("Room[str]", world), engine), queue


async def due_in(queue: KeyQueue, world: World) -> float | None:
    """Return in how many seconds the key comes back; None if it does not within a minute."""
    start = world.monotonic
    for step in [0.0, *[0.05] * 20, *[1.0] * 60]:
        world.monotonic += step
        with anyio.move_on_after(0.001):
            await queue.take()
            queue.done(SET)
            return world.monotonic - start
    return None


async def test_actions_come_before_spans_and_spans_before_the_status_that_says_so() -> None:
    world = World(Plan(actions=(CREATE,), status=STATUS, spans=(SPAN,)))
    looked, _ = controller(world)

    await looked.reconcile(SET)

    assert world.told == ["plan", "create", "acted 1 of 1", "spans", "exported", "status"]


async def test_nothing_is_planned_before_the_cache_shows_what_the_status_was_written_in_the_knowledge_of() -> None:
    world = World(presumed=101)
    looked, _ = controller(world)

    await looked.reconcile(SET)
    assert world.told == []

    world.monotonic += CATCH_UP_SECONDS
    await looked.reconcile(SET)
    assert world.told == ["relist pods"]

    world.cache = 101
    await looked.reconcile(SET)
    assert world.told == ["relist pods", "plan", "acted 0 of 0"]


async def test_a_plan_without_anything_writes_nothing() -> None:
    world = World()
    looked, queue = controller(world)

    await looked.reconcile(SET)

    assert world.told == ["plan", "acted 0 of 0"]
    assert await due_in(queue, world) is None


async def test_nothing_is_planned_before_the_cache_has_seen_the_last_write() -> None:
    world = World(Plan(actions=(CREATE,)))
    looked, _ = controller(world)
    await looked.reconcile(SET)
    world.told.clear()

    await looked.reconcile(SET)
    assert world.told == []

    world.cache = 101
    await looked.reconcile(SET)
    assert world.told[0] == "plan"


async def test_a_cache_that_stays_behind_is_asked_for_a_live_list_and_never_believed() -> None:
    world = World(Plan(actions=(CREATE,)))
    looked, _ = controller(world)
    await looked.reconcile(SET)
    world.told.clear()

    await looked.reconcile(SET)
    world.monotonic += CATCH_UP_SECONDS
    await looked.reconcile(SET)

    assert world.told == ["relist pods"]


async def test_two_status_writes_of_one_object_keep_their_distance_and_the_last_is_only_late() -> None:
    world = World(Plan(status=STATUS, spans=(SPAN,)))
    looked, queue = controller(world)
    await looked.reconcile(SET)
    world.told.clear()

    await looked.reconcile(SET)

    assert "status" not in world.told
    assert "spans" not in world.told, "spans belong to the status that records them"
    assert await due_in(queue, world) == pytest.approx(STATUS_INTERVAL, abs=0.06)


async def test_a_refusal_that_a_user_can_mend_is_shown_to_the_next_plan_at_once() -> None:
    world = World(Plan(actions=(CREATE,)), refusal=QuotaRefused(403, "Forbidden", "exceeded quota: pods"))
    looked, queue = controller(world)

    await looked.reconcile(SET)
    assert await due_in(queue, world) == 0
    await looked.reconcile(SET)

    shown = world.obstacles[-1]
    assert shown is not None
    assert shown.message == "exceeded quota: pods"


@pytest.mark.parametrize(
    "error",
    [Conflict(409, "Conflict", "stale"), AlreadyExists(409, "AlreadyExists", "gone by now")],
    ids=["a conflict", "a name that is free again"],
)
async def test_a_refusal_that_time_mends_is_raised_after_the_status_was_written(error: ApiError) -> None:
    world = World(Plan(actions=(CREATE,), status=STATUS), refusal=error)
    looked, _ = controller(world)

    with pytest.raises(type(error)):
        await looked.reconcile(SET)

    assert world.told[-1] == "status"


async def test_what_time_mends_is_not_tried_again_at_once_because_a_user_had_something_to_mend_before() -> None:
    world = World(Plan(actions=(CREATE,)), refusal=QuotaRefused(403, "Forbidden", "exceeded quota: pods"))
    looked, queue = controller(world)
    await looked.reconcile(SET)
    await due_in(queue, world)
    world.monotonic += 60.0

    world.refusal = ServerFault(503, "ServiceUnavailable", "starting")
    with pytest.raises(ServerFault):
        await looked.reconcile(SET)

    assert await due_in(queue, world) is None, "when to look again is for whoever takes the error to say"


async def test_a_status_that_may_not_be_written_is_tried_ever_later_whoever_asks_for_a_look() -> None:
    world = World(Plan(status=STATUS), status_refusal=Forbidden(403, "Forbidden", "no role"))
    looked, _ = controller(world)
    tried = 0
    for _ in range(600):
        world.monotonic += 0.1
        with suppress(Forbidden):
            await looked.reconcile(SET)
            continue
        tried += 1
    assert 6 <= tried <= 10


TELLING = replace(STATUS, event=Event("set.abc", BATCHFOOSETS, SET, Uid("uid"), "NoFit", "0/3 nodes", None))


async def test_an_event_is_told_when_its_status_was_stored() -> None:
    world = World(Plan(status=TELLING))
    looked, _ = controller(world)

    await looked.reconcile(SET)

    assert world.told[-2:] == ["status", "event set.abc"]


async def test_no_event_is_told_of_a_status_that_was_refused_or_is_to_come_later() -> None:
    world = World(Plan(status=TELLING), status_refusal=Conflict(409, "Conflict", "stale"))
    looked, _ = controller(world)

    with pytest.raises(Conflict):
        await looked.reconcile(SET)
    world.status_refusal = None
    await looked.reconcile(SET)

    assert world.told == ["plan", "acted 0 of 0"] * 2


async def test_a_bug_in_an_action_is_raised_when_the_others_are_taken_note_of_and_awaited() -> None:
    world = World(Plan(actions=(CREATE,), status=STATUS), bug=TypeError("a bug"))
    looked, _ = controller(world)

    with pytest.raises(TypeError, match="a bug"):
        await looked.reconcile(SET)
    await looked.reconcile(SET)

    assert world.told == ["plan", "create", "acted 1 of 1"], "planned again before the cache has seen the write"


async def test_what_was_written_is_awaited_also_where_a_bug_keeps_the_room_from_taking_note_of_it() -> None:
    world = World(Plan(actions=(CREATE,)), bug_in_room=TypeError("a bug"))
    looked, _ = controller(world)

    with pytest.raises(TypeError, match="a bug"):
        await looked.reconcile(SET)
    await looked.reconcile(SET)

    assert world.told == ["plan", "create"], "planned again before the cache has seen the write"


async def test_an_object_that_is_gone_is_forgotten() -> None:
    world = World(there=False)
    looked, _ = controller(world)

    await looked.reconcile(SET)

    assert world.told == [f"forget {SET}"]


async def test_a_plan_can_ask_for_another_look() -> None:
    world = World(Plan(wake_after=30.0))
    looked, queue = controller(world)

    await looked.reconcile(SET)

    assert await due_in(queue, world) == pytest.approx(30.0, abs=1.0)
