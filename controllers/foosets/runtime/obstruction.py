"""What stands in the way of each key: refusals and failed placements, remembered until they are gone.

The memory is only a pace-maker: after a restart the first refused action brings it back.
"""

import random
from typing import Final

from foosets.api.meta import Key
from foosets.api.names import Reason
from foosets.kube.errors import ApiError, Forbidden, Invalid, QuotaRefused
from foosets.planning.actions import Plan
from foosets.planning.obstacles import Obstacle
from foosets.runtime.apply import NameTaken
from foosets.runtime.backoff import Backoff
from foosets.runtime.writers import Performed

MAX_MESSAGE: Final = 1024
"""Characters of the API server's message that are shown."""


class Obstructions:
    """The obstacle of every key that has one, with the generation of the spec that met it."""

    def __init__(self, rng: random.Random) -> None:
        self._met: dict[Key, tuple[int, Obstacle]] = {}
        self._backoff = Backoff(rng)

    def of(self, key: Key, generation: int) -> Obstacle | None:
        """Return what this very spec ran into."""
        met = self._met.get(key)
        return met[1] if met is not None and met[0] == generation else None

    def learn(self, key: Key, generation: int, plan: Plan, outcome: Performed, now: float) -> bool:
        """Remember what a pass ran into, or that the way is free; return whether status has news to tell.

        A plan that holds back because of an obstacle returns it; one that returns none and met none has passed.
        """
        before = self.of(key, generation)
        found = self._found(key, plan, outcome, now)
        if found is None:
            if before is None or outcome.refused:
                return False
            self.forget(key)
            return True
        if before is not None and before.same_cause(found):
            found = Obstacle(found.reason, found.message, before.since, found.retry_at)
        self._met[key] = (generation, found)
        return not found.same_cause(before)

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a key."""
        self._met.pop(key, None)
        self._backoff.succeeded(key)

    def _found(self, key: Key, plan: Plan, outcome: Performed, now: float) -> Obstacle | None:
        for refused in outcome.refused:
            reason = _reason(refused.error)
            if reason is not None:
                message = refused.error.message[:MAX_MESSAGE]
                return Obstacle(reason, message, now, now + self._backoff.failed(key))
        return plan.obstacle


def _reason(error: ApiError) -> Reason | None:
    """Return the cause that a user can mend, or None for what time mends."""
    match error:
        case QuotaRefused():
            return Reason.QUOTA_EXCEEDED
        case Forbidden():
            return Reason.ADMISSION_DENIED
        case Invalid():
            return Reason.INVALID_POD_TEMPLATE
        case NameTaken():
            return Reason.NAME_COLLISION
        case _:
            return None
