"""Whose pods are whose: the members of every owner of one kind, fed with all pods that a watch brings."""

from collections.abc import Callable

from foosets.api.customresource import CustomResource
from foosets.api.meta import Key
from foosets.api.names import Kind, Uid
from foosets.api.pod import OwnerReference, Pod
from foosets.planning.members import Members
from foosets.planning.ownership import owner_named_twice
from foosets.planning.trace import Microseconds


class Memberships:
    """The members of every owner of one kind, until owner and pods are gone. `find` is the cache of the owners."""

    def __init__(self, kind: Kind, find: Callable[[Key], CustomResource | None]) -> None:
        self._kind = kind
        self._find = find
        self._by_owner: dict[Uid, Members] = {}

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
        key = Key(pod.metadata.namespace, owner.name)
        if not members and not self._is_there(key, owner.uid):
            # it went before its pods did; if it is yet to be seen, this is as after a restart
            del self._by_owner[owner.uid]
        return key

    def forget(self, owner: Uid) -> None:
        """Drop an owner that is gone, as soon as its pods are."""
        if not self._by_owner.get(owner):
            self._by_owner.pop(owner, None)

    def _owner(self, pod: Pod | None) -> OwnerReference | None:
        """Return the pod's controller if it is a set of our kind and its label says so too."""
        owner = owner_named_twice(pod) if pod is not None else None
        return owner if owner is not None and owner.kind == self._kind else None

    def _is_there(self, key: Key, owner: Uid) -> bool:
        found = self._find(key)
        return found is not None and found.metadata.uid == owner
