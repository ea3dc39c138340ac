"""How a rival waits at the line, and what lets it go: objects to be created, or a generator to be told."""

import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from subprocess import PIPE
from typing import Final

import anyio
import msgspec
from anyio.abc import Process

from e2e.bench.contest.arena import Arena
from e2e.bench.contest.cpu import Pids
from e2e.bench.contest.generator import READY, Load
from e2e.bench.contest.rivals import Objects, Raw, Rival
from e2e.bench.figures import ROOT
from foosets.kube.transport import Transport

GENERATOR: Final = "generator"
READY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """What lets a rival go, and the process that it has beside those of the cluster."""

    go: Callable[[], Awaitable[None]]
    pids: Pids = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Heat:
    """Where a run goes, and how far."""

    namespace: str
    pods: int
    nodes: int


def at_the_line(arena: Arena, transport: Transport, rival: Rival, heat: Heat) -> AbstractAsyncContextManager[Start]:
    """Have the rival ready to go while the block runs."""
    match rival.does:
        case Raw(mode):
            return _generator(arena, Load(mode, heat.namespace, heat.pods, heat.nodes))
        case Objects() as objects:
            return _objects(transport, objects, heat)


@asynccontextmanager
async def _objects(transport: Transport, objects: Objects, heat: Heat) -> AsyncGenerator[Start, None]:
    bodies = [msgspec.json.encode(manifest) for manifest in objects.manifests(heat.pods)]

    async def create() -> None:
        for body in bodies:
            await transport.request("POST", objects.resource.path(heat.namespace), body)

    yield Start(create)


@asynccontextmanager
async def _generator(arena: Arena, load: Load) -> AsyncGenerator[Start, None]:
    command = [sys.executable, "-m", "e2e.bench.contest.generator", *_options(load)]
    environment = {**os.environ, **arena.environment}
    async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=None, env=environment, cwd=ROOT) as it:
        try:
            await _wait_ready(it)
            yield Start(lambda: _tell(it), {GENERATOR: it.pid})
        finally:
            with suppress(ProcessLookupError):  # it has failed, and said so
                it.kill()


def _options(load: Load) -> Sequence[str]:
    options = {"mode": load.mode, "namespace": load.namespace, "pods": load.pods, "nodes": load.nodes}
    return [f"--{name}={value}" for name, value in options.items()]


async def _wait_ready(process: Process) -> None:
    assert process.stdout is not None
    said = b""
    with anyio.fail_after(READY_SECONDS):
        while READY.encode() not in said:
            said += await process.stdout.receive()


async def _tell(process: Process) -> None:
    assert process.stdin is not None
    await process.stdin.send(b"go\n")
