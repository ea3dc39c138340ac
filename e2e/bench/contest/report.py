"""What the runs say: medians with spread, ratios round by round, the page. Pure."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from e2e.bench.contest.race import Run
from e2e.bench.contest.rivals import Rival
from e2e.cluster.controlplane import PROCESSES

ALIKE: Final = """\
## What was alike for all

* The control plane is real (etcd, kube-apiserver, kube-controller-manager, kube-scheduler), the nodes are KWOK's. Four
  CPUs a node, half of one a pod. After every run the sum of requests on each node was compared with what the node
  offers: no rival put too much on any.
* One pod template, a fresh namespace for every run, and a wait before each until no process uses more than 15 % of a
  core: the pods, the namespace and the garbage of the run before are gone by then.
* No client throttles itself: `--kube-api-qps` and `--kube-api-burst` of kube-controller-manager and kube-scheduler are
  out of reach, and 32 Jobs, Deployments and ReplicaSets are synced at a time. The suite has no such limit.
* Priority and fairness judges every rival: none is a member of `system:masters`. kube-scheduler and
  kube-controller-manager go by their own users, the suite by its ServiceAccounts.
* No audit log, and no OTLP endpoint: the suite stamps its pods, but sends no span.
* kube-scheduler and kube-controller-manager run all the time, as in any cluster, and so see the suite's pods as well.
  The suite, its admission policies with it, is there in its own runs only. The raw requests have the suite's watches
  open, which the API server serves as it does for the suite: they are the floor, not a rival.
* Jobs are not indexed, Deployments have no more than a selector; a FooSet's batch part is `Pack`."""

Results = Mapping[str, Sequence[Run]]
"""The runs of each rival, round by round."""
OTHERS: Final = "controllers"
"""What is none of the control plane's: the suite's components, or the generator."""
COLUMNS: Final = (*PROCESSES, OTHERS)
WRITES: Final = ("POST pods", "POST pods/binding", "PATCH pods/status", "POST events")
"""The writes that have a column of their own."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some figures, with the lowest and the highest."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return the spread of at least one figure."""
        return cls(min(values), statistics.median(values), max(values))

    def show(self, digits: int) -> str:
        """Return `median (lowest-highest)`."""
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"


@dataclass(frozen=True, slots=True)
class Size:
    """What every run was about."""

    pods: int
    nodes: int


def rates(runs: Sequence[Run]) -> Spread:
    """Return the pods bound per second."""
    return Spread.of([run.rate for run in runs])


def ratios(ours: Sequence[Run], theirs: Sequence[Run]) -> Spread:
    """Return how many times as fast the first was, by the runs of the same round."""
    return Spread.of([one.rate / other.rate for one, other in zip(ours, theirs, strict=True)])


def milliseconds(runs: Sequence[Run]) -> Mapping[str, float]:
    """Return the CPU milliseconds per pod of each column, each the median of the runs."""
    return {column: statistics.median(_per_pod(run, column) for run in runs) for column in COLUMNS}


def _per_pod(run: Run, column: str) -> float:
    spent = sum(seconds for name, seconds in run.cpu_seconds.items() if _column(name) == column)
    return spent / run.pods * 1000


def _column(process: str) -> str:
    return process if process in PROCESSES else OTHERS


def idle(results: Results) -> Mapping[str, float]:
    """Return the share of a core that each process of the control plane uses at rest."""
    runs = [run for rival in results.values() for run in rival]
    return {name: statistics.median(run.idle_shares[name] for run in runs) for name in PROCESSES}


def at_rest(runs: Sequence[Run], shares: Mapping[str, float]) -> float:
    """Return the CPU milliseconds per pod that would have been used without any work."""
    return statistics.median(run.counted_seconds * sum(shares.values()) / run.pods * 1000 for run in runs)


def writes(runs: Sequence[Run]) -> Mapping[str, float]:
    """Return the writes per pod of each column, each the median of the runs, and of all others together."""
    columns = {name: statistics.median(run.writes.get(name, 0) / run.pods for run in runs) for name in WRITES}
    others = (sum(run.writes.values()) - sum(run.writes.get(name, 0) for name in WRITES) for run in runs)
    return {**columns, "others": statistics.median(other / run.pods for other, run in zip(others, runs, strict=True))}


def page(size: Size, rivals: Sequence[Rival], results: Results) -> str:
    """Return the page's body."""
    rounds = len(next(iter(results.values())))
    return f"""\
Written by `make bench`. {size.pods:,} pods on {size.nodes:,} nodes. Rounds: {rounds}, after one of warming up; in
every other one the rivals come in the opposite order. Each figure is their median, with the lowest and the highest.
**Quote the ratios**: absolute figures are this machine's, on which everything shares the cores.

![pods bound per second](bench.svg)

## How many times as fast

Pods bound per second, by the runs of the same round.

| | beside | times as fast |
|---|---|---|
{_table(_ratio_rows(rivals, results))}

## Pods bound per second

From just before the first request until the last pod has a node, as one watch of the run's namespace shows it, the same
for all. The lag is from there to running, of the median pod: the pace of KWOK, which plays the kubelets.

| | bound per second | all run after, s | lag of the kubelets, s |
|---|---|---|---|
{_table(_rate_row(rival.title, results[rival.name]) for rival in rivals)}

## CPU milliseconds per pod

User and system, from the first request until no process of the cluster has anything left to do. The recorder's own is
left out. {OTHERS.capitalize()} are the suite's components or, of raw requests, the load generator.

| | {" | ".join(COLUMNS)} | all | of it at rest |
|---|{"---|" * len(COLUMNS)}---|---|
{_table(_cpu_row(rival.title, results[rival.name], idle(results)) for rival in rivals)}

At rest are leases of nodes, probes and the like: what these processes use in the quiet before a run, all together
{sum(idle(results).values()) * 1000:.0f} ms a second, for as long as was counted. Who is slower pays more of it.

## Writes per pod

As the API server counts what it answers, without leases. The status of a pod is written once by KWOK, for all.

| | {" | ".join(WRITES)} | others | all |
|---|{"---|" * len(WRITES)}---|---|
{_table(_writes_row(rival.title, results[rival.name]) for rival in rivals)}

{ALIKE}"""


def _table(rows: Iterable[str]) -> str:
    return "\n".join(rows)


def _ratio_rows(rivals: Sequence[Rival], results: Results) -> Iterator[str]:
    titles = {rival.name: rival.title for rival in rivals}
    for rival in rivals:
        for other in rival.against:
            if other in titles:
                ratio = ratios(results[rival.name], results[other])
                yield f"| {rival.title} | {titles[other]} | {ratio.show(2)} |"


def _rate_row(title: str, runs: Sequence[Run]) -> str:
    running = Spread.of([run.running_seconds for run in runs])
    lag = Spread.of([run.lag_seconds for run in runs])
    return f"| {title} | {rates(runs).show(0)} | {running.show(1)} | {lag.show(2)} |"


def _cpu_row(title: str, runs: Sequence[Run], shares: Mapping[str, float]) -> str:
    cells = milliseconds(runs)
    return f"| {title} | {_cells(cells)} | {sum(cells.values()):.2f} | {at_rest(runs, shares):.2f} |"


def _writes_row(title: str, runs: Sequence[Run]) -> str:
    cells = writes(runs)
    return f"| {title} | {_cells(cells)} | {sum(cells.values()):.2f} |"


def _cells(values: Mapping[str, float]) -> str:
    return " | ".join(f"{value:.2f}" for value in values.values())
