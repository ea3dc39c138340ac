import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from e2e.cluster.errors import ClusterError
from e2e.cluster.state import Record, StateDirectory
from e2e.cluster.supervision import REPOSITORY
from tests.cluster.waiting import until


@pytest.fixture
def python() -> Iterator[Callable[[str], "subprocess.Popen[bytes]"]]:
    """Starts a Python of its own with some code; all are ended after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


REPLACE_FOR_EVER = """
from pathlib import Path
from e2e.cluster.state import replace
while True:
    for letter in b"ab":
        replace(Path({path!r}), bytes([letter]) * 200_000)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(
    tmp_path: Path, python: Callable[[str], "subprocess.Popen[bytes]"]
) -> None:
    path = tmp_path / "state.json"
    whole = (b"a" * 200_000, b"b" * 200_000)
    for _ in range(10):
        path.unlink(missing_ok=True)
        writer = python(REPLACE_FOR_EVER.format(path=str(path)))
        until(path.exists)
        for _ in range(20):
            assert path.read_bytes() in whole
        writer.kill()
        writer.wait()
        assert path.read_bytes() in whole


def test_the_record_survives_the_harness(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "cluster")
    with state.locked(create=True):
        record = msgspec.structs.replace(state.begin("local"), server="https://127.0.0.1:1", control_plane=True)
        state.save(record)
    assert StateDirectory(tmp_path / "cluster").load() == record
    assert state.begin("local") == record


def test_removal_leaves_nothing_and_takes_no_linked_directory_along(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    state = StateDirectory(tmp_path / "cluster")
    state.root.mkdir()
    state.begin("local")
    (state.root / "link").symlink_to(outside)
    state.remove()
    assert [entry.name for entry in tmp_path.iterdir()] == ["outside"]
    assert (outside / "file").exists()


def test_a_directory_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    state = StateDirectory(tmp_path)
    with pytest.raises(ClusterError, match=r"thesis\.tex"):
        state.begin("local")
    with pytest.raises(ClusterError, match=r"thesis\.tex"):
        state.remove_unused()
    assert (tmp_path / "thesis.tex").exists()


def test_a_directory_abandoned_before_its_record_is_removed(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "cluster")
    state.root.mkdir()
    (state.root / ".state.json.4711").touch()
    state.remove_unused()
    assert not state.root.exists()


def test_a_record_of_another_layout_is_refused(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    state.save(Record(provider="local", id="x", layout=999))
    with pytest.raises(ClusterError, match="another version"):
        state.load()


HOLD = """
import signal
from pathlib import Path
from e2e.cluster.state import StateDirectory
with StateDirectory(Path({root!r})).locked(create=True):
    Path({told!r}).touch()
    signal.pause()
"""


def waits_for_a_lock(process: "subprocess.Popen[bytes]") -> bool:
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return any(str(process.pid) in fields for fields in waiting)


def test_one_harness_at_a_time_and_a_killed_one_lets_go(
    tmp_path: Path, python: Callable[[str], "subprocess.Popen[bytes]"]
) -> None:
    root, told = tmp_path / "cluster", [tmp_path / "first", tmp_path / "second"]
    first = python(HOLD.format(root=str(root), told=str(told[0])))
    until(told[0].exists)
    second = python(HOLD.format(root=str(root), told=str(told[1])))
    until(lambda: waits_for_a_lock(second))
    assert not told[1].exists()
    first.kill()
    until(told[1].exists)


def test_a_lock_on_a_directory_that_is_gone_is_not_taken(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "gone")
    with state.locked(create=False) as exists:
        assert not exists
    assert not state.root.exists()
