"""What the service controller's plan looks at."""

from dataclasses import dataclass

from foosets.api.servicefooset import ServiceFooSet
from foosets.planning.children import PodStencil
from foosets.planning.members import Members
from foosets.planning.obstacles import Obstacle
from foosets.planning.reservations import UNLIMITED, Allowance


@dataclass(frozen=True, slots=True)
class Observed:
    """One ServiceFooSet and its pods, as the caches show them. `obstacle` is what its last actions ran into.

    `stencil` makes pods of the current template, whose hash is `revision`.
    """

    service: ServiceFooSet
    pods: Members
    revision: str
    stencil: PodStencil
    obstacle: Obstacle | None = None
    allowance: Allowance = UNLIMITED


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pod that should exist and does not."""

    slot: int
    attempt: int
