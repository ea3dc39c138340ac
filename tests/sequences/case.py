"""One case: a story, an order, and perhaps a component that is killed at one of its writes, or a watch that is late.

A case says how it is played again:

    python -m tests.sequences scale_up --seed 17
    python -m tests.sequences first_rollout --kill batchfooset:3:after
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Final

from foosets.api.names import Component
from tests.sequences.cell import Cell, Played, RestlessError, play
from tests.sequences.orders import FIXED, Order, nobody
from tests.sequences.outcome import Outcome
from tests.sequences.stories import CONTESTED, STORIES, TAKEN_AWAY
from tests.virtualtime import HangsError

WHENS: Final = ("before", "after", "lost")

LATE_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Kill:
    """A component dies at its write of that number, before the server does it or after it has.

    Or it lives on, and the answer is `lost`.
    """

    component: Component
    write: int
    when: str

    @classmethod
    def parse(cls, text: str) -> "Kill":
        """Read what `str` has written."""
        component, write, when = text.split(":")
        return cls(Component(component), int(write), when)

    def strikes(self, component: Component, write: int, when: str) -> bool:
        """See `orders.Strike`."""
        return (component, write, when) == (self.component, self.write, self.when)

    def __str__(self) -> str:
        """As the command line takes it."""
        return f"{self.component}:{self.write}:{self.when}"


@dataclass(frozen=True, slots=True)
class Case:
    """What is played."""

    story: str
    order: Order = FIXED
    kill: Kill | None = None
    late: str = ""
    """The resource whose watches are ten minutes late, for everybody."""

    def play(self) -> Played:
        """Play it."""
        return play(self._tell, self.order, self.kill.strikes if self.kill else nobody)

    async def _tell(self, cell: Cell) -> None:
        if self.late:
            cell.delay(self.late, LATE_SECONDS)
        await STORIES[self.story](cell)

    def __str__(self) -> str:
        """The command that plays it again."""
        seed = f" --seed {self.order.seed}" if self.order.seed is not None else ""
        kill = f" --kill {self.kill}" if self.kill is not None else ""
        late = f" --late {self.late}" if self.late else ""
        return f"python -m tests.sequences {self.story}{seed}{kill}{late}"


def kills(story: str) -> Iterator[Kill]:
    """Yield every way to kill a component in a story: at each of its writes in the fixed order, in each way."""
    for component, writes in reference(story).writes.items():
        for write in range(1, writes + 1):
            for when in WHENS:
                yield Kill(component, write, when)


@cache
def reference(story: str) -> Played:
    """Return the story as it goes in the fixed order when nothing happens."""
    return Case(story).play()


def problems(case: Case) -> list[str]:
    """Play a case; return what does not hold, each in a line, without a line if all is well."""
    try:
        played = case.play()
    except (HangsError, RestlessError) as error:
        return [str(error)]
    return [
        *_unmet(case, played),
        *_bugs(played),
        *_met(played),
        *map(str, played.violations()),
        *_differences(case, played),
    ]


def _unmet(case: Case, played: Played) -> Iterator[str]:
    if case.kill is not None and not played.strikes:
        yield f"nothing happened: {case.kill} was not reached"


def _met(played: Played) -> Iterator[str]:
    """Yield creations of what was there already: nobody forgets what he has made, or makes it before he has looked."""
    for write in played.history.writes:
        if (write.verb, write.code) == ("create", 409) and write.resource != "pods/binding":
            yield f"the creation of {write.resource} {write.name} met one that was there"


def _bugs(played: Played) -> Iterator[str]:
    for component, failures in played.failures.items():
        if "bug" in failures:
            yield f"{component} logged a bug"


def _differences(case: Case, played: Played) -> Iterator[str]:
    """Yield how the outcome is not the fixed order's; a contested story may well end in another way.

    A pod that is gone before its controller, which died meanwhile, has written down that it ended, was never there: the
    next one of its slot has its attempt again (docs/decisions/0011-a-pod-that-went-unseen-was-never-there.md).
    """
    if case.story in CONTESTED:
        return
    seen = case.kill is None or case.story not in TAKEN_AWAY
    wanted, found = (Outcome.of(one, attempts=seen) for one in (reference(case.story), played))
    for part in fields(Outcome):
        one, other = getattr(wanted, part.name), getattr(found, part.name)
        for key in sorted({*one, *other}, key=str):
            if one.get(key) != other.get(key):
                yield f"{part.name} differ in {key}: {other.get(key)} instead of {one.get(key)}"
