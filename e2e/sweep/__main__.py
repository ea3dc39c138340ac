"""`python -m e2e.sweep`: all of it, or what `--only` and `--story` choose. Exit status 1 when a point failed."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from e2e.bench import figures
from e2e.cluster.errors import explained
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.sweep import report
from e2e.sweep.points import Case
from e2e.sweep.runs import Result, Verdict
from e2e.sweep.stage import staged
from e2e.sweep.stories import STORIES
from e2e.sweep.sweeping import LANES, sweep


def main() -> None:
    """Sweep in a cluster of its own."""
    parser = argparse.ArgumentParser(prog="python -m e2e.sweep", description=__doc__)
    parser.add_argument("--only", action="append", type=Case.parse, default=[], help="one point; may be repeated")
    parser.add_argument(
        "--story", action="append", choices=[story.name for story in STORIES], default=[], help="all points of a story"
    )
    parser.add_argument("--lanes", type=int, default=LANES, help="runs at a time, where nobody is killed")
    asked = parser.parse_args()
    with explained(), tempfile.TemporaryDirectory() as folder:
        cluster = LocalCluster(Path(folder) / "cluster", progress=Progress())
        try:
            cluster.up()
            cluster.install()
            results = _sweep(cluster, asked)
        finally:
            cluster.down()
    sys.exit(any(one.verdict is Verdict.FAILED for one in results))


def _sweep(cluster: LocalCluster, asked: argparse.Namespace) -> list[Result]:
    began = time.monotonic()
    wanted = {*asked.story, *(case.story for case in asked.only)} or {story.name for story in STORIES}
    stories = [story for story in STORIES if story.name in wanted]
    with staged(cluster) as stage:
        results = list(_told(sweep(stage, stories, partial(_chosen, asked.only), asked.lanes)))
    if not (asked.only or asked.story):
        body = report.page(results, time.monotonic() - began, asked.lanes)
        print(figures.write("sweep", "A fault at every write", body))
    return results


def _chosen(only: Sequence[Case], every: Sequence[Case]) -> list[Case]:
    """Return the cases of one story that were asked for, or all of them."""
    story = every[0].story
    return [case for case in only if case.story == story] or list(every)


def _told(results: Iterable[Result]) -> Iterable[Result]:
    for result in results:
        print(report.line(result), flush=True)
        yield result


if __name__ == "__main__":
    main()
