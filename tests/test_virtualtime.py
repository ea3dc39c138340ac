import time

import anyio
import pytest

from tests.virtualtime import HangsError, in_virtual_time


def test_waiting_takes_virtual_time_only() -> None:
    async def main() -> float:
        await anyio.sleep(600)
        return anyio.current_time()

    began = time.monotonic()
    assert in_virtual_time(main, alone=True) == pytest.approx(600)
    assert time.monotonic() - began < 5


def test_things_happen_in_the_order_of_their_times() -> None:
    happened: list[tuple[str, float]] = []

    async def note(what: str, after: float) -> None:
        await anyio.sleep(after)
        happened.append((what, round(anyio.current_time(), 3)))

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for what, after in (("last", 3.0), ("first", 0.001), ("between", 2.0)):
                group.start_soon(note, what, after)

    in_virtual_time(main, alone=True)
    assert happened == [("first", 0.001), ("between", 2.0), ("last", 3.0)]


def test_a_deadline_goes_by_virtual_time() -> None:
    async def main() -> bool:
        with anyio.move_on_after(60) as scope:
            await anyio.sleep(61)
        return scope.cancelled_caught

    assert in_virtual_time(main, alone=True)


def test_who_waits_for_nothing_hangs() -> None:
    async def main() -> None:
        await anyio.Event().wait()

    with pytest.raises(HangsError):
        in_virtual_time(main, alone=True)
