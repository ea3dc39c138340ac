"""What only a real kubelet says of a pod, as the cause at the top."""

import pytest

from e2e.cluster.images import plain_name
from tests.e2e.manifests import Manifest, fooset
from tests.e2e.story import Story
from tests.e2e_kind.workloads import service

pytestmark = pytest.mark.kind

UNKNOWN = f"{plain_name()}-that-nobody-built"
STEADY = 10
"""Seconds after which a container counts as ready: one that keeps ending never does."""


@pytest.mark.parametrize(
    ("name", "part", "reason"),
    [
        ("crash", {**service(1, script="exit 3"), "minReadySeconds": STEADY}, "CrashLoop"),
        ("image", service(1, image=UNKNOWN), "ImagePullFailed"),
    ],
)
def test_a_pod_that_does_not_run_is_the_cause_at_the_top(story: Story, name: str, part: Manifest, reason: str) -> None:
    story.apply(fooset(name, service={"server": part}))
    # between two crashes the container runs for a moment, and nothing is wrong with it
    story.until(lambda: row(story, name) == [name, "False", "0/0", "0/1", reason])
    (pod,) = story.pods()
    story.until(lambda: blamed(story, name) == ("Pod", pod["metadata"]["name"], reason))


def blamed(story: Story, name: str) -> tuple[str, ...]:
    """Kind, name and reason of what a FooSet says it waits for; nothing while it blames nobody."""
    blocked = story.fooset(name)["status"].get("blockedBy", {})
    return tuple(blocked[key] for key in ("kind", "name", "reason") if key in blocked)


def row(story: Story, name: str) -> list[str]:
    """What `kubectl get` shows of a FooSet, without trace and age."""
    return story.kubectl("get", "fooset", name, "--no-headers").split()[:5]
