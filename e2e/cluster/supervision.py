"""The harness's side of the supervisor: start it, tell it what shall run, wait until it does."""

import http.client
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from e2e.cluster import processes
from e2e.cluster.client import environment
from e2e.cluster.errors import ClusterError
from e2e.cluster.programs import Ledger, Life, Program
from e2e.cluster.state import Record, StateDirectory

REPOSITORY: Final = Path(__file__).resolve().parents[2]
ACT_SECONDS: Final = 20.0
READY_SECONDS: Final = 90.0
"""Long: many start at once on a small machine. One that cannot start keeps ending, which is noticed at once."""
PATIENCE: Final = 2
"""Restarts during the wait: a program that ended twice will end again."""
POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Supervision:
    """The supervisor of one cluster."""

    state: StateDirectory
    record: Record

    @property
    def ledger(self) -> Ledger:
        """What is wanted and what is observed."""
        return Ledger.of(self.state)

    def pid(self) -> int | None:
        """Return the supervisor's pid; `None` if it does not run."""
        observed = self.ledger.observed()
        return observed.pid if observed and processes.is_alive(observed.pid, self.record.id) else None

    def programs(self) -> dict[str, Program]:
        """Return what shall run, by name."""
        return self.ledger.wanted().programs

    def life(self, name: str) -> Life:
        """Return how a program fares; an empty life if it does not run."""
        observed = self.ledger.observed()
        return observed.lives.get(name, Life()) if observed and self.pid() else Life()

    def keep(self, *programs: Program) -> None:
        """Have these programs run, beside those that already do; return when the supervisor acted upon it."""
        self._act({**self.programs(), **{program.name: program for program in programs}})

    def restart(self, program: Program) -> None:
        """End the program's process gracefully and start another."""
        self.keep(msgspec.structs.replace(program, generation=program.generation + 1, stopped=False))

    def end(self) -> None:
        """End every program gracefully, and the supervisor."""
        if pid := self.pid():
            processes.end(pid, self.record.id, signal.SIGTERM, ACT_SECONDS)

    def wait_ready(self, program: Program, timeout: float = READY_SECONDS) -> None:
        """Wait until the program answers at its readiness URL; give up early on one that keeps ending."""
        deadline = time.monotonic() + timeout
        patience = self.life(program.name).restarts + PATIENCE
        while not answers(program.ready_url):
            if time.monotonic() > deadline or self.life(program.name).restarts >= patience:
                raise ClusterError(f"{program.name} is not ready at {program.ready_url}", log=Path(program.log))
            time.sleep(POLL_SECONDS)

    def _act(self, programs: dict[str, Program]) -> None:
        revision = self.ledger.want(programs)
        if (pid := self.pid()) is None:
            self._start()
        else:
            processes.send(pid, self.record.id, signal.SIGHUP)
        self._wait_for(revision)

    def _start(self) -> None:
        """Start a supervisor that survives the harness; it reads what is wanted by itself.

        The shell leaves it to init at once: it is never a child, and so never a zombie, of a long test run.
        """
        self.ledger.observed_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "e2e.cluster.supervisor", str(self.state.root)]
        with self.state.log("supervisor").open("ab") as log:
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *command],
                cwd=REPOSITORY,
                env=environment(self.state, self.record),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                check=True,
            )

    def _wait_for(self, revision: int) -> None:
        deadline = time.monotonic() + ACT_SECONDS
        while not (observed := self.ledger.observed()) or observed.revision < revision:
            if time.monotonic() > deadline:
                raise ClusterError("the supervisor does not answer", log=self.state.log("supervisor"))
            time.sleep(POLL_SECONDS)


def answers(url: str) -> bool:
    """Return whether a plain HTTP GET is answered with 200 within a second."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=1.0)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
