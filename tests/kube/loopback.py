"""Small real servers on loopback, and ways to them: what the tests of this room share."""

import asyncio
import datetime as dt
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from foosets.api.pod import Pod
from foosets.kube.watch import Sink

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serve(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Run a server on a free port of loopback; give its URL. Handlers are cancelled when their client leaves."""
    runner = web.ServerRunner(web.Server(handler, handler_cancellation=True), shutdown_timeout=0.01)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        host, port = runner.addresses[0][:2]
        yield f"{'https' if tls else 'http'}://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def converse(hold: Conversation, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Hold a conversation, byte by byte, with everybody who connects to a port of loopback; then close."""
    writers: list[asyncio.StreamWriter] = []

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(OSError):
            await hold(reader, writer)
            await writer.drain()
        writer.close()

    try:
        async with await asyncio.start_server(held, "127.0.0.1", 0, ssl=tls) as served:
            yield served.sockets[0].getsockname()[1]
    finally:
        for writer in writers:
            with suppress(AttributeError):  # a transport that has closed after its last byte does not know its loop
                writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


def kubeconfig(
    folder: Path, server: str, *, user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None
) -> str:
    """Write a kubeconfig for one server and one user; JSON is YAML."""
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": server} | (cluster or {})}],
        "users": [{"name": "it", "user": user or {"token": "secret"}}],
    }
    path.write_text(json.dumps(content))
    return str(path)


def status(code: int, reason: str = "", message: str = "", **details: Any) -> web.Response:
    """Answer with a Status object, as the API server does for errors."""
    body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}
    return web.json_response(body | ({"details": details} if details else {}), status=code)


async def silence(request: web.BaseRequest) -> web.StreamResponse:  # noqa: ARG001 - a handler
    """Never answer."""
    await anyio.sleep_forever()
    raise AssertionError


class Authority:
    """A certificate authority of its own, with one server certificate for 127.0.0.1."""

    def __init__(self, folder: Path, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self._name, self._key, ca=True)
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = self._sign(x509.Name([]), key, ca=False)
        chain = folder / f"{name}.pem"
        chain.write_bytes(
            leaf.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.server.load_cert_chain(chain)
        self.chain = chain

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        address = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([address]), critical=not ca)
            .sign(self._key, hashes.SHA256())
        )


def pod(name: str, version: int, **spec: Any) -> dict[str, Any]:
    """Return a pod as JSON data."""
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def event(kind: str, thing: dict[str, Any]) -> bytes:
    """Return one line of a watch."""
    return json.dumps({"type": kind, "object": thing}).encode() + b"\n"


def bookmark(version: int) -> bytes:
    """Return a bookmark as servers send it for pods: with nulls where a row wants lists."""
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    return event("BOOKMARK", {"kind": "Pod", "metadata": metadata, "spec": {"containers": None}, "status": {}})


class Signal:
    """Lets a test wait until something holds, without asking again and again."""

    def __init__(self) -> None:
        self._changed = anyio.Event()

    def changed(self) -> None:
        """Wake up who waits; it looks again."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Return as soon as it holds after some change."""
        while not holds():
            await self._changed.wait()


_CUT = b'{"type":"ADDED","object":{"meta'
EXPIRED = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}


@dataclass
class PodServer:
    """The pods of an API server: lists in pages, watches with a history, and faults on demand."""

    version: int = 100
    page_size: int = 500
    pods: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    history: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    oldest: int = 0
    """Versions below this one are gone: a watch from one of them gets a 410."""
    gone_in_stream: bool = True
    """Whether that 410 is an ERROR event or the status of the reply."""
    refusals: int = 0
    """How many of the next requests get a 503."""
    lists: int = 0
    watched_from: list[int] = field(default_factory=list[int])
    queries: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    signal: Signal = field(default_factory=Signal)
    _streams: list[asyncio.Queue[bytes | None]] = field(default_factory=list["asyncio.Queue[bytes | None]"])
    _pages: dict[str, tuple[int, list[dict[str, Any]]]] = field(
        default_factory=dict[str, tuple[int, list[dict[str, Any]]]]
    )

    def put(self, name: str, **spec: Any) -> None:
        """Create or change a pod."""
        kind = "MODIFIED" if name in self.pods else "ADDED"
        self.version += 1
        self.pods[name] = pod(name, self.version, **spec)
        self._record(kind, self.pods[name])

    def remove(self, name: str) -> None:
        """Delete a pod, if there."""
        if name in self.pods:
            self.version += 1
            self._record("DELETED", self.pods.pop(name) | pod(name, self.version))

    def send(self, line: bytes) -> None:
        """Write something into every open watch."""
        for stream in self._streams:
            stream.put_nowait(line)

    def end(self) -> None:
        """End every open watch in good order."""
        for stream in self._streams:
            stream.put_nowait(None)

    def cut(self) -> None:
        """Break every open watch's connection in the middle of a line."""
        self.send(_CUT)

    def forget(self) -> None:
        """Compact: no watch can start in the past any more."""
        self.oldest = self.version
        self.history.clear()

    def _record(self, kind: str, thing: dict[str, Any]) -> None:
        line = event(kind, thing)
        self.history.append((self.version, line))
        self.send(line)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a list or a watch."""
        self.queries.append(dict(request.query))
        if self.refusals:
            self.refusals -= 1
            return status(503, "ServiceUnavailable", "not now")
        if request.query.get("watch") == "true":
            return await self._watch(request, int(request.query["resourceVersion"]))
        return self._list(request.query.get("continue", ""))

    def _list(self, token: str) -> web.Response:
        self.lists += not token
        version, rest = self._pages.pop(token, None) or (self.version, [self.pods[name] for name in sorted(self.pods)])
        items, rest = rest[: self.page_size], rest[self.page_size :]
        following = f"page-{len(self.queries)}" if rest else ""
        if rest:
            self._pages[following] = (version, rest)
        metadata = {"resourceVersion": str(version), "continue": following}
        return web.json_response({"kind": "PodList", "metadata": metadata, "items": items})

    async def _watch(self, request: web.BaseRequest, version: int) -> web.StreamResponse:
        self.watched_from.append(version)
        if version < self.oldest and not self.gone_in_stream:
            return status(410, "Expired", "too old resource version")
        stream: asyncio.Queue[bytes | None] = asyncio.Queue()
        if version < self.oldest:
            stream.put_nowait(event("ERROR", EXPIRED))
            stream.put_nowait(None)
        for changed_at, line in self.history:
            if changed_at > version:
                stream.put_nowait(line)
        self._streams.append(stream)
        self.signal.changed()
        try:
            return await self._stream(request, stream)
        finally:
            self._streams.remove(stream)

    async def _stream(self, request: web.BaseRequest, lines: asyncio.Queue[bytes | None]) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while (line := await lines.get()) is not None:
            await response.write(line)
            if line is _CUT:
                assert request.transport is not None
                request.transport.abort()
        return response


class PodSink(Sink[Pod]):
    """A store that remembers what it was told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.told: list[str] = []
        self.version = 0
        self.signal = Signal()

    def replace(self, rows: list[Pod], resource_version: int) -> None:
        self.rows = {row.metadata.name: int(row.metadata.resource_version) for row in rows}
        self._note("replace", resource_version)

    def upsert(self, row: Pod) -> None:
        self.rows[row.metadata.name] = int(row.metadata.resource_version)
        self._note(f"upsert {row.metadata.name}", int(row.metadata.resource_version))

    def remove(self, row: Pod) -> None:
        self.rows.pop(row.metadata.name, None)
        self._note(f"remove {row.metadata.name}", int(row.metadata.resource_version))

    def bookmark(self, resource_version: int) -> None:
        self._note("bookmark", resource_version)

    def _note(self, what: str, version: int) -> None:
        self.told.append(what)
        self.version = version
        self.signal.changed()
