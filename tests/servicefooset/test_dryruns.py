"""A template is tried once before any pod is made from it, and before any makes way for one."""

import json
from typing import Any

import pytest

from foosets.api import names
from foosets.api.meta import PODS, Key
from foosets.api.names import Reason, Uid
from foosets.kube.errors import AdmissionDenied, ApiError, QuotaRefused
from foosets.planning.actions import Action, DryRun, Plan
from foosets.planning.obstacles import Obstacle
from foosets.runtime.apply import Written
from foosets.runtime.settings import Assignment
from foosets.runtime.writers import Performed, Refused
from foosets.servicefooset.plan import plan
from tests.servicefooset.builders import REQUESTS, START, World, acts, held_up, running, service, template
from tests.servicefooset.test_controller import KEY, Room, pod

P = "web-3fuva-"
TRIAL = f"?{P}dry-run"
DENIED = Obstacle(Reason.ADMISSION_DENIED, "denied request: no", 0.0, 0.0)
FULL = Obstacle(Reason.QUOTA_EXCEEDED, "exceeded quota: pods", 0.0, 0.0)


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


def crowded(count: int, **change: Any) -> World:
    """A world whose new template was refused for want of a quota that its old pods take up."""
    world = running(service({"replicas": count}), lingers=True)
    world.change(template=template("web:2"), **change)
    world.passed.add(world.revision)
    world.crowded = True
    return world


def test_pods_that_fill_a_quota_make_way_one_by_one() -> None:
    world = crowded(3)
    assert done(world) == [f"-{P}0"]
    world.finish_deletions()
    assert done(world) == [f"+{P}0-1", f"-{P}1"]
    world.finish_deletions()
    assert done(world) == [f"+{P}1-1", f"-{P}2"]
    world.finish_deletions()
    assert done(world) == [f"+{P}2-1"]


def test_of_many_pods_a_quarter_may_be_missing_while_they_make_way() -> None:
    world = crowded(9)
    assert done(world) == [f"-{P}0", f"-{P}1"]
    world.vanish(f"{P}1")
    assert done(world) == [f"+{P}1-1", f"-{P}2"]


def test_what_makes_way_for_pods_that_do_not_fit_either_is_all_that_is_lost() -> None:
    world = crowded(3)
    world.rest()
    world.finish_deletions()
    held_up(world, FULL, 8.0)
    assert done(world) == []
    assert [member.index for member in world.live()] == [1, 2]
    assert world.condition("Ready") == ("False", "QuotaExceeded")


def test_the_room_that_was_made_is_for_who_made_it() -> None:
    world = crowded(2, replicas=4)
    assert done(world) == [f"-{P}0"], "slots 2 and 3 wait"
    world.finish_deletions()
    assert done(world) == [f"+{P}0-1", f"-{P}1", f"+{P}2", f"+{P}3"]


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


@pytest.mark.parametrize(
    ("error", "older", "goes_on"),
    [
        (QuotaRefused(403, "Forbidden", "exceeded quota: pods"), True, True),
        (QuotaRefused(403, "Forbidden", "exceeded quota: pods"), False, False),
        (AdmissionDenied(422, "Invalid", "denied request: no"), True, False),
    ],
    ids=["old pods fill a quota", "others fill it", "something else"],
)
def test_a_template_that_has_no_room_beside_its_old_pods_counts_as_tried(
    *, error: ApiError, older: bool, goes_on: bool
) -> None:
    room = Room()
    room.room.services.upsert(service())
    if older:
        room.room.pods.upsert(pod())
    room.room.services.upsert(service({"template": template("web:2")}, generation=2, resourceVersion="10"))
    planned = trial_of(room)
    room.asked.clear()
    room.room.acted(planned, Performed(refused=[Refused(planned.actions[0], error)]))
    seen = room.room.observe(KEY, None)
    assert seen is not None
    assert (seen.crowded, seen.pod_requests) == ((True, {"pods": "1"}) if goes_on else (False, None))
    assert room.asked == ([KEY] if goes_on else [])


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
