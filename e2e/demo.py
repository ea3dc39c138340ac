"""`make demo`: bring a cluster up, apply a FooSet, watch it being refined, and see its trace.

Exit status 0 means that the batch part completed, the service part is ready, and the trace is whole.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from e2e import trace
from e2e.cluster import provider
from e2e.cluster.cluster import Cluster
from e2e.cluster.errors import ClusterError, explained
from e2e.cluster.progress import Progress

EXAMPLE: Final = Path(__file__).parent.parent / "docs" / "examples" / "demo.yaml"
NAMESPACE: Final = "demo"
NAME: Final = "demo"
DEADLINE_SECONDS: Final = 240.0
POLL_SECONDS: Final = 0.25
COUNTS: Final = ("desired", "created", "placed", "ready", "succeeded", "failed")
KINDS: Final = "foosets,batchfoosets,servicefoosets,pods"

NEXT: Final = """\
What to try next
  {env}
  kubectl -n {namespace} scale servicefooset demo-server --replicas 8
  kubectl -n {namespace} explain fooset.spec
  kubectl -n {namespace} get fooset demo -o yaml        # status: children, conditions, blockedBy, traceID
  kubectl -n {namespace} edit fooset demo               # ask for 100 cpu, and see REASON say NoFit
  kubectl -n {namespace} delete fooset demo
  make down
"""


def main() -> None:
    """Run the demo; ends the process with 1 and the cause if a step fails."""
    with explained():
        _demo(Console(highlight=False, soft_wrap=True))


def _demo(console: Console) -> None:
    progress = Progress(console=console)
    cluster = provider.cluster(progress=progress)
    cluster.up()
    cluster.install()
    with progress.step("a fresh namespace"):
        _fresh_namespace(cluster)
    cluster.kubectl("-n", NAMESPACE, "apply", "-f", str(EXAMPLE))
    progress.say(f"applied {EXAMPLE.relative_to(Path.cwd()) if EXAMPLE.is_relative_to(Path.cwd()) else EXAMPLE}")
    _watch_it_run(cluster, console)
    console.print()
    console.print(cluster.kubectl("-n", NAMESPACE, "get", KINDS), markup=False)
    trace.show(cluster, NAMESPACE, NAME, console)
    env = f'eval "$({sys.executable} -m e2e.cluster env)"'
    console.print(NEXT.format(env=env, namespace=NAMESPACE), markup=False)


def _fresh_namespace(cluster: Cluster) -> None:
    """Have the demo's namespace without a set of an earlier demo."""
    cluster.have_namespace(NAMESPACE)
    cluster.kubectl("-n", NAMESPACE, "delete", "fooset", NAME, "--ignore-not-found", "--cascade=foreground")


def _watch_it_run(cluster: Cluster, console: Console) -> None:
    """Show progress until the set has come to rest; raises ClusterError with the cause when it does not."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    with _live(console) as show:
        while True:
            fooset = cluster.client.get("-n", NAMESPACE, "fooset", NAME)
            show(fooset)
            if _at_rest(fooset):
                return
            if time.monotonic() > deadline:
                raise ClusterError(f"the set did not come to rest in {DEADLINE_SECONDS:.0f} s: {_reason(fooset)}")
            time.sleep(POLL_SECONDS)


@contextmanager
def _live(console: Console) -> Iterator[Any]:
    """Give a function that shows a set: as a table that moves on a terminal, as lines that changed in a pipe."""
    if console.is_terminal:
        with Live(console=console, refresh_per_second=8) as live:
            yield lambda fooset: live.update(_table(fooset))
        return
    said: list[str] = []

    def line(fooset: dict[str, Any]) -> None:
        children = fooset.get("status", {}).get("children", [])
        parts = [f"{c['name']} {c['ready']} ready {c['succeeded']} succeeded of {c['desired']}" for c in children]
        text = f"{_reason(fooset)}: {', '.join(parts)}"
        if said[-1:] != [text]:
            said.append(text)
            console.print(text, markup=False)

    yield line


def _table(fooset: dict[str, Any]) -> Table:
    table = Table("part", "kind", *COUNTS, title=_reason(fooset))
    for child in fooset.get("status", {}).get("children", []):
        table.add_row(child["name"], child["kind"], *(str(child[count]) for count in COUNTS))
    return table


def _condition(fooset: dict[str, Any], kind: str) -> dict[str, Any]:
    conditions = fooset.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _reason(fooset: dict[str, Any]) -> str:
    ready = _condition(fooset, "Ready")
    return f"{ready['reason']}: {ready['message']}" if ready else "nobody has looked at it yet"


def _at_rest(fooset: dict[str, Any]) -> bool:
    """Whether every batch part completed, every service part is ready, and the trace was exported."""
    status = fooset.get("status", {})
    batches = [child for child in status.get("children", []) if child["kind"] == "BatchFooSet"]
    done = all(child["succeeded"] == child["desired"] for child in batches)
    return done and _condition(fooset, "Ready").get("status") == "True" and status.get("trace", {}).get("closed", False)


if __name__ == "__main__":
    main()
