"""A template is tried once before any pod is made from it, and before any makes way for one."""

import json
from typing import Any

import pytest

from foosets.api import names
from foosets.api.meta import PODS, Key
from foosets.api.names import Reason, Uid
from foosets.planning.actions import Action, DryRun, Plan
from foosets.planning.obstacles import Obstacle
from foosets.runtime.apply import Written
from foosets.runtime.settings import Assignment
from foosets.runtime.writers import Performed
from foosets.servicefooset.plan import plan
from tests.servicefooset.builders import REQUESTS, START, World, acts, held_up, running, service, template
from tests.servicefooset.test_controller import KEY, Room

P = "web-3fuva-"
TRIAL = f"?{P}dry-run"
DENIED = Obstacle(Reason.ADMISSION_DENIED, "denied request: no", 0.0, 0.0)


def done(world: World) -> list[str]:
    return [act for plan in world.rest() for act in acts(plan)]


# ---- the plan


def test_the_template_is_tried_before_the_first_pod_and_once() -> None:
    world = World(service(), untried=True)
    assert acts(world.look()) == []
    assert acts(world.look()) == [TRIAL]
    assert acts(world.look()) == [f"+{P}0", f"+{P}1", f"+{P}2"]
    world.change(replicas=4)
    assert done(world) == [f"+{P}3"]


def test_what_is_tried_is_a_pod_as_it_will_be_sent() -> None:
    world = World(service(), untried=True)
    world.look()
    (trial,) = world.look().actions
    world.look()
    assert isinstance(trial, DryRun)
    tried, real = json.loads(trial.body), world.created[0]
    assert tried["metadata"]["name"] == trial.name
    assert tried["metadata"]["labels"] == real["metadata"]["labels"]
    assert tried["metadata"]["annotations"].keys() == real["metadata"]["annotations"].keys()
    assert tried["spec"] == real["spec"]


@pytest.mark.parametrize("spec", [{"replicas": 0}, {"template": template(nodeName="n1")}], ids=["none", "a fault"])
def test_a_set_that_wants_no_pods_asks_nothing(spec: dict[str, Any]) -> None:
    assert done(World(service(spec), untried=True)) == []


def test_a_refused_template_makes_no_pod_is_told_and_tried_again_in_its_time() -> None:
    world = World(service(), untried=True)
    world.look()
    held_up(world, DENIED, 8.0)
    assert done(world) == []
    assert world.condition("Placed") == ("False", "AdmissionDenied")
    world.after(8.0)
    assert acts(world.plan()) == [TRIAL]


def test_while_a_new_template_is_not_tried_or_refused_what_runs_goes_on() -> None:
    world = running()
    world.change(template=template("web:2"), replicas=2)
    held_up(world, DENIED, 8.0)
    assert done(world) == [f"-{P}2"], "scaling down has nothing to do with the template"
    assert world.condition("Ready") == ("False", "AdmissionDenied")
    world.after(8.0)
    assert acts(world.look()) == [TRIAL]
    world.obstacle = None
    assert done(world) == [f"-{P}0", f"-{P}1", f"+{P}0-1", f"+{P}1-1"]


def test_after_a_restart_the_template_is_tried_when_the_next_pod_is_wanted_and_not_before() -> None:
    world = running()
    world.restart()
    assert done(world) == []
    world.change(replicas=4)
    assert done(world) == [TRIAL, f"+{P}3"]


# ---- status


def test_status_tells_what_a_pod_takes_and_goes_on_telling_it() -> None:
    world = World(service(), untried=True)
    world.look()
    assert world.status().pod_requests is None
    world.rest()
    assert world.status().pod_requests == REQUESTS
    world.restart()
    world.run_all()
    world.rest()
    assert world.status().pod_requests == REQUESTS


def test_who_died_before_status_told_reads_it_from_the_pods() -> None:
    world = running()
    meta = world.service.metadata
    untold = world.service.status.model_copy(update={"pod_requests": None})
    world.service = world.service.model_copy(update={"status": untold, "metadata": meta})
    world.restart()
    world.rest()
    assert world.status().pod_requests == {"pods": "1"}, "what the pods themselves say"


# ---- the room


def tried(action: Action) -> Written:
    """Let a dry run pass."""
    assert isinstance(action, DryRun)
    return Written(PODS, Key(action.namespace, action.name), Uid(""), 0, answer=action.body)


def trial_of(room: Room) -> Plan:
    """Return what the room asks to have tried, if anything."""
    seen = room.room.observe(KEY, None)
    assert seen is not None
    planned = plan(seen, START)
    if planned.status is None or planned.actions:
        return planned
    recorded = World(seen.service)
    recorded.look()
    room.room.services.upsert(recorded.service)
    return trial_of(room)


def passing(room: Room) -> int:
    """Carry out what the room asks to have tried; return how many dry runs that were."""
    planned = trial_of(room)
    trials = [action for action in planned.actions if isinstance(action, DryRun)]
    room.room.acted(planned, Performed([tried(action) for action in trials]))
    return len(trials)


def test_the_room_looks_again_when_a_template_has_passed_and_remembers_it() -> None:
    room = Room()
    room.room.services.upsert(service())
    assert passing(room) == 1
    assert room.asked[-1] == KEY
    seen = room.room.observe(KEY, None)
    assert seen is not None
    assert seen.pod_requests == {"pods": "1"}


def test_one_trial_serves_all_generations_of_one_template_and_no_other() -> None:
    room = Room()
    room.room.services.upsert(service())
    assert passing(room) == 1
    room.room.services.upsert(service({"replicas": 5}, generation=2, resourceVersion="10"))
    assert passing(room) == 0
    room.room.services.upsert(service({"template": template("web:2")}, generation=3, resourceVersion="20"))
    assert passing(room) == 1


def test_another_scheduler_makes_other_pods() -> None:
    room = Room(Assignment.CONTROLLER)
    room.room.services.upsert(service())
    assert passing(room) == 1
    room.namespace({names.SCHEDULER_NAME_LABEL: "theirs"})
    assert passing(room) == 1


def test_the_answer_for_a_set_that_is_gone_is_forgotten() -> None:
    room = Room()
    room.room.services.upsert(service())
    planned = trial_of(room)
    found = room.room.services.get(KEY)
    assert found is not None
    room.room.services.remove(found)
    room.asked.clear()
    room.room.acted(planned, Performed([tried(planned.actions[0])]))
    assert room.asked == []
