"""Which write of a story meets which fault: read off the story's run without one."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from e2e.faults.faults import CONFLICT, THROTTLED, UNAVAILABLE, Answer, Fault, KillAfter, KillBefore, LoseReply
from e2e.faults.points import Point, Verb
from e2e.faults.traffic import Passed
from e2e.sweep.outcome import Act, act_of, is_event, is_status

RETRY_AFTER_SECONDS = 1


class Mode(StrEnum):
    """What happens at a write."""

    KILL_BEFORE = "kill-before"
    KILL_AFTER = "kill-after"
    REPLY_LOST = "reply-lost"
    CONFLICT = "409"
    UNAVAILABLE = "503"
    THROTTLED = "429"

    @property
    def kills(self) -> bool:
        """Whether the component has to be started again."""
        return self in {Mode.KILL_BEFORE, Mode.KILL_AFTER}


@dataclass(frozen=True, slots=True)
class Case:
    """One run: a story, one of its writes, and what happens there. `str` is how a person asks for it again."""

    story: str
    act: Act
    ordinal: int
    mode: Mode

    def __str__(self) -> str:
        return ":".join((self.story, *self.act, str(self.ordinal), self.mode))

    @classmethod
    def parse(cls, text: str) -> "Case":
        """Read what `str` wrote; raises ValueError for anything else."""
        story, component, verb, resource, ordinal, mode = text.split(":")
        return cls(story, (component, str(Verb(verb)), resource), int(ordinal), Mode(mode))

    def faults(self, namespace: str) -> tuple[Fault]:
        """Return the one fault, waiting in a namespace."""
        component, verb, resource = self.act
        point = Point(component, Verb(verb), resource, namespace, ordinal=self.ordinal)
        match self.mode:
            case Mode.KILL_BEFORE:
                return (KillBefore(point),)
            case Mode.KILL_AFTER:
                return (KillAfter(point),)
            case Mode.REPLY_LOST:
                return (LoseReply(point),)
            case Mode.CONFLICT:
                return (Answer(point, *CONFLICT),)
            case Mode.UNAVAILABLE:
                return (Answer(point, *UNAVAILABLE),)
            case Mode.THROTTLED:
                return (Answer(point, *THROTTLED, RETRY_AFTER_SECONDS),)
            case _:
                assert_never(self.mode)


def cases(story: str, writes: Iterable[Passed]) -> list[Case]:
    """Return every case of a story: each kind of write, at its first, middle and last, in every mode.

    Not at the last status: how many there are differs from run to run; and at no Event, which need not come.
    """
    counted: dict[Act, int] = {}
    for act in (act_of(one.request) for one in writes):
        if is_event(act):
            continue
        counted[act] = counted.get(act, 0) + 1
    return [
        Case(story, act, ordinal, mode)
        for act, count in counted.items()
        for ordinal in _ordinals(act, count)
        for mode in Mode
    ]


def _ordinals(act: Act, count: int) -> list[int]:
    middle = (count + 1) // 2
    return sorted({1, middle} if is_status(act) else {1, middle, count})


def sample(every: Iterable[Case]) -> list[Case]:
    """Return a few cases of many: each component with each mode once, at different kinds of write.

    Of the statuses only the first: a busy machine skips some, and then a later one is not reached.
    """
    chosen: dict[tuple[str, Mode], list[Case]] = {}
    for case in every:
        if case.ordinal == 1 or not is_status(case.act):
            chosen.setdefault((case.act[0], case.mode), []).append(case)
    return [cases[number % len(cases)] for number, cases in enumerate(chosen.values())]
