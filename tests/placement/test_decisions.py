"""What a scheduler may do about a pod whose binding it has sent."""

import pytest
from msgspec.structs import replace

from foosets.api.names import NodeName
from foosets.api.pod import Pod
from foosets.placement.decisions import Answer, Decisions, Stage
from foosets.placement.nodes import Table
from foosets.placement.requests import size_of
from tests.placement.cells import node, pod

N1 = NodeName("n1")
WAITING = pod("a", {"cpu": "1"})
BOUND = pod("a", {"cpu": "1"}, node="n1")
ANOTHER = pod("a", {"cpu": "1"}, node="n1", uid="another")


class Cell:
    """A table of one node, on which the pod `a` is decided to run."""

    def __init__(self) -> None:
        self.table = Table()
        self.table.upsert_node(node())
        self.decisions = Decisions(self.table)
        self.send()

    def send(self) -> None:
        self.table.assume(WAITING.key, N1, size_of(WAITING.spec))
        self.decisions.made(WAITING, N1)

    def answer(self, answer: Answer) -> Stage:
        self.decisions.answered(WAITING.key, answer)
        return self.decisions.stage(WAITING.key)

    def see(self, bound: Pod) -> bool:
        self.table.upsert_pod(bound)
        return self.decisions.seen(bound)

    @property
    def taken(self) -> int:
        return 4000 - self.table.rows[N1].free["cpu"]


@pytest.mark.parametrize(
    ("answer", "stage", "taken"),
    [
        (Answer.NONE, Stage.UNANSWERED, 1000),
        (Answer.BOUND, Stage.BOUND, 1000),
        (Answer.CONFLICT, Stage.LOST, 0),
        (Answer.GONE, Stage.LOST, 0),
        (Answer.REFUSED, Stage.UNDECIDED, 0),
    ],
)
def test_an_answer_says_how_far_the_binding_is(answer: Answer, stage: Stage, taken: int) -> None:
    cell = Cell()
    assert cell.answer(answer) is stage
    assert cell.taken == taken


@pytest.mark.parametrize(
    ("answer", "stage", "taken"),
    [
        (Answer.CONFLICT, Stage.BOUND, 1000),
        (Answer.REFUSED, Stage.UNANSWERED, 1000),
        (Answer.GONE, Stage.LOST, 0),
    ],
)
def test_a_second_answer_may_speak_of_the_first_binding(answer: Answer, stage: Stage, taken: int) -> None:
    cell = Cell()
    cell.answer(Answer.NONE)
    assert cell.decisions.node(WAITING.key) == N1
    cell.send()
    assert cell.answer(answer) is stage
    assert cell.taken == taken


def test_what_the_watch_has_shown_no_late_answer_changes() -> None:
    cell = Cell()
    assert cell.see(BOUND)
    assert cell.answer(Answer.GONE) is Stage.SEEN
    assert cell.taken == 1000


def test_a_pod_that_nothing_was_decided_about_is_no_news() -> None:
    cell = Cell()
    assert not cell.see(pod("b", node="n1"))
    assert cell.decisions.stage(WAITING.key) is Stage.UNANSWERED


@pytest.mark.parametrize("answer", [Answer.NONE, Answer.BOUND])
def test_an_earlier_pod_of_the_name_does_not_stand_in_for_one_that_may_be_bound(answer: Answer) -> None:
    cell = Cell()
    cell.answer(answer)
    assert not cell.see(ANOTHER)
    assert cell.taken == 2000


def test_a_later_pod_of_the_name_stands_alone_where_the_decision_came_to_nothing() -> None:
    cell = Cell()
    cell.answer(Answer.GONE)
    assert not cell.see(ANOTHER)
    assert cell.taken == 1000


def after(version: str) -> Pod:
    return replace(WAITING, metadata=replace(WAITING.metadata, resource_version=version))


LOST = [Answer.GONE]
OPEN = [Answer.BOUND]


@pytest.mark.parametrize(
    ("answers", "waiting", "stage"),
    [
        (OPEN, WAITING, Stage.BOUND),
        (OPEN, after("2"), Stage.BOUND),
        (OPEN, pod("a", uid="another"), Stage.UNDECIDED),
        (OPEN, pod("a", phase="Failed"), Stage.UNDECIDED),
        (LOST, WAITING, Stage.LOST),
        (LOST, after("2"), Stage.UNDECIDED),
        (LOST, None, Stage.UNDECIDED),
    ],
    ids=[
        "still shown",
        "changed meanwhile",
        "another pod",
        "ended without a node",
        "still shown, though lost",
        "changed since it was lost",
        "lost, and not shown any more",
    ],
)
def test_a_decision_is_kept_until_the_cache_of_waiting_pods_is_past_it(
    answers: list[Answer], waiting: Pod | None, stage: Stage
) -> None:
    cell = Cell()
    for answer in answers:
        cell.answer(answer)
    cell.decisions.settle(WAITING.key, waiting, (5, 0))
    assert cell.decisions.stage(WAITING.key) is stage


def test_a_pod_on_its_way_out_can_no_longer_be_bound() -> None:
    cell = Cell()
    leaving = replace(WAITING, metadata=replace(WAITING.metadata, deletion_timestamp="2030-01-01T00:00:00Z"))
    cell.decisions.settle(WAITING.key, leaving, (5, 5))
    assert cell.decisions.stage(WAITING.key) is Stage.UNDECIDED


def test_a_pod_in_neither_cache_is_gone_once_bound_pods_are_known_up_to_where_it_left() -> None:
    cell = Cell()
    for waiting, bound, stage in ((5, 4, Stage.UNANSWERED), (9, 4, Stage.UNANSWERED), (9, 5, Stage.UNDECIDED)):
        cell.decisions.settle(WAITING.key, None, (waiting, bound))
        assert cell.decisions.stage(WAITING.key) is stage
    assert cell.taken == 0
    assert cell.decisions.node(WAITING.key) is None


def test_a_decision_ends_with_the_pod_that_was_seen() -> None:
    cell = Cell()
    cell.see(BOUND)
    assert len(cell.decisions) == 1
    cell.decisions.settle(WAITING.key, None, (0, 0))
    cell.decisions.settle(WAITING.key, None, (0, 0))
    assert len(cell.decisions) == 0
    assert cell.taken == 1000
