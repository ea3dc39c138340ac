"""A store: one resource as the API server's events tell it, and who wants to know of changes.

Guarantees. Observers see every change of a row exactly once, in order, as `(before, after)`; a row that was missed
while a watch was broken is found by the difference of the next full list. A row never goes back to an older
resourceVersion, in a list neither: where versions go back, as after etcd was restored from a backup, a new process is
needed. An object deleted and made again under its name is seen as two changes, since it is another object.
Everything here runs on the reading path: observers must be quick and must not await.
"""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import anyio

from foosets.api.meta import Key
from foosets.kube.codec import Row

R = TypeVar("R", bound=Row)
Observer = Callable[[R | None, R | None], None]
"""Called with the row before and after a change; None stands for "not there"."""


class Store(Generic[R]):
    """The rows of one watch, by key. Implements the sink that a reflector writes to."""

    def __init__(self) -> None:
        self._rows: dict[Key, R] = {}
        self._observers: list[Observer[R]] = []
        self.resource_version = 0
        self.synced = anyio.Event()

    def __len__(self) -> int:
        """Return how many rows are held."""
        return len(self._rows)

    def __iter__(self) -> Iterator[R]:
        """Iterate over the rows as they are now; do not await in between."""
        return iter(self._rows.values())

    def get(self, key: Key) -> R | None:
        """Return the row, or None when there is none."""
        return self._rows.get(key)

    def subscribe(self, observer: Observer[R]) -> None:
        """Tell `observer` of every change from now on; subscribe before the reflector starts."""
        self._observers.append(observer)

    # ---- the sink's side

    def replace(self, rows: list[R], resource_version: int) -> None:
        """Take a full list as the truth: rows that it lacks are gone."""
        listed = {row.key: row for row in rows}
        for key in [key for key in self._rows if key not in listed]:
            self._change(self._rows.pop(key), None)
        for row in rows:
            self._put(row, int(row.metadata.resource_version))
        self._advance(resource_version)
        self.synced.set()

    def upsert(self, row: R) -> None:
        """Take a row that was added or modified."""
        version = int(row.metadata.resource_version)
        self._put(row, version)
        self._advance(version)

    def remove(self, row: R) -> None:
        """Take the news that a row is gone, or has left the watch's selection."""
        key = row.key
        held = self._rows.get(key)
        if held is not None and held.metadata.uid == row.metadata.uid:
            del self._rows[key]
            self._change(held, None)
        self._advance(int(row.metadata.resource_version))

    def bookmark(self, resource_version: int) -> None:
        """Take the news that nothing else happened up to that version."""
        self._advance(resource_version)

    def _put(self, row: R, version: int) -> None:
        key = row.key
        held = self._rows.get(key)
        if held is not None and held.metadata.uid != row.metadata.uid:
            self._change(held, None)
            held = None
        if held is not None and int(held.metadata.resource_version) >= version:
            return
        self._rows[key] = row
        self._change(held, row)

    def _change(self, before: R | None, after: R | None) -> None:
        for observer in self._observers:
            observer(before, after)

    def _advance(self, resource_version: int) -> None:
        self.resource_version = max(self.resource_version, resource_version)

    def statistics(self) -> dict[str, int]:
        """Return figures for the metrics page."""
        return {"rows": len(self._rows), "resource_version": self.resource_version}
