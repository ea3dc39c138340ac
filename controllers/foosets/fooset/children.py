"""The children of a FooSet: which should be there, and what each is made of.

`replicas` and `parallelism` follow the parent only when the parent's own value changes: an autoscaler's or a user's
`kubectl scale` of a child survives refinement. An apply that left the field out would reset it to its default, so
every apply carries a value: the parent's if it changed since the last apply, else the child's live one.

A FooSet may allow its children to be edited (`foo.example.com/allow-child-edits`). Then the same holds for the whole
spec of a child: it follows its entry when the entry changes, and stays as it is until then.
"""

from dataclasses import dataclass
from typing import Any

from foosets.api.fooset import BatchEntry, FooSet
from foosets.api.meta import BATCHFOOSETS, FOOSETS, SERVICEFOOSETS, Resource
from foosets.api.names import ALLOW_CHILD_EDITS, EDITS_ALLOWED, PARENT_REPLICAS, REVISION, TRACEPARENT
from foosets.fooset.state import Child, Entry, Observed
from foosets.planning.actions import Apply
from foosets.planning.children import Lineage, owner_reference
from foosets.planning.naming import child_name
from foosets.planning.ownership import allows_edits, handed_down
from foosets.planning.revision import canonical_json, revision, template_revision
from foosets.planning.trace import Context

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desired:
    """A child as it should be, without its trace context, which only a change brings along."""

    resource: Resource
    name: str
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: Spec


def desired(seen: Observed, entry: Entry) -> Desired:
    """Return what the entry's child should be."""
    live, spec = seen.child_of(entry), entry.template.spec
    field = "parallelism" if isinstance(entry, BatchEntry) else "replicas"
    parents_value: int = getattr(spec, field)
    template = _pod_template(seen, entry)
    labels = dict(entry.template.metadata.labels)
    labels |= Lineage(seen.fooset.metadata.name, seen.uid, entry.name).labels()
    labels[REVISION] = _revision(entry, field, template)
    annotations = {**entry.template.metadata.annotations, PARENT_REPLICAS: str(parents_value)}
    annotations.pop(TRACEPARENT, None)
    if allows_edits(seen.fooset):
        annotations[ALLOW_CHILD_EDITS] = EDITS_ALLOWED
    said = spec.model_copy(update={"template": template})
    kept = live.spec if live is not None and _stays_edited(seen.fooset, live, labels[REVISION]) else said
    wanted: Spec = kept.model_dump(mode="json", exclude_none=True)
    wanted[field] = handed_down(parents_value, live)
    return Desired(resource_of(entry), child_name(seen.fooset.metadata.name, entry.name), labels, annotations, wanted)


def _stays_edited(fooset: FooSet, live: Child, revision: str) -> bool:
    """Whether the child's spec is its users' for now: edits are allowed, and the entry says what it said before."""
    allowed = allows_edits(fooset) and allows_edits(live)
    return allowed and live.metadata.labels.get(REVISION) == revision


def _pod_template(seen: Observed, entry: Entry) -> Spec:
    """Return the entry's pod template, with the priority class of the whole set if that names one."""
    template, priority_class = entry.template.spec.template, seen.fooset.spec.priority_class_name
    if not priority_class:
        return template
    return {**template, "spec": {**template["spec"], "priorityClassName": priority_class}}


def resource_of(entry: Entry) -> Resource:
    """Return the kind that the entry becomes."""
    return BATCHFOOSETS if isinstance(entry, BatchEntry) else SERVICEFOOSETS


def _revision(entry: Entry, count: str, template: Spec) -> str:
    """Return the hash of what is said about the child, without its count and without what only says its default."""
    spec = entry.template.spec
    said: Spec = spec.model_dump(mode="json", exclude_defaults=True, exclude={count, "template"})
    metadata = entry.template.metadata.model_dump()
    return revision(metadata, said | {"template": template_revision(template)})


def differs(live: Child, wanted: Desired) -> bool:
    """Whether the child has to be written: a label, an annotation of ours or the spec is not what it should be."""
    labels, annotations = live.metadata.labels, live.metadata.annotations
    return (
        (ALLOW_CHILD_EDITS in annotations) != (ALLOW_CHILD_EDITS in wanted.annotations)
        or any(labels.get(key) != value for key, value in wanted.labels.items())
        or any(annotations.get(key) != value for key, value in wanted.annotations.items())
        or live.spec.model_dump(mode="json", exclude_none=True) != wanted.spec
    )


def apply(seen: Observed, wanted: Desired, live: Child | None, context: Context) -> Apply:
    """Return the server-side apply that makes the child so, as a step of the trace.

    It carries the version that it was computed from. A missing child has none; should another's object have taken the
    name meanwhile, the derived-children policy refuses to let this identity adopt it.
    """
    meta = seen.fooset.metadata
    metadata: dict[str, Any] = {
        "name": wanted.name,
        "namespace": meta.namespace,
        "labels": wanted.labels,
        "annotations": {**wanted.annotations, TRACEPARENT: context.traceparent},
        "ownerReferences": [owner_reference(FOOSETS, meta.name, meta.uid)],
    }
    if live is not None:
        metadata |= {"uid": live.metadata.uid, "resourceVersion": live.metadata.resource_version}
    resource = wanted.resource
    body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, "spec": wanted.spec}
    return Apply(resource, meta.namespace, wanted.name, canonical_json(body), meta.uid)
