"""Random histories: what a few clients might ask of an API server, one request after the other.

A history is data and depends on its seed alone. What only a server knows stands in it as a word: `{uid}` and `{rv}` are
the newest that were seen of the step's object, `{uid-1}` and `{rv-1}` those before. Few names and few values are used,
so that requests collide.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from foosets.api.meta import BATCHFOOSETS, FOOSETS, NODES, PODS, SERVICEFOOSETS, Resource
from foosets.kube.client import APPLY_PATCH, STRATEGIC_MERGE_PATCH
from foosets.kube.transport import JSON
from tests.builders import batch_spec, service_spec, template
from tests.fake import bodies
from tests.fake.kinds import LEASES
from tests.fake.record import Object
from tests.fake.writes import MERGE_PATCH

NAMES: Final = ("a", "b")
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


def _fence(resource: Resource, name: str, spec: Object) -> Object:
    return bodies.envelope(resource) | {"metadata": {"name": name, "labels": {"x": "1"}}, "spec": spec}


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
    found = bodies.whole(rng, resource, rng.choice(NAMES))
    bodies.rarely(rng, 0.05, lambda: found["metadata"].update(uid="{uid}"))
    bodies.rarely(rng, 0.05, lambda: found["metadata"].update(resourceVersion="{rv}"))
    if resource != LEASES:
        bodies.rarely(rng, 0.05, lambda: found.update(status=bodies.status(rng, resource)))
    return Step("POST", resource, body=found, query=bodies.query(rng))


def _replace(rng: random.Random, resource: Resource) -> Step:
    name = rng.choice(NAMES)
    found = bodies.whole(rng, resource, name)
    found["metadata"] |= bodies.identity(rng)
    return Step("PUT", resource, name, body=found, query=bodies.query(rng))


def _put_status(rng: random.Random, resource: Resource) -> Step:
    name = rng.choice(NAMES)
    found = bodies.envelope(resource) | {
        "metadata": {"name": name, **bodies.identity(rng)},
        "status": bodies.status(rng, resource),
    }
    bodies.rarely(rng, 0.2, lambda: found["metadata"].update(labels={"by": "status"}))
    if resource == PODS:
        found["spec"] = template()["spec"]
    return Step("PUT", resource, name, "status", found, bodies.query(rng))


def _patch(rng: random.Random, resource: Resource) -> Step:
    metadata: Object = bodies.identity(rng, given=0.3)
    labels: Object = {rng.choice("xyz"): rng.choice(("1", "2", None))}
    part = rng.choice(("labels", "finalizers", "spec", *(("status",) if resource != LEASES else ())))
    body: Object = {"metadata": metadata}
    if part == "labels":
        metadata["labels"] = labels
    elif part == "finalizers":
        metadata["finalizers"] = rng.choice(([], ["a.example/hold"], None))
    elif part == "spec":
        body["spec"] = bodies.spec_change(rng, resource)
    else:
        body["status"] = bodies.status(rng, resource)
    subresource = "status" if part == "status" else ""
    return Step("PATCH", resource, rng.choice(NAMES), subresource, body, bodies.query(rng), MERGE_PATCH)


def _apply(rng: random.Random, resource: Resource) -> Step:
    name = rng.choice(NAMES)
    metadata: Object = {"name": name, **bodies.identity(rng, given=0.3)}
    labels = {key: rng.choice("12") for key in "xyz" if rng.random() < 0.4}
    if labels:
        metadata["labels"] = labels
    bodies.rarely(rng, 0.3, lambda: metadata.update(ownerReferences=[bodies.owner(rng.choice("pq"))]))
    bodies.rarely(rng, 0.1, lambda: metadata.update(finalizers=["a.example/hold"]))
    body = bodies.envelope(resource) | {"metadata": metadata, "spec": bodies.spec(rng, resource)}
    bodies.rarely(rng, 0.05, lambda: body["spec"].update(unheard_of=1))
    query = {"fieldManager": rng.choice(bodies.MANAGERS), **({"force": "true"} if rng.random() < 0.6 else {})}
    return Step("PATCH", resource, name, body=body, query=query, content_type=APPLY_PATCH)


def _bind(rng: random.Random, resource: Resource) -> Step:
    name = rng.choice(NAMES)
    metadata: Object = {"name": name, **bodies.identity(rng, given=0.7)}
    metadata.pop("resourceVersion", None)
    bodies.rarely(rng, 0.5, lambda: metadata.update(annotations={"stamp": rng.choice("12")}))
    target = {"apiVersion": "v1", "kind": "Node", "name": rng.choice(("n1", "n2"))}
    body = {"apiVersion": "v1", "kind": "Binding", "metadata": metadata, "target": target}
    return Step("POST", resource, name, "binding", body, bodies.query(rng))


def _condition(rng: random.Random, resource: Resource) -> Step:
    condition = {
        "type": rng.choice(("PodScheduled", "Ready")),
        "status": rng.choice(("True", "False")),
        "reason": rng.choice(("One", "Two")),
        "message": "",
        "lastTransitionTime": "2026-03-01T12:00:00Z",
    }
    status: Object = {"conditions": [condition]}
    bodies.rarely(rng, 0.3, lambda: status.update(phase=rng.choice(("Running", "Succeeded", "Failed"))))
    body = {"metadata": bodies.identity(rng, given=0.5), "status": status}
    return Step("PATCH", resource, rng.choice(NAMES), "status", body, bodies.query(rng), STRATEGIC_MERGE_PATCH)


def _delete(rng: random.Random, resource: Resource) -> Step:
    body: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
    conditions = bodies.identity(rng, given=0.4)
    if conditions:
        body["preconditions"] = conditions
    bodies.rarely(rng, 0.4, lambda: body.update(gracePeriodSeconds=rng.choice((0, 1, 5, 60))))
    bodies.rarely(rng, 0.6, lambda: body.update(propagationPolicy=rng.choice(("Background", "Foreground", "Orphan"))))
    return Step("DELETE", resource, rng.choice(NAMES), body=body)


def _get(rng: random.Random, resource: Resource) -> Step:
    return Step("GET", resource, rng.choice(NAMES))


def _list(rng: random.Random, resource: Resource) -> Step:
    if resource == NODES:
        return _get(rng, resource)  # other histories' nodes are on the same list
    return Step("GET", resource, query=bodies.selectors(rng, resource) | ({"limit": "1"} if rng.random() < 0.5 else {}))


def _watched(rng: random.Random, steps: int) -> Watched:
    resource = rng.choices((FOOSETS, BATCHFOOSETS, SERVICEFOOSETS, PODS, LEASES), (2, 4, 3, 6, 1))[0]
    return Watched(resource, rng.randint(0, steps), bodies.selectors(rng, resource))
