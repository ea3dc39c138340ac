"""A small contest on a real API server: everybody has all pods bound, and nobody overcommits. Time is not judged."""

import json
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from e2e.bench.contest.arena import Arena
from e2e.bench.contest.race import Run, race
from e2e.bench.contest.rivals import RIVALS, Rival

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

PODS, NODES = 30, 20
PLACED_BY_CREATION = {"raw-create", "batch"}
BY_SUITE = sorted(RIVALS, key=lambda rival: rival.suite)  # so that it comes in once


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    made = Arena(tmp_path_factory.mktemp("contest") / "cluster")
    try:
        made.up(NODES)
        yield made
    finally:
        made.down()


@pytest.mark.parametrize("rival", BY_SUITE, ids=lambda rival: rival.name)
def test_a_rival_has_all_its_pods_bound_and_no_node_overcommitted(arena: Arena, rival: Rival) -> None:
    arena.have_suite(present=rival.suite)

    found: Run = anyio.run(race, arena, rival, PODS, NODES)

    assert found.pods == PODS
    assert 0 < found.bound_seconds <= found.running_seconds
    assert found.cpu_seconds["kube-apiserver"] > 0
    assert found.writes["POST pods"] == PODS
    assert found.writes.get("POST pods/binding", 0) == (0 if rival.name in PLACED_BY_CREATION else PODS)
    assert ("batchfooset" in found.cpu_seconds) == rival.suite
    assert json.loads(arena.cluster.kubectl("get", "pods", "--all-namespaces", "-o", "json"))["items"] == []


def test_the_suites_policies_are_there_only_while_it_competes(arena: Arena) -> None:
    def policies() -> str:
        return arena.cluster.kubectl("get", "validatingadmissionpolicies,mutatingadmissionpolicies", "-o", "name")

    arena.have_suite(present=True)
    assert policies()
    arena.have_suite(present=False)
    assert not policies()


@pytest.mark.parametrize("name", ["kube-scheduler", "kube-controller-manager"])
def test_nobody_who_competes_is_an_administrator(arena: Arena, name: str) -> None:
    config = arena.cluster.state.kwok / f"{name}.kubeconfig"
    who = arena.cluster.kubectl(f"--kubeconfig={config}", "auth", "whoami", "-o", "json")
    assert json.loads(who)["status"]["userInfo"] == {"username": f"system:{name}", "groups": ["system:authenticated"]}
    assert f"--kubeconfig={config}" in _arguments(arena, name)


def _arguments(arena: Arena, name: str) -> list[str]:
    return Path(f"/proc/{arena.pids()[name]}/cmdline").read_text().split("\0")
