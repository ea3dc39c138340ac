"""CPU of the batch controller alone per pod: `python -m e2e.bench.pod_path [--pods N] [--nodes N] [--runs N]`.

The controller runs as in a cluster, `foosets run batchfooset` in a process of its own, against a stand-in API server
in this one, over TLS. One BatchFooSet asks for all its pods at once. Counted is the controller's CPU time, user and
system, from the appearance of the set until its status says that all pods have succeeded and the process has come to
rest; start-up is not. Beside it, in turns (A B B A ...), runs a controller that uses the client library's ordinary way.

Tracing is off: no OTLP endpoint is set.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
from anyio.abc import Process

from e2e.bench import figures
from e2e.bench.authority import server_context
from e2e.bench.objects import POD_BYTES
from e2e.bench.standin import StandIn, standing_in
from e2e.cluster import kubeconfig

LONGEST_SECONDS: Final = 600.0
QUIET_SECONDS: Final = 0.3
"""A process at rest uses no CPU, to a tick of the clock, for so long."""

OURS: Final = ("foosets", "run", "batchfooset")
ORDINARY: Final = ("e2e.bench.ordinary",)
"""Modules with their arguments, as after `python -m`."""


class BenchmarkError(Exception):
    """The figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What there is to do."""

    pods: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Run:
    """What one program took: CPU microseconds per pod, and how often it wrote the set's status."""

    microseconds: float
    status_writes: int


async def measure(program: Sequence[str], load: Load) -> Run:
    """Let a program do the work once."""
    seconds = 0.0
    with TemporaryDirectory() as name, anyio.fail_after(LONGEST_SECONDS):
        folder = Path(name)
        tls, authority = server_context(folder)
        async with standing_in(load.pods, load.nodes, tls) as server, anyio.create_task_group() as group:
            process = await _start(program, folder, kubeconfig.Server(server.url, authority))
            try:
                group.start_soon(_outlive, process, folder)
                seconds = await _work(server, process.pid)
                group.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    with suppress(ProcessLookupError):  # it has ended, which is an error of its own
                        process.kill()
                    await process.wait()
        if server.pods != load.pods:
            raise BenchmarkError(f"{server.pods} pods were created instead of {load.pods}")
        return Run(seconds / load.pods * 1e6, server.status_writes)


async def _start(program: Sequence[str], folder: Path, server: kubeconfig.Server) -> Process:
    token = folder / "token"
    token.write_text("secret")
    config = folder / "kubeconfig"
    kubeconfig.write(config, "bench", server, kubeconfig.Credentials(token_file=token))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "FOOSETS_"))}
    environment |= {"KUBECONFIG": str(config), "FOOSETS_HTTP_PORT": "0", "FOOSETS_HTTP_HOST": "127.0.0.1"}
    with (folder / "log").open("wb") as log:
        return await anyio.open_process(
            [sys.executable, "-m", *program], env=environment, cwd=figures.ROOT, stdout=log, stderr=log
        )


async def _outlive(process: Process, folder: Path) -> None:
    """Fail if the program ends before its work is done."""
    code = await process.wait()
    log = (folder / "log").read_text(encoding="utf-8", errors="replace")
    raise BenchmarkError(f"the program ended early, with {code}:\n{log[-4000:]}")


async def _work(server: StandIn, pid: int) -> float:
    """Return the CPU seconds that the work took the process."""
    await server.watching.wait()
    before = await _at_rest(pid)
    server.create_set()
    await server.done.wait()
    return await _at_rest(pid) - before


async def _at_rest(pid: int) -> float:
    """Wait until the process has nothing more to do; return its CPU seconds."""
    spent = _cpu_seconds(pid)
    while True:
        await anyio.sleep(QUIET_SECONDS)
        before, spent = spent, _cpu_seconds(pid)
        if spent == before:
            return spent


def _cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process so far, in all its threads, user and system; see proc_pid_stat(5)."""
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


async def compare(load: Load, runs: int) -> tuple[list[Run], list[Run]]:
    """Measure both programs so often, in turns; return our runs and the ordinary way's."""
    found: dict[Sequence[str], list[Run]] = {OURS: [], ORDINARY: []}
    for number in range(runs):
        for program in (OURS, ORDINARY) if number % 2 == 0 else (ORDINARY, OURS):
            run = await measure(program, load)
            found[program].append(run)
            print(f"{' '.join(program):24} {run.microseconds:6.0f} us a pod, {run.status_writes} status writes")
    return found[OURS], found[ORDINARY]


def ratio(ours: Sequence[Run], ordinary: Sequence[Run]) -> float:
    """Return how many times as much the ordinary way takes, by the medians."""
    return _median(ordinary) / _median(ours)


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(run.microseconds for run in runs)


def _row(name: str, runs: Sequence[Run]) -> str:
    cpu = figures.median_with_spread([run.microseconds for run in runs])
    writes = figures.median_with_spread([run.status_writes for run in runs])
    return f"| {name} | {cpu} | {writes} |"


def report(load: Load, ours: Sequence[Run], ordinary: Sequence[Run]) -> str:
    """Return the page's body."""
    return f"""\
Written by `make bench-pod-path`. CPU time (user and system) of the controller's process alone, from the appearance of
one BatchFooSet of {load.pods:,} pods on {load.nodes:,} nodes until its status says that all have succeeded. The API
server is a stand-in in another process: TLS, HTTP/1.1, loopback, two watch events of {POD_BYTES:,} bytes a pod. No OTLP
endpoint is set, so nothing is exported. Medians of {len(ours)} runs in turns, with lowest and highest. Trust the ratio:
microseconds are this machine's.

| | CPU per pod, microseconds | status writes |
|---|---|---|
{_row("`foosets run batchfooset`", ours)}
{_row("the client library's ordinary way (`e2e/bench/ordinary.py`)", ordinary)}

The ordinary way takes {ratio(ours, ordinary):.1f} times as much."""


def main() -> None:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(prog="python -m e2e.bench.pod_path", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pods", type=int, default=10_000, help="completions of the set, all at once")
    parser.add_argument("--nodes", type=int, default=1_000, help="32 pods fit on each")
    parser.add_argument("--runs", type=int, default=5, help="of each program")
    arguments = parser.parse_args()
    load = Load(arguments.pods, arguments.nodes)
    ours, ordinary = anyio.run(compare, load, arguments.runs)
    body = report(load, ours, ordinary)
    print(f"\n{body}\n\n{figures.write('pod-path', 'CPU per pod of the batch controller', body)}")


if __name__ == "__main__":
    main()
