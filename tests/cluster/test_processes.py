import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.cluster import processes
from e2e.cluster.leash import leashed
from e2e.cluster.ports import free_ports
from tests.cluster.machine import listening
from tests.cluster.waiting import until

MARK = f"test-{os.getpid()}"
SLEEP = ["/bin/sleep", "300"]


@pytest.fixture
def started() -> Iterator[list["subprocess.Popen[bytes]"]]:
    """What a test started; ended by its own handle, whatever the test did."""
    made: list[subprocess.Popen[bytes]] = []
    yield made
    for process in made:
        process.kill()
        process.wait()


def marked(mark: str = MARK) -> dict[str, str]:
    return {"PATH": os.defpath, processes.MARK: mark}


def test_finds_and_kills_what_carries_the_mark_and_nothing_else(started: list["subprocess.Popen[bytes]"]) -> None:
    ours = subprocess.Popen(SLEEP, env=marked())
    neighbour = subprocess.Popen(SLEEP, env=marked(MARK + "0"))
    stranger = subprocess.Popen(SLEEP, env={})
    started += [ours, neighbour, stranger]
    until(lambda: processes.find(MARK) == [ours.pid])
    assert processes.kill_all(MARK) == 1
    assert ours.wait(5) == -signal.SIGKILL
    assert neighbour.poll() is None
    assert stranger.poll() is None


def test_finds_a_grandchild_in_a_session_of_its_own_whose_parents_are_gone() -> None:
    subprocess.run(["/bin/sh", "-c", "sleep 300 &"], env=marked(), start_new_session=True, check=True)
    until(lambda: processes.find(MARK))
    assert processes.kill_all(MARK) == 1
    assert processes.find(MARK) == []


def test_ending_one_waits_for_its_end(started: list["subprocess.Popen[bytes]"]) -> None:
    ours = subprocess.Popen(SLEEP, env=marked())
    started.append(ours)
    until(lambda: processes.is_alive(ours.pid, MARK))
    processes.end(ours.pid, MARK, signal.SIGTERM, 10)
    assert ours.poll() == -signal.SIGTERM


def test_a_killed_process_has_given_back_its_port(started: list["subprocess.Popen[bytes]"]) -> None:
    serve = "import socket, threading; s = socket.create_server(('127.0.0.1', {})); b = bytes(2**28); s.accept()"
    for _ in range(5):
        [port] = free_ports(1)
        started.append(subprocess.Popen([sys.executable, "-c", serve.format(port)], env=marked()))
        until(lambda port=port: listens(port))
        processes.kill_all(MARK)
        assert not listens(port)


def listens(port: int) -> bool:
    return port in {number for _, number in listening()}


def test_a_pid_that_belongs_to_somebody_else_is_not_signalled(started: list["subprocess.Popen[bytes]"]) -> None:
    stranger = subprocess.Popen(SLEEP, env={})
    started.append(stranger)
    assert not processes.send(stranger.pid, MARK, signal.SIGKILL)
    assert stranger.poll() is None


def test_a_pid_that_is_gone_is_no_error() -> None:
    gone = subprocess.Popen(["/bin/true"], env=marked())
    gone.wait()
    assert not processes.send(gone.pid, MARK, signal.SIGKILL)
    processes.end(gone.pid, MARK, signal.SIGTERM, 0)
    assert processes.kill_all(MARK) == 0


def test_on_a_leash_a_program_dies_with_its_killed_parent(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = leashed("/bin/sh", "-c", f"echo $$ > {pid_file}; exec sleep 300")
    parent = f"import subprocess; subprocess.run({program!r})"
    holder = subprocess.Popen([sys.executable, "-c", parent], env=marked())
    until(lambda: pid_file.exists() and pid_file.read_text().strip())
    leashed_pid = int(pid_file.read_text())
    assert processes.is_alive(leashed_pid, MARK)
    holder.kill()
    holder.wait()
    until(lambda: not processes.is_alive(leashed_pid, MARK))
