"""Watches: what came after a version, in the server's order.

A watch with a selector sees an object appear when it comes to be selected, and go when it no longer is; what goes is
shown as it last was. A bookmark comes once a minute and shortly before the end, as long as there is something newer to
say than the version that the watch began with.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import anyio
import msgspec

from tests.fake.encoding import encoded
from tests.fake.kinds import Target
from tests.fake.reads import chooser
from tests.fake.record import ADDED, DELETED, MODIFIED, Version
from tests.fake.refusals import expired
from tests.fake.storage import Storage

BOOKMARK_SECONDS: Final = 60.0
LAST_BOOKMARK_SECONDS: Final = 2.0
"""How long before its end a watch brings a last bookmark."""
LONGEST_SECONDS: Final = 1800.0


class Told(NamedTuple):
    """One line of a watch, and when what it tells happened."""

    line: bytes
    at: datetime


@dataclass(slots=True)
class Watch:
    """One watch of one resource; `events` gives what there is to tell."""

    storage: Storage
    target: Target
    began: int
    position: int
    chosen: Callable[[Any], bool]
    newest: int

    @classmethod
    def open(cls, storage: Storage, target: Target) -> "Watch":
        """Begin a watch; raises the refusal of one that makes no sense."""
        began = target.number("resourceVersion")
        position = storage.after(target.resource.plural, began or storage.version)
        return cls(storage, target, began, position, chooser(target), began or storage.version)

    async def events(self) -> AsyncGenerator[list[Told], None]:
        """Yield what happens, several at once if they came together, until the server ends the watch."""
        if self.began and self.began < self.storage.compacted:
            yield [self._too_old()]
            return
        if not self.began and (present := self._present()):
            yield [_told(ADDED, found) for found in present]
        end = anyio.current_time() + (self.target.number("timeoutSeconds") or LONGEST_SECONDS)
        bookmark = self._next_bookmark(end)
        while (now := anyio.current_time()) < end:
            news = self.storage.news
            if told := self._news():
                yield told
            elif now >= bookmark:
                bookmark = self._next_bookmark(end)
                if self.newest > self.began:
                    yield [self._bookmark()]
            else:
                with anyio.move_on_after(min(bookmark, end) - now):
                    await news.wait()

    def _next_bookmark(self, end: float) -> float:
        if self.target.query.get("allowWatchBookmarks") != "true":
            return end
        now, last = anyio.current_time(), end - LAST_BOOKMARK_SECONDS
        return min(now + BOOKMARK_SECONDS, last if last > now else end)

    def _present(self) -> list[Version]:
        return [found for found in self.storage.all(self.target.resource.plural) if self.chosen(found.object)]

    def _news(self) -> list[Told]:
        history = self.storage.history(self.target.resource.plural)
        fresh, self.position = history[self.position :], len(history)
        if fresh:
            self.newest = fresh[-1].resource_version
        return [told for version in fresh if (told := self._as_seen(version)) is not None]

    def _as_seen(self, version: Version) -> Told | None:
        """Return what a version means to who sees only what is selected."""
        now = version.type != DELETED and self.chosen(version.object)
        before = version.before is not None and self.chosen(version.before)
        if now:
            return _told(MODIFIED if before else ADDED, version)
        return self._gone(version) if before else None

    def _gone(self, version: Version) -> Told:
        if version.type == DELETED:
            return _told(DELETED, version)
        last: Any = version.before
        meta = {**last["metadata"], "resourceVersion": str(version.resource_version)}
        return Told(_line(DELETED, encoded(self.target.resource, {**last, "metadata": meta})), version.at)

    def _bookmark(self) -> Told:
        resource = self.target.resource
        meta = {"resourceVersion": str(self.newest), "creationTimestamp": None}
        said = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta}
        return Told(_line("BOOKMARK", msgspec.json.encode(said)), self.storage.clock())

    def _too_old(self) -> Told:
        why = f"too old resource version: {self.began} ({self.storage.compacted})"
        return Told(_line("ERROR", expired(why).body), self.storage.clock())


def _told(type_: str, version: Version) -> Told:
    return Told(_line(type_, version.body), version.at)


def _line(type_: str, body: bytes) -> bytes:
    return b'{"type":"%b","object":%b}' % (type_.encode(), body)
