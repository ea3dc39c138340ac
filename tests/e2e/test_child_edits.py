"""Edits of a child: refused, allowed for a while, or made where no policy is in the way."""

import json

import pytest

from e2e.cluster.errors import ClusterError
from foosets.api import names
from tests.e2e import manifests
from tests.e2e.manifests import Manifest
from tests.e2e.story import Story

pytestmark = pytest.mark.cluster

SIDE = {"name": "side", "image": "busybox:1.37"}
EDITED = "busybox:1.39"


def edit(story: Story) -> None:
    """Change the child's image, and give it a second container, as `kubectl edit` does."""
    path = "/spec/template/spec/containers"
    change = [
        {"op": "replace", "path": f"{path}/0/image", "value": EDITED},
        {"op": "add", "path": f"{path}/-", "value": SIDE},
    ]
    story.kubectl("patch", "servicefooset", "app-server", "--type", "json", "--patch", json.dumps(change))


def images(story: Story) -> dict[str, str]:
    """What the child's containers run, by their names."""
    spec = story.get("ServiceFooSet", "app-server")["spec"]["template"]["spec"]
    return {container["name"]: container["image"] for container in spec["containers"]}


def app(*, image: str = "busybox:1.37", replicas: int = 1) -> Manifest:
    return manifests.fooset("app", service={"server": manifests.service(replicas, image=image)})


def allow_edits(story: Story) -> None:
    story.apply(app())
    story.settle("app")
    story.kubectl("annotate", "fooset", "app", f"{names.ALLOW_CHILD_EDITS}=true")
    story.until(lambda: allowed(story))


def allowed(story: Story) -> bool:
    return names.ALLOW_CHILD_EDITS in story.get("ServiceFooSet", "app-server")["metadata"]["annotations"]


def test_an_allowed_edit_runs_until_the_entry_changes(story: Story) -> None:
    allow_edits(story)
    edit(story)
    story.until(lambda: {len(pod["spec"]["containers"]) for pod in story.running("server")} == {2})
    story.apply(app(replicas=2))
    story.until(lambda: len(story.running("server")) == 2)
    assert images(story) == {"main": EDITED, "side": SIDE["image"]}

    story.apply(app(image="busybox:1.38", replicas=2))
    story.until(lambda: images(story) == {"main": "busybox:1.38"})
    story.settle("app")


def test_an_opt_out_that_is_taken_away_gives_the_child_back(story: Story) -> None:
    allow_edits(story)
    edit(story)
    story.kubectl("annotate", "fooset", "app", f"{names.ALLOW_CHILD_EDITS}-")
    story.until(lambda: images(story) == {"main": "busybox:1.37"} and not allowed(story))
    story.settle("app")
    with pytest.raises(ClusterError, match="this ServiceFooSet is derived: edit FooSet app"):
        edit(story)


def test_where_nothing_refuses_an_edit_all_of_it_is_undone(unguarded_story: Story) -> None:
    unguarded_story.apply(app())
    unguarded_story.until(lambda: unguarded_story.running("server"))
    edit(unguarded_story)
    unguarded_story.until(lambda: images(unguarded_story) == {"main": "busybox:1.37"})
    unguarded_story.settle("app")
