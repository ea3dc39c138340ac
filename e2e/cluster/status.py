"""What runs of a cluster: one row a process."""

from dataclasses import dataclass
from pathlib import Path

from e2e.cluster import controlplane, processes
from e2e.cluster.state import Record, StateDirectory
from e2e.cluster.supervision import Supervision


@dataclass(frozen=True, slots=True)
class Row:
    """One process."""

    name: str
    pid: int | None
    """`None` if it does not run."""
    restarts: int
    url: str
    log: Path


def rows(state: StateDirectory, record: Record) -> list[Row]:
    """Return the processes of the control plane, the supervisor, and what that keeps running."""
    own = [
        Row(name, _alive(controlplane.pid_of(state, name), record), 0, _url(name, record), state.log(name))
        for name in controlplane.PROCESSES
    ]
    return [*own, *supervised(Supervision(state, record))]


def supervised(supervision: Supervision) -> list[Row]:
    """Return the supervisor and what it keeps running."""
    supervisor = Row("supervisor", supervision.pid(), 0, "", supervision.state.log("supervisor"))
    lives = {name: supervision.life(name) for name in supervision.programs()}
    kept = [
        Row(program.name, lives[name].pid, lives[name].restarts, program.ready_url, Path(program.log))
        for name, program in supervision.programs().items()
    ]
    return [supervisor, *kept]


def _alive(pid: int | None, record: Record) -> int | None:
    return pid if pid is not None and processes.is_alive(pid, record.id) else None


def _url(name: str, record: Record) -> str:
    return record.server if name == "kube-apiserver" else ""
