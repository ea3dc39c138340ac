"""`make mutants`: how many of a hundred small mistakes in the plans their rooms' tests notice.

Each mistake is made in a copy of the project, and the tests of the room concerned run there until one fails. A mistake
that none notices survives: either a test is missing, or nobody could tell the difference, and `EQUIVALENT` says why.
"""

import argparse
import importlib
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import pytest

from e2e.bench.figures import ROOT, write
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.mutate import Mutant, mutants

SOURCES: Final = Path("controllers/foosets")
PLANS: Final = ("fooset", "batchfooset", "servicefooset", "scheduler")
PLAN_FILES: Final = ("plan.py", "status.py", "children.py")
SHARED_FILES: Final = (
    "children.py",
    "conditions.py",
    "episodes.py",
    "indexes.py",
    "member.py",
    "members.py",
    "rejections.py",
)
COPIED: Final = ("controllers", "crds", "charts", "e2e", "tests", "pyproject.toml")
GOAL: Final = 90
"""Of a hundred."""
PRELOADED: Final = (
    "aiohttp.web",
    "anyio",
    "hypothesis",
    "kubernetes_asyncio.client",
    "opentelemetry.sdk.trace",
    "pydantic",
)
"""What takes long to import; a mistake costs a fork of a process that has done so."""
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
    for name in PRELOADED:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(jobs, get_context("fork")) as processes:
        control = copied(Path(folder) / "control")
        for selected in noticing(str(SOURCES / "planning" / "members.py")):
            assert passes(control, selected), f"{selected} fail without a mistake"
        return dict(zip(drawn, processes.map(attempt, [Path(folder)] * len(drawn), drawn), strict=True))


def attempt(folder: Path, mutant: Mutant) -> bool:
    """Return whether a test notices the mistake; each process has a copy of the project to make it in."""
    copy = folder / str(os.getpid())
    noticed = is_noticed(copy if copy.exists() else copied(copy), mutant)
    print(f"{'noticed ' if noticed else 'SURVIVED'} {mutant}", flush=True)  # noqa: T201 - to a person
    return noticed


def copied(folder: Path) -> Path:
    """Copy what tests without a cluster need of the project, and return where to."""
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    return folder


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
    """Run tests in a copy, in a process that has what they need from elsewhere; return whether all of them pass."""
    child = os.fork()
    if not child:
        os._exit(run_in(folder, selected))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, 1, 2, -signal.SIGXCPU}, f"pytest ended with {code}: {selected}"
    return code == 0


def run_in(folder: Path, selected: list[str]) -> int:
    """Be a process of that copy from here on, and run tests; return pytest's exit code."""
    os.chdir(folder)
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, sys.stdout.fileno())
    os.dup2(quiet, sys.stderr.fileno())
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_SECONDS, LONGEST_SECONDS))
    sys.dont_write_bytecode = True  # a file that is mended within a second looks unchanged
    sys.path[:] = [path for path in sys.path if not Path(path or ROOT).resolve().is_relative_to(ROOT / "controllers")]
    for name in [name for name in sys.modules if name.partition(".")[0] in {"e2e", "foosets", "tests"}]:
        del sys.modules[name]
    options = ["-x", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=mutants", "--hypothesis-seed=0"]
    options += [
        "-W",
        "ignore::pytest.PytestAssertRewriteWarning",
        "-o",
        "timeout=0",
        "-m",
        "not cluster and not kind and not slow",
    ]
    return pytest.main([*options, *selected])


def report(every: list[Mutant], drawn: list[Mutant], survivors: list[Mutant], took: str) -> Path:
    """Write down how many were noticed, by file, and what the others are."""
    by_file, alive = Counter(mutant.file for mutant in drawn), Counter(mutant.file for mutant in survivors)
    rows = [f"| `{file}` | {count} | {count - alive[file]} |" for file, count in sorted(by_file.items())]
    listed = [f"* {mutant}: {EQUIVALENT.get(key(mutant), 'a test is missing')}" for mutant in survivors]
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
