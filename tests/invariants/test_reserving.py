"""I15: what FooQuotas give away."""

from typing import Any

import pytest
from invariants.recording import Recording, a_set, leaving

from foosets.api import names
from foosets.api.names import Kind
from tests.builders import Raw, controlled_by

READY = [{"type": "Ready", "status": "True"}]


def quota(*entries: Raw, cpu: str = "2", name: str = "team", **status: Any) -> Raw:
    meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "generation": 1}
    told = {"observedGeneration": 1, "conditions": READY, "reservations": list(entries)} | status
    return {"kind": Kind.FOOQUOTA, "metadata": meta, "spec": {"hard": {"cpu": cpu}}, "status": told}


def unanswered() -> Raw:
    found = quota()
    del found["status"]["conditions"]
    return found


def holds(name: str, cpu: str) -> Raw:
    return {"uid": f"uid-{name}", "name": name, "requests": {"cpu": cpu}}


def web(name: str = "web", **meta: Any) -> Raw:
    found = a_set(Kind.SERVICEFOOSET, name, {"replicas": 0}, replicas=0, readyReplicas=0)
    return {**found, "metadata": found["metadata"] | meta}


def pod(index: int = 0, owner: str = "web", root: str = "web", cpu: str = "1") -> Raw:
    name = f"{owner}-{index}"
    labels = {names.SET_UID: f"uid-{root}", names.INDEX: str(index), names.OWNER_UID: f"uid-{owner}"}
    meta = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "labels": labels}
    meta["ownerReferences"] = controlled_by(Kind.SERVICEFOOSET, owner)
    return {
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": cpu}}}]},
        "status": {"phase": "Running"},
    }


def judged(*told: Raw, at_rest: bool = False) -> list[str]:
    """What I15 says of these objects, told one after the other."""
    recording = Recording()
    for one in told:
        recording.put(one)
    return [str(one) for one in recording.judged(at_rest=at_rest) if one.invariant == "I15"]


def test_what_fits_is_given() -> None:
    assert judged(quota(), quota(holds("web", "1")), quota(holds("web", "1"), holds("api", "1"))) == []


def test_more_than_is_left_is_not_given() -> None:
    (said,) = judged(quota(holds("web", "1500m")), quota(holds("web", "1500m"), holds("api", "1")))
    assert said == "I15 FooQuota ns/team: gives api cpu=1 at version 2, 1/2 too much"


def test_a_share_does_not_grow_beyond_the_limit() -> None:
    assert len(judged(quota(holds("web", "1")), quota(holds("web", "3")))) == 1


def test_a_limit_that_was_lowered_takes_nothing_away_and_gives_nothing() -> None:
    lower = quota(holds("web", "2"), cpu="1")
    assert judged(quota(holds("web", "2")), lower, quota(holds("web", "1500m"), cpu="1")) == []
    assert len(judged(lower, quota(holds("web", "2"), holds("api", "100m"), cpu="1"))) == 1


def test_a_quota_made_later_counts_what_pods_take() -> None:
    late = (quota(cpu="1"), quota(holds("web", "2"), cpu="1"))
    assert judged(pod(0), pod(1), *late) == []
    assert len(judged(pod(0), *late)) == 1


def test_pods_that_come_later_do_not_count() -> None:
    assert len(judged(web(), quota(cpu="1"), quota(holds("web", "2"), cpu="1"), pod(0), pod(1))) > 0


def test_what_holds_nothing_any_more_leaves_no_room() -> None:
    (said,) = judged(web(), web("api"), pod(0), pod(1), quota(holds("api", "1")), pod(0, "api", "api"))
    assert said == "I15 Pod ns/api-0: was made when pods took cpu=3, of 2 that are reserved"


def test_a_quota_made_later_counts_what_others_had_given() -> None:
    first, late = quota(holds("web", "2")), quota(cpu="1", name="late")
    assert judged(first, late, quota(holds("web", "2"), cpu="1", name="late")) == []


def test_what_another_had_given_does_not_grow_beyond_the_limit() -> None:
    entered = (quota(holds("web", "1")), quota(cpu="2", name="late"), quota(holds("web", "1"), name="late"))
    (said,) = judged(*entered, quota(holds("web", "3"), name="late"))
    assert said == "I15 FooQuota ns/late: gives web cpu=3 at version 4, 1 too much"


@pytest.mark.parametrize(
    ("given_by", "told"),
    [("4", []), ("3", ["I15 FooQuota ns/late: gives web cpu=4 at version 6, 2 too much"])],
    ids=["that there was", "that there never was"],
)
def test_what_another_gave_more_by_a_limit_is_completed(given_by: str, told: list[str]) -> None:
    """The limit of the second is lowered between the two."""
    both = (quota(holds("web", "1"), cpu="4"), quota(holds("web", "1"), cpu=given_by, name="late"))
    lowered = (quota(holds("web", "4"), cpu="4"), quota(holds("web", "1"), name="late"))
    assert judged(quota(cpu="4"), *both, *lowered, quota(holds("web", "4"), name="late")) == told


def test_what_another_gave_less_of_is_not_completed() -> None:
    both = (quota(holds("web", "1"), cpu="4"), quota(holds("web", "1"), cpu="4", name="late"))
    lowered = (quota(holds("web", "2"), cpu="4"), quota(holds("web", "1"), name="late"))
    assert len(judged(*both, *lowered, quota(holds("web", "4"), name="late"))) == 1


def test_what_another_gave_after_a_limit_was_lowered_is_judged_by_that() -> None:
    both = (quota(holds("web", "1"), cpu="4"), quota(holds("web", "1"), cpu="4", name="late"))
    lowered = (quota(holds("web", "1"), name="late"), quota(holds("web", "4"), cpu="4"))
    assert len(judged(*both, *lowered, quota(holds("web", "4"), name="late"))) == 1


def test_a_resource_that_is_listed_later_counts_with_what_was_given() -> None:
    memory = {"uid": "uid-web", "name": "web", "requests": {"memory": "1Gi"}}
    assert judged(quota(memory, cpu="1"), quota(holds("web", "2"), cpu="1")) == []


def test_a_set_is_charged_once() -> None:
    (said,) = judged(quota(holds("web", "1"), holds("web", "1")))
    assert said == "I15 FooQuota ns/team: names a set twice at version 1"


def test_pods_are_within_what_their_set_was_given() -> None:
    assert judged(web(), quota(holds("web", "2")), pod(0), pod(1)) == []
    (said,) = judged(web(), quota(holds("web", "1")), pod(0), pod(1))
    assert said == "I15 Pod ns/web-1: was made when cpu=2 of 1 was taken by its set (version 4)"


def test_what_was_taken_back_a_moment_ago_may_not_be_known_yet() -> None:
    recording = Recording()
    for one in (web(), quota(holds("web", "1")), quota(holds("web", "0")), pod()):
        recording.put(one)
    assert "I15" in recording.broken(at_rest=False)
    assert "I15" not in recording.broken(at_rest=False, lag=0.2)


def test_a_set_that_was_given_nothing_makes_no_pods() -> None:
    assert len(judged(web(), quota(), pod())) == 1


def test_a_pod_that_has_ended_makes_room() -> None:
    ended = pod(0) | {"status": {"phase": "Succeeded"}}
    assert judged(web(), quota(holds("web", "1")), pod(0), ended, pod(1)) == []


def test_nobody_waits_for_a_quota_that_he_could_not_know_of() -> None:
    assert judged(web(), unanswered(), pod()) == []


def test_children_that_were_left_behind_are_charged_for_themselves() -> None:
    child = web(ownerReferences=controlled_by(Kind.FOOSET, "demo"))
    assert judged(child, quota(holds("demo", "1")), pod(root="demo")) == []
    assert judged(web(), quota(holds("web", "1")), pod(root="demo")) == []


@pytest.mark.parametrize(("owners", "violations"), [(controlled_by(Kind.SERVICEFOOSET, "web"), 1), ([], 0)])
def test_pods_that_a_child_has_left_count_for_the_one_in_its_place(owners: list[Raw], violations: int) -> None:
    parent = controlled_by(Kind.FOOSET, "demo")
    recording, left = Recording(), [pod(0, root="demo"), pod(1, root="demo")]
    gone = recording.put(web(ownerReferences=parent))
    recording.put(quota(holds("demo", "2"), cpu="9"))
    for one in left:
        recording.put(one | {"metadata": one["metadata"] | {"ownerReferences": owners}})
    recording.gone(gone)
    recording.put(web("anew", ownerReferences=parent))
    recording.put(pod(0, "anew", "demo"))
    said = [one for one in recording.judged(at_rest=False) if one.invariant == "I15"]
    assert len(said) == violations


def test_a_pod_whose_set_is_gone_is_not_judged() -> None:
    recording = Recording()
    gone = recording.put(web())
    recording.put(quota())
    recording.gone(gone)
    recording.put(pod())
    assert "I15" not in recording.broken(at_rest=False)


@pytest.mark.parametrize(
    ("left", "kept"),
    [((), 1), ((web(),), 0), ((pod(),), 0), ((leaving(pod()),), 0), ((pod() | {"status": {"phase": "Failed"}},), 1)],
    ids=["nothing", "the set", "a pod", "a pod on its way out", "a pod that has ended"],
)
def test_at_rest_what_is_gone_holds_nothing(left: tuple[Raw, ...], kept: int) -> None:
    assert len(judged(*left, quota(holds("web", "1")), at_rest=True)) == kept


def test_at_rest_everybody_is_given_something_or_told_why_not() -> None:
    waiting = quota(queue=[{"uid": "uid-web"}])
    assert judged(web(), waiting, at_rest=True) == []
    (said,) = judged(web(), quota(), at_rest=True)
    assert said == "I15 ServiceFooSet ns/web: was neither given what it asks for nor told why not"


OVER = [{"type": "Complete", "status": "True"}, {"type": "Refined", "status": "True"}]


def done(kind: Kind, *conditions: Raw, name: str = "web", **meta: Any) -> Raw:
    found = a_set(kind, name, {}, conditions=[*conditions])
    return {**found, "metadata": found["metadata"] | meta}


@pytest.mark.parametrize(
    ("sets", "kept"),
    [
        ([done(Kind.BATCHFOOSET, OVER[0])], 1),
        ([done(Kind.FOOSET, *OVER)], 1),
        ([done(Kind.FOOSET, OVER[0])], 0),  # something is left to be made
        ([done(Kind.FOOSET, *OVER), web("child", ownerReferences=controlled_by(Kind.FOOSET, "web"))], 0),
        ([done(Kind.BATCHFOOSET, OVER[0]), pod()], 0),
    ],
    ids=["a batch", "a FooSet", "unrefined", "a service that goes on", "a pod"],
)
def test_at_rest_what_has_ended_holds_nothing(sets: list[Raw], kept: int) -> None:
    assert len(judged(*sets, quota(holds("web", "1")), at_rest=True)) == kept
    assert len(judged(*sets, quota(), at_rest=True)) == (0 if kept else 1)
    assert judged(*sets, quota(holds("web", "1"), queue=[{"uid": "uid-web"}]), at_rest=True) == []
