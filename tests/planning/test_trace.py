import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.names import Kind, Uid
from foosets.planning.trace import (
    BLOCKED_AFTER_SECONDS,
    ERROR_MAX,
    REFINE,
    ROLLOUT,
    Attribute,
    Context,
    Event,
    Height,
    Hop,
    Span,
    SpanId,
    Subject,
    TraceId,
    clamp,
    close_margin,
    error_text,
    parse_traceparent,
    pod_span_id,
    span_id,
    trace_id,
)

ROOT = Uid("8f14e45f-ceea-467f-a9d5-000000000001")
TRACE = trace_id(ROOT, 1, 0)
CONTEXT = Context(TRACE, span_id(TRACE, Hop.FOOSET_ROLLOUT, ROOT))
VALID = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


# ---- identity


def test_ids_are_the_same_in_every_version() -> None:
    # A controller that is upgraded in the middle of a rollout continues the trace.
    assert trace_id(ROOT, 1, 0) == "3cbec80c527fc7fc4fe3e0c19f404ecb"
    assert span_id(TRACE, Hop.FOOSET_ROLLOUT, ROOT) == "9eef22d45300cd81"


def test_whatever_tells_two_steps_apart_gives_another_id() -> None:
    other = trace_id(ROOT, 2, 0)
    ids = [
        *(trace_id(Uid(root), generation, episode)[:16] for root, generation, episode in product("ab", (1, 2), (0, 1))),
        *(
            span_id(trace, Hop.CREATE, about, attempt)
            for trace, about, attempt in product((TRACE, other), "ab", (0, 1))
        ),
        *(pod_span_id(TRACE, Uid("a"), index, attempt) for index, attempt in product((0, 1, 11), (0, 1, 10))),
        *(CONTEXT.child(hop, attempt).span_id for hop, attempt in product((Hop.CREATE, Hop.BIND), (0, 1))),
    ]
    assert len(set(ids)) == len(ids)


@given(root=st.uuids().map(str), generation=st.integers(0), episode=st.integers(0))
def test_ids_are_what_w3c_allows(root: str, generation: int, episode: int) -> None:
    trace = trace_id(Uid(root), generation, episode)
    span = span_id(trace, Hop.POD, root)
    assert re.fullmatch("[0-9a-f]{32}", trace)
    assert re.fullmatch("[0-9a-f]{16}", span)
    assert parse_traceparent(Context(trace, span).traceparent) == Context(trace, span)


def test_who_reads_a_pods_annotation_derives_the_same_children_as_who_wrote_it() -> None:
    written = Context(TRACE, pod_span_id(TRACE, Uid("owner"), 3, 1))
    read = parse_traceparent(written.traceparent)
    assert read is not None
    assert read.child(Hop.BIND) == written.child(Hop.BIND)


def test_a_users_traceparent_is_understood() -> None:
    found = parse_traceparent(VALID)
    assert found == Context(TraceId("0af7651916cd43dd8448eb211c80319c"), SpanId("b7ad6b7169203331"))


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "00",
        VALID[:-1],
        VALID + "0",
        VALID + "\n",
        VALID.upper(),
        VALID.replace("00-", "ff-", 1),
        VALID.replace("00-", "01-", 1),
        VALID.replace("-", "_"),
        VALID.replace("0af7651916cd43dd8448eb211c80319c", "0" * 32),
        VALID.replace("b7ad6b7169203331", "0" * 16),
        VALID.replace("b7ad6b7169203331", "b7ad6b716920333g"),
        VALID.replace("b7ad6b7169203331", "b7ad6b716920333٣"),
        "0" * 1_000_000,
    ],
)
def test_anything_else_is_no_traceparent(hostile: str) -> None:
    assert parse_traceparent(hostile) is None


def test_every_kind_has_a_root_and_a_refinement() -> None:
    assert set(ROLLOUT) == set(REFINE) == set(Kind) - {Kind.FOOQUOTA}, "nothing is made of a quota"
    assert len({*ROLLOUT.values(), *REFINE.values()}) == 2 * len(ROLLOUT)


def test_every_span_says_whose_it_is() -> None:
    attributes = Subject("default", "demo", ROOT).attributes(Hop.PLACE)
    assert attributes == {
        Attribute.NAMESPACE: "default",
        Attribute.NAME: "demo",
        Attribute.UID: ROOT,
        Attribute.HOP: "place",
    }


# ---- spans


def span(start: int, end: int, *events: int) -> Span:
    return Span(CONTEXT, None, Hop.POD, start, end, {}, events=tuple(Event("Ready", at) for at in events))


def test_a_span_does_not_end_before_it_starts() -> None:
    assert span(7, 3) == span(7, 7)


@pytest.mark.parametrize(
    ("start", "end", "clamped"),
    [
        (12, 18, (12, 18)),
        (5, 15, (10, 15)),
        (15, 25, (15, 20)),
        (5, 25, (10, 20)),
        (1, 2, (10, 10)),
        (30, 40, (20, 20)),
    ],
)
def test_children_are_moved_into_their_parents(start: int, end: int, clamped: tuple[int, int]) -> None:
    result = clamp(span(start, end), span(10, 20))
    assert (result.start, result.end) == clamped


times = st.integers(0, 100)


@given(child=st.builds(span, times, times, times), parent=st.builds(span, times, times))
def test_clamping_holds_for_events_too_and_is_done_once(child: Span, parent: Span) -> None:
    result = clamp(child, parent)
    assert parent.start <= result.start <= result.events[0].at <= result.end <= parent.end
    assert clamp(result, parent) == result


def test_errors_are_cut() -> None:
    assert error_text("NoFit") == "NoFit"
    assert error_text("NoFit", "0 of 10 nodes fit") == "NoFit: 0 of 10 nodes fit"
    assert len(error_text("NoFit", "x" * 32_768)) == ERROR_MAX


# ---- settling


def test_children_close_before_their_parents_and_all_within_a_minute() -> None:
    margins = [close_margin(height) for height in Height]
    assert margins == sorted(set(margins))
    assert BLOCKED_AFTER_SECONDS + margins[-1] < 60
