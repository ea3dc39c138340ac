"""Objects as `kubectl foo why` meets them, and a small server that has them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from msgspec import convert, to_builtins

from foosets.api import names
from foosets.api.batchfooset import BatchFooSet
from foosets.api.customresource import CustomResource
from foosets.api.fooquota import FooQuota
from foosets.api.fooset import FooSet
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, PODS, SERVICEFOOSETS
from foosets.api.pod import Pod
from foosets.api.servicefooset import ServiceFooSet
from foosets.cli.descent import Object
from tests import builders
from tests.builders import Raw, controlled_by, derived, metadata
from tests.kube.loopback import serve, status

NOW = datetime(2026, 3, 1, 12, 5, tzinfo=UTC)
SINCE = "2026-03-01T12:02:00Z"
TRACE = "ab" * 16
RESOURCES = {FooSet: FOOSETS, BatchFooSet: BATCHFOOSETS, ServiceFooSet: SERVICEFOOSETS, FooQuota: FOOQUOTAS, Pod: PODS}


def condition(kind: str, value: str, reason: str, message: str = "") -> Raw:
    """A stored condition."""
    return {"type": kind, "status": value, "reason": reason, "message": message, "lastTransitionTime": SINCE}


def ready(reason: str = "Available", message: str = "all is well") -> Raw:
    """The status of a set that nothing keeps."""
    return {"observedGeneration": 1, "conditions": [condition("Ready", "True", reason, message)], "traceID": TRACE}


def waiting(reason: str, message: str = "") -> Raw:
    """The status of a set that is on its way."""
    return {"observedGeneration": 1, "conditions": [condition("Ready", "False", reason, message)], "traceID": TRACE}


def blocked(kind: str, name: str, reason: str, *, by: str = "PodScheduled", message: str = "because") -> Raw:
    """The status of a set that an object keeps."""
    blame = {"kind": kind, "name": name, "condition": by, "reason": reason, "message": message, "since": SINCE}
    return {**waiting(reason, f"{kind} {name}: {message}"), "blockedBy": blame}


def failed(reason: str, message: str) -> Raw:
    """The status of a set that has come to a bad end, and blames nothing below."""
    conditions = [condition(kind, value, reason, message) for kind, value in (("Ready", "False"), ("Failed", "True"))]
    return {"observedGeneration": 1, "conditions": conditions, "traceID": TRACE}


def fooset(name: str = "demo", stored: Raw | None = None, **meta: Any) -> FooSet:
    return builders.fooset(name=name, status=stored if stored is not None else ready(), **meta)


def service(name: str = "demo-server", stored: Raw | None = None, **meta: Any) -> ServiceFooSet:
    """The part `server` of the FooSet `demo`."""
    told = stored if stored is not None else ready()
    return builders.servicefooset(name, status=told, **(derived("demo", "server") | meta))


def batch(name: str = "demo-workers", stored: Raw | None = None, **meta: Any) -> BatchFooSet:
    """The part `workers` of the FooSet `demo`."""
    told = stored if stored is not None else ready()
    return builders.batchfooset(name, status=told, **(derived("demo", "workers") | meta))


def pod(*, of: CustomResource | None = None, **changes: Any) -> Pod:
    """A pod of the part `server`, or of another set."""
    owner = of or service()
    raw = builders.raw_pod(**changes)
    raw["metadata"]["labels"] = {names.OWNER_UID: owner.metadata.uid}
    raw["metadata"]["ownerReferences"] = controlled_by(type(owner).__name__, owner.metadata.name)
    return convert(raw, Pod)


def quota(*waiting_sets: CustomResource, name: str = "team", **stored: Any) -> FooQuota:
    """A FooQuota that some sets wait for."""
    queue = [
        {
            "uid": one.metadata.uid,
            "kind": type(one).__name__,
            "name": one.metadata.name,
            "generation": 1,
            "since": SINCE,
            "reason": "QuotaExceeded",
            "message": "2 cpu more than the 1 that is left",
        }
        for one in waiting_sets
    ]
    told = {"observedGeneration": 1, "waiting": len(queue), "queue": queue} | stored
    return FooQuota.model_validate({"metadata": metadata(name), "spec": {"hard": {"cpu": "1"}}, "status": told})


def of_container(reason: str, message: str = "") -> list[Raw]:
    """The state of a container that waits."""
    return [{"waiting": {"reason": reason, "message": message}}]


def refused(reason: str, message: str) -> list[Raw]:
    """The condition of a pod that its scheduler found no node for."""
    return [condition("PodScheduled", "False", reason, message)]


@dataclass
class World:
    """A server with these objects, in the namespace `ns`.

    Of the resources that are named, one may not be read, one is not known, and one has objects that make no sense.
    """

    objects: Sequence[Object] = ()
    forbidden: str = ""
    unknown: str = ""
    senseless: str = ""
    asked: list[str] = field(default_factory=list[str])

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.method == "GET"
        self.asked.append(request.path)
        _, _, path = request.path.partition("/namespaces/ns/")
        plural, _, name = path.partition("/")
        if plural == self.forbidden:
            return status(403, "Forbidden", f'{plural} is forbidden: User "u" cannot get resource "{plural}"')
        if plural == self.unknown:
            return web.Response(text="404 page not found", status=404)
        if plural == self.senseless:
            return web.json_response({"metadata": {"name": name}})
        found = [one for one in self.objects if RESOURCES[type(one)].plural == plural]
        if name:
            return self._one([one for one in found if one.metadata.name == name], name)
        wanted = request.query.get("labelSelector", "")
        items = [_json(one) for one in found if not wanted or wanted in _labels(one)]
        return web.json_response({"metadata": {"resourceVersion": "9"}, "items": items})

    def _one(self, found: Sequence[Object], name: str) -> web.StreamResponse:
        return web.json_response(_json(found[0])) if found else status(404, "NotFound", f"{name} not found")


def _labels(one: Object) -> set[str]:
    return {f"{key}={value}" for key, value in one.metadata.labels.items()}


def _json(one: Object) -> Any:
    return one.model_dump(mode="json") if isinstance(one, CustomResource) else to_builtins(one)


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[str]:
    async with serve(world.answer) as url:
        yield url
