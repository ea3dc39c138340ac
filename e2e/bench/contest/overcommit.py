"""Whether the nodes can hold what was put on them, whoever put it there: by the kubelet's rule, and sums alone."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from foosets.api.node import Node
from foosets.api.pod import Pod
from foosets.planning.quantity import amount

PODS: Final = "pods"


def overcommitted(pods: Iterable[Pod], nodes: Iterable[Node]) -> dict[str, str]:
    """Return each node that cannot hold its pods, with what is too much of what; a node that there is not holds none.

    A pod asks for the sum of its containers' requests, and for one of the node's pods.
    """
    asked: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for pod in pods:
        asked[pod.spec.node_name][PODS] += 1
        for container in pod.spec.containers:
            for resource, quantity in container.resources.requests.items():
                asked[pod.spec.node_name][resource] += amount(resource, quantity)
    offered = {node.metadata.name: node.status.allocatable for node in nodes}
    verdicts = {name: _excess(sums, offered.get(name, {})) for name, sums in asked.items()}
    return {name: verdict for name, verdict in verdicts.items() if verdict}


def _excess(asked: Mapping[str, int], offered: Mapping[str, str | int | float]) -> str:
    return ", ".join(
        f"{resource}: {wanted} of {room}"
        for resource, wanted in sorted(asked.items())
        if wanted > (room := amount(resource, offered.get(resource, 0)))
    )
