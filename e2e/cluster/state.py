"""What is known about a cluster, in one directory that belongs to it alone.

    state.json        this record; written, with the id, before the first process starts
    kubeconfig        the administrator's: for the harness and the user, never for a component
    logs/             one file a process, and audit.log
    kwok/             kwokctl's work directory: certificates, etcd's data      (provider local)
    programs/<name>/  kubeconfig and token of each component                   (provider local)
    kind.yaml         what kind is asked for; pki/ the administrator's keys     (provider kind)
    programs.json     what the supervisor shall run      supervisor.json   what it runs
    bin/              kubectl and helm, for PATH

Files are replaced, never rewritten in place: a reader sees the old or the new one, also after a kill -9.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from e2e.cluster.errors import ClusterError

LAYOUT: Final = 1
"""Raised when a change of this package makes an older state directory unreadable."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The content of state.json."""

    layout: int = LAYOUT
    provider: str
    """Who made the cluster, and so who takes it down."""
    id: str
    """Names the cluster, its context, and the mark of its processes."""
    control_plane: bool = False
    """Whether kwokctl finished: a half-made control plane is made anew, a finished one is repaired."""
    server: str = ""
    """The API server's URL: the only one that the harness talks to."""
    suite_image: str = ""
    """The image of the suite that nodes have, of a provider that builds it: another build does not change it."""
    jaeger_query_port: int = 0
    otlp_port: int = 0


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """The paths of one cluster, and its record."""

    root: Path

    @property
    def record_file(self) -> Path:
        """The record."""
        return self.root / "state.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        """All logs."""
        return self.root / "logs"

    @property
    def kwok(self) -> Path:
        """Where kwokctl works."""
        return self.root / "kwok"

    @property
    def pki(self) -> Path:
        """Certificates of a cluster whose maker gives them only inside a kubeconfig."""
        return self.root / "pki"

    @property
    def bin(self) -> Path:
        """Programs for the user's PATH."""
        return self.root / "bin"

    def log(self, name: str) -> Path:
        """Return the log of one process."""
        return self.logs / f"{name}.log"

    def program(self, name: str) -> Path:
        """Return the directory of one supervised program."""
        return self.root / "programs" / name

    def load(self) -> Record | None:
        """Return the record, or `None` if there is no cluster here."""
        try:
            data = self.record_file.read_bytes()
        except FileNotFoundError:
            return None
        record = msgspec.json.decode(data, type=Record)
        if record.layout != LAYOUT:
            raise ClusterError(
                f"{self.record_file} was written by another version of this harness",
                hint="take that cluster down with the version that made it",
            )
        return record

    def begin(self, provider: str) -> Record:
        """Return the record, with a new id if there is none yet. After this, `down` finds whatever is started."""
        record = self.load()
        if record is None:
            self._refuse_foreign()
            record = Record(provider=provider, id=secrets.token_hex(6))
            self.save(record)
        self.require(record, provider)
        self.logs.mkdir(exist_ok=True)
        return record

    def require(self, record: Record, provider: str) -> None:
        """Raise unless the cluster here is of that provider: nobody else knows what it consists of."""
        if record.provider != provider:
            raise ClusterError(
                f"{self.root} holds a cluster of the provider {record.provider}, not {provider}",
                hint="take it down first: python -m e2e.cluster down",
            )

    def save(self, record: Record) -> None:
        """Replace the record."""
        replace(self.record_file, msgspec.json.format(msgspec.json.encode(record)))

    def remove(self) -> None:
        """Remove the directory and all in it; the record goes last, so that a killed removal can be repeated."""
        for entry in sorted(self.root.iterdir(), key=lambda path: path == self.record_file):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        self.root.rmdir()

    def remove_unused(self) -> None:
        """Remove the directory of a harness that was killed before it wrote its record."""
        self._refuse_foreign()
        for leftover in self.root.iterdir():
            leftover.unlink()
        self.root.rmdir()

    def _refuse_foreign(self) -> None:
        """Raise if the directory has no record and yet something in it: `down` removes all, so it must be ours."""
        foreign = [
            entry.name for entry in self.root.iterdir() if not entry.name.startswith(f".{self.record_file.name}.")
        ]
        if foreign:
            raise ClusterError(f"{self.root} is not a cluster's directory: it has {foreign[0]}", hint="name another")

    @contextmanager
    def locked(self, *, create: bool) -> Iterator[bool]:
        """Keep other harnesses away from this directory; yield whether it exists (it does, with `create`).

        The lock is on the directory itself and ends with its holder: nothing to clean up, whoever is killed.
        """
        handle = self._lock(create=create)
        try:
            yield handle is not None
        finally:
            if handle is not None:
                os.close(handle)

    def _lock(self, *, create: bool) -> int | None:
        while True:
            if create:
                self.root.mkdir(parents=True, exist_ok=True)
            try:
                handle = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                return None
            fcntl.flock(handle, fcntl.LOCK_EX)
            if self._is_still(handle):
                return handle
            os.close(handle)  # removed by a `down` while this one waited

    def _is_still(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self.root.stat())
        except FileNotFoundError:
            return False


def replace(path: Path, content: bytes | str, mode: int = 0o600) -> None:
    """Give a file new content, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(handle, "wb") as file:  # noqa: PTH123 - pathlib cannot open a descriptor
        file.write(content.encode() if isinstance(content, str) else content)
    fresh.replace(path)
