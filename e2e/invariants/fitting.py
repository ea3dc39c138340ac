"""A slow second opinion on whether a pod may run on a node, written from Kubernetes' documentation over raw objects.

It shares nothing with the code under test: quantities are fractions, and every pod on the node is added up anew.
"""

from fractions import Fraction
from typing import Any, Final

Raw = dict[str, Any]

SUFFIXES: Final = {"m": Fraction(1, 1000), "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - nothing is bound here


def quantity(value: str | int) -> Fraction:
    """Return a quantity as a number."""
    text = str(value)
    suffix = text.lstrip("0123456789.")
    return Fraction(text.removesuffix(suffix)) * SUFFIXES.get(suffix, 1)


def requests(pod: Raw) -> dict[str, Fraction]:
    """Sum the containers; init containers, overhead and pod-level requests are not looked at."""
    total: dict[str, Fraction] = {}
    for container in pod["spec"]["containers"]:
        for name, value in container.get("resources", {}).get("requests", {}).items():
            total[name] = total.get(name, Fraction(0)) + quantity(value)
    return total


def host_ports(pod: Raw) -> list[tuple[str, str, int]]:
    """Return the ports of its node that a pod takes: address, protocol, number."""
    return [
        (port.get("hostIP") or ANY_ADDRESS, port.get("protocol", "TCP"), port["hostPort"])
        for container in pod["spec"]["containers"]
        for port in container.get("ports", [])
        if port.get("hostPort")
    ]


def fits(node: Raw, others: list[Raw], pod: Raw) -> bool:
    """Whether the pod may be bound to the node on which `others` already are."""
    return (
        _bears(node, pod)
        and _selected(node, pod)
        and _ports_free(others, pod)
        and len(others) + 1 <= int(node["status"]["allocatable"]["pods"])
        and all(
            _used_after(others, pod, name) <= quantity(node["status"]["allocatable"].get(name, 0))
            for name, value in requests(pod).items()
            if value
        )
    )


def _used_after(others: list[Raw], pod: Raw, resource: str) -> Fraction:
    return sum((requests(one).get(resource, Fraction(0)) for one in [*others, pod]), Fraction(0))


def _bears(node: Raw, pod: Raw) -> bool:
    taints = [taint for taint in node["spec"].get("taints", []) if taint["effect"] != "PreferNoSchedule"]
    if node["spec"].get("unschedulable"):
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    return tolerated(taints, pod)


def tolerated(taints: list[Raw], pod: Raw) -> bool:
    """Whether the pod bears all of these taints."""
    tolerations = pod["spec"].get("tolerations", [])
    return all(any(_tolerates(one, taint) for one in tolerations) for taint in taints)


def _tolerates(toleration: Raw, taint: Raw) -> bool:
    same_key = "key" not in toleration or toleration["key"] == taint["key"]
    same_effect = "effect" not in toleration or toleration["effect"] == taint["effect"]
    same_value = toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")
    return same_key and same_effect and same_value


def _selected(node: Raw, pod: Raw) -> bool:
    labels = node["metadata"].get("labels", {})
    if not pod["spec"].get("nodeSelector", {}).items() <= labels.items():
        return False
    wished = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
    required = wished.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    name = {"metadata.name": node["metadata"]["name"]}
    for term in required["nodeSelectorTerms"]:
        found = [_holds(one, labels) for one in term.get("matchExpressions", [])]
        found += [_holds(one, name) for one in term.get("matchFields", [])]
        if found and all(found):
            return True
    return False


def _holds(expression: Raw, labels: dict[str, str]) -> bool:
    has, value = expression["key"] in labels, labels.get(expression["key"], "")
    verdicts = {
        "Exists": lambda: has,
        "DoesNotExist": lambda: not has,
        "In": lambda: has and value in expression["values"],
        "NotIn": lambda: not (has and value in expression["values"]),
        "Gt": lambda: has and value.isdigit() and int(value) > int(expression["values"][0]),
        "Lt": lambda: has and value.isdigit() and int(value) < int(expression["values"][0]),
    }
    return verdicts[expression["operator"]]()


def _ports_free(others: list[Raw], pod: Raw) -> bool:
    taken = [port for one in others for port in host_ports(one)]
    return not any(
        (protocol, number) == (other_protocol, other_number) and (address == other or ANY_ADDRESS in {address, other})
        for address, protocol, number in host_ports(pod)
        for other, other_protocol, other_number in taken
    )
