"""Whose pods are whose: the members of every owner of one kind, fed with all pods that a watch brings."""

from foosets.api.meta import Key
from foosets.api.names import Kind, Uid
from foosets.api.pod import OwnerReference, Pod
from foosets.planning.members import Members
from foosets.planning.ownership import owner_named_twice
from foosets.planning.trace import Microseconds


class Memberships:
    """The members of every owner of one kind, until owner and pods are gone."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._by_owner: dict[Uid, Members] = {}
        self._gone: set[Uid] = set()

    def of(self, owner: Uid) -> Members:
        """Return the pods of one owner."""
        members = self._by_owner.get(owner)
        return Members() if members is None else members  # one without pods still remembers

    def observe(self, before: Pod | None, after: Pod | None, at: Microseconds | None) -> Key | None:
        """Take a change of one pod; return the owner that it concerns, or None when that is not of our kind."""
        pod, owner = after, self._owner(after)
        if owner is None:
            pod, after, owner = before, None, self._owner(before)  # it is not ours, or not any more
        if pod is None or owner is None:
            return None
        members = self._by_owner.get(owner.uid)
        if members is None:
            members = self._by_owner[owner.uid] = Members()
        members.observe(before, after, at)
        if self._gone:
            self._sweep(owner.uid)
        return Key(pod.metadata.namespace, owner.name)

    def forget(self, owner: Uid) -> None:
        """Drop an owner that is gone, as soon as its pods are."""
        self._gone.add(owner)
        self._sweep(owner)

    def _owner(self, pod: Pod | None) -> OwnerReference | None:
        """Return the pod's controller if it is a set of our kind and its label says so too."""
        owner = owner_named_twice(pod) if pod is not None else None
        return owner if owner is not None and owner.kind == self._kind else None

    def _sweep(self, owner: Uid) -> None:
        if owner in self._gone and not self._by_owner.get(owner):
            self._by_owner.pop(owner, None)
            self._gone.discard(owner)
