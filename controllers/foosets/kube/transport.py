"""Bytes to one API server and back, as one identity: the only place that speaks HTTP.

    WRITES  ─┐
    STATUS  ─┼─ a connection pool each ── HTTP/1.1 ── API server
    READS   ─┘

Guarantees:

* Every call ends: connecting, the whole exchange and a watch's silence are bounded, by default.
* A success is the body of a 2xx reply, anything else is an `ApiError`. No reply at all is `Unreachable`.
* Nothing is retried, but for one request that got a 401 while there are newer credentials; and a PUT, DELETE or GET
  on a kept connection that the server had already closed (aiohttp's doing, RFC 9112 section 9.3.1).
* The pools are apart, so that stuck writes do not hold up status or watches. Many HTTP/1.1 connections are cheaper
  for both sides than one HTTP/2 connection.

What is constant is prepared once: headers live in the sessions, paths become URLs without being parsed for quoting, and
replies are asked for uncompressed, since the API server's CPU is what a cluster runs out of first.
"""

import os
import socket
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import aiohttp
from yarl import URL

from foosets.kube.credentials import Credentials, find_origin
from foosets.kube.errors import Silent, Unreachable, error_from
from foosets.kube.lines import LineSplitter

JSON: Final = "application/json"
TIMEOUT_SECONDS: Final = 30.0
"""The whole exchange, waiting for a free connection included."""
CONNECT_SECONDS: Final = 10.0
INACTIVITY_SECONDS: Final = 90.0
"""A watch may be silent this long. Where anything happens at all, bookmarks come about once a minute."""

_READ_BUFFER: Final = 2**18
_IDLE_SECONDS: Final = 30.0  # well below the API server's own limit, so that we close first and no POST meets a close
_NO_REPLY: Final = (aiohttp.ClientError, TimeoutError, OSError)


class Pool(StrEnum):
    """Connections that do not wait for each other. Gets, lists and watches are reads."""

    WRITES = "writes"
    STATUS = "status"
    READS = "reads"


_CONNECTIONS: Final = {Pool.WRITES: 32, Pool.STATUS: 8, Pool.READS: 64}

_KEEP_ALIVE: Final = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 30_000))
"""A dead peer is found in 30 s, idle (15 + 3 x 5 s) or with data under way (in ms); where the system has the option."""


@dataclass(frozen=True, slots=True)
class TransportStatistics:
    """Totals since the start. `requests` is by (method, pool, status); status 0 counts missing replies."""

    requests: Mapping[tuple[str, Pool, int], int]
    retries: int
    bytes_sent: int
    bytes_received: int
    credential_failures: int


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    pool: Pool
    options: dict[str, Any]


class Transport:
    """One API server, one identity. Made by `connect`."""

    def __init__(self, credentials: Credentials, *, user_agent: str) -> None:
        self._credentials = credentials
        self._generation = credentials.generation
        self._sessions = {pool: _session(credentials, pool, user_agent) for pool in Pool}
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
        options: dict[str, Any] = {"timeout": _limits(timeout)}
        if body:
            options["data"] = body
        if content_type is not JSON:
            options["headers"] = {"Content-Type": content_type}
        response = await self._answer(_Call(method, path, pool, options))
        received = await self._body(response)
        if response.status < 300:
            return received
        raise error_from(response.status, received, response.headers.get("Retry-After"))

    @asynccontextmanager
    async def watch(
        self, path: str, *, inactivity: float = INACTIVITY_SECONDS
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """Open a watch and give its lines, one per event, without a limit of length, until the server ends it.

        Raises `ApiError`; `Silent` when nothing came for `inactivity` seconds, `Unreachable` when the stream was cut.
        """
        response = await self._answer(_Call("GET", path, Pool.READS, {"timeout": _silence(inactivity)}))
        try:
            if response.status != 200:
                body = await self._body(response)
                raise error_from(response.status, body, response.headers.get("Retry-After"))
            async with aclosing(self._lines(response)) as lines:
                yield lines
        finally:
            response.close()

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
        for session in self._sessions.values():
            await session.close()

    async def _answer(self, call: _Call) -> aiohttp.ClientResponse:
        """Return the reply's head, to the second try if the first was refused and there are newer credentials."""
        if self._credentials.stale():
            await self._credentials.refresh()
        self._use_newest()
        generation = self._generation
        response = await self._send(call)
        if response.status != 401 or not await self._credentials.renew(generation):
            return response
        response.close()
        self._use_newest()
        self._retries += 1
        return await self._send(call)

    async def _send(self, call: _Call) -> aiohttp.ClientResponse:
        credentials = self._credentials
        try:
            response = await self._sessions[call.pool].request(
                call.method,
                URL(credentials.server + call.path, encoded=True),
                ssl=credentials.tls,
                server_hostname=credentials.server_name,
                allow_redirects=False,
                **call.options,
            )
        except _NO_REPLY as error:
            if isinstance(error, aiohttp.ClientSSLError):
                credentials.expire()
            self._requests[call.method, call.pool, 0] += 1
            raise _unreachable(call.method, call.path, error) from error
        self._requests[call.method, call.pool, response.status] += 1
        self._sent += len(call.options.get("data", b""))
        return response

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            body = await response.read()
        except _NO_REPLY as error:
            raise _unreachable(response.method, response.url.raw_path_qs, error) from error
        self._received += len(body)
        return body

    async def _lines(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        splitter = LineSplitter()
        try:
            async for chunk in response.content.iter_any():
                self._received += len(chunk)
                for line in splitter.feed(chunk):
                    yield line
        except aiohttp.SocketTimeoutError as error:
            raise Silent(f"watch {response.url.raw_path_qs}: silent for too long") from error
        except _NO_REPLY as error:
            raise _unreachable("watch", response.url.raw_path_qs, error) from error

    def _use_newest(self) -> None:
        if self._generation != self._credentials.generation:
            self._generation = self._credentials.generation
            for session in self._sessions.values():
                session.headers.update(_identity(self._credentials))


@asynccontextmanager
async def connect(kubeconfig: str | None = None, *, user_agent: str = "foosets") -> AsyncGenerator[Transport, None]:
    """Open the way to the API server that `find_origin` finds; raises NotConfigured. No request is made yet."""
    credentials = await Credentials.load(find_origin(kubeconfig, os.environ))
    transport = Transport(credentials, user_agent=user_agent)
    try:
        yield transport
    finally:
        await transport.aclose()


def _session(credentials: Credentials, pool: Pool, user_agent: str) -> aiohttp.ClientSession:
    headers = {"Accept": JSON, "Accept-Encoding": "identity", "Content-Type": JSON, "User-Agent": user_agent}
    connector = aiohttp.TCPConnector(
        limit=_CONNECTIONS[pool], keepalive_timeout=_IDLE_SECONDS, socket_factory=_keep_alive_socket
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers=headers | _identity(credentials),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=credentials.proxy,
        read_bufsize=_READ_BUFFER,
        timeout=_limits(TIMEOUT_SECONDS),
        trust_env=False,  # otherwise aiohttp asks two threads for proxies and a netrc before every request
    )


def _identity(credentials: Credentials) -> dict[str, str]:
    """Return the header that says who we are; none where a client certificate says it."""
    return {"Authorization": credentials.authorization} if credentials.authorization else {}


def _keep_alive_socket(address: tuple[int, int, int, str, tuple[Any, ...]]) -> socket.socket:
    family, kind, protocol, *_ = address
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEP_ALIVE:
        if hasattr(socket, option):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return opened


@lru_cache(maxsize=16)
def _limits(total: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total, sock_connect=CONNECT_SECONDS)


@lru_cache(maxsize=16)
def _silence(inactivity: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=inactivity)


def _unreachable(method: str, path: str, error: Exception) -> Unreachable:
    return Unreachable(f"{method} {path}: {error or type(error).__name__}")
