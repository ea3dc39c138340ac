import random
from itertools import pairwise

import pytest

from foosets.api.meta import PODS, Key
from foosets.api.names import Reason, Uid
from foosets.kube.errors import (
    AdmissionDenied,
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    QuotaRefused,
    ServerFault,
    Throttled,
    Unauthorized,
    Unreachable,
)
from foosets.planning.actions import Create, Delete, Plan
from foosets.planning.obstacles import Obstacle
from foosets.runtime.apply import NameTaken, Written
from foosets.runtime.obstruction import CAP_SECONDS, LASTING, MAX_MESSAGE, Obstructions
from foosets.runtime.writers import Performed, Refused

SET = Key("ns", "set")
CREATE = Create(PODS, "ns", "pod", b"{}", Uid("owner"))
DELETE = Delete(PODS, "ns", "pod", Uid("pod"))


def refused(error: ApiError) -> Performed:
    return Performed(refused=[Refused(CREATE, error)])


REASONS = [
    (QuotaRefused(403, "Forbidden", "exceeded quota"), Reason.QUOTA_EXCEEDED),
    (AdmissionDenied(422, "Invalid", "policy"), Reason.ADMISSION_DENIED),
    (Forbidden(403, "Forbidden", "no role"), Reason.ADMISSION_DENIED),
    (Unauthorized(401, "Unauthorized", "who?"), Reason.ADMISSION_DENIED),
    (NotFound(404, "NotFound", "no such namespace"), Reason.ADMISSION_DENIED),
    (Invalid(422, "Invalid", "bad image"), Reason.INVALID_POD_TEMPLATE),
    (NameTaken(409, "NameCollision", "taken"), Reason.NAME_COLLISION),
    (Conflict(409, "Conflict", "stale"), None),
    (AlreadyExists(409, "AlreadyExists", "gone by now"), None),
    (ServerFault(503, "Unavailable", "later"), None),
]


@pytest.mark.parametrize(("error", "reason"), REASONS, ids=[type(error).__name__ for error, _ in REASONS])
def test_what_a_user_can_mend_becomes_a_reason_and_what_time_mends_does_not(
    error: ApiError, reason: Reason | None
) -> None:
    obstructions = Obstructions(random.Random(0))

    news = obstructions.learn(SET, 1, Plan(), refused(error), now=100.0)

    found = obstructions.of(SET, 1)
    assert news == (reason is not None)
    assert (found.reason if found else None) == reason


def test_the_same_cause_keeps_its_since_and_waits_longer() -> None:
    obstructions = Obstructions(random.Random(0))
    obstructions.learn(SET, 1, Plan(), refused(REASONS[0][0]), now=100.0)
    first = obstructions.of(SET, 1)

    news = obstructions.learn(SET, 1, Plan(), refused(REASONS[0][0]), now=110.0)

    second = obstructions.of(SET, 1)
    assert first
    assert second
    assert not news
    assert second.since == first.since == 100.0
    assert second.retry_at - 110.0 > first.retry_at - 100.0


def test_a_new_spec_has_met_nothing_yet() -> None:
    obstructions = Obstructions(random.Random(0))
    obstructions.learn(SET, 1, Plan(), refused(REASONS[0][0]), now=100.0)

    assert obstructions.of(SET, 2) is None


@pytest.mark.parametrize(
    ("outcome", "forgotten"),
    [(Performed(), True), (refused(Conflict(409, "Conflict", "stale")), False)],
    ids=["it passes", "its try fails for another reason"],
)
def test_a_new_spec_that_passes_ends_the_long_pauses_of_the_old_one(outcome: Performed, *, forgotten: bool) -> None:
    obstructions = Obstructions(random.Random(0))
    for _ in range(8):
        obstructions.learn(SET, 1, Plan(), refused(REASONS[0][0]), now=100.0)

    assert not obstructions.learn(SET, 2, Plan(), outcome, now=200.0)

    obstructions.learn(SET, 2, Plan(), refused(REASONS[0][0]), now=90_000.0)
    found = obstructions.of(SET, 2)
    assert found
    assert (found.retry_at - 90_000.0 < 1) == forgotten


def test_a_success_frees_the_way() -> None:
    obstructions = Obstructions(random.Random(0))
    obstructions.learn(SET, 1, Plan(), refused(REASONS[0][0]), now=100.0)
    written = Performed(written=[Written(PODS, Key("ns", "pod"), Uid("u"), 1)])

    assert obstructions.learn(SET, 1, Plan(), written, now=100.1)
    assert obstructions.of(SET, 1) is None


def test_a_plan_that_holds_back_changes_nothing() -> None:
    obstructions = Obstructions(random.Random(0))
    obstructions.learn(SET, 1, Plan(), refused(REASONS[0][0]), now=100.0)
    standing = obstructions.of(SET, 1)

    assert not obstructions.learn(SET, 1, Plan(obstacle=standing), Performed(), now=100.01)
    assert obstructions.of(SET, 1) == standing


def test_a_try_that_failed_for_another_reason_leaves_the_obstacle() -> None:
    obstructions = Obstructions(random.Random(0))
    obstructions.learn(SET, 1, Plan(), refused(REASONS[0][0]), now=100.0)

    assert not obstructions.learn(SET, 1, Plan(), refused(Conflict(409, "Conflict", "stale")), now=200.0)
    assert obstructions.of(SET, 1) is not None


def test_a_plan_that_wants_nothing_more_has_no_obstacle() -> None:
    obstructions = Obstructions(random.Random(0))
    obstructions.learn(SET, 1, Plan(), refused(REASONS[0][0]), now=100.0)

    assert obstructions.learn(SET, 1, Plan(), Performed(), now=100.01)
    assert obstructions.of(SET, 1) is None


def test_what_a_plan_finds_in_the_way_counts_like_a_refusal() -> None:
    obstructions = Obstructions(random.Random(0))
    unfit = Obstacle(Reason.NO_FIT, "0/3 nodes", since=50.0, retry_at=110.0)

    assert obstructions.learn(SET, 1, Plan(obstacle=unfit), Performed(), now=50.0)
    assert obstructions.of(SET, 1) == unfit


def test_a_missing_right_says_who_may_not_do_what_and_where_it_would_stand() -> None:
    obstructions = Obstructions(random.Random(0))
    said = 'pods is forbidden: User "batch" cannot create resource "pods"'
    for message in (said, "x" * 2000):
        obstructions.learn(SET, 1, Plan(), refused(Forbidden(403, "Forbidden", message)), now=100.0)
        found = obstructions.of(SET, 1)
        assert found
        assert found.message.endswith(": see the role that the chart gives this user")
        assert len(found.message) <= MAX_MESSAGE
    obstructions.learn(SET, 1, Plan(), refused(AdmissionDenied(403, "Forbidden", said)), now=100.0)
    denied = obstructions.of(SET, 1)
    assert denied
    assert denied.message == said


@pytest.mark.parametrize("action", [CREATE, DELETE], ids=["a creation", "a deletion"])
def test_it_is_remembered_whether_deletions_meet_it_too(action: Create | Delete) -> None:
    obstructions = Obstructions(random.Random(0))
    outcome = Performed(refused=[Refused(action, Forbidden(403, "Forbidden", "no role"))])
    obstructions.learn(SET, 1, Plan(), outcome, now=100.0)
    found = obstructions.of(SET, 1)
    assert found
    assert found.deleting is (action is DELETE)


@pytest.mark.parametrize("chance", [0.0, 0.999], ids=["shortest pauses", "longest pauses"])
def test_it_is_tried_nine_times_in_the_first_minute_and_then_at_least_twice_in_each(chance: float) -> None:
    rng = random.Random(0)
    rng.random = lambda: chance
    obstructions, now, tried = Obstructions(rng), 0.0, list[float]()
    while now < 600:
        tried.append(now)
        obstructions.learn(SET, 1, Plan(), refused(REASONS[0][0]), now)
        found = obstructions.of(SET, 1)
        assert found
        now = found.retry_at
    assert sum(at < 60 for at in tried) in {8, 9}
    assert max(after - before for before, after in pairwise(tried)) <= 1.25 * CAP_SECONDS


FULL = ServerFault(500, "InternalError", "etcdserver: mvcc: database space exceeded")


def meet(obstructions: Obstructions, outcome: Performed, times: int, now: float = 100.0) -> Obstacle | None:
    """Return the obstacle after so many passes that ended so."""
    for _ in range(times):
        obstructions.learn(SET, 1, Plan(), outcome, now)
    return obstructions.of(SET, 1)


@pytest.mark.parametrize("fault", [FULL, Throttled(429, "TooManyRequests", "later")], ids=["5xx", "429"])
def test_a_fault_that_lasts_is_told_in_the_servers_words(fault: ApiError) -> None:
    obstructions = Obstructions(random.Random(0))
    assert meet(obstructions, refused(fault), LASTING - 1) is None
    found = meet(obstructions, refused(fault), 1)
    assert found
    assert (found.reason, found.message) == (Reason.SERVER_FAULT, str(fault))
    assert obstructions.learn(SET, 1, Plan(), Performed(), now=101.0)
    assert meet(obstructions, refused(fault), LASTING - 1) is None


def test_who_is_told_when_to_come_back_comes_no_sooner() -> None:
    found = meet(Obstructions(random.Random(0)), refused(Throttled(429, "TooManyRequests", "", 90.0)), LASTING)
    assert found
    assert found.retry_at == 190.0


def test_a_server_that_is_not_reached_keeps_nobody_waiting_once_it_is_back() -> None:
    assert meet(Obstructions(random.Random(0)), refused(Unreachable("reset")), 3 * LASTING) is None


BREAKS = {
    "a success": Performed(),
    "one among faults": Performed(
        written=[Written(PODS, Key("ns", "pod"), Uid("u"), 1)], refused=[Refused(CREATE, FULL)]
    ),
    "a refusal": refused(QuotaRefused(403, "Forbidden", "exceeded quota")),
}


@pytest.mark.parametrize("between", BREAKS.values(), ids=BREAKS.keys())
def test_faults_with_something_between_them_do_not_last(between: Performed) -> None:
    obstructions = Obstructions(random.Random(0))
    meet(obstructions, refused(FULL), LASTING - 1)
    meet(obstructions, between, 1)
    found = meet(obstructions, refused(FULL), LASTING - 1)
    assert found is None or found.reason == Reason.QUOTA_EXCEEDED


def test_a_fault_among_refusals_leaves_the_obstacle() -> None:
    obstructions = Obstructions(random.Random(0))
    meet(obstructions, refused(REASONS[0][0]), 8)
    found = meet(obstructions, refused(FULL), 1)
    assert found
    assert found.reason == Reason.QUOTA_EXCEEDED


SAME = {
    "the port that it asked from": (
        'failed calling webhook "h": read tcp 10.0.0.1:{}->10.0.0.2:443: connection reset by peer',
        'failed calling webhook "h": read tcp 10.0.0.2:443: connection reset by peer',
    ),
    "the port that it asked a name server from": (
        'failed calling webhook "h": dial tcp: lookup h.svc: read udp [::1]:{}->[::1]:53: i/o timeout',
        'failed calling webhook "h": dial tcp: lookup h.svc: read udp [::1]:53: i/o timeout',
    ),
    "the uid of its question": (
        'failed calling webhook "h": expected response.uid="{}aa6fd-f5e8-4a1c-8c8f-b3a0e6e1ad4e", got "x"',
        'failed calling webhook "h": expected response.uid=, got "x"',
    ),
}


@pytest.mark.parametrize(("said", "told"), SAME.values(), ids=SAME.keys())
def test_what_the_server_says_otherwise_each_time_makes_no_new_cause(said: str, told: str) -> None:
    obstructions = Obstructions(random.Random(0))
    for number in (412, 413):
        denied = refused(AdmissionDenied(500, "InternalError", said.format(number)))
        news = obstructions.learn(SET, 1, Plan(), denied, now=100.0)
        found = obstructions.of(SET, 1)
        assert found
        assert (news, found.message) == (number == 412, told)
