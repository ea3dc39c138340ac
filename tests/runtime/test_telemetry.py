import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

import anyio
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from structlog.testing import capture_logs

from foosets.api.names import Component, Uid
from foosets.planning.trace import Context, Event, Hop, Span, Subject, span_id, trace_id
from foosets.runtime.telemetry import COMPLAINT_SECONDS, Tracing
from tests.runtime.collector import Collector, attributes, collecting

ROOT = Uid("8f14e45f-ceea-467f-a9d5-000000000001")
TRACE = trace_id(ROOT, 1, 0)
T = 1_795_402_565_123_456
NONE: Mapping[str, str] = {}
SMALL_QUEUE: Mapping[str, str] = {"OTEL_BSP_MAX_QUEUE_SIZE": "600"}


def a_span(number: int = 0, error: str = "") -> Span:
    return Span(
        context=Context(TRACE, span_id(TRACE, Hop.CREATE, str(number))),
        parent=span_id(TRACE, Hop.POD, str(number)),
        name=Hop.CREATE,
        start=T,
        end=T + 1000,
        attributes=Subject("default", "demo", ROOT).attributes(Hop.CREATE) | {"fooset.index": number},
        error=error,
        links=(Context(TRACE, span_id(TRACE, Hop.FOOSET_ROLLOUT, ROOT)),),
        events=(Event("Ready", T + 500, {"node": "a"}),),
    )


def spans(count: int) -> list[Span]:
    return [a_span(number) for number in range(count)]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@contextmanager
def tracing(endpoint: str, variables: Mapping[str, str] = NONE, shutdown_seconds: float = 1.0) -> Iterator[Tracing]:
    """Tracing as an environment asks for it. The environment is its interface: nothing else configures it."""
    with mock.patch.dict(os.environ, {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **variables}):
        made = Tracing.from_environment(Component.SCHEDULER)
    try:
        yield made
    finally:
        made.shutdown(shutdown_seconds)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread, five seconds at most."""
    with anyio.fail_after(5):
        while not condition():  # noqa: ASYNC110 - a thread brings it about, which knows no anyio.Event
            await anyio.sleep(0.005)


# ---- without a collector


@pytest.mark.parametrize("variables", [{}, {"OTEL_SDK_DISABLED": "true"}])
async def test_nobody_asked_for_traces(variables: dict[str, str]) -> None:
    with tracing("http://127.0.0.1:9" if variables else "", variables) as silent:
        silent.emit(spans(3))
        assert await silent.flush(0)
        assert silent.statistics() == {"emitted": 0, "queued": 0, "lost": 0}


def test_who_does_not_trace_does_not_load_the_sdk() -> None:
    program = """
import anyio, sys
from foosets.api.names import Component
from foosets.runtime.telemetry import Tracing
async def main(): Tracing.from_environment(Component.FOOSET)
anyio.run(main)
sys.exit("opentelemetry" in sys.modules)
"""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


# ---- with one


async def test_a_span_arrives_as_it_was_given(collector: Collector) -> None:
    given = a_span(7, error="NoFit: 0 of 10 nodes fit")
    with tracing(collector.url) as busy:
        busy.emit([given])
        assert await busy.flush(5)
    (span,) = collector.spans
    assert (span.trace_id.hex(), span.span_id.hex()) == (given.context.trace_id, given.context.span_id)
    assert (span.parent_span_id.hex(), span.name) == (given.parent, "create")
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (T * 1000, (T + 1000) * 1000)
    assert attributes(span.attributes) == dict(given.attributes)
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, given.error)
    assert [link.span_id.hex() for link in span.links] == [given.links[0].span_id]
    ((name, at, about),) = [(e.name, e.time_unix_nano, attributes(e.attributes)) for e in span.events]
    assert (name, at, about) == ("Ready", (T + 500) * 1000, {"node": "a"})
    assert collector.service == "foosets-scheduler"


async def test_a_root_without_error_has_no_parent_and_no_status(collector: Collector) -> None:
    with tracing(collector.url) as busy:
        busy.emit([Span(Context(TRACE, span_id(TRACE, Hop.WAIT, "x")), None, Hop.WAIT, T, T, {})])
        assert await busy.flush(5)
    (span,) = collector.spans
    assert (span.parent_span_id, span.status.code) == (b"", Status.STATUS_CODE_UNSET)


@pytest.mark.parametrize(
    "variables", [{"OTEL_SERVICE_NAME": "mine"}, {"OTEL_RESOURCE_ATTRIBUTES": "service.name=mine,k8s.cluster.name=c"}]
)
async def test_a_users_service_name_wins(collector: Collector, variables: dict[str, str]) -> None:
    with tracing(collector.url, variables) as busy:
        busy.emit([a_span()])
        assert await busy.flush(5)
    assert collector.service == "mine"


async def test_a_stopping_process_sends_what_is_queued(collector: Collector) -> None:
    with tracing(collector.url, {"OTEL_BSP_SCHEDULE_DELAY": "60000"}) as busy:
        busy.emit(spans(1200))
    assert len({span.span_id for span in collector.spans}) == 1200
    busy.emit(spans(1))
    assert await busy.flush(0)


# ---- with one that is not well


async def test_spans_that_are_refused_are_lost_and_said_so_once_a_minute(
    collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 400
    with capture_logs() as logs, caplog.at_level(logging.DEBUG), tracing(collector.url) as refused:
        for lost in (3, 6):
            refused.emit(spans(3))
            await refused.flush(5)
            await until(lambda lost=lost: refused.statistics()["lost"] == lost)
        assert refused.statistics() == {"emitted": 6, "queued": 0, "lost": 6}
    assert [(entry["log_level"], "400" in entry["error"]) for entry in logs] == [("warning", True)]
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]
    assert COMPLAINT_SECONDS == 60


async def test_flush_tells_whether_the_collector_has_the_spans(collector: Collector) -> None:
    with tracing(collector.url) as busy:
        collector.status = 400
        busy.emit([a_span(1)])
        assert not await busy.flush(5)
        collector.status = 200
        busy.emit([a_span(1)])
        await until(lambda: busy.statistics()["queued"] == 0)
        busy.emit([a_span(2)])
        assert await busy.flush(5)
    assert len(collector.spans) == 2


async def test_while_the_collector_is_down_nobody_waits_for_it(collector: Collector) -> None:
    with tracing(collector.url) as busy:
        collector.status = 400
        busy.emit([a_span()])
        assert not await busy.flush(5)
        collector.answering.clear()
        busy.emit([a_span()])
        before = time.monotonic()
        assert not await busy.flush(60)
        assert time.monotonic() - before < 1
        collector.answering.set()


async def test_a_collector_that_hangs_costs_spans_and_nothing_else(collector: Collector) -> None:
    collector.answering.clear()
    with capture_logs() as logs, tracing(collector.url, SMALL_QUEUE, shutdown_seconds=0.2) as hung:
        before = time.monotonic()
        hung.emit(spans(1000))
        assert not await hung.flush(0.05)
        assert hung.statistics() == {"emitted": 600, "queued": 600, "lost": 400}
        hung.shutdown(0.2)
        assert time.monotonic() - before < 2
    assert [entry["error"] for entry in logs] == ["the queue is full"]


async def test_spans_that_did_not_fit_are_not_flushed(collector: Collector) -> None:
    with tracing(collector.url, SMALL_QUEUE) as busy:
        busy.emit(spans(601))
        assert not await busy.flush(5)
        busy.emit(spans(1))
        assert await busy.flush(5)
    assert len(collector.spans) == 601


async def test_an_unreachable_collector_does_not_keep_the_process() -> None:
    with collecting() as gone:
        url = gone.url
    before = time.monotonic()
    with tracing(url, shutdown_seconds=0.3) as down:
        down.emit(spans(1))
        assert not await down.flush(0.05)
    assert time.monotonic() - before < 2


@pytest.mark.parametrize("nonsense", ["", "0", "-5", "many"])
async def test_a_nonsensical_setting_is_the_default(collector: Collector, nonsense: str) -> None:
    with tracing(collector.url, {"OTEL_BSP_SCHEDULE_DELAY": nonsense}) as busy:
        busy.emit(spans(1))
        assert await busy.flush(5)
