"""One rival, once: in a namespace of its own, from the first request until its last pod runs and all is quiet again."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import anyio

from e2e.bench.contest import cpu, requests
from e2e.bench.contest.arena import Arena
from e2e.bench.contest.overcommit import overcommitted
from e2e.bench.contest.quiet import Calm, calm
from e2e.bench.contest.recorder import Recorder, recording
from e2e.bench.contest.rivals import Objects, Rival
from e2e.bench.contest.start import Heat, Start, at_the_line
from e2e.bench.contest.track import track
from foosets.api.meta import NODES, PODS
from foosets.api.node import Node
from foosets.kube.codec import StructCodec
from foosets.kube.lists import Source, list_all
from foosets.kube.transport import Transport, connect

LONGEST_SECONDS: Final = 300.0


class OvercommittedError(Exception):
    """A rival was quick by putting more on a node than the node can hold."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run found. Seconds count from just before the first request; CPU seconds until all was quiet again."""

    rival: str
    pods: int
    bound_seconds: float
    """Until the last pod had a node."""
    running_seconds: float
    """Until the last pod ran."""
    lag_seconds: float
    """From having a node to running, of the median pod: the pace of the simulated kubelets."""
    counted_seconds: float
    """Until all was quiet: for so long CPU time and writes were counted."""
    cpu_seconds: Mapping[str, float]
    """Of each process that competed or was competed for; the recorder is none of them."""
    writes: Mapping[str, int]
    """That the API server answered, by verb and resource."""
    idle_shares: Mapping[str, float]
    """Of a core, which each process used in the quiet second before."""
    watches: int
    """That the recorder opened: more than one if the API server cut it off."""

    @property
    def rate(self) -> float:
        """Pods bound per second."""
        return self.pods / self.bound_seconds


async def race(arena: Arena, rival: Rival, pods: int, nodes: int) -> Run:
    """Let a rival have so many pods bound, after all is quiet; leave nothing of it."""
    owners = rival.does.resource if isinstance(rival.does, Objects) else PODS
    async with connect(str(arena.kubeconfig), user_agent="bench") as transport:
        quiet = await calm(lambda: cpu.spent(arena.pids()))
        async with track(transport, rival.name, owners) as namespace:
            heat = Heat(namespace, pods, nodes)
            async with at_the_line(arena, transport, rival, heat) as start:
                return await _run(arena, rival, _Line(transport, heat, start, quiet))


@dataclass(frozen=True, slots=True)
class _Line:
    """A rival that is ready to go."""

    transport: Transport
    heat: Heat
    start: Start
    quiet: Calm


async def _run(arena: Arena, rival: Rival, line: _Line) -> Run:
    pids = {**arena.pids(), **line.start.pids}
    async with recording(line.transport, line.heat.namespace, line.heat.pods) as recorder:
        wrote = await requests.writes(line.transport)
        before = cpu.spent(pids)
        recorder.begin()
        with anyio.fail_after(LONGEST_SECONDS):
            await line.start.go()
            await recorder.all_running.wait()
        end = await calm(lambda: cpu.spent(pids))
        wrote = requests.between(wrote, await requests.writes(line.transport))
    await _require_room(line.transport, recorder)
    return _found(rival.name, recorder, line, _Count(end.began, cpu.between(before, end.spent), wrote))


async def _require_room(transport: Transport, recorder: Recorder) -> None:
    nodes = (await list_all(transport, Source(NODES, StructCodec(Node)))).rows
    if excess := overcommitted(recorder.pods.values(), nodes):
        raise OvercommittedError(f"{len(excess)} nodes, such as {next(iter(excess.items()))}")


@dataclass(frozen=True, slots=True)
class _Count:
    """What was spent and written, until a moment."""

    until: float
    spent: cpu.Spent
    writes: requests.Writes


def _found(name: str, recorder: Recorder, line: _Line, count: _Count) -> Run:
    lags = [at - recorder.bound_at[pod] for pod, at in recorder.running_at.items()]
    return Run(
        rival=name,
        pods=line.heat.pods,
        bound_seconds=max(recorder.bound_at.values()) - recorder.began,
        running_seconds=max(recorder.running_at.values()) - recorder.began,
        lag_seconds=statistics.median(lags),
        counted_seconds=count.until - recorder.began,
        cpu_seconds=count.spent,
        writes=count.writes,
        idle_shares=line.quiet.shares,
        watches=recorder.watches,
    )
