"""When nodes of containers count as ready, by what the API server says of them and of their pods."""

from datetime import UTC, datetime
from typing import Any

from e2e.cluster.kind import unready

BEFORE, SINCE, AFTER = "2026-01-01T11:59:59Z", datetime(2026, 1, 1, 12, 0, 0, 500000, UTC), "2026-01-01T12:00:03Z"
STARTED = {"worker": SINCE}


def node(*, heard: str, ready: str = "True", name: str = "worker") -> dict[str, Any]:
    conditions = [
        {"type": "DiskPressure", "status": "False", "lastHeartbeatTime": AFTER},
        {"type": "Ready", "status": ready, "lastHeartbeatTime": heard},
    ]
    return {"metadata": {"name": name}, "status": {"conditions": conditions}}


def pod(state: dict[str, Any], *, on: str = "worker", phase: str = "Running") -> dict[str, Any]:
    statuses = [{"state": {"running": {"startedAt": AFTER}}}, {"state": state}]
    return {"spec": {"nodeName": on}, "status": {"phase": phase, "containerStatuses": statuses}}


def running(since: str) -> dict[str, Any]:
    return {"running": {"startedAt": since}}


def test_a_node_is_ready_once_its_new_kubelet_says_so() -> None:
    assert unready(STARTED, [node(heard=AFTER)], []) == []
    assert unready(STARTED, [node(heard=AFTER, ready="False")], []) == ["worker"]
    assert unready(STARTED, [node(heard=BEFORE)], []) == ["worker"]


def test_a_node_is_not_ready_while_a_pod_is_said_to_run_there_since_before_it_started() -> None:
    heard = [node(heard=AFTER)]
    assert unready(STARTED, heard, [pod(running(AFTER)), pod(running(BEFORE))]) == ["worker"]
    assert unready(STARTED, heard, [pod(running(AFTER)), pod({"terminated": {}}), pod({"waiting": {}})]) == []


def test_pods_that_have_ended_and_those_of_other_nodes_do_not_matter() -> None:
    pods = [pod(running(BEFORE), on="worker2"), pod(running(BEFORE), phase="Failed")]
    pods.append({"spec": {}, "status": {"phase": "Pending"}})
    assert unready(STARTED, [node(heard=AFTER)], pods) == []


def test_a_container_without_a_node_and_a_node_without_a_container_are_awaited() -> None:
    assert unready({**STARTED, "worker2": SINCE}, [node(heard=AFTER)], []) == ["worker2"]
    assert unready(STARTED, [node(heard=AFTER), node(heard=AFTER, name="worker2")], []) == ["worker2"]
