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
import re
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

IDLE_SECONDS: Final = 30.0
"""A connection unused for longer is not used again: well below the API server's own limit, so that we close first."""
_REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})
_FRAMING: Final = re.compile(rb"\n(content-length|transfer-encoding|connection): *([^\r]*)")
"""In a head in lower case: what says where the reply ends, and whether its connection does."""
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after: *([^\r]*)\r\n", re.IGNORECASE)
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_BODILESS: Final = frozenset({204, 304})


class GarbledReplyError(OSError):
    """The peer does not speak HTTP/1.1."""


class Reply(NamedTuple):
    """A whole reply; `retry_after` is the header as it came."""

    status: int
    body: bytes
    retry_after: str | None


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
        self._parser = _Parser()
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
        self._parser = _Parser()
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


class _Parser:
    """Reads one reply out of a growing buffer, from where it stopped the last time."""

    __slots__ = ("_body", "_head", "_length", "_parts", "_status", "end", "keeps_alive")

    def __init__(self) -> None:
        self._head: bytes = b""
        self._status = 0
        self._body = 0
        self._length: int | None = None
        self._parts: list[bytes] | None = None
        self.end = 0
        self.keeps_alive = False

    def parse(self, received: bytearray) -> Reply | None:
        """Return the reply once it is complete; raises ValueError for what is none."""
        if not self._head and not self._parse_head(received):
            return None
        if self._parts is not None:
            return self._parse_chunks(received)
        if self._length is None or len(received) < self._body + self._length:
            return None
        self.end = self._body + self._length
        return self._reply(bytes(received[self._body : self.end]))

    def at_end(self, received: bytearray) -> Reply | None:
        """Return the reply whose end is that of the connection, if it is one of those."""
        if not self._head or self._length is not None or self._parts is not None:
            return None
        return self._reply(bytes(received[self._body :]))

    def _parse_head(self, received: bytearray) -> bool:
        stop = received.find(b"\r\n\r\n")
        if stop < 0:
            return False
        head = bytes(received[: stop + 2])
        status = _status(head)
        if 100 <= status < 200:
            del received[: stop + 4]
            return self._parse_head(received)
        self._head, self._status, self._body = head, status, stop + 4
        framing: dict[bytes, bytes] = dict(_FRAMING.findall(head.lower()))
        self.keeps_alive = head.startswith(b"HTTP/1.1") and framing.get(b"connection") != b"close"
        if status in _BODILESS:
            self._length = 0
        elif framing.get(b"transfer-encoding") == b"chunked":
            self._parts, self.end = [], self._body
        elif b"content-length" in framing:
            self._length = int(framing[b"content-length"])
        return True

    def _parse_chunks(self, received: bytearray) -> Reply | None:
        assert self._parts is not None
        while True:
            line = received.find(b"\r\n", self.end)
            if line < 0:
                return None
            size = int(received[self.end : line].partition(b";")[0], 16)
            if size == 0:
                return self._parse_trailer(received, line)
            start = line + 2
            if len(received) < start + size + 2:
                return None
            self._parts.append(bytes(received[start : start + size]))
            self.end = start + size + 2

    def _parse_trailer(self, received: bytearray, line: int) -> Reply | None:
        """Skip the trailer fields; there mostly are none."""
        if received.startswith(b"\r\n", line + 2):
            self.end = line + 4
        else:
            stop = received.find(b"\r\n\r\n", line)
            if stop < 0:
                return None
            self.end = stop + 4
        assert self._parts is not None
        return self._reply(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))

    def _reply(self, body: bytes) -> Reply:
        retry_after = _RETRY_AFTER.search(self._head) if self._status >= 300 else None
        return Reply(self._status, body, retry_after[1].decode("latin-1") if retry_after else None)


def _status(head: bytes) -> int:
    found = _STATUS_LINE.match(head)
    if found is None:
        raise ValueError(repr(head[:40]))
    return int(found[1])
