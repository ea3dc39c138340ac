"""CPU time by process, from /proc: user and system, in seconds, of all threads that a process ever had."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")

Pids = Mapping[str, int]
Spent = Mapping[str, float]
"""Seconds, by the process's name."""


def spent(pids: Pids, proc: Path = Path("/proc")) -> Spent:
    """Return what each process has spent since it started; raises FileNotFoundError for one that has ended."""
    return {name: _seconds((proc / str(pid) / "stat").read_text(encoding="ascii")) for name, pid in pids.items()}


def _seconds(stat: str) -> float:
    """Return user and system time; see proc_pid_stat(5). The second field is a name that may hold anything."""
    after_name = stat.rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS


def between(before: Spent, after: Spent) -> Spent:
    """Return what was spent meanwhile; raises KeyError for a process that there was not before."""
    return {name: after[name] - before[name] for name in after}
