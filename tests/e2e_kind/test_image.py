"""The suite's image, as an engine has it."""

import json
from typing import Any

import pytest

from e2e.cluster.engine import Engine
from e2e.cluster.images import plain_name, version
from e2e.cluster.kind import KindCluster

pytestmark = pytest.mark.kind

OWN_MEGABYTES = 110
"""Without its base."""
BUILD_TOOLS = ("cc", "gcc", "make", "git", "go", "cargo", "/opt/foosets/bin/pip", "/opt/foosets/bin/uv")


@pytest.fixture
def image(kind_suite: KindCluster) -> dict[str, Any]:
    return json.loads(kind_suite.engine.docker("image", "inspect", plain_name()))[0]


def run(*command: str) -> str:
    return Engine().docker("run", "--rm", "--read-only", "--network=none", plain_name(), *command)


def test_it_is_nobody_s_and_says_what_it_is(image: dict[str, Any]) -> None:
    assert image["Config"]["User"] == "65532:65532"
    labels = image["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == version()
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.revision"]


def test_it_is_small(kind_suite: KindCluster) -> None:
    shown = ("--human=false", "--no-trunc", "--format", "{{.Size}} {{.CreatedBy}}")
    layers = kind_suite.engine.docker("history", *shown, plain_name()).splitlines()
    own = sum(int(layer.split()[0]) for layer in layers if "/opt/foosets" in layer)
    assert 0 < own < OWN_MEGABYTES * 10**6


@pytest.mark.usefixtures("kind_suite")
def test_every_component_is_in_it_and_needs_no_writable_root() -> None:
    assert "run" in run("foosets", "--help")
    rooms = ["fooset", "batchfooset", "servicefooset", "scheduler", "fooquota"]
    assert run("python", "-c", "".join(f"import foosets.{room}.controller\n" for room in rooms)) == ""


@pytest.mark.usefixtures("kind_suite")
def test_no_build_tool_is_in_it() -> None:
    found = run("sh", "-c", " ".join(f"command -v {tool};" for tool in BUILD_TOOLS) + " true")
    assert found == ""
