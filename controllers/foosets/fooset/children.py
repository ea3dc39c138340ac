"""The children of a FooSet: which should be there, and what each is made of.

`replicas` and `parallelism` follow the parent only when the parent's own value changes: an autoscaler's or a user's
`kubectl scale` of a child survives refinement. An apply that left the field out would reset it to its default, so
every apply carries a value: the parent's if it changed since the last apply, else the child's live one.
"""

from dataclasses import dataclass
from typing import Any

from foosets.api.fooset import BatchEntry
from foosets.api.meta import BATCHFOOSETS, FOOSETS, SERVICEFOOSETS, Resource
from foosets.api.names import PARENT_REPLICAS, REVISION, TRACEPARENT
from foosets.fooset.state import Child, Entry, Observed
from foosets.planning.actions import Apply
from foosets.planning.children import Lineage, owner_reference
from foosets.planning.naming import child_name
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
    live = seen.child_of(entry)
    field = "parallelism" if isinstance(entry, BatchEntry) else "replicas"
    spec = entry.template.spec.model_dump(mode="json", exclude_none=True)
    parents_value = spec[field]
    labels = dict(entry.template.metadata.labels)
    labels |= Lineage(seen.fooset.metadata.name, seen.uid, entry.name).labels()
    labels[REVISION] = _revision(entry, field)
    annotations = {**entry.template.metadata.annotations, PARENT_REPLICAS: str(parents_value)}
    annotations.pop(TRACEPARENT, None)
    spec[field] = _count(parents_value, live, field)
    return Desired(resource_of(entry), child_name(seen.fooset.metadata.name, entry.name), labels, annotations, spec)


def resource_of(entry: Entry) -> Resource:
    """Return the kind that the entry becomes."""
    return BATCHFOOSETS if isinstance(entry, BatchEntry) else SERVICEFOOSETS


def _count(parents_value: int, live: Child | None, field: str) -> int:
    if live is None or live.metadata.annotations.get(PARENT_REPLICAS) != str(parents_value):
        return parents_value
    return getattr(live.spec, field)


def _revision(entry: Entry, count: str) -> str:
    """Return the hash of what the entry says, without its count and without what only says its default."""
    spec = entry.template.spec
    said: Spec = spec.model_dump(mode="json", exclude_defaults=True, exclude={count, "template"})
    metadata = entry.template.metadata.model_dump()
    return revision(metadata, said | {"template": template_revision(spec.template)})


def differs(live: Child, wanted: Desired) -> bool:
    """Whether the child has to be written: a label, an annotation of ours or the spec is not what it should be."""
    labels, annotations = live.metadata.labels, live.metadata.annotations
    return (
        any(labels.get(key) != value for key, value in wanted.labels.items())
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
