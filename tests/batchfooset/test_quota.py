"""A BatchFooSet in a namespace with a FooQuota: it has as many pods as its root was given."""

from typing import Any

from foosets.planning.reservations import NOT_LIMITED
from tests.batchfooset.world import World, started
from tests.builders import Raw, batchfooset, derived, fooquota, queued, reservation, share, template


def world(completions: int = 5, **meta: Any) -> World:
    return World(batchfooset(spec={"completions": completions, "parallelism": completions}, **meta))


def granted(count: int, generation: int = 1) -> Raw:
    return {"reservations": [reservation("work", generation, kind="BatchFooSet", work=count)]}


def quota(world: World, status: Raw, root: str = "work") -> None:
    world.share = share(root, fooquota(status=status))


def test_without_an_answer_no_pod_is_created() -> None:
    one = world()
    quota(one, {})
    assert one.rest() == ["status"]
    assert one.condition("QuotaReserved") == ("False", "Placing")


def test_a_set_has_as_many_pods_as_it_was_given() -> None:
    one = world()
    quota(one, granted(3) | {"queue": [queued("work", kind="BatchFooSet")]})
    one.rest()
    assert len(one.live()) == 3
    assert one.condition("Ready") == ("False", "QuotaExceeded")
    assert one.status.blocked_by is not None
    assert (one.status.blocked_by.kind, one.status.blocked_by.name) == ("BatchFooSet", "work")

    quota(one, granted(5))
    one.rest()
    assert len(one.live()) == 5
    assert one.condition("QuotaReserved") == ("True", "Available")


def test_pods_on_their_way_out_count() -> None:
    one = world()
    quota(one, granted(3))
    one.rest()
    one.delete(one.live()[0])
    assert [act for act in one.rest() if act.startswith("+")] == []
    one.finish_deletions()
    assert len([act for act in one.rest() if act.startswith("+")]) == 1


def test_a_quota_that_gives_less_than_there_is_takes_nothing_away() -> None:
    one = world()
    one.rest()
    quota(one, granted(2))
    assert [act for act in one.rest() if act[0] in "+-"] == []
    assert len(one.live()) == 5


def test_a_template_that_nothing_is_reserved_for_replaces_nothing() -> None:
    one = started(2)
    one.change(template=template(hostname="h"))
    quota(one, granted(2) | {"queue": [queued("work", 2, kind="BatchFooSet")]})
    assert [act for act in one.rest() if act[0] in "+-"] == []
    assert one.condition("Ready") == ("False", "QuotaExceeded")

    quota(one, granted(2, generation=2))
    assert [act[0] for act in one.rest() if act[0] in "+-"] == ["-", "-"]


def test_a_derived_child_obeys_what_its_root_hands_down() -> None:
    one = world(**derived("demo", "work"), generation=4)
    quota(one, {"reservations": [reservation("demo", 1, work=2)]}, root="demo")
    one.rest()
    assert len(one.live()) == 2


def test_a_set_whose_indexes_have_completed_wants_no_more() -> None:
    one = world(2)
    quota(one, granted(2))
    one.rest()
    one.succeed(0, 1)
    one.rest()
    quota(one, {})
    one.after(60)
    one.rest()
    assert one.condition("QuotaReserved") == ("True", "Available")
    assert one.condition("Ready") == ("True", "Completed")
    assert one.plan().plan.wake_after is None


def test_a_set_that_had_completed_before_there_was_a_quota_says_nothing_of_it() -> None:
    one = started(2)
    one.succeed(0, 1)
    one.rest()
    quota(one, {})
    one.rest()
    assert one.status.condition("QuotaReserved") is None


def test_a_quota_that_nobody_keeps_is_the_cause_after_a_while() -> None:
    one = world()
    quota(one, {})
    one.rest()
    assert one.plan().plan.wake_after is not None
    one.after(20)
    one.rest()
    assert one.condition("Ready") == ("False", "ControllerSilent")

    one.share = NOT_LIMITED
    one.rest()
    assert len(one.live()) == 5


def test_pods_that_take_more_than_they_were_charged_with_wait_for_the_charge() -> None:
    one = world(2)
    small = granted(2)
    small["reservations"][0]["children"][0]["podRequests"] = {"cpu": "100m"}
    quota(one, small)
    one.rest()
    assert one.live() == []
    assert one.condition("QuotaReserved") == ("False", "Placing")
    assert one.status.pod_requests is not None, "whoever charges learns here what they take"

    quota(one, granted(2))
    one.rest()
    assert len(one.live()) == 2
