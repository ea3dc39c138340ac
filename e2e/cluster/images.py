"""The images that a cluster of containers runs: the suite's own, built here, and Jaeger's.

An image of ours is named after its content, `foosets:0.1.0-<start of its id>`: a new build is a new name, so that
Deployments roll exactly when the code changed.
"""

import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from e2e.cluster.engine import Engine
from e2e.cluster.supervision import REPOSITORY

REPOSITORY_NAME: Final = "foosets"
BASE_VARIABLE: Final = "BASE_IMAGE"
"""Another base image than the Dockerfile's, for the build."""
ID_LENGTH: Final = 12
JAEGER_CHART: Final = REPOSITORY / "charts" / "jaeger"
PACKED: Final = Path(__file__).parent / "jaeger-image"
"""The Dockerfile of an image for a Jaeger that was built here."""


def version() -> str:
    """Return the suite's version, which is also the tag that the chart takes by default."""
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def plain_name() -> str:
    """Return the image's name as the chart and the examples have it."""
    return f"{REPOSITORY_NAME}:{version()}"


def build_suite(engine: Engine, log: Path) -> str:
    """Build the suite's image as `foosets:<version>` and return its name by content."""
    plain = plain_name()
    arguments = {"VERSION": version(), "REVISION": _revision()}
    if base := engine.environ.get(BASE_VARIABLE):
        arguments["BASE"] = base
    image_id = engine.build(plain, REPOSITORY, log, arguments)
    named = f"{plain}-{image_id.removeprefix('sha256:')[:ID_LENGTH]}"
    engine.docker("tag", image_id, named)
    return named


def have_jaeger(engine: Engine, log: Path, program: Callable[[], Path]) -> str:
    """Return Jaeger's image: what the engine has, else the official one pulled, else `program` packed as it."""
    image = jaeger_image()
    if not engine.image_id(image) and not engine.pull(image, log):
        with tempfile.TemporaryDirectory(prefix="foosets-jaeger-") as context:
            shutil.copy(PACKED / "Dockerfile", context)
            shutil.copy(program(), Path(context, "jaeger"))
            engine.build(image, Path(context), log, {})
    return image


def jaeger_image() -> str:
    """Return the image that the chart of Jaeger runs by default."""
    values = _yaml(JAEGER_CHART / "values.yaml")["image"]
    return f"{values['repository']}:{values['tag'] or _yaml(JAEGER_CHART / 'Chart.yaml')['appVersion']}"


def _yaml(file: Path) -> Mapping[str, Any]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def _revision() -> str:
    """Return the commit; "unknown" where there is no git, as in an unpacked archive."""
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
