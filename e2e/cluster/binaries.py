"""Finding each program: a directory the user names, the cache, the official download, `go build`: in this order.

A source is asked for one tool and answers with its path or `None`; the first answer wins. Another source is one more
class in `sources`.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from e2e.cluster.build import build
from e2e.cluster.downloads import Downloaded, Downloads, site
from e2e.cluster.errors import ClusterError
from e2e.cluster.progress import Progress
from e2e.cluster.toolchain import LOCAL_TOOLS, Tool, fingerprint

NAMED_DIRECTORY: Final = "FOOSETS_BIN_DIR"


class Source(Protocol):
    """Somewhere a program may come from."""

    def find(self, tool: Tool) -> Path | None:
        """Return the program's path, or `None` if this source has none; a broken source raises ClusterError."""
        ...


@dataclass(frozen=True, slots=True)
class Directory:
    """The directory that the user names; what it lacks comes from the next source."""

    path: Path

    def find(self, tool: Tool) -> Path | None:
        """Return the executable of that name."""
        candidate = self.path / tool.name
        return candidate if os.access(candidate, os.X_OK) else None


@dataclass(frozen=True, slots=True)
class Cache:
    """What was built before from the same pins with the same flags."""

    root: Path

    def place(self, tool: Tool) -> Path:
        """Return where the tool is, or will be."""
        return self.root / fingerprint(tool) / tool.name

    def find(self, tool: Tool) -> Path | None:
        """Return the cached program; a file with this name is complete (see `build`)."""
        place = self.place(tool)
        return place if place.exists() else None


@dataclass(frozen=True, slots=True)
class GoBuild:
    """`go build` of the pinned modules, into the cache."""

    cache: Cache
    progress: Progress
    environ: Mapping[str, str]

    def find(self, tool: Tool) -> Path:
        """Build the tool, unless another process did so in the meantime."""
        place = self.cache.place(tool)
        build(tool, place, self.progress, self.environ)
        return place


def sources(progress: Progress, environ: Mapping[str, str] = os.environ) -> tuple[Source, ...]:
    """Return the sources in the order they are asked; the last makes whatever it is asked for."""
    root = cache_directory(environ)
    built = Cache(root)
    last = GoBuild(built, progress, environ)
    from_site = site(environ)
    if not from_site:
        return (*_named(environ), built, last)
    downloaded = Downloaded(root, from_site)
    return (*_named(environ), downloaded, built, Downloads(downloaded, progress), last)


def _named(environ: Mapping[str, str]) -> tuple[Source, ...]:
    named = environ.get(NAMED_DIRECTORY)
    if named and not Path(named).is_dir():
        raise ClusterError(f"{NAMED_DIRECTORY}={named} is not a directory", hint=f"unset {NAMED_DIRECTORY}, or make it")
    return (Directory(Path(named).absolute()),) if named else ()


def cache_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where built programs are kept: XDG's cache directory."""
    root = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home(), ".cache")
    return Path(root) / "foosets" / "bin"


def locate(tool: Tool, among: Sequence[Source]) -> Path:
    """Return the path of one tool."""
    if path := _first(tool, among):
        return path
    raise ClusterError(f"no source has {tool.name}")


def _first(tool: Tool, among: Sequence[Source]) -> Path | None:
    return next((path for source in among if (path := source.find(tool))), None)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs that a provider asked for, found."""

    paths: Mapping[str, Path]

    @classmethod
    def find(
        cls, progress: Progress, environ: Mapping[str, str] = os.environ, *, tools: Sequence[Tool] = LOCAL_TOOLS
    ) -> "Binaries":
        """Find the tools; what is nowhere is built, which takes minutes the first time."""
        *ready, last = sources(progress, environ)
        paths = {tool.name: path for tool in tools if (path := _first(tool, ready))}
        missing = [tool for tool in tools if tool.name not in paths]
        if missing:
            progress.say(f"to build, once: {', '.join(tool.name for tool in missing)}. {_estimate(missing)}")
        return cls(paths | {tool.name: locate(tool, (last,)) for tool in missing})

    def __getitem__(self, tool: Tool) -> Path:
        """Return the tool's path."""
        return self.paths[tool.name]


def _estimate(missing: Sequence[Tool]) -> str:
    minutes = round(sum(tool.build_seconds for tool in missing) / 60)
    return f"That takes about {minutes} minutes on two cores." if minutes > 1 else "That takes about a minute."
