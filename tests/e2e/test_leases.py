"""Two processes of every component: one works, the other takes over; whichever way the first one goes."""

import signal
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from e2e.cluster.local import LocalCluster
from tests.e2e import manifests
from tests.e2e.candidates import COMPONENTS, Candidate, Pair, candidates, until
from tests.e2e.story import Story, is_true

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

CRASH_SECONDS = 17.0
RELEASE_SECONDS = 2.0
RESTART_SECONDS = 5.0
EXIT_SECONDS = 10.0
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


def gone_to(successors: list[Candidate], within: float) -> None:
    """Wait until each of these leads, all within one time."""
    deadline = time.monotonic() + within
    for one in successors:
        until(lambda one=one: one.leads, deadline - time.monotonic())


def test_of_two_one_works_and_the_other_is_ready(pairs: dict[str, Pair], story: Story) -> None:
    story.apply(app())
    assert is_true(story.settle("app"), "Ready")
    for pair in pairs.values():
        assert [one.is_ready for one in pair.both] == [True, True]
        assert sorted(one.leads for one in pair.both) == [False, True]
        lease = story.server.get(
            f"/apis/coordination.k8s.io/v1/namespaces/foosets-system/leases/foosets-{pair.component}"
        )
        assert lease["spec"]["holderIdentity"] == pair.leader().identity
        renewed = datetime.fromisoformat(lease["spec"]["renewTime"])
        assert abs(time.time() - renewed.timestamp()) < CRASH_SECONDS


def test_after_kill_9_the_other_works_within_17_seconds(pairs: dict[str, Pair], story: Story) -> None:
    leaders, successors = leaders_and_standbys(pairs)
    for one in leaders:
        one.send(signal.SIGKILL)
    gone_to(successors, CRASH_SECONDS)
    story.apply(app())
    assert is_true(story.settle("app"), "Ready")


def test_after_sigterm_the_other_works_within_2_seconds(pairs: dict[str, Pair], story: Story) -> None:
    for pair in pairs.values():
        leader, successor = pair.leader(), pair.standby()
        leader.send(signal.SIGTERM)
        gone_to([successor], RELEASE_SECONDS)
        assert leader.ends(EXIT_SECONDS) == 0
    story.apply(app())
    assert is_true(story.settle("app"), "Ready")


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_leader_that_is_started_again_works_within_5_seconds(pairs: dict[str, Pair], component: str) -> None:
    leader, standby = pairs[component].leader(), pairs[component].standby()
    leader.send(signal.SIGKILL)
    leader.ends(EXIT_SECONDS)
    leader.start()
    gone_to([leader], RESTART_SECONDS)
    assert not standby.leads


def test_a_stopped_leader_that_goes_on_writes_nothing_and_ends(pairs: dict[str, Pair], story: Story) -> None:
    """Its successor is stopped in turn while it wakes up: whatever is written meanwhile, it wrote."""
    leaders, successors = leaders_and_standbys(pairs)
    for one in leaders:
        one.send(signal.SIGSTOP)
    time.sleep(STOPPED_SECONDS)
    gone_to(successors, 1.0)
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
