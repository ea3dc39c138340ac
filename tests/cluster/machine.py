"""What the machine runs, seen without the harness's own marks and records."""

import os
from collections.abc import Iterator
from pathlib import Path

LISTEN = "0A"


def belonging(root: Path) -> set[int]:
    """Return the processes whose command line or working directory names a state directory."""
    return {pid for pid in _pids() if _names(pid, root)}


def listening(pids: set[int] | None = None) -> set[tuple[str, int]]:
    """Return address and port of every TCP listener, or of those of some processes."""
    inodes = None if pids is None else {inode for pid in pids for inode in _sockets(pid)}
    return {(address, port) for address, port, inode in _listeners() if inodes is None or inode in inodes}


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _names(pid: int, root: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        directory = Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return False  # it ended, or is a zombie
    return pid != os.getpid() and (os.fsencode(root) in command or directory.is_relative_to(root))


def _sockets(pid: int) -> Iterator[str]:
    try:
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return
    yield from (link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:["))


def _listeners() -> Iterator[tuple[str, int, str]]:
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN:
                address, port = fields[1].split(":")
                yield address, int(port, 16), fields[9]
