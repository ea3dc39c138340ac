"""The whole contest and its page: `python -m e2e.bench.contest [--pods N] [--nodes N] [--repeats N] [--only NAMES]`.

Brings up a cluster of its own and takes it down. With all rivals it writes `bench.md`, `bench.json` and `bench.svg` to
docs/operations/figures/, or to --figures; with some of them it prints only.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
import msgspec

from e2e.bench import figures
from e2e.bench.contest.arena import Arena
from e2e.bench.contest.bars import Bar, draw
from e2e.bench.contest.race import Run, race
from e2e.bench.contest.report import Results, Size, page, rates
from e2e.bench.contest.rivals import RIVALS, Rival, chosen
from e2e.cluster.progress import Progress

TITLE: Final = "Pods bound per second"
WARMING: Final = 10
"""The round before the first has so many times fewer pods: it fills caches and opens what is opened once."""


def rounds(rivals: Sequence[Rival], repeats: int) -> Iterator[Sequence[Rival]]:
    """Return the order of each round: forwards and backwards in turn (A B B A ...)."""
    for number in range(repeats):
        yield rivals if number % 2 == 0 else rivals[::-1]


def contest(arena: Arena, rivals: Sequence[Rival], size: Size, repeats: int) -> Results:
    """Let all run so often, in turns; return their runs."""
    found: dict[str, list[Run]] = {rival.name: [] for rival in rivals}
    for rival in rivals:
        _one(arena, rival, Size(-(-size.pods // WARMING), size.nodes))
    for order in rounds(rivals, repeats):
        for rival in order:
            found[rival.name].append(_one(arena, rival, size))
    return found


def _one(arena: Arena, rival: Rival, size: Size) -> Run:
    arena.have_suite(present=rival.suite)
    run = anyio.run(race, arena, rival, size.pods, size.nodes)
    print(f"{rival.name:12}{run.pods:6} pods{run.rate:6.0f} bound/s{run.running_seconds:7.1f} s to run", flush=True)
    return run


def write(folder: Path, size: Size, rivals: Sequence[Rival], results: Results) -> None:
    """Write the page, its figures and its picture."""
    bars = [Bar(rival.title.replace("*", ""), rates(results[rival.name]), rival.suite) for rival in rivals]
    data = {"facts": figures.facts(), "size": size, "runs": results}
    figures.write("bench", TITLE, page(size, rivals, results), folder)
    (folder / "bench.json").write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n")
    (folder / "bench.svg").write_text(draw(TITLE, bars), encoding="utf-8")


def main() -> None:
    """Hold the contest, print what it found, write it down."""
    options = _options()
    rivals, size = chosen(options.only), Size(options.pods, options.nodes)
    with TemporaryDirectory(prefix="foosets-bench-") as folder:
        arena = Arena(Path(folder) / "cluster", Progress())
        try:
            arena.up(size.nodes)
            results = contest(arena, rivals, size, options.repeats)
        finally:
            arena.down()
    print(f"\n{page(size, rivals, results)}\n")
    if len(rivals) == len(RIVALS):
        write(options.figures, size, rivals, results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m e2e.bench.contest", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pods", type=int, default=1_000, help="of each run; eight fit on a node")
    parser.add_argument("--nodes", type=int, default=1_000, help="simulated ones")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument("--only", type=lambda names: names.split(","), default=[], help="some of the rivals, by name")
    parser.add_argument("--figures", type=Path, default=figures.FIGURES, help="where the page goes")
    return parser.parse_args()


if __name__ == "__main__":
    main()
