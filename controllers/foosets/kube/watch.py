"""A reflector: keeps a sink equal to what the API server has, for as long as it runs.

              list (quorum, paged)                      watch from the list's version
    start ──────────────────────────▶ sink.replace ──────────────────────────────────▶ sink.upsert / remove / bookmark
      ▲                                                   │            │
      │   410, a garbled line, a version that goes back   │            │ the stream ended, was cut or silent
      └───────────────────────────────────────────────────┘            └──▶ watch again from the last seen version

Guarantees:

* The sink sees every object's newest state at last, in the server's order; deletions that were missed show as absence
  in `replace`. What it holds is never older than a list that was complete when it was made.
* A watch resumes after the newest version that an event or bookmark carried, and starts at the version of the *list*:
  objects of a list come in the order of their names, so the last of them says nothing about how new the list is.
* Every end of a watch is followed by a pause, jittered and growing until 30 s; only the end of a watch that was sound
  is not. Retry-After is obeyed.
* A watch that is silent for 90 s is opened again. Where nothing happens that is ordinary (the server sends no bookmark
  for the version that a watch began with), so it is counted and not reported.
* An object that the codec cannot decode is reported, counted and passed over: its last row stays until it can be
  decoded again, or until the next list, which has no row of it even while it is there.
* The sink is called synchronously, so it must be cheap: a client that reads slowly is cut off by the server.
* What is not an `ApiError` or a `Garbled` reply is a bug and leaves `run`, which should end the process.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, NoReturn, Protocol, TypeVar

import anyio

from foosets.kube.codec import DELETED, Event, Row, Undecodable
from foosets.kube.errors import ApiError, Garbled, ServerFault, Silent, Throttled, Unreachable
from foosets.kube.lists import Source, list_all
from foosets.kube.transport import INACTIVITY_SECONDS, Transport

R = TypeVar("R", bound=Row)


class Sink(Protocol[R]):
    """A store. Called while reading, so synchronous and cheap."""

    def replace(self, rows: list[R], resource_version: int) -> None:
        """Hold exactly these rows: a complete list at that version. Objects that are not in it are gone."""
        ...

    def upsert(self, row: R) -> None:
        """Hold this row instead of an older one of the same key."""
        ...

    def remove(self, row: R) -> None:
        """Hold no row of this key any more; `row` is the last state and carries the deletion's version."""
        ...

    def bookmark(self, resource_version: int) -> None:
        """Take note that everything up to this version has been delivered."""
        ...


@dataclass(frozen=True, slots=True)
class Interruption:
    """A list or watch ended badly; the next try comes after `pause` seconds."""

    error: ApiError | Garbled
    pause: float


Report = Callable[[Interruption | Undecodable], None]
"""Called, while reading, for what an operator should know: one line of log each."""


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds. A watch asks the server to end it after once to twice `watch`; one that lived `settled` was sound."""

    inactivity: float = INACTIVITY_SECONDS
    watch: float = 300.0
    settled: float = 5.0
    first_pause: float = 1.0
    longest_pause: float = 30.0


@dataclass(slots=True)
class ReflectorStatistics:
    """Totals since the start; `resource_version` is the newest seen, `last_contact` is on `anyio.current_time`.

    `last_contact` moves with every list, line and opened watch: while the server is there, once in `inactivity` seconds
    at least.
    """

    lists: int = 0
    watches: int = 0
    events: int = 0
    bookmarks: int = 0
    undecodable: int = 0
    silences: int = 0
    interruptions: int = 0
    resource_version: int = 0
    last_contact: float = 0.0


class Reflector(Generic[R]):
    """Reflects one source into one sink: `run` it, once, in a task group. `synced` is set by the first list."""

    def __init__(  # noqa: PLR0913 - three parts, and three settings
        self,
        transport: Transport,
        source: Source[R],
        sink: Sink[R],
        *,
        report: Report,
        timing: Timing | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.synced = anyio.Event()
        self._transport = transport
        self._source = source
        self._sink = sink
        self._report = report
        self._timing = timing or Timing()
        self._jitter = jitter
        self._list_due = True
        self._watching = anyio.CancelScope()
        self._opened: float | None = None
        self._failed = 0
        self._seen = ReflectorStatistics(last_contact=anyio.current_time())

    def statistics(self) -> ReflectorStatistics:
        """Return a copy of how the reflection went so far."""
        return replace(self._seen)

    def request_relist(self) -> None:
        """Ask for a live list that begins after this call; the sink's `replace` is the answer.

        A list that is under way does not count. A pause after a failure is kept.
        """
        self._list_due = True
        self._watching.cancel()

    async def run(self) -> NoReturn:
        """List and watch until cancelled."""
        while True:
            try:
                await self._follow()
            except Silent:
                self._seen.silences += 1
                await self._rest()
            except (ApiError, Garbled) as error:
                await self._recover(error)
            else:
                await self._rest()

    async def _follow(self) -> None:
        """Once through: a list if one is due, then a watch until it ends or a list is wanted."""
        self._opened = None
        if self._list_due:
            await self._list()
        with anyio.CancelScope() as self._watching:
            if not self._list_due:
                await self._watch()

    async def _list(self) -> None:
        self._list_due = False  # from here on a request is for the next list
        try:
            listing = await list_all(self._transport, self._source)
        except (ApiError, Garbled):
            self._list_due = True
            raise
        self._seen.lists += 1
        for left_out in listing.undecodable:
            self._count_undecodable(left_out)
        self._seen.last_contact = anyio.current_time()
        self._seen.resource_version = listing.resource_version
        self._sink.replace(listing.rows, listing.resource_version)
        self.synced.set()

    async def _watch(self) -> None:
        seconds = round(self._timing.watch * (1 + self._jitter()))
        path = self._source.watch_path(self._seen.resource_version, seconds)
        self._seen.watches += 1
        async with self._transport.watch(path, inactivity=self._timing.inactivity) as stream:
            self._opened = self._seen.last_contact = anyio.current_time()
            async for lines in stream:
                self._seen.last_contact = anyio.current_time()
                for line in lines:
                    self._take(line)

    def _take(self, line: bytes) -> None:
        said = self._source.codec.decode_event(line)
        if isinstance(said, Event):
            self._advance(_version(said.object))
            self._seen.events += 1
            (self._sink.remove if said.type == DELETED else self._sink.upsert)(said.object)
            return
        self._advance(said.resource_version)
        if isinstance(said, Undecodable):
            self._pass_over(said)
        else:
            self._seen.bookmarks += 1
        self._sink.bookmark(said.resource_version)

    def _advance(self, version: int) -> None:
        if version < self._seen.resource_version:
            raise Garbled(f"resourceVersion {version} after {self._seen.resource_version}")
        self._seen.resource_version = version

    def _pass_over(self, undecodable: Undecodable) -> None:
        """Go on without the object; its last good row stays in the sink, and must not outlive it."""
        self._count_undecodable(undecodable)
        if undecodable.deleted:
            raise Garbled(f"{undecodable.key} was deleted, in a state that cannot be decoded")

    def _count_undecodable(self, undecodable: Undecodable) -> None:
        self._seen.undecodable += 1
        self._report(undecodable)

    async def _rest(self) -> None:
        """Pause after an ordinary end, unless somebody waits for a list or the watch lived for long."""
        if self._list_due or self._has_settled():
            self._failed = 0
        else:
            await anyio.sleep(self._next_pause())

    async def _recover(self, error: ApiError | Garbled) -> None:
        if self._has_settled():
            self._failed = 0
        self._list_due = self._list_due or _loses_place(error)
        asked = error.retry_after if isinstance(error, ApiError) else None
        pause = max(self._next_pause(), asked or 0.0)
        self._seen.interruptions += 1
        self._report(Interruption(error, pause))
        await anyio.sleep(pause)

    def _has_settled(self) -> bool:
        return self._opened is not None and anyio.current_time() - self._opened >= self._timing.settled

    def _next_pause(self) -> float:
        """Double with every failure in a row; drawn from the upper half, so that reflectors do not march in step."""
        longest = min(self._timing.longest_pause, self._timing.first_pause * 2 ** min(self._failed, 16))
        self._failed += 1
        return longest * (1 + self._jitter()) / 2


def _version(row: Row) -> int:
    try:
        return int(row.metadata.resource_version)
    except ValueError as error:
        raise Garbled(f"{row.key} has resourceVersion {row.metadata.resource_version!r}") from error


def _loses_place(error: ApiError | Garbled) -> bool:
    """Whether to list before watching again: not after a failure that says nothing about the version."""
    return not isinstance(error, Unreachable | Throttled | ServerFault)
