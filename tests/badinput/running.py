"""Runs a table on a cluster: each row in a namespace of its own, many at a time, beside a witness."""

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from e2e import audit
from e2e.apiserver import ApiServer
from e2e.cluster.local import LocalCluster
from foosets.api import names
from tests.badinput.judging import Told, problems
from tests.badinput.objects import a, batch, service
from tests.badinput.playing import Place
from tests.badinput.rows import Create, Row, borne
from tests.badinput.witness import NAME, Witness, changing

LANES: Final = 5
PATIENCE_SECONDS: Final = 40.0
"""For what a row says to come true."""
POLL_SECONDS: Final = 0.2
GOOD: Final = 40
"""Good sets that are made first, as many at a time as the bad ones then: how long the witness's changes take beside
them, on a machine that is as busy."""
REST_SECONDS: Final = 5.0


GOOD_ROW: Final = borne("good", Create(a("FooSet", batch=[batch()], service=[service()])))


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a table. `took` are the seconds of the witness's changes, `usual` those beside good sets.

    `restless` are the namespaces that were written to at the end, with the number of writes; `looks` is how often the
    components looked at an object meanwhile.
    """

    told: Mapping[str, Told]
    wrong: Mapping[str, Sequence[str]]
    usual: Sequence[float]
    took: Sequence[float]
    complaints: Sequence[Mapping[str, Any]]
    restarts: Sequence[str]
    created: Mapping[str, int]
    restless: Mapping[str, int]


def run(cluster: LocalCluster, rows: Iterable[Row], *, guarded: bool) -> Run:
    """Play every row and wait for what it says, then for rest."""
    prefix = "guarded" if guarded else "open"
    places = {row.name: f"{prefix}-{number:03}" for number, row in enumerate(rows)}
    before = lives(cluster)
    with ApiServer.of(cluster.kubeconfig) as server:
        witness = Witness(Place(server, f"{prefix}-{NAME}"))
        witness.begin()
        good = {f"{prefix}-good-{number:02}": GOOD_ROW for number in range(GOOD)}
        usual, _ = _beside(cluster, witness, good, guarded=guarded)
        bad = {place: row for row, place in zip(rows, places.values(), strict=True)}
        took, met = _beside(cluster, witness, bad, guarded=guarded)
        told = {row.name: met[place] for place, row in bad.items()}
    time.sleep(REST_SECONDS)
    now = time.time()
    writes = [one for one in audit.our_writes(cluster.audit_log) if one.namespace.startswith(f"{prefix}-")]
    titles = {place: name for name, place in places.items()}
    return Run(
        told=told,
        wrong={row.name: problems(row, told[row.name], guarded=guarded) for row in rows},
        usual=usual,
        took=took,
        complaints=complaints(cluster, prefix),
        restarts=[name for name, life in lives(cluster).items() if life != before[name]],
        created=Counter(
            titles.get(one.namespace, NAME)
            for one in writes
            if (one.verb, one.resource) == ("create", "pods") and one.succeeded
        ),
        restless=Counter(titles.get(one.namespace, NAME) for one in writes if one.at.timestamp() > now - REST_SECONDS),
    )


def _beside(
    cluster: LocalCluster, witness: Witness, rows: Mapping[str, Row], *, guarded: bool
) -> tuple[list[float], dict[str, Told]]:
    """Play rows, by namespace, while the witness is changed; return what that took, and how the rows were met."""
    with changing(witness, ApiServer.of(cluster.kubeconfig)) as took, ThreadPoolExecutor(LANES) as pool:
        lanes = {place: pool.submit(_told, cluster, row, place, guarded=guarded) for place, row in rows.items()}
        met = {place: lane.result() for place, lane in lanes.items()}
    return took, met


def _told(cluster: LocalCluster, row: Row, namespace: str, *, guarded: bool) -> Told:
    """Play a row, and look until it is as it should be, or no longer."""
    with ApiServer.of(cluster.kubeconfig) as server:
        place = Place(server, namespace)
        place.begin(row)
        answers = place.play(row)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            told = Told(answers, place.get(row.about), place.pods())
            if not problems(row, told, guarded=guarded) or time.monotonic() > deadline:
                return told
            if not all(answer.taken for answer in answers):
                return told
            time.sleep(POLL_SECONDS)


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
