"""Watches a real API server, as an ordinary client does, and keeps all that it is told.

One thread for each resource. It lists, watches from the list's version, and watches on from the last version seen when
a watch ends, so that nothing between two watches is missed. Should the server not know that version any more, the
recording has a hole: `until_now` raises, so that nobody takes it for a whole one.
"""

import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from e2e.apiserver import ApiServer, RefusedError
from e2e.invariants.history import ADDED, DELETED, Object, Version
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, NODES, PODS, SERVICEFOOSETS, Resource

RECORDED: Final = (FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, FOOQUOTAS, PODS, NODES)
WATCH_SECONDS: Final = 5
"""A watch ends after this long, which is when its thread looks whether to go on."""
CAUGHT_UP_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.02
RETRY_SECONDS: Final = 0.2


class HoleError(RuntimeError):
    """The recording lacks something that happened."""


@dataclass(slots=True)
class _Watch:
    """One resource in all namespaces. `newest` is the last version of every object that was ever there, by uid."""

    resource: Resource
    server: ApiServer
    stopped: threading.Event
    versions: list[Version] = field(default_factory=list[Version])
    newest: dict[str, int] = field(default_factory=dict[str, int])
    gone: set[str] = field(default_factory=set[str])
    position: str = ""
    hole: str = ""

    def run(self) -> None:
        """Watch until told to stop, or until there is a hole."""
        with self.server:
            while not (self.stopped.is_set() or self.hole):
                try:
                    self._follow()
                except (OSError, http.client.HTTPException):
                    self.server.close()
                    self.stopped.wait(RETRY_SECONDS)
                except RefusedError as refused:
                    self.hole = str(refused)

    def _follow(self) -> None:
        path = self.resource.path()
        if not self.position:
            listed = self.server.get(path)
            for item in listed["items"]:
                envelope = {"apiVersion": self.resource.api_version, "kind": self.resource.kind}
                self._take(ADDED, {**item, **envelope})  # items of built-in lists say neither
            self.position = listed["metadata"]["resourceVersion"]
        query = f"watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={self.position}"
        for event in self.server.events(f"{path}?{query}"):
            if event["type"] == "ERROR":
                raise RefusedError(event["object"].get("code", 500), event["object"].get("message", ""))
            self.position = event["object"]["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self._take(event["type"], event["object"])

    def _take(self, kind: str, told: Object) -> None:
        uid, at = told["metadata"]["uid"], datetime.now(UTC)  # noqa: TID251 - the recording's own time
        self.versions.append(Version(kind, told, at))
        self.newest[uid] = int(told["metadata"]["resourceVersion"])
        if kind == DELETED:
            self.gone.add(uid)


@dataclass(frozen=True, slots=True)
class Recorder:
    """A recording that goes on. Made by `recording`; to be asked by one thread."""

    _watches: Sequence[_Watch]
    _server: ApiServer

    def until_now(self, seconds: float = CAUGHT_UP_SECONDS) -> list[Version]:
        """Return everything that happened before this call, in no order; raises HoleError if that is not to be had."""
        for watch in self._watches:
            known = [uid for uid in list(watch.newest) if uid not in watch.gone]
            listed = _versions_of(self._server.get(watch.resource.path()))
            _await(watch, listed, [uid for uid in known if uid not in listed], seconds)
        return [version for watch in self._watches for version in list(watch.versions)]


def _await(watch: _Watch, listed: dict[str, int], gone: list[str], seconds: float) -> None:
    """Wait until a watch has told of what a list shows, and of the end of what it does not show any more."""
    deadline = time.monotonic() + seconds
    while not (watch.gone.issuperset(gone) and all(watch.newest.get(uid, 0) >= at for uid, at in listed.items())):
        if watch.hole or time.monotonic() > deadline:
            raise HoleError(f"{watch.resource.plural}: {watch.hole or f'not up to date after {seconds} s'}")
        time.sleep(POLL_SECONDS)


def _versions_of(listing: Object) -> dict[str, int]:
    metadata = (item["metadata"] for item in listing["items"])
    return {meta["uid"]: int(meta["resourceVersion"]) for meta in metadata}


@contextmanager
def recording(kubeconfig: Path) -> Iterator[Recorder]:
    """Record what happens meanwhile, as the one user of a kubeconfig."""
    stopped = threading.Event()
    watches = [_Watch(resource, ApiServer.of(kubeconfig), stopped) for resource in RECORDED]
    threads = [threading.Thread(target=watch.run, name=f"record {watch.resource.plural}") for watch in watches]
    for thread in threads:
        thread.start()
    try:
        with ApiServer.of(kubeconfig) as server:
            yield Recorder(watches, server)
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
