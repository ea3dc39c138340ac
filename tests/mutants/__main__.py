"""`make mutants`: how many of a hundred small mistakes in the plans their rooms' tests notice.

Each mistake is made in a copy of the project, and the tests of the room concerned run there until one fails. A mistake
that none notices survives: either a test is missing, or nobody could tell the difference, and `EQUIVALENT` says why.
"""

import argparse
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from e2e.bench.figures import ROOT, write
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.mutate import Mutant, mutants

SOURCES: Final = Path("controllers/foosets")
PLANS: Final = ("fooset", "batchfooset", "servicefooset", "scheduler")
PLAN_FILES: Final = ("plan.py", "status.py", "children.py")
SHARED_FILES: Final = ("children.py", "conditions.py", "episodes.py", "indexes.py", "members.py", "rejections.py")
COPIED: Final = ("controllers", "crds", "charts", "e2e", "tests", "pyproject.toml")
GOAL: Final = 90
"""Of a hundred."""
LONGEST_SECONDS: Final = 300
"""Of CPU: a mistake that makes a test go on for ever is noticed, and a busy machine is no mistake."""


def main() -> int:
    """Make the mistakes, write the figures down; return 1 if too many survive."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=main.__doc__)
    parser.add_argument("--sample", type=int, default=100, help="how many mistakes; %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="which of them; %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time; %(default)s")
    options = parser.parse_args()
    every = [mutant for file in plan_files() for mutant in mutants(str(file), (ROOT / file).read_text())]
    drawn = random.Random(options.seed).sample(every, min(options.sample, len(every)))
    began = time.monotonic()
    noticed = try_all(drawn, options.jobs)
    survivors = [mutant for mutant in drawn if not noticed[mutant]]
    path = report(every, drawn, survivors, f"{time.monotonic() - began:.0f} s, {options.jobs} at a time")
    print(f"{len(drawn) - len(survivors)} of {len(drawn)} were noticed; see {path}")  # noqa: T201 - to a person
    return int((len(drawn) - len(survivors)) * 100 < GOAL * len(drawn))


def plan_files() -> list[Path]:
    """Return the files that mistakes are made in: plans with their status and children, and what they share."""
    own = [SOURCES / room / name for room in PLANS for name in PLAN_FILES]
    return [file for file in own if (ROOT / file).exists()] + [SOURCES / "planning" / name for name in SHARED_FILES]


def noticing(file: str) -> list[list[str]]:
    """Return the tests of the room concerned, those of the file first; then those of the rooms that share the file."""
    room, name = Path(file).parent.name, Path(file).stem
    own = f"tests/{room}/test_{name}.py"
    first = [*([own] if (ROOT / own).exists() else []), f"tests/{room}"]
    return [first, [f"tests/{sharing}" for sharing in PLANS]] if room == "planning" else [first]


def try_all(drawn: list[Mutant], jobs: int) -> dict[Mutant, bool]:
    """Return for each mistake whether a test noticed it."""
    with copies(jobs) as free, ThreadPoolExecutor(jobs) as threads:

        def attempt(mutant: Mutant) -> bool:
            folder = free.get()
            try:
                noticed = is_noticed(folder, mutant)
            finally:
                free.put(folder)
            print(f"{'noticed ' if noticed else 'SURVIVED'} {mutant}", flush=True)  # noqa: T201 - to a person
            return noticed

        control = free.get()
        for selected in noticing(str(SOURCES / "planning" / "members.py")):
            assert passes(control, selected), f"{selected} fail without a mistake"
        free.put(control)
        return dict(zip(drawn, threads.map(attempt, drawn), strict=True))


@contextmanager
def copies(count: int) -> Iterator[queue.SimpleQueue[Path]]:
    """Make so many copies of the project, each for one mistake at a time."""
    free = queue.SimpleQueue[Path]()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            copy = Path(folder) / str(number)
            copy.mkdir()
            for name in COPIED:
                source = ROOT / name
                (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
            free.put(copy)
        yield free


def is_noticed(folder: Path, mutant: Mutant) -> bool:
    """Make the mistake in that copy, run the tests until one fails, and mend it again."""
    file = folder / mutant.file
    source = file.read_text()
    file.write_text(mutant.applied(source))
    try:
        return not all(passes(folder, selected) for selected in noticing(mutant.file))
    finally:
        file.write_text(source)


def passes(folder: Path, selected: list[str]) -> bool:
    """Run tests in a copy; return whether all of them pass."""
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutants", "--hypothesis-seed=0"]
    options += ["-o", "timeout=0", "-m", "not cluster and not kind and not slow"]
    ran = subprocess.run(
        ["prlimit", f"--cpu={LONGEST_SECONDS}", sys.executable, "-m", "pytest", *options, *selected],
        cwd=folder,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},  # a file that is mended within a second looks unchanged
        check=False,
        capture_output=True,
    )
    assert ran.returncode in {0, 1, 2, -signal.SIGKILL, -signal.SIGXCPU}, ran.stdout.decode() + ran.stderr.decode()
    return ran.returncode == 0


def report(every: list[Mutant], drawn: list[Mutant], survivors: list[Mutant], took: str) -> Path:
    """Write down how many were noticed, by file, and what the others are."""
    by_file, alive = Counter(mutant.file for mutant in drawn), Counter(mutant.file for mutant in survivors)
    rows = [f"| `{file}` | {count} | {count - alive[file]} |" for file, count in sorted(by_file.items())]
    listed = [f"* `{mutant}`: {EQUIVALENT.get(key(mutant), 'a test is missing')}" for mutant in survivors]
    body = f"""Written by `make mutants`. Mistakes are made one at a time in a copy of the project, and the tests of the
room concerned run until one fails; those without a cluster only. Drawn from {len(every)} with a fixed seed; {took}.

| file | mistakes | noticed |
|---|---|---|
{chr(10).join(rows)}
| together | {len(drawn)} | {len(drawn) - len(survivors)} |

## Survivors

{chr(10).join(listed) or "None."}"""
    return write("mutants", "Mistakes in the plans that tests notice", body)


def key(mutant: Mutant) -> tuple[str, str, str]:
    """What stays the same of a mistake when lines above it come and go."""
    return mutant.file.removeprefix(f"{SOURCES}/"), mutant.before, mutant.after


if __name__ == "__main__":
    sys.exit(main())
