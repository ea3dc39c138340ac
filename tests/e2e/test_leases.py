"""Two processes of every component: one works, the other takes over; whichever way the first one goes."""

import signal
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from e2e.apiserver import ApiServer
from e2e.cluster.chart import NAMESPACE, RELEASE
from e2e.cluster.local import LocalCluster
from tests.e2e import manifests
from tests.e2e.candidates import COMPONENTS, EXIT_SECONDS, READY_WITHIN, Candidate, Pair, candidates, until
from tests.e2e.story import Story, is_true

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

CRASH_SECONDS = 17.0
RELEASE_SECONDS = 2.0
RESTART_SECONDS = 5.0
STOPPED_SECONDS = 20.0
FLUSHED_SECONDS = 1.0
"""Until the audit log has what was asked."""


@pytest.fixture(scope="module")
def running(suite: LocalCluster) -> Iterator[dict[str, Pair]]:
    """Two processes of each component while this module runs."""
    with candidates(suite) as pairs:
        yield pairs


@pytest.fixture
def pairs(running: dict[str, Pair]) -> dict[str, Pair]:
    """All of them up and ready."""
    for pair in running.values():
        pair.complete()
    return running


def app() -> manifests.Manifest:
    parts = {"workers": manifests.batch(4, run_seconds="1")}
    return manifests.fooset("app", batch=parts, service={"server": manifests.service(2)})


def gone_to(server: ApiServer, successors: list[Candidate], since: float, within: float) -> None:
    """Wait until each of these leads; each has taken its Lease, as that says, within one time after a moment."""
    for one in successors:
        until(lambda one=one: acquired(server, one) > since, READY_WITHIN)
        assert 0 < acquired(server, one) - since < within
        until(lambda one=one: one.leads, READY_WITHIN)


def acquired(server: ApiServer, one: Candidate) -> float:
    """When it took the Lease that it holds, in seconds since the epoch; 0 if it holds none."""
    spec = lease(server, one.program.name)
    held = spec.get("holderIdentity") == one.identity
    return datetime.fromisoformat(spec["acquireTime"]).timestamp() if held else 0.0


def lease(server: ApiServer, component: str) -> Any:
    path = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{RELEASE}-{component}"
    return server.get(path)["spec"]


def test_of_two_one_works_and_the_other_is_ready(pairs: dict[str, Pair], story: Story) -> None:
    story.apply(app())
    assert is_true(story.settle("app"), "Ready")
    for pair in pairs.values():
        assert [one.is_ready for one in pair.both] == [True, True]
        assert sorted(one.leads for one in pair.both) == [False, True]
        held = lease(story.server, pair.component)
        assert held["holderIdentity"] == pair.leader().identity
        renewed = datetime.fromisoformat(held["renewTime"])
        assert abs(time.time() - renewed.timestamp()) < CRASH_SECONDS


def test_after_kill_9_the_other_works_within_17_seconds(pairs: dict[str, Pair], story: Story) -> None:
    leaders, successors = leaders_and_standbys(pairs)
    since = time.time()
    for one in leaders:
        one.send(signal.SIGKILL)
    gone_to(story.server, successors, since, CRASH_SECONDS)
    story.apply(app())
    assert is_true(story.settle("app"), "Ready")


def test_after_sigterm_the_other_works_within_2_seconds(pairs: dict[str, Pair], story: Story) -> None:
    for pair in pairs.values():
        leader, successor = pair.leader(), pair.standby()
        since = time.time()
        leader.send(signal.SIGTERM)
        gone_to(story.server, [successor], since, RELEASE_SECONDS)
        assert leader.ends(EXIT_SECONDS) == 0
    story.apply(app())
    assert is_true(story.settle("app"), "Ready")


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_leader_that_is_started_again_works_within_5_seconds(
    pairs: dict[str, Pair], server: ApiServer, component: str
) -> None:
    leader, standby = pairs[component].leader(), pairs[component].standby()
    leader.send(signal.SIGKILL)
    leader.ends(EXIT_SECONDS)
    since = time.time()
    leader.start()
    gone_to(server, [leader], since, RESTART_SECONDS)
    assert not standby.leads


def test_a_stopped_leader_that_goes_on_writes_nothing_and_ends(pairs: dict[str, Pair], story: Story) -> None:
    """Its successor is stopped in turn while it wakes up: whatever is written meanwhile, it wrote."""
    leaders, successors = leaders_and_standbys(pairs)
    since = time.time()
    for one in leaders:
        one.send(signal.SIGSTOP)
    time.sleep(STOPPED_SECONDS)
    gone_to(story.server, successors, since, STOPPED_SECONDS)
    story.apply(app())
    story.settle("app")

    for one in successors:
        one.send(signal.SIGSTOP)
    time.sleep(FLUSHED_SECONDS)
    before = len(story.our_writes())
    story.kubectl("delete", "pods", "--all", "--wait=false")
    story.kubectl("delete", "batchfooset", "app-workers", "--wait=false")
    for one in leaders:
        one.send(signal.SIGCONT)
    assert [one.ends(5) for one in leaders] == [1] * len(leaders)
    time.sleep(FLUSHED_SECONDS)
    assert len(story.our_writes()) == before

    for one in successors:
        one.send(signal.SIGCONT)
    for pair in pairs.values():
        pair.complete()
    story.until(lambda: len(story.running("server")) == 2)


def leaders_and_standbys(pairs: dict[str, Pair]) -> tuple[list[Candidate], list[Candidate]]:
    return [pair.leader() for pair in pairs.values()], [pair.standby() for pair in pairs.values()]
