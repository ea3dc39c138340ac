"""Whether the trace of a rollout is whole, judged by the objects: every span once, each under the right one."""

import time
from typing import Final

from e2e.expected import Family, misplaced, recorded_edges
from e2e.traces import Jaeger, TraceShape, shape

SHOWN_WITHIN: Final = 5.0
POLL_SECONDS: Final = 0.2


def flaws(jaeger: Jaeger, family: Family) -> list[str]:
    """Return what is wrong with a FooSet's newest trace, once the back end has had the time to store it."""
    deadline = time.monotonic() + SHOWN_WITHIN
    while True:
        tree = shape(jaeger.trace(family.fooset["status"]["traceID"]))
        found = _flaws(tree, family)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(POLL_SECONDS)


def _flaws(tree: TraceShape, family: Family) -> list[str]:
    said = {
        f"{len(tree.roots)} roots": len(tree.roots) == 1,
        f"orphans: {tree.orphans}": not tree.orphans,
        f"outside their parents: {tree.outside}": not tree.outside,
        f"misplaced: {misplaced(tree)}": not misplaced(tree),
        f"spans {dict(tree.count)} instead of {dict(family.span_counts)}": tree.count == family.span_counts,
        "other ownerships than the objects'": recorded_edges(tree) == family.edges,
    }
    return [f"trace: {what}" for what, holds in said.items() if not holds]
