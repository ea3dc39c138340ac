"""What a fault may change in the summary of the writes, and why. Whatever is not here is a violation.

Done writes are never fewer than those of the reference, in no mode, and never more, but for one that changes nothing.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from e2e.faults.points import Verb
from e2e.sweep.outcome import Act, Summary
from e2e.sweep.points import Case, Mode


@dataclass(frozen=True, slots=True)
class Allowance:
    """By how many writes of the faulted kind a run may differ from the reference, at most, and the reason."""

    done: int = 0
    refused: int = 0
    kept_back: int = 0
    reason: str = ""


NONE: Final = Allowance()
BY_MODE: Final[Mapping[Mode, Allowance]] = {
    Mode.KILL_BEFORE: Allowance(kept_back=1, reason="the write that the component died at, done in its next life"),
    Mode.KILL_AFTER: NONE,
    Mode.REPLY_LOST: NONE,
    Mode.CONFLICT: Allowance(kept_back=1, reason="the answer is ours; the write is repeated after another look"),
    Mode.UNAVAILABLE: Allowance(kept_back=1, reason="the answer is ours; the write is repeated after a pause"),
    Mode.THROTTLED: Allowance(kept_back=1, reason="the answer is ours; the write is repeated when it may be"),
}
BY_MODE_AND_VERB: Final[Mapping[tuple[Mode, str], Allowance]] = {
    (Mode.REPLY_LOST, Verb.DELETE): Allowance(
        done=1,
        refused=1,
        reason="a DELETE on a kept connection that breaks is sent once more: a pod that is on its way out takes it and "
        "nothing changes; of one that is gone it is 404 or 409, by its uid",
    ),
    (Mode.REPLY_LOST, Verb.PATCH): Allowance(
        done=1,
        refused=1,
        reason="an apply is repeated where the watch is later than the back-off: a new child gets the same fields, so "
        "nothing changes; of one that was there it carries the version it was read at, and is refused",
    ),
}
TRIES_MAX: Final = 10
"""How often what the API server refuses is tried in one life of a component: no story lasts longer than the minute in
which that is the most."""
STATUSES_TIMES: Final = 2
STATUSES_MORE: Final = 4
"""How many statuses a run may write, as a multiple of the reference's and some: a look that ended early tells of work
half done, and a slower machine shows more of the states in between."""


def allowance(case: Case) -> Allowance:
    """Return what a case may change."""
    return BY_MODE_AND_VERB.get((case.mode, case.act[1]), BY_MODE[case.mode])


def violations(case: Case, run: Summary, reference: Summary) -> list[str]:
    """Return what in a run's writes is neither the reference's nor allowed; for a person."""
    allowed = allowance(case)
    most = STATUSES_TIMES * reference.statuses + STATUSES_MORE
    return [
        *_differences("done", run.done, reference.done, Counter({case.act: allowed.done})),
        *_differences("refused", run.refused, reference.refused, Counter({case.act: allowed.refused})),
        *_differences("kept back", run.kept_back, reference.kept_back, Counter({case.act: allowed.kept_back})),
        *([f"{run.statuses} statuses instead of {reference.statuses}"] if run.statuses > most else []),
    ]


def storms(case: Case, run: Summary, tried: Collection[tuple[str, str]]) -> list[str]:
    """Return what of these verbs and resources was tried more often than whoever is refused may."""
    most = TRIES_MAX * (2 if case.mode.kills else 1)
    return [
        f"refused: {count} times {' '.join(act)}, more than {most}"
        for act, count in sorted(run.refused.items())
        if act[1:] in tried and count > most
    ]


def _differences(what: str, run: Counter[Act], reference: Counter[Act], more: Counter[Act]) -> list[str]:
    acts = sorted({*run, *reference})
    return [
        f"{what}: {run[act]} times {' '.join(act)} instead of {reference[act]}"
        for act in acts
        if not reference[act] <= run[act] <= reference[act] + more[act]
    ]
