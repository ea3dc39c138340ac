"""What the service controller's plan looks at."""

from collections.abc import Mapping
from dataclasses import dataclass

from foosets.api.servicefooset import ServiceFooSet
from foosets.planning.allowance import UNLIMITED, Allowance
from foosets.planning.children import PodStencil
from foosets.planning.members import Members
from foosets.planning.obstacles import Obstacle


@dataclass(frozen=True, slots=True)
class Observed:
    """One ServiceFooSet and its pods, as the caches show them. `obstacle` is what its last actions ran into.

    `stencil` makes pods of the current template, whose hash is `revision`. `pod_requests` is what one of them takes;
    None before the template has passed a dry run, or counts as tried because it is `crowded`: its dry run was refused
    for want of quota while there were pods of an older one. `names_scheduler` says that neither the user nor admission
    names the pods' scheduler, but this controller.
    """

    service: ServiceFooSet
    pods: Members
    revision: str
    stencil: PodStencil
    obstacle: Obstacle | None = None
    allowance: Allowance = UNLIMITED
    pod_requests: Mapping[str, str] | None = None
    crowded: bool = False
    names_scheduler: bool = False

    @property
    def reserved(self) -> bool:
        """Whether the quotas let pods of the current template be made, as far as is known what one takes."""
        return self.allowance.admits(self.pod_requests)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pod that should exist and does not."""

    slot: int
    attempt: int
