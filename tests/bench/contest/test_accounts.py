"""CPU time is what the kernel says it is, a process at a time; quiet is when nobody spends any worth speaking of."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.bench.contest.cpu import TICKS, between, spent
from e2e.bench.contest.quiet import SHARE, RestlessError, calm, is_calm, shares


def stat(name: str, user: int, system: int) -> str:
    """A line of /proc/<pid>/stat as proc_pid_stat(5) has it: utime is field 14, stime is field 15."""
    return f"42 ({name}) S 1 1 1 0 -1 4194560 100 0 0 0 {user} {system} 7 9\n"


def test_user_and_system_time_count_whatever_the_process_is_called(tmp_path: Path) -> None:
    for pid, name in ((1, "etcd"), (2, "odd) name 1 2 3")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(stat(name, user=3 * TICKS, system=TICKS // 2))

    assert spent({"etcd": 1, "odd": 2}, proc=tmp_path) == {"etcd": 3.5, "odd": 3.5}


def test_a_process_that_has_ended_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        spent({"etcd": 1}, proc=tmp_path)


def test_this_process_spends_what_it_says_it_spends() -> None:
    pids = {"own": os.getpid()}
    before, began = spent(pids), time.process_time()
    while time.process_time() - began < 0.2:
        pass

    assert between(before, spent(pids))["own"] == pytest.approx(0.2, abs=0.1)


def test_a_process_that_came_later_has_no_account() -> None:
    assert between({"a": 1.0, "gone": 5.0}, {"a": 1.5}) == {"a": 0.5}
    with pytest.raises(KeyError, match="new"):
        between({"a": 1.0}, {"a": 1.5, "new": 1.0})


def test_shares_are_of_a_core() -> None:
    assert shares({"a": 1.0, "b": 2.0}, {"a": 1.5, "b": 2.0}, seconds=2.0) == {"a": 0.25, "b": 0.0}


def test_one_process_at_work_is_no_quiet() -> None:
    assert is_calm({"a": SHARE, "b": 0.0})
    assert not is_calm({"a": 0.0, "b": SHARE + 0.01})


async def test_quiet_begins_where_the_work_had_ended() -> None:
    readings: Iterator[float] = iter([0.0, 1.0, 2.0, 2.0])

    found = await calm(lambda: {"a": next(readings)}, window=0.01)

    assert found.spent == {"a": 2.0}
    assert found.shares == {"a": 0.0}


async def test_who_never_rests_is_named() -> None:
    readings = iter(range(1000))
    with pytest.raises(RestlessError, match="busy"):
        await calm(lambda: {"busy": float(next(readings))}, window=0.01, longest=0.05)
