"""A small healthy set beside all that is bad: it is changed every few seconds, and each change is timed.

A change counts as done when the pods that it asks for have nodes, so that every component has had its turn.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Final

from e2e.apiserver import ApiServer
from foosets.api.names import CHILD
from tests.badinput.objects import a, batch, service
from tests.badinput.playing import Place
from tests.badinput.rows import Change, Create, Manifest, Row, borne

NAME: Final = "witness"
EVERY_SECONDS: Final = 1.5
POLL_SECONDS: Final = 0.02
GIVEN_UP_SECONDS: Final = 20.0


@dataclass(slots=True)
class Witness:
    """The set, and how often it was changed."""

    place: Place
    round: int = 0

    def begin(self) -> None:
        """Make the set, and wait until it runs."""
        row = borne(NAME, Create(a("FooSet", NAME) | {"spec": self._spec()}), of=("FooSet", NAME))
        self.place.begin(row)
        self._played(row)
        assert self._timed() < inf, "the witness never ran"

    def change(self) -> float:
        """Change the set; return the seconds until that has taken effect, or infinity if it has not in time."""
        self.round += 1
        self._played(borne(NAME, Change("FooSet", NAME, {"spec": self._spec()})))
        return self._timed()

    def _spec(self) -> Manifest:
        """Another size of the service, and another batch instead of the last."""
        return {"service": [service(replicas=1 + self.round % 2)], "batch": [batch(self._batch)]}

    @property
    def _batch(self) -> str:
        return f"round-{self.round}"

    def _played(self, row: Row) -> None:
        for answer in self.place.play(row):
            assert answer.taken, answer

    def _timed(self) -> float:
        began = time.monotonic()
        while not self._is_done():
            if time.monotonic() - began > GIVEN_UP_SECONDS:
                return inf
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began

    def _is_done(self) -> bool:
        placed = [pod for pod in self.place.pods() if pod["spec"].get("nodeName")]
        servers = [pod for pod in placed if _is(pod, "server") and "deletionTimestamp" not in pod["metadata"]]
        return len(servers) == 1 + self.round % 2 and any(_is(pod, self._batch) for pod in placed)


def _is(pod: Manifest, child: str) -> bool:
    return pod["metadata"]["labels"].get(CHILD) == child


@contextmanager
def changing(witness: Witness, server: ApiServer) -> Iterator[list[float]]:
    """Change the witness every few seconds within a `with` block; the list is of what the changes took.

    What keeps it from being changed is raised at the end of the block.
    """
    took: list[float] = []
    over = threading.Event()

    def run() -> None:
        with server:
            mine = Witness(Place(server, witness.place.namespace), witness.round)
            while not over.wait(EVERY_SECONDS):
                took.append(mine.change())
            witness.round = mine.round

    with ThreadPoolExecutor(1, NAME) as pool:
        changes = pool.submit(run)
        try:
            yield took
        finally:
            over.set()
        changes.result()
