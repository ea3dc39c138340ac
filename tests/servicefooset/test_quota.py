"""A ServiceFooSet in a namespace with a FooQuota: it has as many pods as its root was given."""

from foosets.planning.reservations import Reservations, Share
from tests.builders import Raw, fooquota, queued, reservation
from tests.servicefooset.builders import UID, World, acts, running, service, template


def quota(world: World, count: int | None, generation: int = 1, *, refused: int = 0) -> None:
    """Let the quota give so many pods, and refuse a generation."""
    head = {"uid": UID}
    status: Raw = {}
    if count is not None:
        status["reservations"] = [reservation("web", generation, kind="ServiceFooSet", web=count) | head]
    if refused:
        status["queue"] = [queued("web", refused, kind="ServiceFooSet") | head]
    world.share = _share(status)


def _share(status: Raw) -> Share:
    reservations = Reservations()
    reservations.observe(None, fooquota(status=status))
    return reservations.share("ns", service().metadata.uid)


def everything(world: World) -> list[str]:
    return [act for plan in world.rest() for act in acts(plan)]


def test_without_an_answer_no_pod_is_created() -> None:
    world = World(service())
    quota(world, None)
    assert everything(world) == []
    assert world.condition("QuotaReserved") == ("False", "Placing")
    assert world.plan().wake_after is not None


def test_an_autoscaler_gets_as_far_as_the_reservation_goes() -> None:
    world = running(scheduler="foo-scheduler")
    quota(world, 5, 2, refused=2)
    world.change(replicas=9)
    assert [act[-1] for act in everything(world)] == ["3", "4"]
    assert world.condition("Ready") == ("False", "QuotaExceeded")
    assert world.condition("QuotaReserved") == ("False", "QuotaExceeded")


def test_a_template_that_nothing_is_reserved_for_replaces_nothing() -> None:
    world = running()
    quota(world, 3, refused=2)
    world.change(template=template("web:2"))
    assert [act[0] for act in everything(world)] == ["?"], "what its pods take is to be known to whoever reserves"
    assert world.condition("Ready") == ("False", "QuotaExceeded")

    quota(world, 3, 2)
    acted = everything(world)
    assert [act[0] for act in acted] == ["-", "-", "-", "+", "+", "+"]


def test_scaling_down_waits_for_no_quota() -> None:
    world = running()
    quota(world, 3, refused=2)
    world.change(replicas=1)
    assert [act[0] for act in everything(world)] == ["-", "-"]


def test_pods_that_linger_count() -> None:
    world = running(lingers=True)
    quota(world, 3, 2)
    world.change(template=template("web:2"))
    assert [act[0] for act in everything(world)] == ["?", "-", "-", "-"]
    world.finish_deletions()
    assert [act[0] for act in everything(world)] == ["+", "+", "+"]


def test_without_a_limit_pods_that_linger_keep_no_slot_but_their_own() -> None:
    world = running(lingers=True)
    world.change(replicas=1)
    world.rest()
    world.change(replicas=5)
    assert [act[-1] for act in everything(world)] == ["3", "4"]


def test_pods_that_take_more_than_they_were_charged_with_wait_for_the_charge() -> None:
    world = World(service())
    small: Raw = {"reservations": [reservation("web", kind="ServiceFooSet", web=3) | {"uid": UID}]}
    small["reservations"][0]["children"][0]["podRequests"] = {"cpu": "100m"}
    world.share = _share(small)
    assert [act for act in everything(world) if act[0] == "+"] == []
    assert world.status().pod_requests is not None, "whoever charges learns here what they take"

    quota(world, 3)
    assert [act[0] for act in everything(world)] == ["+", "+", "+"]
