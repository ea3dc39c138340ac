"""Small objects as the API server would send them; a test says only what it is about."""

from datetime import UTC, datetime
from typing import Any

from msgspec import convert

from foosets.api import names
from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooquota import FooQuota
from foosets.api.fooset import FooSet
from foosets.api.names import Uid
from foosets.api.pod import Pod
from foosets.api.servicefooset import ServiceFooSet
from foosets.planning.reservations import Reservations, Share

Raw = dict[str, Any]

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SECOND_OF_NOW = "2026-03-01T12:00:00Z"
PARENT_TRACE = "ab" * 16
PARENT_SPAN = "cd" * 8
TRACEPARENT = f"00-{PARENT_TRACE}-{PARENT_SPAN}-01"


def metadata(name: str, **changes: Any) -> Raw:
    """Metadata of an object that was made a moment ago; `changes` have the names of JSON."""
    return {
        "name": name,
        "namespace": "ns",
        "uid": f"uid-{name}",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": SECOND_OF_NOW,
    } | changes


def template(**spec: Any) -> Raw:
    """A pod template of one container."""
    return {"spec": {"containers": [{"name": "main", "image": "main:1"}], "restartPolicy": "Never"} | spec}


def batch_spec(**changes: Any) -> Raw:
    return {"template": template()} | changes


def service_spec(**changes: Any) -> Raw:
    return {"template": template(restartPolicy="Always")} | changes


def batchfooset(name: str = "work", spec: Raw | None = None, status: Raw | None = None, **meta: Any) -> BatchFooSet:
    """A BatchFooSet of one pod; `spec` and `meta` are changes of that."""
    raw = {"metadata": metadata(name, **meta), "spec": batch_spec(**(spec or {})), "status": status or {}}
    return BatchFooSet.model_validate(raw)


def servicefooset(name: str = "web", spec: Raw | None = None, status: Raw | None = None, **meta: Any) -> ServiceFooSet:
    """A ServiceFooSet of one replica; `spec` and `meta` are changes of that."""
    raw = {"metadata": metadata(name, **meta), "spec": service_spec(**(spec or {})), "status": status or {}}
    return ServiceFooSet.model_validate(raw)


def fooset(
    batch: dict[str, Raw] | None = None,
    service: dict[str, Raw] | None = None,
    *,
    name: str = "demo",
    status: Raw | None = None,
    **meta: Any,
) -> FooSet:
    """A FooSet with the given entries: by name, how their specs differ from a set of one pod."""
    spec = {
        "batch": [entry(part, batch_spec(**changes)) for part, changes in (batch or {}).items()],
        "service": [entry(part, service_spec(**changes)) for part, changes in (service or {}).items()],
    }
    return FooSet.model_validate({"metadata": metadata(name, **meta), "spec": spec, "status": status or {}})


def entry(name: str, spec: Raw, **meta: Any) -> Raw:
    """One entry of a FooSet's list; `meta` are labels and annotations of the child."""
    return {"name": name, "template": {"metadata": meta, "spec": spec}}


def fooquota(name: str = "team", status: Raw | None = None, **hard: str) -> FooQuota:
    """A FooQuota of ten CPUs, unless it says otherwise."""
    raw = {"metadata": metadata(name), "spec": {"hard": hard or {"cpu": "10"}}, "status": status or {}}
    return FooQuota.model_validate(raw)


def reservation(root: str, generation: int = 1, *, kind: str = "FooSet", **counts: int) -> Raw:
    """What a quota holds for a root: so many pods of one CPU for each of its parts, whose names have _ for -."""
    children = [
        {"name": part.replace("_", "-"), "count": count, "podRequests": {"cpu": "1000m"}}
        for part, count in counts.items()
    ]
    head = {"uid": f"uid-{root}", "kind": kind, "name": root, "generation": generation, "since": SECOND_OF_NOW}
    return head | {"requests": {"cpu": f"{sum(counts.values())}000m"}, "children": children}


def queued(root: str, generation: int = 1, *, kind: str = "FooSet", message: str = "FooQuota team: cpu") -> Raw:
    """What a quota says of a root whose wish does not fit."""
    head = {"uid": f"uid-{root}", "kind": kind, "name": root, "generation": generation, "since": SECOND_OF_NOW}
    return head | {"reason": "QuotaExceeded", "message": message}


def share(root: str, *quotas: FooQuota) -> Share:
    """What the quotas let a root have."""
    reservations = Reservations()
    for quota in quotas:
        reservations.observe(None, quota)
    return reservations.share("ns", Uid(f"uid-{root}"))


def controlled_by(kind: str, name: str, uid: str | None = None, group: str = names.GROUP) -> list[Raw]:
    """The owner references of an object that another controls."""
    reference = {"apiVersion": f"{group}/v1alpha1", "kind": kind, "name": name, "uid": uid or f"uid-{name}"}
    return [{**reference, "controller": True}]


def derived(root: str, child: str) -> Raw:
    """Metadata of a child that the FooSet's controller made."""
    return {
        "ownerReferences": controlled_by("FooSet", root),
        "labels": {names.SET_NAME: root, names.SET_UID: f"uid-{root}", names.CHILD: child},
        "annotations": {names.TRACEPARENT: TRACEPARENT},
    }


def raw_pod(index: int = 0, attempt: int = 0, **changes: Any) -> Raw:
    """A bound pod of the BatchFooSet `work` that is on its way.

    `changes`: phase, reason, ready, node, revision, deleted, labels, annotations, conditions, containers (their
    states), statuses (theirs, whole), uid, kind and scheduler.
    """
    name = f"work-x-{index}-{attempt}"
    labels = {
        names.OWNER_UID: "uid-work",
        names.INDEX: str(index),
        names.ATTEMPT: str(attempt),
        names.REVISION: changes.get("revision", "r1"),
    }
    conditions: list[Raw] = list(changes.get("conditions", []))
    if "ready" in changes:
        conditions.append({"type": "Ready", "status": "True" if changes["ready"] else "False"})
    meta = metadata(name, uid=changes.get("uid", f"uid-{name}"), labels=labels | changes.get("labels", {}))
    meta["annotations"] = changes.get("annotations", {})
    meta["ownerReferences"] = controlled_by(changes.get("kind", "BatchFooSet"), "work")
    if changes.get("deleted"):
        meta["deletionTimestamp"] = SECOND_OF_NOW
    statuses = [{"name": "main", "state": state} for state in changes.get("containers", [])]
    return {
        "metadata": meta,
        "spec": {"nodeName": changes.get("node", "n1"), "schedulerName": changes.get("scheduler", "")},
        "status": {
            "phase": changes.get("phase", "Pending"),
            "reason": changes.get("reason", ""),
            "conditions": conditions,
            "containerStatuses": changes.get("statuses", statuses),
        },
    }


def pod(index: int = 0, attempt: int = 0, **changes: Any) -> Pod:
    """See `raw_pod`."""
    return convert(raw_pod(index, attempt, **changes), Pod)


def condition(kind: str, *, holds: bool = True, reason: str = "Because", at: str = SECOND_OF_NOW) -> Raw:
    """A stored condition."""
    return {"type": kind, "status": "True" if holds else "False", "reason": reason, "lastTransitionTime": at}
