"""A peer that is gone without a word, and the system's own clocks: nothing here is virtual."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from foosets.kube.keepalive import keep_alive

ROOT = Path(__file__).parents[2]
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_a_peer_that_is_gone_is_found_in_thirty_seconds(tmp_path: Path) -> None:
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


def test_a_connection_asks_the_system_to_look_after_its_peer() -> None:
    with socket.socket() as opened:
        keep_alive(opened)
        options = {
            name: opened.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
            for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            if hasattr(socket, name)
        }
        assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert options["TCP_KEEPIDLE"] + options["TCP_KEEPINTVL"] * options["TCP_KEEPCNT"] <= 25
    assert options.get("TCP_USER_TIMEOUT", 0) <= 25_000
