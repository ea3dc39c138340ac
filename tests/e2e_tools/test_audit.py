import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from e2e.audit import identity, most_in_a_second, our_writes, writes

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def line(verb: str = "create", **changes: Any) -> str:
    event = {
        "kind": "Event",
        "stage": "ResponseComplete",
        "verb": verb,
        "user": {"username": identity("scheduler"), "groups": ["system:authenticated"]},
        "objectRef": {"resource": "pods", "subresource": "binding", "namespace": "demo", "name": "demo-0"},
        "responseStatus": {"code": 201},
        "requestObject": {"target": {"name": "node-0"}},
        "requestReceivedTimestamp": "2026-01-01T12:00:00.123456Z",
        "stageTimestamp": "2026-01-01T12:00:00.234567Z",
    }
    return json.dumps(event | changes, separators=(",", ":")) + "\n"


def log(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "audit.log"
    path.write_text("".join(lines))
    return path


def test_a_write_is_told_by_who_what_and_how_it_went(tmp_path: Path) -> None:
    (write,) = writes(log(tmp_path, line()), "demo")
    assert (write.user, write.verb) == ("system:serviceaccount:foosets-system:foosets-scheduler", "create")
    assert (write.resource, write.namespace, write.name) == ("pods/binding", "demo", "demo-0")
    assert (write.code, write.succeeded, write.body) == (201, True, {"target": {"name": "node-0"}})
    assert write.at == NOON + timedelta(microseconds=123456)


def test_writes_come_as_they_were_answered_and_not_as_their_lines_do(tmp_path: Path) -> None:
    late = line("update", stageTimestamp="2026-01-01T12:00:00.300000Z")
    early = line("patch", stageTimestamp="2026-01-01T12:00:00.200000Z")
    assert [write.verb for write in writes(log(tmp_path, late, early), "demo")] == ["patch", "update"]
    assert [write.verb for write in our_writes(log(tmp_path, late, early))] == ["patch", "update"]


def test_a_refused_write_is_a_write(tmp_path: Path) -> None:
    (write,) = writes(log(tmp_path, line(responseStatus={"code": 409})), "demo")
    assert not write.succeeded


def test_our_writes_are_those_of_all_namespaces_but_to_leases(tmp_path: Path) -> None:
    lease = line("update", objectRef={"resource": "leases", "namespace": "foosets-system", "name": "scheduler"})
    elsewhere = line(objectRef={"resource": "pods", "namespace": "other", "name": "a"})
    users = line(user={"username": "admin"}, requestObject={"mentions": identity("scheduler")})
    found = our_writes(log(tmp_path, line(), lease, users, elsewhere))
    assert [(write.namespace, write.resource) for write in found] == [("demo", "pods/binding"), ("other", "pods")]


@pytest.mark.parametrize(
    "other",
    [
        line("get"),
        line(requestURI="/api/v1/namespaces/demo/pods?fieldManager=foosets-batchfooset&dryRun=All"),
        line("watch"),
        line(stage="ResponseStarted"),
        line(objectRef={"resource": "pods", "namespace": "other"}, requestObject={"metadata": {"namespace": "demo"}}),
        line().rstrip("\n"),
    ],
    ids=["read", "dry run", "watch", "not yet answered", "another namespace", "half written"],
)
def test_everything_else_is_left_out(tmp_path: Path, other: str) -> None:
    assert writes(log(tmp_path, other), "demo") == []


@pytest.mark.parametrize(
    ("milliseconds", "most"), [([], 0), ([0, 1000, 2000], 1), ([0, 500, 999, 1000], 3), ([2000, 1100, 1001, 0], 3)]
)
def test_the_busiest_second_begins_anywhere(milliseconds: list[int], most: int) -> None:
    assert most_in_a_second(NOON + timedelta(milliseconds=at) for at in milliseconds) == most
