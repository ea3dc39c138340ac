"""The objects of an explanation, read from the API server when it is asked for: a handful of gets and lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import anyio
import msgspec

from foosets.api.batchfooset import BatchFooSet
from foosets.api.fooquota import FooQuota
from foosets.api.fooset import FooSet
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, PODS, SERVICEFOOSETS, Resource
from foosets.api.names import OWNER_UID, SET_UID, ConditionType, Kind
from foosets.api.pod import Pod
from foosets.api.servicefooset import ServiceFooSet
from foosets.cli.descent import (
    Child,
    Descent,
    Object,
    Set,
    blamed,
    is_true,
    kind_of,
    stuck_child,
    stuck_pod,
    waits_for_quota,
)
from foosets.cli.target import Target
from foosets.kube.client import Client
from foosets.kube.codec import Codec, ModelCodec, StructCodec
from foosets.kube.errors import NotFound
from foosets.kube.lists import Source, list_all

PATIENCE_SECONDS: Final = 3.0
"""How long a controller may take to act on the newest spec before it is called silent. An idle one needs 10 ms."""
POLL_SECONDS: Final = 0.3
NOT_THERE: Final = "NotFound"
"""The API server's reason for an object that is not there; for a kind that it does not know it gives none."""

R = TypeVar("R", BatchFooSet, ServiceFooSet, FooQuota, Pod)

_DECODERS: Final[Mapping[Resource, Callable[[bytes], Object]]] = {
    FOOSETS: FooSet.model_validate_json,
    BATCHFOOSETS: BatchFooSet.model_validate_json,
    SERVICEFOOSETS: ServiceFooSet.model_validate_json,
    FOOQUOTAS: FooQuota.model_validate_json,
    PODS: msgspec.json.Decoder(Pod).decode,
}
_SETS: Final = {str(resource.kind): resource for resource in (FOOSETS, BATCHFOOSETS, SERVICEFOOSETS)}


class NoAnswerError(Exception):
    """There is nothing to explain; the message says why."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One namespace, as one user sees it.

    All methods raise `ApiError`, `Garbled`, ValueError for an object that this version cannot read, and NoAnswerError.
    """

    client: Client
    namespace: str

    async def look(self, target: Target, patience: float = PATIENCE_SECONDS) -> Descent:
        """Return the way down by way of the target; while a controller lags on it, look again for that many seconds."""
        deadline = anyio.current_time() + patience
        while True:
            descent = await self._descent(await self._subject(target))
            if not descent.lags or anyio.current_time() >= deadline:
                return descent
            await anyio.sleep(POLL_SECONDS)

    async def _descent(self, subject: Object) -> Descent:
        above = await self._above(subject)
        below = await self._below(subject)
        descent = Descent((*above, subject, *below), asked=len(above))
        return replace(descent, quota=await self._quota(descent))

    # ---- what was asked about

    async def _subject(self, target: Target) -> Object:
        """Return the object that was asked about: without a kind, a FooSet or the only one of that name."""
        found = await self._called(target.name, [target.resource or FOOSETS])
        if not found and target.resource is None:
            found = await self._called(target.name, [one for one in _DECODERS if one is not FOOSETS])
        if not found:
            kinds = [target.resource] if target.resource else list(_DECODERS)
            named = _any_of([one.kind for one in kinds])
            raise NoAnswerError(f"there is no {named} called {target.name} in namespace {self.namespace}")
        if len(found) > 1:
            named = _any_of([f"{kind_of(one).lower()}/{target.name}" for one in found])
            raise NoAnswerError(f"there are several objects called {target.name}: say {named}")
        return found[0]

    async def _called(self, name: str, resources: Sequence[Resource]) -> list[Object]:
        found = [await self._get(resource, name) for resource in resources]
        return [one for one in found if one is not None]

    async def _get(self, resource: Resource, name: str) -> Object | None:
        try:
            body = await self.client.get(resource, self.namespace, name)
        except NotFound as missing:
            if missing.reason == NOT_THERE:
                return None
            raise NoAnswerError(f"this cluster knows no {resource.plural}: is the suite installed?") from missing
        return _DECODERS[resource](body)

    # ---- up

    async def _above(self, one: Object) -> list[Object]:
        """Return the owners of an object, the root first; who owns a pod must be a set."""
        owner = one.controller
        resource = _SETS.get(owner.kind) if owner is not None else None
        if owner is None or resource is None:
            if isinstance(one, Pod):
                raise NoAnswerError(f"pod {one.metadata.name} belongs to no FooSet, BatchFooSet or ServiceFooSet")
            return []
        parent = await self._get(resource, owner.name)
        if parent is None or parent.metadata.uid != owner.uid:
            return []
        return [*await self._above(parent), parent]

    # ---- down

    async def _below(self, one: Object) -> list[Object]:
        """Return what keeps an object, step by step down to the deepest; nothing where nothing does."""
        match one:
            case FooSet():
                under = await self._quota_blamed_by(one) or stuck_child(one, await self._children(one))
            case BatchFooSet() | ServiceFooSet():
                under = await self._quota_blamed_by(one) or await self._stuck_pod(one)
            case FooQuota():
                under = await self._first_waiting(one)
            case Pod():
                under = None
        if under is None:
            return []
        return (
            [under] if isinstance(one, FooQuota) or isinstance(under, FooQuota) else [under, *await self._below(under)]
        )

    async def _quota_blamed_by(self, one: Set) -> Object | None:
        name = blamed(one, Kind.FOOQUOTA)
        return await self._get(FOOQUOTAS, name) if name is not None else None

    async def _children(self, fooset: FooSet) -> list[Child]:
        uid = fooset.metadata.uid
        found: list[Child] = [
            *await self._list(BATCHFOOSETS, ModelCodec(BatchFooSet), f"{SET_UID}={uid}"),
            *await self._list(SERVICEFOOSETS, ModelCodec(ServiceFooSet), f"{SET_UID}={uid}"),
        ]
        return [child for child in found if child.controller is not None and child.controller.uid == uid]

    async def _stuck_pod(self, child: Child) -> Object | None:
        """Return the pod that the set blames; or, if nothing blocks it and it is not Ready, the first that is not."""
        name = blamed(child, "Pod")
        if name is not None:
            return await self._get(PODS, name)
        if child.status.blocked_by is not None or is_true(child, ConditionType.READY):
            return None
        return stuck_pod(await self._list(PODS, StructCodec(Pod), f"{OWNER_UID}={child.metadata.uid}"))

    async def _first_waiting(self, quota: FooQuota) -> Object | None:
        waiting = quota.status.queue
        return await self._get(_SETS[waiting[0].kind], waiting[0].name) if waiting else None

    async def _quota(self, descent: Descent) -> str:
        """Return the name of the FooQuota that the root waits for: the one that says so, whichever of several."""
        if isinstance(descent.subject, FooQuota):
            return descent.subject.metadata.name
        if not any(map(waits_for_quota, descent.sets)):
            return ""
        uid = descent.sets[0].metadata.uid
        quotas = await self._list(FOOQUOTAS, ModelCodec(FooQuota), "")
        waiting = (one for one in quotas if any(row.uid == uid for row in one.status.queue))
        return next((quota.metadata.name for quota in waiting), "")

    async def _list(self, resource: Resource, codec: Codec[R], selector: str) -> list[R]:
        source = Source(resource, codec, self.namespace, label_selector=selector)
        return (await list_all(self.client.transport, source)).rows


def _any_of(words: Sequence[str]) -> str:
    """Return the words as alternatives."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
