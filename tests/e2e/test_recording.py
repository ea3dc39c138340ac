"""The recording that every story is judged by: it has all that happened, also what nobody looked at."""

import pytest

from e2e.invariants.history import DELETED, POD, History, phase_of
from e2e.invariants.recorder import Recorder
from tests.e2e import manifests
from tests.e2e.story import Story

pytestmark = pytest.mark.cluster


def recorded(story: Story, recorder: Recorder) -> History:
    return History.of(recorder.until_now(), story.writes(), namespace=story.namespace)


def test_a_recording_has_every_life_from_its_beginning_to_its_end(story: Story, recorder: Recorder) -> None:
    story.apply(manifests.small("app"))
    story.settle("app")
    pods = {pod["metadata"]["uid"]: pod for pod in story.pods()}
    told = {life.uid: life for life in recorded(story, recorder).of_kind(POD)}
    kind = {"apiVersion": "v1", "kind": "Pod"}  # items of a list do not say it
    assert {uid: life.last for uid, life in told.items()} == {uid: pod | kind for uid, pod in pods.items()}
    assert {phase_of(life.versions[0].object) for life in told.values()} == {"Pending"}
    assert {life.ended for life in told.values()} == {None}

    story.kubectl("delete", "fooset", "app")
    story.until(lambda: story.pods() == [])
    told = {life.uid: life for life in recorded(story, recorder).of_kind(POD)}
    assert told.keys() == pods.keys()
    assert {life.versions[-1].type for life in told.values()} == {DELETED}


def test_a_recording_is_of_one_story_and_knows_of_the_others_pods(story: Story, recorder: Recorder) -> None:
    story.apply(manifests.small("app"))
    story.settle("app")
    history = recorded(story, recorder)
    assert {life.namespace for life in history.of_kind(POD)} == {story.namespace}
    assert {life.uid for life in history.of_kind(POD)} <= {life.uid for life in history.everywhere(POD)}
    assert len(list(history.everywhere("Node"))) > 0
