"""Stories of elections, in virtual time: one lease, and whoever is a candidate for it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

from tests.runtime.leases import Candidate, LeaseServer, Trouble
from tests.virtualtime import in_virtual_time

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
        assert not standby.has_begun.is_set()
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

        in_virtual_time(main, alone=True)

    return test


def of_each(trouble: list[Trouble]) -> Callable[[Callable[[World, Trouble], Awaitable[None]]], Callable[..., None]]:
    """Make a test of a story with each of these troubles."""

    def decorate(told: Callable[[World, Trouble], Awaitable[None]]) -> Callable[..., None]:
        @pytest.mark.parametrize("kind", trouble)
        def test(kind: Trouble) -> None:
            async def main() -> None:
                async with world() as made:
                    await told(made, kind)

            in_virtual_time(main, alone=True)

        return test

    return decorate
