"""The one place where actions become requests.

A write whose reply was lost, or makes no sense, is not repeated blindly: the object is read back, and its controller's
uid says whether the write happened. An object that exists already is ours if its controller is the action's owner, and
what was created has its label, too: anybody may name an owner, and only our controllers write our labels. Another's is
never adopted (`NameTaken`).
"""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Final, NamedTuple, TypeVar, assert_never

import msgspec

from foosets.api.meta import PODS, Key, Resource
from foosets.api.names import OWNER_UID, Uid
from foosets.api.pod import OwnerReference
from foosets.kube.client import Client
from foosets.kube.errors import AlreadyExists, ApiError, Conflict, Invalid, NotFound, ServerFault
from foosets.planning.actions import Action, Apply, Bind, Confirm, Create, Delete, DryRun, SetPodCondition, Status
from foosets.planning.stamps import sent
from foosets.planning.trace import Microseconds


class NameTaken(ApiError):  # noqa: N818 - it states what is the case, like all errors of its tree
    """The name belongs to an object of another owner."""


class _Version(msgspec.Struct, gc=False, rename="camel"):
    uid: Uid
    resource_version: Annotated[str, msgspec.Meta(pattern="^[0-9]+$")]


class _Meta(msgspec.Struct, gc=False, rename="camel"):
    uid: Uid
    deletion_timestamp: str = ""
    owner_references: tuple[OwnerReference, ...] = ()
    labels: dict[str, str] = {}


class _Spec(msgspec.Struct, gc=False, rename="camel"):
    node_name: str = ""


class _Stored(msgspec.Struct, gc=False):
    metadata: _Version


class _Found(msgspec.Struct, gc=False):
    metadata: _Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)


_BEGINNING: Final = re.compile(
    rb'\{"kind":"\w+","apiVersion":"[\w./]+","metadata":\{"name":"[^"\\]+",(?:"namespace":"[^"\\]+",)?'
    rb'"uid":"([^"\\]+)","resourceVersion":"([0-9]+)"'
)
"""How the API server begins an object of a built-in kind, whose members stand in the order of its Go types: all that is
wanted of a created pod stands before anything that a user can fill with quotes."""
_NO_DRY_RUN: Final = "does not support dry run"
"""What the API server says of a webhook that would have side effects even then; no object passes it in a dry run."""
_STORED: Final = msgspec.json.Decoder(_Stored)
_FOUND: Final = msgspec.json.Decoder(_Found)
_Body = TypeVar("_Body")


def _read(body: bytes, decoder: msgspec.json.Decoder[_Body]) -> _Body:
    """Return what an answer says; raises ServerFault for a success that the API server never gives."""
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServerFault(200, "Garbled", f"a success that makes no sense: {error}") from error


class Written(NamedTuple):
    """What a successful action left behind; `resource_version` is 0 where the reply does not tell it.

    A dry run leaves nothing behind but its `answer`: the object as it would have been stored, empty if it is not known.
    """

    resource: Resource
    target: Key
    uid: Uid
    resource_version: int
    deleted: bool = False
    answer: bytes | None = None


class Applier:
    """Performs actions through one client."""

    def __init__(self, client: Client, clock: Callable[[], Microseconds]) -> None:
        self._client = client
        self._clock = clock

    async def perform(self, action: Action) -> Written:
        """Perform one action; raises ApiError when it was refused or could not be sent."""
        match action:
            case Create():
                performing = self._create(action)
            case DryRun():
                performing = self._dry_run(action)
            case Confirm():
                performing = self._confirm(action)
            case Apply():
                performing = self._apply(action)
            case Delete():
                performing = self._delete(action)
            case Bind():
                performing = self._bind(action)
            case Status():
                performing = self._put_status(action)
            case SetPodCondition():
                performing = self._set_pod_condition(action)
            case _:
                assert_never(action)
        return await performing

    async def _create(self, action: Create) -> Written:
        try:
            body = await self._client.create(action.resource, action.namespace, sent(action.body, self._clock()))
            return _written(action.resource, action.namespace, action.name, body)
        except ApiError as refusal:
            if not (refusal.ambiguous or isinstance(refusal, AlreadyExists)):
                raise
            body = await self._found(action, refusal)
        return _written(action.resource, action.namespace, action.name, body)

    async def _dry_run(self, action: DryRun) -> Written:
        try:
            answer = await self._client.dry_run_create(action.resource, action.namespace, action.body)
        except Invalid as refusal:
            if _NO_DRY_RUN not in refusal.message:
                raise
            answer = b""
        return Written(action.resource, Key(action.namespace, action.name), Uid(""), 0, answer=answer)

    async def _confirm(self, action: Confirm) -> Written:
        """Raises Conflict for an object that is not there any more, or not for long: the caches will tell."""
        gone = Conflict(409, "Conflict", f"{action.resource.kind} {action.name} is gone, or on its way out")
        try:
            body = await self._client.get(action.resource, action.namespace, action.name)
        except NotFound:
            raise gone from None
        found = _read(body, _FOUND).metadata
        if found.uid != action.uid or found.deletion_timestamp:
            raise gone
        return _written(action.resource, action.namespace, action.name, body)

    async def _apply(self, action: Apply) -> Written:
        body = await self._client.apply(action.resource, action.namespace, action.name, action.body)
        written = _written(action.resource, action.namespace, action.name, body)
        if not _owned_by(_read(body, _FOUND), action.owner):
            raise NameTaken(409, "NameCollision", f"{action.resource.kind} {action.name} belongs to another owner")
        return written

    async def _delete(self, action: Delete) -> Written:
        target = Key(action.namespace, action.name)
        with suppress(NotFound):
            await self._client.delete(action.resource, action.namespace, action.name, uid=action.uid)
        return Written(action.resource, target, action.uid, 0, deleted=True)

    async def _bind(self, action: Bind) -> Written:
        """Bind. After a lost reply or a conflict the pod is read back, and what it says is what is the case."""
        try:
            await self._client.bind(
                action.namespace, action.name, action.node, uid=action.uid, annotations=action.annotations
            )
        except ApiError as refusal:
            if not (refusal.ambiguous or isinstance(refusal, Conflict)):
                raise
            _judge_binding(action, refusal, _read(await self._client.get(PODS, action.namespace, action.name), _FOUND))
        return Written(PODS, Key(action.namespace, action.name), action.uid, 0)

    async def _put_status(self, action: Status) -> Written:
        body = await self._client.put_status(
            action.resource,
            action.namespace,
            action.name,
            action.status,
            uid=action.uid,
            resource_version=action.resource_version,
        )
        return _written(action.resource, action.namespace, action.name, body)

    async def _set_pod_condition(self, action: SetPodCondition) -> Written:
        body = await self._client.set_pod_condition(action.namespace, action.name, action.condition, uid=action.uid)
        return _written(PODS, action.namespace, action.name, body)

    async def _found(self, action: Create, refusal: ApiError) -> bytes:
        """Return the object that is there instead; raises `refusal` when it never came to be."""
        try:
            body = await self._client.get(action.resource, action.namespace, action.name)
        except NotFound:
            raise refusal from None
        found = _read(body, _FOUND)
        if not _owned_by(found, action.owner) or found.metadata.labels.get(OWNER_UID) != action.owner:
            raise NameTaken(409, "NameCollision", f"{action.resource.kind} {action.name} belongs to another owner")
        return body


def _judge_binding(action: Bind, refusal: ApiError, pod: _Found) -> None:
    """Return if the pod has the node that was asked for; raise what keeps it from having it.

    The API server calls it a conflict, too, when storing fails inside a binding (its `assignPod`): the pod then
    still waits, nothing will ever happen to it that a watch could show, and so it is the server's fault.
    """
    meant = pod.metadata.uid == action.uid
    if meant and pod.spec.node_name == action.node:
        return
    waits = meant and not (pod.spec.node_name or pod.metadata.deletion_timestamp)
    if waits and isinstance(refusal, Conflict):
        raise ServerFault(refusal.status, refusal.reason, refusal.message) from refusal
    raise refusal


def _owned_by(found: _Found, owner: Uid) -> bool:
    return any(reference.controller and reference.uid == owner for reference in found.metadata.owner_references)


def _written(resource: Resource, namespace: str, name: str, body: bytes) -> Written:
    begun = _BEGINNING.match(body)
    if begun is not None:
        return Written(resource, Key(namespace, name), Uid(begun[1].decode("ascii")), int(begun[2]))
    meta = _read(body, _STORED).metadata  # a custom resource's members are sorted by name
    return Written(resource, Key(namespace, name), meta.uid, int(meta.resource_version))
