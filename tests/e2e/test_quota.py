"""Sets under a FooQuota: who waits, who is served when another goes, and what a person sees of it."""

import pytest

from foosets.api import names
from tests.e2e import manifests
from tests.e2e.manifests import Manifest
from tests.e2e.story import Story, condition, is_true

pytestmark = pytest.mark.cluster


def quota(**hard: str) -> Manifest:
    return {"apiVersion": names.API_VERSION, "kind": "FooQuota", "metadata": {"name": "team"}, "spec": {"hard": hard}}


def web(name: str, replicas: int) -> Manifest:
    return manifests.fooset(name, service={"server": manifests.service(replicas, cpu="500m")})


def test_a_set_waits_as_a_whole_and_is_given_what_another_leaves(story: Story) -> None:
    story.apply(quota(cpu="2"), web("first", 3))
    story.settle("first")
    story.apply(web("second", 2))
    story.until(lambda: condition(story.fooset("second"), "QuotaReserved")["reason"] == "QuotaExceeded")

    waiting = story.fooset("second")
    said = "exceeded FooQuota: team, requested: cpu=1, reserved: cpu=1500m, limited: cpu=2"
    assert waiting["status"]["blockedBy"]["message"] == said
    assert not story.exists("ServiceFooSet", "second-server")

    story.kubectl("delete", "fooset", "first")
    story.until(lambda: is_true(story.fooset("second"), "Ready"))
    assert len(story.running("server")) == 2
    assert is_true(story.fooset("second"), "QuotaReserved")


def test_an_autoscaler_gets_as_far_as_there_is_room(story: Story) -> None:
    story.apply(quota(cpu="2"), web("app", 2))
    story.settle("app")
    story.kubectl("scale", "servicefooset/app-server", "--replicas=6")
    story.until(lambda: len(story.running("server")) == 4)
    story.until(lambda: condition(story.get("ServiceFooSet", "app-server"), "Ready")["reason"] == "QuotaExceeded")
    story.until(lambda: story.fooset("app")["status"].get("blockedBy", {}).get("kind") == "ServiceFooSet")

    story.kubectl("scale", "servicefooset/app-server", "--replicas=3")
    story.until(lambda: is_true(story.fooset("app"), "Ready"))


def test_another_spec_that_does_not_fit_leaves_the_old_one_running(story: Story) -> None:
    story.apply(quota(cpu="2"), web("app", 3))
    story.settle("app")
    before = {pod["metadata"]["uid"] for pod in story.running("server")}
    story.apply(manifests.fooset("app", service={"server": manifests.service(3, cpu="1")}))
    story.until(lambda: condition(story.fooset("app"), "QuotaReserved")["reason"] == "QuotaExceeded")
    assert {pod["metadata"]["uid"] for pod in story.running("server")} == before

    story.apply(quota(cpu="3"))
    story.until(lambda: is_true(story.fooset("app"), "Ready"))
    assert before.isdisjoint(pod["metadata"]["uid"] for pod in story.running("server"))


def test_kubectl_shows_what_is_held_and_who_waits(story: Story) -> None:
    story.apply(quota(cpu="2", memory="1Gi"), web("first", 3), web("second", 2))
    story.until(lambda: "second" in story.kubectl("get", "fooquota", "team", "--output", "jsonpath={.status.queue}"))
    story.settle("first")
    header, row = story.kubectl("get", "fooquotas").splitlines()
    assert header.split() == ["NAME", "HARD", "RESERVED", "USED", "WAITING", "AGE"]
    held = '{"cpu":"1500m","memory":"48Mi"}'
    assert row.split()[:5] == ["team", '{"cpu":"2","memory":"1Gi"}', held, held, "1"]
    story.kubectl("delete", "fooset", "second")
