"""The rules of the layout, and that their linters can fail."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "controllers" / "foosets"
ROOMS = ("fooset", "batchfooset", "servicefooset", "scheduler", "fooquota")
ROOM_FILES = {"__init__.py", "state.py", "children.py", "plan.py", "status.py", "spans.py", "controller.py"}

BREACHES = {
    "a layer imports upwards": ("layers", "planning/naming.py", "import foosets.runtime.queue"),
    "a room imports another": ("layers", "fooset/plan.py", "import foosets.scheduler"),
    "a package outside the layers": ("layers", "drawer/__init__.py", '"""A new package."""'),
    "a plan imports the engine": ("pure", "batchfooset/plan.py", "import foosets.runtime.queue"),
    "a status reads the clock": ("pure", "fooset/status.py", "import time"),
    "planning draws at random": ("pure", "planning/conditions.py", "import random"),
    "the API waits": ("pure", "api/meta.py", "import asyncio"),
    "the engine calls the client": ("client", "runtime/loop.py", "import aiohttp"),
    "the command line imports a controller": ("cli", "cli/reading.py", "import foosets.fooset.plan"),
    "the command line imports the engine": ("cli", "cli/command.py", "import foosets.runtime.logs"),
    "an explanation asks the API server": ("pure", "cli/explanation.py", "import foosets.kube.client"),
    "the command line calls the client": ("client", "cli/reading.py", "import kubernetes_asyncio"),
    "a room calls the client": ("client", "scheduler/controller.py", "import kubernetes_asyncio"),
}
CONTRACTS = {
    "layers": "Imports point down; rooms never see each other BROKEN",
    "pure": "Plans, states, children, the vocabulary and the API are pure BROKEN",
    "client": "Only kube imports the client BROKEN",
    "cli": "The command line sees no engine, no placer and no controller BROKEN",
}


@pytest.mark.parametrize(("contract", "file", "line"), BREACHES.values(), ids=BREACHES.keys())
def test_the_linter_refuses_a_breach_of_each_contract(tmp_path: Path, contract: str, file: str, line: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "foosets", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    broken = tmp_path / "foosets" / file
    broken.parent.mkdir(exist_ok=True)
    before = broken.read_text() if broken.exists() else ""
    broken.write_text(f"{before}\n{line}\n")

    linted = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert linted.returncode == 1, linted.stderr
    if file.startswith("drawer"):
        assert "drawer" in linted.stdout + linted.stderr
    else:
        assert CONTRACTS[contract] in linted.stdout


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_the_same_anatomy(room: str) -> None:
    files = {path.name for path in (PACKAGE / room).iterdir() if path.suffix == ".py"}

    assert files <= ROOM_FILES
    assert files >= {"__init__.py", "state.py", "plan.py", "controller.py"}


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_it_reads_and_writes(room: str) -> None:
    text = (PACKAGE / room / "__init__.py").read_text()

    assert all(f"\n{word}: " in text for word in ("Reads", "Writes", "Never"))


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if (lines := len(path.read_text().splitlines())) > 320
    }

    assert long == {}


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda p: p.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = re.findall(r"`((?:controllers|crds|charts|e2e|tests|docs|foosets)/[\w./-]+)`", page.read_text())

    missing = [name for name in named if not any((base / name).exists() for base in (ROOT, ROOT / "controllers"))]

    assert missing == []
