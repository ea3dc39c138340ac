"""What only a real kubelet says of a pod, as the cause at the top."""

import pytest

from e2e.cluster.images import plain_name
from tests.e2e.causes import APP, reasons_told
from tests.e2e.manifests import Manifest, fooset
from tests.e2e.story import Story
from tests.e2e_kind.workloads import service

pytestmark = pytest.mark.kind

UNKNOWN = f"{plain_name()}-that-nobody-built"
RESTARTS = 4
"""A kubelet waits 10, 20, 40 seconds and so on: the container has run twice since it was first said to wait."""
RESTARTED_WITHIN = 120.0


@pytest.mark.parametrize(
    ("name", "part", "reason"),
    [
        ("crash", service(1, script="exit 3"), "CrashLoop"),
        ("image", service(1, image=UNKNOWN), "ImagePullFailed"),
    ],
)
def test_a_pod_that_does_not_run_is_the_cause_at_the_top(story: Story, name: str, part: Manifest, reason: str) -> None:
    story.apply(fooset(name, service={"server": part}))
    story.until(lambda: row(story, name) == [name, "False", "0/0", "0/1", reason])
    (pod,) = story.pods()
    story.until(lambda: blamed(story, name) == ("Pod", pod["metadata"]["name"], reason))


@pytest.mark.timeout(240)
def test_a_crash_loop_is_one_cause_however_often_the_container_runs_between(story: Story) -> None:
    story.apply(fooset(APP, service={"server": service(1, script="exit 3")}))
    story.until(lambda: blamed(story, APP)[-1:] == ("CrashLoop",))
    since = story.fooset(APP)["status"]["blockedBy"]["since"]
    story.until(lambda: restarts(story) >= RESTARTS, RESTARTED_WITHIN)
    assert story.fooset(APP)["status"]["blockedBy"]["since"] == since
    assert reasons_told(story) == ["CrashLoop"]


def restarts(story: Story) -> int:
    """How often the container of the only pod has been started anew."""
    (pod,) = story.pods()
    return sum(container["restartCount"] for container in pod["status"].get("containerStatuses", ()))


def blamed(story: Story, name: str) -> tuple[str, ...]:
    """Kind, name and reason of what a FooSet says it waits for; nothing while it blames nobody."""
    blocked = story.fooset(name)["status"].get("blockedBy", {})
    return tuple(blocked[key] for key in ("kind", "name", "reason") if key in blocked)


def row(story: Story, name: str) -> list[str]:
    """What `kubectl get` shows of a FooSet, without trace and age."""
    return story.kubectl("get", "fooset", name, "--no-headers").split()[:5]
