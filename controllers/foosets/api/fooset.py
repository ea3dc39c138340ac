"""FooSet: an application of batch and service parts, each made into a set of its own.

This is what a user writes:

    spec:
      batch:
      - name: workers
        template: {metadata: {labels, annotations}, spec: BatchFooSetSpec}
      service:
      - name: server
        template: {metadata: {labels, annotations}, spec: ServiceFooSetSpec}
"""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from foosets.api.batchfooset import BatchFooSetSpec
from foosets.api.customresource import (
    NAME_MAX,
    NAME_PATTERN,
    NAME_RULES,
    SUBDOMAIN_MAX,
    SUBDOMAIN_OR_EMPTY,
    Count,
    CustomResource,
    Model,
    TemplateMetadata,
    list_map,
    rules,
)
from foosets.api.names import Kind
from foosets.api.servicefooset import ServiceFooSetSpec
from foosets.api.status import Status

ENTRIES_MAX: Final = 8
"""Entries of each list. Every entry may hold a whole pod template, and an object must stay below 1.5 MB in etcd."""
CHILDREN_MAX: Final = 4 * ENTRIES_MAX
"""Parts in status: those of the spec, and as many that were removed from it."""

EntryName = Annotated[
    str,
    # the shortest set name and the dash take two characters of the child's name
    Field(max_length=NAME_MAX - 2, pattern=NAME_PATTERN),
]


UNIQUE_NAMES: Final = (
    "!has(self.batch) || !has(self.service) || self.batch.all(b, !self.service.exists(s, s.name == b.name))"
)


class BatchTemplate(Model):
    """The BatchFooSet to make."""

    metadata: TemplateMetadata = TemplateMetadata()
    """Labels and annotations of the BatchFooSet; those of its pods are in the pod template."""
    spec: BatchFooSetSpec
    """The spec of the BatchFooSet."""


class BatchEntry(Model):
    """One finite part."""

    name: EntryName
    """Name of the part, a DNS label, unique over `batch` and `service`. The BatchFooSet is called
    `<fooset>-<name>`, which may have at most 43 characters."""
    template: BatchTemplate
    """The BatchFooSet that is made for this part."""


class ServiceTemplate(Model):
    """The ServiceFooSet to make."""

    metadata: TemplateMetadata = TemplateMetadata()
    """Labels and annotations of the ServiceFooSet; those of its pods are in the pod template."""
    spec: ServiceFooSetSpec
    """The spec of the ServiceFooSet."""


class ServiceEntry(Model):
    """One long-running part."""

    name: EntryName
    """Name of the part, a DNS label, unique over `batch` and `service`. The ServiceFooSet is called
    `<fooset>-<name>`, which may have at most 43 characters."""
    template: ServiceTemplate
    """The ServiceFooSet that is made for this part."""


class FooSetSpec(Model):
    """The parts of the application."""

    model_config = ConfigDict(
        json_schema_extra=rules((UNIQUE_NAMES, "a name may be used only once over batch and service"))
    )

    priority_class_name: Annotated[str, Field(max_length=SUBDOMAIN_MAX, pattern=SUBDOMAIN_OR_EMPTY)] = ""
    """The priority class of all pods of the set; a template that names another is refused. Empty: each template says
    for itself."""
    batch: tuple[BatchEntry, ...] = Field(default=(), max_length=ENTRIES_MAX, json_schema_extra=list_map("name"))
    """The finite parts; a BatchFooSet is made for each. Removing an entry removes its BatchFooSet and its pods."""
    service: tuple[ServiceEntry, ...] = Field(default=(), max_length=ENTRIES_MAX, json_schema_extra=list_map("name"))
    """The long-running parts; a ServiceFooSet is made for each. Removing an entry removes its ServiceFooSet and its
    pods."""


PartKind = Literal[Kind.BATCHFOOSET, Kind.SERVICEFOOSET]


class ChildStatus(Model):
    """How far one part has got, in pods."""

    name: EntryName
    """Name of the entry in `spec.batch` or `spec.service`."""
    kind: PartKind
    """What was made for it."""
    desired: Count = 0
    """Pods that should complete (batch: completions) or run (service: replicas)."""
    created: Count = 0
    """Pods that exist and have not finished."""
    placed: Count = 0
    """Of those, pods that have a node."""
    ready: Count = 0
    """Of those, pods that are Ready."""
    succeeded: Count = 0
    """Indexes that have completed; always 0 for a service."""
    failed: Count = 0
    """Pods that failed."""
    placement_conflicts: Count = 0
    """Pods that their node's kubelet refused to run, and that were placed again."""


class FooSetStatus(Status):
    """What the controller has seen of the parts."""

    batch_ready: Annotated[str, Field(max_length=16)] = ""
    """Batch parts whose Ready condition is True, of all batch parts, such as "1/2"."""
    service_ready: Annotated[str, Field(max_length=16)] = ""
    """Service parts whose Ready condition is True, of all service parts, such as "1/2"."""
    children: tuple[ChildStatus, ...] = Field(default=(), max_length=CHILDREN_MAX, json_schema_extra=list_map("name"))
    """Counts of each part, copied from its BatchFooSet or ServiceFooSet. One that was removed from the spec stays until
    its object is gone."""


def _child_name_rule(entries: str) -> tuple[str, str]:
    fits = f"self.spec.{entries}.all(e, size(self.metadata.name) + 1 + size(e.name) <= {NAME_MAX})"
    joined = f"metadata.name and the name of each entry of spec.{entries}, joined by a dash,"
    return f"!has(self.spec.{entries}) || {fits}", f"{joined} may have at most {NAME_MAX} characters"


class FooSet(CustomResource):
    """An application of batch and service parts.

    Each part becomes a BatchFooSet or a ServiceFooSet, and each of those becomes pods. The whole way is one trace, and
    the cause of anything that is stuck is shown here.
    """

    model_config = ConfigDict(
        json_schema_extra=rules(*NAME_RULES, _child_name_rule("batch"), _child_name_rule("service"))
    )

    spec: FooSetSpec
    """The parts of the application."""
    status: FooSetStatus = FooSetStatus()
    """What the controller has seen. Written by the FooSet controller alone."""
