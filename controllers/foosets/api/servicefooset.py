"""ServiceFooSet: the long-running part of an application. Its fields have Deployment's names and meanings."""

from typing import Annotated, Final

from pydantic import ConfigDict, Field

from foosets.api.customresource import INT32_MAX, NAME_RULES, Count, CustomResource, Model, PodTemplate, rules
from foosets.api.status import Attempts, LastRejection, PodRequests, Rejections, ResourceVersion, Selector, Status

REPLICAS_MAX: Final = 10_000
"""Twice the nodes of the largest cluster that Kubernetes supports; a slot then has at most four digits."""


class ServiceFooSetSpec(Model):
    """What to keep running."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.template.spec.restartPolicy) || self.template.spec.restartPolicy == 'Always'",
                "template.spec.restartPolicy must be Always, as in a Deployment",
            )
        )
    )

    replicas: Annotated[int, Field(ge=0, le=REPLICAS_MAX)] = 1
    """How many pods should run. Each holds a slot, numbered from 0; scaling down removes the highest slots.
    `kubectl scale` and a HorizontalPodAutoscaler change it."""
    min_ready_seconds: Annotated[int, Field(ge=0, le=INT32_MAX)] = 0
    """Seconds for which a new pod must be Ready, without any of its containers crashing, to count as available."""
    template: PodTemplate
    """The pods to run: a PodTemplateSpec whose restartPolicy is Always. The pods wait for a scheduler: the one that
    schedulerName names, or the cluster's choice where it is left out. `kubectl explain pod.spec` describes the
    fields; those that are newer than this schema are pruned."""


class ServiceFooSetStatus(Status):
    """What the controller has seen of the set's pods."""

    replicas: Count = 0
    """Pods that exist, have not finished and are not being deleted."""
    placed_replicas: Count = 0
    """Pods that have a node."""
    ready_replicas: Count = 0
    """Pods that are Ready."""
    available_replicas: Count = 0
    """Pods that have been Ready for at least `spec.minReadySeconds`."""
    updated_replicas: Count = 0
    """Pods made from the current template."""
    attempts: Attempts = ()
    """Slots whose pod has been replaced, and how often; a slot that is not listed is at its first pod. Written before
    a replacement is created, and never falls."""
    attempts_resource_version: ResourceVersion = ""
    """The newest resourceVersion among the set's pods that was known when `attempts` last rose. Who has not seen the
    pods up to it waits: it may not know yet of one that has still to go."""
    placement_conflicts: Count = 0
    """Pods that their node's kubelet refused to run, such as OutOfcpu. They are deleted and placed again."""
    rejections: Rejections = ()
    """Slots whose pods were refused in the last 10 minutes, and how often in a row."""
    last_rejection: LastRejection | None = None
    """The newest of these refusals; absent without any."""
    pod_requests: PodRequests | None = None
    """What one pod takes, as the scheduler counts it: cpu in thousandths such as "250m", memory in bytes, others in
    pieces. Read from a dry run of the newest template that passed one, with what limit ranges and the runtime class
    add; absent before the first."""
    selector: Selector = ""
    """Label selector of the set's pods, for the scale subresource."""


class ServiceFooSet(CustomResource):
    """A long-running part of an application: pods that are kept running, and wait for a scheduler to place them.

    Made by a FooSet, or used alone.
    """

    model_config = ConfigDict(json_schema_extra=rules(*NAME_RULES))

    spec: ServiceFooSetSpec
    """What to keep running."""
    status: ServiceFooSetStatus = ServiceFooSetStatus()
    """What the controller has seen. Written by the ServiceFooSet controller alone."""
