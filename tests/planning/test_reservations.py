from datetime import timedelta

import pytest

from foosets.api.meta import Key
from foosets.api.names import Kind, Reason
from foosets.api.status import Status
from foosets.planning.allowance import UNLIMITED, Allowance, Standing
from foosets.planning.reservations import NOT_LIMITED, Reservations
from tests.builders import NOW, Raw, batchfooset, condition, derived, fooquota, queued, reservation, share

GRANTED: Raw = {"reservations": [reservation("demo", 2, demo_work=4, demo_web=1)]}
REFUSED: Raw = {"queue": [queued("demo", 3)]}


# ---- what a root has been given


def test_where_there_is_no_quota_nothing_is_limited() -> None:
    assert share("demo") == NOT_LIMITED
    assert NOT_LIMITED.covers(7)
    assert NOT_LIMITED.limit("demo-work") is None
    assert UNLIMITED.admits({"cpu": "4000m"})


def test_a_quota_of_another_namespace_does_not_apply() -> None:
    reservations = Reservations()
    reservations.observe(None, fooquota())
    assert reservations.share("another", fooquota().metadata.uid) == NOT_LIMITED


def test_a_quota_that_has_not_said_anything_gives_nothing() -> None:
    found = share("demo", fooquota())
    assert found.quotas == ("team",)
    assert not found.covers(1)
    assert found.limit("demo-work") == 0
    assert found.charges("demo-work") == {}


def test_a_reservation_covers_its_generation_and_those_before() -> None:
    found = share("demo", fooquota(status=GRANTED))
    assert [found.covers(generation) for generation in (1, 2, 3)] == [True, True, False]
    assert (found.limit("demo-work"), found.limit("demo-web"), found.limit("demo-new")) == (4, 1, 0)


def test_of_several_quotas_the_oldest_generation_and_the_least_count() -> None:
    least: Raw = {"reservations": [reservation("demo", 1, demo_work=3, demo_other=9)]}
    found = share("demo", fooquota(status=GRANTED), fooquota("other", status=least))
    assert (found.quotas, found.generation) == (("other", "team"), 1)
    assert (found.limit("demo-work"), found.limit("demo-web"), found.limit("demo-other")) == (3, 0, 0)


def test_a_quota_without_a_reservation_takes_back_what_the_others_gave() -> None:
    found = share("demo", fooquota(status=GRANTED), fooquota("other"))
    assert not found.covers(1)
    assert found.limit("demo-work") == 0


def test_of_several_charges_the_least_counts() -> None:
    less: Raw = {"reservations": [reservation("demo", 2, demo_work=4)]}
    less["reservations"][0]["children"][0]["podRequests"] = {"cpu": "500m", "pods": "1"}
    found = share("demo", fooquota(status=GRANTED), fooquota("other", status=less))
    assert found.charges("demo-work") == {"cpu": "500m", "pods": "1"}


@pytest.mark.parametrize(("generation", "said"), [(2, True), (3, True), (4, False)])
def test_a_refusal_is_about_its_generation_and_those_before(generation: int, said: bool) -> None:  # noqa: FBT001
    found = share("demo", fooquota(status=GRANTED | REFUSED))
    assert (found.refusal(generation) is not None) is said


# ---- whom a change concerns


def concerned(before: Raw | None, after: Raw | None) -> frozenset[str] | None:
    reservations = Reservations()
    old = fooquota(status=before) if before is not None else None
    if old is not None:
        reservations.observe(None, old)
    return reservations.observe(old, fooquota(status=after) if after is not None else None).names


def test_a_quota_that_comes_or_goes_concerns_every_set_of_its_namespace() -> None:
    assert concerned(None, {}) is None
    assert concerned({}, None) is None
    reservations = Reservations()
    sets = [batchfooset("a"), batchfooset("b", namespace="another")]
    assert list(reservations.observe(None, fooquota()).among(sets)) == [Key("ns", "a")]
    told = reservations.observe(fooquota(), fooquota(status=GRANTED))
    assert list(told.among(sets)) == [Key("ns", name) for name in ("demo", "demo-web", "demo-work")]


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ({}, GRANTED, {"demo", "demo-work", "demo-web"}),
        (GRANTED, {}, {"demo", "demo-work", "demo-web"}),
        (GRANTED, GRANTED | {"used": {"cpu": "1000m"}}, set()),
        (GRANTED, GRANTED | REFUSED, {"demo", "demo-work", "demo-web"}),
        (REFUSED, {"queue": [queued("demo", 3, message="FooQuota team: memory")]}, {"demo"}),
        (GRANTED, {"reservations": [*GRANTED["reservations"], reservation("other", other_a=1)]}, {"other", "other-a"}),
    ],
)
def test_a_change_concerns_the_roots_that_it_speaks_of_and_their_parts(
    before: Raw, after: Raw, names: set[str]
) -> None:
    assert concerned(before, after) == names


def test_a_quota_that_went_limits_nothing_any_more() -> None:
    reservations = Reservations()
    reservations.observe(None, fooquota())
    reservations.observe(fooquota(), None)
    assert reservations.share("ns", fooquota().metadata.uid) == NOT_LIMITED


# ---- what a set may do


def test_a_set_without_parent_needs_its_own_generation_granted() -> None:
    quota = fooquota(status={"reservations": [reservation("work", 1, kind="BatchFooSet", work=4)]})
    assert Allowance.of(share("work", quota), batchfooset()).covered
    assert not Allowance.of(share("work", quota), batchfooset(generation=2)).covered


def test_a_derived_child_was_written_when_it_might_be() -> None:
    child = batchfooset("demo-work", generation=9, **derived("demo", "work"))
    allowance = Allowance.of(share("demo", fooquota(status=GRANTED)), child)
    assert allowance.covered
    assert allowance.limit == 4


@pytest.mark.parametrize(
    ("requests", "admitted"),
    [
        (None, True),
        ({"cpu": "1000m", "memory": "99"}, True),
        ({"cpu": "1001m"}, False),
        ({"memory": "99"}, True),
    ],
)
def test_a_pod_may_take_what_it_was_charged_with_of_what_is_limited(requests: Raw | None, admitted: bool) -> None:  # noqa: FBT001
    child = batchfooset("demo-work", **derived("demo", "work"))
    assert Allowance.of(share("demo", fooquota(status=GRANTED)), child).admits(requests) is admitted


@pytest.mark.parametrize(("live", "wanted", "expected"), [(0, 9, 4), (3, 9, 1), (4, 9, 0), (6, 9, 0), (1, 2, 2)])
def test_pods_are_created_up_to_the_limit(live: int, wanted: int, expected: int) -> None:
    allowance = Allowance(share("demo", fooquota(status=GRANTED)), 0, 4)
    assert allowance.beside(live, wanted) == expected


def test_without_a_limit_all_that_is_wanted_is_created() -> None:
    assert UNLIMITED.beside(100, 9) == 9
    assert Allowance(taken=100).beside(0, 9) == 9


@pytest.mark.parametrize(("taken", "live", "expected"), [(0, 0, 4), (3, 0, 1), (4, 0, 0), (2, 2, 0), (9, 0, 0)])
def test_pods_that_earlier_sets_of_the_name_have_left_take_of_the_limit(taken: int, live: int, expected: int) -> None:
    allowance = Allowance(share("demo", fooquota(status=GRANTED)), 0, 4, taken=taken)
    assert allowance.beside(live, 9) == expected


# ---- how a wish stands


def waiting(seconds: float) -> Status:
    """The status of a set that has been waiting for so long."""
    since = (NOW - timedelta(seconds=seconds)).isoformat()
    conditions = [condition("Ready", holds=False, at=since)]
    return Status.model_validate({"conditions": conditions, "trace": {"startedAt": since}})


def standing(quota_status: Raw, seconds: float = 0, *, generation: int = 3) -> Standing:
    allowance = Allowance(share("demo", fooquota(status=quota_status)), generation)
    return allowance.standing(waiting(seconds), NOW)


def test_nothing_is_said_where_nothing_is_limited() -> None:
    found = UNLIMITED.standing(waiting(99), NOW, pods=7)
    assert list(found.verdicts(Reason.REFINING)) == []
    assert found.cause(Kind.FOOSET, "demo", NOW) is None


def test_a_granted_wish_names_the_quotas() -> None:
    (verdict,) = standing(GRANTED, generation=2).verdicts(Reason.REFINING)
    assert (verdict.type, verdict.holds, verdict.reason, verdict.message) == (
        "QuotaReserved",
        True,
        "Available",
        "FooQuota team",
    )


def test_a_refused_wish_is_the_cause_in_the_quotas_words() -> None:
    found = standing(GRANTED | REFUSED, 99)
    (verdict,) = found.verdicts(Reason.REFINING)
    assert (verdict.holds, verdict.reason, verdict.message) == (False, "QuotaExceeded", "FooQuota team: cpu")
    cause = found.cause(Kind.FOOSET, "demo", NOW)
    assert cause is not None
    assert (cause.kind, cause.name, cause.condition, cause.reason) == (
        "FooSet",
        "demo",
        "QuotaReserved",
        "QuotaExceeded",
    )
    assert found.silent_in(NOW) is None


def test_a_wish_that_other_pods_of_the_root_are_in_the_way_of_is_answered_and_nothing_is_wrong() -> None:
    found = standing(GRANTED | {"queue": [queued("demo", 3) | {"reason": "Placing"}]}, 99)
    (verdict,) = found.verdicts(Reason.REFINING)
    assert (verdict.holds, verdict.reason, verdict.message) == (False, "Placing", "FooQuota team: cpu")
    assert found.cause(Kind.FOOSET, "demo", NOW) is None
    assert found.silent_in(NOW) is None


def test_a_wish_without_an_answer_becomes_a_cause_after_a_while() -> None:
    found = standing(GRANTED, 14)
    (verdict,) = found.verdicts(Reason.REFINING)
    assert (verdict.holds, verdict.reason) == (False, "Refining")
    assert found.cause(Kind.FOOSET, "demo", NOW) is None
    assert found.silent_in(NOW) == 1

    found = standing(GRANTED, 15)
    cause = found.cause(Kind.FOOSET, "demo", NOW)
    assert cause is not None
    assert (cause.kind, cause.name, cause.reason) == ("FooQuota", "team", "ControllerSilent")
    assert found.silent_in(NOW) is None


def test_a_set_that_has_just_been_ready_waits_from_now_on() -> None:
    ready = Status.model_validate({"conditions": [condition("Ready")], "trace": {"startedAt": NOW}})
    found = Allowance(share("demo", fooquota()), 1).standing(ready, NOW + timedelta(hours=1))
    assert found.silent_in(NOW + timedelta(hours=1)) == 15


def test_a_set_that_has_waited_long_asks_for_something_new_and_waits_from_then_on() -> None:
    asked = NOW - timedelta(seconds=14)
    found = Allowance(share("demo", fooquota()), 1, asked_since=asked).standing(waiting(99), NOW)
    assert found.cause(Kind.FOOSET, "demo", NOW) is None
    assert found.silent_in(NOW) == 1


def test_more_pods_than_the_limit_are_a_wish_of_their_own() -> None:
    allowance = Allowance(share("demo", fooquota(status=GRANTED | REFUSED)), 0, 4)
    assert allowance.standing(waiting(0), NOW, pods=4).granted
    found = allowance.standing(waiting(0), NOW, pods=5)
    assert not found.granted
    assert found.refused is not None


def test_pods_that_others_are_in_the_place_of_wait_for_these_and_nobody_is_silent() -> None:
    allowance = Allowance(share("demo", fooquota(status=GRANTED)), 0, 4, taken=3)
    found = allowance.standing(waiting(99), NOW, pods=4)
    (verdict,) = found.verdicts(Reason.PLACING)
    assert (verdict.holds, verdict.reason, verdict.message) == (
        False,
        "QuotaExceeded",
        "FooQuota team: 3 of 4 reserved pods are still those of an earlier set of this name",
    )
    cause = found.cause(Kind.BATCHFOOSET, "demo-work", NOW)
    assert cause is not None
    assert (cause.condition, cause.reason, cause.message) == ("QuotaReserved", "QuotaExceeded", verdict.message)
    assert found.silent_in(NOW) is None


@pytest.mark.parametrize(("pods", "live"), [(0, 0), (1, 0), (4, 4), (2, 3)])
def test_pods_of_others_are_no_cause_where_nothing_is_missing_for_them(pods: int, live: int) -> None:
    allowance = Allowance(share("demo", fooquota(status=GRANTED)), 0, 4, taken=3)
    assert allowance.standing(waiting(99), NOW, pods=pods, live=live).granted


def test_pods_of_others_are_no_cause_where_nothing_is_limited() -> None:
    assert Allowance(taken=3).standing(waiting(99), NOW, pods=4).granted


def test_pods_that_take_more_than_they_were_charged_with_are_a_wish_of_their_own() -> None:
    child = batchfooset("demo-work", **derived("demo", "work"))
    allowance = Allowance.of(share("demo", fooquota(status=GRANTED)), child)
    assert allowance.standing(waiting(0), NOW, pods=4, requests={"cpu": "1000m"}).granted
    assert not allowance.standing(waiting(0), NOW, pods=4, requests={"cpu": "2000m"}).granted


# ---- more sets wait than a quota explains

LONG: Raw = {"queue": [queued("other")], "waiting": 2}


def test_a_set_behind_those_whose_wait_is_explained_waits_too_and_nobody_is_silent() -> None:
    found = share("demo", fooquota(status=LONG))
    refused = found.refusal(7)
    assert refused is not None
    assert (refused.reason, refused.message) == (
        "QuotaExceeded",
        "FooQuota team has no room, and more sets wait for it than it explains",
    )
    assert Allowance(found, 7).standing(waiting(99), NOW).silent_in(NOW) is None


def test_who_is_explained_is_told_in_the_quotas_words() -> None:
    refused = share("other", fooquota(status=LONG)).refusal(1)
    assert refused is not None
    assert refused.message == "FooQuota team: cpu"


def test_who_has_what_he_asks_for_is_not_refused_by_a_long_queue() -> None:
    allowance = Allowance(share("demo", fooquota(status=GRANTED | LONG)), 2)
    assert allowance.standing(waiting(0), NOW).granted


def test_a_queue_that_gets_too_long_concerns_whoever_has_no_answer() -> None:
    assert concerned({"queue": [queued("other")], "waiting": 1}, LONG) is None
    assert concerned(LONG, LONG | {"waiting": 3}) == set()
