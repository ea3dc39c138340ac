"""Choosing nodes for many pods, one after the other, at a cost that does not grow with the number of nodes.

For each class of pods and strategy the chooser keeps all nodes sorted into buckets by rank, and beside them the nodes
that will not do, with their reasons counted. The table's journal says which rows to look at again; each choice is at
once assumed in the table and so comes back by the same way, to this class and to all others. A class costs one look at
every node when it is first met, and when a node comes that holds more of its pods than any before. Nothing is ever
sorted, copied or scanned for a single pod, unless its set has nodes to avoid.

Among the best (all nodes of the highest rank) a draw decides, and the draw is a hash of what the pod is and who places
it: the same events and questions give the same answers, while independent placers go to different nodes.
"""

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, NamedTuple

from foosets.api.meta import Key
from foosets.api.names import NodeName, Uid
from foosets.api.node import Node
from foosets.placement.filters import REJECTED_BEFORE, explain, refusal, shortage
from foosets.placement.nodes import NEVER, Row, Table
from foosets.placement.requests import PodClass
from foosets.placement.scores import Strategy, rank, steps

MAX_CLASSES: Final = 64
"""Classes kept ready; the one that was not asked for the longest makes room."""


class Ask(NamedTuple):
    """One pod that needs a node, with its `draw`."""

    key: Key
    draw: int


@dataclass(frozen=True, slots=True)
class NoFit:
    """No node will do; `message` counts the reasons as kube-scheduler does.

    `avoided` is whether one would that is to be avoided.
    """

    message: str
    avoided: bool = False


Choice = NodeName | NoFit


def draw(owner: Uid, index: int, attempt: int, placer: str) -> int:
    """Return the number that decides ties for one pod."""
    identity = f"{owner}/{index}/{attempt}/{placer}"
    return int.from_bytes(blake2b(identity.encode(), digest_size=8).digest(), "big")


class Chooser:
    """Chooses nodes from a table and assumes in it what it chose."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._classes: dict[tuple[PodClass, Strategy], _Candidates] = {}

    def choose(
        self, wanted: PodClass, strategy: Strategy, asks: Iterable[Ask], avoid: Container[NodeName] = ()
    ) -> list[Choice]:
        """Return a choice for each ask, in order. Every node that is returned is assumed under the ask's key.

        The caller performs the choices and calls `Table.forget` for those that came to nothing. `avoid` are nodes whose
        kubelets rejected a pod of the set.
        """
        candidates = self._candidates(wanted, strategy)
        choices: list[Choice] = []
        for ask in asks:
            row = candidates.best(ask.draw, avoid)
            if row is None:
                choices.append(candidates.verdict())
                continue
            self._table.assume(ask.key, row.name, wanted.size)
            choices.append(row.name)
        return choices

    def unfit(self, wanted: PodClass, strategy: Strategy, avoid: Container[NodeName] = ()) -> NoFit | None:
        """Return why no node will do for a pod of the class, or None if one will; nothing is assumed."""
        candidates = self._candidates(wanted, strategy)
        return candidates.verdict() if candidates.best(0, avoid) is None else None

    def _candidates(self, wanted: PodClass, strategy: Strategy) -> "_Candidates":
        kept = self._classes.pop((wanted, strategy), None)
        if kept is None:
            kept = _Candidates(self._table, wanted, strategy)
            if len(self._classes) >= MAX_CLASSES:
                del self._classes[next(iter(self._classes))]
        self._classes[wanted, strategy] = kept
        return kept


class _Candidates:
    """All nodes as one class of pods sees them. Each known node is either in one bucket or refused."""

    def __init__(self, table: Table, wanted: PodClass, strategy: Strategy) -> None:
        self._table = table
        self._wanted = wanted
        self._strategy = strategy
        self._cursor = NEVER

    def best(self, number: int, avoid: Container[NodeName]) -> Row | None:
        """Return one of the nodes of the highest rank, or None if no node will do."""
        self._catch_up()
        occupied = self._occupied
        while occupied:
            place = occupied.bit_length() - 1
            bucket = self._buckets[place]
            row = bucket[number % len(bucket)]
            if row.name not in avoid:
                return row
            others = [row for row in bucket if row.name not in avoid]
            if others:
                return others[number % len(others)]
            occupied ^= 1 << place
        return None

    def verdict(self) -> NoFit:
        """Return why no node will do, as of the last call of `best`; those that would were to be avoided."""
        nodes = len(self._refused) + len(self._places)
        if self._places:
            reasons = self._reasons + Counter({REJECTED_BEFORE: len(self._places)})
            return NoFit(explain(reasons, nodes), avoided=True)
        if self._verdict is None:
            self._verdict = NoFit(explain(self._reasons, nodes))
        return self._verdict

    def _start(self) -> None:
        """Look at every node. By name, so that the order in which they came does not matter."""
        rows = [row for _, row in sorted(self._table.rows.items())]
        self._resolution = steps(rows, self._wanted)
        self._buckets: list[list[Row]] = [[] for _ in range(self._resolution + 1)]
        self._occupied = 0  # bit n is set if bucket n is not empty: its highest bit is the best rank
        self._places: dict[NodeName, tuple[int, int]] = {}
        self._refused: dict[NodeName, tuple[str, ...]] = {}
        self._reasons: Counter[str] = Counter()
        self._judged: dict[NodeName, tuple[Node, str | None]] = {}
        self._verdict: NoFit | None = None
        for row in rows:
            self._look_at(row)

    def _catch_up(self) -> None:
        changed, self._cursor = self._table.changes(self._cursor)
        if changed is None:
            self._start()
            return
        for row in changed:
            if self._is_finer(row):
                self._start()
                return
            self._look_at(row)

    def _is_finer(self, row: Row) -> bool:
        """Whether the row's node is new here and roomier than all before: on it the ranks are too coarse."""
        judged = self._judged.get(row.name)
        known = judged is not None and judged[0] is row.node
        return not known and steps((row,), self._wanted) > self._resolution

    def _look_at(self, row: Row) -> None:
        """Put a row where it belongs now."""
        self._take_out(row.name)
        if row.node is None:
            self._judged.pop(row.name, None)
            return
        reasons = self._objections(row, row.node)
        if reasons:
            self._refused[row.name] = reasons
            self._reasons.update(reasons)
            self._verdict = None
            return
        place = rank(row, self._wanted, self._strategy, self._resolution)
        bucket = self._buckets[place]
        self._places[row.name] = (place, len(bucket))
        bucket.append(row)
        self._occupied |= 1 << place

    def _objections(self, row: Row, node: Node) -> tuple[str, ...]:
        """Return why the node will not do; what only depends on the node itself is judged once."""
        judged = self._judged.get(row.name)
        if judged is None or judged[0] is not node:
            judged = self._judged[row.name] = (node, refusal(node, self._wanted))
        return shortage(row, self._wanted) if judged[1] is None else (judged[1],)

    def _take_out(self, name: NodeName) -> None:
        """Forget where a node was; the last of its bucket takes its seat."""
        refused = self._refused.pop(name, None)
        if refused is not None:
            self._reasons.subtract(refused)
            self._verdict = None
        seat = self._places.pop(name, None)
        if seat is None:
            return
        place, position = seat
        bucket = self._buckets[place]
        last = bucket.pop()
        if last.name != name:
            bucket[position] = last
            self._places[last.name] = seat
        elif not bucket:
            self._occupied ^= 1 << place
