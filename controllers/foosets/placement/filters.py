"""Which nodes will not do for a class of pods, and why. The words are kube-scheduler's, since people search for them.

Each filter is one rule of the scheduler. A node that fails one is not asked further, as in the scheduler. Whether a
node is ready is not looked at: the control plane taints nodes that are not (`node.kubernetes.io/not-ready` and
`unreachable`, both NoSchedule), so a pod that tolerates it may go there. Tolerations with the alpha operators `Lt` and
`Gt` tolerate nothing here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from foosets.api.node import Node, Taint
from foosets.api.pod import NodeSelectorTerm, SelectorRequirement, Toleration
from foosets.placement.nodes import Row
from foosets.placement.requests import ANY_ADDRESS, HostPort, PodClass

UNSCHEDULABLE: Final = "node(s) were unschedulable"
NOT_SELECTED: Final = "node(s) didn't match Pod's node affinity/selector"
PORTS_TAKEN: Final = "node(s) didn't have free ports for the requested pod ports"
TOO_MANY_PODS: Final = "Too many pods"
REJECTED_BEFORE: Final = "node(s) rejected a pod of this set"

MAX_REASONS: Final = 8
MAX_REASON_LENGTH: Final = 120

_CORDON: Final = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
_REPELLING: Final = frozenset({"NoSchedule", "NoExecute"})
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}")


def refusal(node: Node, wanted: PodClass) -> str | None:
    """Return why the node, however empty, will not do for the class; None if it might."""
    return next((reason for one in NODE_FILTERS if (reason := one(node, wanted)) is not None), None)


def shortage(row: Row, wanted: PodClass) -> tuple[str, ...]:
    """Return what the node lacks for one more pod of the class; nothing if it fits."""
    if wanted.size.ports and ports_taken(row, wanted):
        return (PORTS_TAKEN,)
    free = row.free
    for name, value in wanted.size.amounts:  # a plain loop: this runs for every choice, and most often all is well
        if free.get(name, 0) < value:
            return insufficient(row, wanted)
    return ()


def unschedulable(node: Node, wanted: PodClass) -> str | None:
    """A cordoned node takes no pod, unless the pod tolerates the taint that stands for the cordon."""
    if not node.spec.unschedulable or any(tolerates(one, _CORDON) for one in wanted.tolerations):
        return None
    return UNSCHEDULABLE


def untolerated(node: Node, wanted: PodClass) -> str | None:
    """A NoSchedule or NoExecute taint keeps away what does not tolerate it; the first such taint is named."""
    for taint in node.spec.taints:
        if taint.effect in _REPELLING and not any(tolerates(one, taint) for one in wanted.tolerations):
            return f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}"
    return None


def unselected(node: Node, wanted: PodClass) -> str | None:
    """The node selector holds as a whole, and at least one term of the required node affinity."""
    labels = node.metadata.labels
    if any(labels.get(key) != value for key, value in wanted.node_selector.items()):
        return NOT_SELECTED
    if wanted.affinity is None or any(matches(term, node) for term in wanted.affinity.node_selector_terms):
        return None
    return NOT_SELECTED


NodeFilter = Callable[[Node, PodClass], str | None]
NODE_FILTERS: Final[tuple[NodeFilter, ...]] = (unschedulable, untolerated, unselected)
"""The filters that look at the node alone, in the scheduler's order."""


def ports_taken(row: Row, wanted: PodClass) -> bool:
    """Whether a host port of the pod is in use there; the address 0.0.0.0 collides with every other."""
    return any(_taken(row, port) for port in wanted.size.ports)


def insufficient(row: Row, wanted: PodClass) -> tuple[str, ...]:
    """Every requested resource must be free; all that are not are named. What is not requested may be overcommitted."""
    free = row.free
    return tuple(
        TOO_MANY_PODS if name == "pods" else f"Insufficient {name}"
        for name, value in wanted.size.amounts
        if free.get(name, 0) < value
    )


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration bears a taint (`ToleratesTaint` of k8s.io/api). An empty key or effect means any."""
    if toleration.effect not in {"", taint.effect} or toleration.key not in {"", taint.key}:
        return False
    return toleration.operator == "Exists" or (toleration.operator in {"", "Equal"} and toleration.value == taint.value)


def matches(term: NodeSelectorTerm, node: Node) -> bool:
    """Whether all expressions of a term hold; an empty term matches no node."""
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {"metadata.name": node.metadata.name}
    return all(_holds(one, node.metadata.labels) for one in term.match_expressions) and all(
        _holds(one, fields) for one in term.match_fields
    )


def explain(counts: Mapping[str, int], nodes: int) -> str:
    """Return the scheduler's sentence, commonest reason first and at most `MAX_REASONS` of them.

    A node may count for several resources, so the numbers may add up to more than there are nodes.
    """
    if not nodes:
        return "no nodes available to schedule pods"
    ranked = sorted((-count, reason) for reason, count in counts.items() if count > 0)
    parts = [f"{-count} {reason[:MAX_REASON_LENGTH]}" for count, reason in ranked[:MAX_REASONS]]
    if len(ranked) > MAX_REASONS:
        parts.append(f"{len(ranked) - MAX_REASONS} more reasons")
    return f"0/{nodes} nodes are available: {', '.join(parts)}."


def _taken(row: Row, port: HostPort) -> bool:
    addresses = row.ports.get((port.protocol, port.number))
    return bool(addresses) and (port.address == ANY_ADDRESS or port.address in addresses or ANY_ADDRESS in addresses)


def _holds(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" if value is not None and len(requirement.values) == 1:
            return _compares(value, requirement.operator, requirement.values[0])
        case _:
            return False


def _compares(label: str, operator: str, bound: str) -> bool:
    if not _INTEGER.fullmatch(label) or not _INTEGER.fullmatch(bound):
        return False
    return int(label) > int(bound) if operator == "Gt" else int(label) < int(bound)
