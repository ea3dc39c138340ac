"""The way out for spans: values in, OTLP over HTTP out, on the SDK's own thread.

The SDK's tracer is not used, since it makes up ids and reads clocks, and our spans bring both. Finished spans go
straight to its batch processor. Everything is configured by the standard OTEL_* variables, which the SDK reads itself.
Importing this module costs what `foosets.runtime.telemetry` says.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from foosets.planning.trace import Context, Microseconds, Span

QUEUE_SIZE: Final = 2048
"""Spans that may wait, unless OTEL_BSP_MAX_QUEUE_SIZE says otherwise: the SDK's default, some 3 MB."""
DELAY_MILLISECONDS: Final = 100
"""How long a span waits for others, unless OTEL_BSP_SCHEDULE_DELAY says otherwise.

The SDK's 5 s are for spans nobody waits for; a look at an object waits for its spans before it records them as sent.
"""

Settled = Callable[[int, str], None]
"""Told on the exporter's thread: so many spans were accepted or, if the text is not empty, lost for that reason."""


class Outbox:
    """A bounded queue of spans and the thread that empties it."""

    def __init__(self, service: str, settled: Settled) -> None:
        self._words = _FirstWords()
        self._exporter = _Reporting(OTLPSpanExporter(), self._words, settled)
        self.capacity: Final = _setting("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE_SIZE)
        self._processor = BatchSpanProcessor(
            self._exporter,
            max_queue_size=self.capacity,
            schedule_delay_millis=_setting("OTEL_BSP_SCHEDULE_DELAY", DELAY_MILLISECONDS),
        )
        self._resource = _resource(service)
        self._words.listen()

    def put(self, span: Span) -> None:
        """Queue a span. With more than `capacity` unsettled ones the SDK silently drops the oldest."""
        self._processor.on_end(_readable(span, self._resource))

    def close(self, seconds: float) -> None:
        """Send what is queued and stop; when `seconds` have passed, give up what is left."""
        # The processor's own shutdown waits up to 30 s. Both threads are daemons, so neither keeps the process.
        closing = threading.Thread(target=self._processor.shutdown, daemon=True)
        closing.start()
        closing.join(seconds)
        if closing.is_alive():
            self._exporter.shutdown()
        else:
            self._words.leave()


class _Reporting(SpanExporter):
    """Tells of each batch how it went, which the batch processor keeps to itself."""

    def __init__(self, exporter: OTLPSpanExporter, words: "_FirstWords", settled: Settled) -> None:
        self._exporter = exporter
        self._words = words
        self._settled = settled

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export a batch and report it."""
        self._words.forget()
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            accepted = result is SpanExportResult.SUCCESS
            self._settled(len(spans), "" if accepted else self._words.text or "the export failed")
        return result

    def shutdown(self) -> None:
        """Stop trying; called twice when the first call came too late."""
        self._exporter.shutdown()


class _FirstWords(logging.Handler):
    """Keeps what OpenTelemetry logs from the log, which would be several lines a second, and the reason of a failure.

    The first record of an export has the cause; the later ones tell of retries.
    """

    text = ""

    def listen(self) -> None:
        """Take OpenTelemetry's log over. What it says while it is configured still reaches a person."""
        logger = logging.getLogger("opentelemetry")
        logger.addHandler(self)
        logger.propagate = False

    def leave(self) -> None:
        """Give OpenTelemetry's log back."""
        logger = logging.getLogger("opentelemetry")
        logger.removeHandler(self)
        logger.propagate = True

    def forget(self) -> None:
        """Start anew."""
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record's text if it is the first."""
        self.text = self.text or record.getMessage()


def _setting(variable: str, default: int) -> int:
    """Return a standard variable's value; what the SDK would not take is the default, as it is there."""
    value = os.environ.get(variable, "")
    return int(value) if value.isascii() and value.isdigit() and int(value) > 0 else default


def _resource(service: str) -> Resource:
    """Return who sends: `service`, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES name another."""
    resource = Resource.create()
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return resource.merge(Resource({SERVICE_NAME: service}))
    return resource


_SCOPE: Final = InstrumentationScope("foosets")


def _readable(span: Span, resource: Resource) -> ReadableSpan:
    """Return the span as the SDK's processors and exporters read it."""
    context = _context(span.context)
    parent = _context(Context(span.context.trace_id, span.parent)) if span.parent else None
    return ReadableSpan(
        name=span.name.value,
        context=context,
        parent=parent,
        resource=resource,
        attributes=span.attributes,
        events=[Event(event.name, event.attributes, _nanoseconds(event.at)) for event in span.events],
        links=[Link(_context(link)) for link in span.links],
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET),
        start_time=_nanoseconds(span.start),
        end_time=_nanoseconds(span.end),
        instrumentation_scope=_SCOPE,
    )


def _context(context: Context) -> SpanContext:
    return SpanContext(
        int(context.trace_id, 16), int(context.span_id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )


def _nanoseconds(at: Microseconds) -> int:
    return at * 1000
