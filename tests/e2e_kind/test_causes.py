"""What only a real kubelet says of a pod, as the cause at the top."""

import pytest

from e2e.cluster.images import plain_name
from tests.e2e.manifests import Manifest, fooset
from tests.e2e.story import Story, condition
from tests.e2e_kind.workloads import service

pytestmark = pytest.mark.kind

UNKNOWN = f"{plain_name()}-that-nobody-built"


@pytest.mark.parametrize(
    ("name", "part", "reason"),
    [
        ("crash", service(1, script="exit 3"), "CrashLoop"),
        ("image", service(1, image=UNKNOWN), "ImagePullFailed"),
    ],
)
def test_a_pod_that_does_not_run_is_the_cause_at_the_top(story: Story, name: str, part: Manifest, reason: str) -> None:
    story.apply(fooset(name, service={"server": part}))
    story.until(lambda: condition(story.fooset(name), "Ready")["reason"] == reason)

    (pod,) = story.pods()
    blocked = story.fooset(name)["status"]["blockedBy"]
    assert (blocked["kind"], blocked["name"], blocked["reason"]) == ("Pod", pod["metadata"]["name"], reason)
    row = story.kubectl("get", "fooset", name).splitlines()[1].split()
    assert row[:5] == [name, "False", "0/0", "0/1", reason]
