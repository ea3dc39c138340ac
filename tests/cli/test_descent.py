"""Which way down."""

import pytest

from foosets.cli.descent import Child, blamed, lags, stuck_child, stuck_pod, waits_for_quota
from tests.cli.world import SINCE, batch, blocked, fooset, pod, ready, service, waiting

NO_FIT = blocked("Pod", "demo-server-x-0", "NoFit")
CRASHING = blocked("Pod", "demo-workers-x-0", "CrashLoop")
UNSEEN = {"observedGeneration": -1}


@pytest.mark.parametrize(
    ("above", "children", "expected"),
    [
        (ready(), [batch(), service()], None),
        (NO_FIT, [batch(stored=CRASHING), service(stored=NO_FIT)], "demo-server"),
        (CRASHING, [batch(stored=CRASHING), service(stored=NO_FIT)], "demo-workers"),
        (blocked("BatchFooSet", "demo-workers", "ControllerSilent"), [batch(stored=UNSEEN), service()], "demo-workers"),
        # what is above is late: nothing is blamed yet, or what was blamed is over
        (waiting("Placing"), [batch(), service(stored=NO_FIT)], "demo-server"),
        (CRASHING, [batch(), service(stored=NO_FIT)], "demo-server"),
        # nothing is blocked: a controller that has not looked comes before pods that are on their way
        (waiting("Placing"), [batch(stored=waiting("Placing")), service(stored=UNSEEN)], "demo-server"),
        (waiting("Placing"), [batch(stored=waiting("Placing")), service()], "demo-workers"),
        # the set blames itself, and nothing below has a say
        (blocked("FooSet", "demo", "QuotaExceeded"), [service(stored=waiting("Placing"))], None),
        # nor where a quota has not answered
        (blocked("FooQuota", "team", "ControllerSilent"), [service(stored=waiting("Placing"))], None),
    ],
)
def test_the_child_that_keeps_the_set_is_found(above: dict[str, object], children: list[Child], expected: str) -> None:
    found = stuck_child(fooset(stored=above), children)
    assert (found.metadata.name if found else None) == expected


def test_a_child_whose_controller_lags_is_stuck_though_it_was_ready() -> None:
    assert stuck_child(fooset(), [service(generation=2)]) is not None


def test_nobody_has_to_look_at_what_is_being_deleted() -> None:
    """To ask for a deletion makes a new generation."""
    assert lags(fooset(generation=2))
    assert not lags(fooset(generation=2, deletionTimestamp=SINCE))


def test_the_first_pod_that_is_on_its_way_is_waited_for() -> None:
    pods = [
        pod(index=0, ready=True),
        pod(index=1, phase="Succeeded"),
        pod(index=2, ready=False, deleted=True),
        pod(index=4),
        pod(index=3, ready=False),
    ]
    found = stuck_pod(pods)
    assert found is not None
    assert found.metadata.name == "work-x-3-0"
    assert stuck_pod(pods[:3]) is None


def test_only_a_pod_is_looked_for_among_pods() -> None:
    assert blamed(service(stored=NO_FIT), "Pod") == "demo-server-x-0"
    assert blamed(service(stored=blocked("ServiceFooSet", "demo-server", "NameCollision")), "Pod") is None
    assert blamed(service(), "Pod") is None


def test_a_set_waits_for_a_quota_when_its_own_condition_says_so() -> None:
    assert waits_for_quota(fooset(stored=blocked("FooSet", "demo", "QuotaExceeded", by="QuotaReserved")))
    assert not waits_for_quota(fooset(stored=blocked("FooSet", "demo", "QuotaExceeded", by="Refined")))
    assert not waits_for_quota(fooset())
