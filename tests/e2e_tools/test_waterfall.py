import pytest

from e2e.traces import RecordedSpan
from e2e.waterfall import duration, waterfall

MS = 1_000_000


def a_span(span_id: str, parent_id: str, name: str, times: tuple[int, int], **more: str) -> RecordedSpan:
    start, end = times
    attributes = {key.replace("_", "."): value for key, value in more.items() if key != "error"}
    error = more.get("error", "")
    return RecordedSpan("t", span_id, parent_id, "s", name, start * MS, end * MS, attributes, bool(error), error)


ROOT = a_span("r", "", "foosets.rollout", (0, 1000), fooset_name="demo")
REFINE = a_span("b", "r", "batchfooset.refine", (100, 1000), fooset_child="workers")


def pods(count: int) -> list[RecordedSpan]:
    return [
        a_span(
            f"p{n}", "b", "pod", (100 + n, 200 + 11 * n), k8s_pod_name=f"w-{n}", error="NoFit: cpu" if n == 7 else ""
        )
        for n in range(count)
    ]


def test_a_trace_is_a_tree_with_durations_and_bars() -> None:
    assert waterfall([REFINE, ROOT, *pods(2)], width=60).plain.splitlines() == [
        "foosets.rollout demo              1.0 s  ━━━━━━━━━━━━━━━━━━━",
        "└─ batchfooset.refine workers    900 ms   ━━━━━━━━━━━━━━━━━",
        "   ├─ pod w-0                    100 ms   ━━",
        "   └─ pod w-1                    110 ms   ━━",
    ]


def test_of_many_siblings_three_are_drawn_failed_ones_first() -> None:
    lines = [line.strip() for line in waterfall([ROOT, REFINE, *pods(20)]).plain.splitlines()[2:]]
    assert [line.split("   ")[0] for line in lines] == [
        "├─ pod w-0",
        "├─ pod w-1",
        "├─ pod w-7",
        "│  ✗ NoFit: cpu",
        "└─ … 17 more pod: 120 ms to 290 ms, median 210 ms",
    ]


def test_failures_are_red() -> None:
    drawn = waterfall([ROOT, REFINE, *pods(8)])
    red = [drawn.plain[part.start : part.end] for part in drawn.spans if "red" in str(part.style)]
    assert "pod w-7" in red
    assert "✗ NoFit: cpu" in red


def test_what_was_sent_twice_is_drawn_once() -> None:
    assert len(waterfall([ROOT, ROOT, REFINE, REFINE]).plain.splitlines()) == 2


def test_orphans_are_drawn_too() -> None:
    assert [line.split()[0] for line in waterfall([ROOT, *pods(1)]).plain.splitlines()] == ["foosets.rollout", "pod"]


def test_nothing_is_drawn_of_nothing() -> None:
    assert waterfall([]).plain == ""


@pytest.mark.parametrize("width", [60, 100, 140])
def test_no_line_is_wider_than_told(width: int) -> None:
    error = a_span("e", "r", "wait", (1000, 1000), fooset_decision="x" * 200, error="long\n" * 100)
    lines = waterfall([ROOT, REFINE, error, *pods(20)], width).split("\n")
    assert max(line.cell_len for line in lines) <= width


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 µs"),
        (12_345, "12 µs"),
        (12_345_678, "12 ms"),
        (999_499_999, "999 ms"),
        (999_500_000, "1.0 s"),
        (1_234_567_890, "1.2 s"),
        (99_900_000_000, "99.9 s"),
        (150_000_000_000, "2.5 min"),
    ],
)
def test_durations_have_the_digits_that_count(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text
