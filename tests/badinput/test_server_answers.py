"""Whatever the API server answers: a set says what it can, nobody asks in a loop, and in the end nothing is lost."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import pytest

from e2e.cluster.local import LocalCluster
from e2e.faults.traffic import Passed
from e2e.sweep.outcome import End, act_of
from e2e.sweep.runs import QUIET_SECONDS, Telling, refer, tell, wait_settled
from e2e.sweep.scene import Scene
from e2e.sweep.stage import Stage, staged
from e2e.sweep.stories import STORIES
from e2e.sweep.sweeping import LANES
from tests.badinput.playing import Place
from tests.badinput.running import complaints, lives
from tests.badinput.table.answers import LASTING, ONCE, Lasting, Once
from tests.badinput.told import condition

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

ROLLOUT: Final = STORIES[0]
LASTS_SECONDS: Final = 6.0
ASKED_MOST: Final = 12
"""Requests within that time, of four pods that are refused: a back-off that doubles asks fewer times."""
SAID_WITHIN: Final = 30.0


@dataclass(frozen=True, slots=True)
class Held:
    """What was seen while a request was refused, and which invariants do not hold when it is not any more."""

    ready: dict[str, Any]
    asked: int
    broken: list[str]


@pytest.fixture(scope="module")
def stage(suite: LocalCluster) -> Iterator[Stage]:
    with staged(suite) as stage, stage.recording():
        before = lives(suite)
        yield stage
        assert lives(suite) == before


@pytest.fixture(scope="module")
def reference(stage: Stage) -> Telling:
    return refer(stage, ROLLOUT)


@pytest.fixture(scope="module")
def tellings(stage: Stage, reference: Telling) -> dict[str, Telling]:
    def told(row: Once) -> Telling:
        telling = told_once(row)
        # where another row has broken the watch, a list may bring what the fault waits for on it
        return telling if telling.happened else told_once(row)

    def told_once(row: Once) -> Telling:
        return tell(stage, ROLLOUT, row.faults, lambda end: end == reference.end)

    with ThreadPoolExecutor(LANES) as pool:
        return dict(zip((row.name for row in ONCE), pool.map(told, ONCE), strict=True))


@pytest.fixture(scope="module")
def held(stage: Stage, reference: Telling) -> dict[str, Held]:
    with ThreadPoolExecutor(LANES) as pool:
        found = pool.map(lambda row: hold(stage, row, reference.end), LASTING)
        return dict(zip((row.name for row in LASTING), found, strict=True))


def hold(stage: Stage, row: Lasting, wanted: End) -> Held:
    """Refuse for a while, see what is said and how often it is asked; then refuse no more."""
    with stage.connect() as server:
        scene = Scene(server, f"lasting-{LASTING.index(row)}")
        scene.begin()
        with stage.traffic.arming(*row.faults(scene.namespace)) as (armed,):
            ROLLOUT.act(scene)
            scene.until(armed.happened.is_set, "refused")
            time.sleep(LASTS_SECONDS)
            ready = said(Place(server, scene.namespace), row)
            asked = sum(_is(row, one) for one in stage.traffic.writes(scene.namespace))
        scene.until(lambda: End.of(scene) == wanted, "as it should be once nothing is refused")
        wait_settled(stage, scene, QUIET_SECONDS)
        return Held(ready, asked, list(map(str, stage.judge(scene.namespace, resent=0))))


def said(place: Place, row: Lasting) -> dict[str, Any]:
    """The set's Ready condition, as soon as it is the one that the row expects, or late."""
    deadline = time.monotonic() + SAID_WITHIN
    while True:
        found = place.get(row.says)
        ready = condition(found, "Ready") if found is not None else {}
        if ready.get("reason") == row.reason or time.monotonic() > deadline:
            return ready
        time.sleep(0.2)


def _is(row: Lasting, passed: Passed) -> bool:
    return act_of(passed.request) == row.at


@pytest.mark.parametrize("name", [row.name for row in ONCE])
def test_one_strange_answer_changes_nothing_in_the_end(
    reference: Telling, tellings: dict[str, Telling], name: str
) -> None:
    told = tellings[name]
    assert told.happened
    assert told.end.differences(reference.end) == []
    assert told.broken == []


@pytest.mark.parametrize("name", [row.name for row in LASTING])
def test_what_is_refused_for_long_is_said_and_not_asked_in_a_loop(held: dict[str, Held], name: str) -> None:
    row = next(row for row in LASTING if row.name == name)
    found = held[name]
    assert found.asked <= ASKED_MOST
    assert found.ready["status"] == "False"
    assert (found.ready["reason"], row.message in found.ready["message"]) == (row.reason, True)
    assert found.broken == []


def test_no_component_fails_of_an_answer(
    suite: LocalCluster, tellings: dict[str, Telling], held: dict[str, Held]
) -> None:
    del tellings, held
    assert complaints(suite, "lasting-") == []
    assert complaints(suite, "first-rollout-") == []
