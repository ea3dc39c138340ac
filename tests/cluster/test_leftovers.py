"""`down` finds everything, whatever happened to `up`."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.cluster.binaries import Binaries
from e2e.cluster.errors import ClusterError
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.cluster.supervision import REPOSITORY
from e2e.cluster.toolchain import LOCAL_TOOLS
from tests.cluster.machine import belonging, listening
from tests.cluster.waiting import until

pytestmark = pytest.mark.cluster

MOMENTS: dict[str, Callable[[Path], bool]] = {
    "the directory": lambda root: root.exists(),
    "the record": lambda root: (root / "state.json").exists(),
    "the first process": lambda root: (root / "logs" / "etcd.log").exists(),
    "the API server": lambda root: (root / "kwok/clusters/foosets/pids/kube-apiserver.pid").exists(),
    "the control plane": lambda root: (root / "kubeconfig").exists(),
    "Jaeger": lambda root: (root / "logs" / "jaeger.log").exists(),
}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "cluster"
    LocalCluster(tmp_path / "cluster").down()


@pytest.fixture
def harness(root: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "e2e.cluster", "up", "--no-components", "--nodes=1", "--state", str(root)],
        cwd=REPOSITORY,
        env={**os.environ, "CLUSTER": "local"},
        stdout=subprocess.DEVNULL,
    )
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("moment", MOMENTS)
def test_down_after_the_harness_was_killed(root: Path, harness: "subprocess.Popen[bytes]", moment: str) -> None:
    until(lambda: MOMENTS[moment](root), seconds=60)
    harness.kill()
    harness.wait()
    ports = listening(belonging(root))
    LocalCluster(root).down()
    assert belonging(root) == set()
    assert listening() & ports == set()
    assert not root.exists()


def test_up_after_the_harness_was_killed(root: Path, harness: "subprocess.Popen[bytes]") -> None:
    until(lambda: MOMENTS["the API server"](root), seconds=60)
    harness.kill()
    harness.wait()
    cluster = LocalCluster(root)
    cluster.up(node_count=1)
    assert {row.pid for row in cluster.status()} == belonging(root)


@pytest.mark.parametrize("broken", ["etcd", "kube-apiserver", "kube-scheduler", "kwokctl", "jaeger"])
def test_a_failed_up_shows_the_right_log_and_can_be_taken_down(root: Path, tmp_path: Path, broken: str) -> None:
    cluster = BrokenCluster(root, tmp_path / "bin", broken)
    with pytest.raises(ClusterError, match="cannot work like this"):
        cluster.up(node_count=1)
    ports = listening(belonging(root))
    cluster.down()
    assert belonging(root) == set()
    assert listening() & ports == set()
    assert not root.exists()


class BrokenCluster(LocalCluster):
    """A cluster of which one program says why it cannot work, and ends."""

    def __init__(self, root: Path, directory: Path, broken: str) -> None:
        super().__init__(root)
        found = Binaries.find(Progress(quiet=True))
        directory.mkdir()
        stand_in = directory / broken
        stand_in.write_text(STAND_IN.format(real=next(found[tool] for tool in LOCAL_TOOLS if tool.name == broken)))
        stand_in.chmod(0o755)
        self._binaries = Binaries({**found.paths, broken: stand_in})


STAND_IN = """#!/bin/sh
[ "$1" = --version ] && exec {real} --version
echo cannot work like this >&2
exit 1
"""
