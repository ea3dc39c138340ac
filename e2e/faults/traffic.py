"""What passes the proxies of one cluster: counted for the faults that wait, and, where it is a write, kept.

One for all proxies, so that the journal is in one order. It is called from many threads.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, get_args

from e2e.faults.faults import ExchangeFault, Fault, KillAfter, KillBefore, LineFault
from e2e.faults.points import EACH, Request

_EXCHANGE: Final = get_args(ExchangeFault)
_LINE: Final = get_args(LineFault)


class Fate(StrEnum):
    """How far a write came."""

    ANSWERED = "answered"
    """The component was given the API server's answer."""
    UNKNOWN = "unknown"
    """The API server answered, and the component does not know."""
    KEPT_BACK = "kept back"
    """The API server never saw it."""


@dataclass(frozen=True, slots=True)
class Passed:
    """A write that went by. `code` is the API server's; 0 where it was not asked."""

    request: Request
    code: int
    fate: Fate

    @property
    def took_effect(self) -> bool:
        """Whether the API server did as asked."""
        return 200 <= self.code < 300


@dataclass(slots=True)
class Armed:
    """A fault that waits; `happened` is set once it has happened."""

    fault: Fault
    happened: threading.Event = field(default_factory=threading.Event)
    seen: int = 0

    def is_due(self, request: Request) -> bool:
        """Count a request; return whether the fault happens to it."""
        point = self.fault.at
        if not point.covers(request):
            return False
        self.seen += 1
        return point.ordinal in {EACH, self.seen}


class Traffic:
    """The faults that wait, and the journal."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Armed] = []
        self._journal: list[Passed] = []

    @contextmanager
    def arming(self, *faults: Fault) -> Iterator[list[Armed]]:
        """Let faults wait, counting from now on, for the length of a `with` block."""
        armed = [Armed(fault) for fault in faults]
        with self._lock:
            self._armed += armed
        try:
            yield armed
        finally:
            with self._lock:
                self._armed = [one for one in self._armed if all(one is not other for other in armed)]

    def exchange_fault(self, request: Request) -> Armed | None:
        """Return the fault that is due at a request, which is counted."""
        return self._due(request, _EXCHANGE)

    def line_fault(self, request: Request) -> Armed | None:
        """Return the fault that is due at a line of a watch, which is counted."""
        return self._due(request, _LINE)

    def expects_line(self, component: str, resource: str) -> bool:
        """Whether any fault waits on a component's watches of a resource: otherwise its lines need not be read."""
        with self._lock:
            points = [one.fault.at for one in self._armed if isinstance(one.fault, _LINE)]
        return any((point.component, point.resource) == (component, resource) for point in points)

    def expects_death(self, component: str, namespace: str) -> bool:
        """Whether a kill waits for a component in a namespace: its writes there then go one at a time."""
        with self._lock:
            points = [one.fault.at for one in self._armed if isinstance(one.fault, KillBefore | KillAfter)]
        return any(point.component == component and point.namespace in {"", namespace} for point in points)

    def note(self, passed: Passed) -> None:
        """Write a write down."""
        with self._lock:
            self._journal.append(passed)

    def writes(self, namespace: str) -> list[Passed]:
        """Return the writes to objects in a namespace so far, in the order in which they were answered."""
        with self._lock:
            return [one for one in self._journal if one.request.namespace == namespace]

    def _due(self, request: Request, kinds: tuple[Any, ...]) -> Armed | None:
        with self._lock:
            due = [one for one in self._armed if isinstance(one.fault, kinds) and one.is_due(request)]
        return due[0] if due else None
