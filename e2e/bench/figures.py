"""What a benchmark found, written down with the commit and the machine that it was found on."""

import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FIGURES: Final = ROOT / "docs" / "operations" / "figures"


def commit() -> str:
    """Return the commit that was measured, and whether there were changes on top of it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    return f"{head}, with changes on top" if _git("status", "--porcelain", "--", "controllers", "e2e") else head


def machine() -> str:
    """Return the shape of this machine."""
    return f"{os.cpu_count()} x {_cpu()}, {platform.system()} {platform.release()}, {_python()}"


def median_with_spread(values: Sequence[float]) -> str:
    """Return `median (lowest-highest)`."""
    return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"


def facts() -> dict[str, str]:
    """Return what a figure is worth nothing without."""
    return {"commit": commit(), "machine": machine(), "load average of 15 minutes": f"{os.getloadavg()[2]:.1f}"}


def write(name: str, title: str, body: str, folder: Path = FIGURES) -> Path:
    """Write `<name>.md` anew, in `docs/operations/figures/` unless told otherwise, and return its path."""
    path = folder / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"| {name} | {value} |\n" for name, value in facts().items())
    head = f"# {title}\n\n| | |\n|---|---|\n{rows}"
    path.write_text(f"{head}\n{body}\n", encoding="utf-8")
    return path


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")


def _python() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "kubernetes_asyncio"))
    return f"Python {platform.python_version()}, {libraries}"
