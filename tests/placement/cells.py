"""Nodes and pods as the API server would send them, and the hypothesis strategies that invent them."""

from typing import Any

from hypothesis import strategies as st
from msgspec import convert

from foosets.api.node import Node
from foosets.api.pod import Pod

Raw = dict[str, Any]


def raw_node(name: str = "n1", **changes: Any) -> Raw:
    """Make a node of 4 CPUs, 8Gi and 10 pods; `changes` are labels, taints, unschedulable, allocatable."""
    return {
        "metadata": {"name": name, "labels": changes.get("labels", {})},
        "spec": {"unschedulable": changes.get("unschedulable", False), "taints": changes.get("taints", [])},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10"} | changes.get("allocatable", {})},
    }


def raw_pod(name: str = "p1", requests: Raw | None = None, **changes: Any) -> Raw:
    """Make a pod of one container; `changes` are node, phase, uid, ports and any field of the spec."""
    spec = {key: value for key, value in changes.items() if key not in {"node", "phase", "uid", "ports"}}
    container = {"resources": {"requests": requests or {}}, "ports": changes.get("ports", [])}
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": changes.get("uid", f"uid-{name}")},
        "spec": {"containers": [container], "nodeName": changes.get("node", "")} | spec,
        "status": {"phase": changes.get("phase", "Pending")},
    }


def as_node(raw: Raw) -> Node:
    return convert(raw, Node)


def as_pod(raw: Raw) -> Pod:
    return convert(raw, Pod)


def node(name: str = "n1", **changes: Any) -> Node:
    return as_node(raw_node(name, **changes))


def pod(name: str = "p1", requests: Raw | None = None, **changes: Any) -> Pod:
    return as_pod(raw_pod(name, requests, **changes))


NODE_NAMES = [f"n{number}" for number in range(6)]
ZONES = st.fixed_dictionaries({}, optional={"zone": st.sampled_from("ab"), "rack": st.sampled_from(["1", "7", "x"])})
TAINTS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["gpu", "team"]),
            "effect": st.sampled_from(["NoSchedule", "NoExecute", "PreferNoSchedule"]),
        },
        optional={"value": st.sampled_from(["yes", "no"])},
    ),
    max_size=2,
)
TOLERATIONS = st.lists(
    st.fixed_dictionaries(
        {"operator": st.sampled_from(["Exists", "Equal"])},
        optional={
            "key": st.sampled_from(["gpu", "team", "node.kubernetes.io/unschedulable"]),
            "value": st.sampled_from(["yes", "no"]),
            "effect": st.sampled_from(["NoSchedule", "NoExecute"]),
        },
    ),
    max_size=2,
)
EXPRESSIONS = st.one_of(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from(["zone", "rack"]),
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(st.sampled_from(["a", "b", "1", "7"]), min_size=1, max_size=2),
        }
    ),
    st.fixed_dictionaries(
        {"key": st.sampled_from(["zone", "rack"]), "operator": st.sampled_from(["Exists", "DoesNotExist"])}
    ),
    st.fixed_dictionaries(
        {"key": st.just("rack"), "operator": st.sampled_from(["Gt", "Lt"]), "values": st.just(["4"])}
    ),
)
FIELDS = st.fixed_dictionaries(
    {
        "key": st.just("metadata.name"),
        "operator": st.sampled_from(["In", "NotIn"]),
        "values": st.sampled_from(NODE_NAMES).map(lambda name: [name]),
    }
)
TERMS = st.fixed_dictionaries(
    {}, optional={"matchExpressions": st.lists(EXPRESSIONS, max_size=2), "matchFields": st.lists(FIELDS, max_size=1)}
)
AFFINITIES = st.lists(TERMS, min_size=1, max_size=2).map(
    lambda terms: {
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}},
    }
)
PORTS = st.lists(
    st.fixed_dictionaries(
        {"containerPort": st.just(80), "hostPort": st.sampled_from([0, 80, 81])},
        optional={
            "hostIP": st.sampled_from(["", "0.0.0.0", "10.0.0.1", "10.0.0.2"]),
            "protocol": st.sampled_from(["TCP", "UDP"]),
        },
    ),
    max_size=1,
)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "cpu": st.sampled_from(["0", "250m", "1", "1500m"]),
        "memory": st.sampled_from(["100M", "1Gi", "3Gi"]),
        "example.com/gpu": st.sampled_from(["1", 2]),
    },
)


@st.composite
def raw_nodes(draw: st.DrawFn, name: str | None = None) -> Raw:
    return raw_node(
        name or draw(st.sampled_from(NODE_NAMES)),
        labels=draw(ZONES),
        taints=draw(TAINTS),
        unschedulable=draw(st.booleans()) and draw(st.booleans()),
        allocatable=draw(
            st.fixed_dictionaries(
                {"cpu": st.sampled_from(["2", "4", "3900m"]), "pods": st.sampled_from(["2", "10"])},
                optional={"example.com/gpu": st.just("2")},
            )
        ),
    )


@st.composite
def raw_pods(draw: st.DrawFn, *, bound: bool = False) -> Raw:
    """Invent a pod; one that is bound may be anywhere, also where it does not fit."""
    spec = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "nodeSelector": st.sampled_from([{"zone": "a"}, {"zone": "b", "rack": "1"}]),
                "affinity": AFFINITIES,
                "tolerations": TOLERATIONS,
            },
        )
    )
    name = f"p{draw(st.integers(0, 9))}"
    where = {
        "node": draw(st.sampled_from(NODE_NAMES)),
        "phase": draw(st.sampled_from(["Running", "Pending", "Failed"])),
    }
    return raw_pod(name, draw(REQUESTS), ports=draw(PORTS), **(where if bound else {}), **spec)
