"""One history on both servers, and the first thing that they say differently."""

import difflib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foosets.api.meta import NAMESPACES
from foosets.kube.transport import JSON
from tests.fake.apiserver import FakeApiServer, loop_clock
from tests.fake.histories import FENCES, History, Step, Watched
from tests.fake.sides import Fake, Real, Reply, Side, comparable


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Where two servers parted: the step or watch, and what each of them said."""

    place: Step | Watched
    fake: Reply | None
    real: Reply | None

    def __str__(self) -> str:
        """Return what a person needs to see it."""
        ours, theirs = (_lines(reply) for reply in (self.fake, self.real))
        difference = difflib.unified_diff(ours, theirs, "fake", "real", lineterm="")
        return "\n".join([repr(self.place), *difference])


async def compare(history: History, real: Real, namespace: str) -> Disagreement | None:
    """Let both servers go through a history, in a namespace of its own; return where they part, or None."""
    server = FakeApiServer(loop_clock(), random.Random(0), namespaces=(namespace,))
    body = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}).encode()
    await real.request("POST", NAMESPACES.path(), body, JSON)
    fake_side, real_side = sides = (Side(Fake(server), namespace), Side(real, namespace))
    places: list[Step | Watched] = []
    marked = {watched.since for watched in history.watches} - {0}
    for number, step in enumerate((*history.steps, *FENCES), 1):
        for side in sides:
            await side.take(step)
            if number in marked:
                await side.mark(number)
        places += [step] * (len(fake_side.replies) - len(places))
    for watched in history.watches:
        events = await fake_side.follow(watched)
        await real_side.follow(watched, events)
        places += [watched] * events
    return _first(places, *(comparable(namespace, side.replies) for side in sides))


def _first(places: Sequence[Step | Watched], fake: list[Reply], real: list[Reply]) -> Disagreement | None:
    for number, (ours, theirs) in enumerate(zip(fake, real, strict=False)):
        if ours != theirs:
            return Disagreement(places[number], ours, theirs)
    shorter = min(len(fake), len(real))
    if len(fake) != len(real):
        ours, theirs = (side[shorter] if len(side) > shorter else None for side in (fake, real))
        return Disagreement(places[min(shorter, len(places) - 1)], ours, theirs)
    return None


def _lines(reply: Any) -> list[str]:
    return json.dumps(reply, indent=1, sort_keys=True).split("\n")
