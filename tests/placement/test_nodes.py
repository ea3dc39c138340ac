from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from foosets.api.meta import Key
from foosets.api.names import NodeName
from foosets.placement.nodes import NEVER, Row, Table
from foosets.placement.requests import size_of
from tests.placement.cells import NODE_NAMES, as_node, as_pod, node, pod, raw_nodes, raw_pods

Raw = dict[str, Any]
N1 = NodeName("n1")
ONE_CPU = size_of(pod(requests={"cpu": "1"}).spec)


def contents(table: Table) -> dict[str, tuple[bool, dict[str, int], dict[tuple[str, int], dict[str, int]], int]]:
    """Return all that can be known of a table; a resource of which nothing is free counts as not there."""
    return {
        name: (row.node is not None, {key: value for key, value in row.free.items() if value}, row.ports, row.claims)
        for name, row in table.rows.items()
    }


def cpu(table: Table, name: NodeName = N1) -> int:
    return table.rows[name].free["cpu"]


def test_free_is_what_is_offered_less_what_is_bound_and_assumed() -> None:
    table = Table()
    table.upsert_node(node())
    table.upsert_pod(pod("a", {"cpu": "500m"}, node="n1"))
    table.assume(Key("ns", "b"), N1, ONE_CPU)
    assert table.rows[N1].free == {"cpu": 2500, "memory": 2**33, "pods": 8}
    assert table.statistics() == {"nodes": 1, "pods": 1, "assumed": 1}


def test_a_pod_may_come_before_its_node() -> None:
    table = Table()
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1"))
    table.upsert_node(node())
    assert cpu(table) == 3000


def test_a_node_may_leave_before_its_pods() -> None:
    table = Table()
    table.upsert_node(node())
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1"))
    table.remove_node(node())
    table.upsert_node(node(allocatable={"cpu": "2"}))
    assert cpu(table) == 1000
    table.remove_node(node())
    table.remove_pod(pod("a"))
    assert table.rows == {}


def test_a_node_that_was_never_there_leaves_nothing() -> None:
    table = Table()
    table.remove_node(node())
    assert table.rows == {}
    assert table.changes(NEVER)[0] in (None, [])


def test_a_node_leaves_once() -> None:
    table = Table()
    table.node_changed(None, node())
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1"))
    for _ in range(2):
        table.node_changed(node(), None)
    assert cpu(table) == -1000


def test_an_event_of_a_pod_without_a_node_changes_nothing() -> None:
    table = Table()
    table.pod_changed(None, pod("a", {"cpu": "1"}))
    table.pod_changed(pod("a", {"cpu": "1"}), None)
    assert table.rows == {}


def test_the_next_pod_of_a_name_stands_in_for_the_earlier_one_and_for_the_decision_made_while_that_was_there() -> None:
    table = Table()
    table.upsert_node(node())
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1", uid="earlier"))
    table.assume(Key("ns", "a"), N1, ONE_CPU)
    assert cpu(table) == 2000
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1", uid="next"))
    assert cpu(table) == 3000
    assert table.statistics() == {"nodes": 1, "pods": 1, "assumed": 0}


def test_a_port_is_free_again_with_the_last_pod_that_has_it() -> None:
    table = Table()
    for name, address in (("a", "10.0.0.1"), ("b", "10.0.0.1"), ("c", "10.0.0.2")):
        port = {"containerPort": 80, "hostPort": 80, "hostIP": address}
        table.pod_changed(None, pod(name, node="n1", ports=[port]))
    assert table.rows[N1].ports == {("TCP", 80): {"10.0.0.1": 2, "10.0.0.2": 1}}
    for name in "ac":
        table.pod_changed(pod(name, node="n1"), None)
    assert table.rows[N1].ports == {("TCP", 80): {"10.0.0.1": 1}}
    table.upsert_node(node())
    table.pod_changed(pod("b", node="n1"), None)
    assert table.rows[N1].ports == {}


def test_a_terminating_pod_counts_and_a_terminal_one_does_not() -> None:
    table = Table()
    table.upsert_node(node())
    dying = pod("a", {"cpu": "1"}, node="n1")
    dying.metadata.deletion_timestamp = "2030-01-01T00:00:00Z"
    table.upsert_pod(dying)
    assert cpu(table) == 3000
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1", phase="Failed"))
    assert cpu(table) == 4000


def test_a_resized_pod_counts_anew() -> None:
    table = Table()
    table.upsert_node(node())
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1"))
    table.upsert_pod(pod("a", {"cpu": "3"}, node="n1"))
    assert cpu(table) == 1000


def test_a_decision_counts_until_its_pod_is_seen() -> None:
    table = Table()
    table.upsert_node(node())
    table.assume(Key("ns", "a"), N1, ONE_CPU)
    table.upsert_pod(pod("a", {"cpu": "1"}))
    assert table.statistics()["assumed"] == 1  # not bound yet
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1"))
    assert (cpu(table), table.statistics()["assumed"]) == (3000, 0)
    table.forget(Key("ns", "a"))
    assert cpu(table) == 3000


def test_a_pod_that_ended_before_it_was_seen_settles_its_decision() -> None:
    table = Table()
    table.upsert_node(node())
    table.assume(Key("ns", "a"), N1, ONE_CPU)
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1", phase="Succeeded"))
    assert cpu(table) == 4000


def test_a_decision_that_failed_is_forgotten() -> None:
    table = Table()
    table.upsert_node(node())
    table.assume(Key("ns", "a"), N1, ONE_CPU)
    table.forget(Key("ns", "a"))
    table.forget(Key("ns", "a"))
    assert cpu(table) == 4000


def test_a_second_decision_replaces_the_first() -> None:
    table = Table()
    table.upsert_node(node())
    table.upsert_node(node("n2"))
    table.assume(Key("ns", "a"), N1, ONE_CPU)
    table.assume(Key("ns", "a"), NodeName("n2"), ONE_CPU)
    assert (cpu(table), cpu(table, NodeName("n2"))) == (4000, 3000)


def test_news_of_the_former_pod_of_a_name_does_not_settle_the_decision_for_the_next() -> None:
    table = Table()
    table.upsert_node(node())
    former = pod("a", {"cpu": "1"}, node="n1", uid="former")
    table.upsert_pod(former)
    table.assume(Key("ns", "a"), N1, ONE_CPU)
    table.upsert_pod(former)
    assert cpu(table) == 2000
    table.remove_pod(former)
    assert cpu(table) == 3000
    table.upsert_pod(pod("a", {"cpu": "1"}, node="n1", uid="next"))
    table.remove_pod(former)
    assert (cpu(table), table.statistics()["assumed"]) == (3000, 0)


def test_the_journal_tells_what_changed() -> None:
    table = Table()
    assert table.changes(NEVER) == (None, 0)
    table.upsert_node(node())
    changed, cursor = table.changes(0)
    assert changed == [table.rows[N1]]
    beat = node()
    beat.metadata.resource_version = "7"
    table.upsert_node(beat)
    assert table.changes(cursor) == ([], cursor)
    table.upsert_node(node(taints=[{"key": "gpu", "effect": "NoSchedule"}]))
    assert table.changes(cursor) == ([table.rows[N1]], cursor + 1)


def test_a_reader_far_behind_is_told_to_start_afresh() -> None:
    table = Table()
    table.upsert_node(node())
    for _ in range(3000):
        table.assume(Key("ns", "a"), N1, ONE_CPU)
        table.forget(Key("ns", "a"))
    changed, cursor = table.changes(0)
    assert changed is None
    assert table.changes(cursor) == ([], cursor)


def test_changes_as_a_store_reports_them() -> None:
    table = Table()
    table.node_changed(None, node())
    table.pod_changed(None, pod("a", {"cpu": "1"}, node="n1"))
    assert cpu(table) == 3000
    table.pod_changed(pod("a", node="n1"), None)
    table.node_changed(node(), None)
    assert table.rows == {}


KEYS = st.integers(0, 9).map(lambda number: Key("ns", f"p{number}"))
STEPS = st.one_of(
    st.tuples(st.just("node"), raw_nodes()),
    st.tuples(st.just("no node"), st.sampled_from(NODE_NAMES)),
    st.tuples(st.just("pod"), raw_pods(bound=True), st.sampled_from(["former", "next"])),
    st.tuples(st.just("no pod"), KEYS),
    st.tuples(st.just("assume"), KEYS, st.sampled_from(NODE_NAMES), raw_pods()),
    st.tuples(st.just("forget"), KEYS),
)


class Model:
    """What a table must hold after the same steps, as plain dictionaries of whole objects."""

    def __init__(self) -> None:
        self.nodes: dict[str, Raw] = {}
        self.pods: dict[Key, Raw] = {}
        self.assumed: dict[Key, tuple[str, Raw, str]] = {}

    def take(self, table: Table, step: tuple[Any, ...]) -> None:
        """Do one step, to the table and to the model."""
        steps: dict[str, Callable[..., None]] = {
            "node": self._node,
            "no node": self._no_node,
            "pod": self._pod,
            "no pod": self._no_pod,
            "assume": self._assume,
            "forget": self._forget,
        }
        steps[step[0]](table, *step[1:])

    def afresh(self, *, pods_first: bool) -> Table:
        """Return a table that is told of nothing but the outcome."""
        table = Table()
        parts: list[Callable[[], None]] = [lambda: self._tell_nodes(table), lambda: self._tell_pods(table)]
        for part in reversed(parts) if pods_first else parts:
            part()
        for key, (name, raw, _) in self.assumed.items():
            table.assume(key, NodeName(name), size_of(as_pod(raw).spec))
        return table

    def _tell_nodes(self, table: Table) -> None:
        for raw in self.nodes.values():
            table.upsert_node(as_node(raw))

    def _tell_pods(self, table: Table) -> None:
        for raw in self.pods.values():
            table.upsert_pod(as_pod(raw))

    def _node(self, table: Table, raw: Raw) -> None:
        table.upsert_node(as_node(raw))
        self.nodes[raw["metadata"]["name"]] = raw

    def _no_node(self, table: Table, name: str) -> None:
        table.remove_node(node(name))
        self.nodes.pop(name, None)

    def _pod(self, table: Table, raw: Raw, uid: str) -> None:
        raw = raw | {"metadata": raw["metadata"] | {"uid": uid}}
        row = as_pod(raw)
        table.upsert_pod(row)
        table.upsert_pod(row)
        if row.key in self.assumed and self.assumed[row.key][2] != uid:
            del self.assumed[row.key]
        self.pods.pop(row.key, None)
        if not row.terminal:
            self.pods[row.key] = raw

    def _no_pod(self, table: Table, key: Key) -> None:
        raw = self.pods.pop(key, None)
        gone = as_pod(raw) if raw is not None else pod(key.name)
        table.remove_pod(gone)
        table.remove_pod(gone)

    def _assume(self, table: Table, key: Key, name: str, raw: Raw) -> None:
        table.assume(key, NodeName(name), size_of(as_pod(raw).spec))
        self.assumed[key] = (name, raw, self.pods[key]["metadata"]["uid"] if key in self.pods else "")

    def _forget(self, table: Table, key: Key) -> None:
        table.forget(key)
        self.assumed.pop(key, None)


@settings(max_examples=200)
@given(steps=st.lists(STEPS, max_size=30), pods_first=st.booleans())
def test_free_never_drifts(*, steps: list[tuple[Any, ...]], pods_first: bool) -> None:
    table, model = Table(), Model()
    for step in steps:
        model.take(table, step)
    assert contents(table) == contents(model.afresh(pods_first=pods_first))


@given(st.lists(STEPS, max_size=30), st.integers(0, 30))
def test_a_reader_of_the_journal_misses_no_change(steps: list[tuple[Any, ...]], start: int) -> None:
    table, model = Table(), Model()
    for step in steps[:start]:
        model.take(table, step)
    before, cursor = contents(table), table.changes(NEVER)[1]
    for step in steps[start:]:
        model.take(table, step)
    changed: list[Row] | None = table.changes(cursor)[0]
    assert changed is not None
    names = {row.name for row in changed}
    after = contents(table)
    assert all(before.get(name) == after.get(name) for name in (before.keys() | after.keys()) - names)
