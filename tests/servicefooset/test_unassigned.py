"""Pods that were made for a policy to name their scheduler, once the controller names schedulers itself."""

import json

import pytest

from foosets.api.names import UNASSIGNED_SCHEDULER, Reason
from foosets.planning.actions import Create
from foosets.planning.obstacles import Obstacle
from tests.servicefooset.builders import World, acts, held_up, service, template
from tests.servicefooset.test_quota import quota

P = "web-3fuva-"
DENIED = Obstacle(Reason.ADMISSION_DENIED, "denied request: no", 0.0, 0.0)


def switched(*, asked: str = "", lingers: bool = False) -> World:
    """A world with one pod that has a node and one that waits, after a switch to a controller that names schedulers."""
    chosen = template(schedulerName=asked) if asked else template()
    world = World(service({"replicas": 2, "template": chosen}), lingers=lingers)
    world.rest()
    world.bind(f"{P}0")
    world.rest()
    world.restart()
    world.scheduler = "foo-scheduler"
    return world


def done(world: World) -> list[str]:
    return [act for plan in world.rest() for act in acts(plan)]


def test_one_that_waits_is_made_anew_with_the_name_and_only_once() -> None:
    world = switched()
    plans = world.rest()
    acted = [action for plan in plans for action in plan.actions]
    assert [act for plan in plans for act in acts(plan)] == [f"?{P}dry-run", f"-{P}1", f"+{P}1-1"]
    assert isinstance(acted[-1], Create)
    assert json.loads(acted[-1].body)["spec"]["schedulerName"] == "foo-scheduler"
    world.restart()
    assert done(world) == []


def test_its_slot_is_filled_only_once_it_is_gone() -> None:
    world = switched(lingers=True)
    assert done(world) == [f"?{P}dry-run", f"-{P}1"]
    world.finish_deletions()
    assert done(world) == [f"+{P}1-1"]


def test_where_admission_names_schedulers_it_waits_on() -> None:
    world = switched()
    world.scheduler = ""
    assert done(world) == []


def test_a_user_who_asked_for_that_name_has_it() -> None:
    assert done(switched(asked=UNASSIGNED_SCHEDULER)) == []


@pytest.mark.parametrize("other", ["yunikorn", "old-name"])
def test_another_name_may_be_somebodys_and_stays(other: str) -> None:
    """Admission of others may write a name into every pod: to replace those would never end."""
    world = World(service({"replicas": 1}), scheduler=other)
    world.rest()
    world.scheduler = "foo-scheduler"
    assert done(world) == []


def test_while_its_template_is_refused_it_waits_on() -> None:
    world = switched()
    held_up(world, DENIED, 8.0)
    assert done(world) == []


def test_what_nothing_is_reserved_for_waits_on() -> None:
    world = switched()
    quota(world, None)
    assert done(world) == [f"?{P}dry-run"]
