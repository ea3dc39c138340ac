"""A FooSet that is deleted without its children: the garbage collector, and it alone, takes them from their parent."""

import pytest

from tests.e2e import manifests
from tests.e2e.story import Story

pytestmark = pytest.mark.cluster


def test_children_that_are_orphaned_go_on(story: Story) -> None:
    story.apply(manifests.fooset("app", service={"server": manifests.service(2)}))
    story.settle("app")
    before = {pod["metadata"]["uid"] for pod in story.running("server")}
    story.kubectl("delete", "fooset", "app", "--cascade=orphan", "--timeout=20s")
    assert not story.exists("FooSet", "app")
    assert "ownerReferences" not in story.get("ServiceFooSet", "app-server")["metadata"]
    assert {pod["metadata"]["uid"] for pod in story.running("server")} == before

    story.kubectl("delete", "pod", story.running("server")[0]["metadata"]["name"])
    story.until(lambda: len(story.running("server")) == 2)
    assert len(before & {pod["metadata"]["uid"] for pod in story.running("server")}) == 1
