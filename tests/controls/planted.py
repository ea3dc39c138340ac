"""A copy of the package with a mistake in it, and a case played with that copy."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.controls.variants import Variant
from tests.sequences.case import Case

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = ROOT / "controllers" / "foosets"
SECONDS: Final = 300


class UnplantableError(AssertionError):
    """The text that a change replaces does not stand once where it should."""


def plant(variant: Variant, directory: Path) -> None:
    """Put the package into a directory, with the variant's changes."""
    shutil.copytree(PACKAGE, directory / "foosets", ignore=shutil.ignore_patterns("__pycache__"))
    for change in variant.changes:
        file = directory / "foosets" / change.file
        text = file.read_text(encoding="utf-8")
        if text.count(change.old) != 1:
            raise UnplantableError(f"{variant.name}: {change.file} has {text.count(change.old)} times: {change.old}")
        file.write_text(text.replace(change.old, change.new), encoding="utf-8")


def findings(case: Case, directory: Path) -> list[str]:
    """Play a case with the package in a directory; return the lines that say what does not hold."""
    played = subprocess.run(
        [sys.executable, *str(case).split()[1:], "--quiet"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(directory)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert played.returncode in {0, 1}, played.stderr
    assert str(directory) in played.stderr, "the copy was not the one that was played"
    return played.stdout.splitlines()
