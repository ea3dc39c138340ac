"""A kubelet's refusal, written to the pod as a kubelet writes it, since the simulated ones refuse nothing."""

import json
from typing import Any

import pytest

from foosets.api import names
from tests.e2e import manifests
from tests.e2e.story import Story, label

pytestmark = pytest.mark.cluster

REFUSED = {
    "phase": "Failed",
    "reason": "OutOfcpu",
    "message": "Pod was rejected: Node didn't have enough resource: cpu, requested: 100, used: 4000, capacity: 4000",
    "containerStatuses": None,
}


def reject(story: Story, pod: Any) -> None:
    patch = json.dumps({"status": REFUSED})
    story.kubectl("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge", f"--patch={patch}")


def replaced(story: Story, child: str) -> None:
    """Let a kubelet refuse a pod of a running part, and see what becomes of it."""
    parts = {"workers": manifests.batch(3, run_seconds="600")}
    story.apply(manifests.fooset("app", batch=parts, service={"server": manifests.service(2)}))
    story.kubectl("wait", "--for=condition=Ready", "fooset/app", "--timeout=30s")
    pod = story.running(child)[0]
    reject(story, pod)
    story.until(lambda: successor(story, child, pod))
    assert successor(story, child, pod)["spec"]["nodeName"] != pod["spec"]["nodeName"]
    story.until(lambda: name_of(pod) not in map(name_of, story.pods()))
    story.until(lambda: counted(story, child) == {"placementConflicts": 1, "failed": 0})


def successor(story: Story, child: str, pod: Any) -> Any:
    """The pod that runs in another's place, or None."""
    place = label(pod, names.INDEX), str(int(label(pod, names.ATTEMPT)) + 1)
    running = (one for one in story.running(child) if one["status"]["phase"] == "Running")
    return next((one for one in running if (label(one, names.INDEX), label(one, names.ATTEMPT)) == place), None)


def name_of(pod: Any) -> str:
    return pod["metadata"]["name"]


def counted(story: Story, child: str) -> dict[str, int]:
    """What the FooSet says of a part."""
    (part,) = (part for part in story.fooset("app")["status"]["children"] if part["name"] == child)
    return {name: part[name] for name in ("placementConflicts", "failed")}


def test_a_rejected_pod_of_a_batch_runs_elsewhere(story: Story) -> None:
    replaced(story, "workers")
    assert story.get("BatchFooSet", "app-workers")["status"]["failed"] == 0


def test_a_rejected_pod_of_a_service_runs_elsewhere(story: Story) -> None:
    replaced(story, "server")
    said = story.get("ServiceFooSet", "app-server")["status"]["lastRejection"]
    assert (said["reason"], said["message"]) == (REFUSED["reason"], REFUSED["message"])
