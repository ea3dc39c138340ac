"""What may be done while nothing happens: by two readings of the same totals."""

from dataclasses import replace

from e2e.idle import Reading, complaints

BEFORE = Reading(100.0, 7, {"fooset foosets_0": 3.0, "scheduler pods_1": 2.0}, {"fooset": 20.0, "scheduler": 9.0})


def test_nothing_is_nothing() -> None:
    assert complaints(BEFORE, replace(BEFORE, at=280.0)) == []


def test_a_write_is_too_many() -> None:
    assert complaints(BEFORE, replace(BEFORE, at=280.0, writes=8)) == ["1 writes"]


def test_a_watch_may_be_opened_once_a_minute() -> None:
    thrice = {"fooset foosets_0": 6.0, "scheduler pods_1": 2.0}
    assert complaints(BEFORE, replace(BEFORE, at=280.0, requests=thrice)) == []
    often = {"fooset foosets_0": 7.0, "scheduler pods_1": 2.0}
    assert complaints(BEFORE, replace(BEFORE, at=280.0, requests=often)) == [
        "fooset foosets_0 was listed or opened 4 times"
    ]


def test_a_watch_that_is_new_counts_from_nothing() -> None:
    asked = {**BEFORE.requests, "scheduler nodes_2": 4.0}
    assert complaints(BEFORE, replace(BEFORE, at=280.0, requests=asked)) == [
        "scheduler nodes_2 was listed or opened 4 times"
    ]


def test_a_span_is_too_many() -> None:
    sent = {"fooset": 20.0, "scheduler": 10.0}
    assert complaints(BEFORE, replace(BEFORE, at=280.0, spans=sent)) == ["scheduler sent 1 spans"]
