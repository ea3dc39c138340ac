"""Which processes belong to a cluster, and ending them for certain.

Every process that is started for a cluster carries the cluster's mark in its environment, and children inherit it.
So a process is found even if whoever started it was killed before a pid could be written down, and a pid that the
kernel gave to somebody else is never signalled: the mark is read again through a pidfd, which cannot change owners.
"""

import os
import select
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

MARK: Final = "FOOSETS_CLUSTER"
"""The environment variable; its value is the cluster's id."""
PROC: Final = Path("/proc")


def find(mark: str) -> list[int]:
    """Return the pids of all living processes with this mark."""
    return [pid for pid in _pids() if _is_marked(pid, mark)]


def is_alive(pid: int, mark: str) -> bool:
    """Return whether this pid is a living process of the cluster."""
    return _is_marked(pid, mark)


def send(pid: int, mark: str, what: signal.Signals) -> bool:
    """Signal one process of the cluster; return whether there was one."""
    with _held(pid, mark) as handle:
        return handle is not None and _signal(handle, what)


def end(pid: int, mark: str, what: signal.Signals, timeout: float) -> None:
    """Signal one process of the cluster and wait for its end, at most `timeout` seconds."""
    with _held(pid, mark) as handle:
        if handle is not None and _signal(handle, what):
            _wait(handle, timeout)


def kill_all(mark: str, timeout: float = 10.0) -> int:
    """Kill every process with this mark and wait until each has given back its ports; return how many there were.

    Looks again until nothing is found: a process may have been starting another when it was killed.
    """
    deadline = time.monotonic() + timeout
    killed = 0
    while pids := find(mark):
        with ExitStack() as stack:
            handles = [handle for pid in pids if (handle := stack.enter_context(_held(pid, mark))) is not None]
            killed += sum(_signal(handle, signal.SIGKILL) for handle in handles)
            for handle in handles:
                _wait(handle, max(0.0, deadline - time.monotonic()))
        if time.monotonic() >= deadline:
            raise TimeoutError(f"processes {pids} do not end")
    return killed


def _pids() -> Iterator[int]:
    own = os.getpid()
    for entry in PROC.iterdir():
        if entry.name.isdigit() and int(entry.name) != own:
            yield int(entry.name)


def _is_marked(pid: int, mark: str) -> bool:
    """Return whether the environment of this pid carries the mark; a zombie's is empty, another user's unreadable."""
    try:
        environ = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in environ.split(b"\0")


@contextmanager
def _held(pid: int, mark: str) -> Iterator[int | None]:
    """Yield a pidfd of the process; `None` if it is not the cluster's. It stays valid while the process dies.

    A dying process loses its environment before it closes its sockets: the mark is looked at once, before.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle if _is_marked(pid, mark) else None
    finally:
        os.close(handle)


def _signal(handle: int, what: signal.Signals) -> bool:
    try:
        signal.pidfd_send_signal(handle, what)
    except ProcessLookupError:
        return False
    return True


def _wait(handle: int, timeout: float) -> None:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.poll(timeout * 1000)
