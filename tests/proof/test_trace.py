"""What counts as one complete trace."""

import json
from pathlib import Path

import msgspec
import pytest

from foosets.proof.trace import HOPS, Span, faults, spans_in

RECORDED = (Path(__file__).parents[1] / "e2e_tools" / "jaeger_trace.json").read_bytes()
"""What Jaeger 2.13 answered: one FooSet with a batch pod that failed and a service pod; the root was sent twice."""


def complete() -> list[Span]:
    root, *below = HOPS
    return [Span(root, "1"), *(Span(hop, f"{number}", "1") for number, hop in enumerate(below, 2))]


def document(*spans: dict[str, str]) -> bytes:
    return json.dumps({"result": {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}}).encode()


def test_a_trace_with_one_root_and_every_hop_is_complete() -> None:
    assert faults(complete()) == []


def test_a_recorded_trace_is_read_with_each_span_once() -> None:
    spans = spans_in(RECORDED)
    assert faults(spans) == []
    assert len({span.span_id for span in spans}) == len(spans)


@pytest.mark.parametrize("hop", HOPS[1:])
def test_each_hop_is_missed(hop: str) -> None:
    assert faults([span for span in complete() if span.name != hop]) == [f"no span {hop}"]


def test_an_orphan_is_named() -> None:
    spans = [*complete(), Span("pod", "99", "98")]
    assert faults(spans) == ["no parent of pod"]


def test_two_roots_are_one_too_many() -> None:
    spans = [*complete(), Span("foosets.rollout", "99")]
    assert faults(spans) == ["2 spans without a parent, where there must be one"]


def test_nothing_is_no_trace() -> None:
    said = faults(spans_in(document()))
    assert said == ["0 spans without a parent, where there must be one", f"no span {', '.join(HOPS)}"]


def test_a_reply_in_chunks_is_read_to_the_end() -> None:
    chunks = [document({"name": "pod", "spanId": "1"}), document({"name": "bind", "spanId": "2", "parentSpanId": "1"})]
    assert spans_in(b"\n".join(chunks)) == [Span("pod", "1"), Span("bind", "2", "1")]


@pytest.mark.parametrize("body", [b"<html>", b'{"result": 1}', b"[]"])
def test_what_tells_of_no_trace_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        spans_in(body)
