"""The table: a placer's private copy of the cell, kept up to date one row per event.

It holds the nodes, every pod that is bound to one and has not ended (whoever placed it, also while it terminates),
and what this placer has decided but not yet seen come back. At all times, for each node and resource,

    free = allocatable - pods bound to it - decisions assumed for it

and since all amounts are integers, free is a function of what is in the table, never of the order it came in. A pod
may arrive before its node. Feed it from a watch on *all* bound pods; an event of an unbound pod changes nothing.

`changes` is a journal of rows that became different. A reader keeps a cursor of its own and so pays for what changed,
not for what exists; a reader that falls behind by more than the table's own size is told to start afresh.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from foosets.api.meta import Key
from foosets.api.names import NodeName, Uid
from foosets.api.node import Node
from foosets.api.pod import Pod
from foosets.placement.requests import HostPort, Size, size_of
from foosets.planning.quantity import amount

NEVER: Final = -1
"""The cursor of a reader that has read nothing yet."""

_SHORTEST_JOURNAL: Final = 1024


@dataclass(slots=True, eq=False)
class Row:
    """A node and what is left of it. Only the table writes to it.

    `node` is None while only pods speak of the node, and is replaced when something changed that placement looks at.
    `free` lacks a resource that nobody offered or took, and is negative where others overcommitted. `ports` counts the
    addresses in use by protocol and number.
    """

    name: NodeName
    node: Node | None = None
    allocatable: dict[str, int] = field(default_factory=dict[str, int])
    free: dict[str, int] = field(default_factory=dict[str, int])
    ports: dict[tuple[str, int], dict[str, int]] = field(default_factory=dict[tuple[str, int], dict[str, int]])
    claims: int = 0


class _Claim(NamedTuple):
    """A pod's hold on its node. `uid` is the pod; for a decision, the pod that had the name when it was made."""

    row: Row
    size: Size
    uid: Uid | None


class Table:
    """Nodes, bound pods and assumed decisions."""

    def __init__(self) -> None:
        self.rows: dict[NodeName, Row] = {}
        self._bound: dict[Key, _Claim] = {}
        self._assumed: dict[Key, _Claim] = {}
        self._journal: list[Row] = []
        self._dropped = 0

    # ---- nodes

    def upsert_node(self, node: Node) -> bool:
        """Take a node's newest state; return whether placement can tell it from the one before."""
        row = self._row(node.name)
        if row.node is not None and _same_for_placement(row.node, node):
            return False
        allocatable = {name: amount(name, quantity) for name, quantity in node.status.allocatable.items()}
        row.node = node
        self._offer(row, allocatable)
        return True

    def remove_node(self, node: Node) -> None:
        """Take the news that a node is gone; its pods count on until they are gone too."""
        row = self.rows.get(node.name)
        if row is not None and row.node is not None:
            row.node = None
            self._offer(row, {})
            self._sweep(row)

    def node_changed(self, before: Node | None, after: Node | None) -> bool:
        """Take a change as a store reports it; return whether there may be room now for what had none."""
        if after is not None:
            return self.upsert_node(after)
        assert before is not None, "nothing does not become nothing"
        self.remove_node(before)
        return False

    # ---- pods

    def upsert_pod(self, pod: Pod) -> None:
        """Take a pod's newest state. A bound pod stands in for the decision assumed under its name."""
        if not pod.spec.node_name:
            return
        key = pod.key
        before = self._bound.pop(key, None)
        assumed = self._assumed.get(key)
        if assumed is not None and assumed.uid != pod.metadata.uid:
            del self._assumed[key]
            if before is None:
                before = assumed
            else:
                self._give_back(assumed)
        after = None
        if not pod.terminal:
            after = self._bound[key] = _Claim(self._row(pod.spec.node_name), size_of(pod.spec), pod.metadata.uid)
        self._replace(before, after)

    def remove_pod(self, pod: Pod) -> None:
        """Take the news that a pod is gone; another pod of its name is left alone."""
        held = self._bound.get(pod.key)
        if held is not None and held.uid == pod.metadata.uid:
            del self._bound[pod.key]
            self._give_back(held)

    def pod_changed(self, before: Pod | None, after: Pod | None) -> None:
        """Take a change as a store reports it."""
        if after is not None:
            self.upsert_pod(after)
        else:
            assert before is not None, "nothing does not become nothing"
            self.remove_pod(before)

    # ---- decisions

    def assume(self, key: Key, node: NodeName, size: Size) -> None:
        """Count a decision until a bound pod of that name is seen, or `forget`; a second one replaces the first.

        A pod that is made and gone before the watch shows it is never seen: the caller forgets it when its cache has
        reached the resourceVersion of the write.
        """
        before = self._assumed.get(key)
        held = self._bound.get(key)
        after = self._assumed[key] = _Claim(self._row(node), size, held.uid if held is not None else None)
        self._replace(before, after)

    def forget(self, key: Key) -> None:
        """Take a decision back that came to nothing; without effect if it is not, or no longer, assumed."""
        assumed = self._assumed.pop(key, None)
        if assumed is not None:
            self._give_back(assumed)

    # ---- readers

    def changes(self, cursor: int) -> tuple[list[Row] | None, int]:
        """Return the rows that changed since `cursor` and the next cursor; None: too long ago, read all rows."""
        end = self._dropped + len(self._journal)
        if cursor < self._dropped:
            return None, end
        return self._journal[cursor - self._dropped :], end

    def statistics(self) -> dict[str, int]:
        """Return figures for the metrics page."""
        return {"nodes": len(self.rows), "pods": len(self._bound), "assumed": len(self._assumed)}

    # ---- arithmetic

    def _row(self, name: NodeName) -> Row:
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = Row(name)
        return row

    def _sweep(self, row: Row) -> None:
        if row.node is None and not row.claims:
            del self.rows[row.name]

    def _offer(self, row: Row, allocatable: dict[str, int]) -> None:
        for name, value in row.allocatable.items():
            row.free[name] -= value
        for name, value in allocatable.items():
            row.free[name] = row.free.get(name, 0) + value
        row.allocatable = allocatable
        self._note(row)

    def _replace(self, before: _Claim | None, after: _Claim | None) -> None:
        """Count one claim for another; that nothing changed by it is the usual case, and cheap."""
        if before is not None and after is not None and before.row is after.row and before.size == after.size:
            return
        if after is not None:
            self._take(after)
        if before is not None:
            self._give_back(before)

    def _take(self, claim: _Claim) -> None:
        row = claim.row
        row.claims += 1
        for name, value in claim.size.amounts:
            row.free[name] = row.free.get(name, 0) - value
        for port in claim.size.ports:
            _count_port(row, port, 1)
        self._note(row)

    def _give_back(self, claim: _Claim) -> None:
        row = claim.row
        row.claims -= 1
        for name, value in claim.size.amounts:
            row.free[name] += value
        for port in claim.size.ports:
            _count_port(row, port, -1)
        self._note(row)
        self._sweep(row)

    def _note(self, row: Row) -> None:
        journal = self._journal
        journal.append(row)
        if len(journal) > _SHORTEST_JOURNAL + 2 * len(self.rows):
            half = len(journal) // 2
            del journal[:half]
            self._dropped += half


def _same_for_placement(one: Node, other: Node) -> bool:
    """Whether a placer cannot tell the two apart: heartbeats and conditions do not count."""
    return (
        one.status.allocatable == other.status.allocatable
        and one.spec == other.spec
        and one.metadata.labels == other.metadata.labels
    )


def _count_port(row: Row, port: HostPort, change: int) -> None:
    addresses = row.ports.setdefault((port.protocol, port.number), {})
    count = addresses.get(port.address, 0) + change
    if count:
        addresses[port.address] = count
        return
    del addresses[port.address]
    if not addresses:
        del row.ports[port.protocol, port.number]
