from typing import Any

import pytest

from foosets.api.names import UNASSIGNED_SCHEDULER, Reason
from foosets.planning.troubles import Trouble, trouble_of
from tests.builders import Raw, pod

NAME = "work-x-0-0"
REFUSED = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}


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


TROUBLES: dict[str, tuple[Raw, Trouble]] = {
    "no scheduler was named": (
        {"node": "", "scheduler": UNASSIGNED_SCHEDULER},
        Trouble(
            NAME,
            "PodScheduled",
            Reason.SCHEDULER_NOT_ASSIGNED,
            "admission has not replaced the placeholder scheduler: is the scheduler-name policy installed?",
        ),
    ),
    "the scheduler refused": (
        {"node": "", "conditions": [REFUSED]},
        Trouble(NAME, "PodScheduled", Reason.NO_FIT, "0/3 nodes"),
    ),
    "an image": (
        {"containers": waiting("ImagePullBackOff", "no such image")},
        Trouble(NAME, "Ready", Reason.IMAGE_PULL_FAILED, "no such image"),
    ),
    "the first pull": (
        {"containers": waiting("ErrImagePull")},
        Trouble(NAME, "Ready", Reason.IMAGE_PULL_FAILED, "ErrImagePull"),
    ),
    "a crash": (
        {"containers": [{}, *waiting("CrashLoopBackOff", "back-off 10s")]},
        Trouble(NAME, "Ready", Reason.CRASH_LOOP, "back-off 10s"),
    ),
    "a missing secret": (
        {"containers": waiting("CreateContainerConfigError", "secret x")},
        Trouble(NAME, "Ready", Reason.INVALID_POD_TEMPLATE, "secret x"),
    ),
}


@pytest.mark.parametrize(("how", "trouble"), TROUBLES.values(), ids=TROUBLES.keys())
def test_what_keeps_a_pod_is_told_in_the_suites_words(how: dict[str, Any], trouble: Trouble) -> None:
    assert trouble_of(pod(**how)) == trouble
