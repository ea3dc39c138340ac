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
from contextlib import contextmanager, suppress
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
    with _opened(pid) as handle:
        if handle is None or not _is_marked(pid, mark):
            return False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, what)
        return True


def wait(pid: int, mark: str, timeout: float) -> bool:
    """Wait until one process of the cluster has ended, at most `timeout` seconds; return whether it has."""
    with _opened(pid) as handle:
        if handle is None or not _is_marked(pid, mark):
            return True
        return bool(select.select([handle], [], [], timeout)[0])


def kill_all(mark: str, timeout: float = 10.0) -> int:
    """Kill every process with this mark and wait for its end; return how many there were.

    Looks again until nothing is found: a process may have been starting another when it was killed.
    """
    deadline = time.monotonic() + timeout
    killed = 0
    while pids := find(mark):
        killed += sum(send(pid, mark, signal.SIGKILL) for pid in pids)
        for pid in pids:
            wait(pid, mark, max(0.0, deadline - time.monotonic()))
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
def _opened(pid: int) -> Iterator[int | None]:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)
