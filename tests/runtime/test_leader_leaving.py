"""How work ends and goes over to another, what others see of it, and many histories at random."""

import math
import random
from typing import cast

import anyio
import pytest

from foosets.kube.lease import LeaseClient, Record
from foosets.kube.transport import Transport
from foosets.runtime.leader import LEASE_SECONDS, Elector, Fence, Sight
from tests.runtime.elections import CRASH_SECONDS, OLD, RELEASE_SECONDS, World, story, world
from tests.runtime.leases import KEY, WALL, Candidate, LeaseServer, Trouble, Way
from tests.virtualtime import in_virtual_time

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
    assert not standby.has_begun.is_set()
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
        in_virtual_time(main, alone=True)
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


@pytest.mark.parametrize("seed", range(25))
def test_whatever_happens_nobody_works_on_a_lease_that_may_be_anothers(seed: int) -> None:
    """Minutes of restarts, partitions, lost replies, suspensions and wrong wall clocks with three candidates."""
    rng = random.Random(seed)

    async def main() -> None:
        async with world() as it:
            current = {identity: it.enter(identity) for identity in ("a", "b", "c")}
            for _ in range(80):
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

    in_virtual_time(main, alone=True)


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
