"""What the batch controller's plan looks at."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from foosets.api.batchfooset import BatchFooSet
from foosets.api.names import NodeName
from foosets.planning.allowance import UNLIMITED, Allowance
from foosets.planning.members import Members
from foosets.planning.obstacles import Obstacle
from foosets.planning.trace import Context


@dataclass(frozen=True, slots=True)
class Observed:
    """One BatchFooSet and its pods, as the caches show them.

    `obstacle` is what its last actions ran into, `allowance` what the FooQuotas of the namespace let it do.
    `pod_requests` is what one pod of the current template takes; None before the template has passed a dry run.
    """

    batch: BatchFooSet
    pods: Members
    revision: str
    obstacle: Obstacle | None = None
    allowance: Allowance = UNLIMITED
    pod_requests: Mapping[str, str] | None = None

    @property
    def reserved(self) -> bool:
        """Whether the quotas let pods of the current template be made, as far as is known what one takes."""
        return self.allowance.admits(self.pod_requests)


class Wanted(Struct, frozen=True):
    """A pod that should exist and has no node yet."""

    index: int
    attempt: int


class Placed(Struct, frozen=True):
    """Where a wanted pod goes, with the trace context and the stamps that it is created with."""

    node: NodeName
    context: Context
    stamps: str
