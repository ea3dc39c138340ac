"""The stories that sequences play: each a small thing that a user or a cluster does, from rest to rest."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from foosets.api import names
from foosets.api.meta import BATCHFOOSETS, NODES, PODS, SERVICEFOOSETS, Key
from tests.e2e import manifests
from tests.sequences.cell import APP, NAMESPACE, USER, Cell, Story

IMAGE: Final = "busybox:1.38"
HOURS: Final = "99999"
"""Seconds that a batch's pods run: past the end of every story."""
GRACE_SECONDS: Final = 30.0
"""How long pods may take to end, by Kubernetes' default."""


def app() -> manifests.Manifest:
    """Three pods to completion, two that stay."""
    return manifests.small(APP)


async def _up(cell: Cell) -> None:
    cell.apply(app())
    await cell.rest()
    cell.mark()


async def first_rollout(cell: Cell) -> None:
    """A FooSet of a batch and a service part is applied."""
    cell.apply(app())


async def scale_up(cell: Cell) -> None:
    """The service part goes from two replicas to four."""
    await _up(cell)
    cell.edit(service_with(replicas=4))


async def scale_down(cell: Cell) -> None:
    """The service part goes from two replicas to one."""
    await _up(cell)
    cell.edit(service_with(replicas=1))


async def template_change(cell: Cell) -> None:
    """The service part gets another image."""
    await _up(cell)

    def change(spec: Any) -> None:
        (entry,) = spec["service"]
        entry["template"]["spec"]["template"]["spec"]["containers"][0]["image"] = IMAGE

    cell.edit(change)


async def child_removed(cell: Cell) -> None:
    """The service part is taken out."""
    await _up(cell)
    cell.edit(lambda spec: spec.update(service=[]))


async def delete(cell: Cell) -> None:
    """The FooSet is deleted."""
    await _up(cell)
    cell.delete()


async def eviction(cell: Cell) -> None:
    """A node gets a taint that chases a service pod from it."""
    await _up(cell)
    pods = [pod for pod in cell.server.all(PODS, NAMESPACE) if pod["metadata"]["labels"][names.CHILD] == "server"]
    taint = {"key": "maintenance", "effect": "NoExecute"}
    key = Key("", pods[0]["spec"]["nodeName"])
    cell.server.change(NODES, key, {"spec": {"taints": [taint]}}, user="admin")


async def failing_batch(cell: Cell) -> None:
    """A batch part whose pod fails is tried again, as often as it may be."""
    workers = manifests.batch(1)
    workers["backoffLimit"] = 2
    workers["template"]["metadata"]["annotations"] |= {names.FATE: "exit"}
    cell.apply(manifests.fooset(APP, batch={"workers": workers}))


async def name_taken(cell: Cell) -> None:
    """Another's BatchFooSet has the name of the batch part's."""
    spec = {**manifests.batch(1), "parallelism": 0}
    found = {"metadata": {"name": f"{APP}-workers", "namespace": NAMESPACE}, "spec": spec}
    cell.server.create(BATCHFOOSETS, found, user="somebody")
    await cell.rest()
    cell.mark()
    cell.apply(app())


async def crowded(cell: Cell) -> None:
    """The service part asks for more than all nodes have."""
    cell.apply(manifests.fooset(APP, service={"server": manifests.service(8, cpu="1")}))


async def flapping(cell: Cell) -> None:
    """A user changes his mind again and again, without waiting."""
    await _up(cell)
    for replicas in (5, 1, 4, 0, 3):
        cell.edit(service_with(replicas=replicas))
        await cell.is_quiet(0.1)


async def quota_granted(cell: Cell) -> None:
    """A set waits for its reservation until another has gone, with its last pod."""
    cell.limit(cpu="600m")
    await _up(cell)
    cell.apply(manifests.fooset("next", service={"server": manifests.service(5)}))
    await cell.rest()
    cell.delete()


async def quota_refused(cell: Cell) -> None:
    """The service part gets a template that the quota has no room for, and goes on with the old one."""
    cell.limit(cpu="600m")
    await _up(cell)
    cell.edit(service_with(template=manifests.pods(cpu="400m")))


async def quota_scaled(cell: Cell) -> None:
    """An autoscaler gives the service part more replicas than the quota has room for."""
    cell.limit(cpu="600m")
    await _up(cell)
    cell.server.change(SERVICEFOOSETS, Key(NAMESPACE, f"{APP}-server"), {"spec": {"replicas": 9}}, user="autoscaler")


async def quota_of_two(cell: Cell) -> None:
    """The service part wants more replicas than the second of two quotas has room for; the first has plenty."""
    cell.limit("cores", cpu="2")
    cell.limit("heads", pods="6")
    await _up(cell)
    cell.edit(service_with(replicas=7))


async def quota_shifted(cell: Cell) -> None:
    """The service part is taken out and another comes in its place, with no room for both."""
    cell.limit(pods="3")
    cell.apply(manifests.fooset(APP, service={"server": manifests.service(3)}))
    await cell.rest()
    cell.mark()
    spec = manifests.fooset(APP, service={"front": manifests.service(3)})["spec"]
    cell.edit(lambda old: old.update(spec))


async def quota_children_lost(cell: Cell) -> None:
    """A user deletes one child, later the other; each is made anew at once, and has pods when those of the old go."""
    cell.limit(pods="4")
    batch = {"workers": manifests.batch(2, run_seconds=HOURS)}
    cell.apply(manifests.fooset(APP, batch=batch, service={"server": manifests.service(2)}))
    await cell.rest()
    cell.mark()
    cell.kubelets.pace = replace(cell.kubelets.pace, end=GRACE_SECONDS)
    for resource, part in ((BATCHFOOSETS, "workers"), (SERVICEFOOSETS, "server")):
        cell.server.delete(resource, Key(NAMESPACE, f"{APP}-{part}"), user=USER, propagationPolicy="Background")
        await cell.rest()


def service_with(**changes: Any) -> Callable[[Any], None]:
    """Return a change of the service part's spec."""

    def change(spec: Any) -> None:
        (entry,) = spec["service"]
        entry["template"]["spec"].update(changes)

    return change


STORIES: Final[dict[str, Story]] = {
    story.__name__: story
    for story in (
        first_rollout,
        scale_up,
        scale_down,
        template_change,
        child_removed,
        delete,
        eviction,
        failing_batch,
        name_taken,
        crowded,
        flapping,
        quota_granted,
        quota_refused,
        quota_scaled,
        quota_of_two,
        quota_shifted,
        quota_children_lost,
    )
}
CONTESTED: Final = frozenset({flapping.__name__, crowded.__name__})
"""Stories whose end depends on who was quick: only the invariants judge them."""
TAKEN_AWAY: Final = frozenset({eviction.__name__, scale_down.__name__, template_change.__name__})
"""Stories in which pods go that are needed no more, or again."""
