"""A template is tried once before any pod is made from it, and before any makes way for one."""

import json
from datetime import timedelta

import pytest

from foosets.api.names import PLACED_BY_CONTROLLER, PLACEMENT, Reason
from foosets.planning.actions import Create, DryRun
from foosets.planning.obstacles import Obstacle
from foosets.runtime.writers import Performed
from tests.batchfooset.test_controller import KEY, Bench
from tests.batchfooset.test_plan import FAULT, NEW_TEMPLATE, indexes
from tests.batchfooset.world import DENIED, REQUESTS, World, started
from tests.builders import Raw, batchfooset, template


def of(parallelism: int, completions: int) -> World:
    return World(batchfooset(spec={"parallelism": parallelism, "completions": completions}), untried=True)


# ---- the plan


def test_the_template_is_tried_before_the_first_pod_and_once() -> None:
    world = of(2, 5)
    assert world.look() == ["status"]
    assert world.look() == ["?"]
    assert indexes(world.look()) == ["+0", "+1"]
    world.succeed(0)
    assert "?" not in world.rest()


def test_what_is_tried_is_a_pod_as_it_will_be_sent_on_some_node() -> None:
    world = of(1, 1)
    world.look()
    (trial,) = world.plan().plan.actions
    assert isinstance(trial, DryRun)
    world.look()
    world.look()
    (real,) = world.created
    tried = json.loads(trial.body)
    assert (trial.namespace, trial.owner.uid) == ("ns", world.batch.metadata.uid)
    assert tried["metadata"]["name"] == trial.name
    assert tried["metadata"]["name"] not in {raw["metadata"]["name"] for raw in world.created}
    assert tried["metadata"]["labels"] == real["metadata"]["labels"]
    assert tried["metadata"]["labels"][PLACEMENT] == PLACED_BY_CONTROLLER
    assert tried["metadata"]["annotations"].keys() == real["metadata"]["annotations"].keys()
    assert tried["spec"] == real["spec"] | {"nodeName": "any"}


@pytest.mark.parametrize(
    "world",
    [of(0, 3), of(3, 0), World(batchfooset(spec={"template": FAULT}), untried=True)],
    ids=["no parallelism", "nothing to complete", "a template at fault"],
)
def test_a_set_that_wants_no_pods_asks_nothing(world: World) -> None:
    assert "?" not in world.rest()


def test_a_refused_template_makes_no_pod_is_told_and_tried_again_in_its_time() -> None:
    world = of(2, 2)
    world.refusal = DENIED
    assert world.rest() == ["status", "?", "obstacle", "status"]
    assert world.condition("Placed") == ("False", "AdmissionDenied")
    assert world.condition("Stalled")[0] == "False"
    world.after(61)
    assert world.rest().count("?") == 1
    assert world.created == []
    world.refusal = None
    world.after(61)
    assert indexes(world.rest()) == ["+0", "+1"]
    assert world.status.blocked_by is None


def test_while_a_new_template_is_not_tried_or_refused_what_runs_goes_on() -> None:
    world = started(2)
    world.refusal = DENIED
    world.change(template=NEW_TEMPLATE)
    assert indexes(world.rest()) == []
    assert world.condition("Ready") == ("False", "AdmissionDenied")
    world.refusal = None
    world.after(61)
    assert indexes(world.rest()) == ["-0", "-1"]


def test_what_a_refused_template_does_not_concern_is_done() -> None:
    world = started(3)
    world.refusal = DENIED
    world.change(template=NEW_TEMPLATE, parallelism=1)
    assert indexes(world.rest()) == ["-1", "-2"]


def test_scaling_is_no_new_template() -> None:
    world = of(1, 5)
    world.rest()
    world.change(parallelism=3)
    assert [act for act in world.rest() if act == "?"] == []


def test_after_a_restart_the_template_is_tried_when_the_next_pod_is_wanted_and_not_before() -> None:
    world = started(3, 2)
    world.restart()
    assert world.rest() == []
    world.succeed(0)
    assert [act[0] for act in world.rest() if act != "status"] == ["?", "+"]


# ---- status


def test_status_tells_what_a_pod_takes_and_goes_on_telling_it() -> None:
    world = of(1, 1)
    world.look()
    assert world.status.pod_requests is None
    world.rest()
    assert world.status.pod_requests == REQUESTS
    world.restart()
    world.succeed(0)
    world.rest()
    assert world.status.pod_requests == REQUESTS


def test_who_died_before_status_told_reads_it_from_the_pods() -> None:
    world = of(1, 1)
    world.look()
    world.look()
    world.look(crash_before_status=True)
    world.restart()
    world.rest()
    assert world.status.pod_requests == {"pods": "1"}, "what the pod itself says"


# ---- the room


def limited(sent: bytes) -> bytes:
    """Answer as where a limit range gives a CPU to each container."""
    raw = json.loads(sent)
    for container in raw["spec"]["containers"]:
        container.setdefault("resources", {"requests": {"cpu": "1"}})
    return json.dumps(raw).encode()


def test_what_a_limit_range_adds_counts_when_nodes_are_chosen_and_in_status() -> None:
    bench = Bench()
    bench.answer = limited
    bench.node("n1", "2")
    bench.batch(batchfooset(spec={"parallelism": 3, "completions": 3}))
    bench.rest()
    assert len(bench.pods) == 2
    assert bench.status().pod_requests == {"cpu": "1000m", "pods": "1"}
    blocked = bench.status().blocked_by
    assert blocked is not None
    assert blocked.reason == Reason.NO_FIT


def test_a_toleration_that_admission_adds_opens_a_node() -> None:
    def tolerant(sent: bytes) -> bytes:
        raw: Raw = json.loads(sent)
        raw["spec"]["tolerations"] = [{"key": "team", "operator": "Exists"}]
        return json.dumps(raw).encode()

    bench = Bench()
    bench.answer = tolerant
    bench.node("n1", taints=[{"key": "team", "effect": "NoSchedule"}])
    bench.batch(batchfooset())
    bench.rest()
    assert bench.nodes_of_pods() == ["n1"]


def trials(bench: Bench, looks: int = 6) -> int:
    plans = [bench.look() for _ in range(looks)]
    return sum(isinstance(action, DryRun) for plan in plans for action in plan.actions)


def test_the_room_asks_for_another_look_at_once_when_a_template_has_passed() -> None:
    bench = Bench()
    bench.node()
    bench.batch(batchfooset())
    bench.look()
    bench.asked.clear()
    (trial,) = bench.look().actions
    assert isinstance(trial, DryRun)
    assert (KEY, 0.0) in bench.asked
    assert isinstance(bench.look().actions[0], Create)


def test_one_trial_serves_all_generations_of_one_template_and_no_other() -> None:
    bench = Bench()
    bench.node("n1", "8")
    bench.batch(batchfooset(spec={"completions": 9}))
    assert trials(bench) == 1
    status = json.loads(bench.status().to_json())
    bench.batch(batchfooset(spec={"completions": 9, "parallelism": 3}, status=status, generation=2))
    assert trials(bench) == 0
    status = json.loads(bench.status().to_json())
    bench.batch(
        batchfooset(
            spec={"completions": 9, "parallelism": 3, "template": template(hostname="h")}, status=status, generation=3
        )
    )
    assert trials(bench) == 1


def test_a_set_made_again_under_its_name_is_tried_again() -> None:
    bench = Bench()
    bench.node()
    bench.batch(batchfooset())
    assert trials(bench) == 1
    bench.batch(batchfooset(uid="another"))
    assert trials(bench) == 1


def test_the_answer_for_a_set_that_is_gone_is_forgotten() -> None:
    bench = Bench()
    bench.node()
    bench.batch(batchfooset())
    bench.look()
    plan = bench.look(refuse=1)
    outcome = Performed([bench.tried(plan.actions[0])])
    gone = bench.room.batches.get(KEY)
    assert gone is not None
    bench.room.batches.remove(gone)
    bench.asked.clear()
    bench.room.acted(plan, outcome)
    assert bench.asked == []


def test_whether_a_template_that_was_not_tried_fits_is_not_looked_up() -> None:
    """A set that was made again under its name inherits the obstacle of the one before."""
    bench = Bench()
    bench.node("n1", "1")
    bench.batch(batchfooset())
    obstacle = Obstacle(Reason.NO_FIT, "no node", 0.0, (bench.now + timedelta(hours=1)).timestamp())
    seen = bench.room.observe(KEY, obstacle)
    assert seen is not None
    assert seen.obstacle == obstacle.worth_a_try()
