"""A fault at a write, or on a watch, changes nothing in the end: a sample of `make sweep`, and every fault of a watch.

A telling without a fault says what a story comes to. Every other has to come to the same: the end state, the writes
that reached the API server, the trace.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from e2e.cluster.local import LocalCluster
from e2e.faults.faults import (
    EXPIRED,
    Answer,
    CutLine,
    Delay,
    DropLine,
    Expire,
    Fault,
    GarbleLine,
    HoldLine,
    RepeatLine,
    Rewind,
    StretchLine,
)
from e2e.faults.points import EACH, Point, Verb
from e2e.sweep import report
from e2e.sweep.outcome import Act, End
from e2e.sweep.points import Case, Mode, sample
from e2e.sweep.runs import Result, Telling, Verdict, refer, tell
from e2e.sweep.scene import Scene
from e2e.sweep.stage import Stage, staged
from e2e.sweep.stories import STORIES
from e2e.sweep.sweeping import LANES, sweep
from foosets.api import names

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

ROLLOUT = STORIES[0]
PODS = 8
"""That it makes."""
UNDER_QUOTA = next(story for story in STORIES if story.name == "quota-granted")
LATE_SECONDS = 2.0
WATCHED = {"fooset": "batchfoosets", "batchfooset": "pods", "servicefooset": "pods", "scheduler": "pods"}
"""The watch of each component that tells of what it has made, or works on."""


@pytest.fixture(scope="module")
def stage(suite: LocalCluster) -> Iterator[Stage]:
    with staged(suite) as stage, stage.recording():
        yield stage


# ---------------------------------------------------------------------------------------------- at a write
@pytest.fixture(scope="module")
def results(stage: Stage) -> list[Result]:
    return list(sweep(stage, [ROLLOUT, UNDER_QUOTA], sample))


def test_a_fault_at_a_write_changes_nothing_in_the_end(results: list[Result]) -> None:
    assert [report.line(one) for one in results if one.verdict is Verdict.FAILED] == []


def test_each_component_met_each_fault(results: list[Result]) -> None:
    met = {(one.case.act[0], one.case.mode) for one in results if one.verdict is Verdict.PASSED}
    assert met == {(str(component), mode) for component in names.Component for mode in Mode}


def test_a_point_that_is_not_there_is_not_reached(stage: Stage) -> None:
    absent = Case(ROLLOUT.name, ("scheduler", "create", "pods/binding"), 99, Mode.CONFLICT)
    (result,) = sweep(stage, [ROLLOUT], lambda _: [absent])
    assert result.verdict is Verdict.NOT_REACHED


# ---------------------------------------------------------------------------------------------- on a watch
def faults_of_a_watch(component: str, namespace: str) -> dict[str, Sequence[Fault]]:
    """What can happen at the first or second line of a namespace's objects; each time other lines follow."""
    first, second = (Point(component, Verb.WATCH, WATCHED[component], namespace, ordinal=number) for number in (1, 2))
    opened = Point(component, Verb.WATCH, WATCHED[component])
    return {
        "dropped": [DropLine(first)],
        "repeated": [RepeatLine(second)],
        "cut": [CutLine(second)],
        "garbled": [GarbleLine(second)],
        "stretched": [StretchLine(second)],
        "expired": [Expire(second)],
        "expired when it is opened": [CutLine(second), Answer(opened, *EXPIRED)],
        "late": [HoldLine(second, LATE_SECONDS)],
        "rewound": [Rewind(second, 50)],
    }


ASKED_AGAIN = Counter[Act](
    {
        ("fooset", Verb.PATCH, "batchfoosets"): 3,
        ("fooset", Verb.PATCH, "servicefoosets"): 3,
        ("batchfooset", Verb.CREATE, "pods"): 3,
        ("servicefooset", Verb.CREATE, "pods"): 3,
    }
)
"""A watch that keeps a new object back and then goes on as if nothing were missing lies, which no real one does. Where
another set's object makes it go on, the one that is missing is asked for again, until its next line comes: a child is
applied with the same fields, a pod is there already (409)."""
KINDS = list(faults_of_a_watch("fooset", ""))


def the_rollout_and_labels(scene: Scene) -> None:
    """Nobody but the scheduler changes a pod that waits for it: so that its next line comes, a person labels it."""
    ROLLOUT.act(scene)
    scene.until(lambda: len(scene.pods()) == PODS, "made")
    for pod in scene.pods():
        scene.label(pod)


STORY_OF = {("scheduler", "dropped"): replace(ROLLOUT, act=the_rollout_and_labels)}
"""What is told instead of the rollout."""


@pytest.fixture(scope="module")
def reference(stage: Stage) -> Telling:
    return refer(stage, ROLLOUT)


@pytest.fixture(scope="module")
def tellings(stage: Stage, reference: Telling) -> dict[tuple[str, str], Telling]:
    def is_the_end(end: End) -> bool:
        return end == reference.end

    def told(one: tuple[str, str]) -> Telling:
        component, kind = one
        story = STORY_OF.get(one, ROLLOUT)
        return tell(stage, story, lambda namespace: faults_of_a_watch(component, namespace)[kind], is_the_end)

    every = [(component, kind) for kind in KINDS for component in WATCHED]
    with ThreadPoolExecutor(LANES) as pool:
        return dict(zip(every, pool.map(told, every), strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("component", WATCHED)
def test_a_fault_of_a_watch_changes_nothing_in_the_end(
    reference: Telling, tellings: dict[tuple[str, str], Telling], component: str, kind: str
) -> None:
    told = tellings[component, kind]
    assert told.happened
    assert told.end.differences(reference.end) == []
    asked, wanted = (one.summary.done + one.summary.refused for one in (told, reference))
    assert not reference.summary.done - told.summary.done
    assert asked - wanted <= (ASKED_AGAIN if kind == "dropped" else Counter[Act]())
    assert told.broken == []


def test_a_slow_api_server_changes_nothing_in_the_end(stage: Stage, reference: Telling) -> None:
    def slow(namespace: str) -> list[Fault]:
        binds = Point("scheduler", Verb.CREATE, "pods/binding", namespace, ordinal=EACH)
        creates = Point("servicefooset", Verb.CREATE, "pods", namespace, ordinal=EACH)
        return [Delay(binds, LATE_SECONDS), Delay(creates, LATE_SECONDS / 2)]

    told = tell(stage, ROLLOUT, slow, lambda end: end == reference.end)
    assert (told.happened, told.end.differences(reference.end), told.broken) == (True, [], [])
    assert told.summary.done == reference.summary.done
