"""Who works: the one process of a component that holds its Lease. The others keep their caches warm and wait.

A Lease is no safety argument. What keeps two workers apart are derived names, uid and resourceVersion preconditions;
the Lease saves the work of the second. Still nobody acts on a lease that may be another's:

      a renewal is sent          the fence shuts, work ends           another may take it
      ├────────── 10 s ──────────┤── requests under way end: 5 s ──┤
      └──────────────────────────── 15 s ──────────────────────────┘

* Time is the observer's own. A lease has run out when its record has not changed for 15 s while *we* looked; what
  stands in it are another machine's times, and for people. A process that was stopped looks before it judges.
* The fence is open until 10 s after the last renewal that succeeded was *sent*, by a clock that also runs while the
  machine is suspended. It is asked for every write right before it goes out, so that a process that was stopped and
  wakes up as a deposed leader sends nothing. Then it finds out, and ends; its restart is a standby.
* Renewals depend on the work: they share a task group, and what makes /livez fail ends them.
* A holder is an identity that outlives a restart (the pod's name), so that a restarted process takes its own lease
  back at once. Which of its lives it was says `acquireTime`: two processes that were given one identity depose each
  other, and say so.
* A lease that somebody deletes is made anew by its leader; a standby lets as much time pass as if it were still there.
"""

import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NoReturn

import anyio
import msgspec

from foosets.kube.errors import ApiError, Conflict, Garbled, Invalid
from foosets.kube.lease import LeaseClient, Record, StoredLease, micro_time
from foosets.runtime.logs import logger

LEASE_SECONDS: Final = 15
"""How long others leave an unchanged record alone."""
RENEW_DEADLINE_SECONDS: Final = 10.0
"""How long a renewal is good for its holder. The rest is for requests under way to end in."""
RENEW_SECONDS: Final = 3.0
"""Between two renewals: what a component costs at rest, and how late it learns that its lease was taken away."""
RETRY_SECONDS: Final = 1.0
"""Between two looks of a standby, and after a renewal that failed; up to a quarter less, so that none march in step."""
RELEASE_SECONDS: Final = 2.0
"""How long an ending process tries to give its lease back."""

Work = Callable[[], Awaitable[None]]
Clock = Callable[[], float]

_log = logger(__name__)


def boot_clock() -> Clock:
    """Return a monotonic clock in seconds that also counts while the machine is suspended, where there is one."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic if boottime is None else partial(time.clock_gettime, boottime)


class LeaseLostError(Exception):
    """This process must not work any more, and should end; the message says why."""


class Fence:
    """Until when this process may write. Shut at first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = -math.inf

    def now(self) -> float:
        """Return the clock's time, which decides."""
        return self._clock()

    def is_open(self) -> bool:
        """Return whether a request may go out now: one comparison."""
        return self._clock() < self._until

    def open_until(self, moment: float) -> None:
        """Let requests out until that moment of the clock."""
        self._until = moment

    def shut(self) -> None:
        """Let nothing out any more."""
        self._until = -math.inf

    def seconds_left(self) -> float:
        """Return for how long it is open still; not above 0 when it is shut."""
        return self._until - self._clock()


@dataclass(slots=True)
class Sight:
    """What one candidate has seen of a lease: the newest record, and when, by its own clock, it became that."""

    record: Record = field(default_factory=Record)
    since: float = 0.0

    def saw(self, record: Record, now: float) -> None:
        """Take note of what a look has shown."""
        if record != self.record:
            self.record, self.since = record, now

    def free_in(self, identity: str, now: float) -> float:
        """Return in how many seconds `identity` may take the lease; not above 0 means now."""
        if self.record.holder_identity in {"", identity}:
            return 0.0
        return self.since + (self.record.lease_duration_seconds or LEASE_SECONDS) - now


class Elector:
    """One candidate for one Lease, once.

    `wall` tells the times that a record shows; all that is decided goes by the fence's clock. `complaints` returns what
    is wrong with the work, or nothing.
    """

    def __init__(  # noqa: PLR0913 - the lease, the candidate, and what comes from outside
        self,
        lease: LeaseClient,
        identity: str,
        fence: Fence,
        *,
        wall: Clock,
        complaints: Callable[[], list[str]],
        rng: random.Random,
    ) -> None:
        self._lease = lease
        self._identity = identity
        self._fence = fence
        self._wall = wall
        self._complaints = complaints
        self._rng = rng
        self._sight = Sight()
        self._stored: StoredLease | None = None
        self._mine = Record()
        self._renewals = self._failures = 0
        self.trouble = ""
        """Why the lease could not be read or written the last time."""

    async def lead(self, work: Work) -> None:
        """Wait for the lease, then work, until the work ends; raises LeaseLostError.

        Whichever way it ends, the work has ended before, and a lease that is still ours is given back.
        """
        await self._acquire()
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_work, work, group.cancel_scope)
                await self._keep()
        finally:
            await self._release()

    # ---- standing by

    async def _acquire(self) -> None:
        while True:
            pause = self._jittered(RETRY_SECONDS)
            try:
                free_in = await self._try_to_take()
            except (ApiError, Garbled, TimeoutError) as error:
                self._complain(error)
            else:
                self._relieve()
                if free_in is None:
                    return
                pause = min(pause, free_in)
            await anyio.sleep(pause)

    async def _try_to_take(self) -> float | None:
        """Look, and take the lease if it is free: None if it is ours now, else in how many seconds to look again."""
        with anyio.fail_after(RENEW_DEADLINE_SECONDS):
            stored = await self._lease.read()
            if stored is not None:
                self._sight.saw(stored.record, self._fence.now())
            free_in = self._sight.free_in(self._identity, self._fence.now())
            if free_in > 0:
                return free_in
            if self._complaints():
                return RETRY_SECONDS  # dead work takes no lease; /livez says what is wrong with it
            return None if await self._took(stored) else RETRY_SECONDS

    async def _took(self, stored: StoredLease | None) -> bool:
        before = stored.record if stored is not None else self._sight.record
        now, others = micro_time(self._wall()), before.holder_identity != self._identity
        self._mine = Record(self._identity, LEASE_SECONDS, now, now, before.lease_transitions + others)
        try:
            await self._write(self._mine, stored)
        except (Conflict, Invalid):
            return False  # another was faster; the next look shows who
        _log.info("this process leads", identity=self._identity, before=before.holder_identity)
        return True

    # ---- leading

    async def _keep(self) -> NoReturn:
        """Renew for as long as the work is alive; raises LeaseLostError."""
        pause = RENEW_SECONDS
        while True:
            await anyio.sleep(min(self._jittered(pause), max(0.0, self._fence.seconds_left())))
            if not self._fence.is_open():
                why = self.trouble or "this process stood still"
                raise self._lost(f"not renewed for {RENEW_DEADLINE_SECONDS:.0f} s: {why}")
            if complaints := self._complaints():
                raise self._lost(f"the work is dead: {'; '.join(complaints)}")
            pause = RENEW_SECONDS if await self._renewed() else RETRY_SECONDS

    async def _renewed(self) -> bool:
        renewal = msgspec.structs.replace(self._mine, renew_time=micro_time(self._wall()))
        try:
            with anyio.fail_after(self._fence.seconds_left()):
                await self._renew(renewal)
        except (ApiError, Garbled, TimeoutError) as error:
            self._complain(error)
            return False
        self._relieve()
        self._renewals += 1
        return True

    async def _renew(self, renewal: Record) -> None:
        """Renew, over a write of ours whose reply was lost too; raises LeaseLostError if it was another's."""
        try:
            await self._write(renewal, self._stored)
        except (Conflict, Invalid):
            if not await self._is_ours():
                self._fence.shut()
                raise self._lost(self._by_whom()) from None
            if self._stored is None:
                raise  # somebody deleted it: made anew the next time, should we not be about to be removed ourselves
            await self._write(renewal, self._stored)

    async def _is_ours(self) -> bool:
        """Read the lease again; return whether it is this process's still, or nobody's since it was deleted."""
        self._stored = await self._lease.read()
        found = self._stored.record if self._stored is not None else self._mine
        return (found.holder_identity, found.acquire_time) == (self._identity, self._mine.acquire_time)

    def _lost(self, why: str) -> LeaseLostError:
        _log.error("the lease is lost, and work ends", identity=self._identity, reason=why)
        return LeaseLostError(why)

    def _by_whom(self) -> str:
        holder = self._stored.record.holder_identity if self._stored is not None else ""
        if holder == self._identity:
            return f"another process calls itself {holder} too: give each a FOOSETS_IDENTITY of its own"
        return f"{holder or 'nobody'} holds it now"

    async def _write(self, record: Record, over: StoredLease | None) -> None:
        """Write; what it is good for counts from before it was sent."""
        asked = self._fence.now()
        self._stored = await self._lease.write(record, over)
        self._fence.open_until(asked + RENEW_DEADLINE_SECONDS)

    # ---- leaving

    async def _release(self) -> None:
        """Give the lease back, so that nobody has to wait for its end. The work has ended before."""
        held, stored = self._fence.is_open(), self._stored
        self._fence.shut()
        _log.info("this process leads no more", identity=self._identity)
        if not held or stored is None:
            return
        with anyio.move_on_after(RELEASE_SECONDS, shield=True):
            try:
                await self._give_back(stored)
            except (ApiError, Garbled) as error:
                _log.warning("the lease is not given back and will run out", error=str(error))

    async def _give_back(self, over: StoredLease) -> None:
        free = msgspec.structs.replace(self._mine, holder_identity="", lease_duration_seconds=1)
        try:
            await self._lease.write(free, over)
        except Conflict:  # the reply to the last renewal may have been lost
            if await self._is_ours() and self._stored is not None:
                await self._lease.write(free, self._stored)

    # ---- what others see

    def statistics(self) -> dict[str, float]:
        """Return figures for the metrics page; `leading` is 1 for the process that works."""
        left = max(0.0, self._fence.seconds_left())
        return {"leading": left > 0, "seconds_left": left, "renewals": self._renewals, "failures": self._failures}

    def overdue(self) -> str:
        """Say for /livez that work goes on although the lease is another's by now, or return ""."""
        left = self._fence.seconds_left()
        ended = left > -LEASE_SECONDS or left == -math.inf
        return "" if ended else f"the lease ran out {-left:.0f} s ago, and this process has not ended"

    def _jittered(self, seconds: float) -> float:
        return seconds * (1 - self._rng.random() / 4)

    def _complain(self, error: Exception) -> None:
        """Count a failure; one line of log for each that is not like the last."""
        self._failures += 1
        why = str(error) or type(error).__name__
        trouble = f"the lease cannot be had: {why}"
        if trouble != self.trouble:
            _log.warning("the lease cannot be had", identity=self._identity, error=why)
        self.trouble = trouble

    def _relieve(self) -> None:
        self.trouble = ""


async def _work(work: Work, scope: anyio.CancelScope) -> None:
    await work()
    scope.cancel()
