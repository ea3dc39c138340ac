"""What stands in the way of each key: refusals and failed placements, remembered until they are gone.

The memory is only a pace-maker: after a restart the first refused action brings it back.
"""

import random
from dataclasses import replace
from typing import Final

from foosets.api.meta import Key
from foosets.api.names import Reason
from foosets.kube.errors import ApiError, Forbidden, Invalid, NotFound, QuotaRefused, Unauthorized
from foosets.planning.actions import Delete, Plan
from foosets.planning.obstacles import Obstacle
from foosets.runtime.apply import NameTaken
from foosets.runtime.backoff import Backoff
from foosets.runtime.writers import Performed

MAX_MESSAGE: Final = 1024
"""Characters of the API server's message that are shown."""
FIRST_SECONDS: Final = 0.4
CAP_SECONDS: Final = 20.0
"""The shortest and the longest pause, jitter aside: nothing tells that a quota was raised, and who raised it shall not
wait for long. Eight tries fall into the first minute, the first of them perhaps with two requests; three into each that
follows."""


class Obstructions:
    """The obstacle of every key that has one, with the generation of the spec that met it."""

    def __init__(self, rng: random.Random) -> None:
        self._met: dict[Key, tuple[int, Obstacle]] = {}
        self._backoff = Backoff(rng, CAP_SECONDS)

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
            if outcome.refused:
                return False
            self.forget(key)  # what an older spec met, too
            return before is not None
        if before is not None and before.same_cause(found):
            found = replace(found, since=before.since)
        self._met[key] = (generation, found)
        return not found.same_cause(before)

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a key."""
        self._met.pop(key, None)
        self._backoff.succeeded(key)

    def _found(self, key: Key, plan: Plan, outcome: Performed, now: float) -> Obstacle | None:
        for refused in outcome.refused:
            reason = reason_of(refused.error)
            if reason is not None:
                retry_at = now + self._backoff.failed(key, FIRST_SECONDS)
                deleting = isinstance(refused.action, Delete)
                return Obstacle(reason, _message(refused.error), now, retry_at, deleting=deleting)
        return plan.obstacle


def _message(error: ApiError) -> str:
    """Return the API server's message, with the way on where it lacks one."""
    missing_right = type(error) is Forbidden
    hint = ": see the role that the chart gives this user" if missing_right else ""
    return f"{error.message[: MAX_MESSAGE - len(hint)]}{hint}"


def reason_of(error: ApiError) -> Reason | None:
    """Return the cause that a user can mend, or None for what time mends."""
    match error:
        case QuotaRefused():
            return Reason.QUOTA_EXCEEDED
        case Forbidden() | Unauthorized() | NotFound():
            return Reason.ADMISSION_DENIED
        case Invalid():
            return Reason.INVALID_POD_TEMPLATE
        case NameTaken():
            return Reason.NAME_COLLISION
        case _:
            return None
