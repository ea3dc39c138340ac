"""One pod as a member of its set: what its labels and its state make of it."""

from typing import Final

from msgspec import Struct

from foosets.api.names import ATTEMPT, INDEX, REVISION, Uid
from foosets.api.pod import Pod
from foosets.planning.indexes import INDEX_DIGITS
from foosets.planning.kubelets import rejected
from foosets.planning.podspans import CREATED, NO_ARRIVALS, Arrivals
from foosets.planning.trace import Microseconds

UNKNOWN_INDEX: Final = -1
ATTEMPT_DIGITS: Final = 9
TRACED_PODS: Final = 100
"""Indexes below this have spans, and their arrival times are kept; of the others only failures have."""


class Member(Struct, frozen=True, gc=False):
    """One pod of the set; the flags are as they were when the watch brought it.

    `arrivals` is when the watch brought its conditions, as far as this process saw it.
    """

    pod: Pod
    index: int
    attempt: int
    arrivals: Arrivals
    live: bool
    active: bool
    """Whether it is live and nobody has asked for its end."""
    ready: bool
    """Whether it is active and Ready."""
    rejected: bool
    """Whether its kubelet refused it."""

    @property
    def name(self) -> str:
        """The pod's name."""
        return self.pod.metadata.name

    @property
    def uid(self) -> Uid:
        """The pod's uid."""
        return self.pod.metadata.uid

    @property
    def revision(self) -> str:
        """The revision that the pod was made from."""
        return self.pod.metadata.labels.get(REVISION, "")

    @property
    def traced(self) -> bool:
        """Whether it may have spans: it is one of the first, or has run and failed."""
        return self.index < TRACED_PODS or (self.pod.status.phase == "Failed" and not self.rejected)

    @classmethod
    def of(cls, pod: Pod, before: "Member | None", at: Microseconds | None) -> "Member":
        """Return a pod as a member; `before` is what it was, `at` when the watch brought it (None for a first list)."""
        index, attempt = _number(pod, INDEX, INDEX_DIGITS), _number(pod, ATTEMPT, ATTEMPT_DIGITS)
        arrivals = _arrivals(pod, before, at) if at is not None and index < TRACED_PODS else NO_ARRIVALS
        live = not pod.terminal
        active = live and not pod.terminating
        return cls(pod, index, attempt, arrivals, live, active, active and pod.ready, rejected(pod))

    @property
    def known(self) -> bool:
        """Whether its labels tell which index it is for."""
        return self.index != UNKNOWN_INDEX

    @property
    def taken_away(self) -> bool:
        """Whether somebody or its node ended it, rather than itself (`DisruptionTarget`, KEP-3329)."""
        disrupted = self.pod.condition("DisruptionTarget")
        return self.pod.terminating or (disrupted is not None and disrupted.status == "True")


def _arrivals(pod: Pod, before: Member | None, at: Microseconds) -> Arrivals:
    """Return the arrivals with what is new in this row: the pod itself, and conditions that moved."""
    if before is None:
        return {CREATED: at} | {condition.type: at for condition in pod.status.conditions}
    known = {condition.type: condition.status for condition in before.pod.status.conditions}
    moved = {c.type: at for c in pod.status.conditions if known.get(c.type) != c.status}
    return {**before.arrivals, **moved} if moved else before.arrivals


def _number(pod: Pod, label: str, digits: int) -> int:
    """Return the number that a label holds; labels of ours are guarded, but not by every cluster."""
    text = pod.metadata.labels.get(label, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else UNKNOWN_INDEX
