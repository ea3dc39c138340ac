"""The proxy, between this test and a server; the component is this test, which survives."""

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.faults.faults import (
    CONFLICT,
    EXPIRED,
    THROTTLED,
    Answer,
    CutLine,
    CutReply,
    Delay,
    DropLine,
    Expire,
    Fault,
    HoldLine,
    KillAfter,
    KillBefore,
    LoseReply,
    Silence,
    Swallow,
)
from e2e.faults.lines import expired
from e2e.faults.points import EACH, Point, Verb
from e2e.faults.traffic import Fate
from tests.faults.upstream import PODS, Stage, line, staged


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged() as stage:
        yield stage


def at(ordinal: int = 1, verb: Verb = Verb.CREATE, **where: Any) -> Point:
    return Point("scheduler", verb, "pods", **where, ordinal=ordinal)


def watched(ordinal: int = 1, **where: Any) -> Point:
    return at(ordinal, Verb.WATCH, **where)


def journal(stage: Stage) -> list[tuple[int, Fate]]:
    return [(one.code, one.fate) for one in stage.traffic.writes("here")]


def test_what_no_fault_waits_for_is_passed_on_as_it_is_and_written_down(stage: Stage) -> None:
    answer = stage.component().ask("PATCH", f"{PODS}/a", "body")
    assert (answer.status, answer.read()) == (201, b'{"kind":"Pod"}')
    assert stage.upstream.came == [("PATCH", "body")]
    assert journal(stage) == [(201, Fate.ANSWERED)]


def test_a_write_that_was_refused_is_written_down_and_took_no_effect(stage: Stage) -> None:
    stage.upstream.code = 409
    assert stage.component().create("a") == 409
    (passed,) = stage.traffic.writes("here")
    assert (passed.code, passed.took_effect) == (409, False)


def test_reads_are_no_writes(stage: Stage) -> None:
    stage.component().ask("GET", PODS).read()
    assert stage.traffic.writes("here") == []


@pytest.mark.parametrize(("fault", "done"), [(KillBefore, []), (KillAfter, ["second"])])
def test_a_component_is_killed_at_its_point_before_or_after_the_write_is_done(
    stage: Stage, fault: type[KillBefore | KillAfter], done: list[str]
) -> None:
    component = stage.component()
    with stage.traffic.arming(fault(at(2, namespace="here"))) as (armed,):
        assert component.create("first") == 201
        assert not armed.happened.is_set()
        with pytest.raises(http.client.RemoteDisconnected):
            component.create("second")
        assert armed.happened.is_set()
    assert stage.deaths == ["killed"]
    assert [body for _, body in stage.upstream.came] == ["first", *done]


def test_what_the_dead_left_behind_is_dropped_and_the_next_life_is_let_through(stage: Stage) -> None:
    beside, component, after = stage.component(), stage.component(), stage.component()
    beside.ask("GET", PODS).read()
    with stage.traffic.arming(KillAfter(at(namespace="here"))):
        with pytest.raises(http.client.RemoteDisconnected):
            component.create("last")
        with pytest.raises(http.client.RemoteDisconnected):
            beside.create("left behind")
        assert after.create("new life") == 201
    assert [body for method, body in stage.upstream.came if method == "POST"] == ["last", "new life"]
    assert stage.deaths == ["killed"]


def test_a_lost_reply_is_lost_and_the_write_is_done(stage: Stage) -> None:
    component = stage.component()
    with stage.traffic.arming(LoseReply(at())):
        with pytest.raises(http.client.RemoteDisconnected):
            component.create("a")
        assert component.create("b") == 201
    assert [body for _, body in stage.upstream.came] == ["a", "b"]
    assert journal(stage) == [(201, Fate.UNKNOWN), (201, Fate.ANSWERED)]
    assert stage.deaths == []


def test_an_answer_comes_without_the_server(stage: Stage) -> None:
    component = stage.component()
    with stage.traffic.arming(Answer(at(), *THROTTLED, retry_after=7)):
        answer = component.ask("POST", PODS, "a")
        content = answer.read()
        assert component.create("b") == 201
    assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    assert b'"reason": "TooManyRequests"' in content
    assert stage.upstream.came == [("POST", "b")]
    assert journal(stage) == [(0, Fate.KEPT_BACK), (201, Fate.ANSWERED)]


def test_an_answer_says_any_words_or_none_that_make_sense(stage: Stage) -> None:
    component = stage.component()
    with stage.traffic.arming(
        Answer(at(), 403, "Forbidden", message="exceeded quota"), Answer(at(2), 201, "", content=b"<")
    ):
        refused, strange = (component.ask("POST", PODS, "a").read() for _ in range(2))
    assert (json.loads(refused)["message"], strange) == ("exceeded quota", b"<")


def test_a_reply_that_is_cut_comes_by_half_and_the_write_is_done(stage: Stage) -> None:
    component = stage.component()
    with stage.traffic.arming(CutReply(at())), pytest.raises(http.client.IncompleteRead):
        component.ask("POST", PODS, "a").read()
    assert stage.upstream.came == [("POST", "a")]
    assert journal(stage) == [(201, Fate.UNKNOWN)]


def test_a_fault_can_befall_each_request_and_ends_with_its_block(stage: Stage) -> None:
    component = stage.component()
    with stage.traffic.arming(Answer(at(EACH), *CONFLICT)):
        assert [component.create("a"), component.create("b")] == [409, 409]
    assert component.create("c") == 201


def test_a_fault_of_one_namespace_leaves_the_others_alone(stage: Stage) -> None:
    component = stage.component()
    with stage.traffic.arming(Answer(at(namespace="here"), *CONFLICT)):
        assert component.create("a", namespace="there") == 201
        assert component.create("a") == 409


def test_a_black_hole_takes_the_request_and_never_answers(stage: Stage) -> None:
    with stage.traffic.arming(Swallow(at())) as (armed,):
        component = stage.component()
        component._connection.timeout = 0.3
        with pytest.raises(TimeoutError):
            component.create("a")
        component.close()
        assert armed.happened.wait(5)
    assert stage.upstream.came == []


def test_a_delay_holds_a_request_back(stage: Stage) -> None:
    component = stage.component()
    before = time.monotonic()
    with stage.traffic.arming(Delay(at(), 0.3)):
        assert component.create("a") == 201
    assert time.monotonic() - before >= 0.3


def test_a_watch_is_passed_on_as_it_is(stage: Stage) -> None:
    stage.upstream.lines = [line("a", 1), line("b", 2)]
    assert stage.component().watch() == line("a", 1) + line("b", 2)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (DropLine(watched(2)), line("a", 1) + line("c", 3)),
        (DropLine(watched(1, name="c")), line("a", 1) + line("b", 2)),
        (DropLine(watched(1, namespace="there")), line("a", 1) + line("b", 2) + line("c", 3)),
        (Expire(watched(2)), line("a", 1) + expired()),
        (HoldLine(watched(2), 0.2), line("a", 1) + line("b", 2) + line("c", 3)),
    ],
)
def test_a_fault_befalls_one_line_of_a_watch(stage: Stage, fault: Fault, expected: bytes) -> None:
    stage.upstream.lines = [line("a", 1), line("b", 2), line("c", 3)]
    with stage.traffic.arming(fault):
        assert stage.component().watch() == expected


def test_a_watch_that_is_cut_breaks_in_the_middle_of_a_line(stage: Stage) -> None:
    stage.upstream.lines = [line("a", 1), line("b", 2)]
    with stage.traffic.arming(CutLine(watched(2))), pytest.raises(http.client.IncompleteRead) as broken:
        stage.component().watch()
    half = line("b", 2)[: len(line("b", 2)) // 2]
    assert broken.value.partial == line("a", 1) + half


def test_a_silent_watch_stays_open(stage: Stage) -> None:
    stage.upstream.lines = [line("a", 1), line("b", 2)]
    with stage.traffic.arming(Silence(watched(2))):
        component = stage.component()
        component._connection.timeout = 0.3
        watch = component.ask("GET", "/api/v1/pods?watch=true")
        assert watch.readline() == line("a", 1)
        with pytest.raises(TimeoutError):
            watch.readline()
        watch.close()
        component.close()


def test_a_watch_can_be_refused_before_it_begins(stage: Stage) -> None:
    component = stage.component()
    with stage.traffic.arming(Answer(watched(), *EXPIRED)):
        answer = component.ask("GET", "/api/v1/pods?watch=true")
        assert (answer.status, b'"code": 410' in answer.read()) == (410, True)


def test_closing_ends_what_is_held(stage: Stage) -> None:
    stage.upstream.lines = [line("a", 1)]
    with stage.traffic.arming(Silence(watched()), Swallow(at())):
        stage.component()._connection.request("GET", "/api/v1/pods?watch=true")
        stage.component()._connection.request("POST", PODS, "a")
