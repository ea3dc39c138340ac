"""Who is quick and who is late in a sequence: all of it follows from a seed, so that it happens again."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import anyio
from anyio.lowlevel import checkpoint

from foosets.api.names import Component
from foosets.kube.errors import Unreachable
from tests.fake.kinds import BY_PLURAL
from tests.fake.transport import Lag, Sent
from tests.sequences.kubelet import Pace

Strike = Callable[[Component, int, str], bool]
"""Whether something happens at a component's write of that number: it dies `before` the server does it, or `after` it
has, or it lives and the answer is `lost`."""
LATENCY: Final = 0.002
"""Seconds that a request takes each way, in the fixed order."""
LATEST: Final = (0.0, 0.01, 0.2, 3.0)
"""How late, in seconds, a client's watch of one resource may be at most; each draws one of these."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who is quick and who is late. Without a seed all take the same little time, in the order of their names."""

    seed: int | None = None

    def generator(self, what: str) -> random.Random:
        """Return a source of chance of its own for one part of the cell."""
        return random.Random(f"{what} {self.seed}")

    def pace(self) -> Pace:
        """Return how long kubelets take."""
        return Pace() if self.seed is None else Pace(rng=self.generator("kubelets"))

    def components(self) -> list[Component]:
        """Return the components in the order in which they begin."""
        found = list(Component)
        if self.seed is not None:
            self.generator("components").shuffle(found)
        return found

    def delay(self, component: Component, lag: Lag) -> None:
        """Let a component's watches be late, each as much as it draws."""
        if self.seed is not None:
            late = self.generator(f"lag of {component}")
            for plural in BY_PLURAL:
                lag.set(plural, 0.0, late.choice(LATEST))

    def __str__(self) -> str:
        """What the order is called."""
        return "the fixed order" if self.seed is None else f"seed {self.seed}"


FIXED: Final = Order()


def nobody(component: Component, write: int, when: str) -> bool:
    """Kill nobody."""
    del component, write, when
    return False


@dataclass(slots=True)
class Way:
    """What happens to the requests of one component on their way: each takes its time, and one may kill who sent it."""

    component: Component
    rng: random.Random | None
    strike: Strike
    kill: Callable[[], None]
    writes: int = 0
    strikes: int = 0
    _on_their_way: dict[int, int] = field(default_factory=dict[int, int])
    """The number of each write, by the identity of its request."""

    async def before(self, sent: Sent) -> None:
        """See `Hook`."""
        await anyio.sleep(self._latency())
        if sent.method != "GET":
            self.writes += 1
            self._on_their_way[id(sent)] = self.writes
            await self._strike(self.writes, "before")

    async def after(self, sent: Sent, code: int, body: bytes) -> None:
        """See `Hook`."""
        del code, body
        if sent.method != "GET":
            number = self._on_their_way.pop(id(sent))
            await self._strike(number, "after")
            if self.strike(self.component, number, "lost"):
                self.strikes += 1
                raise Unreachable(f"{sent.method} {sent.path}: the answer was lost")
        await anyio.sleep(self._latency())

    async def _strike(self, write: int, when: str) -> None:
        if self.strike(self.component, write, when):
            self.strikes += 1
            self.kill()
            await checkpoint()

    def _latency(self) -> float:
        return LATENCY if self.rng is None else self.rng.choice((0.0, LATENCY, 0.05)) * self.rng.random()
