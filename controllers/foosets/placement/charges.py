"""What the pods of each set request that exist and have not finished: one sum an owner, kept pod by pod.

Fed with all pods that a watch brings, each at the same small cost however many there are. A pod that is on its way out
counts until it is gone; one that has ended for good counts no more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from foosets.api.fooquota import RootKind
from foosets.api.names import CHILD, SET_NAME, SET_UID, Kind, Uid
from foosets.api.pod import OwnerReference, Pod
from foosets.placement.requests import Size, size_of
from foosets.planning.ownership import owner_named_twice

UNREADABLE: Size = Size((("pods", 1),))
"""What a pod counts as whose requests no quantity can say."""
_OWNERS = frozenset({Kind.BATCHFOOSET, Kind.SERVICEFOOSET})


@dataclass(slots=True)
class Charge:
    """The unfinished pods of one owner, and what their labels say of where they come from.

    They are `abandoned` if the owner was there and is gone.
    """

    owner: Uid
    owner_kind: RootKind
    owner_name: str
    root: Uid
    root_name: str
    derived: bool
    count: int = 0
    amounts: dict[str, int] = field(default_factory=dict[str, int])
    abandoned: bool = False


class Charges:
    """The charges of all namespaces; owners without unfinished pods are not in it."""

    def __init__(self) -> None:
        self._namespaces: dict[str, dict[Uid, Charge]] = {}

    def of(self, namespace: str) -> Iterable[Charge]:
        """Return the charges of one namespace as they are now; do not await in between."""
        return self._namespaces.get(namespace, {}).values()

    def abandon(self, namespace: str, owner: Uid) -> None:
        """Take note that an owner is gone, whether it has pods or not."""
        charge = self._namespaces.get(namespace, {}).get(owner)
        if charge is not None:
            charge.abandoned = True

    def observe(self, before: Pod | None, after: Pod | None) -> str | None:
        """Take a change of one pod; return the namespace whose charges it changes, or None."""
        was, now = _size(before), _size(after)
        pod = after or before
        if pod is None or was == now:
            return None
        for row, size, sign in ((after, now, 1), (before, was, -1)):
            if row is not None and size is not None:
                self._count(row, size, sign)
        return pod.metadata.namespace

    def _count(self, pod: Pod, size: Size, sign: int) -> None:
        owners = self._namespaces.setdefault(pod.metadata.namespace, {})
        owner = _owner(pod)
        assert owner is not None, "a pod has a size only if one of our sets owns it"
        charge = owners.get(owner.uid)
        if charge is None:
            charge = owners[owner.uid] = _charge(pod, owner)
        charge.count += sign
        for name, value in size.amounts:
            charge.amounts[name] = charge.amounts.get(name, 0) + sign * value
        if not charge.count:
            del owners[owner.uid]
        if not owners:
            del self._namespaces[pod.metadata.namespace]


def _owner(pod: Pod) -> OwnerReference | None:
    """Return the pod's controller if it is one of our sets and its label says so too."""
    owner = owner_named_twice(pod)
    return owner if owner is not None and owner.kind in _OWNERS else None


def _charge(pod: Pod, owner: OwnerReference) -> Charge:
    labels = pod.metadata.labels
    return Charge(
        owner.uid,
        Kind.BATCHFOOSET if owner.kind == Kind.BATCHFOOSET else Kind.SERVICEFOOSET,
        owner.name,
        Uid(labels.get(SET_UID, owner.uid)),
        labels.get(SET_NAME, owner.name),
        derived=CHILD in labels,
    )


def _size(pod: Pod | None) -> Size | None:
    """Return what the pod takes, or None if it is no pod of ours or has ended for good."""
    if pod is None or pod.terminal or _owner(pod) is None:
        return None
    try:
        return size_of(pod.spec)
    except ValueError:
        return UNREADABLE
