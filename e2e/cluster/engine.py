"""The container engine: docker, or a program that answers as docker does.

Its settings (which host, which context) are the user's, so that his environment goes in as it is.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from e2e.cluster.errors import ClusterError
from e2e.cluster.leash import leashed

PROGRAM: Final = "docker"
ANSWER_SECONDS: Final = 10.0
COMMAND_SECONDS: Final = 120.0
PULL_SECONDS: Final = 600.0
TIMED_OUT: Final = 124


@dataclass(frozen=True, slots=True)
class Engine:
    """Runs one command at a time; a command that fails raises ClusterError with what it printed."""

    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def answers(self) -> bool:
        """Return whether there is an engine, and it answers."""
        if shutil.which(PROGRAM, path=self.environ.get("PATH")) is None:
            return False
        try:
            return self._run(("info", "--format", "{{.ServerVersion}}"), ANSWER_SECONDS).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def docker(self, *args: str, seconds: float = COMMAND_SECONDS) -> str:
        """Run docker and return what it printed."""
        try:
            done = self._run(args, seconds)
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{PROGRAM} {' '.join(args)} took longer than {seconds:.0f} s") from error
        if done.returncode:
            raise ClusterError(f"{PROGRAM} {' '.join(args)} failed:\n{done.stderr.strip()}")
        return done.stdout.strip()

    def image_id(self, image: str) -> str:
        """Return the id of an image that the engine has; "" if it has none of that name."""
        found = self._run(("image", "inspect", "--format", "{{.Id}}", image), COMMAND_SECONDS)
        return found.stdout.strip() if found.returncode == 0 else ""

    def pull(self, image: str, log: Path) -> bool:
        """Return whether the engine could pull an image; the log says why not."""
        return self._logged(("pull", image), log, PULL_SECONDS) == 0

    def build(self, image: str, context: Path, log: Path, arguments: Mapping[str, str]) -> str:
        """Build an image from the Dockerfile of a directory; return its id, whoever takes the name meanwhile."""
        with TemporaryDirectory(prefix="foosets-build-") as directory:
            built = Path(directory, "id")
            # Steps that fetch packages reach what this machine reaches, a proxy on loopback included.
            options = ["--network=host", f"--iidfile={built}", f"--tag={image}"]
            options += [f"--build-arg={name}={value}" for name, value in arguments.items()]
            if self._logged(("build", *options, str(context)), log, PULL_SECONDS):
                raise ClusterError(f"building the image {image} failed", log=log)
            return built.read_text(encoding="ascii").strip()

    def _run(self, args: tuple[str, ...], seconds: float) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [PROGRAM, *args], env=self.environ, capture_output=True, text=True, timeout=seconds, check=False
        )

    def _logged(self, args: tuple[str, ...], log: Path, seconds: float) -> int:
        """Return the exit status; 124, as of timeout(1), when time was up."""
        with log.open("ab") as sink, suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                leashed(PROGRAM, *args), env=self.environ, stdout=sink, stderr=sink, timeout=seconds, check=False
            ).returncode
        return TIMED_OUT
