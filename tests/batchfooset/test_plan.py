from typing import Any

import pytest

from foosets.api.names import Reason
from foosets.batchfooset.plan import BatchPlan
from foosets.planning.obstacles import Obstacle
from tests.batchfooset.world import NO_FIT_MESSAGE, World, started
from tests.builders import batchfooset, template

NEW_TEMPLATE = {"spec": template()["spec"] | {"containers": [{"name": "main", "image": "main:2"}]}}
FAULT = template(schedulerName="default-scheduler")


def indexes(done: list[str]) -> list[str]:
    """What was done to pods, without the part of their names that is equal."""
    return [act[0] + act[1:].split("-", 2)[2] for act in done if act[0] in "+-"]


def of(parallelism: int, completions: int) -> World:
    return World(batchfooset(spec={"parallelism": parallelism, "completions": completions}))


# ---- creating


def test_the_first_look_only_records_the_trace() -> None:
    world = of(2, 2)
    assert world.look() == ["status"]
    assert world.status.trace is not None
    assert world.status.selector == "foo.example.com/owner-uid=uid-work"
    assert world.condition("Ready") == ("False", "Placing")


@pytest.mark.parametrize(
    ("parallelism", "completions", "created"),
    [(1, 1, ["+0"]), (3, 3, ["+0", "+1", "+2"]), (2, 5, ["+0", "+1"]), (5, 2, ["+0", "+1"]), (0, 3, []), (3, 0, [])],
)
def test_the_lowest_indexes_run_first_as_many_as_parallelism_allows(
    parallelism: int, completions: int, created: list[str]
) -> None:
    assert indexes(of(parallelism, completions).rest()) == created


def test_the_next_index_follows_one_that_completed() -> None:
    world = started(5, 2)
    world.succeed(0)
    assert indexes(world.rest()) == ["+2"]
    world.succeed(1, 2)
    assert indexes(world.rest()) == ["+3", "+4"]


def test_the_example_of_the_plan() -> None:
    world = started(5, 2)
    world.succeed(0)
    world.rest()
    world.fail(2)
    assert indexes(world.look()) == [], "attempt 1 is not recorded yet"
    assert world.attempts() == [("2", 1)]
    assert indexes(world.look()) == ["+2-1"]


def test_a_plan_never_starts_more_than_it_may_hold() -> None:
    world = of(10_000, 10_000)
    world.look()
    assert len(world.plan().wanted) == 500


# ---- failing


def test_each_failed_pod_is_counted_once_whoever_looks_and_however_often() -> None:
    world = started(2)
    world.fail(0)
    world.look()
    assert world.status.failed == 1
    world.restart()
    world.look()
    world.restart()
    world.rest()
    assert world.status.failed == 1


def test_a_failed_pod_that_is_cleaned_up_stays_counted() -> None:
    world = started(2)
    world.fail(0)
    world.rest()
    world.delete(world.name(0))
    world.rest()
    assert world.status.failed == 1
    world.restart()
    world.rest()
    assert (world.status.failed, world.attempts()) == (1, [("0", 1)])


def test_a_failed_pod_that_is_cleaned_up_before_it_was_counted_is_counted() -> None:
    world = started(2)
    world.fail(0)
    world.delete(world.name(0))
    world.rest()
    assert world.status.failed == 1


def test_a_lost_status_write_counts_the_failure_with_the_next() -> None:
    world = started(2)
    world.fail(0)
    world.look(crash_before_status=True)
    world.restart()
    world.rest()
    assert (world.status.failed, world.attempts()) == (1, [("0", 1)])


def test_a_pod_lost_to_deletion_is_replaced_and_is_no_failure() -> None:
    world = started(2)
    world.delete(world.name(0))
    world.rest()
    world.fail(0)  # its containers are killed
    world.finish_deletions()
    assert indexes(world.rest()) == ["+0-1"]
    assert world.status.failed == 0


def test_a_pod_lost_with_its_node_is_replaced_and_is_no_failure() -> None:
    world = started(2)
    world.fail(0, DisruptionTarget="True")
    assert indexes(world.rest()) == ["+0-1"]
    assert world.status.failed == 0


def test_a_set_fails_with_one_failure_more_than_its_limit_and_what_runs_is_stopped() -> None:
    world = started(3, backoffLimit=1)
    world.fail(0)
    assert indexes(world.rest()) == ["+0-1"]
    world.fail(1)
    assert indexes(world.rest()) == ["-0-1", "-2"]
    assert world.condition("Failed") == ("True", "BackoffLimitExceeded")
    assert world.condition("Stalled")[0] == "True"
    assert world.condition("Ready")[0] == "False"


# ---- the end


def test_a_set_completes_when_every_index_has() -> None:
    world = started(2)
    world.succeed(0, 1)
    world.rest()
    assert world.condition("Complete") == ("True", "Completed")
    assert world.condition("Ready") == ("True", "Completed")
    assert (world.status.completed_indexes, world.status.succeeded) == ("0,1", 2)


def test_cleaning_up_what_succeeded_changes_nothing() -> None:
    world = complete()
    for index in (0, 1):
        world.delete(world.name(index))
    assert world.rest() == []


def test_completed_indexes_do_not_need_their_pods() -> None:
    world = started(3)
    world.succeed(0, 1)
    world.rest()
    for index in (0, 1):
        world.delete(world.name(index))
    world.restart()
    assert indexes(world.rest()) == []
    world.succeed(2)
    world.rest()
    assert world.condition("Complete")[0] == "True"


def complete() -> World:
    world = started(2)
    world.succeed(0, 1)
    world.rest()
    return world


def failed() -> World:
    world = started(2, backoffLimit=0)
    world.fail(0)
    world.rest()
    world.finish_deletions()
    world.rest()
    return world


CHANGES: dict[str, dict[str, Any]] = {
    "more to do": {"completions": 9, "parallelism": 9},
    "nothing to do": {"completions": 0},
    "more failures allowed": {"backoffLimit": 99},
    "another template": {"template": NEW_TEMPLATE},
    "a fault": {"template": FAULT},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize(("ended", "kind"), [(complete, "Complete"), (failed, "Failed")])
def test_an_end_is_never_taken_back(ended: Any, kind: str, change: dict[str, Any]) -> None:
    world = ended()
    reported = world.status.condition(kind)
    world.change(**change)
    world.restart()
    assert indexes(world.rest()) == []
    again = world.status.condition(kind)
    assert again.last_transition_time == reported.last_transition_time
    assert {c.type for c in world.status.conditions if c.type in ("Complete", "Failed")} == {kind}


# ---- changing


def test_more_parallelism_starts_more() -> None:
    world = started(5, 1)
    world.change(parallelism=3)
    assert indexes(world.rest()) == ["+1", "+2"]


def test_less_parallelism_stops_the_highest() -> None:
    world = started(4)
    world.change(parallelism=2)
    assert indexes(world.rest()) == ["-2", "-3"]


def test_fewer_completions_stop_what_lies_beyond() -> None:
    world = started(4)
    world.change(completions=2)
    assert indexes(world.rest()) == ["-2", "-3"]
    world.finish_deletions()
    world.succeed(0, 1)
    world.rest()
    assert world.condition("Complete")[0] == "True"


def test_an_index_that_comes_back_is_at_its_next_attempt() -> None:
    world = started(3)
    world.change(completions=2)
    world.rest()
    world.finish_deletions()
    world.rest()
    world.change(completions=3)
    assert indexes(world.rest()) == ["+2-1"]


def test_an_index_is_not_run_again_while_its_pod_is_on_its_way_out() -> None:
    world = started(2)
    world.change(template=NEW_TEMPLATE)
    assert indexes(world.rest()) == ["-0", "-1"]
    assert world.attempts() == [("0,1", 1)], "recorded while there is time"
    world.finish_deletions()
    assert indexes(world.look()) == ["+0-1", "+1-1"], "at once"


def test_a_new_template_leaves_completed_indexes_alone() -> None:
    world = started(3)
    world.succeed(1)
    world.rest()
    world.change(template=NEW_TEMPLATE)
    assert indexes(world.rest()) == ["-0", "-2"]
    world.finish_deletions()
    assert indexes(world.rest()) == ["+0-1", "+2-1"]


# ---- what stands in the way


@pytest.mark.parametrize(
    ("bad", "reason"),
    [(FAULT, "InvalidPodTemplate"), (template(resourceClaims=[{"name": "gpu"}]), "UnsupportedTemplate")],
)
def test_a_template_that_cannot_run_starts_nothing_and_leaves_what_runs(bad: dict[str, Any], reason: str) -> None:
    world = started(3, 2)
    world.change(template=bad)
    world.succeed(0)
    assert indexes(world.rest()) == []
    assert world.condition("Ready") == ("False", reason)
    assert world.condition("Stalled") == ("True", reason)
    assert world.status.blocked_by is not None


def obstacle(world: World, seconds: float) -> Obstacle:
    at = world.now.timestamp()
    return Obstacle(Reason.QUOTA_EXCEEDED, "exceeded quota: pods", at, at + seconds)


def test_an_obstacle_holds_back_what_is_wanted_and_nothing_else() -> None:
    world = started(2)
    world.change(completions=3, parallelism=3)
    world.look()
    world.obstacle = obstacle(world, 7)
    assert indexes(world.rest()) == []
    assert world.condition("Ready") == ("False", "QuotaExceeded")
    assert world.plan().plan.wake_after == pytest.approx(7, abs=0.1)
    world.change(parallelism=1)
    world.obstacle = obstacle(world, 7)
    assert indexes(world.rest()) == ["-1"]


def test_an_obstacle_that_was_not_tried_again_stands() -> None:
    world = started(2)
    world.change(completions=3, parallelism=3)
    met = world.obstacle = obstacle(world, 7)
    assert world.plan().plan.obstacle == met, "a new trace is recorded first"
    world.look()
    assert world.plan().plan.obstacle == met, "held back"
    world.after(7)
    planned = world.plan()
    assert (len(planned.wanted), planned.plan.obstacle) == (1, None)


def blocked() -> World:
    """A set of three, of which none fits, until its trace has closed."""
    world = of(3, 3)
    world.full = True
    world.rest()
    world.after(36)
    world.rest()
    return world


def test_a_set_that_fits_nowhere_says_so_and_closes_its_trace() -> None:
    world = blocked()
    assert world.condition("Placed") == ("False", "NoFit")
    assert world.status.blocked_by is not None
    assert world.status.blocked_by.message == NO_FIT_MESSAGE
    assert world.status.trace is not None
    assert (world.status.trace.closed, world.status.trace.episode) == (True, 0)


def test_a_set_that_is_held_back_is_quiet() -> None:
    world = blocked()
    world.after(20)
    assert world.look() == []
    planned = world.plan()
    assert planned.wanted == ()
    assert planned.plan.wake_after is not None


def test_a_try_that_is_refused_again_leaves_no_trace() -> None:
    world = blocked()
    for _ in range(3):
        world.after(61)
        assert len(world.plan().wanted) == 3
        assert world.rest() == []


def test_what_is_created_after_a_closed_trace_belongs_to_the_next() -> None:
    world = blocked()
    first = world.status.trace_id
    world.after(61)
    world.full = False
    assert indexes(world.look()) == ["+0", "+1", "+2"]
    world.look()
    assert world.status.trace is not None
    assert (world.status.trace.closed, world.status.trace.episode, world.status.trace.previous) == (False, 1, first)
    for raw in world.pods.values():
        assert world.status.trace_id in raw["metadata"]["annotations"]["tracing.k8s.io/traceparent"]


def test_a_new_spec_closes_the_trace_that_it_cuts_off() -> None:
    world = started(2)
    old = world.status.trace_id
    world.change(parallelism=1)
    assert world.look() == ["status"]
    assert {span.context.trace_id for span in world.spans} == {old}
    assert world.status.trace_id != old


def test_a_set_on_its_way_out_is_left_to_the_garbage_collector() -> None:
    world = World(batchfooset(deletionTimestamp="2026-03-01T12:00:00Z"))
    assert world.plan() == BatchPlan()


# ---- traces


def test_a_trace_is_closed_only_when_status_says_what_it_ends_with() -> None:
    world = started(1)
    world.succeed(0)
    assert world.look() == ["status"]
    assert world.condition("Complete")[0] == "True"
    assert world.spans == []
    assert world.look() == ["status"]
    assert world.spans
    assert world.status.trace is not None
    assert world.status.trace.closed


def test_a_trace_is_not_closed_while_there_is_work() -> None:
    world = started(2)
    world.stick(1)
    world.rest()
    world.after(36)
    world.fail(0)
    assert world.look() == ["status"]
    assert indexes(world.look()) == ["+0-1"]
    assert world.spans == []


def test_a_batch_that_runs_on_closes_its_trace_and_its_end_is_the_next() -> None:
    world = started(1)
    world.after(36)
    world.rest()
    assert world.status.trace is not None
    assert world.status.trace.closed
    first = world.status.trace_id
    world.succeed(0)
    world.rest()
    assert world.status.trace.previous == first
    assert (world.status.trace.closed, world.status.trace.episode) == (True, 1)
    assert world.status.trace_id != first


def test_at_rest_there_is_nothing_to_do() -> None:
    for world in (started(3), complete(), failed(), blocked()):
        assert world.look() == []
