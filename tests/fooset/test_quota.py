"""A FooSet in a namespace with a FooQuota: nothing is made of it before the quota says so."""

from foosets.planning.actions import Plan
from foosets.planning.trace import Hop
from tests.builders import Raw, fooquota, fooset, queued, reservation, share
from tests.fooset.world import COMPLETE, READY, World, refined

BATCH: dict[str, Raw] = {"work": {}}


def quota(world: World, status: Raw) -> None:
    """Let the quota say this of all sets."""
    world.share = share("demo", fooquota(status=status))


def test_no_child_is_made_before_the_quota_has_answered() -> None:
    world = World(fooset(BATCH))
    quota(world, {})
    assert world.rest() == ["status"]
    assert world.condition("QuotaReserved") == ("False", "Refining")
    assert world.condition("Ready") == ("False", "Refining")
    assert world.plan().wake_after is not None, "somebody has to say that nobody answers"


def test_what_is_granted_is_made() -> None:
    world = World(fooset(BATCH))
    quota(world, {"reservations": [reservation("demo", demo_work=1)]})
    assert world.rest() == ["status", "=demo-work", "status"]
    assert world.condition("QuotaReserved") == ("True", "Available")


def test_what_does_not_fit_waits_and_says_why() -> None:
    world = World(fooset(BATCH))
    quota(world, {"queue": [queued("demo")]})
    world.rest()
    assert world.condition("Ready") == ("False", "QuotaExceeded")
    assert world.condition("QuotaReserved") == ("False", "QuotaExceeded")
    assert world.condition("Refined") == ("False", "QuotaExceeded")
    assert world.status.blocked_by is not None
    assert (world.status.blocked_by.kind, world.status.blocked_by.condition) == ("FooSet", "QuotaReserved")
    assert world.children == {}


def test_a_refused_generation_leaves_what_runs_alone() -> None:
    world = refined({"work": {}, "old": {}})
    for child in world.children:
        world.report(child, READY)
    world.rest()
    quota(world, {"reservations": [reservation("demo", 1, demo_work=1, demo_old=1)], "queue": [queued("demo", 2)]})
    world.change(fooset({"work": {"completions": 9, "parallelism": 9}}))
    assert set(world.rest()) == {"status"}
    assert world.children["demo-work"].spec.model_dump()["parallelism"] == 1
    assert not world.children["demo-old"].terminating
    assert world.condition("Ready") == ("False", "QuotaExceeded")

    quota(world, {"reservations": [reservation("demo", 2, demo_work=9, demo_old=1)]})
    assert {"=demo-work", "-demo-old"} <= set(world.rest())


def test_a_quota_that_nobody_keeps_is_the_cause_after_a_while() -> None:
    world = World(fooset(BATCH))
    quota(world, {})
    world.rest()
    world.after(20)
    world.rest()
    assert world.condition("Ready") == ("False", "ControllerSilent")
    assert world.status.blocked_by is not None
    assert (world.status.blocked_by.kind, world.status.blocked_by.name) == ("FooQuota", "team")


def test_what_is_granted_after_the_trace_was_closed_is_a_trace_of_its_own() -> None:
    world = World(fooset(BATCH))
    quota(world, {"queue": [queued("demo")]})
    world.rest()
    refused_in = world.status.trace_id
    world.after(60)
    world.rest()
    assert world.status.trace is not None
    assert world.status.trace.closed
    quota(world, {"reservations": [reservation("demo", demo_work=1)]})
    world.rest()
    assert world.status.trace_id != refused_in
    assert world.status.trace.previous == refused_in


def test_a_quota_that_comes_later_stops_nothing_that_is_made() -> None:
    world = refined(BATCH)
    world.report("demo-work", READY)
    world.rest()
    quota(world, {})
    world.rest()
    assert world.condition("Ready") == ("True", "Available")
    assert world.plan().actions == Plan().actions


def test_a_set_that_has_completed_needs_no_reservation_and_one_whose_spec_is_changed_then_does() -> None:
    world = World(fooset(BATCH))
    quota(world, {"reservations": [reservation("demo", demo_work=1)]})
    world.rest()
    world.report("demo-work", COMPLETE)
    world.rest()
    quota(world, {})
    world.after(60)
    world.rest()
    assert world.condition("QuotaReserved") == ("True", "Available")
    assert (world.condition("Complete"), world.plan().wake_after) == (("True", "Completed"), None)

    world.change(fooset({"work": {}, "more": {}}))
    world.rest()
    assert world.condition("QuotaReserved") == ("False", "Refining")
    assert list(world.children) == ["demo-work"]


def test_the_wait_for_the_quota_is_a_span_of_its_own() -> None:
    world = World(fooset(BATCH))
    quota(world, {"queue": [queued("demo")]})
    world.rest()
    world.after(60)
    world.rest()
    (waited,) = [span for span in world.spans if span.name == Hop.QUOTA]
    assert waited.error == "QuotaExceeded: FooQuota team: cpu"
