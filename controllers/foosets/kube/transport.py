"""Bytes to one API server and back, as one identity: the only place that speaks HTTP.

    WRITES  ─┐
    STATUS  ─┼─ a connection pool each ── HTTP/1.1 ── API server
    READS   ─┘

Guarantees:

* Every call ends: connecting, the whole exchange and a watch's silence are bounded, by default.
* A success is the body of a 2xx reply, anything else is an `ApiError`. No reply at all is `Unreachable`.
* Nothing is retried, but for one request that got a 401 while there are newer credentials; and a PUT, DELETE or GET
  on a kept connection that the server had already closed (see `exchange`).
* The pools are apart, so that stuck writes do not hold up status or watches. Many HTTP/1.1 connections are cheaper
  for both sides than one HTTP/2 connection.

Requests go through `exchange`; watches, and everything where a kubeconfig names a proxy, through aiohttp. What is
constant is prepared once, and replies are asked for uncompressed, since the API server's CPU is what a cluster runs out
of first.
"""

import os
import ssl
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import aiohttp
from yarl import URL

from foosets.kube.credentials import Credentials, find_origin
from foosets.kube.errors import Silent, Unreachable, error_from
from foosets.kube.exchange import IDLE_SECONDS, Address, Exchanges
from foosets.kube.keepalive import keep_alive, keep_alive_socket
from foosets.kube.lines import LineSplitter
from foosets.kube.reply import Reply

JSON: Final = "application/json"
TIMEOUT_SECONDS: Final = 30.0
"""The whole exchange, waiting for a free connection included."""
CONNECT_SECONDS: Final = 10.0
INACTIVITY_SECONDS: Final = 90.0
"""A watch may be silent this long. Where anything happens at all, bookmarks come about once a minute."""

_READ_BUFFER: Final = 2**18
_NO_REPLY: Final = (aiohttp.ClientError, TimeoutError, OSError)


class Pool(StrEnum):
    """Connections that do not wait for each other. Gets, lists and watches are reads."""

    WRITES = "writes"
    STATUS = "status"
    READS = "reads"


_CONNECTIONS: Final = {Pool.WRITES: 32, Pool.STATUS: 8, Pool.READS: 64}


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

    def __init__(self, credentials: Credentials, *, user_agent: str) -> None:
        self._credentials = credentials
        self._generation = credentials.generation
        self._server = URL(credentials.server)
        self._user_agent = user_agent
        self._prefix = self._server.raw_path.rstrip("/")
        self._head = self._constant_head()
        self._address = self._newest_address()
        self._exchanges = {pool: Exchanges(limit, CONNECT_SECONDS, keep_alive) for pool, limit in _CONNECTIONS.items()}
        self._session = _session(credentials, user_agent)
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
        response = await self._open("GET", path, timeout=_silence(inactivity))
        if response.status == 401 and await self._renew(generation):
            response.close()
            response = await self._open("GET", path, timeout=_silence(inactivity))
        self._requests["GET", Pool.READS, response.status] += 1
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
        for exchanges in self._exchanges.values():
            exchanges.close()
        await self._session.close()

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
            self._session.headers.update(_identity(self._credentials))
            self._head = self._constant_head()
            self._address = self._newest_address()

    # ---- one request, one reply

    async def _reply(self, call: _Call) -> Reply:
        try:
            reply = await (self._proxied(call) if self._credentials.proxy else self._direct(call))
        except _NO_REPLY as error:
            if isinstance(error, ssl.SSLError):
                self._credentials.expire()
            self._requests[call.method, call.pool, 0] += 1
            raise _unreachable(call.method, call.path, error) from error
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

    async def _proxied(self, call: _Call) -> Reply:
        headers = {"Content-Type": call.content_type}
        response = await self._open(
            call.method, call.path, timeout=_limits(call.seconds), data=call.body or None, headers=headers
        )
        return Reply(response.status, await response.read(), response.headers.get("Retry-After"))

    def _newest_address(self) -> Address:
        tls, server = self._credentials.tls, self._server
        context = tls if isinstance(tls, ssl.SSLContext) else None
        return Address(server.host or "", server.port or 443, context, self._credentials.server_name or server.host)

    def _constant_head(self) -> bytes:
        """Return the header fields that are the same for every request."""
        fields = _constant_fields(self._user_agent) | _identity(self._credentials)
        lines = [f"Host: {self._server.raw_authority}", *(f"{key}: {value}" for key, value in fields.items())]
        return "".join(f"{line}\r\n" for line in lines).encode("ascii")

    # ---- streams, and whatever goes through a proxy

    async def _open(self, method: str, path: str, **options: Any) -> aiohttp.ClientResponse:
        credentials = self._credentials
        try:
            return await self._session.request(
                method,
                URL(credentials.server + path, encoded=True),
                ssl=credentials.tls,
                server_hostname=credentials.server_name,
                allow_redirects=False,
                **options,
            )
        except _NO_REPLY as error:
            if isinstance(error, aiohttp.ClientSSLError):
                credentials.expire()
            self._requests[method, Pool.READS, 0] += 1
            raise _unreachable(method, path, error) from error

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        try:
            body = await response.read()
        except _NO_REPLY as error:
            raise _unreachable(response.method, response.url.raw_path_qs, error) from error
        self._received += len(body)
        return body

    async def _lines(self, response: aiohttp.ClientResponse) -> AsyncGenerator[list[bytes], None]:
        splitter = LineSplitter()
        try:
            async for chunk in response.content.iter_any():
                self._received += len(chunk)
                yield splitter.feed(chunk)
        except aiohttp.SocketTimeoutError as error:
            raise Silent(f"watch {response.url.raw_path_qs}: silent for too long") from error
        except _NO_REPLY as error:
            raise _unreachable("watch", response.url.raw_path_qs, error) from error


@asynccontextmanager
async def connect(kubeconfig: str | None = None, *, user_agent: str = "foosets") -> AsyncGenerator[Transport, None]:
    """Open the way to the API server that `find_origin` finds; raises NotConfigured. No request is made yet."""
    credentials = await Credentials.load(find_origin(kubeconfig, os.environ))
    transport = Transport(credentials, user_agent=user_agent)
    try:
        yield transport
    finally:
        await transport.aclose()


def _session(credentials: Credentials, user_agent: str) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=_CONNECTIONS[Pool.READS], keepalive_timeout=IDLE_SECONDS, socket_factory=keep_alive_socket
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers=_constant_fields(user_agent) | _identity(credentials),
        cookie_jar=aiohttp.DummyCookieJar(),
        proxy=credentials.proxy,
        read_bufsize=_READ_BUFFER,
        timeout=_limits(TIMEOUT_SECONDS),
        trust_env=False,  # otherwise aiohttp asks two threads for proxies and a netrc before every request
    )


def _constant_fields(user_agent: str) -> dict[str, str]:
    return {"Accept": JSON, "Accept-Encoding": "identity", "User-Agent": user_agent}


def _identity(credentials: Credentials) -> dict[str, str]:
    """Return the header that says who we are; none where a client certificate says it."""
    return {"Authorization": credentials.authorization} if credentials.authorization else {}


@lru_cache(maxsize=16)
def _limits(total: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=total, sock_connect=CONNECT_SECONDS)


@lru_cache(maxsize=16)
def _silence(inactivity: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=inactivity)


def _unreachable(method: str, path: str, error: Exception) -> Unreachable:
    return Unreachable(f"{method} {path}: {error or type(error).__name__}")
