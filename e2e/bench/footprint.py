"""What the suite costs while nothing happens: `python -m e2e.bench.footprint [--seconds N]`, on the cluster that is up.

CPU and memory of each controller's pod, as its kubelet accounts for them (`/stats/summary`): CPU time spent in a window
without changes, and the working set at its end. For clusters with real kubelets.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from e2e.bench import figures
from e2e.cluster import provider
from e2e.cluster.chart import NAMESPACE
from e2e.cluster.cluster import Cluster
from e2e.cluster.errors import explained

WINDOW_SECONDS: Final = 180.0
COMPONENT: Final = "app.kubernetes.io/component"


@dataclass(frozen=True, slots=True)
class Usage:
    """A pod's CPU time so far, in seconds, with the moment it was read at; its working set in bytes."""

    cpu_seconds: float
    at: float
    memory: int


def usages(cluster: Cluster) -> dict[str, Usage]:
    """Return the usage of each component, by its name."""
    pods = cluster.client.get("pods", f"--namespace={NAMESPACE}")["items"]
    components = {pod["metadata"]["uid"]: pod["metadata"]["labels"][COMPONENT] for pod in pods}
    nodes = {pod["spec"]["nodeName"] for pod in pods}
    return {components[uid]: usage for node in nodes for uid, usage in _summary(cluster, node) if uid in components}


def _summary(cluster: Cluster, node: str) -> Iterator[tuple[str, Usage]]:
    summary = json.loads(cluster.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary"))
    for pod in summary["pods"]:
        yield pod["podRef"]["uid"], _usage(pod["cpu"], pod["memory"])


def _usage(cpu: Mapping[str, Any], memory: Mapping[str, Any]) -> Usage:
    at = datetime.fromisoformat(cpu["time"]).timestamp()
    return Usage(cpu["usageCoreNanoSeconds"] / 1e9, at, memory["workingSetBytes"])


def requests(cluster: Cluster) -> dict[str, str]:
    """Return what each component's container asks for, as the chart has it."""
    deployments = cluster.client.get("deployments", f"--namespace={NAMESPACE}")["items"]
    return {
        deployment["metadata"]["labels"][COMPONENT]: ", ".join(
            f"{resource} {quantity}" for resource, quantity in sorted(_container(deployment)["requests"].items())
        )
        for deployment in deployments
    }


def _container(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return container["resources"]


def report(asked: Mapping[str, str], before: Mapping[str, Usage], after: Mapping[str, Usage]) -> str:
    """Return the page's body; raises KeyError if a component was replaced in between."""
    cpu = {name: _millicores(before[name], after[name]) for name in sorted(after)}
    memory = {name: after[name].memory / 2**20 for name in cpu}
    window = max(after[name].at - before[name].at for name in cpu)
    rows = [f"| {name} | {asked[name]} | {cpu[name]:.1f} m | {memory[name]:.0f} Mi |" for name in cpu]
    table = "\n".join([*rows, f"| **all** | | {sum(cpu.values()):.1f} m | {sum(memory.values()):.0f} Mi |"])
    return f"""\
Written by `python -m e2e.bench.footprint`, on a cluster with real kubelets in which nothing changed: CPU time over
{window:.0f} s and the working set at their end, as the kubelets account for them.

| component | requests | CPU, thousandths of a core | memory |
|---|---|---|---|
{table}"""


def _millicores(before: Usage, after: Usage) -> float:
    return (after.cpu_seconds - before.cpu_seconds) / (after.at - before.at) * 1000


def main() -> None:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(prog="python -m e2e.bench.footprint", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=WINDOW_SECONDS, help="of the window")
    seconds = parser.parse_args().seconds
    with explained():
        cluster = provider.cluster()
        before = usages(cluster)
        time.sleep(seconds)
        body = report(requests(cluster), before, usages(cluster))
    print(f"{body}\n\n{figures.write('footprint', 'What the suite costs while nothing happens', body)}")


if __name__ == "__main__":
    main()
