"""Pods that kubelets reject: counted once, cleaned up, placed again, and never a storm."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foosets.planning.indexes import Attempts
from foosets.planning.trace import Attribute, Hop, SpanId
from tests.batchfooset.world import REJECTION_MESSAGE, World, place_of, started
from tests.builders import batchfooset

pytestmark = pytest.mark.timeout(180)  # hundreds of lives, each of an hour

TEN_MINUTES = 600.0


def of(parallelism: int, completions: int, **spec: int) -> World:
    world = World(batchfooset(spec={"parallelism": parallelism, "completions": completions} | spec))
    world.rest()
    return world


def test_a_rejected_pod_is_counted_deleted_and_placed_again_and_is_no_failure() -> None:
    world = of(2, 2, backoffLimit=0)
    world.reject(1)
    assert world.look() == ["status"]
    assert (world.status.placement_conflicts, world.status.failed, world.attempts()) == (1, 0, [("1", 1)])
    assert world.look() == [f"-{world.name(1)}", f"+{world.name(1, 1)}"]
    world.ready(0, 1)
    world.rest()
    assert world.condition("Ready") == ("True", "Available")
    assert (world.status.placement_conflicts, world.status.failed, world.left()) == (1, 0, [])


def test_a_pod_that_had_run_and_failed_stays_and_is_a_failure() -> None:
    world = started(2)
    ended = [{"name": "main", "state": {"terminated": {"exitCode": 1}}}]
    world.reject(0, containerStatuses=ended)
    world.rest()
    assert (world.status.placement_conflicts, world.status.failed) == (0, 1)
    assert world.name(0) in world.pods


def test_a_rejected_pod_is_kept_until_status_has_counted_it() -> None:
    world = of(1, 1)
    world.reject(0)
    world.restart()
    for _ in range(3):
        assert world.look(crash_before_status=True) == ["?"], "the next pod's template is all that is asked about"
        world.restart()
    assert world.left() == [world.name(0)]
    world.rest()
    assert (world.status.placement_conflicts, world.left()) == (1, [])


def test_a_deletion_that_was_not_done_is_done_after_a_restart_and_counts_nothing() -> None:
    world = of(1, 1)
    world.reject(0)
    world.look()
    world.restart()
    world.rest()
    assert (world.status.placement_conflicts, world.left(), world.attempts()) == (1, [], [("0", 1)])


def test_the_second_rejection_in_a_row_lets_the_index_wait_and_says_why() -> None:
    world = of(1, 1)
    world.reject(0)
    world.rest()
    world.reject(0)
    world.rest()
    assert world.live() == []
    assert world.condition("Placed") == ("False", "KubeletRejected")
    blocked = world.status.blocked_by
    assert blocked is not None
    assert (blocked.kind, blocked.name, blocked.condition) == ("BatchFooSet", "work", "Placed")
    assert blocked.message == (
        "1 pods wait, the first until 2026-03-01T12:00:20Z: "
        f"node n1 rejected {world.name(0, 1)}, OutOfcpu: Pod was rejected: {REJECTION_MESSAGE}"
    )
    wake = world.plan().plan.wake_after
    assert wake is not None
    assert 10 <= wake <= 20
    world.restart()
    world.after(wake)
    world.rest()
    assert world.live() == [world.name(0, 2)]
    assert world.status.blocked_by is None


def test_the_cause_outlives_a_restart() -> None:
    world = of(1, 1)
    for _ in range(2):
        world.reject(0)
        world.rest()
    before = world.status
    world.restart()
    assert world.rest() == ["?"]
    assert world.status == before


def test_while_one_index_waits_the_others_go_on() -> None:
    world = of(2, 5)
    for _ in range(2):
        world.reject(0)
        world.rest()
    assert sorted(world.members.live) == [1, 2]
    assert world.condition("Placed") == ("True", "Available")


def test_what_waited_is_forgotten_when_the_set_has_come_to_its_end() -> None:
    world = of(2, 2, backoffLimit=0)
    world.reject(0)
    world.rest()
    assert world.status.rejections
    world.fail(1)
    world.rest()
    assert world.condition("Failed")[0] == "True"
    assert (world.status.rejections, world.status.last_rejection) == ((), None)


def test_a_rejection_after_the_end_is_cleaned_up_too() -> None:
    world = of(2, 2, backoffLimit=0)
    world.fail(1)
    world.reject(0)
    world.rest()
    assert world.condition("Failed")[0] == "True"
    assert (world.status.placement_conflicts, world.left()) == (1, [])


def test_ten_minutes_after_the_last_nothing_is_said_of_rejections() -> None:
    world = of(1, 1)
    world.reject(0)
    world.rest()
    world.ready(0)
    world.rest()
    world.after(620)
    world.rest()
    status = world.status
    assert (status.rejections, status.last_rejection, status.placement_conflicts) == ((), None, 1)


# ---- traces


def test_a_rejected_pods_span_says_so_and_its_successors_are_its_siblings() -> None:
    world = of(1, 1)
    world.reject(0)
    world.rest()
    world.ready(0)
    world.succeed(0)
    world.rest()
    spans = {span.context.span_id: span for span in world.spans}
    assert len(spans) == len(world.spans), "nothing twice"
    first, second = sorted(
        (span for span in spans.values() if span.name == Hop.POD), key=lambda span: span.attributes[Attribute.ATTEMPT]
    )
    assert first.error == f"OutOfcpu: Pod was rejected: {REJECTION_MESSAGE}"
    assert first.attributes[Attribute.REASON] == "OutOfcpu"
    assert second.error == ""
    assert first.parent == second.parent
    refine = spans[SpanId(first.parent or "")]
    assert (refine.name, refine.error) == (Hop.BATCHFOOSET_REFINE, "")
    creates = [span for span in spans.values() if span.name == Hop.CREATE]
    assert {span.parent for span in creates} == {first.context.span_id, second.context.span_id}
    for span in spans.values():
        if span.parent is not None:
            assert spans[span.parent].start <= span.start <= span.end <= spans[span.parent].end


def test_the_span_is_sent_again_if_it_is_not_known_that_it_was() -> None:
    world = of(1, 1)
    world.reject(0)
    world.look(crash_before_status=True)
    sent = list(world.spans)
    assert sent
    world.restart()
    world.look()
    assert world.spans == sent + sent


def test_a_set_that_waits_for_long_closes_its_trace_with_the_cause() -> None:
    world = of(1, 1)
    for _ in range(3):
        world.reject(0)
        world.rest()
        world.after(20)
        world.rest()
    world.after(20)
    world.rest()
    (refine,) = (span for span in world.spans if span.name == Hop.BATCHFOOSET_REFINE)
    assert refine.error.startswith("KubeletRejected: 1 pods wait")
    assert world.status.trace is not None
    assert world.status.trace.closed


def test_of_a_large_set_only_the_first_pods_rejections_are_traced() -> None:
    world = of(150, 150)
    world.reject(*range(150))
    world.look()
    assert sum(span.name == Hop.POD for span in world.spans) == 100


# ---- whatever happens

STEPS = st.one_of(
    st.tuples(st.just("reject"), st.sets(st.integers(0, 2), min_size=1)),
    st.tuples(st.just("look"), st.integers(1, 3)),
    st.tuples(st.just("crash"), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 5.0, 11.0, 45.0, 170.0, 599.0])),
)
OTHER_ENDS = st.one_of(
    st.tuples(st.just("fail"), st.integers(0, 2)),
    st.tuples(st.just("lose"), st.integers(0, 2)),
    st.tuples(st.just("scale"), st.integers(0, 3)),
)
Step = tuple[str, object]


class Cell:
    """A world in which the kubelets reject what they like; it keeps what came of every pod, and when it was created."""

    def __init__(self) -> None:
        self.world = World(batchfooset(spec={"parallelism": 3, "completions": 3, "backoffLimit": 1_000}))
        self.born: list[tuple[int, str, datetime]] = []
        self.rejected: set[str] = set()

    def take(self, step: Step) -> None:
        match step:
            case "reject", set() as indexes:
                self.reject(*indexes)
            case "look", int() as times:
                for _ in range(times):
                    self.look()
            case "crash", bool() as before_status:
                self.look(crash=before_status)
                self.world.restart()
            case "wait", float() as seconds:
                self.world.after(seconds)
            case "fail", int() as index if index in self.world.members.live:
                self.world.fail(index)
            case "lose", int() as index if index in self.world.members.live:
                self.world.delete(self.world.members.live[index].name)
                self.world.look()
                self.world.finish_deletions()
            case "scale", int() as parallelism:
                self.world.change(parallelism=parallelism)
            case _:
                pass

    def look(self, *, crash: bool = False) -> None:
        before = len(self.world.created)
        self.world.look(crash_before_status=crash)
        for raw in self.world.created[before:]:
            self.born.append((place_of(raw)[0], raw["metadata"]["name"], self.world.now))

    def reject(self, *indexes: int) -> None:
        there = [self.world.members.live[index] for index in indexes if index in self.world.members.live]
        recorded = Attempts.from_groups((group.indexes, group.attempt) for group in self.world.status.attempts)
        # one that status has passed over was on its way out already, which is what it counts as
        self.rejected |= {member.name for member in there if member.attempt >= recorded[member.index]}
        self.world.reject(*(member.index for member in there))

    def settle(self) -> None:
        """Let nobody reject any more, and time pass."""
        self.world.change(parallelism=3)
        for _ in range(3):
            self.world.after(700)
            for _ in range(6):
                self.look()
            self.world.finish_deletions()

    def check_the_bound(self) -> None:
        """Of no index more than five pods that were rejected were created within ten minutes."""
        for index in range(3):
            times = [at for of, name, at in self.born if of == index and name in self.rejected]
            for first, sixth in zip(times, times[5:], strict=False):
                assert (sixth - first).total_seconds() > TEN_MINUTES


UNTIMED = settings(max_examples=150, deadline=None)


@UNTIMED
@given(st.lists(st.one_of(STEPS, OTHER_ENDS), max_size=60))
def test_whatever_else_happens_rejections_are_counted_once_bounded_and_leave_nothing_behind(steps: list[Step]) -> None:
    cell = Cell()
    for step in steps:
        cell.take(step)
        assert cell.world.status.placement_conflicts <= len(cell.rejected)
    cell.settle()
    cell.check_the_bound()
    assert cell.world.status.placement_conflicts == len(cell.rejected)
    assert cell.world.left() == []
    assert len(cell.world.members.live) == 3


@UNTIMED
@given(st.lists(st.sampled_from([0.5, 3.0, 11.0, 30.0, 61.0, 170.0, 610.0]), min_size=10, max_size=80), st.data())
def test_nodes_that_always_reject_cost_five_pods_of_an_index_in_ten_minutes(
    waits: list[float], data: st.DataObject
) -> None:
    cell = Cell()
    for seconds in waits:
        cell.take(data.draw(st.sampled_from([("look", 3), ("crash", True), ("crash", False)])))
        cell.reject(0, 1, 2)
        cell.world.after(seconds)
    cell.check_the_bound()
    cell.settle()
    assert cell.world.status.placement_conflicts == len(cell.rejected)
    assert cell.world.status.failed == 0


@pytest.mark.parametrize("restarts", [False, True])
def test_an_hour_of_rejections_costs_what_the_schedule_says(restarts: bool) -> None:  # noqa: FBT001 - a table of two
    cell = Cell()
    for _ in range(3600):
        cell.world.after(1)
        cell.look()
        cell.look()
        cell.reject(0, 1, 2)
        if restarts:
            cell.world.restart()
    assert len(cell.born) == 3 * 24, "five in each of four rounds of 14 minutes, and four of the last round"
    cell.check_the_bound()
