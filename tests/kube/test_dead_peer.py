"""A peer that is gone without a word, and the system's own clocks: nothing here is virtual."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_peer_that_is_gone_is_found_in_thirty_seconds(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("no network namespace can be made here: there is no unshare")
    attempt = [*NAMESPACE, "ip", "link", "add", "here", "type", "veth", "peer", "name", "there"]
    allowed = subprocess.run(attempt, check=False, capture_output=True, text=True)
    if allowed.returncode:
        pytest.skip(f"no network namespace can be made here: {allowed.stderr.strip()}")
    program = [*NAMESPACE, sys.executable, "-m", "tests.kube.deadpeer", str(tmp_path)]
    environ = os.environ | {"PYTHONPATH": f"{ROOT / 'controllers'}:{ROOT}"}
    said = subprocess.run(program, cwd=ROOT, env=environ, check=True, stdout=subprocess.PIPE).stdout
    found = json.loads(said)
    assert found.keys() == {"watch", "write", "watch by a proxy"}
    assert {name: seconds for name, seconds in found.items() if not 20 < seconds <= 30} == {}, found
