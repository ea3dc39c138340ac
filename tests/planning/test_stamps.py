from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.planning.stamps import (
    SECOND,
    STAMPS_MAX,
    TIME_MAX,
    Stamps,
    clamp_into_second,
    format_micro,
    format_second,
    parse_time,
    sent,
)

T = 1_795_402_565_000_000
TEXT = "2026-11-23T02:56:05Z"
times = st.integers(0, TIME_MAX)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT, T),
        ("2026-11-23T02:56:05.123456Z", T + 123_456),
        ("2026-11-23T02:56:05.1Z", T + 100_000),
        ("2026-11-23T02:56:05.123456789Z", T + 123_456),
        ("2026-11-23T03:56:05+01:00", T),
        ("1970-01-01T00:00:00Z", 0),
        (None, None),
        ("", None),
        ("2026-11-23", None),
        ("2026-11-23T02:56:05", None),
        ("2026-11-23 02:56:05Z", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-11-23T25:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("٢٠٢٦-11-23T02:56:05Z", None),
        ("2026-11-23T02:56:05.Z" + "0" * 1_000_000, None),
    ],
)
def test_times_are_read(text: str | None, expected: int | None) -> None:
    assert parse_time(text) == expected


@given(times)
def test_times_are_written_as_they_are_read(at: int) -> None:
    assert parse_time(format_micro(at)) == at
    assert parse_time(format_second(at)) == at - at % SECOND


def test_times_are_written_as_kubernetes_writes_them() -> None:
    assert format_second(T + 999_999) == TEXT
    assert format_micro(T + 7) == "2026-11-23T02:56:05.000007Z"


@pytest.mark.parametrize(
    ("arrival", "timestamp", "expected"),
    [
        (T + 300_000, TEXT, T + 300_000),
        (T - 1, TEXT, T),
        (T + 3 * SECOND, TEXT, T + SECOND - 1),
        (T + 3 * SECOND, "2026-11-23T02:56:05.5Z", T + SECOND - 1),
        (None, TEXT, T),
        (T + 7, None, T + 7),
        (T + 7, "never", T + 7),
        (None, None, None),
    ],
)
def test_arrivals_are_moved_into_the_second(arrival: int | None, timestamp: str | None, expected: int | None) -> None:
    assert clamp_into_second(arrival, timestamp) == expected


@given(st.builds(Stamps, seen=times | st.none(), create=times | st.none(), bind=times | st.none()))
def test_stamps_are_written_as_they_are_read(stamps: Stamps) -> None:
    assert Stamps.parse(stamps.render()) == stamps
    assert len(stamps.render()) <= STAMPS_MAX


def test_the_longest_stamps_are_short_enough() -> None:
    longest = Stamps(**dict.fromkeys(Stamps.__struct_fields__, TIME_MAX))
    assert Stamps.parse(longest.render()) == longest


def test_later_writers_add_theirs() -> None:
    stamps = Stamps(create=T).with_(schedule=T + 1, bind=T + 2)
    assert stamps == Stamps(create=T, schedule=T + 1, bind=T + 2)
    assert stamps.render() == f'{{"create":{T},"schedule":{T + 1},"bind":{T + 2}}}'
    with pytest.raises(TypeError):
        stamps.with_(bound=T)


def test_stamps_of_a_newer_version_do_not_disturb() -> None:
    assert Stamps.parse('{"create":5,"bound":6}') == Stamps(create=5)


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        "",
        "{",
        "[]",
        "null",
        "5",
        '{"create":"5"}',
        '{"create":true}',
        '{"create":1.5}',
        '{"create":-1}',
        f'{{"create":{TIME_MAX + 1}}}',
        '{"create":1e300}',
        '{"create":{"create":1}}',
        '{"create":"\ud800"}',
        "[" * STAMPS_MAX,
        '{"create":' + "0" * 1_000_000 + "}",
    ],
)
def test_anything_else_is_no_stamps(hostile: str | None) -> None:
    assert Stamps.parse(hostile) == Stamps()


def test_the_last_time_fits_a_collectors_nanoseconds() -> None:
    assert TIME_MAX * 1000 < 2**63
    assert datetime.fromtimestamp(TIME_MAX / SECOND, UTC).year == 2262


POD = b'{"metadata":{"annotations":{"a":"b","foo.example.com/stamps":"{%b}"},"labels":{}},"spec":{}}'


def test_a_body_is_stamped_with_the_moment_of_its_sending() -> None:
    before, after = ((rb"\"seen\":%d,\"create\":%d" % (T, sent_at)) for sent_at in (T + 1, T + 2_000_000))
    assert sent(POD % before, T + 2_000_000) == POD % after


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        POD % rb"\"seen\":1795402565000000",
        b'{"spec":{"env":"' + rb"\"create\":1795402565000000" + b'"}}',
    ],
    ids=["no stamps", "no stamp of its creation", "the like of one elsewhere"],
)
def test_a_body_without_such_a_stamp_is_sent_as_it_is(body: bytes) -> None:
    assert sent(body, T) == body
