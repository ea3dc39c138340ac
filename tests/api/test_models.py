"""The models read what the API server sends, and write what it takes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from foosets.api.batchfooset import BatchFooSet, BatchFooSetSpec, BatchFooSetStatus
from foosets.api.customresource import kubernetes_case
from foosets.api.fooset import ChildStatus, FooSet, FooSetStatus
from foosets.api.meta import Key
from foosets.api.names import ConditionType, Kind, Reason
from foosets.api.servicefooset import ServiceFooSet
from foosets.api.status import AttemptRange, BlockedBy, Condition, Trace

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
POD = {"spec": {"containers": [{"name": "main", "image": "example"}], "restartPolicy": "Never"}}


def body(kind: str, spec: dict[str, Any], **metadata: Any) -> bytes:
    required = {
        "name": "demo",
        "namespace": "team",
        "uid": "u-1",
        "resourceVersion": "7",
        "generation": 2,
        "creationTimestamp": "2026-03-01T12:00:00Z",
    }
    return json.dumps(
        {"apiVersion": "foo.example.com/v1alpha1", "kind": kind, "metadata": required | metadata, "spec": spec}
    ).encode()


def test_a_fooset_is_decoded_with_its_defaults() -> None:
    batch = {"name": "workers", "template": {"metadata": {"labels": {"tier": "b"}}, "spec": {"template": POD}}}
    service = {"name": "server", "template": {"spec": {"replicas": 5, "template": POD}}}
    seen = FooSet.model_validate_json(body("FooSet", {"batch": [batch], "service": [service]}))

    assert seen.key == Key("team", "demo")
    assert (seen.metadata.uid, seen.metadata.resource_version, seen.metadata.generation) == ("u-1", "7", 2)
    assert seen.metadata.creation_timestamp == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert seen.spec.batch[0].template.metadata.labels == {"tier": "b"}
    workers = seen.spec.batch[0].template.spec
    assert (workers.parallelism, workers.completions, workers.backoff_limit) == (1, 1, 6)
    assert workers.placement.strategy == "Pack"
    assert workers.template == POD
    assert seen.spec.service[0].template.spec.replicas == 5
    assert seen.spec.service[0].template.spec.min_ready_seconds == 0
    assert seen.status == FooSetStatus(observed_generation=-1)


def test_fields_of_a_newer_version_are_skipped() -> None:
    seen = BatchFooSet.model_validate_json(
        body("BatchFooSet", {"template": POD, "suspend": True}, managedFields=[{"manager": "kubectl"}])
    )
    assert seen.spec == BatchFooSetSpec(template=POD)


def test_the_owner_and_the_end_of_an_object_are_read_from_its_metadata() -> None:
    owners = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "u-0"},
        {"apiVersion": "foo.example.com/v1alpha1", "kind": "FooSet", "name": "demo", "uid": "u-9", "controller": True},
    ]
    derived = ServiceFooSet.model_validate_json(
        body("ServiceFooSet", {"template": POD}, ownerReferences=owners, deletionTimestamp="2026-03-01T12:01:00Z")
    )
    assert derived.controller is not None
    assert (derived.controller.kind, derived.controller.uid) == ("FooSet", "u-9")
    assert derived.terminating

    alone = ServiceFooSet.model_validate_json(body("ServiceFooSet", {"template": POD}))
    assert alone.controller is None
    assert not alone.terminating


def test_objects_are_frozen() -> None:
    seen = BatchFooSet.model_validate_json(body("BatchFooSet", {"template": POD}))
    with pytest.raises(ValidationError, match="frozen"):
        seen.spec.parallelism = 3  # pyright: ignore[reportAttributeAccessIssue]


def test_a_status_is_written_in_kubernetes_names_without_what_is_not_set() -> None:
    status = FooSetStatus(
        observed_generation=2,
        conditions=(
            Condition(type=ConditionType.READY, status="False", reason=Reason.NO_FIT, last_transition_time=NOW),
        ),
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        children=(ChildStatus(name="workers", kind=Kind.BATCHFOOSET, desired=20),),
    )
    written = json.loads(status.to_json())

    assert written["observedGeneration"] == 2
    assert written["traceID"] == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert written["conditions"][0]["lastTransitionTime"] == "2026-03-01T12:00:00.250000Z"
    assert written["children"][0]["kind"] == "BatchFooSet"
    assert not {"blockedBy", "trace"} & written.keys()
    assert FooSetStatus.model_validate_json(status.to_json()) == status


def test_every_part_of_a_status_survives_the_way_to_the_server_and_back() -> None:
    full = BatchFooSetStatus(
        conditions=(Condition(type="Placed", status="True", reason="Placing", last_transition_time=NOW),),
        blocked_by=BlockedBy(kind="Pod", name="a", condition="Ready", reason="CrashLoop", since=NOW, trace_id="ab"),
        trace=Trace(generation=3, episode=1, started_at=NOW, closed=True),
        attempts=(AttemptRange(indexes="0,3-7", attempt=2),),
        completed_indexes="1-2",
    )
    assert BatchFooSetStatus.model_validate_json(full.to_json()) == full


def test_a_condition_is_found_by_its_type() -> None:
    ready = Condition(type="Ready", status="True", reason="Available", last_transition_time=NOW)
    status = FooSetStatus(conditions=(ready,))
    assert status.condition(ConditionType.READY) == ready
    assert status.condition(ConditionType.FAILED) is None


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_a_pod_template_passes_through_untouched(template: dict[str, Any]) -> None:
    spec = BatchFooSetSpec.model_validate_json(json.dumps({"template": template}))
    assert spec.template == template
    assert json.loads(spec.to_json())["template"] == template


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("uid", "uid"),
        ("backoff_limit", "backoffLimit"),
        ("trace_id", "traceID"),
        ("min_ready_seconds", "minReadySeconds"),
    ],
)
def test_names_follow_kubernetes(name: str, written: str) -> None:
    assert kubernetes_case(name) == written
