"""What stands in the way of each key: refusals and failed placements, remembered until they are gone.

What time usually mends, such as a 503, stands in nobody's way, unless it is all that comes for a while: then it is told
like a refusal. Half of an outage, a full database say, or a webhook whose patch fits nothing, looks just like that, and
lasts until somebody hears of it.

The memory is only a pace-maker: after a restart the first refused action brings it back.
"""

import random
import re
from dataclasses import replace
from typing import Final

from foosets.api.meta import Key
from foosets.api.names import Reason
from foosets.kube.errors import (
    ApiError,
    Forbidden,
    Invalid,
    NotFound,
    QuotaRefused,
    ServerFault,
    Throttled,
    Unauthorized,
)
from foosets.planning.actions import Delete, Plan
from foosets.planning.obstacles import Obstacle
from foosets.runtime.apply import NameTaken
from foosets.runtime.backoff import Backoff
from foosets.runtime.writers import Performed, Refused

MAX_MESSAGE: Final = 1024
"""Characters of the API server's message that are shown."""
FIRST_SECONDS: Final = 0.4
CAP_SECONDS: Final = 20.0
"""The shortest and the longest pause, jitter aside: nothing tells that a quota was raised, and who raised it shall not
wait for long. Eight tries fall into the first minute, the first of them perhaps with two requests; three into each that
follows."""
LASTING: Final = 5
"""So many faults in a row, with no success among them, are told: they take about three seconds."""
_VARYING: Final = re.compile(r"(?<=tcp )\S+->|(?<=udp )\S+->|(?<=uid=)\"[-0-9a-f]{36}\"")
"""What differs in the API server's words from try to try: its own port, as Go names both ends of a connection, and the
uid of its question to a webhook. A cause is the same without it, and an Event is written for each new one."""


class Obstructions:
    """The obstacle of every key that has one, with the generation of the spec that met it."""

    def __init__(self, rng: random.Random) -> None:
        self._met: dict[Key, tuple[int, Obstacle]] = {}
        self._backoff = Backoff(rng, CAP_SECONDS)
        self._faults = Backoff(rng, CAP_SECONDS)

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
        self._faults.succeeded(key)

    def _found(self, key: Key, plan: Plan, outcome: Performed, now: float) -> Obstacle | None:
        for refused in outcome.refused:
            reason = reason_of(refused.error)
            if reason is not None:
                self._faults.succeeded(key)
                retry_at = now + self._backoff.failed(key, FIRST_SECONDS)
                return _obstacle(reason, refused, now, retry_at)
        fault = next((one for one in outcome.refused if isinstance(one.error, ServerFault | Throttled)), None)
        if fault is None:
            return plan.obstacle
        return self._lasting(key, fault, outcome, now)

    def _lasting(self, key: Key, fault: Refused, outcome: Performed, now: float) -> Obstacle | None:
        """Count the fault; return an obstacle if it is one of many and nothing gets past it."""
        if outcome.written:
            self._faults.succeeded(key)
            return None
        pause = self._faults.failed(key, FIRST_SECONDS)
        if self._faults.failures(key) < LASTING:
            return None
        return _obstacle(Reason.SERVER_FAULT, fault, now, now + max(pause, fault.error.retry_after or 0.0))


def _obstacle(reason: Reason, refused: Refused, now: float, retry_at: float) -> Obstacle:
    return Obstacle(reason, _message(refused.error), now, retry_at, deleting=isinstance(refused.action, Delete))


def _message(error: ApiError) -> str:
    """Return the API server's message, with the way on where it lacks one."""
    missing_right = type(error) is Forbidden
    hint = ": see the role that the chart gives this user" if missing_right else ""
    said = str(error) if isinstance(error, ServerFault | Throttled) else error.message  # these may say nothing else
    return f"{_VARYING.sub('', said)[: MAX_MESSAGE - len(hint)]}{hint}"


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
