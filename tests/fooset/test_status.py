from typing import Any

import pytest

from foosets.api.fooset import FooSet
from foosets.api.status import BlockedBy
from tests.builders import Raw, batchfooset, fooset, template
from tests.fooset.world import COMPLETE, FAILED, READY, World, refined

TWO: dict[str, Raw] = {"a": {}, "b": {}}


def reported(**children: dict[str, str]) -> World:
    """A set of batch parts that have reported these conditions."""
    world = refined({name: {} for name in children})
    for name, conditions in children.items():
        world.report(f"demo-{name}", conditions)
    world.rest()
    return world


# ---- conditions

STARTING = {"Placed": "Available"}
STAGES: dict[str, tuple[dict[str, dict[str, str]], dict[str, tuple[str, str]]]] = {
    "nothing reported": (
        {"a": {}},
        {
            "Refined": ("True", "Available"),
            "Ready": ("False", "Placing"),
            "Progressing": ("True", "Placing"),
            "Stalled": ("False", "Placing"),
        },
    ),
    "placed": (
        {"a": STARTING, "b": READY},
        {
            "Refined": ("True", "Available"),
            "Ready": ("False", "PodsStarting"),
            "Progressing": ("True", "PodsStarting"),
            "Stalled": ("False", "PodsStarting"),
        },
    ),
    "ready": (
        {"a": READY, "b": COMPLETE},
        {
            "Refined": ("True", "Available"),
            "Ready": ("True", "Available"),
            "Progressing": ("False", "Available"),
            "Stalled": ("False", "Available"),
        },
    ),
    "complete": (
        {"a": COMPLETE, "b": COMPLETE},
        {
            "Refined": ("True", "Available"),
            "Ready": ("True", "Completed"),
            "Progressing": ("False", "Completed"),
            "Complete": ("True", "Completed"),
            "Stalled": ("False", "Completed"),
        },
    ),
    "failed": (
        {"a": FAILED, "b": READY},
        {
            "Refined": ("True", "Available"),
            "Ready": ("False", "ChildFailed"),
            "Progressing": ("False", "ChildFailed"),
            "Failed": ("True", "ChildFailed"),
            "Stalled": ("True", "ChildFailed"),
        },
    ),
}


@pytest.mark.parametrize(("children", "expected"), STAGES.values(), ids=STAGES.keys())
def test_what_is_said_at_each_stage(children: dict[str, dict[str, str]], expected: dict[str, tuple[str, str]]) -> None:
    assert {c.type: (c.status, c.reason) for c in reported(**children).status.conditions} == expected


def test_a_childs_word_counts_only_for_the_spec_that_it_has_seen() -> None:
    world = reported(a=READY)
    assert world.condition("Ready")[0] == "True"
    world.scale("demo-a", parallelism=4)
    world.rest()
    assert world.condition("Ready")[0] == "False"
    world.report("demo-a", READY)
    world.rest()
    assert world.condition("Ready")[0] == "True"


def test_a_stalled_child_stalls_its_set() -> None:
    assert reported(a={"Stalled": "UnsupportedTemplate"}, b=READY).condition("Stalled")[0] == "True"


def test_the_columns_count_ready_parts_of_each_kind() -> None:
    world = refined({"a": {}, "b": {}}, {"web": {}})
    world.report("demo-a", READY)
    world.rest()
    assert (world.status.batch_ready, world.status.service_ready) == ("1/2", "0/1")
    assert (refined().status.batch_ready, refined().status.service_ready) == ("0/0", "0/0")


def counts(**of: int) -> dict[str, int]:
    """The counts of a part, as status has them: all others are 0."""
    names = ("desired", "created", "placed", "ready", "succeeded", "failed", "placementConflicts")
    return dict.fromkeys(names, 0) | of


def test_each_part_is_counted_in_pods() -> None:
    world = refined({"a": {"completions": 9}}, {"web": {"replicas": 4}})
    world.report("demo-a", {}, active=3, ready=2, succeeded=5, failed=1, placementConflicts=7)
    world.report("demo-web", {}, replicas=4, placedReplicas=3, readyReplicas=2, placementConflicts=6)
    world.rest()
    batch, service = (part.model_dump(mode="json", exclude={"name", "kind"}) for part in world.status.children)
    assert batch == counts(desired=9, created=3, placed=3, ready=2, succeeded=5, failed=1, placementConflicts=7)
    assert service == counts(desired=4, created=4, placed=3, ready=2, placementConflicts=6)


def test_a_part_without_child_counts_nothing() -> None:
    world = World(fooset({"a": {}}))
    world.look()
    (part,) = world.status.children
    assert (part.name, part.kind, part.desired) == ("a", "BatchFooSet", 0)


def test_a_removed_part_is_counted_until_it_is_gone() -> None:
    world = refined({"a": {}}, {"web": {"replicas": 4}})
    world.report("demo-web", {}, replicas=4, placedReplicas=3, readyReplicas=2)
    world.change(fooset({"a": {}}))
    world.look()
    assert [(part.name, part.desired, part.created) for part in world.status.children] == [("a", 1, 0), ("web", 0, 4)]
    world.rest()
    world.collect()
    world.rest()
    assert [part.name for part in world.status.children] == ["a"]


def test_a_part_that_changes_sides_is_counted_where_it_is_wanted() -> None:
    world = refined({"a": {}}, {"web": {"replicas": 4}})
    world.change(fooset({"a": {}, "web": {}}))
    world.look()
    assert [(part.name, part.kind) for part in world.status.children] == [("a", "BatchFooSet"), ("web", "BatchFooSet")]


# ---- the root cause


def cause(world: World) -> BlockedBy:
    assert world.status.blocked_by is not None
    return world.status.blocked_by


def block(kind: str, name: str, seconds: float = 0) -> dict[str, Any]:
    return {"reason": "NoFit", "kind": kind, "name": name, "seconds": seconds}


CAUSES: dict[str, tuple[dict[str, dict[str, Any]], str, str]] = {
    "the only one": ({"a": block("Pod", "p")}, "p", "why"),
    "the deepest": ({"a": block("BatchFooSet", "demo-a", 99), "b": block("Pod", "p")}, "p", "why"),
    "the oldest of the deepest": (
        {"a": block("Pod", "p", 1), "b": block("Pod", "q", 99)},
        "q",
        "why (and 1 more blocked)",
    ),
    "by name": ({"a": block("Pod", "q"), "b": block("Pod", "p")}, "p", "why (and 1 more blocked)"),
}


@pytest.mark.parametrize(("blocked", "name", "message"), CAUSES.values(), ids=CAUSES.keys())
def test_the_root_cause_is_the_deepest_then_the_oldest_then_by_name(
    blocked: dict[str, dict[str, Any]], name: str, message: str
) -> None:
    world = refined(TWO)
    for child, how in blocked.items():
        world.block(f"demo-{child}", **how)
    world.rest()
    assert (cause(world).name, cause(world).message) == (name, message)
    assert world.condition("Ready") == ("False", "NoFit")
    ready = world.status.condition("Ready")
    assert ready is not None
    assert ready.message == f"{cause(world).kind} {name}: {message}"


def test_a_cause_of_a_spec_that_is_not_any_more_is_none() -> None:
    world = refined({"a": {}})
    world.block("demo-a", "NoFit")
    world.scale("demo-a", parallelism=2)
    world.rest()
    assert world.status.blocked_by is None


def test_a_reason_of_a_newer_version_is_passed_on() -> None:
    world = refined({"a": {}})
    world.block("demo-a", "SomethingNew")
    world.rest()
    assert world.condition("Ready") == ("False", "SomethingNew")


def test_a_cause_below_is_shown_before_what_this_controller_ran_into() -> None:
    world = World(fooset(TWO), {"demo-b": batchfooset("demo-b")})
    world.rest()
    assert cause(world).reason == "NameCollision"
    world.block("demo-a", "ImagePullFailed")
    world.rest()
    assert cause(world).reason == "ImagePullFailed"


def test_a_failed_set_says_why_it_failed_and_not_what_else_is_wrong() -> None:
    world = refined(TWO)
    failure = {
        "kind": "BatchFooSet",
        "name": "demo-a",
        "condition": "Failed",
        "reason": "BackoffLimitExceeded",
        "message": "7 pods failed",
        "since": world.now.replace(microsecond=0),
    }
    world.block("demo-b", "ImagePullFailed", seconds=99)
    world.report("demo-a", FAILED, blockedBy=failure)
    world.rest()
    assert world.condition("Failed") == ("True", "BackoffLimitExceeded")
    assert cause(world).name == "demo-a"


@pytest.mark.parametrize(
    "changed",
    [
        fooset({"a": {"template": template(nodeName="n1")}, "b": {}}),
        fooset({"a": {"template": template(hostname="h")}, "b": {}}),
        fooset({"b": {}}),
    ],
    ids=["a fault", "another template", "removed"],
)
def test_a_set_that_failed_keeps_its_cause_whatever_is_written_into_it(changed: FooSet) -> None:
    world = refined(TWO)
    failure = {"kind": "BatchFooSet", "name": "demo-a", "condition": "Failed", "reason": "BackoffLimitExceeded"}
    world.report("demo-a", FAILED, blockedBy=failure | {"since": world.now.replace(microsecond=0)})
    world.report("demo-b", READY)
    world.rest()
    ended = cause(world)

    world.change(changed)
    world.rest()

    assert cause(world) == ended
    assert world.condition("Ready") == ("False", "BackoffLimitExceeded")


def test_a_set_that_failed_with_a_part_that_is_gone_still_has_failed() -> None:
    world = reported(a=FAILED)
    world.change(fooset({"b": {}}))
    world.rest()
    world.collect()
    world.rest()
    assert world.condition("Failed") == ("True", "ChildFailed")
    assert world.condition("Ready")[0] == "False"


# ---- a controller that does not run


def test_a_child_that_nobody_looks_at_is_the_fault_of_its_controller() -> None:
    world = refined(service={"s": {}})
    world.rest()
    world.after(14)
    assert world.rest() == []
    assert world.condition("Ready") == ("False", "Placing")

    world.after(2)
    world.rest()

    assert world.condition("Ready") == ("False", "ControllerSilent")
    cause = world.status.blocked_by
    assert cause is not None
    assert (cause.kind, cause.name, cause.message) == (
        "ServiceFooSet",
        "demo-s",
        "the servicefooset controller has not looked at it: is it running?",
    )


def stuck(*children: str) -> World:
    """A set whose parts have found no node for long."""
    world = refined(service={name: {} for name in children})
    for name in children:
        world.block(f"demo-{name}", "NoFit")
    world.rest()
    world.after(100)
    world.rest()
    return world


def test_a_child_that_changes_in_a_set_that_was_stuck_is_given_time_to_be_looked_at() -> None:
    world = stuck("s")
    world.scale("demo-s", replicas=3)
    world.rest()
    assert world.condition("Ready") == ("False", "Placing")
    assert world.plan().wake_after == pytest.approx(15, abs=0.1)

    world.after(15)
    world.rest()
    assert world.condition("Ready") == ("False", "ControllerSilent")


def test_of_children_that_nobody_looks_at_the_one_is_named_that_has_waited_longest() -> None:
    world = stuck("a", "b")
    world.scale("demo-b", replicas=3)
    world.rest()
    world.after(10)
    world.scale("demo-a", replicas=3)
    world.rest()
    world.after(6)
    world.rest()
    assert cause(world).name == "demo-b"


def test_a_controller_that_looks_again_is_not_silent() -> None:
    world = refined({"a": {}})
    world.rest()
    world.after(16)
    world.rest()

    world.report("demo-a", READY)
    world.rest()

    assert world.condition("Ready") == ("True", "Available")
    assert world.status.blocked_by is None
