"""What the requests of random histories say: objects, specs, statuses, selectors, mostly sound ones."""

import random
from collections.abc import Callable, Mapping
from typing import Final

from foosets.api.meta import FOOSETS, NODES, PODS, Resource
from tests.builders import batch_spec, entry, service_spec, template
from tests.fake.record import Object

MANAGERS: Final = ("foosets-fooset", "kubectl", "autoscaler")


def envelope(resource: Resource) -> Object:
    return {"apiVersion": resource.api_version, "kind": resource.kind}


def selectors(rng: random.Random, resource: Resource) -> dict[str, str]:
    selectors = [{}, {"labelSelector": "x=1"}, {"labelSelector": "x in (1,2),!y"}, {"labelSelector": "z!=1"}]
    if resource == PODS:
        selectors += [{"fieldSelector": "spec.nodeName!="}, {"fieldSelector": "spec.nodeName=,spec.schedulerName=s"}]
    return rng.choice(selectors)


def rarely(rng: random.Random, chance: float, change: Callable[[], object]) -> None:
    if rng.random() < chance:
        change()


def query(rng: random.Random) -> dict[str, str]:
    manager = {"fieldManager": rng.choice(MANAGERS)}
    return manager | ({"dryRun": "All"} if rng.random() < 0.05 else {})


def identity(rng: random.Random, given: float = 0.8) -> Object:
    """Return the uid and version that a request presumes: mostly right ones, if any."""
    presumed: Object = {}
    rarely(rng, given, lambda: presumed.update(resourceVersion=rng.choices(("{rv}", "{rv-1}"), (4, 1))[0]))
    rarely(rng, given, lambda: presumed.update(uid=rng.choices(("{uid}", "{uid-1}"), (6, 1))[0]))
    return presumed


def owner(name: str) -> Object:
    uid = f"00000000-0000-4000-8000-00000000000{name.replace('p', '1').replace('q', '2')}"
    return {"apiVersion": FOOSETS.api_version, "kind": "FooSet", "name": name, "uid": uid, "controller": True}


def whole(rng: random.Random, resource: Resource, name: str) -> Object:
    metadata: Object = {"name": name}
    labels = {key: rng.choice("12") for key in "xyz" if rng.random() < 0.4}
    if labels:
        metadata["labels"] = labels
    rarely(rng, 0.15, lambda: metadata.update(finalizers=["a.example/hold"]))
    rarely(rng, 0.15, lambda: metadata.update(annotations={"note": rng.choice("12")}))
    rarely(rng, 0.15, lambda: metadata.update(ownerReferences=[owner(rng.choice("pq"))]))
    return envelope(resource) | {"metadata": metadata, "spec": spec(rng, resource)}


def spec(rng: random.Random, resource: Resource) -> Object:
    make = _SPECS[resource.plural]
    return make(rng)


def _batch(rng: random.Random) -> Object:
    spec: Object = batch_spec(template=_template(rng, "Never"))
    rarely(rng, 0.5, lambda: spec.update(parallelism=rng.choice((0, 1, 3, 3, -1))))
    rarely(rng, 0.3, lambda: spec.update(completions=rng.choice((1, 3, 100_001, "many"))))
    rarely(rng, 0.2, lambda: spec.update(placement=rng.choice(({}, {"strategy": "Spread"}, {"strategy": "Random"}))))
    rarely(rng, 0.1, lambda: spec.pop("template"))
    rarely(rng, 0.1, lambda: spec.update(backoffLimit=None))
    return spec


def _service(rng: random.Random) -> Object:
    spec: Object = service_spec(template=_template(rng, "Always"))
    rarely(rng, 0.5, lambda: spec.update(replicas=rng.choice((0, 1, 2, 2, 10_001))))
    rarely(rng, 0.3, lambda: spec.update(minReadySeconds=rng.choice((0, 5))))
    return spec


def _fooset(rng: random.Random) -> Object:
    spec: Object = {}
    parts = [entry(name, _batch(rng), **_labels(rng)) for name in ("w", "v") if rng.random() < 0.5]
    rarely(rng, 0.05, lambda: parts.append(entry("w", _batch(rng))))
    rarely(rng, 0.7, lambda: spec.update(batch=parts))
    rarely(rng, 0.5, lambda: spec.update(service=[entry("s", _service(rng))]))
    rarely(rng, 0.05, lambda: spec.update(service=None))
    return spec


def _labels(rng: random.Random) -> Object:
    return {"labels": {"l": rng.choice("12")}} if rng.random() < 0.5 else {}


def _template(rng: random.Random, restart: str) -> Object:
    """Return a pod template whose lists have items that come, go and change places."""
    containers = [_container(rng, name) for name in rng.sample(("main", "side", "log"), rng.randint(1, 3))]
    made: Object = template(containers=containers, restartPolicy=restart)
    rarely(rng, 0.2, lambda: made.update(metadata={"labels": {"app": rng.choice("12")}}))
    rarely(rng, 0.2, lambda: made["spec"].update(nodeSelector={"pool": rng.choice("12")}))
    return made


def _container(rng: random.Random, name: str) -> Object:
    container: Object = {"name": name, "image": f"main:{rng.choice('12')}"}
    ports = [{"containerPort": number} for number in (80, 81) if rng.random() < 0.2]
    if ports:
        container["ports"] = ports
    rarely(rng, 0.3, lambda: container.update(resources={"requests": {"cpu": rng.choice(("1", "500m"))}}))
    rarely(rng, 0.2, lambda: container.update(args=["-v", rng.choice("12")]))
    rarely(rng, 0.2, lambda: container.update(env=[{"name": "A", "value": rng.choice("12")}]))
    return container


def _pod(rng: random.Random) -> Object:
    spec = _template(rng, rng.choice(("Never", "OnFailure", "Always")))["spec"]
    rarely(rng, 0.6, lambda: spec.update(containers=[{"name": "main", "image": f"main:{rng.choice('12')}"}]))
    rarely(rng, 0.15, lambda: spec.update(tolerations=[{"key": "k", "operator": "Exists"}]))
    rarely(rng, 0.15, lambda: spec.update(activeDeadlineSeconds=rng.choice((10, 20))))
    rarely(rng, 0.3, lambda: spec.update(nodeName=rng.choice(("n1", "n2"))))
    rarely(rng, 0.5, lambda: spec.update(schedulerName="s"))
    rarely(rng, 0.2, lambda: spec.update(terminationGracePeriodSeconds=rng.choice((0, 5))))
    rarely(rng, 0.1, lambda: spec.update(schedulingGates=[{"name": "a.example/gate"}]) or spec.pop("nodeName", None))
    return spec


def _node(rng: random.Random) -> Object:
    return {"unschedulable": True} if rng.random() < 0.3 else {}


def _lease(rng: random.Random) -> Object:
    spec: Object = {"holderIdentity": rng.choice(("me", "you")), "leaseDurationSeconds": 15}
    rarely(rng, 0.5, lambda: spec.update(renewTime="2026-03-01T12:00:00.000000Z"))
    return spec


_SPECS: Final[Mapping[str, Callable[[random.Random], Object]]] = {
    "foosets": _fooset,
    "batchfoosets": _batch,
    "servicefoosets": _service,
    "pods": _pod,
    "nodes": _node,
    "leases": _lease,
}


def spec_change(rng: random.Random, resource: Resource) -> Object:
    changes: Mapping[str, tuple[Object, ...]] = {
        "foosets": ({"batch": []}, {"service": None}, {"batch": [entry("w", batch_spec())]}),
        "batchfoosets": ({"parallelism": 2}, {"completions": None}, {"backoffLimit": "x"}),
        "servicefoosets": ({"replicas": 3}, {"replicas": None}, {"template": None}, {"minReadySeconds": 1}),
        "pods": ({"activeDeadlineSeconds": 100}, {"restartPolicy": "Always"}, {"nodeName": "n1"}),
        "nodes": ({"unschedulable": True}, {"unschedulable": None}),
        "leases": ({"holderIdentity": "you"}, {"renewTime": "2026-03-01T12:00:01.000000Z"}),
    }
    return rng.choice(changes[resource.plural])


def status(rng: random.Random, resource: Resource) -> Object:
    if resource == PODS:
        return {"phase": rng.choice(("Pending", "Running", "Succeeded", "Failed"))}
    if resource == NODES:
        return {"allocatable": {"cpu": rng.choice("12")}}
    condition = {"type": "Ready", "status": rng.choice(("True", "False", "Maybe"))}
    condition |= {"reason": rng.choice(("A", "B")), "message": "", "lastTransitionTime": "2026-03-01T12:00:00Z"}
    status: Object = {"observedGeneration": rng.choice((1, 2))}
    rarely(rng, 0.5, lambda: status.update(conditions=[condition]))
    rarely(rng, 0.2, lambda: status.update(unheard_of=1))
    rarely(rng, 0.3, lambda: status.update(traceID=rng.choice(("a" * 32, "b" * 32))))
    return status
