"""What a plan may ask for. Actions are data; `runtime.apply` is the one place that performs them."""

from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from foosets.api.meta import Resource
from foosets.api.names import NodeName, Uid
from foosets.api.pod import Condition
from foosets.planning.children import Owner
from foosets.planning.events import Event
from foosets.planning.obstacles import Obstacle
from foosets.planning.trace import Span

MAX_ACTIONS: Final = 500
"""Actions in one plan. A larger change goes on in the next pass, so that status moves between."""


class Create(Struct, frozen=True):
    """POST. The name is derived, so that a repeated create collides instead of duplicating.

    AlreadyExists with `owner` as controller and as label is success; else it is a NameCollision.
    """

    resource: Resource
    namespace: str
    name: str
    body: bytes
    owner: Uid


@dataclass(frozen=True, slots=True)
class DryRun:
    """POST with `dryRun=All`: the API server validates, defaults and admits the object as ever, and stores nothing.

    A template is tried like this before any pod is made from it; `owner` is the set whose template it is. Some webhooks
    cannot stand dry runs, and the server then refuses every one of them: nothing is known, which is success, too.
    """

    resource: Resource
    owner: Owner
    name: str
    body: bytes

    @property
    def namespace(self) -> str:
        """The namespace of the set, and of its pods."""
        return self.owner.namespace


@dataclass(frozen=True, slots=True)
class Confirm:
    """GET, past all caches: the object is there, with this uid, and nobody has asked for its deletion.

    So built-in controllers ask before they adopt an orphan (RecheckDeletionTimestamp in k8s.io/kubernetes).
    """

    resource: Resource
    namespace: str
    name: str
    uid: Uid


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply of the fields that this component owns.

    `body` carries the resourceVersion it was computed from, or none if the object must not exist yet.
    """

    resource: Resource
    namespace: str
    name: str
    body: bytes
    owner: Uid


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE of exactly the object that was meant: `uid` is sent as a precondition. Gone is success."""

    resource: Resource
    namespace: str
    name: str
    uid: Uid


@dataclass(frozen=True, slots=True)
class Bind:
    """POST of a Binding; a compare-and-set, since the API server binds a pod once and checks `uid`."""

    namespace: str
    name: str
    uid: Uid
    node: NodeName
    annotations: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Status:
    """PUT of the status subresource, a JSON object, with the resourceVersion that the plan saw.

    `event` is told when it is stored, if it names another cause than the stored one.
    """

    resource: Resource
    namespace: str
    name: str
    uid: Uid
    resource_version: str
    status: bytes
    event: Event | None = None


@dataclass(frozen=True, slots=True)
class SetPodCondition:
    """PATCH of one condition in a pod's status; the others stay as their writers left them."""

    namespace: str
    name: str
    uid: Uid
    condition: Condition


Action = Create | DryRun | Confirm | Apply | Delete | Bind | Status | SetPodCondition


@dataclass(frozen=True, slots=True)
class Plan:
    """What one look at an object comes to.

    `status` is None when the stored one is right already. `spans` are the parts of the trace that this look closes;
    they are exported before `status`, which records it, is written. `obstacle` is what the plan itself found in the
    way, or holds back for. `wake_after` asks for another look in so many seconds, should nothing happen before.
    `independent` says that the refusal of one action tells nothing of the others, which are then tried all the same.
    """

    actions: tuple[Action, ...] = ()
    status: Status | None = None
    spans: tuple[Span, ...] = ()
    obstacle: Obstacle | None = None
    wake_after: float | None = None
    independent: bool = False
