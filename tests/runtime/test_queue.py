import anyio
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.meta import Key
from foosets.runtime.queue import KeyQueue

A, B = Key("ns", "a"), Key("ns", "b")


class Clock:
    """Monotonic seconds that move when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def taken(queue: KeyQueue) -> Key | None:
    """Return the next key, or None when there is none at this moment."""
    with anyio.move_on_after(0.01):
        return await queue.take()
    return None


async def test_a_key_added_twice_comes_once() -> None:
    queue = KeyQueue(Clock())
    queue.add(A)
    queue.add(B)
    queue.add(A)

    assert [await taken(queue), await taken(queue), await taken(queue)] == [A, B, None]


async def test_a_key_is_never_given_to_two_and_comes_back_if_it_was_added_meanwhile() -> None:
    queue = KeyQueue(Clock())
    queue.add(A)
    assert await taken(queue) == A
    queue.add(A)
    assert await taken(queue) is None

    queue.done(A)

    assert await taken(queue) == A


async def test_done_without_news_is_the_end() -> None:
    queue = KeyQueue(Clock())
    queue.add(A)
    await queue.take()

    queue.done(A)

    assert await taken(queue) is None


async def test_a_delayed_key_comes_at_the_earliest_of_its_times() -> None:
    clock = Clock()
    queue = KeyQueue(clock)
    queue.add_after(A, 10)
    queue.add_after(A, 5)
    queue.add_after(A, 20)
    assert await taken(queue) is None

    clock.now = 5
    assert await taken(queue) == A
    queue.done(A)

    clock.now = 100
    assert await taken(queue) is None


async def test_a_key_wanted_now_forgets_its_delay() -> None:
    clock = Clock()
    queue = KeyQueue(clock)
    queue.add_after(A, 5)
    queue.add(A)
    assert await taken(queue) == A
    queue.done(A)

    clock.now = 6
    assert await taken(queue) is None


async def test_a_waiting_worker_is_woken_by_a_shorter_delay() -> None:
    queue = KeyQueue(anyio.current_time)
    queue.add_after(A, 3600)
    got: list[Key] = []

    async def work() -> None:
        got.append(await queue.take())

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        queue.add_after(B, 0.01)

    assert got == [B]


async def test_every_worker_that_waits_gets_a_key() -> None:
    queue = KeyQueue(anyio.current_time)
    got: list[Key] = []

    async def work() -> None:
        got.append(await queue.take())

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        queue.add(A)
        queue.add(B)

    assert sorted(got) == [A, B]


events = st.lists(st.tuples(st.sampled_from(["add", "later", "take", "done", "tick"]), st.sampled_from([A, B])))


@given(events)
async def test_no_wish_is_lost_and_none_is_served_twice_at_a_time(history: list[tuple[str, Key]]) -> None:
    clock = Clock()
    queue = KeyQueue(clock)
    wanted: set[Key] = set()
    working: set[Key] = set()
    for event, key in history:
        match event:
            case "add":
                queue.add(key)
                wanted.add(key)
            case "later":
                queue.add_after(key, 1)
                wanted.add(key)
            case "take" if wanted - working and clock.now >= 1:
                got = await taken(queue)
                if got is not None:
                    assert got not in working
                    working.add(got)
                    wanted.discard(got)
            case "done" if key in working:
                queue.done(key)
                working.discard(key)
            case _:
                clock.now += 1
    for key in working:
        queue.done(key)
    clock.now += 2

    served = {await taken(queue), await taken(queue)} - {None}

    assert served >= wanted


async def test_a_queue_that_drains_gives_out_nothing_and_waits_for_what_is_being_worked_on() -> None:
    queue = KeyQueue(Clock())
    queue.add(A)
    assert await queue.take() == A
    queue.add(B)
    async with anyio.create_task_group() as group:
        drained = anyio.Event()

        async def drain() -> None:
            await queue.drain()
            drained.set()

        group.start_soon(drain)
        await anyio.wait_all_tasks_blocked()
        assert not drained.is_set()
        assert await taken(queue) is None
        queue.done(A)
        await drained.wait()
    assert await taken(queue) is None


async def test_a_queue_that_nobody_works_on_is_drained_at_once() -> None:
    queue = KeyQueue(Clock())
    queue.add(A)
    with anyio.fail_after(1):
        await queue.drain()
