from datetime import timedelta
from typing import Any

import pytest

from foosets.api.batchfooset import BatchFooSet
from foosets.api.customresource import INT32_MAX
from foosets.api.names import Kind
from foosets.api.status import Status, Trace
from foosets.planning.episodes import (
    Episode,
    Outcome,
    Progress,
    Settlement,
    episode_of,
    episodes_of,
    joined_context,
    settle,
    superseded,
)
from foosets.planning.trace import Context, Height, Hop, SpanId, TraceId, span_id, trace_id
from tests.builders import NOW, PARENT_SPAN, PARENT_TRACE, TRACEPARENT, batchfooset, controlled_by, derived

PARENT = Context(TraceId(PARENT_TRACE), SpanId(PARENT_SPAN))
OWN = trace_id(batchfooset().metadata.uid, 1, 0)
OLD = "0" * 31 + "1"


def stored(**fields: Any) -> Status:
    """A status in which an episode of generation 1 is recorded."""
    return Status(trace_id=OLD, trace=Trace.model_validate({"generation": 1, "started_at": NOW} | fields))


def episode(batch: BatchFooSet, status: Status | None = None, *, working: bool = True) -> Episode:
    return episode_of(batch, Kind.BATCHFOOSET, status or Status(), NOW, working=working)


def child(**changes: Any) -> BatchFooSet:
    return batchfooset(**(derived("demo", "work") | changes))


# ---- which episode it is


@pytest.mark.parametrize("working", [True, False])
def test_the_first_look_begins_the_first_episode(working: bool) -> None:  # noqa: FBT001 - a table
    first = episode(batchfooset(), working=working)
    assert not first.recorded
    assert first.trace == Trace(generation=1, episode=0, started_at=NOW)


EPISODES: dict[str, tuple[int, Trace | None, bool, tuple[int, int, bool]]] = {
    # generation of the spec, the stored episode, working -> (generation, episode, recorded)
    "open, working": (1, Trace(generation=1, started_at=NOW), True, (1, 0, True)),
    "open, at rest": (1, Trace(generation=1, started_at=NOW), False, (1, 0, True)),
    "closed, at rest": (1, Trace(generation=1, started_at=NOW, closed=True), False, (1, 0, True)),
    "closed, new work": (1, Trace(generation=1, episode=4, started_at=NOW, closed=True), True, (1, 5, False)),
    "closed with the last number that there is, new work": (
        1,
        Trace(generation=1, episode=INT32_MAX, started_at=NOW, closed=True),
        True,
        (1, 0, False),
    ),
    "a new spec after a closed one": (
        2,
        Trace(generation=1, episode=4, started_at=NOW, closed=True),
        False,
        (2, 0, False),
    ),
    "a new spec cuts an open one off": (2, Trace(generation=1, started_at=NOW), False, (2, 0, False)),
}


@pytest.mark.parametrize(("generation", "trace", "working", "expected"), EPISODES.values(), ids=EPISODES.keys())
def test_an_episode_begins_with_a_spec_or_with_work_after_a_closed_one(
    generation: int,
    trace: Trace | None,
    working: bool,  # noqa: FBT001 - a table
    expected: tuple[int, int, bool],
) -> None:
    found = episode(batchfooset(generation=generation), Status(trace_id=OLD, trace=trace), working=working)
    assert (found.trace.generation, found.trace.episode, found.recorded) == expected


def test_the_same_episode_is_found_again_after_it_was_recorded() -> None:
    first = episode(batchfooset())
    again = episode(batchfooset(), Status(trace_id=first.trace_id, trace=first.trace), working=False)
    assert (again.trace_id, again.root, again.refine) == (first.trace_id, first.root, first.refine)
    assert again.recorded


CUT_OFF = {
    "nothing was recorded": (1, None, False),
    "the same spec": (1, Trace(generation=1, started_at=NOW), False),
    "closed before": (2, Trace(generation=1, started_at=NOW, closed=True), False),
    "still open": (2, Trace(generation=1, episode=3, started_at=NOW), True),
}


@pytest.mark.parametrize(("generation", "trace", "due"), CUT_OFF.values(), ids=CUT_OFF.keys())
def test_an_open_episode_is_cut_off_by_a_new_spec(generation: int, trace: Trace | None, due: bool) -> None:  # noqa: FBT001
    batch = batchfooset(generation=generation)
    old = superseded(batch, Kind.BATCHFOOSET, Status(trace_id=OLD, trace=trace))
    assert (old is not None) is due
    if old is not None:
        assert (old.trace, old.recorded) == (trace, True)
        assert old.trace_id == trace_id(batch.metadata.uid, 1, 3)


class Pods:
    """Pods that were created in one trace."""

    def __init__(self, trace: str) -> None:
        self._trace = trace

    def take_part_in(self, trace: TraceId) -> bool:
        return trace == self._trace


CREATING: dict[str, tuple[bool, bool, str, tuple[int, int]]] = {
    # closed, working, trace of the pods -> (current, creating)
    "an open one": (False, True, "", (0, 0)),
    "new work after a closed one": (True, True, "", (1, 1)),
    "a mere try after a closed one": (True, False, "", (0, 1)),
    "a try that had success": (True, False, trace_id(batchfooset().metadata.uid, 1, 1), (1, 1)),
}


@pytest.mark.parametrize(("closed", "working", "trace", "expected"), CREATING.values(), ids=CREATING.keys())
def test_what_is_created_now_belongs_to_an_open_episode(
    closed: bool,  # noqa: FBT001 - a table
    working: bool,  # noqa: FBT001
    trace: str,
    expected: tuple[int, int],
) -> None:
    found = episodes_of(batchfooset(), Kind.BATCHFOOSET, stored(closed=closed), NOW, working=working, pods=Pods(trace))
    assert (found.current.trace.episode, found.creating.trace.episode) == expected
    assert found.current.recorded is (expected[0] == 0)


# ---- which trace it is


def test_a_set_on_its_own_has_a_trace_and_a_root_of_its_own() -> None:
    found = episode(batchfooset())
    uid = batchfooset().metadata.uid
    assert found.trace_id == OWN
    assert found.root == found.above == Context(OWN, span_id(OWN, Hop.BATCHFOOSET_ROLLOUT, uid))
    assert found.refine == Context(OWN, span_id(OWN, Hop.BATCHFOOSET_REFINE, uid))
    assert found.links == ()


def test_a_new_child_joins_the_trace_that_made_it() -> None:
    found = episode(child())
    assert found.trace_id == PARENT_TRACE
    assert (found.above, found.root) == (PARENT, None)
    assert found.refine.trace_id == PARENT_TRACE
    assert (found.trace.joined, found.trace.parent) == (True, TRACEPARENT)


def test_a_child_that_its_parent_changed_joins_the_new_trace() -> None:
    found = episode(child(generation=2), stored(joined=True, parent="00-" + "ef" * 16 + "-" + "cd" * 8 + "-01"))
    assert (found.trace_id, found.root) == (PARENT_TRACE, None)


OWN_WORK = {
    "a scaled child": (child(generation=2), stored(joined=True, parent=TRACEPARENT)),
    "a replaced pod": (child(), stored(joined=True, parent=TRACEPARENT, closed=True)),
}


@pytest.mark.parametrize(("batch", "status"), OWN_WORK.values(), ids=OWN_WORK.keys())
def test_work_that_began_below_is_a_trace_of_its_own_linked_to_the_one_before(
    batch: BatchFooSet, status: Status
) -> None:
    found = episode(batch, status)
    assert found.trace_id == trace_id(batch.metadata.uid, found.trace.generation, found.trace.episode)
    assert found.root is not None
    assert found.trace.previous == OLD
    assert found.links == (Context(TraceId(OLD), span_id(TraceId(OLD), Hop.BATCHFOOSET_REFINE, batch.metadata.uid)),)


def test_work_that_follows_work_of_its_own_does_not_fall_back_into_the_parents_trace() -> None:
    own = stored(joined=False, parent=TRACEPARENT, episode=1, closed=True)
    assert episode(child(), own).trace_id == trace_id(child().metadata.uid, 1, 2)


NOT_OURS = {
    "nobody controls it": {"annotations": derived("demo", "work")["annotations"]},
    "its namesake of another group does": derived("demo", "work")
    | {"ownerReferences": controlled_by("FooSet", "demo", group="example.org")},
    "another kind does": derived("demo", "work") | {"ownerReferences": controlled_by("Deployment", "demo")},
    "no context": derived("demo", "work") | {"annotations": {}},
    "a broken one": derived("demo", "work") | {"annotations": {"tracing.k8s.io/traceparent": TRACEPARENT.upper()}},
}


@pytest.mark.parametrize("meta", NOT_OURS.values(), ids=NOT_OURS.keys())
def test_only_the_context_of_a_fooset_is_joined(meta: dict[str, Any]) -> None:
    assert joined_context(batchfooset(**meta)) is None
    assert episode(batchfooset(**meta)).trace_id == OWN


# ---- how it ends


def ago(seconds: float) -> Any:
    return NOW - timedelta(seconds=seconds)


POD, CHILD, FOOSET = Height.POD, Height.CHILD, Height.FOOSET
SETTLEMENTS = {
    "goes on": (Progress(), CHILD, Settlement()),
    "finished": (Progress(finished=Outcome.COMPLETE), CHILD, Settlement(Outcome.COMPLETE)),
    "finished, though blocked": (
        Progress(finished=Outcome.FAILED, blocked_since=ago(99)),
        CHILD,
        Settlement(Outcome.FAILED),
    ),
    "finished, children still open": (
        Progress(finished=Outcome.READY, awaited_since=ago(4)),
        FOOSET,
        Settlement(ask_again_in=6),
    ),
    "children were open for too long": (
        Progress(finished=Outcome.READY, awaited_since=ago(10)),
        FOOSET,
        Settlement(Outcome.READY),
    ),
    "a pod is blocked": (Progress(blocked_since=ago(30)), POD, Settlement(Outcome.BLOCKED)),
    "a set waits a little longer": (Progress(blocked_since=ago(30)), CHILD, Settlement(ask_again_in=5)),
    "a set is blocked": (Progress(blocked_since=ago(35)), CHILD, Settlement(Outcome.BLOCKED)),
    "its parent waits longer still": (Progress(blocked_since=ago(35)), FOOSET, Settlement(ask_again_in=5)),
    "the parent is blocked": (Progress(blocked_since=ago(40)), FOOSET, Settlement(Outcome.BLOCKED)),
    "a batch runs": (Progress(running_since=ago(34)), CHILD, Settlement(ask_again_in=1)),
    "a batch runs on": (Progress(running_since=ago(35)), CHILD, Settlement(Outcome.RUNNING)),
    "blocked counts before running": (
        Progress(running_since=ago(99), blocked_since=ago(0)),
        CHILD,
        Settlement(ask_again_in=35),
    ),
}


@pytest.mark.parametrize(("progress", "height", "expected"), SETTLEMENTS.values(), ids=SETTLEMENTS.keys())
def test_an_episode_ends_at_its_end_or_after_a_margin(progress: Progress, height: Height, expected: Settlement) -> None:
    assert settle(progress, height, NOW) == expected


def test_every_trace_that_is_blocked_or_runs_on_is_complete_within_a_minute() -> None:
    for since in (Progress(blocked_since=ago(59)), Progress(running_since=ago(59))):
        assert settle(since, Height.FOOSET, NOW).outcome is not None
