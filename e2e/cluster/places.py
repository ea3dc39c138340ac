"""Putting a file at its place in the cache.

Guarantees: a file at its place is complete (it is made beside it and renamed); two processes that want the same file
make it once (a lock file beside it, released by the kernel when its holder dies).
"""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def making(place: Path) -> Iterator[Path | None]:
    """Yield where to make the file, or `None` if another process made it while this one waited.

    What was made is at `place` after the block, unless the block raised. The folder around it is the block's own.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with _locked(place.with_suffix(".lock")):
        if place.exists():
            yield None
            return
        with _workshop(place) as output:
            yield output
            output.rename(place)


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """Yield where to make it; what killed attempts at the same file left is removed first."""
    for left in place.parent.glob(f".{place.name}.*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{place.name}.", dir=place.parent) as directory:
        yield Path(directory) / place.name


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
