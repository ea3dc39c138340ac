"""A sweep: story by story the reference, then every case.

Those that kill nobody run side by side, each in its namespace; then those that kill, one at a time for each component.
A death is so felt in the other components' runs, too, which is more than was asked for and must change nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Final

from e2e.sweep.points import Case, cases
from e2e.sweep.runs import Result, Telling, refer, run
from e2e.sweep.stage import Stage
from e2e.sweep.stories import Story

LANES: Final = 4
"""Runs at a time in which nobody is killed."""


Choice = Callable[[Sequence[Case]], Iterable[Case]]
"""Which of a story's cases are to be run."""


def sweep(stage: Stage, stories: Iterable[Story], choose: Choice, lanes: int = LANES) -> Iterator[Result]:
    """Run the chosen cases of each story and yield their results as they come."""
    for story in stories:
        with stage.recording():
            reference = refer(stage, story)
            chosen = list(choose(cases(story.name, reference.writes)))
            yield from _run_all(partial(_run, stage, story, reference), chosen, lanes)


def _run(stage: Stage, story: Story, reference: Telling, case: Case) -> Result:
    return run(stage, story, case, reference)


def _run_all(run_one: Callable[[Case], Result], chosen: Sequence[Case], lanes: int) -> Iterator[Result]:
    with ExitStack() as stack:
        pool = stack.enter_context(_lanes(lanes))
        yield from _results([pool.submit(run_one, case) for case in chosen if not case.mode.kills])
        killed = {component: stack.enter_context(_lanes(1)) for component in {case.act[0] for case in chosen}}
        yield from _results([killed[case.act[0]].submit(run_one, case) for case in chosen if case.mode.kills])


@contextmanager
def _lanes(count: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads for runs; who leaves early waits for those that have begun, and for no others."""
    pool = ThreadPoolExecutor(count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _results(running: Iterable[Future[Result]]) -> Iterator[Result]:
    return (done.result() for done in as_completed(running))
