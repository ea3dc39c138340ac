"""The fake API server over HTTP/1.1 on loopback, for what speaks to one by a kubeconfig.

Connections are kept; a watch takes its own and is sent in chunks, an event each. Who asks is the bearer token: a client
whose token is `foosets-scheduler` is the user of that name.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Final, NamedTuple

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream

from foosets.kube.transport import JSON
from tests.fake.apiserver import FakeApiServer
from tests.fake.kinds import target_of
from tests.fake.refusals import Refusal

_LARGEST_HEAD: Final = 2**16
_HEAD: Final = re.compile(rb"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/1\.1\r\n(?P<fields>.*)", re.DOTALL)
_FIELD: Final = re.compile(rb"([^:\r\n]+):[ \t]*([^\r\n]*)\r\n")


class _Asked(NamedTuple):
    method: str
    path: str
    body: bytes
    content_type: str
    user: str


@asynccontextmanager
async def serving(server: FakeApiServer) -> AsyncGenerator[str, None]:
    """Serve on a free port; give the URL. Open watches end with it."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        port = listener.extra(SocketAttribute.local_port)

        async def converse(stream: ByteStream) -> None:
            async with stream:
                await _converse(server, stream)

        group.start_soon(listener.serve, converse)
        yield f"http://127.0.0.1:{port}"
        group.cancel_scope.cancel()


async def _converse(server: FakeApiServer, stream: ByteStream) -> None:
    """Answer one request after the other, until the client goes or watches."""
    incoming = BufferedByteReceiveStream(stream)
    try:
        while True:
            asked = await _read(incoming)
            if asked.method == "GET" and target_of(asked.path).watches:
                await _send_watch(server, asked, stream)
                return
            code, body = server.request(
                asked.method, asked.path, asked.body, content_type=asked.content_type, user=asked.user
            )
            await stream.send(_head(code, b"Content-Length: %d" % len(body)) + body)
    except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
        return  # the client has gone, which is its right


async def _read(incoming: BufferedByteReceiveStream) -> _Asked:
    head = await incoming.receive_until(b"\r\n\r\n", _LARGEST_HEAD)
    found = _HEAD.fullmatch(head + b"\r\n")
    assert found is not None, head
    fields = {name.lower(): value.decode() for name, value in _FIELD.findall(found["fields"])}
    body = await incoming.receive_exactly(int(fields.get(b"content-length", "0")))
    user = fields.get(b"authorization", "Bearer system:anonymous").removeprefix("Bearer ")
    content_type = fields.get(b"content-type", JSON)
    return _Asked(found["method"].decode(), found["path"].decode(), body, content_type, user)


async def _send_watch(server: FakeApiServer, asked: _Asked, stream: ByteStream) -> None:
    try:
        watch = server.open_watch(asked.path, user=asked.user)
    except Refusal as refusal:
        await stream.send(_head(refusal.code, b"Content-Length: %d" % len(refusal.body)) + refusal.body)
        return
    await stream.send(_head(200, b"Transfer-Encoding: chunked"))
    async with anyio.create_task_group() as group, aclosing(watch.events()) as events:
        group.start_soon(_until_gone, stream, group.cancel_scope)
        async for told in events:
            await stream.send(b"".join(b"%x\r\n%b\n\r\n" % (len(one.line) + 1, one.line) for one in told))
        await stream.send(b"0\r\n\r\n")
        group.cancel_scope.cancel()


async def _until_gone(stream: ByteStream, scope: anyio.CancelScope) -> None:
    """End a watch whose client has closed the connection: nothing else comes from it."""
    try:
        await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        scope.cancel()


def _head(code: int, length: bytes) -> bytes:
    reason = HTTPStatus(code).phrase.encode()
    return b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\n%b\r\n\r\n" % (code, reason, length)
