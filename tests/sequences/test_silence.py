"""Who is asked for something counts as silent after a while, however long the set had been stuck before it asked."""

import re
from collections.abc import Callable
from typing import Any, Final

import anyio
import pytest

from foosets.api.meta import FOOQUOTAS, SERVICEFOOSETS, Key
from foosets.api.names import Component, Reason
from foosets.kube.errors import Unreachable
from tests.e2e import manifests
from tests.sequences.cell import APP, NAMESPACE, Cell, play
from tests.sequences.stories import service_with
from tests.sequences.test_refusals import Refuser

TOO_LARGE: Final = manifests.fooset(APP, service={"server": manifests.service(2, cpu="5")})
"""No node has room for a pod of it."""
STUCK_SECONDS: Final = 120.0
ANSWERED_WITHIN: Final = 10.0
SILENT_WITHIN: Final = 30.0
SCALED_EVERY: Final = 5.0


def scale(cell: Cell, replicas: int = 3) -> None:
    """Let an autoscaler do it."""
    cell.server.change(SERVICEFOOSETS, Key(NAMESPACE, "app-server"), {"spec": {"replicas": replicas}}, user="hpa")


def ask_for(replicas: int) -> Callable[[Cell], None]:
    return lambda cell: cell.edit(service_with(replicas=replicas))


def raise_limit(cell: Cell) -> None:
    cell.server.change(FOOQUOTAS, Key(NAMESPACE, "team"), {"spec": {"hard": {"cpu": "200"}}})


STUCK: Final[dict[str, tuple[str, Callable[[Cell], None]]]] = {
    "a child without a node is scaled": ("", scale),
    "a set without a node is edited": ("", ask_for(3)),
    "a set without a node gets a quota": ("", lambda cell: cell.limit(cpu="100")),
    "a child without a node is scaled under a quota": ("100", scale),
    "a set without a node is edited under a quota": ("100", ask_for(3)),
    "a set that waits for a quota asks for less": ("9", ask_for(1)),
    "a set that waits for a quota asks for more": ("9", ask_for(4)),
    "a set that waits for a quota has it raised": ("9", raise_limit),
}


@pytest.mark.parametrize(("limit", "act"), STUCK.values(), ids=STUCK.keys())
def test_a_set_that_was_stuck_for_long_blames_nobody_who_answers(limit: str, act: Callable[[Cell], None]) -> None:
    async def story(cell: Cell) -> None:
        if limit:
            cell.limit(cpu=limit)
        cell.apply(TOO_LARGE)
        await anyio.sleep(STUCK_SECONDS)
        assert cell.fooset["status"]["blockedBy"]["reason"] in {Reason.NO_FIT, Reason.QUOTA_EXCEEDED}
        act(cell)
        await anyio.sleep(ANSWERED_WITHIN)

    played = play(story)
    causes = {blamed(version.object) for version in played.record.versions}
    assert Reason.CONTROLLER_SILENT not in causes


def test_a_controller_that_looks_at_nothing_is_blamed_though_it_is_asked_again_and_again() -> None:
    async def story(cell: Cell) -> None:
        cell.apply(TOO_LARGE)
        await anyio.sleep(STUCK_SECONDS)
        transport = cell.components[Component.SERVICEFOOSET].transport
        hook = transport.hook
        gone = Unreachable("no reply")
        transport.hook = Refuser(hook, "PUT", re.compile("/servicefoosets/.*/status$"), gone, armed=True)
        for replicas in range(3, 3 + int(SILENT_WITHIN / SCALED_EVERY)):
            scale(cell, replicas)
            await anyio.sleep(SCALED_EVERY)
        assert blamed(cell.fooset) == Reason.CONTROLLER_SILENT
        transport.hook = hook

    play(story)


def blamed(found: Any) -> str | None:
    """Return the reason of what an object calls its cause."""
    return ((found.get("status") or {}).get("blockedBy") or {}).get("reason")
