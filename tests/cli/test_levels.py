"""Objects as lines."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foosets.api.names import UNASSIGNED_SCHEDULER
from foosets.cli.descent import Object
from foosets.cli.levels import level_of
from tests.cli.world import NOW, SINCE, batch, blocked, condition, fooset, of_container, pod, quota, refused, service

THEN = datetime.fromisoformat(SINCE)
CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "line", "since"),
    [
        (fooset(), ("FooSet", "demo", "True", "Available", "all is well"), THEN),
        (
            service(stored=blocked("Pod", "p", "NoFit")),
            ("ServiceFooSet", "demo-server", "False", "NoFit", "Pod p: because"),
            THEN,
        ),
        (batch(stored={}), ("BatchFooSet", "demo-workers", "Unknown", "ControllerSilent", ""), CREATED),
        (batch(generation=2), ("BatchFooSet", "demo-workers", "True", "ControllerSilent", "all is well"), THEN),
        (fooset(deletionTimestamp=SINCE), ("FooSet", "demo", "True", "Terminating", "all is well"), THEN),
        (quota(fooset()), ("FooQuota", "team", "", "QuotaExceeded", "sets that wait: 1"), None),
        (quota(), ("FooQuota", "team", "", "Available", "sets that wait: 0"), None),
    ],
)
def test_a_set_is_what_its_status_says(one: Object, line: tuple[str, ...], since: datetime | None) -> None:
    level = level_of(one, NOW)
    assert (level.kind, level.name, level.ready, level.reason, level.message) == line
    assert level.since == since


NO_ROOM = refused("Unschedulable", "0/3 nodes are available")
ENDED = [{"terminated": {"exitCode": 0}}, {"terminated": {"exitCode": 3}}]


@pytest.mark.parametrize(
    ("changes", "shown", "reason", "message"),
    [
        ({"ready": True, "phase": "Running"}, "True", "Available", ""),
        ({"phase": "Succeeded", "ready": False}, "False", "Completed", ""),
        ({"phase": "Failed", "containers": ENDED}, "False", "Error", "container main ended with 3"),
        ({"phase": "Failed", "reason": "DeadlineExceeded"}, "False", "DeadlineExceeded", ""),
        ({"phase": "Failed", "reason": "OutOfcpu"}, "False", "KubeletRejected", "node n1 rejected it, OutOfcpu: "),
        ({"ready": True, "deleted": True}, "True", "Terminating", ""),
        ({"node": "", "conditions": NO_ROOM}, "False", "NoFit", "0/3 nodes are available"),
        (
            {"containers": of_container("ImagePullBackOff", "no such image")},
            "False",
            "ImagePullFailed",
            "no such image",
        ),
        ({"containers": of_container("CrashLoopBackOff")}, "False", "CrashLoop", "CrashLoopBackOff"),
        (
            {"containers": of_container("ContainerCreating")},
            "False",
            "PodsStarting",
            "container main: ContainerCreating",
        ),
        ({"containers": [{"running": {}}]}, "False", "PodsStarting", ""),
        (
            {"conditions": [condition("Ready", "False", "ContainersNotReady", "unready: [main]")]},
            "False",
            "PodsStarting",
            "unready: [main]",
        ),
    ],
)
def test_a_pod_is_told_in_the_suites_own_reasons(
    changes: dict[str, Any], shown: str, reason: str, message: str
) -> None:
    level = level_of(pod(**changes), NOW)
    assert (level.kind, level.ready, level.reason, level.message) == ("Pod", shown, reason, message)


def test_a_scheduler_is_silent_only_after_a_while() -> None:
    waits = pod(node="", scheduler="foo-scheduler")
    assert level_of(waits, CREATED + timedelta(seconds=14)).reason == "Placing"
    assert level_of(waits, CREATED + timedelta(seconds=15)).reason == "SchedulerSilent"
    unassigned = pod(node="", scheduler=UNASSIGNED_SCHEDULER)
    assert level_of(unassigned, CREATED).reason == "SchedulerNotAssigned"


def test_a_pod_is_as_it_is_since_its_last_condition_or_since_it_was_created() -> None:
    assert level_of(pod(node="", conditions=NO_ROOM), NOW).since == THEN
    assert level_of(pod(conditions=[condition("Ready", "False", "x")]), NOW).since == THEN
    assert level_of(pod(), NOW).since == CREATED
    born_never = pod()
    born_never.metadata.creation_timestamp = ""
    assert level_of(born_never, NOW).since is None
