"""Who works: every rule of the election, in virtual time."""

import math
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

import anyio
import pytest

from foosets.kube.lease import LeaseClient, Record
from foosets.kube.transport import Transport
from foosets.runtime.leader import LEASE_SECONDS, RENEW_DEADLINE_SECONDS, Elector, Fence, Sight, boot_clock
from tests.runtime.leases import KEY, WALL, Candidate, LeaseServer, Trouble, Way
from tests.runtime.virtual import virtually

CRASH_SECONDS = 17.0
RELEASE_SECONDS = 2.0
OLD = "fooset-1"
NEW = "fooset-2"


@dataclass
class World:
    """A server, and whoever is a candidate."""

    group: Any
    server: LeaseServer = field(default_factory=LeaseServer)
    candidates: list[Candidate] = field(default_factory=list[Candidate])

    def enter(self, identity: str) -> Candidate:
        candidate = Candidate(self.server, identity, seed=len(self.candidates))
        self.candidates.append(candidate)
        self.group.start_soon(candidate.run)
        return candidate

    async def pair(self) -> tuple[Candidate, Candidate]:
        """Return a leader, and who stands by."""
        leader = self.enter(OLD)
        await leader.begins()
        standby = self.enter(NEW)
        await anyio.sleep(5.3)
        assert not standby.works
        return leader, standby


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    async with anyio.create_task_group() as group:
        yield World(group)
        group.cancel_scope.cancel()


def story(told: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
    """Make a test of a story in a world of its own."""

    def test() -> None:
        async def main() -> None:
            async with world() as made:
                await told(made)

        virtually(main)

    return test


def of_each(trouble: list[Trouble]) -> Callable[[Callable[[World, Trouble], Awaitable[None]]], Callable[..., None]]:
    """Make a test of a story with each of these troubles."""

    def decorate(told: Callable[[World, Trouble], Awaitable[None]]) -> Callable[..., None]:
        @pytest.mark.parametrize("kind", trouble)
        def test(kind: Trouble) -> None:
            async def main() -> None:
                async with world() as made:
                    await told(made, kind)

            virtually(main)

        return test

    return decorate


# ---------------------------------------------------------------------------- taking


@story
async def test_a_free_lease_is_taken_at_once_and_says_who_since_when(it: World) -> None:
    start = anyio.current_time()
    leader = it.enter(OLD)
    assert await leader.begins() - start < 0.1
    spec = it.server.spec
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (OLD, 15, 1)
    assert spec["acquireTime"] == spec["renewTime"] == "2027-01-15T08:16:40.010000Z"
    assert leader.elector.statistics()["leading"] == 1


@story
async def test_who_stands_by_does_no_work_and_may_write_nothing(it: World) -> None:
    _, standby = await it.pair()
    await anyio.sleep(300)
    assert not standby.works
    assert not standby.fence.is_open()
    assert {who for _, who, _ in it.server.writes} == {OLD}
    assert standby.elector.statistics()["leading"] == 0


@story
async def test_a_leader_renews_every_few_seconds_for_as_long_as_it_lives(it: World) -> None:
    leader = it.enter(OLD)
    await leader.begins()
    await anyio.sleep(3600)
    times = [at for at, _, _ in it.server.writes]
    assert leader.works
    assert max(after - before for before, after in pairwise(times)) < 3.1
    assert len(times) < 3600 / 2.2


@story
async def test_after_a_crash_another_takes_over_when_the_lease_has_run_out(it: World) -> None:
    leader, standby = await it.pair()
    leader.crash()
    crashed = await leader.ends()
    assert LEASE_SECONDS - 4 < await standby.begins() - crashed <= CRASH_SECONDS
    assert it.server.spec["leaseTransitions"] == 2


@story
async def test_after_a_release_another_takes_over_at_once(it: World) -> None:
    leader, standby = await it.pair()
    leader.stop()
    stopped = await leader.ends()
    assert await standby.begins() - stopped <= RELEASE_SECONDS
    assert [holder for _, _, holder in it.server.writes[-2:]] == ["", NEW]


@story
async def test_a_restarted_process_takes_its_own_lease_back_at_once(it: World) -> None:
    leader, standby = await it.pair()
    leader.crash()
    crashed, again = await leader.ends(), it.enter(OLD)
    assert await again.begins() - crashed < 0.1
    await anyio.sleep(60)
    assert not standby.works
    assert it.server.spec["leaseTransitions"] == 1


@story
async def test_of_many_that_see_a_free_lease_one_takes_it(it: World) -> None:
    leader = it.enter(OLD)
    await leader.begins()
    others = [it.enter(f"other-{number}") for number in range(20)]
    await anyio.sleep(5)
    leader.stop()
    await anyio.sleep(5)
    assert len([one for one in others if one.works]) == 1


# ---------------------------------------------------------------------------- partitions


@of_each([Trouble.REFUSED, Trouble.SILENT, Trouble.FAULTY, Trouble.FORBIDDEN])
async def test_a_leader_that_cannot_renew_stops_before_the_lease_can_be_anothers(it: World, kind: Trouble) -> None:
    leader, standby = await it.pair()
    last = it.server.writes[-1][0]
    leader.way.trouble = kind
    stopped = await leader.ends()
    assert stopped - last <= RENEW_DEADLINE_SECONDS
    assert not leader.fence.is_open()
    assert stopped + 4.9 <= await standby.begins() <= last + CRASH_SECONDS
    assert leader.lost.startswith("not renewed for 10 s: the lease cannot be had: ")


@of_each([Trouble.REFUSED, Trouble.SILENT, Trouble.FAULTY, Trouble.REPLY_LOST])
async def test_a_trouble_that_ends_in_time_changes_nothing(it: World, kind: Trouble) -> None:
    leader, standby = await it.pair()
    leader.way.trouble = kind
    await anyio.sleep(5)
    assert leader.elector.trouble or kind is Trouble.SILENT
    leader.way.trouble = None
    await anyio.sleep(60)
    assert leader.works
    assert leader.elector.trouble == ""
    assert not standby.works


@story
async def test_who_stands_by_and_saw_nothing_for_long_looks_before_it_judges(it: World) -> None:
    leader, standby = await it.pair()
    standby.way.trouble = Trouble.SILENT
    await anyio.sleep(600)
    standby.way.trouble = None
    await anyio.sleep(60)
    assert leader.works
    assert not standby.works


@story
async def test_a_lost_reply_to_a_renewal_is_made_up_for_by_the_next(it: World) -> None:
    leader, _ = await it.pair()
    leader.way.trouble = Trouble.REPLY_LOST
    await anyio.sleep(3)
    leader.way.trouble = None
    await anyio.sleep(1)
    assert leader.elector.statistics()["seconds_left"] > RENEW_DEADLINE_SECONDS - 1.1
    assert leader.elector.statistics()["failures"] == 1


# ---------------------------------------------------------------------------- what others do to the lease


@story
async def test_a_change_that_is_not_about_the_holder_changes_nothing(it: World) -> None:
    leader, standby = await it.pair()
    it.server.label(team="a")
    await anyio.sleep(30)
    assert leader.works
    assert not standby.works
    assert it.server.lease is not None
    assert it.server.lease["metadata"]["labels"] == {"team": "a"}
    assert leader.elector.statistics()["failures"] == 0


@story
async def test_a_lease_that_was_stolen_ends_the_work_and_is_left_to_the_thief(it: World) -> None:
    leader, _ = await it.pair()
    it.server.edit(holderIdentity="thief", leaseDurationSeconds=3600)
    stolen = anyio.current_time()
    assert await leader.ends() - stolen < 3.1
    await anyio.sleep(60)
    assert leader.lost == "thief holds it now"
    assert it.server.spec["holderIdentity"] == "thief"


@story
async def test_a_lease_that_was_deleted_is_made_anew_by_its_leader(it: World) -> None:
    leader, standby = await it.pair()
    for _ in range(5):
        it.server.lease = None
        await anyio.sleep(7)
        assert leader.works
        assert it.server.spec["holderIdentity"] == OLD
    assert not standby.works


@story
async def test_a_lease_that_was_deleted_with_its_leader_runs_out_all_the_same(it: World) -> None:
    leader, standby = await it.pair()
    it.server.lease = None
    leader.crash()
    crashed = await leader.ends()
    assert LEASE_SECONDS - 4 < await standby.begins() - crashed <= CRASH_SECONDS


@story
async def test_two_of_one_identity_are_told_apart_and_told_so(it: World) -> None:
    first = it.enter(OLD)
    await first.begins()
    await anyio.sleep(1)
    second = it.enter(OLD)
    await second.begins()
    await anyio.sleep(5)
    assert not first.works
    assert second.works
    assert "FOOSETS_IDENTITY" in first.lost


# ---------------------------------------------------------------------------- clocks


@pytest.mark.parametrize("jump", [-86400.0, -20.0, 20.0, 86400.0])
@pytest.mark.parametrize("whose", [0, 1])
def test_a_wall_clock_that_jumps_changes_nothing(jump: float, whose: int) -> None:
    async def main() -> None:
        async with world() as it:
            pair = await it.pair()
            pair[whose].wall += jump
            await anyio.sleep(120)
            pair[whose].wall -= jump
            await anyio.sleep(120)
            assert [one.works for one in pair] == [True, False]

    virtually(main)


@story
async def test_who_was_suspended_as_leader_may_write_nothing_from_its_first_moment(it: World) -> None:
    leader, _ = await it.pair()
    written = len(it.server.writes)
    leader.suspended += 20
    assert not leader.fence.is_open()
    await leader.over.wait()
    assert leader.lost == "not renewed for 10 s: this process stood still"
    assert [who for _, who, _ in it.server.writes[written:] if who == OLD] == []


def test_the_clock_that_decides_never_goes_back() -> None:
    clock = boot_clock()
    times = [clock() for _ in range(1000)]
    assert times == sorted(times)


# ---------------------------------------------------------------------------- dead work


@story
async def test_work_that_is_dead_gives_the_lease_to_another(it: World) -> None:
    leader, standby = await it.pair()
    leader.complaints.append("no sign of life of pods for 301 s")
    died = anyio.current_time()
    assert await standby.begins() - died < 3 + RELEASE_SECONDS
    assert leader.lost == "the work is dead: no sign of life of pods for 301 s"


@story
async def test_who_is_dead_takes_no_lease(it: World) -> None:
    leader, standby = await it.pair()
    standby.complaints.append("no sign of life of pods for 301 s")
    leader.stop()
    await anyio.sleep(60)
    assert not standby.works
    standby.complaints.clear()
    await standby.begins()


@story
async def test_work_that_ends_gives_the_lease_back(it: World) -> None:
    leader, standby = await it.pair()
    leader.done.set()
    ended = await leader.ends()
    assert await standby.begins() - ended <= RELEASE_SECONDS


def test_work_that_crashes_takes_its_process_along_and_gives_the_lease_back() -> None:
    server = LeaseServer()

    async def main() -> None:
        leader = Candidate(server, OLD)
        leader.dies_of = ZeroDivisionError("a bug")
        leader.done.set()
        await leader.run()

    with pytest.raises(ExceptionGroup) as crash:
        virtually(main)
    assert crash.value.subgroup(ZeroDivisionError) is not None
    assert server.spec.get("holderIdentity") is None


# ---------------------------------------------------------------------------- leaving


@story
async def test_the_lease_is_given_back_although_the_last_renewals_reply_was_lost(it: World) -> None:
    leader, standby = await it.pair()
    leader.way.trouble = Trouble.REPLY_LOST
    await anyio.sleep(3.1)
    leader.way.trouble = None
    leader.stop()
    stopped = await leader.ends()
    assert await standby.begins() - stopped <= RELEASE_SECONDS


@story
async def test_a_deleted_lease_is_not_made_anew_to_be_given_back(it: World) -> None:
    leader = it.enter(OLD)
    await leader.begins()
    it.server.lease = None
    leader.stop()
    await leader.ends()
    await anyio.sleep(5)
    assert it.server.lease is None


@story
async def test_a_server_that_is_silent_does_not_keep_a_process_from_ending(it: World) -> None:
    leader, _ = await it.pair()
    leader.way.trouble = Trouble.SILENT
    stopped = anyio.current_time()
    leader.stop()
    await leader.over.wait()
    assert anyio.current_time() - stopped < RELEASE_SECONDS + 0.1


# ---------------------------------------------------------------------------- what others see


@story
async def test_a_right_that_is_missing_shows_costs_little_and_is_taken_up_when_it_is_there(it: World) -> None:
    candidate = it.enter(OLD)
    candidate.way.trouble = Trouble.FORBIDDEN
    await anyio.sleep(100)
    assert candidate.elector.trouble == (
        'the lease cannot be had: 403 Forbidden: User "x" cannot get resource "leases"'
    )
    assert it.server.requests < 100 / 0.75
    candidate.way.trouble = None
    allowed = anyio.current_time()
    assert await candidate.begins() - allowed < 1.1
    assert candidate.elector.trouble == ""


def test_a_process_that_goes_on_without_its_lease_is_not_alive() -> None:
    now = 100.0
    fence = Fence(lambda: now)
    lease = LeaseClient(cast("Transport", Way(LeaseServer(), OLD)), KEY, "foosets-fooset")
    elector = Elector(lease, OLD, fence, wall=lambda: now, complaints=list, rng=random.Random(0))
    assert elector.overdue() == ""
    fence.open_until(now + 1)
    now += 1 + LEASE_SECONDS
    assert elector.overdue() == "the lease ran out 15 s ago, and this process has not ended"
    fence.shut()
    assert elector.overdue() == ""


# ---------------------------------------------------------------------------- parts


def test_a_fence_is_open_until_its_moment_and_shut_before_the_first() -> None:
    now = 10.0
    fence = Fence(lambda: now)
    assert not fence.is_open()
    assert fence.seconds_left() == -math.inf
    fence.open_until(12.0)
    assert fence.is_open()
    now = 12.0
    assert not fence.is_open()


def test_a_lease_is_free_when_its_record_has_not_changed_for_as_long_as_it_says() -> None:
    sight = Sight()
    assert sight.free_in("me", 0) <= 0
    held = Record(holder_identity="other", lease_duration_seconds=20, renew_time="a")
    sight.saw(held, 100)
    sight.saw(held, 110)
    assert sight.free_in("me", 110) == 10
    assert sight.free_in("other", 110) <= 0
    sight.saw(Record(holder_identity="other", lease_duration_seconds=20, renew_time="b"), 115)
    assert sight.free_in("me", 115) == 20
    sight.saw(Record(holder_identity="other", renew_time="c"), 120)
    assert sight.free_in("me", 120) == LEASE_SECONDS


# ---------------------------------------------------------------------------- many histories


@pytest.mark.parametrize("seed", range(50))
def test_whatever_happens_nobody_works_on_a_lease_that_may_be_anothers(seed: int) -> None:
    """Ten minutes of restarts, partitions, lost replies, suspensions and wrong wall clocks with three candidates."""
    rng = random.Random(seed)

    async def main() -> None:
        async with world() as it:
            current = {identity: it.enter(identity) for identity in ("a", "b", "c")}
            for _ in range(120):
                await anyio.sleep(rng.expovariate(1 / 5))
                identity = rng.choice("abc")
                current[identity] = disturb(rng, it, current[identity])
                assert len([one for one in it.candidates if one.works and one.fence.is_open()]) <= 1
            for one in current.values():
                one.way.trouble = None
            await anyio.sleep(60)
            for identity, one in current.items():
                current[identity] = it.enter(identity) if one.lost else one
            await anyio.sleep(CRASH_SECONDS)
            assert len([one for one in it.candidates if one.works]) == 1

    virtually(main)


def disturb(rng: random.Random, it: World, candidate: Candidate) -> Candidate:
    """Do something to one candidate; return it, or its next life."""
    match rng.randrange(6):
        case 0:
            candidate.crash()
            return it.enter(candidate.identity)
        case 1:
            candidate.stop()
            return it.enter(candidate.identity)
        case 2:
            candidate.way.trouble = rng.choice([None, *Trouble])
        case 3 if candidate.works:
            candidate.suspended += rng.uniform(0, 30)
        case 4:
            candidate.wall = WALL + rng.uniform(-1e6, 1e6)
        case _:
            candidate.way.trouble = None
    return it.enter(candidate.identity) if candidate.lost else candidate
