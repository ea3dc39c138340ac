"""What the batch controller's plan looks at."""

from dataclasses import dataclass

from msgspec import Struct

from foosets.api.batchfooset import BatchFooSet
from foosets.api.names import NodeName
from foosets.planning.members import Members
from foosets.planning.obstacles import Obstacle
from foosets.planning.reservations import UNLIMITED, Allowance
from foosets.planning.trace import Context


@dataclass(frozen=True, slots=True)
class Observed:
    """One BatchFooSet and its pods, as the caches show them.

    `obstacle` is what its last actions ran into, `allowance` what the FooQuotas of the namespace let it do.
    """

    batch: BatchFooSet
    pods: Members
    revision: str
    obstacle: Obstacle | None = None
    allowance: Allowance = UNLIMITED


class Wanted(Struct, frozen=True):
    """A pod that should exist and has no node yet."""

    index: int
    attempt: int


class Placed(Struct, frozen=True):
    """Where a wanted pod goes, with the trace context and the stamps that it is created with."""

    node: NodeName
    context: Context
    stamps: str
