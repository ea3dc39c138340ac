"""The stage of a story. Every story is recorded, and at its end judged by the invariants.

A story that breaks one on purpose says which and why, and one in which there are two of each component says that:

    @pytest.mark.judged(breaks={"I4": "the node is cordoned behind the placer's back"})
    @pytest.mark.judged(replicas=2)
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from e2e.apiserver import ApiServer
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.invariants.history import At, History, Violation
from e2e.invariants.judge import judge
from e2e.invariants.recorder import Recorder, recording
from tests.e2e import manifests
from tests.e2e.story import Resting, Story, namespace_for, told_apart

LAG_SECONDS = 10.0
"""How far behind the placers' caches may be on a busy machine."""
RESTED_WITHIN = 15.0
"""Seconds for what a story left behind to come to rest; a story that ends at rest waits for none of them."""
POLL_SECONDS = 0.2


AT_REST_SECONDS = 2.0
"""For the last writes to be written down."""


LAST = ("test_rights", "test_idle")
"""What looks back at all stories; and what waits for minutes to pass, which they do meanwhile."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have some stories come last, in this order."""
    items.sort(key=lambda item: LAST.index(item.path.stem) if item.path.stem in LAST else -1)


@dataclass(frozen=True, slots=True)
class Judged:
    """How the recording of a story is judged."""

    breaks: Mapping[str, str] = field(default_factory=dict[str, str])
    replicas: int = 1


@pytest.fixture(scope="session")
def server(suite: LocalCluster) -> Iterator[ApiServer]:
    """The API server, as the administrator."""
    with ApiServer.of(suite.kubeconfig) as server:
        yield server


@pytest.fixture(scope="session")
def recorder(suite: LocalCluster) -> Iterator[Recorder]:
    """The recording of all stories, from before the first."""
    with recording(suite.kubeconfig) as recorder:
        yield recorder


@pytest.fixture(scope="session")
def resting(suite: LocalCluster, server: ApiServer) -> Resting:
    """A set that settled before the first story and that nobody touches."""
    suite.have_namespace("idle")
    story = Story(suite, server, "idle")
    story.apply(manifests.small("idle"))
    fooset = story.settle("idle")
    time.sleep(AT_REST_SECONDS)
    spans = list(story.trace(fooset, 0).spans)
    return Resting(story, time.monotonic(), fooset, story.our_writes(), spans)


@pytest.fixture
def story(
    suite: LocalCluster, server: ApiServer, recorder: Recorder, resting: Resting, request: pytest.FixtureRequest
) -> Iterator[Story]:
    """A namespace of the test's own, named after it."""
    del resting  # it rests from before the first story
    name = namespace_for(request.node.name)
    suite.have_namespace(name)
    story = Story(suite, server, name)
    yield story
    mark = request.node.get_closest_marker("judged")
    broken = _broken(story, recorder, Judged(**mark.kwargs) if mark else Judged())
    suite.kubectl("delete", "namespace", name, "--wait=false")
    assert not broken, "\n".join(map(str, broken))


def _broken(story: Story, recorder: Recorder, how: Judged) -> list[Violation]:
    """Judge what is always, then, as soon as all has come to rest, what is to be then; what does not may be both."""
    deadline = time.monotonic() + RESTED_WITHIN
    at = At(lag=LAG_SECONDS, replicas=how.replicas)
    while True:
        now = datetime.now(UTC)  # noqa: TID251 - the harness's own time
        history = History.of(recorder.until_now(), story.writes(), namespace=story.namespace)
        always = _unexpected(judge(history, at), how)
        at_rest = _unexpected(judge(history, replace(at, rest=now)), how)
        if always or not at_rest or time.monotonic() > deadline:
            return always or at_rest
        time.sleep(POLL_SECONDS)


def _unexpected(found: list[Violation], how: Judged) -> list[Violation]:
    return [violation for violation in found if violation.invariant not in how.breaks]


# ---- the same without our admission policies


@pytest.fixture(scope="session")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster of its own, where the chart is installed without its policies, and its components run."""
    made = LocalCluster(tmp_path_factory.mktemp("unguarded") / "cluster", progress=Progress(quiet=True))
    values = {"policies": {"enabled": False}}
    try:
        made.up(node_count=2, with_jaeger=False)
        made.install(values)
        yield made
    finally:
        made.down()


@pytest.fixture
def unguarded_story(unguarded: LocalCluster, request: pytest.FixtureRequest) -> Iterator[Story]:
    """A namespace of the test's own there."""
    with told_apart(unguarded, request.node.name) as story:
        yield story


@pytest.fixture(params=["story", "unguarded_story"])
def anywhere(request: pytest.FixtureRequest) -> Story:
    """A namespace in a cluster with the policies, and in one without."""
    return request.getfixturevalue(request.param)
