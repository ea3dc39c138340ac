"""A trace as Jaeger's `/api/v3` tells it, and what a complete one has: one root, no orphan, every hop."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from foosets.planning.trace import Hop

HOPS: Final = (
    Hop.FOOSET_ROLLOUT,
    Hop.FOOSET_REFINE,
    Hop.BATCHFOOSET_REFINE,
    Hop.PLACE,
    Hop.SERVICEFOOSET_REFINE,
    Hop.POD,
    Hop.CREATE,
    Hop.ADMIT,
    Hop.SCHEDULE,
    Hop.BIND,
)
"""What a FooSet with a batch part and a service part leaves in its trace, whatever its size."""


class Span(msgspec.Struct, frozen=True, rename="camel"):
    """A span as far as completeness goes; `parent_span_id` is empty for a root."""

    name: str
    span_id: str
    parent_span_id: str = ""


class _Scope(msgspec.Struct, rename="camel"):
    spans: list[Span] = []


class _Resource(msgspec.Struct, rename="camel"):
    scope_spans: list[_Scope] = []


class _Traces(msgspec.Struct, rename="camel"):
    resource_spans: list[_Resource] = []


class _Reply(msgspec.Struct):
    result: _Traces = msgspec.field(default_factory=_Traces)


def spans_in(body: bytes) -> list[Span]:
    """Return the spans of a reply, each id once: OTLP as JSON, in one document or one a chunk.

    Raises ValueError, or msgspec.ValidationError, for what tells of no trace.
    """
    found = [
        span
        for reply in _documents(body.decode())
        for resource in msgspec.convert(reply, _Reply).result.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    return list({span.span_id: span for span in found}.values())


def faults(spans: Sequence[Span]) -> list[str]:
    """Return what a trace lacks, a sentence each; nothing if it is complete."""
    ids, names = {span.span_id for span in spans}, {span.name for span in spans}
    roots = sum(not span.parent_span_id for span in spans)
    orphans = [span.name for span in spans if span.parent_span_id and span.parent_span_id not in ids]
    missing = [hop.value for hop in HOPS if hop not in names]
    return [
        *([f"{roots} spans without a parent, where there must be one"] if roots != 1 else []),
        *([f"no parent of {', '.join(orphans)}"] if orphans else []),
        *([f"no span {', '.join(missing)}"] if missing else []),
    ]


def _documents(text: str) -> Iterator[Any]:
    decode = json.JSONDecoder().raw_decode
    text = text.strip()
    while text:
        document, end = decode(text)
        yield document
        text = text[end:].lstrip()
