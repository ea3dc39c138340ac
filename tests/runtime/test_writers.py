import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import anyio
import pytest

from foosets.api.meta import PODS, Key
from foosets.api.names import Uid
from foosets.kube.errors import ApiError, Conflict, Invalid, NotFound, QuotaRefused, ServerFault, Throttled, Unreachable
from foosets.planning.actions import Action, Create
from foosets.runtime.apply import Applier, NameTaken, Written
from foosets.runtime.writers import Performed, Writers

SET, OTHER = Key("ns", "set"), Key("ns", "other")


def creates(count: int, prefix: str = "pod") -> tuple[Action, ...]:
    return tuple(Create(PODS, "ns", f"{prefix}-{number}", b"{}", Uid("owner")) for number in range(count))


class Server:
    """Performs actions after a scheduling point, and can refuse or break."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.failing: dict[str, Exception] = {}
        self.slow: set[str] = set()

    async def perform(self, action: Action) -> Written:
        assert isinstance(action, Create)
        self.order.append(action.name)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await anyio.sleep(0.01 if action.name in self.slow else 0)
        self.in_flight -= 1
        if action.name in self.failing:
            raise self.failing[action.name]
        return Written(PODS, Key("ns", action.name), Uid(f"uid-{action.name}"), 1)


async def perform(
    server: Server, *batches: tuple[Key, tuple[Action, ...]], size: int = 8, independent: bool = False
) -> dict[Key, Performed]:
    """Perform batches at the same time with a crew of that size."""
    writers = Writers(cast("Applier", server), size)
    outcomes: dict[Key, Performed] = {}

    async def one(key: Key, actions: tuple[Action, ...]) -> None:
        outcomes[key] = await writers.perform(key, actions, independent=independent)

    async with anyio.create_task_group() as group:
        group.start_soon(writers.run)
        async with anyio.create_task_group() as batch_group:
            for key, actions in batches:
                batch_group.start_soon(one, key, actions)
        group.cancel_scope.cancel()
    return outcomes


async def test_every_action_is_performed_once() -> None:
    server = Server()

    outcomes = await perform(server, (SET, creates(100)))

    assert sorted(server.order) == sorted(f"pod-{number}" for number in range(100))
    assert len(outcomes[SET].written) == 100
    assert outcomes[SET].refused == []


async def test_nothing_to_do_is_done_without_a_writer() -> None:
    assert await Writers(cast("Applier", Server()), 1).perform(SET, ()) == Performed()


async def test_the_window_starts_at_one_and_opens_to_the_crews_size() -> None:
    server = Server()
    await perform(server, (SET, creates(1)), size=8)
    assert server.most_in_flight == 1

    await perform(server, (SET, creates(200)), size=8)

    assert server.most_in_flight == 8


async def test_after_a_refusal_what_has_not_begun_is_left_for_the_next_plan() -> None:
    server = Server()
    server.failing["pod-0"] = QuotaRefused(403, "Forbidden", "exceeded quota")

    outcome = (await perform(server, (SET, creates(10_000))))[SET]

    assert server.order == ["pod-0"]
    assert [refused.error.status for refused in outcome.refused] == [403]
    assert outcome.written == []


async def test_a_refusal_in_the_middle_costs_at_most_what_was_in_flight() -> None:
    server = Server()
    server.failing["pod-50"] = QuotaRefused(403, "Forbidden", "exceeded quota")

    outcome = (await perform(server, (SET, creates(10_000)), size=8))[SET]

    assert 50 <= len(outcome.written) <= 50 + 8
    assert len(server.order) <= 51 + 8


@pytest.mark.parametrize(
    "error",
    [
        QuotaRefused(403, "Forbidden", "exceeded quota"),
        Invalid(422, "Invalid", "no"),
        NotFound(404, "NotFound", "no such kind"),
        NameTaken(409, "NameCollision", "another's"),
        Conflict(409, "Conflict", "changed meanwhile"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_independent_actions_are_each_tried_whatever_is_refused_to_others(error: ApiError) -> None:
    server = Server()
    server.failing = {"pod-0": error, "pod-2": error}

    outcome = (await perform(server, (SET, creates(4)), independent=True))[SET]

    assert server.order == ["pod-0", "pod-1", "pod-2", "pod-3"]
    assert [one.target.name for one in outcome.written] == ["pod-1", "pod-3"]


@pytest.mark.parametrize(
    "error",
    [
        Throttled(429, "TooManyRequests", "slowly"),
        ServerFault(503, "ServiceUnavailable", "not now"),
        Unreachable("reset"),
        TypeError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_independent_actions_are_left_too_when_it_is_not_the_object_that_is_refused(error: Exception) -> None:
    server = Server()
    server.failing["pod-0"] = error

    await perform(server, (SET, creates(4)), independent=True)

    assert server.order == ["pod-0"]


async def test_refusals_are_told_in_the_order_of_the_actions_whoever_is_answered_first() -> None:
    server = Server()
    refused = QuotaRefused(403, "Forbidden", "exceeded quota")
    server.failing = {"pod-5": refused, "pod-6": refused, "pod-7": refused}
    server.slow = {"pod-5"}

    outcome = (await perform(server, (SET, creates(8)), independent=True))[SET]

    assert [one.action for one in outcome.refused] == list(creates(8)[5:])


async def test_keys_take_turns() -> None:
    server = Server()

    await perform(server, (SET, creates(50, "a")), (OTHER, creates(50, "b")), size=4)

    half = server.order[:50]
    assert 15 <= sum(name.startswith("a") for name in half) <= 35


async def test_a_refusal_of_one_key_does_not_touch_another() -> None:
    server = Server()
    server.failing["a-0"] = ApiError(500, "InternalError", "no")

    outcomes = await perform(server, (SET, creates(5, "a")), (OTHER, creates(5, "b")))

    assert len(outcomes[OTHER].written) == 5


async def test_a_bug_is_told_to_its_own_key_beside_what_was_written_and_the_crew_goes_on() -> None:
    server = Server()
    server.failing["a-1"] = TypeError("a bug")
    writers = Writers(cast("Applier", server), 2)

    async with anyio.create_task_group() as group:
        group.start_soon(writers.run)
        outcome = await writers.perform(SET, creates(3, "a"))
        assert isinstance(outcome.bug, TypeError)
        assert [one.target.name for one in outcome.written] == ["a-0", "a-2"]
        assert len((await writers.perform(OTHER, creates(3, "b"))).written) == 3
        group.cancel_scope.cancel()


async def test_another_thread_may_ask_for_figures_while_keys_take_turns() -> None:
    writers, done, interval = Writers(cast("Applier", Server()), 8), threading.Event(), sys.getswitchinterval()

    def ask() -> None:
        while not done.is_set():
            writers.statistics()

    sys.setswitchinterval(1e-6)  # threads take turns as often as they can
    try:
        with ThreadPoolExecutor(1) as threads:
            asked = threads.submit(ask)
            async with anyio.create_task_group() as group:
                group.start_soon(writers.run)
                async with anyio.create_task_group() as batches:
                    for number in range(40):
                        batches.start_soon(writers.perform, Key("ns", f"set-{number}"), creates(100))
                group.cancel_scope.cancel()
            done.set()
            asked.result()
    finally:
        done.set()
        sys.setswitchinterval(interval)
