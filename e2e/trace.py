"""`make trace SET=demo NAMESPACE=demo`: the newest trace of a FooSet as a waterfall, from the cluster's Jaeger."""

import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from e2e.cluster import provider
from e2e.cluster.cluster import Cluster
from e2e.cluster.errors import ClusterError, explained
from e2e.traces import Jaeger, RecordedSpan, shape
from e2e.waterfall import waterfall

STORED_SECONDS: Final = 10.0
"""How long Jaeger may take to show what it has taken."""
POLL_SECONDS: Final = 0.25


def show(cluster: Cluster, namespace: str, name: str, console: Console) -> None:
    """Draw the newest trace of a FooSet, and say where else it can be seen; raises ClusterError if it is not whole."""
    trace_id = cluster.client.get("-n", namespace, "fooset", name)["status"]["traceID"]
    jaeger = Jaeger(cluster.jaeger_query_url)
    spans = _whole(jaeger, trace_id)
    console.print(f"Trace {trace_id}")
    console.print(waterfall(spans))
    if jaeger.ui_available():
        console.print(f"\nIn Jaeger: {jaeger.url}/trace/{trace_id}")
    else:
        console.print("\nThis Jaeger was built without its web pages; its API has the trace:")
        console.print(f"  {jaeger.url}/api/v3/traces/{trace_id}")
    console.print()


def _whole(jaeger: Jaeger, trace_id: str) -> list[RecordedSpan]:
    """Return the trace's spans once it has one root and no span without its parent."""
    deadline = time.monotonic() + STORED_SECONDS
    while True:
        spans = jaeger.trace(trace_id)
        tree = shape(spans)
        if len(tree.roots) == 1 and not tree.orphans:
            return spans
        if time.monotonic() > deadline:
            raise ClusterError(f"trace {trace_id}: {len(tree.roots)} roots, {len(tree.orphans)} orphans")
        time.sleep(POLL_SECONDS)


def main(
    name: Annotated[str, typer.Argument(help="The FooSet's name.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Its namespace.")] = "default",
    state: Annotated[Path, typer.Option("--state", help="The cluster's own directory.")] = provider.STATE,
) -> None:
    """Draw the newest trace of a FooSet."""
    with explained():
        show(provider.cluster(state), namespace, name, Console(highlight=False, soft_wrap=True))


if __name__ == "__main__":
    typer.run(main)
