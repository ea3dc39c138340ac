import json

import pytest

from e2e.faults.faults import (
    CutLine,
    DropLine,
    Expire,
    GarbleLine,
    HoldLine,
    LineFault,
    NewerLine,
    RepeatLine,
    Rewind,
    Silence,
    StrangeLine,
    StretchLine,
)
from e2e.faults.lines import Delivery, Then, deliver, request_of_line
from e2e.faults.points import Point, Request, Verb
from tests.faults.upstream import line

AT = Point("scheduler", Verb.WATCH, "pods")
OLD, OLDER = line("old", 6), line("older", 5)
LINE = line("a", 7)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (DropLine(AT), Delivery(b"")),
        (RepeatLine(AT), Delivery(LINE + LINE)),
        (CutLine(AT), Delivery(LINE[: len(LINE) // 2], Then.BREAK)),
        (Silence(AT), Delivery(b"", Then.HUSH)),
        (HoldLine(AT, 2.5), Delivery(LINE, late=2.5)),
        (Rewind(AT, 1), Delivery(LINE + OLD)),
        (Rewind(AT, 9), Delivery(LINE + OLDER + OLD)),
    ],
)
def test_what_comes_instead_of_a_line(fault: LineFault, expected: Delivery) -> None:
    assert deliver(fault, LINE, [OLDER, OLD]) == expected


def test_garbage_is_one_line_that_is_no_json() -> None:
    delivery = deliver(GarbleLine(AT), LINE, [])
    assert delivery.then is Then.GO_ON
    assert (delivery.data.count(b"\n"), delivery.data[-1:]) == (1, b"\n")
    with pytest.raises(ValueError, match="codec can't decode"):
        json.loads(delivery.data)


def test_a_strange_line_is_of_another_type_and_else_the_same() -> None:
    said = json.loads(deliver(StrangeLine(AT), LINE, []).data)
    assert said["type"] not in {"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"}
    assert said["object"] == json.loads(LINE)["object"]


def test_a_newer_line_has_a_member_more_on_each_level() -> None:
    said, before = json.loads(deliver(NewerLine(AT), LINE, []).data), json.loads(LINE)
    assert said["object"]["metadata"].keys() - before["object"]["metadata"].keys() == {"aFieldOfNextYear"}
    assert said["object"].keys() - before["object"].keys() == {"aFieldOfNextYear"}


def test_a_stretched_line_says_the_same_in_more_than_four_mebibytes() -> None:
    delivery = deliver(StretchLine(AT), LINE, [])
    assert len(delivery.data) > 4 * 2**20
    assert delivery.data.count(b"\n") == 1
    assert json.loads(delivery.data) == json.loads(LINE)


def test_a_forgotten_version_is_told_by_an_error_event_with_which_the_watch_ends() -> None:
    delivery = deliver(Expire(AT), LINE, [])
    said = json.loads(delivery.data)
    assert (said["type"], said["object"]["kind"], said["object"]["code"]) == ("ERROR", "Status", 410)
    assert delivery.then is Then.END


def test_a_line_is_about_its_object_and_a_bookmark_about_none() -> None:
    watch = Request("scheduler", Verb.WATCH, "pods")
    assert request_of_line(watch, LINE) == Request("scheduler", Verb.WATCH, "pods", "here", "a")
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9","creationTimestamp":null}}}\n'
    assert request_of_line(watch, bookmark) == watch
