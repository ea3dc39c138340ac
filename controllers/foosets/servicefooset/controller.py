"""The service controller's shell: caches in, actions out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from foosets.api.fooquota import FooQuota
from foosets.api.meta import FOOQUOTAS, NAMESPACES, PODS, SERVICEFOOSETS, Key
from foosets.api.names import PLACED_BY_SCHEDULER, PLACEMENT, Component, Kind, Uid
from foosets.api.namespace import Namespace
from foosets.api.pod import Pod
from foosets.api.servicefooset import ServiceFooSet
from foosets.kube.codec import ModelCodec, StructCodec
from foosets.kube.errors import QuotaRefused
from foosets.kube.lists import Source
from foosets.placement.dryruns import Admitted, passed
from foosets.planning.actions import DryRun, Plan
from foosets.planning.allowance import Allowance
from foosets.planning.children import Owner, PodStencil
from foosets.planning.memberships import Memberships
from foosets.planning.obstacles import Obstacle
from foosets.planning.ownership import owner_of
from foosets.planning.reservations import Reservations
from foosets.planning.revision import template_revision
from foosets.planning.trace import Microseconds
from foosets.planning.unchanged import Unchanged
from foosets.runtime.manager import SWARM_SECONDS, Assembly, Enqueue, Watch
from foosets.runtime.settings import Assignment, Settings
from foosets.runtime.store import Store
from foosets.runtime.writers import Performed, Refused
from foosets.servicefooset.children import names_scheduler, stencil_of
from foosets.servicefooset.plan import plan
from foosets.servicefooset.state import Observed


@dataclass(frozen=True, slots=True)
class _Template:
    """What is computed once for a generation of the spec and the scheduler that its pods are given.

    `admitted` is what the template's dry run told, once it has passed; or what the template says itself, once it is
    `crowded`.
    """

    generation: int
    scheduler: str
    revision: str
    stencil: PodStencil
    admitted: Admitted | None = None
    crowded: bool = False


class ServiceRoom:
    """Caches, and what is computed once from them."""

    component = Component.SERVICEFOOSET

    def __init__(self, enqueue: Enqueue, settings: Settings, clock: Callable[[], Microseconds]) -> None:
        self._enqueue = enqueue
        self._settings = settings
        self._clock = clock
        self.services: Store[ServiceFooSet] = Store()
        self.pods: Store[Pod] = Store()
        self.quotas: Store[FooQuota] = Store()
        self.namespaces: Store[Namespace] = Store()
        self._members = Memberships(Kind.SERVICEFOOSET, self.services.get)
        self._reservations = Reservations()
        self._asked = Unchanged()
        self._templates: dict[Uid, _Template] = {}
        self.services.subscribe(self._on_service)
        self.pods.subscribe(self._on_pod)
        self.quotas.subscribe(self._on_quota)

    # ---- events

    def _on_service(self, before: ServiceFooSet | None, after: ServiceFooSet | None) -> None:
        if before is not None and (after is None or after.metadata.uid != before.metadata.uid):
            self._members.forget(before)
            self._templates.pop(before.metadata.uid, None)
            self._asked.forget(before.metadata.uid)
        changed = after or before
        if changed is not None:
            self._enqueue(changed.key)

    def _on_pod(self, before: Pod | None, after: Pod | None) -> None:
        owner = self._members.observe(before, after, self._clock() if self.pods.synced.is_set() else None)
        if owner is not None:
            self._enqueue(owner, SWARM_SECONDS)

    def _on_quota(self, before: FooQuota | None, after: FooQuota | None) -> None:
        for key in self._reservations.observe(before, after).among(self.services):
            self._enqueue(key)

    # ---- what the engine asks

    def generation(self, key: Key) -> int:
        """Return the spec's generation."""
        service = self.services.get(key)
        return service.metadata.generation if service is not None else 0

    def observe(self, key: Key, obstacle: Obstacle | None) -> Observed | None:
        """Return the set and its pods as the caches show them."""
        service = self.services.get(key)
        if service is None:
            return None
        template = self._template(service)
        owner, admitted = owner_of(SERVICEFOOSETS, service), template.admitted
        requests = admitted.requests if admitted is not None else None
        share = self._reservations.share_of(owner)
        asked_since = self._asked.since(owner.uid, (service.metadata.generation, requests, share), self._clock())
        taken = self._members.unfinished_before(owner)
        allowance = Allowance.of(share, service, asked_since, taken=taken)
        return Observed(
            service,
            self._members.of(owner),
            template.revision,
            template.stencil,
            obstacle,
            allowance,
            requests,
            crowded=template.crowded,
            names_scheduler=bool(template.scheduler) and not names_scheduler(service.spec.template),
        )

    def plan(self, seen: Observed, now: datetime) -> Plan:
        """Return the plan."""
        return plan(seen, now)

    def acted(self, plan: Plan, outcome: Performed) -> None:
        """Remember a template that passed its dry run, or cannot; what became of other actions is seen in the caches.

        It cannot where a quota has no room beside the old pods: they would wait for the dry run, and it for them.
        """
        for owner, admitted in passed(plan, outcome):
            self._admit(owner, admitted)
        for refused in outcome.refused:
            match refused:
                case Refused(DryRun(owner=owner, body=body), QuotaRefused()) if self._has_older_pods(owner):
                    self._admit(owner, Admitted.of(body, b""), crowded=True)
                case _:
                    pass

    def all_keys(self) -> Iterable[Key]:
        """Return all sets."""
        return [row.key for row in self.services]

    def presumes(self, key: Key, /) -> int:
        """Return the newest version of a pod that whoever last raised the attempts had seen."""
        service = self.services.get(key)
        return int(service.status.attempts_resource_version or 0) if service is not None else 0

    def forget(self, key: Key) -> None:
        """Nothing to drop: what is remembered of a set goes with its row."""

    # ---- templates

    def _template(self, service: ServiceFooSet) -> _Template:
        """Return the set's template; with the same pods in it as before, what is known of them is kept."""
        meta, scheduler = service.metadata, self._scheduler(service.metadata.namespace)
        known = self._templates.get(meta.uid)
        if known is not None and (known.generation, known.scheduler) == (meta.generation, scheduler):
            return known
        revision = template_revision(service.spec.template)
        same = known is not None and (known.revision, known.scheduler) == (revision, scheduler)
        made = _Template(meta.generation, scheduler, revision, stencil_of(service, revision, scheduler))
        if known is not None and same:
            made = replace(made, admitted=known.admitted, crowded=known.crowded)
        self._templates[meta.uid] = made
        return made

    def _has_older_pods(self, owner: Owner) -> bool:
        """Whether active pods of a set are of another template than its current one."""
        template = self._templates.get(owner.uid)
        live = self._members.of(owner).live.values()
        return template is not None and any(pod.active and pod.revision != template.revision for pod in live)

    def _admit(self, owner: Owner, admitted: Admitted, *, crowded: bool = False) -> None:
        """Remember what is known of a set's template, unless the set is gone, and look at the set again."""
        template = self._templates.get(owner.uid)
        if template is not None:
            self._templates[owner.uid] = replace(template, admitted=admitted, crowded=crowded)
            self._enqueue(Key(owner.namespace, owner.name))

    def _scheduler(self, namespace: str) -> str:
        """Return the scheduler that this controller writes where the user named none; "" where admission does it."""
        if self._settings.scheduler_assignment is Assignment.POLICY:
            return ""
        row = self.namespaces.get(Key("", namespace))
        return (row.scheduler_name if row is not None else "") or self._settings.scheduler_name


def assemble(enqueue: Enqueue, settings: Settings, clock: Callable[[], Microseconds]) -> Assembly:
    """Put the room and its watches together; namespaces are read only where this controller names schedulers."""
    room = ServiceRoom(enqueue, settings, clock)
    ours = f"{PLACEMENT}={PLACED_BY_SCHEDULER}"
    watches = [
        Watch(Source(SERVICEFOOSETS, ModelCodec(ServiceFooSet)), room.services),
        Watch(Source(PODS, StructCodec(Pod), label_selector=ours), room.pods),
        Watch(Source(FOOQUOTAS, ModelCodec(FooQuota)), room.quotas),
    ]
    if settings.scheduler_assignment is Assignment.CONTROLLER:
        watches.append(Watch(Source(NAMESPACES, StructCodec(Namespace)), room.namespaces, awaited=False))
    return Assembly(room, watches)
