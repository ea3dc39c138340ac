"""What keeps a set from going on: found by an action or a placement, shown by the next status."""

from dataclasses import dataclass, replace
from datetime import datetime

from foosets.api.names import Reason


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One cause, as it was last met.

    `since` is when this very cause was first met. Nothing of the kind is tried again before `retry_at`; both are
    seconds since the epoch. `deleting` is whether a deletion met it: those come first, so that creations wait with it;
    what a creation met lets deletions pass, which may make room.
    """

    reason: Reason
    message: str
    since: float
    retry_at: float
    deleting: bool = False

    def worth_a_try(self) -> "Obstacle":
        """Return the obstacle as it is when something has changed that may have removed it."""
        return replace(self, retry_at=0.0)

    def same_cause(self, other: "Obstacle | None") -> bool:
        """Whether the other one says the same to a user."""
        return other is not None and (self.reason, self.message) == (other.reason, other.message)


def holds_deletions(obstacle: Obstacle | None, now: datetime) -> bool:
    """Whether nothing is to be deleted now, either."""
    return obstacle is not None and obstacle.deleting and held_back(obstacle, now) is not None


def held_back(obstacle: Obstacle | None, now: datetime) -> float | None:
    """Return the seconds for which nothing new is to be tried, or None when the way is free or worth another try."""
    if obstacle is None:
        return None
    left = obstacle.retry_at - now.timestamp()
    return left if left > 0 else None
