"""Whose pods are whose: the members of every owner of one kind, fed with all pods that a watch brings."""

from collections.abc import Callable

from foosets.api.customresource import CustomResource
from foosets.api.meta import Key
from foosets.api.names import SET_UID, Kind, Uid
from foosets.api.pod import OwnerReference, Pod
from foosets.planning.children import Owner
from foosets.planning.members import Members
from foosets.planning.ownership import owner_named_twice
from foosets.planning.trace import Microseconds


class Memberships:
    """The members of every owner of one kind, until owner and pods are gone. `find` is the cache of the owners."""

    def __init__(self, kind: Kind, find: Callable[[Key], CustomResource | None]) -> None:
        self._kind = kind
        self._find = find
        self._by_name: dict[Key, dict[Uid, Members]] = {}  # one that was made anew has the name of the one before

    def of(self, owner: Owner) -> Members:
        """Return the pods of one owner."""
        members = self._named(owner).get(owner.uid)
        return Members() if members is None else members  # one without pods still remembers

    def unfinished_before(self, owner: Owner) -> int:
        """Return how many unfinished pods others of the owner's name have left in the same root's share."""
        root = owner.lineage.set_uid
        return sum(
            sum(1 for member in members.live.values() if member.pod.metadata.labels.get(SET_UID) == root)
            for uid, members in self._named(owner).items()
            if uid != owner.uid
        )

    def observe(self, before: Pod | None, after: Pod | None, at: Microseconds | None) -> Key | None:
        """Take a change of one pod; return the owner that it concerns, or None when that is not of our kind."""
        pod, owner = after, self._owner(after)
        if owner is None:
            pod, after, owner = before, None, self._owner(before)  # it is not ours, or not any more
        if pod is None or owner is None:
            return None
        key = Key(pod.metadata.namespace, owner.name)
        named = self._by_name.setdefault(key, {})
        members = named.get(owner.uid)
        if members is None:
            members = named[owner.uid] = Members()
        members.observe(before, after, at)
        if not members and not self._is_there(key, owner.uid):
            # it went before its pods did; if it is yet to be seen, this is as after a restart
            self._drop(key, owner.uid)
        return key

    def forget(self, owner: CustomResource) -> None:
        """Drop an owner that is gone, as soon as its pods are."""
        if not self._by_name.get(owner.key, {}).get(owner.metadata.uid):
            self._drop(owner.key, owner.metadata.uid)

    def _named(self, owner: Owner) -> dict[Uid, Members]:
        return self._by_name.get(Key(owner.namespace, owner.name), {})

    def _drop(self, key: Key, owner: Uid) -> None:
        named = self._by_name.get(key, {})
        named.pop(owner, None)
        if not named:
            self._by_name.pop(key, None)

    def _owner(self, pod: Pod | None) -> OwnerReference | None:
        """Return the pod's controller if it is a set of our kind and its label says so too."""
        owner = owner_named_twice(pod) if pod is not None else None
        return owner if owner is not None and owner.kind == self._kind else None

    def _is_there(self, key: Key, owner: Uid) -> bool:
        found = self._find(key)
        return found is not None and found.metadata.uid == owner
