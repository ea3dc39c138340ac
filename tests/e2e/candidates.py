"""Two processes of every component, under names of their own, to be killed, stopped and started one by one."""

import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from e2e.cluster.components import PORT
from e2e.cluster.local import LocalCluster
from e2e.cluster.ports import LOOPBACK, free_ports
from e2e.cluster.programs import Program
from foosets.api import names

COMPONENTS = tuple(str(component) for component in names.Component)
POLL_SECONDS = 0.02
READY_WITHIN = 30.0
EXIT_SECONDS = 10.0
LEADS = 'foosets_leader{figure="leading"} 1.0'


@dataclass
class Candidate:
    """One process after another of one name."""

    program: Program
    identity: str
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it may still have to fill its caches."""
        own = {PORT: str(self.port), "FOOSETS_IDENTITY": self.identity}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.program.argv,
                env={**self.program.environment, **own},
                cwd=self.program.directory,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def run(self) -> None:
        """Have it run: one that stands still goes on, one that has ended is started again."""
        if self.process is None or self.process.poll() is not None:
            self.start()
        self.send(signal.SIGCONT)

    def send(self, what: signal.Signals) -> None:
        """Signal the process."""
        assert self.process is not None
        self.process.send_signal(what)

    def ends(self, seconds: float) -> int:
        """Wait for its end; return its exit status."""
        assert self.process is not None
        return self.process.wait(seconds)

    @property
    def is_ready(self) -> bool:
        """Whether it says so."""
        return self._page("readyz") == "ok\n"

    @property
    def leads(self) -> bool:
        """Whether it says so."""
        return LEADS in self._page("metrics")

    def _page(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/{path}", timeout=5) as page:
                return page.read().decode()
        except OSError:
            return ""


@dataclass(frozen=True)
class Pair:
    """The candidates of one component."""

    component: str
    both: tuple[Candidate, Candidate]

    def leader(self) -> Candidate:
        """The one that works."""
        until(lambda: any(one.leads for one in self.both), READY_WITHIN)
        (leader,) = (one for one in self.both if one.leads)
        return leader

    def standby(self) -> Candidate:
        """The other one, with its caches filled."""
        leader = self.leader()
        (standby,) = (one for one in self.both if one is not leader)
        until(lambda: standby.is_ready, READY_WITHIN)
        return standby

    def complete(self) -> None:
        """Have both run and be ready; one that stood still for too long ends only when it goes on."""
        for one in self.both:
            one.run()
        for one in self.both:
            until(lambda one=one: _is_ready_again(one), READY_WITHIN)
        self.leader()


def _is_ready_again(one: Candidate) -> bool:
    one.run()
    return one.is_ready


def until(holds: object, seconds: float) -> float:
    """Look again and again until something holds; return how long it took."""
    assert callable(holds)
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"does not hold after {seconds} s"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


@contextmanager
def candidates(suite: LocalCluster) -> Iterator[dict[str, Pair]]:
    """Run two processes of each component instead of the supervised one."""
    programs = {name: suite.component(name).program for name in COMPONENTS}
    suite.supervision.keep(*(msgspec.structs.replace(one, stopped=True) for one in programs.values()))
    ports = iter(free_ports(2 * len(programs)))  # at once: until somebody listens, another call may return the same
    pairs = {name: Pair(name, _both(suite, program, ports)) for name, program in programs.items()}
    try:
        for pair in pairs.values():
            pair.complete()
        yield pairs
    finally:
        _end([one for pair in pairs.values() for one in pair.both if one.process is not None])
        suite.supervision.keep(*programs.values())
        for program in programs.values():
            suite.supervision.wait_ready(program)


def _both(suite: LocalCluster, program: Program, ports: Iterator[int]) -> tuple[Candidate, Candidate]:
    first, second = (
        Candidate(program, f"{program.name}-{number}", next(ports), suite.state.log(f"{program.name}-{number}"))
        for number in range(2)
    )
    return first, second


def _end(started: Sequence[Candidate]) -> None:
    """End them gracefully, so that whoever comes next need not wait for their leases to run out."""
    for one in started:
        one.send(signal.SIGTERM)
        one.send(signal.SIGCONT)
    for one in started:
        with suppress(subprocess.TimeoutExpired):
            one.ends(EXIT_SECONDS)
        one.send(signal.SIGKILL)
        one.ends(EXIT_SECONDS)
