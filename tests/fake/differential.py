"""`python -m tests.fake.differential [HISTORIES]`: many random histories on both servers, and what came of it.

Writes `docs/operations/figures/differential.md`; ends with 1 if the servers disagreed, and prints the seeds of the
histories and the first thing that was said differently in each.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import msgspec
import yaml

from e2e.bench import figures
from e2e.cluster.toolchain import kubernetes_version
from foosets.api.meta import Resource
from foosets.kube.transport import JSON
from tests.api.schemas import CRDS
from tests.fake import realserver
from tests.fake.comparison import Disagreement, compare
from tests.fake.differences import DIFFERENCES
from tests.fake.histories import Step, history
from tests.fake.kinds import KINDS
from tests.fake.sides import Real, connected

HISTORIES: Final = 1000
TOGETHER: Final = 4
"""Histories under way at the same time; each has a namespace of its own."""
SERVED_SECONDS: Final = 30


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    steps: Counter[str] = field(default_factory=Counter[str])
    watches: int = 0
    disagreements: dict[int, Disagreement] = field(default_factory=dict[int, Disagreement])


@asynccontextmanager
async def real_server(folder: Path) -> AsyncGenerator[Real, None]:
    """Start a real server that serves our kinds."""
    with realserver.running(folder) as server:
        async with connected(server) as real:
            await define_kinds(real)
            yield real


async def run(real: Real, seeds: range, seconds: float = float("inf")) -> Outcome:
    """Compare the histories of these seeds, as many as can be begun in that time."""
    outcome, left = Outcome(), iter(seeds)
    until = anyio.current_time() + seconds

    async def work() -> None:
        for seed in left:
            told = history(seed)
            found = await compare(told, real, f"history-{seed}")
            outcome.steps.update(f"{step.method} {_called(step)}" for step in told.steps)
            outcome.watches += len(told.watches)
            if found is not None:
                outcome.disagreements[seed] = found
            if anyio.current_time() > until:
                return

    async with anyio.create_task_group() as group:
        for _ in range(TOGETHER):
            group.start_soon(work)
    return outcome


def _called(step: Step) -> str:
    return f"{step.resource.plural}/{step.subresource}" if step.subresource else step.resource.plural


async def define_kinds(real: Real) -> None:
    """Install our CRDs, and wait until their kinds are served."""
    for file in sorted(CRDS.glob("*.yaml")):
        definition = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        code, reply = await real.request("POST", path, msgspec.json.encode(definition), JSON)
        assert code == 201, reply
    with anyio.fail_after(SERVED_SECONDS):
        for kind in KINDS:
            await _served(real, kind.resource)


async def _served(real: Real, resource: Resource) -> None:
    while True:
        code, _ = await real.request("GET", resource.path(), b"", JSON)
        if code == 200:
            return
        await anyio.sleep(0.1)


def _report(outcome: Outcome, histories: int, seconds: float) -> str:
    rows = "".join(f"| {request} | {count} |\n" for request, count in sorted(outcome.steps.items()))
    others = "".join(f"* {difference.what}: {difference.why}\n" for difference in DIFFERENCES)
    return f"""Written by `make differential`: random histories of requests, each sent to the fake API server of the
tests and to a kube-apiserver {kubernetes_version()}. Compared are status codes, reasons, the fields at fault, every
object as stored after every step, and the events of watches that begin at earlier versions.

| | |
|---|---|
| histories | {histories} |
| requests | {outcome.steps.total()} |
| watches | {outcome.watches} |
| histories with a disagreement | {len(outcome.disagreements)} |
| seconds | {seconds:.0f} |

| request | times |
|---|---|
{rows}
Known differences, which the histories leave out:

{others}"""


async def _main(histories: int) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        async with real_server(Path(folder)) as real:
            outcome = await run(real, range(histories))
    seconds = time.monotonic() - began
    print(figures.write("differential", "The fake API server beside a real one", _report(outcome, histories, seconds)))
    for seed, found in sorted(outcome.disagreements.items()):
        print(f"seed {seed}: {found}")
    print(f"{histories} histories in {seconds:.0f} s, {len(outcome.disagreements)} with a disagreement")
    return 1 if outcome.disagreements else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("histories", type=int, nargs="?", default=HISTORIES)
    sys.exit(anyio.run(_main, parser.parse_args().histories))
