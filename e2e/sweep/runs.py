"""One run of a story: with a fault or without, until it is quiet; and what to say of it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import count
from typing import Final

from e2e.cluster.errors import ClusterError
from e2e.faults.faults import Fault, KillAfter, KillBefore, LoseReply
from e2e.faults.traffic import Armed, Passed
from e2e.invariants.recorder import HoleError
from e2e.sweep.allowances import storms, violations
from e2e.sweep.outcome import End, Summary
from e2e.sweep.points import Case
from e2e.sweep.scene import PATIENCE_SECONDS, Scene
from e2e.sweep.stage import Stage
from e2e.sweep.stories import Story

QUIET_SECONDS: Final = 1.5
"""Without a write of ours. Longer than any pause that a fault of the sweep asks for, and than most back-offs."""
SETTLED_QUIET_SECONDS: Final = 3.0
"""Of a run that has no other to compare itself with, or in which a component dies: others do then, for other runs."""
POLL_SECONDS: Final = 0.3

_numbers = count(1)


class Verdict(StrEnum):
    """What a run showed."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    """The write was never made, so that nothing was shown."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A story that was told once. `happened` is whether the fault did; `broken` is what does not hold at its end."""

    end: End
    writes: Sequence[Passed]
    happened: bool
    broken: Sequence[str]

    @property
    def summary(self) -> Summary:
        """Its writes, counted."""
        return Summary.of(self.writes)


@dataclass(frozen=True, slots=True)
class Result:
    """A case and what became of it; `evidence` is what a person needs to see of a failure."""

    case: Case
    verdict: Verdict
    seconds: float
    evidence: Sequence[str] = field(default=())


def refer(stage: Stage, story: Story) -> Telling:
    """Tell a story without a fault; raises AssertionError where it is not sound, or not the same twice."""
    first, second = (tell(stage, story) for _ in range(2))
    assert not first.broken, f"{story.name}: {'; '.join(first.broken)}"
    assert first.end == second.end, f"{story.name} ends differently: {'; '.join(second.end.differences(first.end))}"
    told = [replace(one.summary.without_refused(story.tried), statuses=0) for one in (first, second)]
    assert told[0] == told[1], f"{story.name} does other work each time: {told}"
    assert first.writes, f"{story.name} is about nothing"
    return max(first, second, key=lambda one: one.summary.statuses)


def run(stage: Stage, story: Story, case: Case, reference: Telling) -> Result:
    """Tell a story with the fault of a case, and compare what came of it with the reference."""
    began, expected = time.monotonic(), _seen(reference.end, case)
    try:
        told = tell(stage, story, case.faults, lambda end: _seen(end, case) == expected)
    except (TimeoutError, HoleError, ClusterError) as error:
        return Result(case, Verdict.FAILED, time.monotonic() - began, [str(error)])
    summaries = [one.summary.without_refused(story.tried) for one in (told, reference)]
    wrong = [
        *_seen(told.end, case).differences(expected),
        *violations(case, *summaries),
        *storms(case, told.summary, story.tried),
        *told.broken,
    ]
    return Result(case, _verdict(told, wrong), time.monotonic() - began, wrong)


def _seen(end: End, case: Case) -> End:
    """Return as much of an end state as must be the reference's. Where one component is killed, all are, in turn."""
    return end.without_attempts() if case.mode.kills else end


def tell(
    stage: Stage,
    story: Story,
    faults_in: Callable[[str], Sequence[Fault]] | None = None,
    is_the_end: Callable[[End], bool] | None = None,
) -> Telling:
    """Tell a story in a namespace of its own, until its end has come, or gives up waiting for that."""
    with stage.connect() as server:
        scene = _begun(stage, story, Scene(server, f"{story.name}-{next(_numbers)}"))
        before = len(stage.traffic.writes(scene.namespace))
        with stage.traffic.arming(*(faults_in(scene.namespace) if faults_in else ())) as armed:
            story.act(scene)
            if is_the_end is None:
                wait_settled(stage, scene, SETTLED_QUIET_SECONDS)
            else:
                _wait(stage, scene, is_the_end, armed)
        told = Telling(
            end=End.of(scene),
            writes=stage.traffic.writes(scene.namespace)[before:],
            happened=all(one.happened.is_set() for one in armed),
            broken=[
                *map(str, stage.judge(scene.namespace, _lost(armed))),
                *(stage.flaws(scene) if story.traced else ()),
            ],
        )
        scene.end()
        return told


def _lost(armed: Sequence[Armed]) -> int:
    """Return how many replies were to be lost."""
    return sum(isinstance(one.fault, LoseReply) for one in armed)


def _verdict(told: Telling, wrong: Sequence[str]) -> Verdict:
    if wrong:
        return Verdict.FAILED
    return Verdict.PASSED if told.happened else Verdict.NOT_REACHED


def _begun(stage: Stage, story: Story, scene: Scene) -> Scene:
    """Bring a namespace to where the story starts."""
    scene.begin()
    story.begin(scene)
    if scene.sets():
        wait_settled(stage, scene, QUIET_SECONDS)
    return scene


def wait_settled(stage: Stage, scene: Scene, seconds: float) -> None:
    """Wait until every set has settled, and nothing was written for so many seconds."""
    quiet = _Quiet(stage, scene.namespace)
    scene.until(lambda: scene.has_settled() and quiet.seconds() >= seconds, "settled and quiet")


def _wait(stage: Stage, scene: Scene, is_the_end: Callable[[End], bool], armed: Sequence[Armed]) -> None:
    """Wait until the end has come and all is quiet; give up when it does not come."""
    quiet = _Quiet(stage, scene.namespace)
    kills = any(isinstance(one.fault, KillBefore | KillAfter) for one in armed)
    seconds = SETTLED_QUIET_SECONDS if kills else QUIET_SECONDS
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if not all(stage.is_alive(one.fault.at.component) for one in armed):
            quiet = _Quiet(stage, scene.namespace)
        elif scene.has_settled() and is_the_end(End.of(scene)) and quiet.seconds() >= seconds:
            return
        time.sleep(POLL_SECONDS)


class _Quiet:
    """For how long our components have written nothing in a namespace, as far as it was asked."""

    def __init__(self, stage: Stage, namespace: str) -> None:
        self._writes = lambda: len(stage.traffic.writes(namespace))
        self._since = time.monotonic()
        self._seen = self._writes()

    def seconds(self) -> float:
        """Return it."""
        seen = self._writes()
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return time.monotonic() - self._since
