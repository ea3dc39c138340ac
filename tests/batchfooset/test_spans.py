"""The spans of a batch set, as a back end would get them: one tree, complete, and true to the pods."""

from collections import Counter
from typing import Any

import pytest

from foosets.planning.trace import Attribute, Hop, Span
from tests.batchfooset.world import NO_FIT_MESSAGE, World, started
from tests.builders import PARENT_SPAN, PARENT_TRACE, batchfooset, derived


def done(completions: int, **how: Any) -> World:
    """A set of which every index has completed, and whose trace is closed."""
    world = started(completions, **how)
    world.after(2)
    world.succeed(*world.members.live)
    world.rest()
    return world


def unplaced() -> World:
    """A set that fits nowhere, until its trace is closed."""
    world = World(batchfooset(spec={"parallelism": 3, "completions": 3}))
    world.full = True
    world.rest()
    world.after(36)
    world.rest()
    return world


def names(world: World) -> Counter[str]:
    return Counter(span.name.value for span in world.spans)


def named(world: World, hop: Hop) -> Span:
    (span,) = (span for span in world.spans if span.name == hop)
    return span


def check_tree(spans: list[Span], roots: int) -> None:
    """One trace, no orphan, children within their parents' times, and nothing twice."""
    by_id = {span.context.span_id: span for span in spans}
    assert len(by_id) == len(spans)
    assert len({span.context.trace_id for span in spans}) == 1
    assert sum(span.parent is None for span in spans) == roots
    for span in spans:
        if span.parent is None or (span.parent not in by_id and not roots):
            continue
        parent = by_id[span.parent]
        assert parent.start <= span.start <= span.end <= parent.end, (span.name, parent.name)


PLACING = {"place": 1, "sync": 1, "decide": 1, "commit": 1}


@pytest.mark.parametrize("pods", [1, 3, 20])
def test_a_set_on_its_own_that_completed_is_one_tree(pods: int) -> None:
    world = done(pods)
    assert names(world) == {"batchfooset.rollout": 1, "batchfooset.refine": 1, **PLACING, "pod": pods, "create": pods}
    check_tree(world.spans, roots=1)
    assert not any(span.error for span in world.spans)
    assert {span.context.trace_id for span in world.spans} == {world.status.trace_id}


@pytest.mark.parametrize("pods", [1, 20])
def test_a_child_hangs_its_tree_into_its_parents_trace(pods: int) -> None:
    world = done(pods, **derived("demo", "work"))
    assert names(world) == {"batchfooset.refine": 1, **PLACING, "pod": pods, "create": pods}
    check_tree(world.spans, roots=0)
    refine = named(world, Hop.BATCHFOOSET_REFINE)
    assert (refine.context.trace_id, refine.parent) == (PARENT_TRACE, PARENT_SPAN)
    assert {span.attributes[Attribute.NAME] for span in world.spans} == {"demo"}
    assert {span.attributes[Attribute.UID] for span in world.spans} == {"uid-demo"}


def test_every_span_carries_at_least_three_attributes_and_says_its_hop() -> None:
    for span in done(2).spans:
        assert len(span.attributes) >= 3
        assert span.attributes[Attribute.HOP] == span.name
        assert not any(key.startswith("k8s.") and key not in set(Attribute) for key in span.attributes)


def test_the_steps_of_placing_follow_one_another() -> None:
    world = done(3)
    place, sync, decide, commit = (named(world, hop) for hop in (Hop.PLACE, Hop.SYNC, Hop.DECIDE, Hop.COMMIT))
    assert {step.parent for step in (sync, decide, commit)} == {place.context.span_id}
    assert place.start == sync.start
    assert (sync.end, decide.end) == (decide.start, commit.start)
    assert commit.end == place.end


def test_a_set_that_fits_nowhere_is_an_error_with_the_reason_where_it_arose() -> None:
    world = unplaced()
    assert names(world) == {"batchfooset.rollout": 1, "batchfooset.refine": 1, "place": 1, "sync": 1, "decide": 1}
    check_tree(world.spans, roots=1)
    errors = {span.name.value: span.error for span in world.spans}
    expected = f"NoFit: {NO_FIT_MESSAGE}"
    assert errors == {
        "batchfooset.rollout": expected,
        "batchfooset.refine": expected,
        "place": expected,
        "sync": "",
        "decide": expected,
    }
    assert named(world, Hop.DECIDE).attributes[Attribute.REASON] == "NoFit"


def test_a_set_that_failed_is_an_error_and_so_are_the_pods_that_did() -> None:
    world = started(2, backoffLimit=0)
    world.fail(0)
    world.rest()
    world.finish_deletions()
    world.rest()
    check_tree(world.spans, roots=1)
    assert named(world, Hop.BATCHFOOSET_REFINE).error.startswith("BackoffLimitExceeded: 1 pods failed")
    assert named(world, Hop.PLACE).error == "", "placing went well"
    failed = [span for span in world.spans if span.name == Hop.POD and span.error]
    assert [span.attributes[Attribute.INDEX] for span in failed] == [0]


def test_a_stuck_pod_is_an_error_and_one_that_runs_is_not() -> None:
    world = World(batchfooset(spec={"parallelism": 2, "completions": 2}))
    world.rest()
    world.ready(0)
    world.stick(1)
    world.rest()
    world.after(36)
    world.rest()
    check_tree(world.spans, roots=1)
    lives = {span.attributes[Attribute.INDEX]: span for span in world.spans if span.name == Hop.POD}
    assert lives[1].error == "ImagePullFailed: no such image"
    assert (lives[0].error, lives[0].attributes[Attribute.DECISION]) == ("", "Running")


def test_a_batch_that_runs_on_closes_everything_without_error() -> None:
    world = started(2)
    world.after(36)
    world.rest()
    assert names(world) == {"batchfooset.rollout": 1, "batchfooset.refine": 1, **PLACING, "pod": 2, "create": 2}
    check_tree(world.spans, roots=1)
    assert not any(span.error for span in world.spans)
    assert named(world, Hop.BATCHFOOSET_REFINE).attributes[Attribute.DECISION] == "Running"


def test_the_end_of_a_batch_that_ran_on_is_a_linked_trace_in_which_nothing_was_placed() -> None:
    world = started(2)
    world.after(36)
    world.rest()
    before, world.spans = named(world, Hop.BATCHFOOSET_REFINE), []
    world.succeed(0, 1)
    world.rest()
    assert names(world) == {"batchfooset.rollout": 1, "batchfooset.refine": 1}
    assert [link.span_id for link in named(world, Hop.BATCHFOOSET_ROLLOUT).links] == [before.context.span_id]


def test_spans_sent_again_after_a_restart_are_the_same_spans() -> None:
    world = started(2)
    world.after(2)
    world.succeed(0, 1)
    while not world.plan().plan.spans:
        world.look()
    world.look(crash_before_status=True)
    first, world.spans = world.spans, []
    world.restart()
    world.rest()
    assert {span.context for span in world.spans} == {span.context for span in first}


def test_a_large_set_traces_its_first_pods_and_those_that_failed() -> None:
    world = started(150, backoffLimit=99)
    world.fail(120)
    world.rest()
    world.succeed(*world.members.live)
    world.rest()
    assert names(world)["pod"] == 101
    assert len(world.spans) < 2_000
    check_tree(world.spans, roots=1)


def test_nothing_is_emitted_while_nothing_happens() -> None:
    world = done(2)
    world.spans = []
    for _ in range(5):
        world.after(3600)
        world.rest()
    assert world.spans == []
