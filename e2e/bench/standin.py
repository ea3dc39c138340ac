"""A stand-in for the API server: as much of it as one batch controller meets, and quick enough to keep out of its way.

HTTP/1.1 over TLS on loopback. It answers four lists, holds four watches, stores pods, and checks the version of every
status that is put. Like the real one it sends each event as a chunk of its own as soon as it is there, gives every
object a version from one counter, and refuses a pod whose name is taken.

A pod that was created is seen by the watch as it was made, with its node, and RUN_SECONDS later as Succeeded.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio
import msgspec
from msgspec import Raw, Struct

from e2e.bench.objects import SET, Pod, admitted, batchfooset, node, stored, succeeded
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, NODES, PODS, Resource

RUN_SECONDS: Final = 0.5

_CHUNKED_ABOVE: Final = 2048  # as Go's server does with a reply whose length it was not told
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEADERS: Final = (
    b"Audit-Id: 5f2b1f0e-0000-4000-8000-000000000000\r\n"
    b"Cache-Control: no-cache, private\r\n"
    b"Content-Type: application/json\r\n"
    b"Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"X-Kubernetes-Pf-Flowschema-Uid: 5f2b1f0e-0000-4000-8000-000000000001\r\n"
    b"X-Kubernetes-Pf-Prioritylevel-Uid: 5f2b1f0e-0000-4000-8000-000000000002\r\n"
)
_REASONS: Final = {404: "NotFound", 409: "AlreadyExists", 422: "Invalid"}

_WATCHED: Final = {resource.path(): resource for resource in (BATCHFOOSETS, PODS, NODES, FOOQUOTAS)}
_NEEDED: Final = frozenset({BATCHFOOSETS, PODS, NODES})
_PODS: Final = PODS.path(SET.namespace)
_STATUS: Final = BATCHFOOSETS.path(SET.namespace, SET.name, "status")


class _Versioned(Struct):
    resourceVersion: str  # noqa: N815 - as JSON has it


class _StatusPut(Struct):
    metadata: _Versioned
    status: Raw


class _Succeeded(Struct):
    succeeded: int = 0


class StandIn:
    """The server's state. `url` is where it listens; `watching` and `done` are what a benchmark waits for."""

    def __init__(self, pods: int, nodes: int) -> None:
        self.url = ""
        self.watching = anyio.Event()
        """All watches are open that the work needs: the ordinary way has none of quotas."""
        self.done = anyio.Event()
        """The status of the set says that all pods have succeeded."""
        self.status_writes = 0
        self._version = 1
        self._set = batchfooset(pods)
        self._nodes = [msgspec.json.encode(node(number)) for number in range(nodes)]
        self._pods: dict[str, Pod] = {}
        self._watchers: dict[Resource, asyncio.Transport] = {}

    @property
    def pods(self) -> int:
        """How many pods were created."""
        return len(self._pods)

    def create_set(self) -> None:
        """Let the BatchFooSet appear."""
        self._change_set("ADDED")

    # ---- requests

    def answer(self, request: "Request", transport: asyncio.Transport) -> None:
        """Write the reply, or keep the connection for a watch."""
        path, _, query = request.target.partition("?")
        watched = _WATCHED.get(path)
        if request.method == "GET" and watched is not None:
            if "watch=" in query:
                self._watch(watched, transport)
            else:
                _reply(transport, 200, self._list(watched))
        elif request.method == "POST" and path == _PODS:
            self._create(request.body, transport, dry_run="dryRun=All" in query)
        elif request.method == "PUT" and path == _STATUS:
            self._put_status(request.body, transport)
        else:
            _refuse(transport, 404, f"{request.method} {path}")

    def _list(self, resource: Resource) -> bytes:
        items = self._nodes if resource is NODES else []  # the set and its pods come later, by the watches
        listing = {"apiVersion": resource.api_version, "kind": f"{resource.kind}List", "items": list(map(Raw, items))}
        return msgspec.json.encode(listing | {"metadata": {"resourceVersion": str(self._version)}})

    def _watch(self, resource: Resource, transport: asyncio.Transport) -> None:
        transport.write(b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n" % _HEADERS)
        self._watchers[resource] = transport
        if self._watchers.keys() >= _NEEDED:
            self.watching.set()

    def _create(self, body: bytes, transport: asyncio.Transport, *, dry_run: bool) -> None:
        pod = admitted(body, self._next_version())
        if not pod.bound:
            _refuse(transport, 422, "a batch controller chooses the node itself")
        elif pod.name in self._pods:
            _refuse(transport, 409, f"pods {pod.name} already exists")
        elif dry_run:
            _reply(transport, 201, stored(pod))
        else:
            self._pods[pod.name] = pod
            created = stored(pod)
            _reply(transport, 201, created)
            self._tell(PODS, "ADDED", created)
            asyncio.get_running_loop().call_later(RUN_SECONDS, self._end, pod)

    def _end(self, pod: Pod) -> None:
        succeeded(pod, self._next_version())
        self._tell(PODS, "MODIFIED", stored(pod))

    def _put_status(self, body: bytes, transport: asyncio.Transport) -> None:
        put = msgspec.json.decode(body, type=_StatusPut)
        if put.metadata.resourceVersion != self._set["metadata"]["resourceVersion"]:
            _refuse(transport, 409, "the object has been modified", reason="Conflict")
            return
        self.status_writes += 1
        self._set["status"] = put.status
        _reply(transport, 200, self._change_set("MODIFIED"))
        if msgspec.json.decode(put.status, type=_Succeeded).succeeded == self._set["spec"]["completions"]:
            self.done.set()

    # ---- events

    def _next_version(self) -> int:
        self._version += 1
        return self._version

    def _change_set(self, event: str) -> bytes:
        self._set["metadata"]["resourceVersion"] = str(self._next_version())
        body = msgspec.json.encode(self._set)
        self._tell(BATCHFOOSETS, event, body)
        return body

    def _tell(self, resource: Resource, event: str, body: bytes) -> None:
        line = b'{"type":"%b","object":%b}\n' % (event.encode(), body)
        self._watchers[resource].write(b"%x\r\n%b\r\n" % (len(line), line))


# ---- HTTP


class Request(Struct):
    """One request, read whole."""

    method: str
    target: str
    body: bytes


class _Connection(asyncio.Protocol):
    """One client's connection; requests come one after the other."""

    def __init__(self, server: StandIn) -> None:
        self._server = server
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        for request in self._requests():
            self._server.answer(request, self._transport)

    def _requests(self) -> Iterable[Request]:
        """Take the requests that are complete."""
        while (end := self._received.find(_HEAD_END)) >= 0:
            head = bytes(self._received[:end])
            length = _LENGTH.search(head)
            start = end + len(_HEAD_END)
            stop = start + (int(length[1]) if length else 0)
            if len(self._received) < stop:
                return
            body = bytes(self._received[start:stop])
            del self._received[:stop]
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            yield Request(method, target, body)


def _reply(transport: asyncio.Transport, status: int, body: bytes) -> None:
    if len(body) <= _CHUNKED_ABOVE:
        framed = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    else:
        framed = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    transport.write(b"HTTP/1.1 %d -\r\n%b%b" % (status, _HEADERS, framed))


def _refuse(transport: asyncio.Transport, code: int, message: str, reason: str = "") -> None:
    status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    _reply(transport, code, msgspec.json.encode(status | {"reason": reason or _REASONS[code], "message": message}))


@asynccontextmanager
async def standing_in(pods: int, nodes: int, tls: ssl.SSLContext) -> AsyncGenerator[StandIn, None]:
    """Serve on a free port of loopback."""
    server = StandIn(pods, nodes)
    listening = await asyncio.get_running_loop().create_server(lambda: _Connection(server), "127.0.0.1", 0, ssl=tls)
    async with listening:
        host, port = listening.sockets[0].getsockname()
        server.url = f"https://{host}:{port}"
        yield server
