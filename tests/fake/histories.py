"""Random histories: what a few clients might ask of an API server, one request after the other.

A history is data and depends on its seed alone. What only a server knows stands in it as a word: `{uid}` and `{rv}` are
the newest that were seen of the step's object, `{uid-1}` and `{rv-1}` those before. Few names and few values are used,
so that requests collide.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from foosets.api.meta import BATCHFOOSETS, FOOSETS, NODES, PODS, SERVICEFOOSETS, Resource
from foosets.kube.client import APPLY_PATCH, STRATEGIC_MERGE_PATCH
from foosets.kube.transport import JSON
from tests.builders import batch_spec, entry, service_spec, template
from tests.fake.kinds import LEASES
from tests.fake.record import Object
from tests.fake.writes import MERGE_PATCH

NAMES: Final = ("a", "b")
MANAGERS: Final = ("foosets-fooset", "kubectl", "autoscaler")
OWN: Final = (FOOSETS, BATCHFOOSETS, SERVICEFOOSETS)
LONGEST: Final = 20
SHORTEST: Final = 5


@dataclass(frozen=True, slots=True)
class Step:
    """One request; without a name it goes to the collection."""

    method: str
    resource: Resource
    name: str = ""
    subresource: str = ""
    body: Object = field(default_factory=dict[str, Any])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    content_type: str = JSON


def _envelope(resource: Resource) -> Object:
    return {"apiVersion": resource.api_version, "kind": resource.kind}


def _fence(resource: Resource, name: str, spec: Object) -> Object:
    return _envelope(resource) | {"metadata": {"name": name, "labels": {"x": "1"}}, "spec": spec}


@dataclass(frozen=True, slots=True)
class Watched:
    """A watch that begins at the version of after so many steps; with 0 at what there is when it is opened."""

    resource: Resource
    since: int
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class History:
    """Requests, then watches of what they did."""

    steps: tuple[Step, ...]
    watches: tuple[Watched, ...]


def history(seed: int) -> History:
    """Return the history of a seed."""
    rng = random.Random(seed)
    steps = tuple(_step(rng) for _ in range(rng.randint(SHORTEST, LONGEST)))
    return History(steps, tuple(_watched(rng, len(steps)) for _ in range(rng.randint(1, 3))))


FENCES: Final = (
    *(
        Step("POST", resource, body=_fence(resource, "zz", spec))
        for resource, spec in (
            (FOOSETS, {}),
            (BATCHFOOSETS, batch_spec()),
            (SERVICEFOOSETS, service_spec()),
            (LEASES, {}),
            (PODS, template(nodeName="n1")["spec"]),
        )
    ),
    Step("POST", PODS, body=_fence(PODS, "zzz", template(schedulerName="s")["spec"])),
)
"""Requests that end every history: the last that each watch shows is one of them, whatever it selects."""


def _step(rng: random.Random) -> Step:
    resource = rng.choices((FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, PODS, NODES, LEASES), (2, 5, 3, 6, 1, 2))[0]
    make = rng.choices(
        (_create, _replace, _put_status, _patch, _apply, _bind, _condition, _delete, _get, _list),
        (6, 3, 3, 3, 4, 3, 2, 3, 1, 1),
    )[0]
    if make in {_bind, _condition}:
        resource = PODS
    elif make is _apply:
        resource = rng.choice(OWN)
    elif make is _put_status and resource == LEASES:
        resource = PODS
    return make(rng, resource)


# ---- requests


def _create(rng: random.Random, resource: Resource) -> Step:
    found = _object(rng, resource, rng.choice(NAMES))
    _rarely(rng, 0.05, lambda: found["metadata"].update(uid="{uid}"))
    _rarely(rng, 0.05, lambda: found["metadata"].update(resourceVersion="{rv}"))
    if resource != LEASES:
        _rarely(rng, 0.05, lambda: found.update(status=_status(rng, resource)))
    return Step("POST", resource, body=found, query=_query(rng))


def _replace(rng: random.Random, resource: Resource) -> Step:
    name = rng.choice(NAMES)
    found = _object(rng, resource, name)
    found["metadata"] |= _identity(rng)
    return Step("PUT", resource, name, body=found, query=_query(rng))


def _put_status(rng: random.Random, resource: Resource) -> Step:
    name = rng.choice(NAMES)
    found = _envelope(resource) | {"metadata": {"name": name, **_identity(rng)}, "status": _status(rng, resource)}
    _rarely(rng, 0.2, lambda: found["metadata"].update(labels={"by": "status"}))
    if resource == PODS:
        found["spec"] = template()["spec"]
    return Step("PUT", resource, name, "status", found, _query(rng))


def _patch(rng: random.Random, resource: Resource) -> Step:
    metadata: Object = _identity(rng, given=0.3)
    labels: Object = {rng.choice("xyz"): rng.choice(("1", "2", None))}
    part = rng.choice(("labels", "finalizers", "spec", *(("status",) if resource != LEASES else ())))
    body: Object = {"metadata": metadata}
    if part == "labels":
        metadata["labels"] = labels
    elif part == "finalizers":
        metadata["finalizers"] = rng.choice(([], ["a.example/hold"], None))
    elif part == "spec":
        body["spec"] = _spec_change(rng, resource)
    else:
        body["status"] = _status(rng, resource)
    subresource = "status" if part == "status" else ""
    return Step("PATCH", resource, rng.choice(NAMES), subresource, body, _query(rng), MERGE_PATCH)


def _apply(rng: random.Random, resource: Resource) -> Step:
    name = rng.choice(NAMES)
    metadata: Object = {"name": name, **_identity(rng, given=0.3)}
    labels = {key: rng.choice("12") for key in "xyz" if rng.random() < 0.4}
    if labels:
        metadata["labels"] = labels
    _rarely(rng, 0.3, lambda: metadata.update(ownerReferences=[_owner(rng.choice("pq"))]))
    _rarely(rng, 0.1, lambda: metadata.update(finalizers=["a.example/hold"]))
    body = _envelope(resource) | {"metadata": metadata, "spec": _spec(rng, resource)}
    _rarely(rng, 0.05, lambda: body["spec"].update(unheard_of=1))
    query = {"fieldManager": rng.choice(MANAGERS), **({"force": "true"} if rng.random() < 0.6 else {})}
    return Step("PATCH", resource, name, body=body, query=query, content_type=APPLY_PATCH)


def _bind(rng: random.Random, resource: Resource) -> Step:
    name = rng.choice(NAMES)
    metadata: Object = {"name": name, **_identity(rng, given=0.7)}
    metadata.pop("resourceVersion", None)
    _rarely(rng, 0.5, lambda: metadata.update(annotations={"stamp": rng.choice("12")}))
    target = {"apiVersion": "v1", "kind": "Node", "name": rng.choice(("n1", "n2"))}
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
    return Step("POST", resource, name, "binding", body, _query(rng))


def _condition(rng: random.Random, resource: Resource) -> Step:
    condition = {
        "type": rng.choice(("PodScheduled", "Ready")),
        "status": rng.choice(("True", "False")),
        "reason": rng.choice(("One", "Two")),
        "message": "",
        "lastTransitionTime": "2026-03-01T12:00:00Z",
    }
    status: Object = {"conditions": [condition]}
    _rarely(rng, 0.3, lambda: status.update(phase=rng.choice(("Running", "Succeeded", "Failed"))))
    body = {"metadata": _identity(rng, given=0.5), "status": status}
    return Step("PATCH", resource, rng.choice(NAMES), "status", body, _query(rng), STRATEGIC_MERGE_PATCH)


def _delete(rng: random.Random, resource: Resource) -> Step:
    body: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
    conditions = _identity(rng, given=0.4)
    if conditions:
        body["preconditions"] = conditions
    _rarely(rng, 0.4, lambda: body.update(gracePeriodSeconds=rng.choice((0, 1, 5, 60))))
    _rarely(rng, 0.6, lambda: body.update(propagationPolicy=rng.choice(("Background", "Foreground", "Orphan"))))
    return Step("DELETE", resource, rng.choice(NAMES), body=body)


def _get(rng: random.Random, resource: Resource) -> Step:
    return Step("GET", resource, rng.choice(NAMES))


def _list(rng: random.Random, resource: Resource) -> Step:
    if resource == NODES:
        return _get(rng, resource)  # other histories' nodes are on the same list
    return Step("GET", resource, query=_selectors(rng, resource) | ({"limit": "1"} if rng.random() < 0.5 else {}))


def _watched(rng: random.Random, steps: int) -> Watched:
    resource = rng.choices((FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, PODS, LEASES), (2, 4, 3, 6, 1))[0]
    return Watched(resource, rng.randint(0, steps), _selectors(rng, resource))


# ---- parts of requests


def _selectors(rng: random.Random, resource: Resource) -> dict[str, str]:
    selectors = [{}, {"labelSelector": "x=1"}, {"labelSelector": "x in (1,2),!y"}, {"labelSelector": "z!=1"}]
    if resource == PODS:
        selectors += [{"fieldSelector": "spec.nodeName!="}, {"fieldSelector": "spec.nodeName=,spec.schedulerName=s"}]
    return rng.choice(selectors)


def _rarely(rng: random.Random, chance: float, change: Callable[[], object]) -> None:
    if rng.random() < chance:
        change()


def _query(rng: random.Random) -> dict[str, str]:
    query = {"fieldManager": rng.choice(MANAGERS)}
    return query | ({"dryRun": "All"} if rng.random() < 0.05 else {})


def _identity(rng: random.Random, given: float = 0.8) -> Object:
    """Return the uid and version that a request presumes: mostly right ones, if any."""
    identity: Object = {}
    _rarely(rng, given, lambda: identity.update(resourceVersion=rng.choices(("{rv}", "{rv-1}"), (4, 1))[0]))
    _rarely(rng, given, lambda: identity.update(uid=rng.choices(("{uid}", "{uid-1}"), (6, 1))[0]))
    return identity


def _owner(name: str) -> Object:
    uid = f"00000000-0000-4000-8000-00000000000{name.replace('p', '1').replace('q', '2')}"
    return {"apiVersion": FOOSETS.api_version, "kind": "FooSet", "name": name, "uid": uid, "controller": True}


def _object(rng: random.Random, resource: Resource, name: str) -> Object:
    metadata: Object = {"name": name}
    labels = {key: rng.choice("12") for key in "xyz" if rng.random() < 0.4}
    if labels:
        metadata["labels"] = labels
    _rarely(rng, 0.15, lambda: metadata.update(finalizers=["a.example/hold"]))
    _rarely(rng, 0.15, lambda: metadata.update(annotations={"note": rng.choice("12")}))
    _rarely(rng, 0.15, lambda: metadata.update(ownerReferences=[_owner(rng.choice("pq"))]))
    return _envelope(resource) | {"metadata": metadata, "spec": _spec(rng, resource)}


def _spec(rng: random.Random, resource: Resource) -> Object:
    make = _SPECS[resource.plural]
    return make(rng)


def _batch(rng: random.Random) -> Object:
    spec: Object = batch_spec(template=_template(rng, "Never"))
    _rarely(rng, 0.5, lambda: spec.update(parallelism=rng.choice((0, 1, 3, 3, -1))))
    _rarely(rng, 0.3, lambda: spec.update(completions=rng.choice((1, 3, 100_001, "many"))))
    _rarely(rng, 0.2, lambda: spec.update(placement=rng.choice(({}, {"strategy": "Spread"}, {"strategy": "Random"}))))
    _rarely(rng, 0.1, lambda: spec.pop("template"))
    _rarely(rng, 0.1, lambda: spec.update(backoffLimit=None))
    return spec


def _service(rng: random.Random) -> Object:
    spec: Object = service_spec(template=_template(rng, "Always"))
    _rarely(rng, 0.5, lambda: spec.update(replicas=rng.choice((0, 1, 2, 2, 10_001))))
    _rarely(rng, 0.3, lambda: spec.update(minReadySeconds=rng.choice((0, 5))))
    return spec


def _fooset(rng: random.Random) -> Object:
    spec: Object = {}
    parts = [entry(name, _batch(rng), **_labels(rng)) for name in ("w", "v") if rng.random() < 0.5]
    _rarely(rng, 0.05, lambda: parts.append(entry("w", _batch(rng))))
    _rarely(rng, 0.7, lambda: spec.update(batch=parts))
    _rarely(rng, 0.5, lambda: spec.update(service=[entry("s", _service(rng))]))
    _rarely(rng, 0.05, lambda: spec.update(service=None))
    return spec


def _labels(rng: random.Random) -> Object:
    return {"labels": {"l": rng.choice("12")}} if rng.random() < 0.5 else {}


def _template(rng: random.Random, restart: str) -> Object:
    """Return a pod template whose lists have items that come, go and change places."""
    containers = [_container(rng, name) for name in rng.sample(("main", "side", "log"), rng.randint(1, 3))]
    made: Object = template(containers=containers, restartPolicy=restart)
    _rarely(rng, 0.2, lambda: made.update(metadata={"labels": {"app": rng.choice("12")}}))
    _rarely(rng, 0.2, lambda: made["spec"].update(nodeSelector={"pool": rng.choice("12")}))
    return made


def _container(rng: random.Random, name: str) -> Object:
    container: Object = {"name": name, "image": f"main:{rng.choice('12')}"}
    ports = [{"containerPort": number} for number in (80, 81) if rng.random() < 0.2]
    if ports:
        container["ports"] = ports
    _rarely(rng, 0.3, lambda: container.update(resources={"requests": {"cpu": rng.choice(("1", "500m"))}}))
    _rarely(rng, 0.2, lambda: container.update(args=["-v", rng.choice("12")]))
    _rarely(rng, 0.2, lambda: container.update(env=[{"name": "A", "value": rng.choice("12")}]))
    return container


def _pod(rng: random.Random) -> Object:
    spec = _template(rng, rng.choice(("Never", "OnFailure", "Always")))["spec"]
    _rarely(rng, 0.3, lambda: spec.update(nodeName=rng.choice(("n1", "n2"))))
    _rarely(rng, 0.5, lambda: spec.update(schedulerName="s"))
    _rarely(rng, 0.2, lambda: spec.update(terminationGracePeriodSeconds=rng.choice((0, 5))))
    _rarely(rng, 0.1, lambda: spec.update(schedulingGates=[{"name": "a.example/gate"}]) or spec.pop("nodeName", None))
    return spec


def _node(rng: random.Random) -> Object:
    return {"unschedulable": True} if rng.random() < 0.3 else {}


def _lease(rng: random.Random) -> Object:
    spec: Object = {"holderIdentity": rng.choice(("me", "you")), "leaseDurationSeconds": 15}
    _rarely(rng, 0.5, lambda: spec.update(renewTime="2026-03-01T12:00:00.000000Z"))
    return spec


_SPECS: Final[Mapping[str, Callable[[random.Random], Object]]] = {
    "foosets": _fooset,
    "batchfoosets": _batch,
    "servicefoosets": _service,
    "pods": _pod,
    "nodes": _node,
    "leases": _lease,
}


def _spec_change(rng: random.Random, resource: Resource) -> Object:
    changes: Mapping[str, tuple[Object, ...]] = {
        "foosets": ({"batch": []}, {"service": None}, {"batch": [entry("w", batch_spec())]}),
        "batchfoosets": ({"parallelism": 2}, {"completions": None}, {"backoffLimit": "x"}),
        "servicefoosets": ({"replicas": 3}, {"replicas": None}, {"template": None}, {"minReadySeconds": 1}),
        "pods": ({"activeDeadlineSeconds": 100}, {"restartPolicy": "Always"}, {"nodeName": "n1"}),
        "nodes": ({"unschedulable": True}, {"unschedulable": None}),
        "leases": ({"holderIdentity": "you"}, {"renewTime": "2026-03-01T12:00:01.000000Z"}),
    }
    return rng.choice(changes[resource.plural])


def _status(rng: random.Random, resource: Resource) -> Object:
    if resource == PODS:
        return {"phase": rng.choice(("Pending", "Running", "Succeeded", "Failed"))}
    if resource == NODES:
        return {"allocatable": {"cpu": rng.choice("12")}}
    condition = {"type": "Ready", "status": rng.choice(("True", "False", "Maybe"))}
    condition |= {"reason": rng.choice(("A", "B")), "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}
    status: Object = {"observedGeneration": rng.choice((1, 2))}
    _rarely(rng, 0.5, lambda: status.update(conditions=[condition]))
    _rarely(rng, 0.2, lambda: status.update(unheard_of=1))
    _rarely(rng, 0.3, lambda: status.update(traceID=rng.choice(("a" * 32, "b" * 32))))
    return status
