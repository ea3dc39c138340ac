"""Whatever keeps a set, its row says why within seconds, status whom to look at, and one Event that it came about."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from e2e.cluster.local import LocalCluster
from foosets.planning.trace import parse_traceparent
from tests.e2e import causes
from tests.e2e.causes import (
    APP,
    BATCH,
    ENDED,
    SERVICE,
    TOP,
    UNPLACED_POD,
    UNREADY_POD,
    UNRESERVED,
    Blamed,
    Case,
    blamed_by,
    events,
    reasons_told,
    told_after,
)
from tests.e2e.manifests import Manifest
from tests.e2e.story import Story, is_true, namespace_for
from tests.e2e.test_rejections import reject, successor

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

SHOWN_WITHIN = 5.0
"""Seconds from the set to the status that names its cause, by the API server's record; and from there to the Event."""
MENDED_WITHIN = 30.0

workers, server = causes.workers, causes.server
CASES = {
    "a FooQuota": Case("QuotaExceeded", UNRESERVED, causes.limits(pods="0"), causes.without_limits),
    "a quota of pods, for a batch": Case("QuotaExceeded", BATCH, causes.quota(pods="0"), causes.without_quota),
    "a quota of pods, for a service": Case(
        "QuotaExceeded", SERVICE, causes.quota(pods="0"), causes.without_quota, lambda _: server()
    ),
    "a quota of children": Case(
        "QuotaExceeded", TOP, causes.quota(**{"count_batchfoosets.foo.example.com": "0"}), causes.without_quota
    ),
    "no node has the cpu, for a batch": Case(
        "NoFit", BATCH, causes.nothing, causes.apply(workers()), lambda _: workers(cpu="100")
    ),
    "no node has the cpu, for a service": Case(
        "NoFit", UNPLACED_POD, causes.nothing, causes.apply(server()), lambda _: server(cpu="100")
    ),
    "a taint, for a batch": Case(
        "NoFit",
        BATCH,
        partial(causes.node, taints=(causes.MAINTENANCE,)),
        causes.untaint,
        causes.on_own_node(workers()),
    ),
    "a taint, for a service": Case(
        "NoFit",
        UNPLACED_POD,
        partial(causes.node, taints=(causes.MAINTENANCE,)),
        causes.untaint,
        causes.on_own_node(server()),
    ),
    "a cordoned node, for a batch": Case(
        "NoFit", BATCH, partial(causes.node, cordoned=True), causes.uncordon, causes.on_own_node(workers())
    ),
    "a cordoned node, for a service": Case(
        "NoFit", UNPLACED_POD, partial(causes.node, cordoned=True), causes.uncordon, causes.on_own_node(server())
    ),
    "a missing PriorityClass": Case("AdmissionDenied", BATCH, causes.nothing, causes.priority_class, causes.important),
    "an image that cannot be had": Case(
        "ImagePullFailed", UNREADY_POD, causes.nothing, causes.apply(server()), lambda _: causes.fated("image-pull")
    ),
    "a container that keeps ending": Case(
        "CrashLoop", UNREADY_POD, causes.nothing, causes.apply(server()), lambda _: causes.fated("crash-loop")
    ),
    "somebody's policy": Case("AdmissionDenied", BATCH, causes.policy, causes.without_policy),
    "pod security": Case(
        "AdmissionDenied", SERVICE, causes.pod_security, causes.without_pod_security, lambda _: server()
    ),
    "a template that no API server takes": Case(
        "InvalidPodTemplate",
        BATCH,
        causes.nothing,
        causes.apply(workers()),
        lambda _: causes.changed(workers(), causes.named_badly),
    ),
    "a child of somebody else": Case("NameCollision", TOP, causes.foreign_child, causes.without_foreign_child),
}


@pytest.fixture
def outside(suite: LocalCluster, request: pytest.FixtureRequest) -> Iterator[None]:
    """Remove what a case has made outside of its namespace, when that has gone."""
    yield
    name = namespace_for(request.node.name)
    for kind, one in (("node", f"own-{name}"), ("priorityclass", name)):
        suite.kubectl("delete", kind, one, "--ignore-not-found", "--wait=false")


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_cause_is_shown_told_once_and_gone_when_it_is_mended(story: Story, case: Case) -> None:
    case.seed(story)
    story.apply(case.manifest(story))
    shown(story, case.reason, case.blamed, SHOWN_WITHIN)
    case.mend(story)
    mended(story)
    assert reasons_told(story) == [case.reason]


@pytest.mark.parametrize(
    ("manifest", "child", "blamed"),
    [(workers, "workers", BATCH), (server, "server", SERVICE)],
    ids=["batch", "service"],
)
def test_a_kubelet_that_will_not_run_a_pod_is_shown_while_it_waits_to_be_placed_anew(
    story: Story, manifest: Callable[[], Manifest], child: str, blamed: Blamed
) -> None:
    """The first pod's successor is placed at once, the second's is not."""
    story.apply(manifest())
    story.until(lambda: is_mended(story))
    (first,) = story.running(child)
    reject(story, first)
    story.until(lambda: successor(story, child, first))
    since = datetime.now(UTC)  # noqa: TID251 - the harness's own time
    reject(story, successor(story, child, first))
    shown(story, "KubeletRejected", blamed, SHOWN_WITHIN, since)
    mended(story)
    assert reasons_told(story) == ["KubeletRejected"]


def test_a_set_with_a_part_that_failed_says_so_for_good_and_is_applied_anew(story: Story) -> None:
    story.apply(causes.failing())
    shown(story, "BackoffLimitExceeded", ENDED, SHOWN_WITHIN)
    story.apply(server())
    story.until(lambda: row(story) == ("False", "ChildFailed"))
    assert blamed_by(story) is None
    story.kubectl("delete", "fooset", APP, "--cascade=foreground")
    story.apply(server())
    mended(story)
    assert reasons_told(story) == ["BackoffLimitExceeded"]


def shown(story: Story, reason: str, blamed: Blamed, seconds: float, since: datetime | None = None) -> None:
    """See the cause in status, in the row that a user sees, and in an Event that says the same.

    It is there within a time after the set, or after the moment from which it is to be seen.
    """
    story.until(lambda: blamed_by(story) == (reason, blamed))
    story.until(lambda: told_after(story, reason, blamed, since))
    assert min(told_after(story, reason, blamed, since)) <= timedelta(seconds=seconds)
    assert row(story) == ("False", reason)
    story.until(lambda: events(story)[-1:], SHOWN_WITHIN)
    (*_, event), status = events(story), story.fooset(APP)["status"]
    assert (event["type"], event["reason"]) == ("Warning", reason)
    assert event["reportingController"] == "foosets-fooset"
    context = parse_traceparent(event["metadata"]["annotations"]["tracing.k8s.io/traceparent"])
    assert context is not None
    assert context.trace_id == status["traceID"]


def row(story: Story) -> tuple[str, str]:
    """Return what a user sees in the columns READY and REASON."""
    told = story.kubectl("get", "fooset", APP, "--no-headers").split()
    return told[1], told[4]


def mended(story: Story) -> None:
    """See that nothing keeps the set any more."""
    story.until(lambda: is_mended(story), MENDED_WITHIN)


def is_mended(story: Story) -> bool:
    fooset = story.fooset(APP)
    current = fooset["status"]["observedGeneration"] == fooset["metadata"]["generation"]
    return current and is_true(fooset, "Ready") and "blockedBy" not in fooset["status"]
