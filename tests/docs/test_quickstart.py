"""The quick start, run as it is written."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.cluster import processes
from e2e.cluster.engine import Engine
from e2e.cluster.kubeconfig import context_name
from e2e.cluster.state import StateDirectory
from e2e.cluster.supervision import REPOSITORY

pytestmark = pytest.mark.kind

PAGE = REPOSITORY / "docs" / "quickstart.md"
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
COMMANDS = 6


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A clone of what is committed, with its environment made by its own Makefile."""
    subprocess.run(["git", "clone", "--quiet", REPOSITORY, tmp_path / "clone"], check=True)
    yield tmp_path / "clone"
    record = StateDirectory(tmp_path / "clone" / ".cluster").load()
    subprocess.run(["make", "down"], cwd=tmp_path / "clone", check=True)
    assert not (tmp_path / "clone" / ".cluster").exists()
    assert record is not None
    assert processes.find(record.id) == []
    nodes = Engine().docker("ps", "--all", "--quiet", f"--filter=label=io.x-k8s.kind.cluster={context_name(record)}")
    assert nodes == ""


def test_six_commands_lead_from_no_cluster_to_a_waterfall(clone: Path) -> None:
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == COMMANDS
    # a person's shell: it keeps what `eval` exports, and stops at the first failure here only
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PYTEST"))}
    done = subprocess.run(
        ["bash", "-euo", "pipefail"],
        input="".join(blocks),
        cwd=clone,
        env=outside,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "fooset.foo.example.com/demo condition met" in done.stdout
    assert "\nFooSet demo is ready.\n" in done.stdout
    drawn = done.stdout[done.stdout.index("foosets.rollout demo") :]
    assert re.search(r"batchfooset\.refine workers .* ━", drawn)
    assert re.search(r"bind .*worker", drawn)
