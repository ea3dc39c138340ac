from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from foosets.api.batchfooset import INDEX_LIMIT
from foosets.api.names import INDEX, Uid
from foosets.api.names import TRACEPARENT as TRACEPARENT_KEY
from foosets.api.pod import Pod
from foosets.planning.indexes import version_told
from foosets.planning.member import TRACED_PODS, Member
from foosets.planning.members import Members
from foosets.planning.podspans import CREATED
from foosets.planning.trace import TraceId
from foosets.planning.troubles import STEADY_SECONDS
from tests.builders import PARENT_TRACE, TRACEPARENT, Raw, pod

OWNER = Uid("uid-work")
T = 1_000_000


def members(*pods: Pod) -> Members:
    """Members as the first list shows them."""
    made = Members()
    for one in pods:
        made.observe(None, one, None)
    return made


def counts(seen: Members) -> tuple[int, int, int]:
    return seen.active, seen.placed, seen.ready


# ---- what a pod counts as

COUNTS: dict[str, tuple[Raw, tuple[int, int, int], str]] = {
    "on its way": ({}, (1, 1, 0), "live"),
    "without a node": ({"node": ""}, (1, 0, 0), "live"),
    "running": ({"phase": "Running", "ready": True}, (1, 1, 1), "live"),
    "running, not ready": ({"phase": "Running", "ready": False}, (1, 1, 0), "live"),
    "terminating": ({"phase": "Running", "ready": True, "deleted": True}, (0, 0, 0), "live"),
    "succeeded": ({"phase": "Succeeded"}, (0, 0, 0), "succeeded"),
    "failed": ({"phase": "Failed"}, (0, 0, 0), "failed"),
}


@pytest.mark.parametrize(("how", "expected", "place"), COUNTS.values(), ids=COUNTS.keys())
def test_a_pod_counts_once_and_in_one_place(how: dict[str, Any], expected: tuple[int, int, int], place: str) -> None:
    seen = members(pod(3, 1, **how))
    assert counts(seen) == expected
    places: dict[str, list[Member]] = {
        "live": list(seen.live.values()),
        "succeeded": list(seen.succeeded.values()),
        "failed": list(seen.failed.values()),
    }
    assert {name for name, found in places.items() if found} == {place}
    (member,) = seen
    assert (member.index, member.attempt, member.name, member.revision) == (3, 1, "work-x-3-1", "r1")


def test_an_event_seen_twice_counts_once() -> None:
    seen = members(pod(0), pod(0), pod(1, phase="Failed"), pod(1, phase="Failed"))
    assert counts(seen) == (1, 1, 0)
    assert dict(seen.failures) == {1: 0}


def test_a_pod_without_a_number_of_ours_is_no_member() -> None:
    for index in ("", "-1", "x", "²", str(INDEX_LIMIT)):
        assert not members(pod(labels={INDEX: index}))


def test_a_trouble_goes_with_its_pod() -> None:
    stuck = pod(0, containers=[{"waiting": {"reason": "CrashLoopBackOff"}}])
    seen = members(stuck)
    assert [trouble.pod for trouble in seen.troubles(T)] == ["work-x-0-0"]
    seen.observe(stuck, None, T)
    assert not seen.troubles(T)


def test_a_crash_loop_lasts_until_its_container_has_been_well_for_a_while() -> None:
    def running(*, ready: bool) -> Pod:
        return pod(0, phase="Running", ready=ready, statuses=[{"name": "main", "ready": ready, "restartCount": 2}])

    stuck = pod(0, containers=[{"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}])
    seen = members(stuck)
    seen.observe(stuck, running(ready=False), T)
    seen.observe(running(ready=False), running(ready=True), 2 * T)
    until = (2 + STEADY_SECONDS) * T
    assert [trouble.message for trouble in seen.troubles(until - 1)] == ["back-off"]
    assert not seen.troubles(until)
    seen.observe(running(ready=True), running(ready=False), until)
    assert not seen.troubles(until)


def test_what_has_restarted_long_ago_is_in_no_crash_loop() -> None:
    unready = pod(0, phase="Running", ready=False, statuses=[{"name": "main", "restartCount": 9}])
    seen = members(unready)
    seen.observe(unready, unready, T)
    assert not seen.troubles(T)


# ---- what is remembered of pods that ended or went


def test_success_is_remembered_when_the_pod_is_gone() -> None:
    done = pod(2, phase="Succeeded")
    seen = members(done)
    seen.observe(done, None, T)
    assert set(seen.completed) == {2}
    assert not seen


def test_a_failure_is_remembered_when_the_pod_is_gone() -> None:
    failed = pod(2, 1, phase="Failed")
    seen = members(failed)
    seen.observe(failed, None, T)
    assert dict(seen.failures) == {2: 1}
    assert dict(seen.retired) == {2: 1}


LOSSES: dict[str, Raw] = {
    "asked to go before it ended": {"phase": "Failed", "deleted": True},
    "disrupted": {"phase": "Failed", "conditions": [{"type": "DisruptionTarget", "status": "True"}]},
}


@pytest.mark.parametrize("how", LOSSES.values(), ids=LOSSES.keys())
def test_a_pod_that_was_taken_away_is_no_failure_but_its_attempt_is_over(how: dict[str, Any]) -> None:
    running = pod(0, phase="Running")
    seen = members(running)
    seen.observe(running, pod(0, **how), T)
    assert not seen.failures
    assert dict(seen.retired) == {0: 0}


def test_a_pod_that_failed_and_was_cleaned_up_afterwards_has_failed() -> None:
    failed = pod(0, phase="Failed")
    seen = members(failed)
    seen.observe(failed, pod(0, phase="Failed", deleted=True), T)
    assert dict(seen.failures) == {0: 0}


def test_an_attempt_is_over_as_soon_as_the_pod_is_on_its_way_out() -> None:
    running = pod(0, 2, phase="Running")
    seen = members(running)
    assert not seen.retired
    seen.observe(running, pod(0, 2, phase="Running", deleted=True), T)
    assert dict(seen.retired) == {0: 2}
    assert list(seen.live) == [0], "its index is not free before it is gone"


def test_the_highest_attempt_counts() -> None:
    assert dict(members(pod(0, 3, phase="Failed"), pod(0, 1, phase="Failed")).retired) == {0: 3}


@pytest.mark.parametrize("attempts", [(0, 1), (1, 0)])
def test_of_an_index_the_newest_failure_is_remembered(attempts: tuple[int, int]) -> None:
    assert dict(members(*(pod(0, attempt, phase="Failed") for attempt in attempts)).failures) == {0: 1}


def test_a_pods_going_leaves_its_successor_alone() -> None:
    old = pod(0, 0, phase="Failed")
    seen = members(old, pod(0, 1))
    seen.observe(old, None, T)
    assert [member.attempt for member in seen] == [1]


def test_a_pod_that_is_no_member_leaves_nothing_when_it_goes() -> None:
    stranger = pod(labels={INDEX: "x"})
    seen = members(stranger)
    seen.observe(stranger, None, T)
    assert not seen.retired


def test_the_refusal_of_an_earlier_attempt_does_not_stand_in_for_the_newest() -> None:
    refused = {"phase": "Failed", "reason": "OutOfcpu"}
    assert members(pod(0, 3, **refused), pod(0, 1, **refused)).rejections[0].attempt == 3


# ---- spans


def test_the_first_pods_are_traced_and_those_that_failed_which_come_last() -> None:
    seen = members(pod(TRACED_PODS, phase="Failed"), pod(TRACED_PODS - 1), pod(101), pod(0, phase="Succeeded"))
    assert [member.index for member in seen.traced] == [TRACED_PODS - 1, 0, TRACED_PODS]


@pytest.mark.parametrize(("index", "phase", "takes_part"), [(99, "Running", True), (100, "Failed", False)])
def test_the_first_pods_take_part_in_the_trace_that_they_were_created_in(
    *, index: int, phase: str, takes_part: bool
) -> None:
    there = pod(index, phase=phase, annotations={TRACEPARENT_KEY: TRACEPARENT})
    seen = members(there)
    assert seen.take_part_in(TraceId(PARENT_TRACE)) is takes_part
    assert not seen.take_part_in(TraceId("12" * 16))
    seen.observe(there, None, T)
    assert not seen.take_part_in(TraceId(PARENT_TRACE))
    assert not seen._traces


def test_a_trace_stays_for_as_long_as_one_of_its_pods_does() -> None:
    first, second = (pod(index, annotations={TRACEPARENT_KEY: TRACEPARENT}) for index in range(2))
    seen = members(first, second)
    seen.observe(first, None, T)
    assert seen.take_part_in(TraceId(PARENT_TRACE))


# ---- arrivals


def test_conditions_arrive_when_the_watch_first_brings_them_as_they_are() -> None:
    first = pod(0, ready=False)
    seen = Members()
    seen.observe(None, first, T)
    seen.observe(first, pod(0, ready=False, phase="Running"), T + 1)
    assert seen.live[0].arrivals == {CREATED: T, "Ready": T}
    seen.observe(first, pod(0, ready=True, phase="Running"), T + 2)
    assert seen.live[0].arrivals == {CREATED: T, "Ready": T + 2}


def test_nothing_is_known_of_when_a_listed_pod_came() -> None:
    listed = pod(0, ready=False)
    seen = members(listed)
    assert seen.live[0].arrivals == {}
    seen.observe(listed, pod(0, ready=True), T)
    assert seen.live[0].arrivals == {"Ready": T}


def test_arrivals_are_kept_for_the_pods_that_are_traced() -> None:
    seen = Members()
    seen.observe(None, pod(TRACED_PODS - 1), T)
    seen.observe(None, pod(TRACED_PODS), T)
    assert [bool(member.arrivals) for member in seen] == [True, False]


# ---- the same, whatever the order

STATES = st.sampled_from(
    [
        None,
        {},
        {"phase": "Running", "ready": True},
        {"phase": "Running", "deleted": True},
        {"phase": "Failed"},
        {"phase": "Succeeded"},
    ]
)
HISTORIES = st.lists(st.tuples(st.integers(0, 2), STATES), max_size=30)


@given(HISTORIES)
def test_after_any_history_the_counts_are_those_of_the_pods_that_are_there(
    history: list[tuple[int, Raw | None]],
) -> None:
    there: dict[int, Pod] = {}
    seen = Members()
    for index, how in history:
        before, after = there.pop(index, None), pod(index, **how) if how is not None else None
        if before is not None or after is not None:
            seen.observe(before, after, T)
        if after is not None:
            there[index] = after
    fresh = members(*there.values())
    assert counts(seen) == counts(fresh)
    assert seen.revisions == fresh.revisions
    assert {member.name for member in seen.traced} == {member.name for member in fresh.traced}
    assert sorted(member.name for member in seen) == sorted(one.metadata.name for one in there.values())
    assert bool(seen) == bool(there)
    assert set(seen.held) == set(seen.live)
    assert not fresh.completed - seen.completed
    assert seen.failures.items() >= fresh.failures.items()


# ---- how new what was seen is


def versioned(index: int, version: str) -> Pod:
    made = pod(index)
    return structs.replace(made, metadata=structs.replace(made.metadata, resource_version=version))


def test_the_newest_version_stays_when_its_pod_is_gone() -> None:
    seen = members(versioned(0, "9"), versioned(1, "10"), versioned(2, "8"))
    assert seen.version == 10
    seen.observe(versioned(1, "10"), None, T)
    assert seen.version == 10


@pytest.mark.parametrize(
    ("stored", "raised", "told"),
    [("", True, "10"), ("9", True, "10"), ("11", True, "11"), ("", False, ""), ("9", False, "9")],
)
def test_attempts_that_rise_say_which_pods_were_known(stored: str, raised: bool, told: str) -> None:  # noqa: FBT001
    assert version_told(stored, 10, raised=raised) == told
