"""One request, one reply, over kept connections: HTTP/1.1 (RFC 9112) by hand, for the path that every pod takes.

A controller makes one request for each pod, and a general client spends most of a pod's CPU on what such a request
does not need: cookies, redirects, compression, proxies, streams. Here a request is one write and a reply one future.
Watches and proxies stay with aiohttp.

Guarantees:

* Every exchange ends by its deadline, waiting for a connection included; one timer serves all of a pool.
* A connection that an exchange left in an unknown state (cancelled, late, garbled) is closed, never used again.
* A request on a kept connection that the server had closed already is sent again, unless it is a POST or a PATCH: then
  nobody can tell whether it was done (RFC 9112, section 9.3.1).
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from foosets.kube.reply import Reply, ReplyParser

IDLE_SECONDS: Final = 30.0
"""A connection unused for longer is not used again: well below the API server's own limit, so that we close first."""
_REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})


class GarbledReplyError(OSError):
    """The peer does not speak HTTP/1.1."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where connections go. Without `tls` they are plain; `server_name` is what the certificate must name."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    server_name: str | None


class Exchanges:
    """A pool of at most `limit` connections to one server. `prepare` sets the options of a new connection's socket."""

    def __init__(self, limit: int, connect_seconds: float, prepare: Callable[[socket.socket], None]) -> None:
        self._limit = limit
        self._connect_seconds = connect_seconds
        self._prepare = prepare
        self._open: set[_Connection] = set()
        self._idle: deque[_Connection] = deque()
        self._opening = 0
        self._turns: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def exchange(self, address: Address, method: str, request: bytes, seconds: float) -> Reply:
        """Send a whole request and return the reply; raises OSError (TimeoutError, ssl.SSLError) when none came."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            connection = self._kept(address) or await self._connection(address, deadline)
            kept = connection.replies > 0
            try:
                return await self._converse(connection, request, deadline)
            except ConnectionError:
                if not kept or connection.answering or method not in _REPEATABLE:
                    raise

    def close(self) -> None:
        """Close every connection; exchanges under way end with ConnectionError."""
        for connection in list(self._open):
            connection.abort(ConnectionAbortedError("the client was closed"))
        if self._timer is not None:
            self._timer.cancel()

    async def _converse(self, connection: "_Connection", request: bytes, deadline: float) -> Reply:
        self._watch_deadline(deadline)
        try:
            reply = await connection.send(request, deadline)
        except BaseException:
            connection.abort(ConnectionAbortedError("the exchange was given up"))
            raise
        else:
            if connection.reusable:
                self._idle.append(connection)
            else:
                connection.abort(None)
            return reply
        finally:
            if self._turns:
                self._let_next_in()

    def _kept(self, address: Address) -> "_Connection | None":
        """Return a connection that waits to be used again; the latest used, since the others may grow old."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable(address, asyncio.get_running_loop().time() - IDLE_SECONDS):
                return connection
            connection.abort(None)
        return None

    async def _connection(self, address: Address, deadline: float) -> "_Connection":
        """Wait for a connection that others give back, or open one if there may be more."""
        while len(self._open) + self._opening >= self._limit:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._turns.append(turn)
            async with asyncio.timeout_at(deadline):
                await turn
            kept = self._kept(address)
            if kept is not None:
                return kept
        return await self._connect(address, deadline)

    async def _connect(self, address: Address, deadline: float) -> "_Connection":
        loop = asyncio.get_running_loop()
        self._opening += 1
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + self._connect_seconds)):
                transport, connection = await loop.create_connection(
                    lambda: _Connection(address, self._lost),
                    address.host,
                    address.port,
                    ssl=address.tls,
                    server_hostname=address.server_name if address.tls else None,
                )
        except BaseException:
            self._let_next_in()
            raise
        finally:
            self._opening -= 1
        self._prepare(transport.get_extra_info("socket"))
        self._open.add(connection)
        return connection

    def _lost(self, connection: "_Connection") -> None:
        self._open.discard(connection)
        self._let_next_in()

    def _let_next_in(self) -> None:
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _watch_deadline(self, deadline: float) -> None:
        """Have the timer go off by then; deadlines mostly come in order, so that it is seldom set anew."""
        if self._timer is not None and self._timer.when() <= deadline and not self._timer.cancelled():
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(deadline, self._sweep)

    def _sweep(self) -> None:
        """End the exchanges whose deadline has passed, and set the timer to the earliest of the others."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        for connection in [one for one in self._open if one.deadline is not None and one.deadline <= now]:
            connection.abort(TimeoutError("no complete reply in time"))
        left = [one.deadline for one in self._open if one.deadline is not None]
        if left:
            self._watch_deadline(min(left))


class _Connection(asyncio.Protocol):
    """One connection: at most one exchange at a time."""

    def __init__(self, address: Address, lost: Callable[["_Connection"], None]) -> None:
        self._address = address
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._reply: asyncio.Future[Reply] | None = None
        self._received = bytearray()
        self._parser = ReplyParser()
        self._idle_since = 0.0
        self.deadline: float | None = None
        self.replies = 0
        self.reusable = False

    @property
    def answering(self) -> bool:
        """Whether the reply has begun to come."""
        return bool(self._received)

    def usable(self, address: Address, idle_since: float) -> bool:
        """Whether it leads there and was used since that time; the server may still have closed it unnoticed."""
        return self._transport is not None and self._address == address and self._idle_since >= idle_since

    def send(self, request: bytes, deadline: float) -> "asyncio.Future[Reply]":
        """Write the request; the whole reply is what to wait for."""
        if self._transport is None:
            raise ConnectionResetError("the server has closed the connection")
        self._reply, self.deadline = asyncio.get_running_loop().create_future(), deadline
        self.reusable = False
        self._received.clear()
        self._parser = ReplyParser()
        self._transport.write(request)
        return self._reply

    def abort(self, error: Exception | None) -> None:
        """Close at once; an exchange under way ends with `error`."""
        if self._transport is not None:
            self._transport.abort()
        self.connection_lost(error)

    # ---- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Take what came; a reply that is complete ends the exchange."""
        self._received += data
        if self._reply is None:  # nobody asked: the server says good-bye
            self.abort(None)
            return
        try:
            reply = self._parser.parse(self._received)
        except ValueError as error:
            self.abort(GarbledReplyError(f"not a reply: {error}"))
            return
        if reply is not None:
            self._finish(reply, reusable=self._parser.keeps_alive and len(self._received) == self._parser.end)

    def eof_received(self) -> bool:
        """Take the end of what the server sends, which ends a reply of unstated length."""
        reply = self._parser.at_end(self._received) if self._reply is not None else None
        if reply is not None:
            self._finish(reply, reusable=False)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection."""
        if self._transport is None:
            return
        self._transport = None
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(exc or ConnectionResetError("the server closed the connection without a reply"))
        self._reply = self.deadline = None
        self._lost(self)

    def _finish(self, reply: Reply, *, reusable: bool) -> None:
        self.reusable = reusable
        self.replies += 1
        self._idle_since = asyncio.get_running_loop().time()
        waiting, self._reply, self.deadline = self._reply, None, None
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)
