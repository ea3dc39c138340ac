"""What the supervisor shall run and what it runs: two files, each with one writer.

`programs.json` is wanted state, written by the harness, which then sends SIGHUP. `supervisor.json` is observed state,
written by the supervisor after every change. The supervisor compares and acts, as a controller does.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from e2e.cluster.state import StateDirectory, replace


class TokenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Whose token a program needs, and where it reads it; the supervisor renews it before it expires."""

    namespace: str
    service_account: str
    file: str


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One process that shall run."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    """All of it: nothing of the supervisor's own goes in."""
    directory: str
    log: str
    ready_url: str
    """Answers 200 once the program does its work."""
    token: TokenRequest | None = None
    stopped: bool = False
    generation: int = 0
    """Raised to have the process restarted although nothing else changed."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The content of programs.json."""

    revision: int = 0
    programs: dict[str, Program] = msgspec.field(default_factory=dict)


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """How one program fares."""

    pid: int | None = None
    restarts: int = 0
    last_exit: int | None = None


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """The content of supervisor.json."""

    pid: int
    revision: int = 0
    """Of the wanted state that has been acted upon: every older process has ended."""
    lives: dict[str, Life] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reads and writes the two files."""

    wanted_file: Path
    observed_file: Path

    @classmethod
    def of(cls, state: StateDirectory) -> "Ledger":
        """Return the ledger of a cluster."""
        return cls(state.root / "programs.json", state.root / "supervisor.json")

    def wanted(self) -> Wanted:
        """Return what shall run; nothing, if nobody said so yet."""
        try:
            return msgspec.json.decode(self.wanted_file.read_bytes(), type=Wanted)
        except FileNotFoundError:
            return Wanted()

    def want(self, programs: dict[str, Program]) -> int:
        """Say what shall run; return the revision to wait for."""
        revision = self.wanted().revision + 1
        replace(self.wanted_file, msgspec.json.encode(Wanted(revision=revision, programs=programs)))
        return revision

    def observed(self) -> Observed | None:
        """Return what runs; `None` if no supervisor has written yet."""
        try:
            return msgspec.json.decode(self.observed_file.read_bytes(), type=Observed)
        except FileNotFoundError:
            return None

    def observe(self, observed: Observed) -> None:
        """Say what runs."""
        replace(self.observed_file, msgspec.json.encode(observed))
