"""The controllers' rooms without an engine: a stored object goes in, and what is sent to the API server comes out."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from msgspec import convert

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooset import FooSet
from foosets.api.meta import Key
from foosets.api.names import Kind
from foosets.api.node import Node
from foosets.api.servicefooset import ServiceFooSet
from foosets.batchfooset.controller import BatchRoom
from foosets.fooset.controller import FooSetRoom
from foosets.planning.setspans import microseconds
from foosets.runtime.settings import Settings
from foosets.servicefooset.controller import ServiceRoom
from tests.badinput.rows import Manifest

LOOKS: Final = 4
"""The first only writes down which episode of its trace begins."""
NODE: Final = {
    "metadata": {"name": "node-0", "resourceVersion": "1"},
    "status": {"allocatable": {"cpu": "64", "memory": "64Gi", "pods": "110"}},
}


@dataclass(frozen=True, slots=True)
class Planned:
    """What a controller does about an object: the body of everything that it sends, and the object in the end."""

    bodies: Sequence[bytes]
    told: Manifest


def planned(stored: Manifest, now: datetime) -> Planned:
    """Return what a controller does about an object; each status is stored as it is sent."""
    raw: dict[str, Any] = json.loads(json.dumps(stored))
    name = raw["metadata"].get("name", "")
    raw["metadata"] = {
        "name": name,
        "namespace": "ns",
        "uid": "uid",
        "generation": 1,
        "creationTimestamp": now.isoformat(),
    }
    room, take = _room_of(raw["kind"], now)
    bodies: list[bytes] = []
    for version in range(1, LOOKS + 1):
        raw["metadata"]["resourceVersion"] = str(version)
        take(json.dumps(raw))
        seen = room.observe(Key("ns", name), None)
        assert seen is not None
        plan = room.plan(seen, now)
        bodies += (body for action in plan.actions if (body := getattr(action, "body", None)) is not None)
        if plan.status is not None:
            raw["status"] = json.loads(plan.status.status)
    return Planned(bodies, raw)


def _room_of(kind: str, now: datetime) -> Any:
    """Return a room, and what takes an object of its kind as a watch brings it."""

    def enqueue(_key: Key, _seconds: float = 0.0) -> None:
        """Nobody takes the keys: every look is asked for."""

    def clock() -> int:
        return microseconds(now)

    if kind == Kind.FOOSET:
        foosets = FooSetRoom(enqueue, clock)
        return foosets, lambda raw: foosets.foosets.upsert(FooSet.model_validate_json(raw))
    if kind == Kind.SERVICEFOOSET:
        services = ServiceRoom(enqueue, Settings(), clock)
        return services, lambda raw: services.services.upsert(ServiceFooSet.model_validate_json(raw))
    batches = BatchRoom(enqueue, clock)
    batches.nodes.upsert(convert(NODE, Node))
    return batches, lambda raw: batches.batches.upsert(BatchFooSet.model_validate_json(raw))
