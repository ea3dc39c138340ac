from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.invariants import fitting as oracle
from foosets.api.meta import Key
from foosets.api.names import NodeName, Uid
from foosets.placement.choose import MAX_CLASSES, Ask, Choice, Chooser, NoFit, draw
from foosets.placement.nodes import Table
from foosets.placement.requests import pod_class
from foosets.placement.scores import Strategy, steps
from tests.placement.cells import as_node, as_pod, node, pod, raw_nodes, raw_pods

Raw = dict[str, Any]
HALF_CPU = pod_class(pod(requests={"cpu": "500m"}))


def cell(count: int, **changes: Any) -> Table:
    table = Table()
    for number in range(count):
        table.upsert_node(node(f"n{number:02}", **changes))
    return table


def asks(count: int, placer: str = "one", attempt: int = 0) -> list[Ask]:
    return [
        Ask(Key("ns", f"{placer}-{index}-{attempt}"), draw(Uid("owner"), index, attempt, placer))
        for index in range(count)
    ]


def test_spread_is_even() -> None:
    chosen = Counter(Chooser(cell(10)).choose(HALF_CPU, Strategy.SPREAD, asks(25)))
    assert sorted(chosen.values()) == [2] * 5 + [3] * 5


BEFORE = {"none": Table, "smaller ones": lambda: cell(10, allocatable={"cpu": "500m"})}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE.keys())
def test_spread_is_even_over_nodes_that_came_when_the_class_was_known(before: Callable[[], Table]) -> None:
    table = before()
    chooser = Chooser(table)
    chooser.unfit(HALF_CPU, Strategy.SPREAD)
    for number in range(10):
        table.upsert_node(node(f"n{number:02}"))
    assert sorted(Counter(chooser.choose(HALF_CPU, Strategy.SPREAD, asks(25))).values()) == [2] * 5 + [3] * 5


def test_pack_takes_as_few_nodes_as_possible() -> None:
    chosen = Counter(Chooser(cell(10)).choose(HALF_CPU, Strategy.PACK, asks(20)))
    assert sorted(chosen.values()) == [4, 8, 8]


def test_pack_fills_what_is_in_use_before_it_opens_an_empty_node() -> None:
    table = cell(10)
    table.upsert_pod(pod("other", {"cpu": "100m"}, node="n07"))
    assert Chooser(table).choose(HALF_CPU, Strategy.PACK, asks(7)) == [NodeName("n07")] * 7


def test_spread_weighs_what_is_used_by_what_there_is() -> None:
    table = cell(1)
    table.upsert_node(node("big", allocatable={"cpu": "16", "pods": "100"}))
    chosen = Counter(Chooser(table).choose(HALF_CPU, Strategy.SPREAD, asks(20)))
    assert chosen == {"big": 16, "n00": 4}


def test_the_fullest_resource_decides() -> None:
    table = cell(2)
    table.upsert_pod(pod("memory", {"memory": "6Gi"}, node="n00"))
    table.upsert_pod(pod("cpu", {"cpu": "2"}, node="n01"))
    both = pod_class(pod(requests={"cpu": "500m", "memory": "512Mi"}))
    assert Chooser(table).choose(both, Strategy.SPREAD, asks(1)) == ["n01"]
    assert Chooser(table).choose(HALF_CPU, Strategy.SPREAD, asks(1, attempt=1)) == ["n00"]


def test_pods_without_requests_are_spread_by_number() -> None:
    chosen = Counter(Chooser(cell(4)).choose(pod_class(pod()), Strategy.SPREAD, asks(8)))
    assert set(chosen.values()) == {2}


@pytest.mark.parametrize("strategy", Strategy)
def test_nodes_to_avoid_are_taken_by_nobody_who_avoids_them(strategy: Strategy) -> None:
    chooser = Chooser(cell(4))
    avoid = {NodeName("n00"), NodeName("n02")}
    assert set(chooser.choose(HALF_CPU, strategy, asks(12), avoid)) <= {"n01", "n03"}
    assert set(chooser.choose(HALF_CPU, strategy, asks(20, placer="another"))) > avoid


def test_that_only_nodes_to_avoid_would_do_is_explained() -> None:
    table = cell(2)
    table.upsert_node(node("off", unschedulable=True))
    chooser, wanted = Chooser(table), pod_class(pod(requests={"cpu": "3"}))
    avoid = {NodeName("n00"), NodeName("n01")}
    message = "0/3 nodes are available: 2 node(s) rejected a pod of this set, 1 node(s) were unschedulable."
    assert chooser.choose(wanted, Strategy.PACK, asks(1), avoid) == [NoFit(message, avoided=True)]
    assert chooser.unfit(wanted, Strategy.PACK, avoid) == NoFit(message, avoided=True)
    assert chooser.unfit(wanted, Strategy.PACK) is None
    chooser.choose(wanted, Strategy.PACK, asks(2))
    full = "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) were unschedulable."
    assert chooser.unfit(wanted, Strategy.PACK, avoid) == NoFit(full)


def test_what_does_not_fit_is_explained_and_the_rest_is_placed() -> None:
    table = cell(2)
    table.upsert_node(node("gpu", taints=[{"key": "gpu", "value": "true", "effect": "NoSchedule"}]))
    table.upsert_node(node("off", unschedulable=True))
    chosen = Chooser(table).choose(pod_class(pod(requests={"cpu": "3"})), Strategy.SPREAD, asks(4))
    message = (
        "0/4 nodes are available: 2 Insufficient cpu, 1 node(s) had untolerated taint {gpu: true}, "
        "1 node(s) were unschedulable."
    )
    assert sorted(choice for choice in chosen[:2] if not isinstance(choice, NoFit)) == ["n00", "n01"]
    assert chosen[2:] == [NoFit(message)] * 2


def test_an_empty_cell_is_explained() -> None:
    assert Chooser(Table()).choose(HALF_CPU, Strategy.PACK, asks(1)) == [NoFit("no nodes available to schedule pods")]


def test_events_are_seen_by_the_next_choice() -> None:
    table = cell(1)
    chooser = Chooser(table)
    whole = pod_class(pod(requests={"cpu": "4"}))

    def one(attempt: int) -> Choice:
        return chooser.choose(whole, Strategy.SPREAD, asks(1, attempt=attempt))[0]

    assert one(0) == "n00"
    assert one(1) == NoFit("0/1 nodes are available: 1 Insufficient cpu.")
    table.upsert_node(node("n01", unschedulable=True))
    assert one(2) == NoFit("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.")
    table.upsert_node(node("n01"))
    assert one(3) == "n01"
    table.forget(Key("ns", "one-0-0"))
    assert one(4) == "n00"
    table.remove_node(node("n01"))
    assert one(5) == NoFit("0/1 nodes are available: 1 Insufficient cpu.")


def test_one_class_sees_what_another_took() -> None:
    table = cell(1)
    chooser = Chooser(table)
    assert chooser.choose(HALF_CPU, Strategy.SPREAD, asks(1)) == ["n00"]
    whole = pod_class(pod(requests={"cpu": "4"}))
    assert chooser.choose(whole, Strategy.SPREAD, asks(1, attempt=1)) == [
        NoFit("0/1 nodes are available: 1 Insufficient cpu.")
    ]


def test_a_class_that_made_room_for_others_starts_afresh() -> None:
    table = cell(1)
    chooser = Chooser(table)
    assert chooser.choose(HALF_CPU, Strategy.SPREAD, asks(7)) == ["n00"] * 7
    for number in range(MAX_CLASSES + 1):
        chooser.choose(pod_class(pod(requests={"cpu": f"{5000 + number}m"})), Strategy.SPREAD, asks(1, attempt=1))
    last = chooser.choose(HALF_CPU, Strategy.SPREAD, asks(2, attempt=2))
    assert last == ["n00", NoFit("0/1 nodes are available: 1 Insufficient cpu.")]


def test_a_class_far_behind_the_journal_starts_afresh() -> None:
    table = cell(2)
    chooser = Chooser(table)
    chooser.choose(HALF_CPU, Strategy.PACK, asks(1))
    for _ in range(2000):
        table.upsert_node(node("n00", unschedulable=True))
        table.upsert_node(node("n00"))
    table.upsert_node(node("n01", unschedulable=True))
    table.upsert_node(node("n00", unschedulable=True))
    assert chooser.choose(HALF_CPU, Strategy.PACK, asks(1, attempt=1)) == [
        NoFit("0/2 nodes are available: 2 node(s) were unschedulable.")
    ]


def test_the_draw_is_known() -> None:
    """It must not change between releases or processes: a restart has to find its choices again."""
    assert draw(Uid("u"), 3, 1, "batchfooset") == 12030306291764921737


def test_independent_placers_seldom_meet() -> None:
    mine = Chooser(cell(50)).choose(HALF_CPU, Strategy.SPREAD, asks(20, "mine"))
    others = Chooser(cell(50)).choose(HALF_CPU, Strategy.SPREAD, asks(20, "other"))
    assert sum(one == two for one, two in zip(mine, others, strict=True)) <= 3


def test_another_attempt_is_another_draw() -> None:
    chosen = {Chooser(cell(50)).choose(HALF_CPU, Strategy.SPREAD, asks(1, attempt=attempt))[0] for attempt in range(8)}
    assert len(chosen) > 4


@pytest.mark.parametrize("strategy", list(Strategy))
def test_equal_questions_get_equal_answers(strategy: Strategy) -> None:
    tables = [cell(30), Table()]
    for row in reversed(tables[0].rows.values()):
        assert row.node is not None
        tables[1].upsert_node(row.node)
    first, second = (Chooser(table).choose(HALF_CPU, strategy, asks(100)) for table in tables)
    assert first == second


BOUND = st.lists(raw_pods(bound=True), max_size=5, unique_by=lambda raw: raw["metadata"]["name"])
CELLS = st.lists(raw_nodes(), min_size=1, max_size=6, unique_by=lambda raw: raw["metadata"]["name"])


class Judge:
    """Follows a table with whole objects, and says of each choice whether it was right."""

    def __init__(self, nodes: list[Raw], bound: list[Raw]) -> None:
        self.nodes = {raw["metadata"]["name"]: raw for raw in nodes}
        self.pods = [raw for raw in bound if raw["status"]["phase"] != "Failed"]

    def on(self, name: str) -> list[Raw]:
        return [raw for raw in self.pods if raw["spec"]["nodeName"] == name]

    def candidates(self, raw: Raw) -> set[str]:
        return {name for name, found in self.nodes.items() if oracle.fits(found, self.on(name), raw)}

    def fullness(self, name: str, raw: Raw) -> Fraction:
        """Return the largest used share of what the pod requests, before it comes."""
        allocatable = self.nodes[name]["status"]["allocatable"]
        others = self.on(name)
        shares = [Fraction(len(others), int(allocatable["pods"]))]
        for resource, value in oracle.requests(raw).items():
            if value:
                used = sum(oracle.requests(one).get(resource, 0) for one in others)
                shares.append(used / oracle.quantity(allocatable[resource]))
        return max(shares)


def tabled(nodes: list[Raw], bound: list[Raw]) -> Table:
    table = Table()
    for raw in bound:
        table.upsert_pod(as_pod(raw))
    for raw in nodes:
        table.upsert_node(as_node(raw))
    return table


OUTCOMES = st.lists(st.sampled_from(["unseen", "seen", "failed", "ended"]), min_size=1, max_size=3)


@given(
    CELLS,
    BOUND,
    st.lists(st.tuples(raw_pods(), st.sampled_from(Strategy), OUTCOMES), max_size=5),
    st.lists(raw_nodes(), max_size=5),
)
def test_brute_force_agrees(
    nodes: list[Raw], bound: list[Raw], wishes: list[tuple[Raw, Strategy, list[str]]], updates: list[Raw]
) -> None:
    """A chosen node will do; if none is chosen, none will do. Nodes change meanwhile, and pods come, fail and end."""
    table, judge = tabled(nodes, bound), Judge(nodes, bound)
    chooser = Chooser(table)
    changes = iter(updates)
    for number, (wish, strategy, outcomes) in enumerate(wishes):
        wanted = pod_class(as_pod(wish))
        for index, outcome in enumerate(outcomes):
            raw = wish | {"metadata": {"namespace": "wish", "name": f"{number}-{index}", "uid": "u"}}
            candidates = judge.candidates(raw)
            choice = chooser.choose(wanted, strategy, [Ask(as_pod(raw).key, draw(Uid("u"), index, number, "test"))])[0]
            assert isinstance(choice, NoFit) == (not candidates)
            if not isinstance(choice, NoFit):
                assert choice in candidates
                settle(table, judge, raw | {"spec": raw["spec"] | {"nodeName": choice}}, outcome)
        if (update := next(changes, None)) is not None:
            table.upsert_node(as_node(update))
            judge.nodes[update["metadata"]["name"]] = update


def settle(table: Table, judge: Judge, raw: Raw, outcome: str) -> None:
    """Let a decision's pod be seen, fail to be made, or end."""
    if outcome == "failed":
        table.forget(as_pod(raw).key)
        return
    if outcome in {"seen", "ended"}:
        table.upsert_pod(as_pod(raw))
    if outcome == "ended":
        table.upsert_pod(as_pod(raw | {"status": {"phase": "Succeeded"}}))
    else:
        judge.pods.append(raw)


@given(CELLS, BOUND, raw_pods(), st.sampled_from(Strategy))
def test_the_choice_is_less_than_a_pod_from_the_best(
    nodes: list[Raw], bound: list[Raw], raw: Raw, strategy: Strategy
) -> None:
    table, judge = tabled(nodes, bound), Judge(nodes, bound)
    wanted = pod_class(as_pod(raw))
    fullness = {name: judge.fullness(name, raw) for name in judge.candidates(raw)}
    choice = Chooser(table).choose(wanted, strategy, asks(1))[0]
    assert isinstance(choice, NoFit) == (not fullness)
    if not isinstance(choice, NoFit):
        best = max(fullness.values()) if strategy is Strategy.PACK else min(fullness.values())
        assert abs(fullness[choice] - best) < Fraction(1, steps(table.rows.values(), wanted))
