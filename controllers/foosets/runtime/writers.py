"""A fixed crew of writers that performs the actions of all keys, each key within a window of its own.

The window is additive-increase, multiplicative-decrease (the rule of TCP, RFC 5681, and of kube-controller-manager's
slow start): it starts at one request in flight, grows by one with every success and halves when the API server
refuses or strains, so that ten thousand pods that a quota forbids cost a few refusals. Independent actions, which are
few, are each tried nevertheless.
Nothing is allocated per action but its result; no task is started.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import anyio

from foosets.api.meta import Key
from foosets.kube.errors import ApiError, Conflict, Forbidden, Invalid, NotFound
from foosets.planning.actions import Action
from foosets.runtime.apply import Applier, NameTaken, Written

FIRST_WINDOW: Final = 1.0
ABOUT_ONE_OBJECT: Final = (Conflict, Forbidden, Invalid, NameTaken, NotFound)
"""What the API server says of the object that it is asked for. All else is about the server, or the way to it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An action that did not happen, and why."""

    action: Action
    error: ApiError


@dataclass(slots=True)
class Performed:
    """The outcome of one plan's actions, of which what was `refused` has their order.

    After a refusal or a bug those not yet begun are left for the next plan; those of an independent plan only if the
    refusal was not about one object.
    """

    written: list[Written] = field(default_factory=list[Written])
    refused: list[Refused] = field(default_factory=list[Refused])
    bug: Exception | None = None


class _Batch:
    """The actions of one plan on their way."""

    __slots__ = ("actions", "done", "in_flight", "independent", "key", "outcome", "todo")

    def __init__(self, key: Key, actions: tuple[Action, ...], *, independent: bool) -> None:
        self.key = key
        self.actions = actions
        self.independent = independent
        self.todo = deque(actions)
        self.in_flight = 0
        self.outcome = Performed()
        self.done = anyio.Event()


class Writers:
    """`size` writers; `run` must be running for `perform` to make progress."""

    def __init__(self, applier: Applier, size: int) -> None:
        self._applier = applier
        self._size = size
        self._batches: deque[_Batch] = deque()
        self._windows: dict[Key, float] = {}
        self._work = anyio.Event()
        self._idle = 0

    async def run(self) -> None:
        """Run the crew until cancelled."""
        async with anyio.create_task_group() as group:
            for _ in range(self._size):
                group.start_soon(self._write)

    async def perform(self, key: Key, actions: tuple[Action, ...], *, independent: bool = False) -> Performed:
        """Perform the actions of one key, in order of start; return when none is in flight any more.

        Whatever went wrong is part of the outcome, for what went well must be known all the same.
        """
        if not actions:
            return Performed()
        batch = _Batch(key, actions, independent=independent)
        self._batches.append(batch)
        self._rouse()
        await batch.done.wait()
        return batch.outcome

    def forget(self, key: Key) -> None:
        """Drop the window of a key whose object is gone."""
        self._windows.pop(key, None)

    def _rouse(self) -> None:
        if self._idle:
            self._work.set()
            self._work = anyio.Event()

    async def _write(self) -> None:
        while True:
            batch = self._next()
            if batch is None:
                self._idle += 1
                try:
                    await self._work.wait()
                finally:
                    self._idle -= 1
                continue
            await self._perform_one(batch)

    def _next(self) -> _Batch | None:
        """Return a batch that may start another action; keys take turns."""
        for _ in range(len(self._batches)):
            batch = self._batches[0]
            self._batches.rotate(-1)
            if batch.todo and batch.in_flight < self._windows.get(batch.key, FIRST_WINDOW):
                return batch
        return None

    async def _perform_one(self, batch: _Batch) -> None:
        action = batch.todo.popleft()
        batch.in_flight += 1
        try:
            batch.outcome.written.append(await self._applier.perform(action))
            self._widen(batch.key)
        except ApiError as error:
            batch.outcome.refused.append(Refused(action, error))
            if not (batch.independent and isinstance(error, ABOUT_ONE_OBJECT)):
                batch.todo.clear()
            self._windows[batch.key] = max(FIRST_WINDOW, self._windows.get(batch.key, FIRST_WINDOW) / 2)
        except Exception as bug:  # noqa: BLE001 - it belongs to the key: the controller raises it there
            batch.outcome.bug = bug
            batch.todo.clear()
        finally:
            batch.in_flight -= 1
            if not batch.todo and not batch.in_flight:
                self._finish(batch)
            elif self._idle and batch.todo:
                self._rouse()

    def _widen(self, key: Key) -> None:
        window = self._windows.get(key, FIRST_WINDOW)
        if window < self._size:
            self._windows[key] = window + 1

    def _finish(self, batch: _Batch) -> None:
        if not batch.done.is_set():
            batch.outcome.refused.sort(key=lambda refused: batch.actions.index(refused.action))
            self._batches.remove(batch)
            batch.done.set()

    def statistics(self) -> dict[str, int]:
        """Return figures for the metrics page."""
        batches = list(self._batches)  # the probes' thread asks, while keys take turns
        return {
            "batches": len(batches),
            "in_flight": sum(batch.in_flight for batch in batches),
            "idle": self._idle,
        }
