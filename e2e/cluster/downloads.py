"""The projects' official downloads, from their own hosts or from a mirror of them.

What vouches for a download is the checksum that its project publishes beside it, fetched over HTTPS: what came is what
was published. A build is pinned harder: go.sum has the hash of every source. Digests repeated here would pin downloads
as hard, one for each program and machine, all to be changed with a version; `FOOSETS_DOWNLOADS=off` wants builds alone.

A host that does not answer costs a few seconds once, and what it would have had is built; so is what it does not have.
A file that is not what was published stops everything.
"""

import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

from e2e.cluster.errors import ClusterError
from e2e.cluster.places import making
from e2e.cluster.progress import Progress
from e2e.cluster.releases import Machine, Release, published, release
from e2e.cluster.toolchain import TOOLS, Tool, pinned_version
from e2e.cluster.transfer import TruncatedError, UnavailableError, origin, save, silent, text

SWITCH: Final = "FOOSETS_DOWNLOADS"
"""`off`, or the URL of a mirror: `https://mirror/dl.k8s.io/v1.37.2/…` is what `https://dl.k8s.io/v1.37.2/…` is."""

PATIENCE_SECONDS: Final = 3.0
"""How long all hosts together have to show that they can be reached."""

BROKEN_OFF: Final = f"try again, or set {SWITCH}=off to build it"
MISMATCH: Final = f"nothing of it was kept; if it stays so, do not trust where it comes from: {SWITCH}=off builds it"


@dataclass(frozen=True, slots=True)
class Site:
    """Where downloads come from: the official hosts, or one mirror of all of them."""

    machine: Machine
    mirror: str = ""

    def release(self, tool: Tool) -> Release:
        """Return the tool's release of the pinned version, as this site has it."""
        official = release(tool, pinned_version(tool), self.machine)
        return Release(self._here(official.url), self._here(official.checksums), official.member)

    def origins(self) -> set[str]:
        """Return every host that something comes from."""
        return {origin(url) for tool in TOOLS for url in (self.release(tool).url, self.release(tool).checksums)}

    def _here(self, url: str) -> str:
        return f"{self.mirror.rstrip('/')}/{url.removeprefix('https://')}" if self.mirror else url


def site(environ: Mapping[str, str]) -> Site | None:
    """Return where downloads come from, `None` if they are switched off or nobody builds for this machine."""
    wanted = environ.get(SWITCH, "")
    machine = Machine.here()
    if wanted == "off" or not machine:
        return None
    if wanted and not (wanted.startswith(("http://", "https://")) and urlsplit(wanted).netloc):
        raise ClusterError(f"{SWITCH}={wanted} is neither `off` nor the URL of a mirror")
    return Site(machine, wanted)


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What was downloaded before from the same address.

    Its places are not those of what was built: the versions are the same, the programs are not quite (a Jaeger from
    its Go module has no web pages, a Kubernetes built here says so), and who switches downloads off wants none.
    """

    root: Path
    site: Site

    def place(self, tool: Tool) -> Path:
        """Return where the tool is, or will be."""
        address = self.site.release(tool).url
        return self.root / hashlib.sha256(address.encode()).hexdigest()[:16] / tool.name

    def find(self, tool: Tool) -> Path | None:
        """Return the program; a file with this name is complete and was verified."""
        place = self.place(tool)
        return place if place.exists() else None


class Downloads:
    """Official downloads, into the cache. Hosts that turn out to be of no use are not asked again."""

    def __init__(self, cache: Downloaded, progress: Progress) -> None:
        self._cache = cache
        self._progress = progress
        self._useless: set[str] | None = None

    def find(self, tool: Tool) -> Path | None:
        """Download and verify the tool, unless another process did so; `None` if it is not to be had."""
        wanted = self._cache.site.release(tool)
        if self._hosts_of_no_use() & {origin(wanted.url), origin(wanted.checksums)}:
            return None
        place = self._cache.place(tool)
        try:
            with making(place) as output:
                if output:
                    _obtain(wanted, f"{tool.name} {pinned_version(tool)}", output, self._progress)
        except UnavailableError as error:
            self._note(tool, error)
            return None
        return place

    def _hosts_of_no_use(self) -> set[str]:
        """Find out, once, who does not answer."""
        if self._useless is None:
            reasons = silent(self._cache.site.origins(), PATIENCE_SECONDS)
            self._useless = set(reasons)
            if reasons:
                hosts = ", ".join(sorted(urlsplit(host).netloc for host in reasons))
                self._progress.say(f"no official downloads from {hosts} ({min(reasons.values())})")
        return self._useless

    def _note(self, tool: Tool, error: UnavailableError) -> None:
        if error.missing:
            self._progress.say(f"no official download of {tool.name} ({error})")
            return
        self._hosts_of_no_use().add(origin(error.url))
        self._progress.say(f"no official downloads from {urlsplit(error.url).netloc} ({error.reason})")


def _obtain(wanted: Release, title: str, output: Path, progress: Progress) -> None:
    expected = published(text(wanted.checksums), wanted.name)
    if not expected:
        raise UnavailableError(wanted.checksums, f"tells no SHA-256 of {wanted.name}", missing=True)
    artifact = output.with_name(wanted.name)
    found = _saved(wanted.url, artifact, title, progress)
    if found != expected:
        raise ClusterError(f"{wanted.url} has the SHA-256 {found}, and {expected} was published", hint=MISMATCH)
    if wanted.member:
        _unpack(artifact, wanted.member, output)
    else:
        artifact.rename(output)
    output.chmod(0o755)


def _saved(url: str, target: Path, title: str, progress: Progress) -> str:
    """Save it, with a second attempt if the first breaks off."""
    with suppress(TruncatedError):
        return save(url, target, title, progress)
    try:
        return save(url, target, f"{title} again", progress)
    except TruncatedError as error:
        raise ClusterError(f"downloading {url} broke off twice: {error}", hint=BROKEN_OFF) from error


def _unpack(archive: Path, member: str, output: Path) -> None:
    """Copy one file out of an archive. No path in the archive is ever written to, so none of them can do harm."""
    opened = _zipped if archive.suffix == ".zip" else _tarred
    try:
        with opened(archive, member) as source, output.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    except KeyError:
        raise ClusterError(f"{archive.name} has no file {member}") from None


@contextmanager
def _tarred(archive: Path, member: str) -> Iterator[IO[bytes]]:
    with tarfile.open(archive) as opened:
        source = opened.extractfile(member)
        if not source:
            raise KeyError(member)
        yield source


@contextmanager
def _zipped(archive: Path, member: str) -> Iterator[IO[bytes]]:
    with zipfile.ZipFile(archive) as opened, opened.open(member) as source:
        yield source
