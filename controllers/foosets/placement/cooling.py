"""Nodes that cool down for a set, because their kubelets rejected one of its pods.

Fit is computed from what the API server shows, and a kubelet that disagrees will most likely do so again: the node is
left out when nodes are chosen for that set, and only for it. The first time this is short, since the race may be over
with the next event (a cluster of one node has no other); a node that rejects again as soon as it is tried is left out
for longer, up to ten minutes. What was in flight when the first rejection came counts as one with it.

All this is memory: after a restart the first rejections bring it back, and the bound on creates does not depend on it
(`foosets.planning.rejections`).
"""

from typing import Final, NamedTuple

from foosets.api.names import NodeName, Uid
from foosets.api.pod import Pod
from foosets.planning.kubelets import rejected
from foosets.planning.stamps import SECOND
from foosets.planning.trace import Microseconds

COOLING_SECONDS: Final = (10, 40, 160, 600)
"""How long a node is left out after its first, second, ... rejection in a row."""
FORGIVEN_AFTER_SECONDS: Final = 600
"""A node that was tried again and has not rejected a pod for so long starts afresh."""
SWEEP_SECONDS: Final = 60
"""How long what is forgiven may be kept: dropping it is a look at all nodes of all sets."""


class _Spell(NamedTuple):
    """How often in a row the node has cooled down, and until when it does."""

    times: int
    until: Microseconds


class Cooling:
    """The cooling nodes of every set."""

    def __init__(self) -> None:
        self._by_owner: dict[Uid, dict[NodeName, _Spell]] = {}
        self._swept: Microseconds = 0

    def observe(self, before: Pod | None, after: Pod | None, now: Microseconds) -> None:
        """Take a change of one pod, which may be that its kubelet has rejected it."""
        if after is None or (before is not None and before.terminal) or not rejected(after):
            return
        if after.controller is not None:
            self.rejected(after.controller.uid, after.spec.node_name, now)

    def rejected(self, owner: Uid, node: NodeName, now: Microseconds) -> None:
        """Take the news that the node's kubelet rejected a pod of the owner."""
        before = self._by_owner.get(owner, {}).get(node, _Spell(0, 0))
        if before.until > now:
            return
        self._sweep(now)
        times = before.times + 1 if before.until > _forgiven(now) else 1
        seconds = COOLING_SECONDS[min(times, len(COOLING_SECONDS)) - 1]
        self._by_owner.setdefault(owner, {})[node] = _Spell(times, now + seconds * SECOND)

    def nodes(self, owner: Uid, now: Microseconds) -> dict[NodeName, Microseconds]:
        """Return the nodes that are to be left out for the owner, and until when."""
        spells = self._by_owner.get(owner, {})
        return {node: spell.until for node, spell in spells.items() if spell.until > now}

    def forget(self, owner: Uid) -> None:
        """Drop an owner that is gone."""
        self._by_owner.pop(owner, None)

    def _sweep(self, now: Microseconds) -> None:
        """Drop what is forgiven, so that what is kept does not grow with the sets that ever were."""
        if now < self._swept + SWEEP_SECONDS * SECOND:
            return
        self._swept = now
        for owner, spells in list(self._by_owner.items()):
            kept = {node: spell for node, spell in spells.items() if spell.until > _forgiven(now)}
            if kept:
                self._by_owner[owner] = kept
            else:
                del self._by_owner[owner]


def _forgiven(now: Microseconds) -> Microseconds:
    """Return the time before which a spell must have ended to count no more."""
    return now - FORGIVEN_AFTER_SECONDS * SECOND
