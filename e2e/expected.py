"""What the trace of a FooSet must look like, derived from the objects in the API server alone.

    FooSet            1 foosets.rollout, 1 fooset.admit, 1 fooset.refine; 1 fooset.quota where a FooQuota applies
    BatchFooSet       1 batchfooset.refine, 1 each of place, sync, decide, commit
    its pods          1 pod, 1 create each
    ServiceFooSet     1 servicefooset.refine
    its pods          1 pod, 1 each of create, admit, schedule, bind

Who belongs to whom is read from owner references, and from nothing that our controllers say. It holds for a set whose
every pod got its node in the first episode.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from e2e.apiserver import ApiServer
from e2e.traces import TraceShape

Object = Mapping[str, Any]
Edge = tuple[str, str]
"""Who, and who owns it; pods by uid, sets by name."""

FOOSET: Final = ("foosets.rollout", "fooset.admit", "fooset.refine")
BATCH: Final = ("batchfooset.refine", "place", "sync", "decide", "commit")
BATCH_POD: Final = ("pod", "create")
SERVICE: Final = ("servicefooset.refine",)
SERVICE_POD: Final = ("pod", "create", "admit", "schedule", "bind")
BELOW: Final[Mapping[str, frozenset[str]]] = {
    "fooset.admit": frozenset({"foosets.rollout"}),
    "fooset.quota": frozenset({"foosets.rollout"}),
    "fooset.refine": frozenset({"foosets.rollout"}),
    "batchfooset.refine": frozenset({"fooset.refine"}),
    "servicefooset.refine": frozenset({"fooset.refine"}),
    "place": frozenset({"batchfooset.refine"}),
    "sync": frozenset({"place"}),
    "decide": frozenset({"place"}),
    "commit": frozenset({"place"}),
    "pod": frozenset({"batchfooset.refine", "servicefooset.refine"}),
    "create": frozenset({"pod"}),
    "admit": frozenset({"pod"}),
    "schedule": frozenset({"pod"}),
    "bind": frozenset({"pod"}),
}
"""Which spans a span may hang under."""


@dataclass(frozen=True, slots=True)
class Family:
    """A FooSet, the sets that it owns, and the pods that they own."""

    fooset: Object
    batches: Sequence[Object]
    services: Sequence[Object]
    pods: Sequence[Object]

    @classmethod
    def of(cls, server: ApiServer, namespace: str, name: str) -> "Family":
        """Read the objects as they are now."""
        group = f"/apis/foo.example.com/v1alpha1/namespaces/{namespace}"
        fooset = server.get(f"{group}/foosets/{name}")
        batches = _owned(server.get(f"{group}/batchfoosets"), fooset)
        services = _owned(server.get(f"{group}/servicefoosets"), fooset)
        pods = _owned(server.get(f"/api/v1/namespaces/{namespace}/pods"), *batches, *services)
        return cls(fooset, batches, services, pods)

    def pods_of(self, child: Object) -> list[Object]:
        """Return the pods of one child."""
        return [pod for pod in self.pods if _owner(pod) == child["metadata"]["uid"]]

    @property
    def span_counts(self) -> Counter[str]:
        """How many spans of each name there must be."""
        counts: Counter[str] = Counter(FOOSET)
        counts.update(["fooset.quota"] * self._under_quota)
        for child, own, each in (
            *self._of(self.batches, BATCH, BATCH_POD),
            *self._of(self.services, SERVICE, SERVICE_POD),
        ):
            counts.update(own)
            counts.update(each * len(self.pods_of(child)))
        return counts

    @property
    def edges(self) -> set[Edge]:
        """Every ownership."""
        children = (*self.batches, *self.services)
        above = {(_name(child), _name(self.fooset)) for child in children}
        return above | {(pod["metadata"]["uid"], _name(child)) for child in children for pod in self.pods_of(child)}

    @property
    def _under_quota(self) -> bool:
        conditions = self.fooset.get("status", {}).get("conditions", [])
        return any(condition["type"] == "QuotaReserved" for condition in conditions)

    def _of(self, children: Sequence[Object], own: tuple[str, ...], each: tuple[str, ...]) -> list[Any]:
        return [(child, own, each) for child in children]


def recorded_edges(tree: TraceShape) -> set[Edge]:
    """Return the ownerships that a trace tells of: by the spans that hang under each other, not by what they say."""
    by_id = {span.span_id: span for span in tree.spans}
    found: set[Edge] = set()
    for span in tree.spans:
        parent = by_id.get(span.parent_id)
        if parent is None:
            continue
        if span.name == "pod":
            found.add((span.attributes["k8s.pod.uid"], _set_of(parent.attributes)))
        elif span.name in {"batchfooset.refine", "servicefooset.refine"}:
            found.add((_set_of(span.attributes), _set_of(parent.attributes)))
    return found


def misplaced(tree: TraceShape) -> list[Edge]:
    """Return the spans that hang under a span of the wrong name, or under another pod's."""
    by_id = {span.span_id: span for span in tree.spans}
    pairs = [(span, by_id[span.parent_id]) for span in tree.spans if span.parent_id in by_id]
    return [
        (span.name, parent.name)
        for span, parent in pairs
        if parent.name not in BELOW.get(span.name, ())
        or (parent.name == "pod" and span.attributes["k8s.pod.uid"] != parent.attributes["k8s.pod.uid"])
    ]


def _set_of(attributes: Mapping[str, Any]) -> str:
    child = attributes.get("fooset.child")
    return f"{attributes['fooset.name']}-{child}" if child else attributes["fooset.name"]


def _owned(listed: Object, *owners: Object) -> list[Object]:
    uids = {owner["metadata"]["uid"] for owner in owners}
    return [item for item in listed["items"] if _owner(item) in uids]


def _owner(owned: Object) -> str:
    references = owned["metadata"].get("ownerReferences", [])
    return next((reference["uid"] for reference in references if reference.get("controller")), "")


def _name(named: Object) -> str:
    return named["metadata"]["name"]
