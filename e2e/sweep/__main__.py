"""`python -m e2e.sweep`: all of it, or what `--only` and `--story` choose. Exit status 1 when a point failed."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from e2e.apiserver import ApiServer
from e2e.bench import figures
from e2e.cluster.errors import explained
from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.idle import rest
from e2e.sweep import report
from e2e.sweep.points import Case
from e2e.sweep.runs import Result, Verdict
from e2e.sweep.scene import Scene
from e2e.sweep.stage import staged
from e2e.sweep.stories import STORIES
from e2e.sweep.sweeping import LANES, sweep

IDLE_SECONDS: Final = 600.0
AT_REST_SECONDS: Final = 30.0
"""For the last writes to be written down, and the last namespaces of the sweep to be gone."""


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
            sound = _sweep(cluster, asked) if asked.only or asked.story else _sweep_all(cluster, asked)
        finally:
            cluster.down()
    sys.exit(not sound)


def _sweep_all(cluster: LocalCluster, asked: argparse.Namespace) -> bool:
    """Sweep and rest, and write the figures; return whether nothing was wrong."""
    began = time.monotonic()
    results = _results(cluster, asked)
    seconds = time.monotonic() - began
    restless = _rest(cluster)
    body = report.page(results, seconds, asked.lanes) + report.rest(IDLE_SECONDS, restless)
    print(figures.write("sweep", "A fault at every write", body))
    return _are_sound(results) and not restless


def _sweep(cluster: LocalCluster, asked: argparse.Namespace) -> bool:
    """Run what was asked for; return whether nothing was wrong."""
    return _are_sound(_results(cluster, asked))


def _results(cluster: LocalCluster, asked: argparse.Namespace) -> list[Result]:
    wanted = {*asked.story, *(case.story for case in asked.only)} or {story.name for story in STORIES}
    stories = [story for story in STORIES if story.name in wanted]
    with staged(cluster) as stage:
        return list(_told(sweep(stage, stories, partial(_chosen, asked.only), asked.lanes)))


def _are_sound(results: Iterable[Result]) -> bool:
    return all(one.verdict is not Verdict.FAILED for one in results)


def _rest(cluster: LocalCluster) -> list[str]:
    """Let one set settle, and see what the suite does afterwards."""
    with ApiServer.of(cluster.kubeconfig) as server:
        scene = Scene(server, "idle")
        scene.begin()
        STORIES[0].act(scene)
        scene.until(scene.has_settled, "settled")
    time.sleep(AT_REST_SECONDS)
    return rest(cluster, IDLE_SECONDS)


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
