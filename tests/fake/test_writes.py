import json
import random
from typing import Any

import pytest

from foosets.api.meta import BATCHFOOSETS, FOOSETS, NAMESPACES, PODS, Key, Resource
from foosets.api.names import NodeName, Uid
from foosets.kube.client import STRATEGIC_MERGE_PATCH, Client
from foosets.kube.errors import AlreadyExists, Conflict, Invalid, NotFound
from tests.builders import batch_spec, entry, template
from tests.fake.apiserver import FakeApiServer, loop_clock
from tests.fake.kinds import LEASES
from tests.fake.record import Object
from tests.fake.refusals import UnsupportedError
from tests.fake.transport import FakeTransport

KEY = Key("default", "a")


@pytest.fixture
def server() -> FakeApiServer:
    return FakeApiServer(loop_clock(), random.Random(1))


@pytest.fixture
def client(server: FakeApiServer) -> Client:
    return Client(FakeTransport(server, "me"), "foosets-test")


def manifest(resource: Resource, spec: Object, **metadata: Any) -> Object:
    envelope = {"apiVersion": resource.api_version, "kind": resource.kind}
    return envelope | {"metadata": {"name": "a", "namespace": "default"} | metadata, "spec": spec}


def pod(**spec: Any) -> Object:
    return manifest(PODS, template(**spec)["spec"])


def put(server: FakeApiServer, resource: Resource, found: Object, subresource: str = "") -> tuple[int, Object]:
    path = resource.path("default", found["metadata"]["name"], subresource)
    code, reply = server.request("PUT", path, json.dumps(found).encode())
    return code, json.loads(reply)


def test_a_set_gets_its_defaults_and_loses_what_nobody_knows(server: FakeApiServer) -> None:
    made = server.create(BATCHFOOSETS, manifest(BATCHFOOSETS, batch_spec(unheardOf=1)))
    assert made["spec"] == batch_spec(parallelism=1, completions=1, backoffLimit=6, placement={"strategy": "Pack"})
    assert made["status"] == {"observedGeneration": -1}
    assert made["metadata"]["generation"] == 1


def test_defaults_reach_into_lists(server: FakeApiServer) -> None:
    made = server.create(FOOSETS, manifest(FOOSETS, {"batch": [entry("w", batch_spec())]}))
    assert made["spec"]["batch"][0]["template"]["spec"]["placement"] == {"strategy": "Pack"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        (batch_spec(parallelism=-1), "spec.parallelism"),
        (batch_spec(completions="many"), "spec.completions"),
        (batch_spec(placement={"strategy": "Random"}), "spec.placement.strategy"),
        ({}, "spec.template"),
        (batch_spec(template={"spec": {}}), "spec.template.spec.containers"),
    ],
)
def test_what_the_schema_forbids_is_refused(server: FakeApiServer, spec: Object, field: str) -> None:
    body = json.dumps(manifest(BATCHFOOSETS, spec)).encode()
    code, reply = server.request("POST", BATCHFOOSETS.path("default"), body)
    assert code == 422
    assert field in [cause["field"] for cause in json.loads(reply)["details"]["causes"]]
    assert server.get(BATCHFOOSETS, KEY) is None


async def test_a_taken_name_is_told_from_a_conflict(server: FakeApiServer, client: Client) -> None:
    server.create(PODS, pod())
    with pytest.raises(AlreadyExists):
        await client.create(PODS, "default", json.dumps(pod()).encode())


async def test_there_is_nothing_in_a_namespace_that_is_not_there(server: FakeApiServer, client: Client) -> None:
    elsewhere = manifest(PODS, template()["spec"], namespace="x")
    with pytest.raises(NotFound, match='namespaces "x" not found'):
        await client.create(PODS, "x", json.dumps(elsewhere).encode())
    server.create(NAMESPACES, {"metadata": {"name": "x"}})
    await client.create(PODS, "x", json.dumps(elsewhere).encode())


def test_only_the_spec_is_counted_by_the_generation(server: FakeApiServer) -> None:
    server.create(BATCHFOOSETS, manifest(BATCHFOOSETS, batch_spec()))
    labelled = server.change(BATCHFOOSETS, KEY, {"metadata": {"labels": {"a": "b"}}})
    reported = server.change(BATCHFOOSETS, KEY, {"status": {"active": 1}}, subresource="status")
    scaled = server.change(BATCHFOOSETS, KEY, {"spec": {"parallelism": 2}})
    assert [one["metadata"]["generation"] for one in (labelled, reported, scaled)] == [1, 1, 2]


def test_spec_and_status_are_written_apart(server: FakeApiServer) -> None:
    made = server.create(BATCHFOOSETS, manifest(BATCHFOOSETS, batch_spec()))
    _, reported = put(server, BATCHFOOSETS, made | {"spec": {}, "status": {"active": 1}}, "status")
    assert reported["spec"] == made["spec"]
    code, replaced = put(server, BATCHFOOSETS, reported | {"status": {"active": 7}})
    assert (code, replaced["status"]) == (200, {"active": 1})


def test_a_version_that_was_overtaken_is_a_conflict(server: FakeApiServer) -> None:
    made = server.create(BATCHFOOSETS, manifest(BATCHFOOSETS, batch_spec()))
    server.change(BATCHFOOSETS, KEY, {"metadata": {"labels": {"a": "b"}}})
    code, status = put(server, BATCHFOOSETS, made)
    assert (code, status["reason"]) == (409, "Conflict")


def test_a_write_that_changes_nothing_stores_nothing(server: FakeApiServer) -> None:
    server.create(BATCHFOOSETS, manifest(BATCHFOOSETS, batch_spec()))
    once = server.change(BATCHFOOSETS, KEY, {"status": {"active": 1}}, subresource="status")
    again = server.change(BATCHFOOSETS, KEY, {"status": {"active": 1}}, subresource="status")
    assert once["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
    assert [one.type for one in server.record.versions if one.name == "a"] == ["ADDED", "MODIFIED"]


async def test_a_dry_run_stores_nothing(server: FakeApiServer, client: Client) -> None:
    made = json.loads(await client.dry_run_create(PODS, "default", json.dumps(pod()).encode()))
    assert made["spec"]["schedulerName"] == "default-scheduler"
    assert server.get(PODS, KEY) is None
    assert server.record.writes == [request for request in server.record.writes if request.name == "default"]


async def test_a_pod_is_bound_once(server: FakeApiServer, client: Client) -> None:
    uid = Uid(server.create(PODS, pod())["metadata"]["uid"])
    with pytest.raises(Conflict):
        await client.bind("default", "a", NodeName("n1"), uid=Uid("another"))
    await client.bind("default", "a", NodeName("n1"), uid=uid, annotations={"stamp": "1"})
    with pytest.raises(Conflict, match='already assigned to node "n1"'):
        await client.bind("default", "a", NodeName("n1"), uid=uid)
    found = server.get(PODS, KEY)
    assert found is not None
    assert (found["spec"]["nodeName"], found["metadata"]["annotations"]) == ("n1", {"stamp": "1"})
    assert [one["type"] for one in found["status"]["conditions"]] == ["PodScheduled"]


async def test_a_binding_leaves_the_conditions_in_their_places(server: FakeApiServer, client: Client) -> None:
    uid = Uid(server.create(PODS, pod())["metadata"]["uid"])
    conditions = [{"type": kind, "status": "False"} for kind in ("PodScheduled", "Ready")]
    server.change(PODS, KEY, {"status": {"conditions": conditions}}, subresource="status")
    await client.bind("default", "a", NodeName("n1"), uid=uid)
    (bound,) = server.all(PODS)
    told = [(one["type"], one["status"]) for one in bound["status"]["conditions"]]
    assert told == [("PodScheduled", "True"), ("Ready", "False")]


async def test_a_pods_condition_is_set_and_the_others_stay(server: FakeApiServer, client: Client) -> None:
    server.create(PODS, pod())
    for kind in ("PodScheduled", "Ready", "Ready"):
        body = {"status": {"conditions": [{"type": kind, "status": "True"}]}}
        path = PODS.path("default", "a", "status")
        await client.transport.request("PATCH", path, json.dumps(body).encode(), content_type=STRATEGIC_MERGE_PATCH)
    found = server.get(PODS, KEY)
    assert found is not None
    assert {one["type"] for one in found["status"]["conditions"]} == {"PodScheduled", "Ready"}


def test_a_pods_containers_cannot_be_exchanged(server: FakeApiServer) -> None:
    server.create(PODS, pod())
    code, status = put(server, PODS, pod(restartPolicy="Always"))
    assert (code, status["reason"]) == (422, "Invalid")


async def test_an_object_that_is_held_goes_when_it_is_let_go(server: FakeApiServer) -> None:
    server.create(FOOSETS, manifest(FOOSETS, {}, finalizers=["a.example/hold"]))
    server.delete(FOOSETS, KEY)
    held = server.get(FOOSETS, KEY)
    assert held is not None
    assert held["metadata"]["deletionGracePeriodSeconds"] == 0
    server.change(FOOSETS, KEY, {"metadata": {"finalizers": None}})
    assert server.get(FOOSETS, KEY) is None


def test_a_dry_run_lets_nothing_go(server: FakeApiServer) -> None:
    server.create(FOOSETS, manifest(FOOSETS, {}, finalizers=["a.example/hold"]))
    server.delete(FOOSETS, KEY)
    path, patch = f"{FOOSETS.path('default', 'a')}?dryRun=All", b'{"metadata":{"finalizers":null}}'
    code, _ = server.request("PATCH", path, patch, content_type="application/merge-patch+json")
    assert code == 200
    assert server.get(FOOSETS, KEY) is not None


def test_a_request_is_recorded_as_it_was_sent(server: FakeApiServer) -> None:
    sent = pod(containers=[{"name": "c", "image": "i", "ports": [{"containerPort": 80}], "env": [{"name": "A"}]}])
    server.create(PODS, sent)
    assert server.record.writes[-1].body["spec"] == sent["spec"]


def test_a_lease_is_made_by_a_put_and_kept_by_its_version(server: FakeApiServer) -> None:
    code, made = put(server, LEASES, manifest(LEASES, {"holderIdentity": "me"}))
    assert code == 201
    assert put(server, LEASES, made)[0] == 200
    made["metadata"]["resourceVersion"] = "1"
    assert put(server, LEASES, made)[0] == 409


async def test_what_is_not_there_is_no_silent_success(server: FakeApiServer) -> None:
    with pytest.raises(UnsupportedError):
        server.request("GET", "/api/v1/namespaces/default/secrets")
    with pytest.raises(UnsupportedError):
        server.request("PATCH", PODS.path("default", "a"), b"{}", content_type="application/json-patch+json")


async def test_a_refusal_is_the_error_that_clients_know(client: Client) -> None:
    with pytest.raises(Invalid):
        await client.create(FOOSETS, "default", json.dumps(manifest(FOOSETS, {"batch": 1})).encode())
