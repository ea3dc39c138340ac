import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from foosets.api.meta import BATCHFOOSETS, NODES, PODS
from foosets.api.names import NodeName, Uid
from foosets.api.pod import Condition
from foosets.kube.client import Client
from foosets.kube.transport import connect
from tests.kube.loopback import kubeconfig, serve


@asynccontextmanager
async def recording(folder: Path) -> AsyncIterator[tuple[Client, list[tuple[str, str, str, Any]]]]:
    """Give a client, and what the server received: method, target, content type, body."""
    received: list[tuple[str, str, str, Any]] = []

    async def record(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        received.append((request.method, request.raw_path, request.content_type, json.loads(body or b"null")))
        return web.json_response({"stored": True})

    async with serve(record) as url, connect(kubeconfig(folder, url)) as transport:
        yield Client(transport, "foosets-batchfooset"), received


async def test_get(tmp_path: Path) -> None:
    async with recording(tmp_path) as (client, received):
        assert json.loads(await client.get(NODES, "", "n1")) == {"stored": True}
    assert received == [("GET", "/api/v1/nodes/n1", "application/json", None)]


async def test_create_names_its_field_manager(tmp_path: Path) -> None:
    async with recording(tmp_path) as (client, received):
        assert json.loads(await client.create(PODS, "x", b'{"a":1}')) == {"stored": True}
        await client.dry_run_create(PODS, "x", b'{"a":2}')
    path = "/api/v1/namespaces/x/pods?fieldManager=foosets-batchfooset"
    assert received == [
        ("POST", path, "application/json", {"a": 1}),
        ("POST", f"{path}&dryRun=All", "application/json", {"a": 2}),
    ]


async def test_apply_is_a_forced_server_side_apply(tmp_path: Path) -> None:
    async with recording(tmp_path) as (client, received):
        await client.apply(BATCHFOOSETS, "x", "b", b'{"a":1}')
    path = (
        "/apis/foo.example.com/v1alpha1/namespaces/x/batchfoosets/b?fieldManager=foosets-batchfooset&force=true"
    ).replace("v1alpha1", BATCHFOOSETS.version)
    assert received == [("PATCH", path, "application/apply-patch+yaml", {"a": 1})]


async def test_delete_says_which_incarnation_it_means(tmp_path: Path) -> None:
    async with recording(tmp_path) as (client, received):
        await client.delete(PODS, "x", "p", uid=Uid("u1"))
        await client.delete(PODS, "x", "p", uid=Uid("u1"), resource_version="7")
    assert [call[:2] for call in received] == [("DELETE", "/api/v1/namespaces/x/pods/p")] * 2
    assert received[0][3] == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "u1"},
        "propagationPolicy": "Background",
    }
    assert received[1][3]["preconditions"] == {"uid": "u1", "resourceVersion": "7"}


async def test_bind_names_pod_uid_and_node(tmp_path: Path) -> None:
    async with recording(tmp_path) as (client, received):
        await client.bind("x", "p", NodeName("n1"), uid=Uid("u1"), annotations={"k": "v"})
    path = "/api/v1/namespaces/x/pods/p/binding?fieldManager=foosets-batchfooset"
    metadata = {"namespace": "x", "name": "p", "uid": "u1", "annotations": {"k": "v"}}
    target = {"apiVersion": "v1", "kind": "Node", "name": "n1"}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
    assert received == [("POST", path, "application/json", binding)]


async def test_status_is_put_at_a_version(tmp_path: Path) -> None:
    async with recording(tmp_path) as (client, received):
        await client.put_status(BATCHFOOSETS, "x", "b", b'{"active":3}', uid=Uid("u1"), resource_version="9")
        await client.put_status(NODES, "", "n", b"{}", uid=Uid("u2"), resource_version="9")
    method, path, kind, body = received[0]
    assert (method, kind) == ("PUT", "application/json")
    assert path == f"{BATCHFOOSETS.path('x', 'b', 'status')}?fieldManager=foosets-batchfooset"
    assert body == {
        "apiVersion": BATCHFOOSETS.api_version,
        "kind": "BatchFooSet",
        "metadata": {"name": "b", "namespace": "x", "uid": "u1", "resourceVersion": "9"},
        "status": {"active": 3},
    }
    assert received[1][3]["metadata"] == {"name": "n", "uid": "u2", "resourceVersion": "9"}


async def test_a_pod_condition_is_merged_by_its_type(tmp_path: Path) -> None:
    condition = Condition("PodScheduled", "False", "Unschedulable", "0/3 nodes fit", "2026-11-23T00:00:00Z")
    async with recording(tmp_path) as (client, received):
        await client.set_pod_condition("x", "p", condition, uid=Uid("u1"))
    ((method, path, kind, body),) = received
    assert (method, kind) == ("PATCH", "application/strategic-merge-patch+json")
    assert path == "/api/v1/namespaces/x/pods/p/status?fieldManager=foosets-batchfooset"
    assert body == {
        "metadata": {"uid": "u1"},
        "status": {
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/3 nodes fit",
                    "lastTransitionTime": "2026-11-23T00:00:00Z",
                }
            ]
        },
    }
