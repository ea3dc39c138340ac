"""Objects in, explanation out."""

from datetime import UTC, datetime
from typing import Any

import pytest

from foosets.api.names import Reason
from foosets.cli import advice
from foosets.cli.advice import ADVICE
from foosets.cli.descent import Descent, Object
from foosets.cli.explanation import Cause, Explanation, State, explain
from foosets.cli.steps import Place
from tests.builders import Raw
from tests.cli.world import (
    NOW,
    SINCE,
    TRACE,
    batch,
    blocked,
    failed,
    fooset,
    of_container,
    pod,
    quota,
    ready,
    refused,
    service,
    waiting,
)

THEN = datetime.fromisoformat(SINCE)
CREATED = datetime(2026, 3, 1, 12, tzinfo=UTC)
POD = "work-x-0-0"
NO_ROOM = refused("Unschedulable", "0/3 nodes are available")
NO_FIT = blocked("Pod", POD, "NoFit", message="0/3 nodes are available (and 2 other pods)")


def explained(*objects: Object, asked: int = 0, of_quota: str = "") -> Explanation:
    return explain(Descent(objects, asked, of_quota), Place("ns"), NOW)


def commands(explanation: Explanation) -> list[str]:
    return [step.command for step in explanation.steps]


def test_a_set_that_fits_no_node_is_explained_down_to_its_pod() -> None:
    stuck = pod(node="", conditions=NO_ROOM)
    told = explained(fooset(stored=NO_FIT), service(stored=NO_FIT), stuck)
    assert (told.kind, told.name, told.namespace, told.state) == ("FooSet", "demo", "ns", State.BLOCKED)
    assert [(level.name, level.ready, level.reason) for level in told.levels] == [
        ("demo", "False", "NoFit"),
        ("demo-server", "False", "NoFit"),
        (POD, "False", "NoFit"),
    ]
    said = "0/3 nodes are available (and 2 other pods)"
    assert told.cause == Cause("Pod", POD, "PodScheduled", "NoFit", said, THEN)
    assert told.meaning == ADVICE["NoFit"].meaning
    assert commands(told) == ["kubectl describe nodes", "kubectl edit fooset/demo -n ns"]
    assert told.steps[1].purpose == "ask for less, in the template of part server"
    assert told.trace_id == TRACE


def test_what_the_pod_says_by_now_comes_before_what_was_reported() -> None:
    pulling = pod(containers=of_container("ImagePullBackOff", "no such image"))
    told = explained(fooset(stored=NO_FIT), service(stored=NO_FIT), pulling)
    assert told.cause == Cause("Pod", POD, "Ready", "ImagePullFailed", "no such image", CREATED)
    assert told.meaning == ADVICE["ImagePullFailed"].meaning


def test_what_was_reported_stands_where_the_pod_is_gone_or_has_nothing_to_say() -> None:
    reported = Cause("Pod", POD, "PodScheduled", "NoFit", "0/3 nodes are available (and 2 other pods)", THEN)
    assert explained(fooset(stored=NO_FIT), service(stored=NO_FIT)).cause == reported
    assert explained(fooset(stored=NO_FIT), service(stored=NO_FIT), pod(ready=True)).cause == reported


def test_a_pod_is_asked_about_as_itself() -> None:
    crashing = pod(containers=of_container("CrashLoopBackOff", "back-off 10s"))
    told = explained(fooset(stored=NO_FIT), service(stored=NO_FIT), crashing, asked=2)
    assert (told.kind, told.state) == ("Pod", State.BLOCKED)
    assert told.cause == Cause("Pod", POD, "Ready", "CrashLoop", "back-off 10s", CREATED)
    assert commands(told) == [
        "kubectl logs pod/work-x-0-0 -c main --previous -n ns",
        "kubectl describe pod/work-x-0-0 -n ns",
        "kubectl edit fooset/demo -n ns",
    ]


def test_a_scheduler_that_is_silent_is_looked_for_among_the_suites_components() -> None:
    told = explained(fooset(), service(), pod(node="", scheduler="foo-scheduler"), asked=2)
    assert told.meaning == ADVICE["SchedulerSilent"].meaning
    assert "app.kubernetes.io/component=scheduler" in told.steps[0].command


def test_another_scheduler_that_is_silent_is_none_of_the_suites_components() -> None:
    told = explained(fooset(), service(), pod(node="", scheduler="default-scheduler"), asked=2)
    assert told.cause is not None
    assert told.cause.reason == "SchedulerSilent"
    assert "scheduler default-scheduler" in told.cause.message
    assert commands(told) == [
        "kubectl describe pod/work-x-0-0 -n ns",
        "kubectl get namespace ns -L foo.example.com/scheduler-name",
        "kubectl edit fooset/demo -n ns",
        "kubectl delete pod/work-x-0-0 -n ns",
    ]
    reported = blocked("Pod", POD, "SchedulerSilent")
    gone = explained(fooset(stored=reported), service(stored=reported))
    assert gone.meaning == ADVICE["SchedulerSilent"].meaning, "whom the pod named is not known"


def test_a_refusal_leads_to_all_who_may_refuse() -> None:
    told = explained(fooset(stored=blocked("FooSet", "demo", "AdmissionDenied", by="Refined")))
    asked = " ".join(commands(told))
    for kind in (
        "validatingadmissionpolicies",
        "validatingwebhookconfigurations",
        "mutatingadmissionpolicies",
        "mutatingwebhookconfigurations",
        "limitranges,resourcequotas -n ns",
    ):
        assert kind in asked


def test_a_controller_that_never_looked_is_the_cause() -> None:
    told = explained(fooset(stored={}))
    said = "the fooset controller has not looked at it yet"
    assert told.cause == Cause("FooSet", "demo", "Ready", "ControllerSilent", said, CREATED)
    assert told.state is State.BLOCKED
    assert "app.kubernetes.io/component=fooset" in told.steps[0].command


def test_a_controller_that_lags_is_the_cause_whatever_lies_below() -> None:
    told = explained(fooset(), service(stored=NO_FIT, generation=3), pod(node="", conditions=NO_ROOM))
    said = "the servicefooset controller has acted on generation 1, and not on 3"
    assert told.cause == Cause("ServiceFooSet", "demo-server", "Ready", "ControllerSilent", said, None)


def test_since_when_a_controller_is_silent_is_known_from_above() -> None:
    silent = blocked("ServiceFooSet", "demo-server", "ControllerSilent", by="Ready")
    told = explained(fooset(stored=silent), service(generation=3))
    assert told.cause is not None
    assert told.cause.since == THEN


def test_a_controller_that_lags_above_is_no_matter_of_the_pod() -> None:
    told = explained(fooset(generation=2), service(), pod(ready=True), asked=2)
    assert told.state is State.READY
    assert told.levels[0].reason == "ControllerSilent"


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.CONTROLLER_SILENT}))
def test_each_reason_of_a_set_is_explained(reason: Reason) -> None:
    told = explained(fooset(stored=blocked("FooSet", "demo", reason, by="Refined")))
    assert told.cause == Cause("FooSet", "demo", "Refined", reason, "because", THEN)
    assert told.meaning == ADVICE[reason].meaning
    assert all("{" not in command for command in commands(told))


def test_a_reason_of_a_newer_controller_is_told_as_it_is() -> None:
    told = explained(fooset(stored=blocked("FooSet", "demo", "OutOfLuck")))
    assert told.meaning == advice.UNKNOWN.meaning
    assert commands(told) == ["kubectl describe fooset/demo -n ns"]


def test_a_resource_quota_is_named() -> None:
    said = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2'
    told = explained(fooset(stored=blocked("BatchFooSet", "demo-workers", "QuotaExceeded", by="Placed", message=said)))
    assert told.meaning == ADVICE["QuotaExceeded"].meaning
    assert commands(told)[0] == "kubectl describe resourcequota small -n ns"


def test_a_fooquota_is_named() -> None:
    told = explained(fooset(stored=blocked("FooSet", "demo", "QuotaExceeded", by="QuotaReserved")), of_quota="team")
    assert told.meaning == advice.FOOQUOTA.meaning
    assert commands(told)[:2] == ["kubectl describe fooquota team -n ns", "kubectl get fooquota -n ns"]


def test_a_fooquota_that_has_not_answered_is_the_cause() -> None:
    silent = blocked("FooQuota", "team", "ControllerSilent", by="Ready")
    told = explained(fooset(stored=silent), quota(fooset(name="another")))
    assert told.cause == Cause("FooQuota", "team", "Ready", "ControllerSilent", "because", THEN)
    assert "app.kubernetes.io/component=fooquota" in commands(told)[0]


def test_a_fooquota_that_sets_wait_for_names_the_first() -> None:
    first = fooset(stored=blocked("FooSet", "demo", "QuotaExceeded", by="QuotaReserved"))
    told = explained(quota(first), first, of_quota="team")
    assert (told.kind, told.state) == ("FooQuota", State.BLOCKED)
    assert told.cause is not None
    assert (told.cause.kind, told.cause.name, told.cause.reason) == ("FooSet", "demo", "QuotaExceeded")
    assert told.meaning == advice.FOOQUOTA.meaning


def test_a_fooquota_whose_first_set_is_gone_by_now_says_what_that_lacked() -> None:
    told = explained(quota(fooset()), of_quota="team")
    assert told.cause == Cause(
        "FooSet", "demo", "QuotaReserved", "QuotaExceeded", "2 cpu more than the 1 that is left", THEN
    )


def test_a_fooquota_that_nobody_waits_for_is_ready() -> None:
    told = explained(quota(), of_quota="team")
    assert (told.state, told.meaning, told.trace_id) == (State.READY, advice.FOOQUOTA_UNCLAIMED.meaning, "")


FAILED = failed("BackoffLimitExceeded", "7 pods failed")
GOING: Raw = {"deletionTimestamp": SINCE}
UNPLACED = pod(node="", conditions=NO_ROOM)


@pytest.mark.parametrize(
    ("objects", "asked", "state", "words"),
    [
        ((fooset(),), 0, State.READY, ADVICE["Available"]),
        ((fooset(), service(), pod(ready=True)), 2, State.READY, ADVICE["Available"]),
        ((fooset(), batch(), pod(phase="Succeeded")), 2, State.COMPLETE, ADVICE["Completed"]),
        ((fooset(stored=waiting("Refining")),), 0, State.PROGRESSING, ADVICE["Refining"]),
        (
            (fooset(stored=waiting("Placing")), service(stored=waiting("Placing"))),
            0,
            State.PROGRESSING,
            ADVICE["Placing"],
        ),
        ((fooset(stored=waiting("PodsStarting")), pod()), 0, State.PROGRESSING, ADVICE["PodsStarting"]),
        ((fooset(), service(), pod(ready=False, deleted=True)), 2, State.PROGRESSING, advice.BEING_DELETED),
        ((fooset(stored=NO_FIT, **GOING),), 0, State.PROGRESSING, advice.BEING_DELETED),
        ((fooset(stored=NO_FIT), service(stored=NO_FIT, **GOING)), 1, State.PROGRESSING, advice.BEING_DELETED),
        (
            (fooset(stored=NO_FIT, **GOING), service(stored=NO_FIT), UNPLACED),
            0,
            State.PROGRESSING,
            advice.BEING_DELETED,
        ),
        (
            (fooset(stored=waiting("Placing")), service(stored=NO_FIT, **GOING), UNPLACED),
            0,
            State.PROGRESSING,
            advice.BEING_DELETED,
        ),
        ((fooset(**GOING), service(generation=3)), 0, State.PROGRESSING, advice.BEING_DELETED),
        ((fooset(**GOING),), 0, State.PROGRESSING, advice.BEING_DELETED),
        ((fooset(stored=FAILED, **GOING),), 0, State.PROGRESSING, advice.BEING_DELETED),
        ((fooset(stored=FAILED), batch(stored=FAILED)), 0, State.FAILED, ADVICE["BackoffLimitExceeded"]),
        ((fooset(), batch(), pod(phase="Failed")), 2, State.FAILED, advice.POD_FAILED),
        ((fooset(), batch(), pod(phase="Failed", reason="OutOfcpu")), 2, State.BLOCKED, ADVICE["KubeletRejected"]),
    ],
)
def test_a_state_has_its_words(objects: tuple[Any, ...], asked: int, state: State, words: advice.Advice) -> None:
    told = explained(*objects, asked=asked)
    assert (told.state, told.meaning) == (state, words.meaning)
    assert (told.cause is None) == (state not in {State.FAILED, State.BLOCKED})


def test_a_set_that_is_done_is_complete() -> None:
    done = ready("Completed", "every index has completed")
    done["conditions"].append({**done["conditions"][0], "type": "Complete"})
    told = explained(fooset(stored=done))
    assert (told.state, told.meaning) == (State.COMPLETE, ADVICE["Completed"].meaning)


def test_a_failed_pod_says_how_it_ended() -> None:
    ended = pod(phase="Failed", containers=[{"terminated": {"exitCode": 3}}])
    told = explained(fooset(), batch(), ended, asked=2)
    assert told.cause == Cause("Pod", POD, "Ready", "Error", "container main ended with 3", CREATED)
    assert commands(told)[0] == "kubectl logs pod/work-x-0-0 -c main -n ns"
    assert commands(told)[-1] == "kubectl foo why batchfooset/demo-workers -n ns"


def test_a_pod_that_failed_is_no_cause_of_its_set() -> None:
    told = explained(fooset(stored=waiting("Placing")), batch(stored=waiting("Placing")), pod(phase="Failed"))
    assert (told.state, told.cause) == (State.PROGRESSING, None)


def test_who_asks_about_a_part_that_is_well_is_led_to_the_root() -> None:
    told = explained(fooset(stored=NO_FIT), batch(), asked=1)
    assert told.state is State.READY
    assert commands(told)[0] == "kubectl foo why fooset/demo -n ns"
    assert "kubectl foo why fooset/demo -n ns" not in commands(explained(fooset(), batch(), asked=1))
    assert "kubectl foo why fooset/demo -n ns" not in commands(
        explained(fooset(stored=NO_FIT), service(stored=NO_FIT), asked=1)
    )
