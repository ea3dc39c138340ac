from typing import Any

import pytest

from foosets.api.names import UNASSIGNED_SCHEDULER, Reason
from foosets.planning.troubles import (
    FORGOTTEN_SECONDS,
    STEADY_SECONDS,
    Trouble,
    crash_loop_after,
    over_in,
    trouble_of,
)
from tests.builders import SECOND_OF_NOW, Raw, pod

NAME = "work-x-0-0"
LATER = "2026-03-01T12:03:00Z"
REFUSED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes",
    "lastTransitionTime": LATER,
}
T = 1_772_366_400_000_000
SECOND = 1_000_000


def waiting(reason: str, message: str = "") -> list[Raw]:
    return [{"waiting": {"reason": reason, "message": message}}]


NO_TROUBLE: dict[str, Raw] = {
    "on its way": {},
    "creating containers": {"containers": waiting("ContainerCreating")},
    "running": {"phase": "Running", "ready": True},
    "not scheduled yet": {"node": ""},
    "bound, whatever was said before": {"conditions": [REFUSED]},
}


@pytest.mark.parametrize("how", NO_TROUBLE.values(), ids=NO_TROUBLE.keys())
def test_a_pod_on_its_way_has_no_trouble(how: dict[str, Any]) -> None:
    assert trouble_of(pod(**how)) is None


def told(condition: str, reason: Reason, message: str, since: str = SECOND_OF_NOW) -> Trouble:
    return Trouble(NAME, condition, reason, message, since, "r1")


TROUBLES: dict[str, tuple[Raw, Trouble]] = {
    "no scheduler was named": (
        {"node": "", "scheduler": UNASSIGNED_SCHEDULER},
        told(
            "PodScheduled",
            Reason.SCHEDULER_NOT_ASSIGNED,
            "admission has not replaced the placeholder scheduler: is the scheduler-name policy installed?",
        ),
    ),
    "the scheduler refused": (
        {"node": "", "conditions": [REFUSED]},
        told("PodScheduled", Reason.NO_FIT, "0/3 nodes", LATER),
    ),
    "an image": (
        {"containers": waiting("ImagePullBackOff", "no such image")},
        told("Ready", Reason.IMAGE_PULL_FAILED, "no such image"),
    ),
    "the first pull": (
        {"containers": waiting("ErrImagePull")},
        told("Ready", Reason.IMAGE_PULL_FAILED, "ErrImagePull"),
    ),
    "a crash": (
        {"containers": [{}, *waiting("CrashLoopBackOff", "back-off 10s")]},
        told("Ready", Reason.CRASH_LOOP, "back-off 10s"),
    ),
    "a crash, as its condition has told before": (
        {
            "containers": waiting("CrashLoopBackOff"),
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": LATER}],
        },
        told("Ready", Reason.CRASH_LOOP, "CrashLoopBackOff", LATER),
    ),
    "a missing secret": (
        {"containers": waiting("CreateContainerConfigError", "secret x")},
        told("Ready", Reason.INVALID_POD_TEMPLATE, "secret x"),
    ),
}


@pytest.mark.parametrize(("how", "trouble"), TROUBLES.values(), ids=TROUBLES.keys())
def test_what_keeps_a_pod_is_told_in_the_suites_words(how: dict[str, Any], trouble: Trouble) -> None:
    assert trouble_of(pod(**how)) == trouble


KUBELETS_ERRORS = {
    "ErrImagePull": Reason.IMAGE_PULL_FAILED,
    "ImagePullBackOff": Reason.IMAGE_PULL_FAILED,
    "InvalidImageName": Reason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": Reason.IMAGE_PULL_FAILED,
    "ImageInspectError": Reason.IMAGE_PULL_FAILED,
    "RegistryUnavailable": Reason.IMAGE_PULL_FAILED,
    "SignatureValidationFailed": Reason.IMAGE_PULL_FAILED,
    "CreateContainerConfigError": Reason.INVALID_POD_TEMPLATE,
    "PreCreateHookError": Reason.INVALID_POD_TEMPLATE,
    "CreateContainerError": Reason.INVALID_POD_TEMPLATE,
    "PreStartHookError": Reason.CRASH_LOOP,
    "RunContainerError": Reason.CRASH_LOOP,
    "PostStartHookError": Reason.CRASH_LOOP,
    "CrashLoopBackOff": Reason.CRASH_LOOP,
}


@pytest.mark.parametrize(("error", "reason"), KUBELETS_ERRORS.items())
def test_every_error_for_which_a_kubelet_lets_a_container_wait_is_a_cause(error: str, reason: Reason) -> None:
    assert trouble_of(pod(containers=waiting(error, "why"))) == told("Ready", reason, "why")


# ---- a crash loop, from one wait of its container to the next

LOOP = told("Ready", Reason.CRASH_LOOP, "back-off 10s")


def container(*, ready: bool = False, restarts: int = 2, ended: int | None = None) -> Raw:
    state = {"running": {}} if ended is None else {"terminated": {"exitCode": ended}}
    return {"name": "main", "ready": ready, "restartCount": restarts, "state": state}


NOT_WELL: dict[str, list[Raw]] = {
    "it runs and is not ready yet": [container()],
    "it has ended": [container(ended=1)],
    "it has never run": [container(restarts=0, ended=128)],
    "it runs beside one that is well": [container(ready=True), container()],
}
WELL: dict[str, list[Raw]] = {
    "it runs": [container(ready=True)],
    "it has done its work": [container(ended=0)],
    "it runs beside one that has done its work": [container(restarts=0, ended=0), container(ready=True)],
    "it runs beside one that never ended and is not ready yet": [container(ready=True), container(restarts=0)],
}


@pytest.mark.parametrize("statuses", NOT_WELL.values(), ids=NOT_WELL.keys())
def test_a_crash_loop_goes_on_while_its_container_does_not_wait(statuses: list[Raw]) -> None:
    after = crash_loop_after(LOOP, pod(statuses=statuses), T)
    assert after is not None
    assert after.until == T + FORGOTTEN_SECONDS * SECOND
    assert (after.lasts(after.until - 1), after.lasts(after.until)) == (True, False)


@pytest.mark.parametrize("statuses", WELL.values(), ids=WELL.keys())
def test_a_container_that_was_well_for_long_enough_is_out_of_its_crash_loop(statuses: list[Raw]) -> None:
    well = pod(statuses=statuses)
    after = crash_loop_after(LOOP, well, T)
    assert after is not None
    assert after.until == T + STEADY_SECONDS * SECOND
    assert crash_loop_after(after, well, after.until - 1) == after, "news of the pod put it off no further"
    assert crash_loop_after(after, well, after.until) is None


def test_a_container_that_ends_before_it_was_well_for_long_enough_is_still_in_its_crash_loop() -> None:
    well = crash_loop_after(LOOP, pod(statuses=[container(ready=True)]), T)
    ended = crash_loop_after(well, pod(statuses=[container(ended=1)]), T + SECOND)
    assert ended is not None
    assert ended.until == T + (1 + FORGOTTEN_SECONDS) * SECOND


NO_LOOP: dict[str, tuple[Trouble | None, list[Raw]]] = {
    "there was no trouble": (None, [container()]),
    "there was another": (told("Ready", Reason.IMAGE_PULL_FAILED, "no such image"), [container()]),
    "nothing of it was ever started": (LOOP, [container(restarts=0)]),
}


@pytest.mark.parametrize(("before", "statuses"), NO_LOOP.values(), ids=NO_LOOP.keys())
def test_who_was_in_no_crash_loop_comes_into_none_by_running(before: Trouble | None, statuses: list[Raw]) -> None:
    assert crash_loop_after(before, pod(statuses=statuses), T) is None


def test_a_first_list_has_no_before() -> None:
    assert crash_loop_after(LOOP, pod(statuses=[container()]), None) is None


def test_the_first_that_is_over_by_itself_tells_when_to_look_again() -> None:
    assert over_in([LOOP], T) is None
    after = [crash_loop_after(LOOP, pod(statuses=[one]), T) for one in (container(), container(ready=True))]
    assert over_in([LOOP, *(one for one in after if one is not None)], T + SECOND) == STEADY_SECONDS - 1
