from typing import Any

import pytest

from foosets.api import names
from foosets.api.names import Kind
from tests.builders import controlled_by
from tests.invariants.recording import BATCH, FOOSET, QUOTA, SERVICE, Recording, pod


@pytest.fixture
def told() -> Recording:
    return Recording()


def at(version: int, uid: str = "uid-app") -> dict[str, Any]:
    return {"body": {"metadata": {"uid": uid, "resourceVersion": str(version)}}}


def test_a_writer_goes_forward(told: Recording) -> None:
    told.wrote(BATCH, "update", "batchfoosets/status", **at(3))
    told.wrote(FOOSET, "patch", "batchfoosets", **at(4))
    told.wrote(BATCH, "update", "batchfoosets/status", **at(5))
    assert told.judged(at_rest=False) == []


def test_a_write_at_an_older_version_is_stale(told: Recording) -> None:
    told.wrote(BATCH, "update", "batchfoosets/status", **at(5))
    told.wrote(BATCH, "update", "batchfoosets/status", **at(3))
    (violation,) = told.judged(at_rest=False)
    assert str(violation) == f"I7 batchfoosets/status ns/app: {BATCH} wrote it at 3 after a write at 5"


def test_answers_to_two_writers_may_come_in_any_order(told: Recording) -> None:
    told.wrote(BATCH, "update", "batchfoosets/status", **at(5))
    told.wrote(FOOSET, "patch", "batchfoosets", **at(3))
    assert told.judged(at_rest=False) == []


def test_what_the_server_refused_was_not_written(told: Recording) -> None:
    told.wrote(BATCH, "update", "batchfoosets/status", **at(5))
    told.wrote(BATCH, "update", "batchfoosets/status", code=409, **at(3))
    assert told.judged(at_rest=False) == []


def test_another_of_the_same_name_begins_anew(told: Recording) -> None:
    told.wrote(BATCH, "update", "batchfoosets/status", **at(5))
    told.wrote(BATCH, "update", "batchfoosets/status", **at(3, uid="uid-other"))
    assert told.judged(at_rest=False) == []


@pytest.mark.parametrize(("user", "kind"), [(BATCH, "batchfoosets"), (QUOTA, "fooquotas")])
def test_a_status_at_no_version_overwrites_blindly(told: Recording, user: str, kind: str) -> None:
    told.wrote(user, "update", f"{kind}/status", body={"metadata": {"uid": "uid-app"}})
    assert told.broken(at_rest=False) == ["I7"]


# ---- whose it is


def deleting(uid: str = "uid-work-0") -> dict[str, Any]:
    return {"name": "work-0", "body": {"preconditions": {"uid": uid}}}


def test_a_component_deletes_what_its_sets_own(told: Recording) -> None:
    told.put(pod(0))
    told.wrote(BATCH, "delete", "pods", **deleting())
    assert told.judged(at_rest=False) == []


def test_a_deletion_by_name_alone_is_told(told: Recording) -> None:
    told.put(pod(0))
    told.wrote(BATCH, "delete", "pods", name="work-0")
    assert told.broken(at_rest=False) == ["I9"]


def test_a_deletion_of_another_components_pod_is_theft(told: Recording) -> None:
    told.put(pod(0))
    told.wrote(SERVICE, "delete", "pods", **deleting())
    (violation,) = told.judged(at_rest=False)
    assert str(violation) == f"I9 pods ns/work-0: {SERVICE} deleted it, and it belonged to BatchFooSet work"


def test_a_deletion_of_a_strangers_pod_is_theft(told: Recording) -> None:
    raw = pod(0)
    raw["metadata"]["ownerReferences"] = [{"apiVersion": "batch/v1"} | one for one in controlled_by("Job", "work")]
    told.put(raw)
    told.wrote(BATCH, "delete", "pods", **deleting())
    assert told.broken(at_rest=False) == ["I9"]


def test_an_object_that_changes_hands_was_stolen(told: Recording) -> None:
    raw = pod(0)
    raw["metadata"] = {**raw["metadata"], "ownerReferences": []}
    told.put(raw)
    told.put(pod(0))
    (violation,) = told.judged(at_rest=False)
    assert str(violation) == "I9 Pod ns/work-0: belonged to nobody and was taken by uid-work"


def test_an_object_that_is_let_go_was_not(told: Recording) -> None:
    told.put(pod(0))
    raw = pod(0)
    raw["metadata"] = {**raw["metadata"], "ownerReferences": []}
    told.put(raw)
    assert told.judged(at_rest=False) == []


def test_a_child_is_the_fooset_controllers(told: Recording) -> None:
    raw = {"kind": Kind.BATCHFOOSET, "metadata": {"name": "app-work", "namespace": "ns", "uid": "u"}, "spec": {}}
    raw["metadata"]["ownerReferences"] = [
        {"apiVersion": names.API_VERSION, **one} for one in controlled_by(Kind.FOOSET, "app")
    ]
    told.put(raw)
    told.wrote(FOOSET, "delete", "batchfoosets", **deleting("u"))
    assert told.judged(at_rest=False) == []
