"""Runs a table on a cluster: each row in a namespace of its own, many at a time, beside a witness."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from e2e import audit
from e2e.apiserver import ApiServer
from e2e.audit import Write
from e2e.cluster.local import LocalCluster
from e2e.invariants.history import At, History, Version, Violation
from e2e.invariants.judge import judge
from e2e.invariants.recorder import Recorder
from foosets.api import names
from foosets.planning.trace import RUNNING_AFTER_SECONDS, Height, close_margin
from tests.badinput.judging import problems
from tests.badinput.objects import a, batch, service
from tests.badinput.playing import Place
from tests.badinput.rows import Create, Row, borne
from tests.badinput.told import Told
from tests.badinput.witness import NAME, Witness, changing

LANES: Final = 5
PATIENCE_SECONDS: Final = 40.0
"""For what a row says to come true."""
POLL_SECONDS: Final = 0.2
GOOD: Final = 40
"""Good sets that are made first, as many at a time as the bad ones then: how long the witness's changes take beside
them, on a machine that is as busy."""
SETTLING_SECONDS: Final = RUNNING_AFTER_SECONDS + close_margin(Height.FOOSET) + 2.0
"""For what the last rows have left to do: the trace of a batch that goes on running is closed that long afterwards."""
REST_SECONDS: Final = 5.0
"""In which it is looked who writes after that."""
LAG_SECONDS: Final = 10.0
"""How far behind the placers' caches may be on a busy machine."""

GOOD_ROW: Final = borne("good", Create(a("FooSet", batch=[batch()], service=[service()])))

Met = TypeVar("Met")


@dataclass(frozen=True, slots=True)
class Ground:
    """A cluster with the policies in force, or without them; the witness there, and all that is recorded."""

    cluster: LocalCluster
    recorder: Recorder
    guarded: bool

    def named(self, name: str) -> str:
        """Return the name of a namespace that is not used with other policies."""
        return f"{'guarded' if self.guarded else 'open'}-{name}"

    def begin(self) -> Witness:
        """Make the witness, and wait until it runs."""
        with ApiServer.of(self.cluster.kubeconfig) as server:
            witness = Witness(Place(server, self.named(NAME)))
            witness.begin()
            return witness

    def beside(self, witness: Witness, acts: Mapping[str, Callable[[], Met]]) -> tuple[list[float], dict[str, Met]]:
        """Do all acts, some at a time, while the witness is changed; return what that took, and what they return."""
        with changing(witness, ApiServer.of(self.cluster.kubeconfig)) as took, ThreadPoolExecutor(LANES) as pool:
            lanes = {name: pool.submit(act) for name, act in acts.items()}
            met = {name: lane.result() for name, lane in lanes.items()}
        return took, met

    def play(self, witness: Witness, rows: Mapping[str, Row]) -> tuple[list[float], dict[str, Told]]:
        """Play rows, by namespace, while the witness is changed; return what that took, and how the rows were met."""
        return self.beside(witness, {place: partial(self._told, row, place) for place, row in rows.items()})

    def wrong(self, row: Row, told: Told) -> list[str]:
        """Return what is not as a row says."""
        return problems(row, told, guarded=self.guarded)

    def writes(self) -> Mapping[str, Sequence[Write]]:
        """Return what the components wrote, by namespace."""
        found: defaultdict[str, list[Write]] = defaultdict(list)
        for one in audit.our_writes(self.cluster.audit_log):
            if one.namespace.startswith(self.named("")):
                found[one.namespace].append(one)
        return found

    def broken(self, places: Iterable[str], writes: Mapping[str, Sequence[Write]]) -> dict[str, list[Violation]]:
        """Return which invariants do not hold in namespaces that are at rest, of what was recorded there.

        Whether a pod fitted its node is judged by the pods of its own namespace only: all of all would take minutes.
        """
        versions: defaultdict[str, list[Version]] = defaultdict(list)
        for version in self.recorder.until_now():
            versions[version.object["metadata"].get("namespace", "")].append(version)
        nodes = versions[""]
        at = At(rest=datetime.now(UTC), lag=LAG_SECONDS)  # noqa: TID251 - the harness's own time
        return {
            place: judge(History.of([*nodes, *versions[place]], writes.get(place, ()), namespace=place), at)
            for place in places
        }

    def complaints(self) -> list[Mapping[str, Any]]:
        """Return what the components logged as errors."""
        return complaints(self.cluster, self.named(""))

    def _told(self, row: Row, namespace: str) -> Told:
        """Play a row, and look until it is as it should be, or no longer."""
        with ApiServer.of(self.cluster.kubeconfig) as server:
            place = Place(server, namespace)
            place.begin(row)
            answers = place.play(row)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while True:
                told = Told(answers, place.get(row.about), place.pods(), place.sets())
                if not self.wrong(row, told) or time.monotonic() > deadline:
                    return told
                if not all(answer.taken for answer in answers):
                    return told
                time.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The witness beside good sets: what its changes take there, in seconds, and what is wrong with the good sets."""

    witness: Witness
    usual: Sequence[float]
    wrong: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a table, by the names of its rows. `took` are the seconds of the witness's changes.

    `broken` are the invariants that do not hold, `created` how many pods were made, and `restless` how many writes of
    the components there were at the end; these are also of the witness and of the good sets, by namespace.
    """

    told: Mapping[str, Told]
    wrong: Mapping[str, Sequence[str]]
    took: Sequence[float]
    broken: Mapping[str, Sequence[Violation]]
    complaints: Sequence[Mapping[str, Any]]
    restarts: Sequence[str]
    created: Mapping[str, int]
    restless: Mapping[str, int]


def begin(ground: Ground) -> Beginning:
    """Make the witness, and see how it fares beside good sets."""
    witness = ground.begin()
    good = {ground.named(f"good-{number:02}"): GOOD_ROW for number in range(GOOD)}
    usual, met = ground.play(witness, good)
    return Beginning(witness, usual, {place: ground.wrong(GOOD_ROW, told) for place, told in met.items()})


def run(ground: Ground, witness: Witness, rows: Iterable[Row]) -> Run:
    """Play every row and wait for what it says, then for rest."""
    bad = {ground.named(f"{number:03}"): row for number, row in enumerate(rows)}
    before = lives(ground.cluster)
    took, met = ground.play(witness, bad)
    time.sleep(SETTLING_SECONDS + REST_SECONDS)
    rested = time.time() - REST_SECONDS
    writes = ground.writes()
    titles = {place: bad[place].name if place in bad else place for place in (*bad, *writes)}
    return Run(
        told={row.name: met[place] for place, row in bad.items()},
        wrong={row.name: ground.wrong(row, met[place]) for place, row in bad.items()},
        took=took,
        broken={titles[place]: found for place, found in ground.broken(titles, writes).items()},
        complaints=ground.complaints(),
        restarts=[name for name, life in lives(ground.cluster).items() if life != before[name]],
        created={titles[place]: len(pods_made(found)) for place, found in writes.items()},
        restless=Counter(
            titles[place] for place, found in writes.items() for one in found if one.at.timestamp() > rested
        ),
    )


def pods_made(writes: Iterable[Write]) -> list[Write]:
    """Return the creations of pods that succeeded."""
    return [one for one in writes if (one.verb, one.resource) == ("create", "pods") and one.succeeded]


def lives(cluster: LocalCluster) -> dict[str, tuple[int | None, int]]:
    """Return pid and restarts of each component."""
    lives = {str(name): cluster.component(name).life for name in names.Component}
    return {name: (life.pid, life.restarts) for name, life in lives.items()}


def complaints(cluster: LocalCluster, prefix: str) -> list[Mapping[str, Any]]:
    """Return what the components logged as errors, of namespaces that begin so or of none."""
    lines = [line for name in names.Component for line in cluster.component_log(name).splitlines()]
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    bare: list[Mapping[str, Any]] = [{"event": line} for line in lines if not line.startswith("{")]
    return bare + [one for one in logged if one["level"] in {"error", "critical"} and prefix in one.get("key", prefix)]
