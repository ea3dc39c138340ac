"""Our spans, through the real Jaeger and back."""

import os
from datetime import UTC, datetime, timedelta
from unittest import mock

import anyio
import pytest

from e2e.cluster.local import LocalCluster
from e2e.traces import Jaeger, TraceShape, shape
from e2e.waterfall import waterfall
from foosets.api.names import Component, Uid
from foosets.planning.stamps import SECOND
from foosets.planning.trace import Context, Hop, Span, Subject, span_id, trace_id
from foosets.runtime.telemetry import Tracing

ROOT = Uid("8f14e45f-ceea-467f-a9d5-000000000003")
TRACE = trace_id(ROOT, 1, 0)
T = 1_795_402_565_123_456


def a_trace() -> list[Span]:
    root = Context(TRACE, span_id(TRACE, Hop.FOOSET_ROLLOUT, ROOT))
    attributes = Subject("default", "demo", ROOT).attributes
    return [
        Span(root, None, Hop.FOOSET_ROLLOUT, T, T + 9 * SECOND, attributes(Hop.FOOSET_ROLLOUT), error="NoFit"),
        *(
            Span(root.child(Hop.POD, n), root.span_id, Hop.POD, T + n, T + SECOND, attributes(Hop.POD))
            for n in range(20)
        ),
    ]


async def recorded(jaeger: Jaeger) -> TraceShape:
    """The trace, once Jaeger shows it: it takes spans before it stores them."""
    with anyio.fail_after(10):
        while not (spans := jaeger.trace(TRACE)):  # noqa: ASYNC110 - another process brings it about
            await anyio.sleep(0.1)
    return shape(spans)


@pytest.mark.cluster
async def test_a_trace_comes_back_whole_and_is_found_by_its_root(cluster: LocalCluster) -> None:
    with mock.patch.dict(os.environ, {"OTEL_EXPORTER_OTLP_ENDPOINT": cluster.otlp_endpoint}):
        tracing = Tracing.from_environment(Component.FOOSET)
    tracing.emit(a_trace())
    assert await tracing.flush(5)
    tracing.shutdown()

    jaeger = Jaeger(cluster.jaeger_query_url)
    tree = await recorded(jaeger)
    assert (len(tree.roots), len(tree.spans), tree.orphans, tree.outside) == (1, 21, [], [])
    (root,) = tree.roots
    assert (root.start, root.error, root.service) == (T * 1000, "NoFit", "foosets-fooset")
    assert root.attributes == dict(a_trace()[0].attributes)
    assert "… 17 more pod: 1.0 s to 1.0 s" in waterfall(tree.spans).plain

    then = datetime.fromtimestamp(T / SECOND, UTC)
    window = (then - timedelta(minutes=1), then + timedelta(minutes=1))
    assert jaeger.find_trace_ids("fooset.uid", ROOT, *window) == {TRACE}
    assert "foosets-fooset" in jaeger.services()
