"""The way to the fake API server in memory: a drop-in for `foosets.kube.transport.Transport`.

What a test can have happen on the way:

* a lag between a write and its arrival in this client's watches, by resource, which may change at any time;
* whatever a `Hook` does before a request is done and after: wait, refuse, lose the reply, cut watches.

Guarantees of the real one that hold here, too: every call ends, a success is the body of a 2xx, anything else is an
`ApiError`, a watch in which nothing comes for too long is `Silent`, one that was cut is `Unreachable`.
"""

import random
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

import anyio
from anyio.lowlevel import checkpoint

from foosets.kube.errors import Silent, Unreachable, error_from
from foosets.kube.transport import INACTIVITY_SECONDS, JSON, TIMEOUT_SECONDS, Pool, Transport, TransportStatistics
from tests.fake.apiserver import FakeApiServer
from tests.fake.refusals import Refusal
from tests.fake.watches import Told, Watch


class Sent(NamedTuple):
    """A request on its way, as a hook sees it. A watch is a GET whose path says `watch=true`."""

    user: str
    method: str
    path: str
    body: bytes
    content_type: str


class Hook(Protocol):
    """What a test does on the way. Both may wait; what they raise is what the client gets."""

    async def before(self, sent: Sent) -> None:
        """Called before the server does anything: who raises keeps the request from it."""
        ...

    async def after(self, sent: Sent, code: int, body: bytes) -> None:
        """Called when the server has answered, but for watches: who raises loses the reply."""
        ...


class NothingHappens:
    """The hook of an undisturbed client."""

    async def before(self, sent: Sent) -> None:
        """See `Hook`."""

    async def after(self, sent: Sent, code: int, body: bytes) -> None:
        """See `Hook`."""


@dataclass(slots=True)
class Lag:
    """How long after a write a client's watches bring it, in seconds: drawn between two bounds for each event.

    Events of one watch keep their order, so that one of them holds up those behind it. `hold` stops a resource
    altogether, until it is given a lag again.
    """

    rng: random.Random
    _bounds: dict[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    _changed: anyio.Event = field(default_factory=anyio.Event)

    def set(self, plural: str, at_least: float, at_most: float | None = None) -> None:
        """Let events of a resource come after that long; those that wait already, too."""
        self._bounds[plural] = (at_least, at_least if at_most is None else at_most)
        self._changed.set()
        self._changed = anyio.Event()

    def hold(self, plural: str) -> None:
        """Let no event of a resource come."""
        self.set(plural, float("inf"))

    async def wait(self, plural: str, happened: datetime, server: FakeApiServer) -> None:
        """Wait until what happened then has arrived."""
        while True:
            changed = self._changed
            low, high = self._bounds.get(plural, (0.0, 0.0))
            passed = (server.storage.clock() - happened).total_seconds()
            left = (low if low == high else self.rng.uniform(low, high)) - passed
            if left <= 0:
                return
            with anyio.move_on_after(left):
                await changed.wait()
                continue
            return


class FakeTransport(Transport):
    """One client of a fake API server, known to it as `user`."""

    def __init__(
        self, server: FakeApiServer, user: str, *, hook: Hook | None = None, rng: random.Random | None = None
    ) -> None:
        self.user = user
        self.hook: Hook = hook or NothingHappens()
        self.lag = Lag(rng or random.Random(user))
        self._api = server
        self._cuts = 0
        self._waiting: set[anyio.CancelScope] = set()
        self._closed = False
        self._counted: Counter[tuple[str, Pool, int]] = Counter()
        self._bytes: Counter[str] = Counter()

    def cut_watches(self) -> None:
        """End every open watch as if its connection had been lost."""
        self._cuts += 1
        for waiting in self._waiting:
            waiting.cancel()

    async def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = JSON,
        pool: Pool = Pool.WRITES,
        timeout: float = TIMEOUT_SECONDS,  # noqa: ASYNC109 - as in `Transport`
    ) -> bytes:
        """See `Transport`."""
        sent = Sent(self.user, method, path, body, content_type)
        try:
            with anyio.fail_after(timeout):
                code, reply = await self._exchange(sent)
        except TimeoutError:
            self._counted[method, pool, 0] += 1
            raise Unreachable(f"{method} {path}: no reply within {timeout} s") from None
        self._counted[method, pool, code] += 1
        self._bytes["sent"] += len(body)
        self._bytes["received"] += len(reply)
        if code < 300:
            return reply
        raise error_from(code, reply)

    @asynccontextmanager
    async def watch(
        self, path: str, *, inactivity: float = INACTIVITY_SECONDS
    ) -> AsyncGenerator[AsyncIterator[list[bytes]], None]:
        """See `Transport`."""
        await self.hook.before(Sent(self.user, "GET", path, b"", JSON))
        self._require_open("GET", path)
        await checkpoint()
        try:
            opened = self._api.open_watch(path, user=self.user)
        except Refusal as refusal:
            self._counted["GET", Pool.READS, refusal.code] += 1
            raise error_from(refusal.code, refusal.body) from None
        self._counted["GET", Pool.READS, 200] += 1
        async with aclosing(self._arriving(path, opened, inactivity)) as lines:
            yield lines

    def statistics(self) -> TransportStatistics:
        """See `Transport`."""
        return TransportStatistics(dict(self._counted), 0, self._bytes["sent"], self._bytes["received"], 0)

    async def aclose(self) -> None:
        """See `Transport`."""
        self._closed = True
        self.cut_watches()

    async def _exchange(self, sent: Sent) -> tuple[int, bytes]:
        await self.hook.before(sent)
        self._require_open(sent.method, sent.path)
        await checkpoint()
        code, reply = self._api.request(
            sent.method, sent.path, sent.body, content_type=sent.content_type, user=self.user
        )
        await self.hook.after(sent, code, reply)
        await checkpoint()
        return code, reply

    def _require_open(self, method: str, path: str) -> None:
        if self._closed:
            raise Unreachable(f"{method} {path}: the transport is closed")

    async def _arriving(self, path: str, opened: Watch, inactivity: float) -> AsyncGenerator[list[bytes], None]:
        plural, cuts = opened.target.resource.plural, self._cuts
        async with aclosing(opened.events()) as events:
            while self._cuts == cuts:
                lines: list[bytes] = []
                with anyio.move_on_after(inactivity) as waiting:
                    lines = await self._next(plural, events, waiting)
                if waiting.cancelled_caught and self._cuts == cuts:
                    raise Silent(f"watch {path}: nothing for {inactivity} s")
                if waiting.cancelled_caught:
                    break
                if not lines:
                    return
                self._bytes["received"] += sum(map(len, lines))
                yield lines
        raise Unreachable(f"watch {path}: the connection was lost")

    async def _next(self, plural: str, events: AsyncIterator[list[Told]], waiting: anyio.CancelScope) -> list[bytes]:
        """Return the next lines once they have arrived; none if the server has ended the watch."""
        self._waiting.add(waiting)
        try:
            told = await anext(events, [])
            for one in told:
                await self.lag.wait(plural, one.at, self._api)
        finally:
            self._waiting.discard(waiting)
        return [one.line for one in told]
