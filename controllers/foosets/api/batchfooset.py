"""BatchFooSet: the finite part of an application. Its fields have Job's names and meanings."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from foosets.api.customresource import INT32_MAX, NAME_RULES, Count, CustomResource, Model, PodTemplate, rules
from foosets.api.status import (
    Attempts,
    Indexes,
    LastRejection,
    PodRequests,
    Rejections,
    ResourceVersion,
    Selector,
    Status,
)

INDEX_LIMIT: Final = 100_000
"""Job's own limit for indexed work; the largest index then has five digits (see `customresource.NAME_MAX`)."""

PodCount = Annotated[int, Field(ge=0, le=INDEX_LIMIT)]


class Placement(Model):
    """How the controller chooses nodes."""

    strategy: Literal["Pack", "Spread"] = "Pack"
    """Pack fills nodes one after the other, so that whole nodes stay free. Spread takes the emptiest node first."""


class BatchFooSetSpec(Model):
    """What to run to completion."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.template.spec.restartPolicy) && self.template.spec.restartPolicy in ['Never', 'OnFailure']",
                "template.spec.restartPolicy must be Never or OnFailure, as in a Job",
            )
        )
    )

    parallelism: PodCount = 1
    """How many pods may run at any time. Fewer run when fewer completions are left. 0 stops new pods."""
    completions: PodCount = 1
    """How many indexes must complete, numbered from 0. Each index is run until one pod of it succeeds; its number is
    in the pod's environment as FOOSET_INDEX. Execution is at least once: a pod that succeeded and was deleted by
    another hand before the controller saw it is run again."""
    backoff_limit: Annotated[int, Field(ge=0, le=INT32_MAX)] = 6
    """How many pods may fail before the set is marked Failed. Pods lost to deletion or a node's end, and those that
    a kubelet refused to run, do not count."""
    placement: Placement = Placement()
    """How nodes are chosen. The controller places these pods itself: it sets nodeName when it creates them."""
    template: PodTemplate
    """The pods to run: a PodTemplateSpec whose restartPolicy is Never or OnFailure. `kubectl explain pod.spec`
    describes its fields; those that are newer than this schema are pruned."""


class BatchFooSetStatus(Status):
    """What the controller has seen of the set's pods."""

    active: Count = 0
    """Pods that exist, have not finished and are not being deleted."""
    ready: Count = 0
    """Active pods that are Ready."""
    succeeded: Count = 0
    """Indexes that have completed."""
    failed: Count = 0
    """Pods that failed. Compared with `spec.backoffLimit`."""
    completed_indexes: Indexes = ""
    """The indexes that have completed, in ranges such as "0,3-7"."""
    attempts: Attempts = ()
    """Indexes whose pod has been replaced, and how often; an index that is not listed is at its first pod. Written
    before a replacement is created, and never falls."""
    attempts_resource_version: ResourceVersion = ""
    """The newest resourceVersion among the set's pods that was known when `attempts` last rose. Who has not seen the
    pods up to it waits: it may not know yet of one that has still to go."""
    placement_conflicts: Count = 0
    """Pods that their node's kubelet refused to run, such as OutOfcpu. They are deleted and placed again; they are no
    failures."""
    rejections: Rejections = ()
    """Indexes whose pods were refused in the last 10 minutes, and how often in a row."""
    last_rejection: LastRejection | None = None
    """The newest of these refusals; absent without any."""
    pod_requests: PodRequests | None = None
    """What one pod takes, as the scheduler counts it: cpu in thousandths such as "250m", memory in bytes, others in
    pieces. Read from a dry run of the newest template that passed one, with what limit ranges and the runtime class
    add; absent before the first."""
    selector: Selector = ""
    """Label selector of the set's pods."""


class BatchFooSet(CustomResource):
    """A finite part of an application: pods that run to completion, on nodes that its controller chooses.

    Made by a FooSet, or used alone.
    """

    model_config = ConfigDict(json_schema_extra=rules(*NAME_RULES))

    spec: BatchFooSetSpec
    """What to run to completion."""
    status: BatchFooSetStatus = BatchFooSetStatus()
    """What the controller has seen. Written by the BatchFooSet controller alone."""
