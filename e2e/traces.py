"""Traces as Jaeger tells them, and what a sound one looks like.

Only `/api/v3` is asked, the one API that all versions of Jaeger 2 have in common. Its parameters changed their spelling
in 2.19 (`query.start_time_min` became `query.startTimeMin`, `query.num_traces` became `query.searchDepth`), so both are
sent: each version ignores the other's. Traces are asked for raw; else Jaeger would drop duplicates and correct clocks.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

SEARCH_DEPTH: Final = 1000
"""Traces that a search may find; a window that holds more is an error, not a short answer."""
MICROSECOND: Final = 1000
"""In nanoseconds; all times that we send are whole ones."""
ERROR_STATUS: Final = (2, "STATUS_CODE_ERROR")
"""OTLP's JSON has enums as numbers; protobuf's own writes their names."""


class JaegerError(RuntimeError):
    """Jaeger answered with something other than traces."""


@dataclass(frozen=True, slots=True)
class RecordedSpan:
    """A span as the back end keeps it; times in nanoseconds since the epoch. `parent_id` is empty for a root."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    start: int
    end: int
    attributes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    failed: bool = False
    error: str = ""
    events: tuple[tuple[str, int], ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Jaeger:
    """Jaeger's query API at `url`, such as http://127.0.0.1:16686."""

    url: str
    timeout: float = 10.0

    def services(self) -> list[str]:
        """Return the services that have sent spans."""
        documents = _documents(self._get("/api/v3/services", {}))
        return sorted(service for document in documents for service in document.get("services", []))

    def trace(self, trace_id: str) -> list[RecordedSpan]:
        """Return all spans of a trace, each as often as it was stored; none if the trace is unknown."""
        raw = {"raw_traces": "true", "rawTraces": "true"}
        return _spans(self._get(f"/api/v3/traces/{trace_id}", raw))

    def find_trace_ids(self, attribute: str, value: str, since: datetime, until: datetime) -> set[str]:
        """Return the traces, of whatever service, that have a span with that attribute.

        Jaeger before 2.19 cannot search by attribute here, so that what it finds is sifted once more.
        """
        low, high = (at.astimezone(UTC).isoformat().replace("+00:00", "Z") for at in (since, until))
        depth = str(SEARCH_DEPTH)
        query = {
            "query.start_time_min": low,
            "query.startTimeMin": low,
            "query.start_time_max": high,
            "query.startTimeMax": high,
            "query.num_traces": depth,
            "query.searchDepth": depth,
            "query.raw_traces": "true",
            "query.rawTraces": "true",
            "query.attributes": json.dumps({attribute: value}),
        }
        spans = _spans(self._get("/api/v3/traces", query))
        if len({span.trace_id for span in spans}) >= SEARCH_DEPTH:
            raise JaegerError(f"{SEARCH_DEPTH} traces or more between {low} and {high}: narrow the window")
        return {span.trace_id for span in spans if span.attributes.get(attribute) == value}

    def answers(self) -> bool:
        """Whether Jaeger can be asked now."""
        try:
            self._get("/", {})
        except JaegerError:
            return False
        return True

    def ui_available(self) -> bool:
        """Whether this Jaeger has its web pages: one built from the Go module has a placeholder instead."""
        return b'id="jaeger-ui-root"' in self._get("/", {})

    def _get(self, path: str, query: Mapping[str, str]) -> bytes:
        """Return the body; empty when Jaeger says that it has no such trace."""
        url = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=self.timeout) as response:  # noqa: S310 - the harness's own address
                return response.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return b""
            raise JaegerError(f"{url}: {error.code} {error.read(1000).decode(errors='replace')}") from error
        except OSError as error:
            raise JaegerError(f"{url}: {error}") from error


# ---- OTLP as JSON


def _documents(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the JSON documents of a body: one, or one a chunk."""
    text = body.decode().strip()
    while text:
        document, end = json.JSONDecoder().raw_decode(text)
        yield document
        text = text[end:].lstrip()


def _spans(body: bytes) -> list[RecordedSpan]:
    return [
        _span(span, _attributes(resource.get("resource", {})).get("service.name", ""))
        for document in _documents(body)
        for resource in document.get("result", document).get("resourceSpans", [])
        for scope in resource.get("scopeSpans", [])
        for span in scope.get("spans", [])
    ]


def _span(span: Mapping[str, Any], service: str) -> RecordedSpan:
    status = span.get("status", {})
    return RecordedSpan(
        trace_id=span["traceId"],
        span_id=span["spanId"],
        parent_id=span.get("parentSpanId", ""),
        service=service,
        name=span["name"],
        start=int(span["startTimeUnixNano"]),
        end=int(span["endTimeUnixNano"]) // MICROSECOND * MICROSECOND,  # without length, Jaeger makes it 1 ns long
        attributes=_attributes(span),
        failed=status.get("code") in ERROR_STATUS,
        error=status.get("message", ""),
        events=tuple((event["name"], int(event["timeUnixNano"])) for event in span.get("events", [])),
        links=tuple(link["traceId"] for link in span.get("links", [])),
    )


def _attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes by key; 64-bit integers come as strings."""
    found: dict[str, Any] = {}
    for attribute in holder.get("attributes", []):
        ((kind, value),) = attribute["value"].items()
        found[attribute["key"]] = int(value) if kind == "intValue" else value
    return found


# ---- soundness


@dataclass(frozen=True, slots=True)
class TraceShape:
    """The tree that a trace's spans form, whatever they are about."""

    spans: Sequence[RecordedSpan]
    """Each span id once; of several versions the one that ended last."""
    roots: Sequence[RecordedSpan]
    """Spans without parent; a sound trace has one."""
    orphans: Sequence[RecordedSpan]
    """Spans whose parent is missing; a sound trace has none."""
    outside: Sequence[tuple[RecordedSpan, RecordedSpan]]
    """(child, parent) where the child's time is not within its parent's; a sound trace has none."""

    @property
    def count(self) -> Counter[str]:
        """How many spans there are of each name."""
        return Counter(span.name for span in self.spans)

    def children(self, parent: RecordedSpan) -> list[RecordedSpan]:
        """Return the spans below one span, by start, the shorter first."""
        return sorted((span for span in self.spans if span.parent_id == parent.span_id), key=lambda s: (s.start, s.end))


def shape(recorded: Iterable[RecordedSpan]) -> TraceShape:
    """Return the tree of one trace's spans."""
    by_id = {span.span_id: span for span in sorted(recorded, key=lambda span: span.end)}
    spans = sorted(by_id.values(), key=lambda span: (span.start, -span.end))
    families = [(span, by_id[span.parent_id]) for span in spans if span.parent_id in by_id]
    return TraceShape(
        spans=spans,
        roots=[span for span in spans if not span.parent_id],
        orphans=[span for span in spans if span.parent_id and span.parent_id not in by_id],
        outside=[(span, parent) for span, parent in families if span.start < parent.start or span.end > parent.end],
    )
