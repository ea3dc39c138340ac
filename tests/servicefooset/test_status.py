from copy import deepcopy

import pytest

from foosets.api.names import Reason
from foosets.api.servicefooset import ServiceFooSetStatus
from foosets.api.status import ATTEMPTS_MAX
from foosets.planning.obstacles import Obstacle
from foosets.planning.silence import SILENT_AFTER_SECONDS
from tests.servicefooset.builders import Raw, World, held_up, running, service, template


def names_of(world: World) -> list[str]:
    return [member.name for member in world.live()]


def counts(world: World) -> tuple[int, int, int, int]:
    status = world.status()
    return status.replicas, status.ready_replicas, status.available_replicas, status.updated_replicas


def test_pods_are_counted_as_they_get_on() -> None:
    world = World(service(), scheduler="foo-scheduler")
    world.rest()
    assert counts(world) == (3, 0, 0, 3)
    first, second, _ = names_of(world)
    world.bind(first)
    world.bind(second)
    world.ready(first)
    world.rest()
    assert counts(world) == (3, 1, 1, 3)
    assert world.condition("Placed") == ("False", "Placing")


def test_a_set_with_more_attempts_than_status_has_room_for_goes_on() -> None:
    """Slot 0 is at attempt 1000, as the highest is, and each between them at a lower one of its own."""
    groups = [{"indexes": str(1 + at), "attempt": at} for at in range(1, ATTEMPTS_MAX)]
    stored = {"attempts": [*groups, {"indexes": f"0,{ATTEMPTS_MAX + 1}", "attempt": ATTEMPTS_MAX}]}
    one = service({"replicas": 1})
    world = running(one.model_copy(update={"status": ServiceFooSetStatus.model_validate(stored)}))
    (name,) = names_of(world)
    world.vanish(name)
    world.rest()
    assert [member.attempt for member in world.live()] == [ATTEMPTS_MAX + 1]
    assert [(group.indexes, group.attempt) for group in world.status().attempts][:2] == [("2,3", 2), ("4", 3)]


def test_placed_pods_that_are_not_ready_are_starting() -> None:
    world = World(service())
    world.rest()
    for name in names_of(world):
        world.bind(name)
    world.rest()
    assert world.condition("Placed") == ("True", "Available")
    assert world.condition("Ready") == ("False", "PodsStarting")
    assert world.condition("Progressing") == ("True", "PodsStarting")


def test_ready_means_available_current_and_none_too_many() -> None:
    world = running()
    assert counts(world) == (3, 3, 3, 3)
    assert [world.condition(kind)[0] for kind in ("Placed", "Ready", "Progressing", "Stalled")] == [
        "True",
        "True",
        "False",
        "False",
    ]
    world.change(replicas=2)
    world.look()
    assert world.condition("Ready") == ("False", "PodsStarting")


def test_pods_of_an_older_template_are_not_updated() -> None:
    world = running()
    world.change(template=template("web:2"))
    world.look()
    assert counts(world) == (3, 3, 3, 0)
    assert world.condition("Ready")[0] == "False"


def test_a_pod_is_available_once_it_has_been_ready_for_long_enough() -> None:
    world = World(service({"replicas": 1, "minReadySeconds": 10}))
    world.rest()
    world.run_all()
    world.rest()
    assert counts(world) == (1, 1, 0, 1)
    wake_after = world.plan().wake_after
    assert wake_after == pytest.approx(9.75)  # the condition's time is a whole second, a quarter of one ago
    world.after(9.75)
    assert world.plan().wake_after != 0, "time has changed it already"
    world.rest()
    assert counts(world) == (1, 1, 1, 1)
    assert world.condition("Ready")[0] == "True"


def test_no_replicas_are_ready_and_show_their_selector() -> None:
    world = World(service({"replicas": 0}))
    world.rest()
    assert world.condition("Ready") == ("True", "Available")
    assert world.status().selector


def test_a_set_goes_back_to_not_ready_and_has_no_terminal_condition() -> None:
    world = running()
    world.vanish(names_of(world)[0])
    world.rest()
    assert world.condition("Ready")[0] == "False"
    assert {condition.type for condition in world.status().conditions} == {"Placed", "Ready", "Progressing", "Stalled"}


def test_a_silent_scheduler_is_named_when_its_time_is_up() -> None:
    world = World(service({"replicas": 2}), scheduler="foo-scheduler")
    world.rest()
    wake_after = world.plan().wake_after
    assert wake_after == pytest.approx(SILENT_AFTER_SECONDS - 0.25)
    world.after(SILENT_AFTER_SECONDS - 0.25)
    world.rest()
    blocked = world.status().blocked_by
    assert blocked is not None
    assert (blocked.kind, blocked.name, blocked.condition) == ("Pod", names_of(world)[0], "PodScheduled")
    assert blocked.reason == "SchedulerSilent"
    assert "foo-scheduler" in blocked.message
    for name in names_of(world):
        world.bind(name)
    world.rest()
    assert world.status().blocked_by is None


def test_a_missing_policy_shows_at_once() -> None:
    world = World(service())
    world.rest()
    assert world.condition("Ready") == ("False", "SchedulerNotAssigned")


def test_a_refused_pod_shows_the_schedulers_words_and_keeps_its_since() -> None:
    world = World(service({"replicas": 2}), scheduler="foo-scheduler")
    world.rest()
    for name in names_of(world):
        world.refuse(name)
    world.rest()
    blocked = world.status().blocked_by
    assert blocked is not None
    assert (blocked.reason, blocked.message) == ("NoFit", "3 nodes: cpu (and 1 other pod)")
    world.after(5)
    world.bind(names_of(world)[1])
    world.rest()
    later = world.status().blocked_by
    assert later is not None
    assert (later.message, later.since) == ("3 nodes: cpu", blocked.since)


def crash(world: World, *names: str) -> None:
    """Let containers have ended again, and wait."""
    for name in names:
        raw = deepcopy(world.pods[name])
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s"}
        raw["status"] |= {"conditions": [], "containerStatuses": [_container({"waiting": waiting})]}
        world.tell(name, raw)


def start_again(world: World, *names: str) -> None:
    """Let containers run again that nothing probes."""
    for name in names:
        raw = deepcopy(world.pods[name])
        raw["status"]["containerStatuses"] = [_container({"running": {}}, ready=True)]
        world.tell(name, raw)
        world.ready(name)


def _container(state: Raw, *, ready: bool = False) -> Raw:
    return {"name": "web", "restartCount": 3, "ready": ready, "state": state}


def test_a_crash_loop_is_one_cause_though_its_pods_are_ready_for_a_moment() -> None:
    world = running(service({"replicas": 2}))
    crash(world, *names_of(world))
    world.rest()
    first = world.status().blocked_by
    assert first is not None
    for name in names_of(world):
        world.after(10)
        start_again(world, name)
        world.rest()
        assert world.status().blocked_by == first, "neither the cause nor what it counts"
        crash(world, name)
    start_again(world, *names_of(world))
    world.rest()
    assert world.status().blocked_by == first
    assert world.condition("Ready") == ("False", "CrashLoop")
    wake_after = world.plan().wake_after
    assert wake_after is not None
    world.after(wake_after)
    world.rest()
    assert world.status().blocked_by is None
    assert world.condition("Ready") == ("True", "Available")


def test_what_keeps_a_mended_template_from_its_pods_is_the_cause_and_not_the_pods_of_the_old_one() -> None:
    world = running()
    crash(world, *names_of(world))
    world.rest()
    assert world.condition("Ready") == ("False", "CrashLoop")
    world.change(template=template("web:2"))
    held_up(world, Obstacle(Reason.INVALID_POD_TEMPLATE, "spec.containers: Invalid", 0.0, 0.0), 60)
    world.rest()
    assert world.condition("Ready") == ("False", "InvalidPodTemplate")


def test_a_name_that_is_taken_stalls_though_a_pod_is_the_root_cause() -> None:
    world = running()
    crash(world, names_of(world)[0])
    held_up(world, Obstacle(Reason.NAME_COLLISION, "Pod web-3 belongs to another owner", 0.0, 0.0), 60)
    world.change(replicas=4)
    world.rest()
    assert world.condition("Ready") == ("False", "CrashLoop")
    assert world.condition("Placed") == ("False", "NameCollision")
    assert world.condition("Stalled")[0] == "True"


def test_a_name_collision_stalls() -> None:
    world = World(service())
    world.look()
    held_up(world, Obstacle(Reason.NAME_COLLISION, "Pod web-0 belongs to another owner", 0.0, 0.0), 60)
    world.rest()
    assert world.condition("Stalled") == ("True", "NameCollision")
    assert world.condition("Progressing") == ("False", "NameCollision")
