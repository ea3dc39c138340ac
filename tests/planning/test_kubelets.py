from typing import Any

import pytest

from foosets.planning.kubelets import Refusal, rejected
from tests.builders import pod

WAITING = {"waiting": {"reason": "ContainerCreating"}}
ENDED = {"terminated": {"exitCode": 137}}

REJECTED: dict[str, dict[str, Any]] = {
    "no cpu": {"reason": "OutOfcpu"},
    "no pods": {"reason": "OutOfpods"},
    "no extended resource": {"reason": "OutOfexample.com/gpu"},
    "ports": {"reason": "NodePorts"},
    "a device": {"reason": "UnexpectedAdmissionError"},
    "shutting down": {"reason": "NodeShutdown"},
    "short of memory": {"reason": "Evicted"},
    "volumes, while containers waited": {"reason": "VolumeAttachmentLimitExceeded", "containers": [WAITING]},
}


@pytest.mark.parametrize("how", REJECTED.values(), ids=REJECTED.keys())
def test_what_a_kubelet_will_not_run_is_rejected(how: dict[str, Any]) -> None:
    assert rejected(pod(phase="Failed", **how))


OTHERS: dict[str, dict[str, Any]] = {
    "on its way": {"phase": "Pending"},
    "it failed": {"phase": "Failed", "containers": [ENDED]},
    "it failed without a word": {"phase": "Failed"},
    "evicted while it ran": {"phase": "Failed", "reason": "Evicted", "containers": [ENDED]},
    "one of its containers had run": {"phase": "Failed", "reason": "OutOfcpu", "containers": [WAITING, ENDED]},
    "its node went down": {"phase": "Failed", "reason": "Terminated", "containers": [ENDED]},
    "it took too long": {"phase": "Failed", "reason": "DeadlineExceeded"},
    "preempted": {"phase": "Failed", "reason": "Preempting"},
    "a reason that comes before the end": {"phase": "Pending", "reason": "OutOfcpu"},
}


@pytest.mark.parametrize("how", OTHERS.values(), ids=OTHERS.keys())
def test_what_ended_or_lives_otherwise_is_not(how: dict[str, Any]) -> None:
    assert not rejected(pod(**how))


def test_a_container_that_was_restarted_has_run() -> None:
    one = pod(phase="Failed", reason="OutOfcpu", containers=[WAITING])
    one.status.container_statuses[0].restart_count = 1
    assert not rejected(one)


def test_a_refusal_says_who_said_what_of_which_pod() -> None:
    said = Refusal.of(pod(2, 1, phase="Failed", reason="OutOfcpu", node="n7"), 1)
    assert (said.pod, said.attempt, said.node, said.reason) == ("work-x-2-1", 1, "n7", "OutOfcpu")
