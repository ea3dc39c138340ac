from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2e.invariants import fitting as oracle
from foosets.placement.filters import (
    MAX_REASON_LENGTH,
    MAX_REASONS,
    NOT_SELECTED,
    PORTS_TAKEN,
    TOO_MANY_PODS,
    UNSCHEDULABLE,
    explain,
    refusal,
    shortage,
    unschedulable,
    unselected,
    untolerated,
)
from foosets.placement.nodes import Table
from foosets.placement.requests import pod_class
from tests.placement.cells import as_node, as_pod, node, pod, raw_nodes, raw_pods

Raw = dict[str, Any]


@pytest.mark.parametrize(
    ("cordoned", "toleration", "expected"),
    [
        (False, None, None),
        (True, None, UNSCHEDULABLE),
        (True, {"operator": "Exists"}, None),
        (True, {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}, None),
        (True, {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}, None),
        (True, {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoExecute"}, UNSCHEDULABLE),
        (True, {"key": "gpu", "operator": "Exists"}, UNSCHEDULABLE),
    ],
)
def test_cordon(*, cordoned: bool, toleration: Raw | None, expected: str | None) -> None:
    wanted = pod_class(pod(tolerations=[toleration] if toleration else []))
    assert unschedulable(node(unschedulable=cordoned), wanted) == expected


GPU = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("taint", "toleration", "tolerated"),
    [
        (GPU, None, False),
        (GPU, {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}, True),
        (GPU, {"key": "gpu", "value": "yes"}, True),
        (GPU, {"key": "gpu", "operator": "", "value": "yes"}, True),
        (GPU, {"key": "gpu", "value": "no"}, False),
        (GPU, {"key": "gpu"}, False),
        (GPU, {"key": "gpu", "operator": "Exists"}, True),
        (GPU, {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}, True),
        (GPU, {"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        (GPU, {"key": "team", "operator": "Exists"}, False),
        (GPU, {"operator": "Exists"}, True),
        (GPU, {"operator": "Exists", "effect": "NoExecute"}, False),
        (GPU, {"key": "gpu", "operator": "Gt", "value": "1"}, False),
        (GPU | {"effect": "NoExecute"}, None, False),
        (GPU | {"effect": "NoExecute"}, {"key": "gpu", "operator": "Exists", "tolerationSeconds": 0}, True),
        (GPU | {"effect": "PreferNoSchedule"}, None, True),
    ],
)
def test_taints(*, taint: Raw, toleration: Raw | None, tolerated: bool) -> None:
    wanted = pod_class(pod(tolerations=[toleration] if toleration else []))
    expected = None if tolerated else "node(s) had untolerated taint {gpu: yes}"
    assert untolerated(node(taints=[taint]), wanted) == expected


def test_the_first_taint_that_is_not_borne_is_named() -> None:
    tainted = node(taints=[GPU, {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}])
    wanted = pod_class(pod(tolerations=[{"key": "gpu", "operator": "Exists"}]))
    assert untolerated(tainted, wanted) == "node(s) had untolerated taint {node.kubernetes.io/not-ready: }"


def test_a_node_that_is_not_ready_is_kept_away_by_its_taint_alone() -> None:
    unready = as_node({"status": {"conditions": [{"type": "Ready", "status": "False"}]}})
    assert refusal(unready, pod_class(pod())) is None


@pytest.mark.parametrize(
    ("labels", "selector", "passes"),
    [
        ({"zone": "a"}, {}, True),
        ({"zone": "a"}, {"zone": "a"}, True),
        ({"zone": "a"}, {"zone": "b"}, False),
        ({"zone": "a"}, {"zone": "a", "rack": "1"}, False),
        ({}, {"zone": ""}, False),
    ],
)
def test_node_selector(*, labels: Raw, selector: Raw, passes: bool) -> None:
    expected = None if passes else NOT_SELECTED
    assert unselected(node(labels=labels), pod_class(pod(nodeSelector=selector))) == expected


def expression(key: str, operator: str, *values: str) -> Raw:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def named(operator: str, *names: str) -> Raw:
    return {"matchFields": [{"key": "metadata.name", "operator": operator, "values": list(names)}]}


@pytest.mark.parametrize(
    ("terms", "passes"),
    [
        ([expression("zone", "In", "a", "b")], True),
        ([expression("zone", "In", "b")], False),
        ([expression("none", "In", "a")], False),
        ([expression("zone", "NotIn", "b")], True),
        ([expression("zone", "NotIn", "a")], False),
        ([expression("none", "NotIn", "a")], True),
        ([expression("zone", "Exists")], True),
        ([expression("none", "Exists")], False),
        ([expression("none", "DoesNotExist")], True),
        ([expression("zone", "DoesNotExist")], False),
        ([expression("rack", "Gt", "6")], True),
        ([expression("rack", "Gt", "7")], False),
        ([expression("rack", "Lt", "8")], True),
        ([expression("rack", "Lt", "-8")], False),
        ([expression("zone", "Gt", "1")], False),
        ([expression("none", "Lt", "1")], False),
        ([expression("rack", "Gt", "1", "2")], False),
        ([expression("rack", "Gt", "many")], False),
        ([expression("zone", "Like", "a")], False),
        ([named("In", "n1")], True),
        ([named("In", "n2")], False),
        ([named("NotIn", "n2")], True),
        ([named("In", "n1") | expression("zone", "In", "b")], False),
        ([expression("zone", "In", "b"), named("In", "n1")], True),
        ([{}], False),
        ([], False),
        ([{}, named("In", "n1")], True),
        ([{"matchExpressions": [expression("zone", "Exists")["matchExpressions"][0]] * 2}], True),
    ],
)
def test_required_node_affinity(*, terms: list[Raw], passes: bool) -> None:
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    expected = None if passes else NOT_SELECTED
    assert unselected(node(labels={"zone": "a", "rack": "7"}), pod_class(pod(affinity=affinity))) == expected


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ({"cpu": "3"}, ()),
        ({"cpu": "3001m"}, ("Insufficient cpu",)),
        ({"memory": "7Gi"}, ()),
        ({"memory": "7169Mi", "cpu": "4"}, ("Insufficient cpu", "Insufficient memory")),
        ({"example.com/gpu": 1}, ("Insufficient example.com/gpu",)),
        ({"example.com/gpu": 0}, ()),
        ({}, ()),
    ],
)
def test_resources(requests: Raw, expected: tuple[str, ...]) -> None:
    table = Table()
    table.upsert_node(node())
    table.upsert_pod(pod("other", {"cpu": "1", "memory": "1Gi"}, node="n1"))
    assert shortage(table.rows[node().name], pod_class(pod(requests=requests))) == expected


def test_the_number_of_pods() -> None:
    table = Table()
    table.upsert_node(node(allocatable={"pods": "1"}))
    table.upsert_pod(pod("other", node="n1"))
    assert shortage(table.rows[node().name], pod_class(pod())) == (TOO_MANY_PODS,)


def test_what_others_overcommitted_matters_only_to_those_who_ask_for_it() -> None:
    table = Table()
    table.upsert_node(node())
    table.upsert_pod(pod("other", {"memory": "9Gi"}, node="n1"))
    assert shortage(table.rows[node().name], pod_class(pod(requests={"cpu": "1"}))) == ()


def port(number: int, address: str = "", protocol: str = "TCP") -> Raw:
    return {"containerPort": 1, "hostPort": number, "hostIP": address, "protocol": protocol}


@pytest.mark.parametrize(
    ("used", "asked", "free"),
    [
        (port(80), port(80), False),
        (port(80), port(81), True),
        (port(80), port(80, protocol="UDP"), True),
        (port(80), port(80, "10.0.0.1"), False),
        (port(80, "10.0.0.1"), port(80), False),
        (port(80, "10.0.0.1"), port(80, "0.0.0.0"), False),
        (port(80, "10.0.0.1"), port(80, "10.0.0.1"), False),
        (port(80, "10.0.0.1"), port(80, "10.0.0.2"), True),
        (port(80), port(0), True),
    ],
)
def test_host_ports(*, used: Raw, asked: Raw, free: bool) -> None:
    table = Table()
    table.upsert_node(node())
    table.upsert_pod(pod("other", ports=[used], node="n1"))
    assert shortage(table.rows[node().name], pod_class(pod(ports=[asked]))) == (() if free else (PORTS_TAKEN,))


@given(
    raw_nodes(name="n1"), st.lists(raw_pods(), max_size=4, unique_by=lambda raw: raw["metadata"]["name"]), raw_pods()
)
def test_a_second_opinion(raw: Raw, others: list[Raw], asked: Raw) -> None:
    table = Table()
    table.upsert_node(as_node(raw))
    for other in others:
        table.upsert_pod(as_pod(other | {"spec": other["spec"] | {"nodeName": "n1"}}))
    wanted = pod_class(as_pod(asked))
    fits = refusal(as_node(raw), wanted) is None and not shortage(table.rows[as_node(raw).name], wanted)
    assert fits == oracle.fits(raw, others, asked)


def test_the_message_counts_reasons_commonest_first() -> None:
    counts = {"node(s) had untolerated taint {gpu: }": 2, "Insufficient cpu": 7, "Insufficient memory": 2, "gone": 0}
    assert explain(counts, 10) == (
        "0/10 nodes are available: 7 Insufficient cpu, 2 Insufficient memory, 2 node(s) had untolerated taint {gpu: }."
    )


def test_the_message_says_how_many_reasons_it_leaves_out() -> None:
    counts = {f"reason {number}": 1 for number in range(MAX_REASONS + 3)}
    assert explain(counts, 10).endswith(", 3 more reasons.")
    assert "more" not in explain(dict(list(counts.items())[:MAX_REASONS]), 10)


def test_the_message_without_any_node() -> None:
    assert explain({}, 0) == "no nodes available to schedule pods"


@given(st.dictionaries(st.text(max_size=400), st.integers(1, 5000), min_size=1, max_size=40))
def test_the_message_is_bounded_and_does_not_depend_on_order(counts: dict[str, int]) -> None:
    message = explain(counts, 5000)
    assert len(message) < (MAX_REASONS + 1) * (MAX_REASON_LENGTH + 10)
    assert message == explain(dict(reversed(counts.items())), 5000)
