"""What the suite does while nothing happens: it writes nothing but its Leases, hardly asks, and sends no spans."""

import math
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from e2e import audit
from e2e.cluster.local import LocalCluster
from foosets.api import names

WATCH = "foosets_watch_"


@dataclass(frozen=True, slots=True)
class Reading:
    """Totals so far. `requests` are lists and watches, by component and watch; `spans` are by component."""

    at: float
    writes: int
    requests: Mapping[str, float]
    spans: Mapping[str, float]

    @classmethod
    def of(cls, cluster: LocalCluster) -> "Reading":
        """Read the audit log and every component's metrics page."""
        requests: dict[str, float] = {}
        spans: dict[str, float] = {}
        for component in map(str, names.Component):
            figures = _figures(f"{cluster.component(component).url}/metrics")
            spans[component] = figures["foosets_tracing", "emitted"]
            for (metric, figure), value in figures.items():
                if metric.startswith(WATCH) and figure in {"lists", "watches"}:
                    watch = f"{component} {metric.removeprefix(WATCH)}"
                    requests[watch] = requests.get(watch, 0) + value
        return cls(time.monotonic(), len(audit.our_writes(cluster.audit_log)), requests, spans)


def complaints(before: Reading, after: Reading) -> list[str]:
    """Return what was done between two readings that should not have been."""
    most = math.ceil((after.at - before.at) / 60)
    asked = {watch: count - before.requests.get(watch, 0) for watch, count in after.requests.items()}
    sent = {component: count - before.spans[component] for component, count in after.spans.items()}
    return [
        *([f"{after.writes - before.writes} writes"] if after.writes != before.writes else []),
        *(f"{watch} was listed or opened {count:.0f} times" for watch, count in asked.items() if count > most),
        *(f"{component} sent {count:.0f} spans" for component, count in sent.items() if count),
    ]


def rest(cluster: LocalCluster, seconds: float) -> list[str]:
    """Do nothing for so many seconds, and return what the suite did meanwhile that it should not have."""
    before = Reading.of(cluster)
    time.sleep(seconds)
    return complaints(before, Reading.of(cluster))


def _figures(url: str) -> dict[tuple[str, str], float]:
    """Return the figures of a metrics page that have a name of their own."""
    with urllib.request.urlopen(url, timeout=10) as page:  # noqa: S310 - a component's own page
        families = list(text_string_to_metric_families(page.read().decode()))
    samples = (sample for family in families for sample in family.samples)
    return {(one.name, one.labels["figure"]): one.value for one in samples if "figure" in one.labels}
