import pytest

from e2e.faults.faults import Answer, KillAfter, KillBefore, LoseReply
from e2e.faults.points import Point, Request, Verb
from e2e.faults.traffic import Fate, Passed
from e2e.sweep.points import Case, Mode, cases, sample

BIND = ("scheduler", "create", "pods/binding")
CREATE = ("servicefooset", "create", "pods")


def written(act: tuple[str, str, str], times: int) -> list[Passed]:
    component, verb, resource = act
    return [Passed(Request(component, Verb(verb), resource, "here", str(n)), 201, Fate.ANSWERED) for n in range(times)]


@pytest.mark.parametrize(("times", "ordinals"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (7, [1, 4, 7])])
def test_a_kind_of_write_is_met_at_its_first_middle_and_last_in_every_mode(times: int, ordinals: list[int]) -> None:
    found = cases("rollout", written(BIND, times))
    assert [(case.ordinal, case.mode) for case in found] == [(number, mode) for number in ordinals for mode in Mode]
    assert {(case.story, case.act) for case in found} == {("rollout", BIND)}


def test_a_status_is_not_met_at_its_last_which_another_run_may_not_reach() -> None:
    found = cases("rollout", written(("fooset", "update", "foosets/status"), 7))
    assert {case.ordinal for case in found} == {1, 4}


def test_kinds_of_writes_are_counted_apart() -> None:
    found = cases("rollout", [*written(BIND, 2), *written(CREATE, 1)])
    assert len(found) == (2 + 1) * len(Mode)


def test_a_case_is_asked_for_by_what_it_is_called() -> None:
    case = Case("rollout", BIND, 2, Mode.KILL_AFTER)
    assert str(case) == "rollout:scheduler:create:pods/binding:2:kill-after"
    assert Case.parse(str(case)) == case


@pytest.mark.parametrize(
    "text",
    ["", "rollout", "rollout:scheduler:bind:pods:1:409", "rollout:scheduler:create:pods:x:409", "a:b:create:c:1:9"],
)
def test_what_is_called_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Case.parse(text)


def test_a_case_waits_in_its_namespace_alone() -> None:
    at = Point("scheduler", Verb.CREATE, "pods/binding", "here", ordinal=2)
    made = {mode: Case("rollout", BIND, 2, mode).faults("here") for mode in Mode}
    assert made == {
        Mode.KILL_BEFORE: (KillBefore(at),),
        Mode.KILL_AFTER: (KillAfter(at),),
        Mode.REPLY_LOST: (LoseReply(at),),
        Mode.CONFLICT: (Answer(at, 409, "Conflict"),),
        Mode.UNAVAILABLE: (Answer(at, 503, "ServiceUnavailable"),),
        Mode.THROTTLED: (Answer(at, 429, "TooManyRequests", 1),),
    }


def test_a_sample_has_each_component_in_each_mode_and_is_the_same_each_time() -> None:
    every = cases("rollout", [*written(BIND, 3), *written(CREATE, 4)])
    chosen = sample(every)
    assert {(case.act[0], case.mode) for case in chosen} == {(one, m) for one in (BIND[0], CREATE[0]) for m in Mode}
    assert len(chosen) == 2 * len(Mode)
    assert len({case.ordinal for case in chosen}) > 1
    assert chosen == sample(every)


def test_a_sample_meets_no_status_but_the_first_which_every_run_has() -> None:
    chosen = sample(cases("rollout", written(("fooset", "update", "foosets/status"), 7)))
    assert len(chosen) == len(Mode)
    assert {case.ordinal for case in chosen} == {1}
