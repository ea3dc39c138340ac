"""Who works: taking the lease, keeping it, losing it, by whatever clock."""

from itertools import pairwise

import anyio
import pytest

from foosets.runtime.leader import LEASE_SECONDS, RENEW_DEADLINE_SECONDS, boot_clock
from tests.runtime.elections import CRASH_SECONDS, NEW, OLD, RELEASE_SECONDS, World, of_each, story, world
from tests.runtime.leases import Trouble
from tests.virtualtime import in_virtual_time

# ---------------------------------------------------------------------------- taking


@story
async def test_a_free_lease_is_taken_at_once_and_says_who_since_when(it: World) -> None:
    start = anyio.current_time()
    leader = it.enter(OLD)
    assert await leader.begins() - start < 0.1
    spec = it.server.spec
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == (OLD, 15, 1)
    assert spec["acquireTime"] == spec["renewTime"] == "2027-01-15T08:00:00.010000Z"
    assert leader.elector.statistics()["leading"] == 1


@story
async def test_who_stands_by_does_no_work_and_may_write_nothing(it: World) -> None:
    _, standby = await it.pair()
    await anyio.sleep(300)
    assert not standby.has_begun.is_set()
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
    assert not standby.has_begun.is_set()
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


@story
async def test_a_renewal_that_the_end_of_the_lease_cuts_off_is_named(it: World) -> None:
    leader, _ = await it.pair()
    leader.way.trouble = Trouble.REFUSED
    await anyio.sleep(leader.fence.seconds_left() - 1.5)
    leader.way.trouble = Trouble.SILENT
    await leader.over.wait()
    assert leader.lost == "not renewed for 10 s: the lease cannot be had: TimeoutError"


@story
async def test_a_renewal_is_good_from_when_it_was_sent_however_late_its_reply(it: World) -> None:
    leader, _ = await it.pair()
    leader.way.slowness = 2.5
    await anyio.sleep(20)
    last = it.server.writes[-1][0]
    leader.way.trouble = Trouble.REFUSED
    assert await leader.ends() - last <= RENEW_DEADLINE_SECONDS


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
    assert not standby.has_begun.is_set()


@story
async def test_who_stands_by_and_saw_nothing_for_long_looks_before_it_judges(it: World) -> None:
    leader, standby = await it.pair()
    standby.way.trouble = Trouble.SILENT
    await anyio.sleep(600)
    standby.way.trouble = None
    await anyio.sleep(60)
    assert leader.works
    assert not standby.has_begun.is_set()


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
    assert not standby.has_begun.is_set()
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
    assert not standby.has_begun.is_set()


@story
async def test_a_lease_that_was_deleted_is_left_alone_for_a_moment_since_its_leader_may_be_next(it: World) -> None:
    leader, _ = await it.pair()
    it.server.lease = None
    while not leader.elector.statistics()["failures"]:  # noqa: ASYNC110 - in virtual time
        await anyio.sleep(0.05)
    leader.stop()
    await leader.over.wait()
    assert it.server.lease is None


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

    in_virtual_time(main, alone=True)


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
