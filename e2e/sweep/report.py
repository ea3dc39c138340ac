"""What a sweep found: for the person at the terminal, and as a page of figures."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from e2e.sweep.allowances import BY_MODE, BY_MODE_AND_VERB, STATUSES_MORE, STATUSES_TIMES, TRIES_MAX
from e2e.sweep.points import Mode
from e2e.sweep.runs import Result, Verdict

REPLAY: Final = "python -m e2e.sweep --only {}"


def line(result: Result) -> str:
    """Return one line of progress; of a failure also what is wrong, and how it is run again."""
    head = f"{result.verdict:11} {result.seconds:5.1f} s  {result.case}"
    if result.verdict is not Verdict.FAILED:
        return head
    return "\n".join([head, *(f"    {one}" for one in result.evidence), f"    {REPLAY.format(result.case)}"])


def page(results: Sequence[Result], seconds: float, lanes: int) -> str:
    """Return the body of the page of figures."""
    told = _counts(results)
    by_mode = _table("mode", [(str(mode), [one for one in results if one.case.mode is mode]) for mode in Mode])
    stories = list(dict.fromkeys(one.case.story for one in results))
    by_story = _table("story", [(story, [one for one in results if one.case.story == story]) for story in stories])
    return f"""\
Written by `make sweep`: {len(results)} points in {seconds / 60:.0f} minutes, up to {lanes} at a time where nobody is
killed. A point is a write of a story (component, verb, resource, ordinal) and what happens to it; every run is compared
with the story's run without a fault: the same end state, the same writes, and nothing afterwards.

{told[Verdict.PASSED]} passed, {told[Verdict.FAILED]} failed, {told[Verdict.NOT_REACHED]} were not reached: the write of
that ordinal was not made in that run, which shows nothing.

{by_mode}
{by_story}
## What may differ

Of the faulted kind of write there may be so many more than without the fault; fewer are never allowed.

{_allowances()}
Statuses may be {STATUSES_TIMES} times as many and {STATUSES_MORE}: a slower machine shows more of what is in between.
What the API server refuses for a while may be tried {TRIES_MAX} times in one life of a component.
{_not_reached(results)}"""


def rest(seconds: float, restless: Sequence[str]) -> str:
    """Return what to say of the time after the sweep in which nothing happened."""
    said = "\n".join(f"* {one}" for one in restless) if restless else "None of that happened."
    return f"""
## Afterwards

Over {seconds / 60:.0f} minutes with one settled set: a write other than to a Lease, a list or a watch that is asked for
more than once a minute, a span. {said}
"""


def _table(first: str, rows: Iterable[tuple[str, Sequence[Result]]]) -> str:
    lines = [f"| {first} | points | {' | '.join(Verdict)} |", "|---|---|---|---|---|"]
    for name, results in rows:
        told = _counts(results)
        lines.append(f"| {name} | {len(results)} | {' | '.join(str(told[one]) for one in Verdict)} |")
    return "\n".join(lines) + "\n"


def _counts(results: Iterable[Result]) -> Counter[Verdict]:
    return Counter(one.verdict for one in results)


def _allowances() -> str:
    by_mode = [(str(mode), allowed) for mode, allowed in BY_MODE.items() if allowed.reason]
    by_verb = [(f"{mode} of a {verb}", allowed) for (mode, verb), allowed in BY_MODE_AND_VERB.items()]
    rows = [
        f"| {name} | {one.done} | {one.refused} | {one.kept_back} | {one.reason} |"
        for name, one in (*by_mode, *by_verb)
    ]
    return "\n".join(["| fault | done | refused | kept back | because |", "|---|---|---|---|---|", *rows]) + "\n"


def _not_reached(results: Iterable[Result]) -> str:
    names = [f"* `{one.case}`\n" for one in results if one.verdict is Verdict.NOT_REACHED]
    return "\n## Not reached\n\n" + "".join(names) if names else ""
