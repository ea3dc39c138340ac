from typing import Any

import pytest

from foosets.api.batchfooset import INDEX_LIMIT
from foosets.api.pod import Pod
from foosets.api.status import Condition
from foosets.batchfooset.state import Observed
from foosets.batchfooset.status import Account, cause_of, own_cause
from foosets.planning.indexes import IndexSet, format_ranges
from foosets.planning.members import Members
from foosets.planning.troubles import STEADY_SECONDS
from tests.batchfooset.world import World, started
from tests.builders import NOW, SECOND_OF_NOW, batchfooset, pod


def account(status: dict[str, Any], *pods: Any, **spec: Any) -> Account:
    members = Members()
    for one in pods:
        members.observe(None, one, None)
    return Account.of(Observed(batchfooset(spec=spec, status=status), members, "r1"), NOW)


# ---- the account

ACCOUNTS: dict[str, tuple[dict[str, Any], list[Any], tuple[set[int], int, dict[int, int]]]] = {
    # what is stored, the pods -> (completed, failed, attempts)
    "nothing yet": ({}, [pod(0)], (set(), 0, {})),
    "a pod succeeded": ({}, [pod(0, phase="Succeeded")], ({0}, 0, {})),
    "stored and seen": ({"completedIndexes": "0-2"}, [pod(2, phase="Succeeded"), pod(3)], ({0, 1, 2}, 0, {})),
    "a pod failed": ({}, [pod(0, phase="Failed")], (set(), 1, {0: 1})),
    "counted before": (
        {"failed": 1, "attempts": [{"indexes": "0", "attempt": 1}]},
        [pod(0, phase="Failed"), pod(0, 1)],
        (set(), 1, {0: 1}),
    ),
    "failed again": (
        {"failed": 1, "attempts": [{"indexes": "0", "attempt": 1}]},
        [pod(0, phase="Failed"), pod(0, 1, phase="Failed")],
        (set(), 2, {0: 2}),
    ),
    "succeeded after failures": (
        {"failed": 1, "attempts": [{"indexes": "0", "attempt": 1}]},
        [pod(0, phase="Failed"), pod(0, 1, phase="Succeeded")],
        ({0}, 1, {0: 1}),
    ),
    "taken away": ({}, [pod(0, phase="Failed", deleted=True)], (set(), 0, {0: 1})),
}


@pytest.mark.parametrize(("stored", "pods", "expected"), ACCOUNTS.values(), ids=ACCOUNTS.keys())
def test_pods_add_to_what_status_says_what_it_does_not_say_yet(
    stored: dict[str, Any], pods: list[Any], expected: tuple[set[int], int, dict[int, int]]
) -> None:
    found = account(stored, *pods)
    assert (set(found.completed), found.failed, {i: a for i, a in found.attempts.items() if a}) == expected


def test_what_remains_counts_only_the_indexes_that_are_asked_for() -> None:
    assert account({"completedIndexes": "0,7-9"}, completions=5).remaining == 4
    assert account({"completedIndexes": "0-9"}, completions=5).remaining == 0


# ---- conditions

CRASHED = [{"name": "main", "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
RESTARTED = [{"name": "main", "restartCount": 2, "ready": True, "state": {"running": {}}}]
STAGES: dict[str, tuple[Any, dict[str, tuple[str, str]]]] = {
    "no pod yet": (
        lambda _: None,
        {
            "Placed": ("False", "Placing"),
            "Ready": ("False", "Placing"),
            "Progressing": ("True", "Placing"),
            "Stalled": ("False", "Placing"),
        },
    ),
    "placed": (
        lambda world: world.rest(),
        {
            "Placed": ("True", "Available"),
            "Ready": ("False", "PodsStarting"),
            "Progressing": ("True", "PodsStarting"),
            "Stalled": ("False", "PodsStarting"),
        },
    ),
    "running": (
        lambda world: (world.rest(), world.ready(0, 1)),
        {
            "Placed": ("True", "Available"),
            "Ready": ("True", "Available"),
            "Progressing": ("False", "Available"),
            "Stalled": ("False", "Available"),
        },
    ),
    "a pod is stuck": (
        lambda world: (world.rest(), world.stick(1)),
        {
            "Placed": ("True", "Available"),
            "Ready": ("False", "ImagePullFailed"),
            "Progressing": ("False", "ImagePullFailed"),
            "Stalled": ("False", "ImagePullFailed"),
        },
    ),
    "complete": (
        lambda world: (world.rest(), world.succeed(0, 1)),
        {
            "Placed": ("True", "Available"),
            "Ready": ("True", "Completed"),
            "Progressing": ("False", "Completed"),
            "Complete": ("True", "Completed"),
            "Stalled": ("False", "Completed"),
        },
    ),
    "failed": (
        lambda world: (world.rest(), world.fail(0)),
        {
            "Placed": ("False", "BackoffLimitExceeded"),
            "Ready": ("False", "BackoffLimitExceeded"),
            "Progressing": ("False", "BackoffLimitExceeded"),
            "Failed": ("True", "BackoffLimitExceeded"),
            "Stalled": ("True", "BackoffLimitExceeded"),
        },
    ),
}


@pytest.mark.parametrize(("happen", "expected"), STAGES.values(), ids=STAGES.keys())
def test_what_is_said_at_each_stage(happen: Any, expected: dict[str, tuple[str, str]]) -> None:
    world = World(batchfooset(spec={"parallelism": 2, "completions": 2, "backoffLimit": 0}))
    happen(world)
    world.look()
    assert {c.type: (c.status, c.reason) for c in world.status.conditions} == expected


def test_a_paused_set_is_ready_with_nothing() -> None:
    world = World(batchfooset(spec={"parallelism": 0, "completions": 2}))
    world.rest()
    assert world.condition("Ready") == ("True", "Available")


def test_a_set_is_ready_while_fewer_pods_run_because_fewer_are_left() -> None:
    world = started(3, 2)
    world.succeed(0, 1)
    world.rest()
    world.ready(2)
    world.rest()
    assert world.condition("Ready") == ("True", "Available")


def test_the_counts_are_those_of_the_pods() -> None:
    world = started(5, 3)
    world.succeed(0)
    world.fail(1)
    world.rest()
    status = world.status
    assert (status.active, status.ready, status.succeeded, status.failed) == (3, 1, 1, 1)
    assert (status.completed_indexes, world.attempts()) == ("0", [("1", 1)])


def test_the_root_cause_is_shown_with_its_object_and_since_when() -> None:
    world = World(batchfooset())
    world.rest()
    world.stick(0)
    world.look()
    blocked = world.status.blocked_by
    assert blocked is not None
    assert (blocked.kind, blocked.name, blocked.condition, blocked.reason, blocked.message) == (
        "Pod",
        world.name(0),
        "Ready",
        "ImagePullFailed",
        "no such image",
    )
    assert blocked.trace_id == world.status.trace_id
    world.after(300)
    world.restart()
    world.rest()
    assert world.status.blocked_by is not None
    assert world.status.blocked_by.since == blocked.since
    world.ready(0)
    world.rest()
    assert world.status.blocked_by is None


def test_a_pod_is_the_root_cause_though_others_fit_nowhere_and_placed_says_that() -> None:
    world = World(batchfooset(spec={"parallelism": 2, "completions": 3}))
    world.rest()
    world.stick(1)
    world.full = True
    world.change(parallelism=3)
    world.rest()
    blocked = world.status.blocked_by
    assert blocked is not None
    assert (blocked.kind, blocked.name, blocked.reason) == ("Pod", world.name(1), "ImagePullFailed")
    assert world.condition("Placed") == ("False", "NoFit")
    assert world.condition("Ready") == ("False", "ImagePullFailed")


def test_a_pod_is_out_of_its_crash_loop_when_it_has_been_well_for_a_while() -> None:
    world = started(1)
    (name,) = world.live()
    one = world.pods[name]
    world.put(name, one | {"status": one["status"] | {"conditions": [], "containerStatuses": CRASHED}})
    world.rest()
    assert world.condition("Ready") == ("False", "CrashLoop")
    world.put(name, one | {"status": one["status"] | {"containerStatuses": RESTARTED}})
    world.rest()
    assert world.condition("Ready") == ("False", "CrashLoop")
    wake_after = world.plan().plan.wake_after
    assert wake_after is not None
    assert wake_after <= STEADY_SECONDS
    world.after(wake_after)
    world.rest()
    assert world.condition("Ready") == ("True", "Available")


def test_the_generation_that_was_looked_at_is_told_and_transitions_keep_their_time() -> None:
    world = started(1)
    ready = world.status.condition("Ready")
    world.after(60)
    world.change(backoffLimit=3)
    world.rest()
    again = world.status.condition("Ready")
    assert isinstance(ready, Condition)
    assert isinstance(again, Condition)
    assert (world.status.observed_generation, again.observed_generation) == (2, 2)
    assert again.last_transition_time == ready.last_transition_time


def test_a_set_of_the_largest_size_reports_within_the_bounds_of_its_fields() -> None:
    stored = {"completedIndexes": format_ranges(IndexSet.of(range(0, INDEX_LIMIT, 2)))}
    world = World(batchfooset(spec={"parallelism": INDEX_LIMIT, "completions": INDEX_LIMIT}, status=stored))
    world.look()
    assert world.status.succeeded == INDEX_LIMIT / 2


@pytest.mark.parametrize(("there", "reason"), [([], "KubeletRejected"), ([pod(1)], None)])
def test_an_index_that_waits_blocks_only_a_set_that_has_room_for_its_pod(there: list[Pod], reason: str | None) -> None:
    status = {
        "attempts": [{"indexes": "0", "attempt": 3}],
        "rejections": [{"indexes": "0", "count": 3, "lastRejectedAt": SECOND_OF_NOW}],
        "lastRejection": {"pod": "work-x-0-2", "node": "n1", "reason": "OutOfcpu", "message": "no cpu"},
    }
    members = Members()
    for one in there:
        members.observe(None, one, None)
    seen = Observed(batchfooset(spec={"completions": 2, "parallelism": 1}, status=status), members, "r1")
    account = Account.of(seen, NOW)
    cause = cause_of(seen, account, own_cause(seen, account, NOW))
    assert (cause.reason if cause else None) == reason
