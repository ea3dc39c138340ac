"""Bytes to one API server and back, as one identity: the only place that speaks HTTP.

    WRITES  ─┐
    STATUS  ─┤
    READS   ─┼─ a connection pool each ── HTTP/1.1 ── API server
    LEASES  ─┘

Guarantees:

* Every call ends: connecting, the whole exchange and a watch's silence are bounded, by default.
* A success is the body of a 2xx reply, anything else is an `ApiError`. No reply at all is `Unreachable`.
* Nothing is retried, but for one request that got a 401 while there are newer credentials; and a PUT, DELETE or GET
  on a kept connection that the server had already closed (see `exchange`).
* The pools are apart, so that stuck writes do not hold up status or watches. Many HTTP/1.1 connections are cheaper
  for both sides than one HTTP/2 connection.
* Writes and statuses pass a fence, asked right before the first byte goes out: while it is shut they are `Deposed`. By
  way of a proxy it is asked before the proxy is; what the kernel has taken by then, no fence can call back.

Requests go through `exchange`, watches through `stream`, and both by way of `proxied` where a kubeconfig names a proxy.
What is constant is prepared once, and replies are asked for uncompressed, since the API server's CPU is what a cluster
runs out of first.
"""

import os
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from yarl import URL

from foosets.kube.connection import Address
from foosets.kube.credentials import Credentials, find_origin
from foosets.kube.errors import ApiError, Deposed, Silent, Unreachable, error_from
from foosets.kube.exchange import Exchanges, Fence, FencedError, always
from foosets.kube.proxied import Proxied, ProxiedStream
from foosets.kube.reply import Reply
from foosets.kube.stream import SilenceError, Stream

JSON: Final = "application/json"
TIMEOUT_SECONDS: Final = 30.0
"""The whole exchange, waiting for a free connection included."""
INACTIVITY_SECONDS: Final = 90.0
"""A watch may be silent this long. Where anything happens at all, bookmarks come about once a minute."""


class Pool(StrEnum):
    """Connections that do not wait for each other. Gets, lists and watches are reads; Leases are on their own."""

    WRITES = "writes"
    STATUS = "status"
    READS = "reads"
    LEASES = "leases"


_CONNECTIONS: Final = {Pool.WRITES: 32, Pool.STATUS: 8, Pool.READS: 64, Pool.LEASES: 2}
_FENCED: Final = frozenset({Pool.WRITES, Pool.STATUS})


@dataclass(frozen=True, slots=True)
class TransportStatistics:
    """Totals since the start. `requests` is by (method, pool, status); status 0 counts missing replies."""

    requests: Mapping[tuple[str, Pool, int], int]
    retries: int
    bytes_sent: int
    bytes_received: int
    credential_failures: int


class _Call(NamedTuple):
    method: str
    path: str
    pool: Pool
    body: bytes
    content_type: str
    seconds: float


class Transport:
    """One API server, one identity. Made by `connect`."""

    def __init__(self, credentials: Credentials, *, user_agent: str, fence: Fence = always) -> None:
        self._credentials = credentials
        self._generation = credentials.generation
        self._server = URL(credentials.server)
        self._prefix = self._server.raw_path.rstrip("/")
        self._user_agent = user_agent
        self._head = self._constant_head()
        self._address = self._newest_address()
        self._fences = {pool: fence if pool in _FENCED else always for pool in Pool}
        self._exchanges = {pool: Exchanges(limit, self._fences[pool]) for pool, limit in _CONNECTIONS.items()}
        self._proxied = Proxied(credentials, self._constant_fields()) if credentials.proxy else None
        self._requests: Counter[tuple[str, Pool, int]] = Counter()
        self._retries = 0
        self._sent = 0
        self._received = 0

    async def request(  # noqa: PLR0913 - a request has that many independent parts, all but two with defaults
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = JSON,
        pool: Pool = Pool.WRITES,
        timeout: float = TIMEOUT_SECONDS,  # noqa: ASYNC109 - the limit belongs to the exchange, and is always there
    ) -> bytes:
        """Return the body of the 2xx reply; raise `ApiError` for everything else.

        `path` is quoted already. `timeout` is in seconds, for the whole exchange.
        """
        if self._credentials.stale() or self._generation != self._credentials.generation:
            await self._refresh()
        call = _Call(method, path, pool, body, content_type, timeout)
        generation = self._generation
        reply = await self._reply(call)
        if reply.status == 401 and await self._renew(generation):
            reply = await self._reply(call)
        if reply.status < 300:
            return reply.body
        raise error_from(reply.status, reply.body, reply.retry_after)

    @property
    def namespace(self) -> str:
        """The namespace that the configuration means where none is named, or nothing."""
        return self._credentials.namespace

    @asynccontextmanager
    async def watch(
        self, path: str, *, inactivity: float = INACTIVITY_SECONDS
    ) -> AsyncGenerator[AsyncIterator[list[bytes]], None]:
        """Open a watch and give its lines, one per event, without a limit of length, until the server ends it.

        They come in lists of as many as came together, for there is little time for each.

        Raises `ApiError`; `Silent` when nothing came for `inactivity` seconds, `Unreachable` when the stream was cut.
        """
        await self._refresh()
        generation = self._generation
        stream = await self._stream(path, inactivity)
        if stream.status == 401 and await self._renew(generation):
            stream.abort(ConnectionAbortedError("refused"))
            stream = await self._stream(path, inactivity)
        try:
            if stream.status != 200:
                raise await self._refusal(path, stream)
            async with aclosing(self._lines(path, stream)) as lines:
                yield lines
        finally:
            stream.abort(ConnectionAbortedError("the watch was left"))

    def statistics(self) -> TransportStatistics:
        """What went over the wire so far."""
        return TransportStatistics(
            requests=dict(self._requests),
            retries=self._retries,
            bytes_sent=self._sent,
            bytes_received=self._received,
            credential_failures=self._credentials.failures,
        )

    async def aclose(self) -> None:
        """Close every connection; requests under way end as `Unreachable`."""
        for exchanges in self._exchanges.values():
            exchanges.close()
        if self._proxied is not None:
            await self._proxied.aclose()

    # ---- credentials

    async def _refresh(self) -> None:
        if self._credentials.stale():
            await self._credentials.refresh()
        self._use_newest()

    async def _renew(self, refused: int) -> bool:
        """After a 401: return whether there is now something else to send, and count the second try."""
        renewed = await self._credentials.renew(refused)
        self._use_newest()
        self._retries += renewed
        return renewed

    def _use_newest(self) -> None:
        if self._generation != self._credentials.generation:
            self._generation = self._credentials.generation
            self._head = self._constant_head()
            newest = self._newest_address()
            self._address = self._address if self._address == newest else newest  # a new token needs no new connection
            if self._proxied is not None:
                self._proxied.identify(self._constant_fields())

    # ---- one request, one reply

    async def _reply(self, call: _Call) -> Reply:
        try:
            reply = await (self._direct(call) if self._proxied is None else self._by_proxy(self._proxied, call))
        except FencedError:
            raise Deposed(f"{call.method} {call.path} was not sent: this process does not lead") from None
        except OSError as error:
            raise self._unreachable(call.method, call.path, call.pool, error) from error
        self._requests[call.method, call.pool, reply.status] += 1
        self._sent += len(call.body)
        self._received += len(reply.body)
        return reply

    def _direct(self, call: _Call) -> Awaitable[Reply]:
        request = b"%b HTTP/1.1\r\n%bContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            f"{call.method} {self._prefix}{call.path}".encode("ascii"),
            self._head,
            call.content_type.encode("ascii"),
            len(call.body),
            call.body,
        )
        return self._exchanges[call.pool].exchange(self._address, call.method, request, call.seconds)

    def _by_proxy(self, proxied: Proxied, call: _Call) -> Awaitable[Reply]:
        if not self._fences[call.pool]():
            raise FencedError
        return proxied.exchange(call.method, call.path, call.body, call.content_type, call.seconds)

    def _unreachable(self, method: str, path: str, pool: Pool, error: OSError) -> Unreachable:
        """Count a reply that did not come; where TLS was in the way, the next request reads the credentials again."""
        if isinstance(error, ssl.SSLError):
            self._credentials.expire()
        self._requests[method, pool, 0] += 1
        return Unreachable(f"{method} {path}: {str(error) or type(error).__name__}")

    def _newest_address(self) -> Address:
        tls, server = self._credentials.tls, self._server
        context = tls if isinstance(tls, ssl.SSLContext) else None
        return Address(server.host or "", server.port or 443, context, self._credentials.server_name or server.host)

    def _constant_head(self) -> bytes:
        """Return the header fields that are the same for every request, as they are sent."""
        lines = [f"{key}: {value}\r\n" for key, value in self._constant_fields().items()]
        return "".join([f"Host: {self._server.raw_authority}\r\n", *lines]).encode("ascii")

    def _constant_fields(self) -> dict[str, str]:
        """Return them but for the host; none says who we are where a client certificate does."""
        fields = {"Accept": JSON, "Accept-Encoding": "identity", "User-Agent": self._user_agent}
        return fields | ({"Authorization": self._credentials.authorization} if self._credentials.authorization else {})

    # ---- streams

    async def _stream(self, path: str, inactivity: float) -> Stream | ProxiedStream:
        """Open a stream whose head has come."""
        try:
            stream = await self._open_stream(path, inactivity)
        except OSError as error:
            raise self._unreachable("GET", path, Pool.READS, error) from error
        self._requests["GET", Pool.READS, stream.status] += 1
        return stream

    async def _open_stream(self, path: str, inactivity: float) -> Stream | ProxiedStream:
        if self._proxied is not None:
            return await self._proxied.stream(path, inactivity)
        stream = Stream(self._address, inactivity)
        await stream.start(b"GET %b HTTP/1.1\r\n%b\r\n" % (f"{self._prefix}{path}".encode("ascii"), self._head))
        return stream

    async def _refusal(self, path: str, stream: Stream | ProxiedStream) -> ApiError:
        try:
            reply = await stream.reply()
        except OSError as error:
            return self._unreachable("GET", path, Pool.READS, error)
        self._received += len(reply.body)
        return error_from(reply.status, reply.body, reply.retry_after)

    async def _lines(self, path: str, stream: Stream | ProxiedStream) -> AsyncGenerator[list[bytes], None]:
        try:
            async for lines in stream:
                self._received += sum(map(len, lines))
                yield lines
        except SilenceError as error:
            raise Silent(f"watch {path}: {error}") from error
        except OSError as error:
            raise Unreachable(f"watch {path}: {str(error) or type(error).__name__}") from error


@asynccontextmanager
async def connect(
    kubeconfig: str | None = None,
    *,
    context: str | None = None,
    user_agent: str = "foosets",
    fence: Fence = always,
) -> AsyncGenerator[Transport, None]:
    """Open the way to the API server that `find_origin` finds; raises NotConfigured. No request is made yet."""
    credentials = await Credentials.load(find_origin(kubeconfig, os.environ, context))
    transport = Transport(credentials, user_agent=user_agent, fence=fence)
    try:
        yield transport
    finally:
        await transport.aclose()
