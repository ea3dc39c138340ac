from collections import Counter

import pytest

from e2e.faults.points import Request, Verb
from e2e.faults.traffic import Fate, Passed
from e2e.sweep.allowances import STATUSES_MORE, STATUSES_TIMES, TRIES_MAX, storms, violations
from e2e.sweep.outcome import Summary
from e2e.sweep.points import Case, Mode

BIND = ("scheduler", "create", "pods/binding")
DELETE = ("servicefooset", "delete", "pods")


def passed(act: tuple[str, str, str], code: int = 201) -> Passed:
    fate = Fate.ANSWERED if code else Fate.KEPT_BACK
    return Passed(Request(act[0], Verb(act[1]), act[2], "here"), code, fate)


def case(mode: Mode, act: tuple[str, str, str] = BIND) -> Case:
    return Case("rollout", act, 1, mode)


REFERENCE = Summary.of([passed(BIND), passed(BIND), passed(DELETE, 200)])


def test_writes_are_told_apart_by_how_far_they_came() -> None:
    report = Passed(Request("fooset", Verb.UPDATE, "foosets/status", "here"), 409, Fate.ANSWERED)
    told = Summary.of([passed(BIND), passed(BIND, 409), passed(BIND, 0), report])
    assert told == Summary(Counter({BIND: 1}), Counter({BIND: 1}), Counter({BIND: 1}), statuses=1)


def test_a_pods_condition_is_no_status_of_ours() -> None:
    act = ("scheduler", "patch", "pods/status")
    assert Summary.of([passed(act, 200)]).done == Counter({act: 1})


@pytest.mark.parametrize("mode", Mode)
def test_the_same_writes_are_allowed_in_every_mode(mode: Mode) -> None:
    assert violations(case(mode), REFERENCE, REFERENCE) == []


@pytest.mark.parametrize("mode", Mode)
def test_a_write_too_many_or_too_few_is_allowed_in_no_mode(mode: Mode) -> None:
    twice = Summary.of([*[passed(BIND)] * 3, passed(DELETE, 200)])
    assert violations(case(mode), twice, REFERENCE) == ["done: 3 times scheduler create pods/binding instead of 2"]
    lost = Summary.of([passed(BIND), passed(DELETE, 200)])
    assert violations(case(mode), lost, REFERENCE) == ["done: 1 times scheduler create pods/binding instead of 2"]


def test_the_write_that_was_kept_back_may_come_on_top_where_a_fault_keeps_one_back() -> None:
    repeated = Summary.of([passed(BIND, 0), passed(BIND), passed(BIND), passed(DELETE, 200)])
    told = {mode: violations(case(mode), repeated, REFERENCE) == [] for mode in Mode}
    assert [mode for mode, allowed in told.items() if not allowed] == [Mode.KILL_AFTER, Mode.REPLY_LOST]


def test_no_more_than_one_write_is_kept_back_and_none_of_another_kind() -> None:
    twice = Summary.of([passed(BIND, 0), passed(BIND, 0), passed(BIND), passed(BIND), passed(DELETE, 200)])
    assert len(violations(case(Mode.CONFLICT), twice, REFERENCE)) == 1
    once = Summary.of([passed(BIND, 0), passed(BIND), passed(BIND), passed(DELETE, 200)])
    assert len(violations(case(Mode.CONFLICT, DELETE), once, REFERENCE)) == 1


def test_a_deletion_whose_reply_is_lost_may_be_repeated_once_whatever_the_answer_and_nothing_else_may() -> None:
    again = Summary.of([passed(BIND), passed(BIND), passed(DELETE, 200), passed(DELETE, 404)])
    leaving = Summary.of([passed(BIND), passed(BIND), passed(DELETE, 200), passed(DELETE, 200)])
    for repeated in (again, leaving):
        assert violations(case(Mode.REPLY_LOST, DELETE), repeated, REFERENCE) == []
    assert violations(case(Mode.REPLY_LOST, BIND), again, REFERENCE) == [
        "refused: 1 times servicefooset delete pods instead of 0"
    ]


def test_an_apply_whose_reply_is_lost_may_be_repeated_once() -> None:
    act = ("fooset", "patch", "batchfoosets")
    once, twice = (Summary.of([passed(act, 200)] * times) for times in (1, 2))
    stale = Summary.of([passed(act, 200), passed(act, 409)])
    for again in (twice, stale):
        assert violations(case(Mode.REPLY_LOST, act), again, once) == []
        assert violations(case(Mode.KILL_AFTER, act), again, once) != []


def test_statuses_may_be_more_but_not_many_more() -> None:
    def with_statuses(count: int) -> Summary:
        return Summary(REFERENCE.done, REFERENCE.refused, REFERENCE.kept_back, count)

    most = 5 * STATUSES_TIMES + STATUSES_MORE
    assert violations(case(Mode.KILL_AFTER), with_statuses(most), with_statuses(5)) == []
    assert violations(case(Mode.KILL_AFTER), with_statuses(most + 1), with_statuses(5)) == [
        f"{most + 1} statuses instead of 5"
    ]


def test_how_often_what_is_refused_is_tried_is_bounded_and_not_compared() -> None:
    refused = Summary.of([passed(BIND), *[passed(BIND, 403)] * (TRIES_MAX + 1), passed(DELETE, 409)])
    tried = [("create", "pods/binding")]
    assert refused.without_refused(tried) == Summary.of([passed(BIND), passed(DELETE, 409)])
    assert storms(case(Mode.CONFLICT), refused, tried) == [
        "refused: 11 times scheduler create pods/binding, more than 10"
    ]
    assert storms(case(Mode.KILL_AFTER), refused, tried) == []
    assert storms(case(Mode.CONFLICT), refused, []) == []
