"""What a component counts. Reconciles that did nothing are here and nowhere else."""

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from foosets.kube.transport import TransportStatistics

Statistics = Callable[[], Mapping[str, int | float]]
"""What every long-lived object offers: its figures, by name."""


class Metrics(Collector):
    """One registry a process; figures of long-lived objects are read when somebody asks for the page."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sources: dict[str, Statistics] = {}
        self._transport: Callable[[], TransportStatistics] | None = None
        self._failures = Counter(
            "foosets_reconcile_failures",
            "Looks at an object that ended in an error, by kind",
            ["kind"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "foosets_reconcile_seconds", "Duration of a look at an object", registry=self.registry
        )
        self.registry.register(self)

    def add(self, part: str, statistics: Statistics) -> None:
        """Show the figures of one part of the process as `foosets_<part>{figure=...}`."""
        self._sources[part] = statistics

    def requests(self, statistics: Callable[[], TransportStatistics]) -> None:
        """Show what went over the wire, by method, pool and status."""
        self._transport = statistics

    def collect(self) -> Iterable[Metric]:
        """Return the figures of all parts as they are now."""
        if self._transport is not None:
            yield from _request_families(self._transport())
        for part, statistics in list(self._sources.items()):  # the page may be asked for before all parts are there
            family = GaugeMetricFamily(f"foosets_{part}", f"Figures of the {part}", labels=["figure"])
            for figure, value in statistics().items():
                family.add_metric([figure], value)
            yield family

    def failed(self, kind: str) -> None:
        """Count a look that ended in an error."""
        self._failures.labels(kind).inc()

    @contextmanager
    def reconciling(self) -> Generator[None]:
        """Time one look."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds.observe(time.perf_counter() - start)


def _request_families(totals: TransportStatistics) -> Iterable[Metric]:
    requests = CounterMetricFamily(
        "foosets_requests", "Requests to the API server; status 0 had no reply", labels=["method", "pool", "status"]
    )
    for (method, pool, status), count in totals.requests.items():
        requests.add_metric([method, pool, str(status)], count)
    yield requests
    yield CounterMetricFamily("foosets_request_retries", "Requests sent again", totals.retries)
    yield CounterMetricFamily("foosets_bytes_sent", "Bytes of request bodies", totals.bytes_sent)
    yield CounterMetricFamily("foosets_bytes_received", "Bytes of replies and watches", totals.bytes_received)
