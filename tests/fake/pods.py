"""What an API server does to pods: defaults, bindings, and what of a pod may change.

Defaults are those that a pod of containers with images, environment, ports and resources gets. A pod's spec is hardly
judged.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from tests.fake.record import Object
from tests.fake.storage import copied

TERMINAL: Final = frozenset({"Succeeded", "Failed"})

_SPEC: Final[Mapping[str, Any]] = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "securityContext": {},
    "schedulerName": "default-scheduler",
    "priority": 0,
    "enableServiceLinks": True,
    "preemptionPolicy": "PreemptLowerPriority",
}
_MAPS: Final = frozenset({"nodeSelector", "overhead"})
_CONTAINER: Final[Mapping[str, Any]] = {
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_MENDABLE: Final = frozenset({"activeDeadlineSeconds", "tolerations", "schedulingGates"})
"""Parts of a pod's spec that may change after its creation, by rules of their own; so may its containers' images."""


def completed(spec: Object) -> Object:
    """Return a pod's spec with its defaults, and without lists and maps that are empty."""
    given = {name: part for name, part in spec.items() if part != [] and (part or name not in _MAPS)}
    filled: Object = {**_SPEC, **given}
    for kind in ("initContainers", "containers"):
        if kind in filled:
            filled[kind] = [_container(container) for container in filled[kind]]
    filled["tolerations"] = _tolerations(filled.get("tolerations", []))
    if "serviceAccountName" in filled:
        filled["serviceAccount"] = filled["serviceAccountName"]
    return filled


def begun(pod: Object) -> Object:
    """Return the pod as it is stored first: with its defaults, and with no status but that it is pending."""
    spec = completed(pod.get("spec", {}))
    status: Object = {"phase": "Pending", "qosClass": _quality(spec)}
    if spec.get("schedulingGates"):
        reason, why = "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"
        gated = {"type": "PodScheduled", "status": "False", "reason": reason, "message": why}
        since = {"lastProbeTime": None, "lastTransitionTime": pod["metadata"]["creationTimestamp"]}
        status["conditions"] = [{**gated, **since}]
    return {**pod, "spec": spec, "status": status}


def reported(old: Object, new: Object) -> Object:
    """Return the pod with a new status: its spec, its owners and its quality of service are as they were."""
    owners = {name: old["metadata"][name] for name in ("ownerReferences",) if name in old["metadata"]}
    meta = {name: part for name, part in new["metadata"].items() if name != "ownerReferences"}
    status = {**new.get("status", {}), "qosClass": old["status"]["qosClass"]}
    if "conditions" in status:
        status["conditions"] = [_condition(one) for one in status["conditions"]]
    return {**new, "metadata": {**meta, **owners}, "spec": old["spec"], "status": status}


def forbidden_changes(old: Object, new: Object) -> list[str]:
    """Return the parts of the spec that were changed though a pod allows no such change."""
    before, after = old["spec"], new["spec"]
    for kind in ("containers", "initContainers"):
        if len(before.get(kind, [])) != len(after.get(kind, [])):
            return [f"spec.{kind}"]
    deadlines = before.get("activeDeadlineSeconds"), after.get("activeDeadlineSeconds")
    if None not in deadlines and deadlines[0] < deadlines[1]:
        return ["spec.activeDeadlineSeconds"]
    forgotten = ["spec.activeDeadlineSeconds"] if deadlines[0] is not None and deadlines[1] is None else []
    wrong = [*forgotten, *_lost_tolerations(before, after), *_unlike_gates(before, after)]
    mendable = _MENDABLE | {"nodeSelector"} if before.get("schedulingGates") else _MENDABLE
    return wrong if _fixed(before, mendable) == _fixed(after, mendable) else [*wrong, "spec"]


def _lost_tolerations(before: Object, after: Object) -> list[str]:
    """Tolerations may be added, and those that are there may get other times."""
    old, new = ([{**one, "tolerationSeconds": 0} for one in spec["tolerations"]] for spec in (before, after))
    return ["spec.tolerations"] if any(one not in new for one in old) else []


def _unlike_gates(before: Object, after: Object) -> list[str]:
    """Gates may only go; as long as there are some, the node selector may become narrower."""
    gates, selector = before.get("schedulingGates", []), after.get("nodeSelector", {})
    added = [place for place, gate in enumerate(after.get("schedulingGates", [])) if gate not in gates]
    widened = gates and not before.get("nodeSelector", {}).items() <= selector.items()
    return [f"spec.schedulingGates[{place}].name" for place in added] + (["spec.nodeSelector"] if widened else [])


def bound(pod: Object, node: str, annotations: Mapping[str, str], now: datetime) -> Object:
    """Return the pod on its node."""
    new = copied(pod)
    new["spec"]["nodeName"] = node
    if annotations:
        new["metadata"]["annotations"] = {**(new["metadata"].get("annotations") or {}), **annotations}
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": moment(now)}
    known = {one["type"]: one for one in new["status"].get("conditions", [])}
    new["status"]["conditions"] = list((known | {"PodScheduled": scheduled}).values())
    return new


def why_not_bindable(pod: Object) -> str:
    """Return what keeps a pod from being given a node, in the server's words; "" if nothing does."""
    name = pod["metadata"]["name"]
    if pod["metadata"].get("deletionTimestamp"):
        return f"pod {name} is being deleted, cannot be assigned to a host"
    if pod["spec"].get("nodeName"):
        return f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
    if pod["spec"].get("schedulingGates"):
        return f"pod {name} has non-empty .spec.schedulingGates"
    return ""


def grace(pod: Object, asked: int | None) -> int:
    """Return how many seconds a pod has to end; a pod that does not run has none."""
    if not pod["spec"].get("nodeName") or pod["status"].get("phase") in TERMINAL:
        return 0
    seconds = pod["spec"].get("terminationGracePeriodSeconds", 0) if asked is None else asked
    return seconds if seconds >= 0 else 1


def moment(now: datetime) -> str:
    """Return a time as metadata and conditions have it, in whole seconds."""
    return f"{now:%Y-%m-%dT%H:%M:%SZ}"


def _condition(given: Object) -> Object:
    """Return a condition as Go writes it: empty words are left out, times are not."""
    return {"lastProbeTime": None, "lastTransitionTime": None, **{name: part for name, part in given.items() if part}}


def _container(container: Object) -> Object:
    filled: Object = {**_CONTAINER, "imagePullPolicy": _pull_policy(container.get("image", "")), **container}
    limits = filled["resources"].get("limits")
    if limits:
        filled["resources"] = {**filled["resources"], "requests": {**limits, **filled["resources"].get("requests", {})}}
    if "ports" in filled:
        filled["ports"] = [{"protocol": "TCP", **port} for port in filled["ports"]]
    if "env" in filled:
        filled["env"] = [_variable(variable) for variable in filled["env"]]
    return filled


def _variable(given: Object) -> Object:
    reference = given.get("valueFrom", {}).get("fieldRef")
    if reference is None:
        return given
    return {**given, "valueFrom": {**given["valueFrom"], "fieldRef": {"apiVersion": "v1", **reference}}}


def _pull_policy(image: str) -> str:
    _, _, tag = image.rpartition("/")[2].partition(":")
    return "Always" if tag in {"", "latest"} and "@" not in image else "IfNotPresent"


def _tolerations(given: list[Object]) -> list[Object]:
    """Return the tolerations with those that every pod gets: five minutes on a node that went away."""
    keys = {toleration.get("key") for toleration in given}
    tolerable = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    lost = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    return [*given, *({"key": key, **tolerable} for key in lost if key not in keys)]


def _quality(spec: Object) -> str:
    needs = [
        container.get("resources", {}) for container in (*spec.get("containers", []), *spec.get("initContainers", []))
    ]
    if not any(need.get("requests") or need.get("limits") for need in needs):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= need.get("limits", {}).keys() and need.get("requests") == need.get("limits")
        for need in needs
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _fixed(spec: Object, mendable: frozenset[str]) -> Object:
    fixed = {name: part for name, part in spec.items() if name not in mendable}
    for kind in ("containers", "initContainers"):
        if kind in fixed:
            fixed[kind] = [{**container, "image": ""} for container in fixed[kind]]
    return fixed
