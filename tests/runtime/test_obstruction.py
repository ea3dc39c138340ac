import random

import pytest

from foosets.api.meta import PODS, Key
from foosets.api.names import Reason, Uid
from foosets.kube.errors import AdmissionDenied, ApiError, Conflict, Forbidden, Invalid, QuotaRefused, ServerFault
from foosets.planning.actions import Create, Plan
from foosets.planning.obstacles import Obstacle
from foosets.runtime.apply import NameTaken, Written
from foosets.runtime.obstruction import Obstructions
from foosets.runtime.writers import Performed, Refused

SET = Key("ns", "set")
CREATE = Create(PODS, "ns", "pod", b"{}", Uid("owner"))


def refused(error: ApiError) -> Performed:
    return Performed(refused=[Refused(CREATE, error)])


REASONS = [
    (QuotaRefused(403, "Forbidden", "exceeded quota"), Reason.QUOTA_EXCEEDED),
    (AdmissionDenied(422, "Invalid", "policy"), Reason.ADMISSION_DENIED),
    (Forbidden(403, "Forbidden", "no role"), Reason.ADMISSION_DENIED),
    (Invalid(422, "Invalid", "bad image"), Reason.INVALID_POD_TEMPLATE),
    (NameTaken(409, "NameCollision", "taken"), Reason.NAME_COLLISION),
    (Conflict(409, "Conflict", "stale"), None),
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
