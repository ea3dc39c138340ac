"""The one long-lived process of ours in a cluster: keeps Jaeger and the components running.

    python -m e2e.cluster.supervisor STATE_DIRECTORY

Guarantees: a program that exits is started again, after 1 s doubling to 30 s; a program starts only with a fresh
token; nothing that it started outlives it (see leash.py); SIGTERM ends every program gracefully, then itself; after
SIGHUP the wanted state is read again, and its revision is reported once every process it replaces has ended.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import anyio
import msgspec
from anyio.abc import Process, TaskGroup

from e2e.cluster.leash import leashed
from e2e.cluster.programs import Ledger, Life, Observed, Program, TokenRequest
from e2e.cluster.state import StateDirectory, replace
from e2e.cluster.tokens import LIFETIME_SECONDS, Issuer

BACKOFF_SECONDS: Final = 1.0
BACKOFF_LIMIT_SECONDS: Final = 30.0
STEADY_SECONDS: Final = 60.0
"""A program that ran this long starts again without a penalty."""
GRACE_SECONDS: Final = 3.0
"""Between SIGTERM and SIGKILL: `down` shall take 5 s at most."""
RENEWAL_SECONDS: Final = LIFETIME_SECONDS * 0.8
"""As a kubelet does."""

logger = logging.getLogger("supervisor")


@dataclass(slots=True)
class Keeper:
    """One program being kept: `scope` ends it, `ended` tells that it has ended."""

    program: Program
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event = field(default_factory=anyio.Event)
    life: Life = field(default_factory=Life)


class Supervisor:
    """Makes what runs equal to what is wanted."""

    def __init__(self, ledger: Ledger, issuer: Issuer, *, renewal: float = RENEWAL_SECONDS) -> None:
        self._ledger = ledger
        self._issuer = issuer
        self._renewal = renewal
        self._keepers: dict[str, Keeper] = {}
        self._revision = 0

    async def run(self) -> None:
        """Keep what is wanted until SIGTERM."""
        with anyio.open_signal_receiver(signal.SIGHUP, signal.SIGTERM) as signals:
            async with anyio.create_task_group() as group:
                await self._reconcile(group)
                async for what in signals:
                    if what == signal.SIGTERM:
                        group.cancel_scope.cancel()
                    else:
                        await self._reconcile(group)

    async def _reconcile(self, group: TaskGroup) -> None:
        wanted = self._ledger.wanted()
        changed = [keeper for name, keeper in self._keepers.items() if wanted.programs.get(name) != keeper.program]
        for keeper in changed:
            keeper.scope.cancel()
        for keeper in changed:
            await keeper.ended.wait()
            del self._keepers[keeper.program.name]
        for program in wanted.programs.values():
            if program.name not in self._keepers and not program.stopped:
                keeper = self._keepers[program.name] = Keeper(program)
                group.start_soon(self._keep, keeper)
        self._revision = wanted.revision
        self._report()

    async def _keep(self, keeper: Keeper) -> None:
        try:
            with keeper.scope:
                await self._keep_running(keeper)
        finally:
            keeper.ended.set()

    async def _keep_running(self, keeper: Keeper) -> None:
        delay = BACKOFF_SECONDS
        while True:
            started = time.monotonic()
            await self._run_once(keeper)
            if time.monotonic() - started > STEADY_SECONDS:
                delay = BACKOFF_SECONDS
            await anyio.sleep(delay)
            delay = min(2 * delay, BACKOFF_LIMIT_SECONDS)
            self._saw(keeper, restarts=keeper.life.restarts + 1)

    async def _run_once(self, keeper: Keeper) -> None:
        """Run the program until it ends; failing to start it is an end too."""
        program = keeper.program
        try:
            if program.token:
                await self._renew(program.token)
            async with _started(program) as process:
                self._saw(keeper, pid=process.pid)
                status = await self._wait_for(process, program.token)
        except (OSError, subprocess.CalledProcessError) as error:
            logger.warning("%s does not start: %s", program.name, error)
            return
        logger.warning("%s ended with status %d", program.name, status)
        self._saw(keeper, pid=None, last_exit=status)

    async def _wait_for(self, process: Process, request: TokenRequest | None) -> int:
        """Wait for the end of a process, and keep its token fresh until then."""
        async with anyio.create_task_group() as group:
            if request:
                group.start_soon(self._keep_renewing, request)
            await process.wait()
            group.cancel_scope.cancel()
        return process.returncode or 0

    def _saw(self, keeper: Keeper, **changes: int | None) -> None:
        keeper.life = msgspec.structs.replace(keeper.life, **changes)
        self._report()

    def _report(self) -> None:
        lives = {name: keeper.life for name, keeper in self._keepers.items()}
        self._ledger.observe(Observed(pid=os.getpid(), revision=self._revision, lives=lives))

    async def _keep_renewing(self, request: TokenRequest) -> None:
        while True:
            await anyio.sleep(self._renewal)
            await self._renew_until_done(request)

    async def _renew_until_done(self, request: TokenRequest) -> None:
        """Renew, however often it takes: the old token is good for a while, and a program is not ended over it."""
        while True:
            try:
                return await self._renew(request)
            except subprocess.CalledProcessError as error:
                logger.warning("no token for %s: %s", request.service_account, error.stderr)
                await anyio.sleep(BACKOFF_LIMIT_SECONDS)

    async def _renew(self, request: TokenRequest) -> None:
        token = await self._issuer.issue(request.namespace, request.service_account)
        replace(Path(request.file), token)


@asynccontextmanager
async def _started(program: Program) -> AsyncIterator[Process]:
    """Start the program on a leash; after the block it has ended, gracefully if it could."""
    with Path(program.log).open("ab") as log:  # noqa: ASYNC230 - a local file, and nothing else waits
        process = await anyio.open_process(
            leashed(*program.argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=program.directory,
            env=program.environment,
        )
    try:
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    with anyio.move_on_after(GRACE_SECONDS):
        await process.wait()
        return
    process.kill()
    await process.wait()


def main(root: Path) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    state = StateDirectory(root)
    supervisor = Supervisor(Ledger.of(state), Issuer(state.bin / "kubectl", state.kubeconfig))
    anyio.run(supervisor.run)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
