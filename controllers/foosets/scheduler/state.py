"""What the scheduler's plan looks at."""

from dataclasses import dataclass

from foosets.api.pod import Pod
from foosets.placement.decisions import Stage
from foosets.planning.obstacles import Obstacle
from foosets.planning.podspans import Arrivals


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pod without a node, as the cache shows it.

    `stage` is how far its binding has got, and `obstacle` what the last look ran into. `told_at` is when its condition
    was last written, in seconds since the epoch. `mourned` is whether the span of its refusal has been sent.
    """

    pod: Pod
    stage: Stage = Stage.UNDECIDED
    obstacle: Obstacle | None = None
    told_at: float = 0.0
    mourned: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A pod with a node whose spans are owed.

    `arrivals` is when the watch brought it, as far as this process saw it.
    """

    pod: Pod
    arrivals: Arrivals


@dataclass(frozen=True, slots=True)
class Observed:
    """What the caches show under one name: one pod, or two while one watch lags behind the other, or none any more."""

    waiting: Waiting | None = None
    bound: Bound | None = None
