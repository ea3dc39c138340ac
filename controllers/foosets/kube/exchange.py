"""One request, one reply, over kept connections: HTTP/1.1 (RFC 9112) by hand, for the path that every pod takes.

A controller makes one request for each pod, and a general client spends most of a pod's CPU on what such a request
does not need: cookies, redirects, compression, proxies, streams. Here a request is one write and a reply one future.

Guarantees:

* Every exchange ends by its deadline, waiting for a connection included; one timer serves all of a pool.
* A connection that an exchange left in an unknown state (cancelled, late, garbled) is closed, never used again.
* A request on a kept connection that the server had closed already is sent again, unless it is a POST or a PATCH: then
  nobody can tell whether it was done (RFC 9112, section 9.3.1).
* Who waits for a connection is handed one, or the place for one, in turn, and nobody who comes later takes it first; a
  turn that comes too late for one is the next one's.
* The fence is asked when a connection is there and before the first byte goes out, each time that a request is sent.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from foosets.kube.connection import Address, Connection
from foosets.kube.reply import GarbledReplyError, Reply, ReplyReader

IDLE_SECONDS: Final = 30.0
"""A connection whose last request is older is not used again: well below the server's own limit, so we close first."""
_REPEATABLE: Final = frozenset({"GET", "PUT", "DELETE"})
_CLOSED: Final = (ConnectionResetError, BrokenPipeError)

Fence = Callable[[], bool]
"""Whether a request may go out now. On the path of every pod: one comparison of a clock, say."""


def always() -> bool:
    """Return True: the fence of who needs none."""
    return True


class FencedError(Exception):
    """The fence was shut; not a byte was sent."""


class Exchanges:
    """A pool of at most `limit` connections to one server, for as long as the `fence` is open."""

    def __init__(self, limit: int, fence: Fence = always) -> None:
        self._free = limit  # places for connections that are neither taken nor promised to a turn
        self._may_send = fence
        self._open: set[_Connection] = set()
        self._idle: deque[_Connection] = deque()
        self._turns: deque[asyncio.Future[_Connection | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._sweep_at = float("inf")

    async def exchange(self, address: Address, method: str, request: bytes, seconds: float) -> Reply:
        """Send a whole request and return the reply; raises OSError (TimeoutError, ssl.SSLError) when none came.

        Raises FencedError instead of sending while the fence is shut.

        Connections lead to one `address` object; those to another, be it equal, are not used for it.
        """
        now = asyncio.get_running_loop().time()
        deadline = now + seconds
        while True:
            connection = self._kept(address, now) or await self._connection(address, deadline)
            self._watch_deadline(deadline)
            try:
                reply = await self._sent(connection, request, now, deadline)
            except BaseException as error:
                connection.abort(ConnectionAbortedError("the exchange was given up"))
                if not (isinstance(error, _CLOSED) and connection.was_kept_too_long and method in _REPEATABLE):
                    raise
            else:
                self._take_back(connection)
                return reply

    def close(self) -> None:
        """Close every connection; exchanges under way end with ConnectionError."""
        for connection in list(self._open):
            connection.abort(ConnectionAbortedError("the client was closed"))
        self._stop_timer()

    def _sent(self, connection: "_Connection", request: bytes, now: float, deadline: float) -> "asyncio.Future[Reply]":
        if not self._may_send():
            raise FencedError
        return connection.send(request, now, deadline)

    def _take_back(self, given: "_Connection | None") -> None:
        """Hand a connection, or for None the place of one that is gone, to who has waited longest; else keep it."""
        if given is not None and not given.reusable:
            given.abort(ConnectionAbortedError("it is not kept"))
            return
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(given)
                return
        if given is None:
            self._free += 1
        else:
            self._idle.append(given)

    def _kept(self, address: Address, now: float) -> "_Connection | None":
        """Return a connection that waits to be used again; the latest used, since the others may grow old."""
        while self._idle:
            connection = self._idle.pop()
            if connection.leads_to(address) and connection.asked_at >= now - IDLE_SECONDS:
                return connection
            connection.abort(ConnectionAbortedError("it has waited for too long"))
        return None

    async def _connection(self, address: Address, deadline: float) -> "_Connection":
        """Wait for a connection that others give back, or open one if there may be more."""
        while True:
            handed = await self._turn(deadline)
            if handed is None:
                return await self._connect(address, deadline)
            if handed.leads_to(address):
                return handed
            handed.abort(ConnectionAbortedError("it leads elsewhere"))
            kept = self._kept(address, asyncio.get_running_loop().time())  # given back while this turn was on its way
            if kept is not None:
                return kept

    async def _turn(self, deadline: float) -> "_Connection | None":
        """Wait for a connection, maybe closed by then, or for None: the place for one, from then on the caller's."""
        if self._free:
            self._free -= 1
            return None
        turn: asyncio.Future[_Connection | None] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                return await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self._take_back(turn.result())
            raise

    async def _connect(self, address: Address, deadline: float) -> "_Connection":
        connection = _Connection(address, self._lost)
        self._open.add(connection)
        try:
            async with asyncio.timeout_at(deadline):
                await connection.open()
        except BaseException:
            self._lost(connection)
            raise
        return connection

    def _lost(self, connection: "_Connection") -> None:
        if connection in self._open:
            self._open.remove(connection)
            self._take_back(None)

    def _watch_deadline(self, deadline: float) -> None:
        """Have the timer go off by then; deadlines mostly come in order, so that it is seldom set anew."""
        if deadline < self._sweep_at:
            self._stop_timer()
            self._sweep_at = deadline
            self._timer = asyncio.get_running_loop().call_at(deadline, self._sweep)

    def _stop_timer(self) -> None:
        self._sweep_at = float("inf")
        if self._timer is not None:
            self._timer.cancel()

    def _sweep(self) -> None:
        """End the exchanges whose deadline has passed, and set the timer to the earliest of the others."""
        self._sweep_at = float("inf")
        now = asyncio.get_running_loop().time()
        for connection in list(self._open):
            if connection.deadline <= now:
                connection.abort(TimeoutError("no complete reply in time"))
            else:
                self._watch_deadline(connection.deadline)


class _Connection(Connection):
    """One kept connection: at most one exchange at a time."""

    def __init__(self, address: Address, lost: Callable[["_Connection"], None]) -> None:
        super().__init__(address)
        self._tell_lost = lost
        self._reply: asyncio.Future[Reply] | None = None
        self._reader = ReplyReader()
        self._replies = 0
        self.asked_at = 0.0
        self.deadline = float("inf")
        """When the exchange under way has to end."""
        self.reusable = False

    @property
    def was_kept_too_long(self) -> bool:
        """Whether the server, where an exchange ended without a reply, may have closed it before the request came."""
        return self._replies > 0 and not self._reader.begun

    def leads_to(self, address: Address) -> bool:
        """Whether it is open and leads there; the server may have closed it unnoticed."""
        return self._transport is not None and self._address is address

    def send(self, request: bytes, now: float, deadline: float) -> "asyncio.Future[Reply]":
        """Write the request; the whole reply is what to wait for."""
        self._reader = ReplyReader()
        self.write(request)
        self._reply = asyncio.get_running_loop().create_future()
        self.asked_at, self.deadline, self.reusable = now, deadline, False
        return self._reply

    def received(self, data: bytes) -> None:
        """Take what came; a reply that is complete ends the exchange."""
        if self._reply is None:
            self.abort(ConnectionAbortedError("the server says what nobody asked for"))
            return
        try:
            self._reader.feed(data)
        except GarbledReplyError as error:
            self.abort(error)
            return
        if self._reader.complete:
            self._finish(self._reply)

    def ended(self) -> None:
        """Take the end of what the server sends, which ends a reply of unstated length."""
        self._reader.end()
        if self._reply is not None and self._reader.complete:
            self._finish(self._reply)

    def lost(self, error: Exception) -> None:
        """End the exchange that was under way."""
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)
        self._reply, self.deadline, self.reusable = None, float("inf"), False
        self._tell_lost(self)

    def _finish(self, waiting: "asyncio.Future[Reply]") -> None:
        self.reusable = self._reader.keeps_alive
        self._replies += 1
        self._reply, self.deadline = None, float("inf")
        if not waiting.done():
            waiting.set_result(self._reader.reply())
