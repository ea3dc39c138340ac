"""A queue of keys: each at most once, never worked on by two at a time, and later when asked for.

Guarantees (those of client-go's work queue). A key added while it waits is held once. A key added while it is being
worked on comes back after `done`. A key asked for at several times comes at the earliest of them. Nothing says why a
key was added: work is done from what is there, not from what happened.
"""

import heapq
from collections import deque
from collections.abc import Callable

import anyio

from foosets.api.meta import Key


class KeyQueue:
    """Keys that want a look. `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ready: deque[Key] = deque()
        self._waiting: set[Key] = set()
        self._working: set[Key] = set()
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._wake = anyio.Event()
        self._draining = False
        self._drained = anyio.Event()

    def add(self, key: Key) -> None:
        """Ask for a look as soon as possible."""
        if key in self._waiting:
            return
        self._waiting.add(key)
        self._due.pop(key, None)
        if key not in self._working:
            self._ready.append(key)
            self._wake.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Ask for a look in `seconds`, unless one is asked for sooner; not above 0 means now."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock() + seconds
        if key in self._waiting or self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        self._wake.set()

    async def take(self) -> Key:
        """Wait for a key and return it; the caller owes a `done`."""
        while True:
            self._release_due()
            if self._ready and not self._draining:
                key = self._ready.popleft()
                self._waiting.discard(key)
                self._working.add(key)
                if self._ready:
                    self._wake.set()
                return key
            if self._wake.is_set():
                self._wake = anyio.Event()
            wake = self._wake
            with anyio.move_on_after(self._next_due_in()):
                await wake.wait()

    def done(self, key: Key) -> None:
        """Give a key back; if it was added meanwhile, it is due at once."""
        self._working.discard(key)
        if key in self._waiting:
            self._ready.append(key)
            self._wake.set()
        self._tell_drained()

    async def drain(self) -> None:
        """Give out no key any more; return when those that are being worked on are done."""
        self._draining = True
        self._tell_drained()
        await self._drained.wait()

    def _tell_drained(self) -> None:
        if self._draining and not self._working:
            self._drained.set()

    def _release_due(self) -> None:
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                self.add(key)

    def _next_due_in(self) -> float | None:
        return max(0.0, self._heap[0][0] - self._clock()) if self._heap else None

    def statistics(self) -> dict[str, int]:
        """Return figures for the metrics page."""
        return {"ready": len(self._ready), "working": len(self._working), "delayed": len(self._due)}
