"""What a person does with kubectl, and what they may expect."""

from typing import Any

import pytest

from e2e.cluster.errors import ClusterError
from e2e.cluster.nodes import TOPOLOGY
from foosets.api import names
from tests.e2e import manifests
from tests.e2e.story import Story, is_true, label

pytestmark = pytest.mark.cluster

GONE_WITHIN = 30.0


def attempts(pods: list[Any]) -> dict[str, str]:
    """The attempt of each slot's pod."""
    return {label(pod, names.INDEX): label(pod, names.ATTEMPT) for pod in pods}


def replicas(story: Story, name: str) -> int:
    return story.get("ServiceFooSet", name)["spec"]["replicas"]


def test_wait_returns_when_it_is_ready(story: Story) -> None:
    story.apply(manifests.small("app"))
    story.kubectl("wait", "--for=condition=Ready", "fooset/app", "--timeout=30s")
    assert len(story.running("server")) == 2
    assert all(pod["spec"]["nodeName"] for pod in story.pods())
    columns = story.kubectl("get", "foosets").splitlines()
    assert columns[0].split() == ["NAME", "READY", "BATCH", "SERVICE", "REASON", "TRACE", "AGE"]
    assert columns[1].split()[:5] == ["app", "True", "1/1", "1/1", "Available"]


def test_pods_have_the_zone_of_their_nodes(story: Story) -> None:
    """The API server writes it: into the binding of a pod that waited, and into a pod that is created with its node."""
    story.apply(manifests.small("app"))
    story.settle("app")
    placed_by = {label(pod, names.PLACEMENT) for pod in story.pods()}
    assert placed_by == {names.PLACED_BY_CONTROLLER, names.PLACED_BY_SCHEDULER}
    assert all(TOPOLOGY.items() <= pod["metadata"]["labels"].items() for pod in story.pods())


def test_explain_describes_the_parts(story: Story) -> None:
    explained = " ".join(story.kubectl("explain", "fooset.spec").split())
    assert "Removing an entry removes its BatchFooSet and its pods" in explained
    assert "service" in explained
    deep = story.kubectl("explain", "servicefooset.spec.template.spec.containers.imagePullPolicy")
    assert "imagePullPolicy <string>" in deep


def test_a_typo_in_a_pod_template_is_refused_by_its_name(story: Story) -> None:
    manifest = manifests.fooset("app", service={"server": manifests.service(1)})
    manifest["spec"]["service"][0]["template"]["spec"]["template"]["spec"]["containers"][0]["imagee"] = "busybox"
    with pytest.raises(ClusterError, match=r'FooSet\.spec\.service\[0\].*containers\[0\]\): unknown field "imagee"'):
        story.apply(manifest)
    assert not story.exists("FooSet", "app")


def test_a_scaled_child_keeps_its_size_until_its_parent_says_another(story: Story) -> None:
    story.apply(manifests.small("app"))
    story.settle("app")
    story.kubectl("scale", "servicefooset", "app-server", "--replicas=4")
    story.until(lambda: len(story.running("server")) == 4)

    story.apply(with_image("app", "busybox:1.38", replicas=2))
    story.until(lambda: images(story) == {"busybox:1.38"})
    story.until(lambda: len(story.running("server")) == 4)
    assert replicas(story, "app-server") == 4

    story.apply(with_image("app", "busybox:1.38", replicas=3))
    story.until(lambda: len(story.running("server")) == 3)
    assert replicas(story, "app-server") == 3


def with_image(name: str, image: str, *, replicas: int = 2) -> manifests.Manifest:
    parts = {"server": manifests.service(replicas, image=image)}
    return manifests.fooset(name, batch={"workers": manifests.batch(3)}, service=parts)


def images(story: Story) -> set[str]:
    return {pod["spec"]["containers"][0]["image"] for pod in story.running("server")}


def test_a_new_template_replaces_the_pods(story: Story) -> None:
    story.apply(manifests.small("app"))
    story.settle("app")
    before = {pod["metadata"]["uid"] for pod in story.running("server")}
    story.apply(with_image("app", "busybox:1.38"))
    story.until(lambda: images(story) == {"busybox:1.38"} and len(story.running("server")) == 2)
    story.until(lambda: is_true(story.fooset("app"), "Ready"))
    after = story.running("server")
    assert before.isdisjoint({pod["metadata"]["uid"] for pod in after})
    assert attempts(after) == {"0": "1", "1": "1"}
    assert len([pod for pod in story.pods() if label(pod, names.CHILD) == "workers"]) == 3


def test_a_slot_that_comes_back_is_a_new_attempt(story: Story) -> None:
    story.apply(manifests.fooset("app", service={"server": manifests.service(3)}))
    story.settle("app")
    story.kubectl("scale", "servicefooset", "app-server", "--replicas=1")
    story.until(lambda: len(story.pods()) == 1)
    assert attempts(story.pods()) == {"0": "0"}
    story.kubectl("scale", "servicefooset", "app-server", "--replicas=3")
    story.until(lambda: len(story.running("server")) == 3)
    assert attempts(story.pods()) == {"0": "0", "1": "1", "2": "1"}
    story.kubectl("wait", "--for=condition=Ready", "fooset/app", "--timeout=30s")


def test_an_entry_that_is_removed_takes_its_pods_along(story: Story) -> None:
    both = manifests.fooset("app", service={"one": manifests.service(1), "two": manifests.service(1)})
    story.apply(both)
    story.settle("app")
    story.apply(manifests.fooset("app", service={"one": manifests.service(1)}))
    story.until(lambda: not story.exists("ServiceFooSet", "app-two"), GONE_WITHIN)
    story.until(lambda: {label(pod, names.CHILD) for pod in story.pods()} == {"one"}, GONE_WITHIN)
    assert is_true(story.settle("app"), "Ready")


def test_delete_removes_everything(story: Story) -> None:
    story.apply(manifests.small("app"))
    story.settle("app")
    story.kubectl("delete", "fooset", "app")
    story.until(lambda: not story.exists("BatchFooSet", "app-workers"), GONE_WITHIN)
    story.until(lambda: not story.exists("ServiceFooSet", "app-server"), GONE_WITHIN)
    story.until(lambda: story.pods() == [], GONE_WITHIN)
    creates = [write for write in story.our_writes() if (write.verb, write.resource) == ("create", "pods")]
    assert len(creates) == 5
