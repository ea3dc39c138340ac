import random
from typing import Any

import pytest

from foosets.api.meta import BATCHFOOSETS, FOOSETS, PODS, Key, Resource
from tests.builders import batch_spec, template
from tests.fake.apiserver import FakeApiServer, loop_clock
from tests.fake.garbage import collect
from tests.fake.record import Object


@pytest.fixture
def server() -> FakeApiServer:
    return FakeApiServer(loop_clock(), random.Random(1))


def pod(server: FakeApiServer, name: str = "p", owner: Object | None = None, **spec: Any) -> Object:
    return create(server, PODS, name, template(**spec)["spec"], owner)


def create(server: FakeApiServer, resource: Resource, name: str, spec: Object, owner: Object | None = None) -> Object:
    metadata: Object = {"name": name, "namespace": "default"}
    if owner is not None:
        reference = {"uid": owner["metadata"]["uid"], "name": owner["metadata"]["name"], "kind": owner["kind"]}
        metadata["ownerReferences"] = [reference | {"controller": True, "blockOwnerDeletion": True}]
    return server.create(resource, {"metadata": metadata, "spec": spec})


def history(server: FakeApiServer, resource: Resource = PODS) -> list[tuple[str, str]]:
    return [(one.type, one.name) for one in server.record.versions if one.resource == resource.plural]


def test_a_pod_without_a_node_is_marked_and_gone(server: FakeApiServer) -> None:
    pod(server)
    server.delete(PODS, Key("default", "p"))
    assert history(server) == [("ADDED", "p"), ("MODIFIED", "p"), ("DELETED", "p")]


def test_a_pod_on_a_node_waits_for_its_kubelet(server: FakeApiServer) -> None:
    pod(server, nodeName="n1")
    server.delete(PODS, Key("default", "p"))
    (ending,) = server.all(PODS)
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 30
    assert ending["metadata"]["generation"] == 2
    server.delete(PODS, Key("default", "p"), gracePeriodSeconds=0)
    assert server.all(PODS) == []


def test_a_second_deletion_may_only_hasten(server: FakeApiServer) -> None:
    pod(server, nodeName="n1")
    for seconds in (60, 10, 20):
        server.delete(PODS, Key("default", "p"), gracePeriodSeconds=seconds)
    (ending,) = server.all(PODS)
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 10


def test_a_pod_that_has_ended_needs_no_time(server: FakeApiServer) -> None:
    pod(server, nodeName="n1")
    server.change(PODS, Key("default", "p"), {"status": {"phase": "Succeeded"}}, subresource="status")
    server.delete(PODS, Key("default", "p"))
    assert server.all(PODS) == []


def test_only_the_object_that_is_meant_is_deleted(server: FakeApiServer) -> None:
    pod(server)
    with pytest.raises(AssertionError, match="409"):
        server.delete(PODS, Key("default", "p"), preconditions={"uid": "another"})
    with pytest.raises(AssertionError, match="409"):
        server.delete(PODS, Key("default", "p"), preconditions={"resourceVersion": "1"})
    assert len(server.all(PODS)) == 1


def family(server: FakeApiServer) -> None:
    """A set, its child, and the child's pod."""
    root = create(server, FOOSETS, "root", {})
    child = create(server, BATCHFOOSETS, "child", batch_spec(), root)
    pod(server, "pod", child)


def settle(server: FakeApiServer) -> int:
    """Collect until there is nothing to do; return the number of rounds."""
    rounds = 0
    while collect(server):
        rounds += 1
    return rounds


def test_dependents_follow_generation_by_generation(server: FakeApiServer) -> None:
    family(server)
    assert collect(server) == 0
    server.delete(FOOSETS, Key("default", "root"))
    assert settle(server) == 2
    assert server.all(BATCHFOOSETS) == server.all(PODS) == []


def test_in_the_foreground_the_owner_goes_last(server: FakeApiServer) -> None:
    family(server)
    server.delete(FOOSETS, Key("default", "root"), propagationPolicy="Foreground")
    settle(server)
    ends = [one.name for one in server.record.versions if one.type == "DELETED"]
    assert ends == ["pod", "child", "root"]


def test_orphans_stay_and_forget_their_owner(server: FakeApiServer) -> None:
    family(server)
    server.delete(FOOSETS, Key("default", "root"), propagationPolicy="Orphan")
    settle(server)
    assert server.all(FOOSETS) == []
    (orphan,) = server.all(BATCHFOOSETS)
    assert "ownerReferences" not in orphan["metadata"]
    assert len(server.all(PODS)) == 1
