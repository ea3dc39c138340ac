"""Random histories of a namespace with FooQuotas: sets come, grow, change, shrink and go, and controllers die.

A seed decides what happens, in what order components work, how late their caches are, and who dies when. A history is
played again by

    python -m tests.sequences.quotas --seed 17
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anyio

from e2e.bench import figures
from e2e.invariants.fitting import quantity, requests
from e2e.invariants.history import Violation, controller, has_ended
from foosets.api.meta import BATCHFOOSETS, FOOQUOTAS, FOOSETS, SERVICEFOOSETS, Key, Resource
from foosets.api.names import SET_UID, Component, Reason
from tests.e2e import manifests
from tests.sequences.cell import NAMESPACE, USER, Cell, Object, Played, RestlessError, play
from tests.sequences.lateness import explains
from tests.sequences.orders import Order
from tests.virtualtime import HangsError

EVENTS: Final = 14
PAUSES: Final = (0.0, 0.05, 0.5, 3.0)
"""Seconds between two events: within a moment, before and after caches have caught up, and when all has happened."""
GRACE_PERIODS: Final = (0.5, 0.5, 30.0)
"""Seconds that pods take to end: those of one history at once, or only when their grace period is over."""
DEATHS: Final = 0.01
"""How likely it is that something happens to a component at one of its writes."""
VERSIONS_MAX: Final = 4000
SETS: Final = (FOOSETS, BATCHFOOSETS, SERVICEFOOSETS)
NAMES: Final = ("a", "b", "c", "d")
CPUS: Final = ("250m", "500m", "1")
PODS: Final = "I15 Pod"
LATE: Final = "late: "
"""How a line begins that is about pods too many, where it is shown that who made some of them was late."""
LATE_IN_A_HUNDRED: Final = 1
"""How many histories may end so: watches are up to seconds behind each other here (`docs/quota.md`)."""


class Events:
    """What may happen next, drawn from one source of chance."""

    def __init__(self, cell: Cell, rng: random.Random) -> None:
        self._cell = cell
        self._rng = rng

    def begin(self) -> None:
        """Let there be a quota, and perhaps another."""
        self._quota("team", cpu=self._rng.choice(("2", "3", "4")))
        if self._rng.random() < 0.4:
            self._quota("heads", pods=self._rng.choice(("4", "6", "9")), memory="1Gi")

    def next(self) -> None:
        """Let something happen."""
        acts: list[tuple[Callable[[], None], int]] = [
            (self._come, 5),
            (self._scale_a_child, 3),
            (self._change, 4),
            (self._change_alone, 2),
            (self._go, 3),
            (self._lose_a_child, 1),
            (self._limit, 1),
        ]
        (act,) = self._rng.choices([one for one, _ in acts], [weight for _, weight in acts])
        act()

    # ---- events

    def _come(self) -> None:
        """A FooSet or a set of its own is made, if its name is free."""
        name, rng = self._rng.choice(NAMES), self._rng
        meta = {"name": name, "namespace": NAMESPACE}
        resource = rng.choice((FOOSETS, FOOSETS, BATCHFOOSETS, SERVICEFOOSETS))
        if any(self._cell.server.get(one, Key(NAMESPACE, name)) for one in SETS):
            return
        spec = {FOOSETS: self._parts, BATCHFOOSETS: self._batch, SERVICEFOOSETS: self._service}[resource]()
        self._cell.server.create(resource, {"metadata": meta, "spec": spec}, user=USER)

    def _scale_a_child(self) -> None:
        """An autoscaler, or a user, gives a service another count."""
        for service in self._some(SERVICEFOOSETS):
            self._patch(SERVICEFOOSETS, service, {"spec": {"replicas": self._rng.randint(0, 5)}})

    def _change(self) -> None:
        """The spec of a root becomes another: counts, sizes, parts."""
        for fooset in self._some(FOOSETS):
            self._patch(FOOSETS, fooset, {"spec": self._parts()})

    def _change_alone(self) -> None:
        """The template of a set without parent becomes another, and perhaps its count, too."""
        resource = self._rng.choice((BATCHFOOSETS, SERVICEFOOSETS))
        for one in self._some(resource, alone=True):
            wish = self._batch() if resource == BATCHFOOSETS else self._service()
            self._patch(resource, one, {"spec": wish if self._rng.random() < 0.5 else {"template": wish["template"]}})

    def _go(self) -> None:
        resource = self._rng.choice(SETS)
        for one in self._some(resource, alone=True):
            orphaned = "Orphan" if resource == FOOSETS else "Background"  # pods without a set are nobody's
            policy = self._rng.choice(("Background", "Background", "Foreground", orphaned))
            self._cell.server.delete(resource, _key(one), user=USER, propagationPolicy=policy)

    def _lose_a_child(self) -> None:
        resource = self._rng.choice((BATCHFOOSETS, SERVICEFOOSETS))
        for one in self._some(resource):
            self._cell.server.delete(resource, _key(one), user=USER, propagationPolicy="Background")

    def _limit(self) -> None:
        """A quota is changed, made or removed."""
        if self._cell.server.get(FOOQUOTAS, Key(NAMESPACE, "late")):
            self._cell.server.delete(FOOQUOTAS, Key(NAMESPACE, "late"), user=USER)
        elif self._rng.random() < 0.5:
            self._quota("late", cpu=self._rng.choice(("2", "3")), pods="6")
        else:
            hard = {"hard": {"cpu": self._rng.choice(("1", "2", "4"))}}
            self._cell.server.change(FOOQUOTAS, Key(NAMESPACE, "team"), {"spec": hard}, user=USER)

    # ---- objects

    def _quota(self, name: str, **hard: str) -> None:
        meta = {"name": name, "namespace": NAMESPACE}
        self._cell.server.create(FOOQUOTAS, {"metadata": meta, "spec": {"hard": hard}}, user=USER)

    def _parts(self) -> Object:
        rng = self._rng
        batch = {name: self._batch() for name in ("work", "more") if rng.random() < 0.5}
        service = {name: self._service() for name in ("web", "api") if rng.random() < 0.5}
        return manifests.fooset("", batch=batch, service=service)["spec"]

    def _batch(self) -> Object:
        """Return a batch of three, so that one which has completed never has anything left to do."""
        rng = self._rng
        spec = manifests.batch(3, cpu=rng.choice(CPUS), run_seconds=rng.choice(("1", "4", "60")))
        return spec | {"parallelism": rng.randint(0, 4)}

    def _service(self) -> Object:
        return manifests.service(self._rng.randint(0, 3), cpu=self._rng.choice(CPUS))

    def _some(self, resource: Resource, *, alone: bool = False) -> Iterator[Object]:
        """Yield one object of the resource, if there is any that stays; `alone` is one without parent."""
        found = [one for one in self._cell.server.all(resource) if "deletionTimestamp" not in one["metadata"]]
        roots = [one for one in found if not (alone and one["metadata"].get("ownerReferences"))]
        if roots:
            yield self._rng.choice(roots)

    def _patch(self, resource: Resource, one: Object, patch: Object) -> None:
        self._cell.server.change(resource, _key(one), patch, user=USER)


def _key(one: Any) -> Key:
    return Key(one["metadata"]["namespace"], one["metadata"]["name"])


def played(seed: int) -> Played:
    """Play a history."""
    order = Order(seed)
    chance, deaths = order.generator("history"), order.generator("deaths")

    async def story(cell: Cell) -> None:
        cell.versions_max = VERSIONS_MAX
        cell.kubelets.pace = replace(cell.kubelets.pace, end=chance.choice(GRACE_PERIODS))
        events = Events(cell, chance)
        events.begin()
        for _ in range(EVENTS):
            await anyio.sleep(chance.choice(PAUSES))
            events.next()

    def strike(_component: Component, _write: int, _when: str) -> bool:
        return deaths.random() < DEATHS / 3

    return play(story, order, strike)


def problems(seed: int) -> list[str]:
    """Play a history; return what does not hold, each in a line."""
    try:
        found = played(seed)
    except (HangsError, RestlessError) as error:
        return [str(error)]
    bugs = [f"{component} logged a bug" for component, kinds in found.failures.items() if "bug" in kinds]
    lines = [str(one) for one in found.violations() if _counts(one)]
    if any(line.startswith(PODS) for line in lines) and explains(found.history, found.arrivals, found.lag):
        lines = [f"{LATE}{line}" if line.startswith(PODS) else line for line in lines]
    return [*bugs, *_idle(found), *lines]


def faults(found: dict[int, list[str]], count: int) -> dict[int, list[str]]:
    """Return what is not to be among what so many histories came to: all but the few in which nobody was but late."""
    late = {seed for seed, lines in found.items() if all(line.startswith(LATE) for line in lines)}
    few = len(late) <= LATE_IN_A_HUNDRED * count // 100
    return {seed: lines for seed, lines in found.items() if not (few and seed in late)}


def _idle(found: Played) -> Iterator[str]:
    """Yield who holds more at rest than its pods take: there is room for all pods of these histories on the nodes.

    A FooSet that waits may hold what its children were told of which there is one that goes on; and all that it was
    given if a child's name is taken by another.
    """
    sets = {one["metadata"]["uid"]: one for resource in SETS for one in found.objects[resource.plural]}
    for quota in found.objects["fooquotas"]:
        status = quota.get("status", {})
        waiting = {one["uid"] for one in status.get("queue", ())}
        for entry in status.get("reservations", ()):
            root = sets.get(entry["uid"], {})
            if root.get("status", {}).get("blockedBy", {}).get("reason") == Reason.NAME_COLLISION:
                continue
            taken = [{**requests(pod), "pods": 1} for pod in found.objects["pods"] if _is_charged(pod, entry["uid"])]
            going_on = {one["metadata"]["name"] for one in sets.values() if _goes_on(one, root)}
            told = [one for one in entry["children"] if entry["uid"] in waiting and one["name"] in going_on]
            for name, held in entry["requests"].items():
                used = sum(pod.get(name, 0) for pod in taken)
                may_use = sum(one["count"] * quantity(one["podRequests"][name]) for one in told)
                if quantity(held) > max(used, may_use):
                    yield f"I15 FooQuota {quota['metadata']['name']}: {entry['name']} holds {name}={held}, uses {used}"


def _goes_on(one: Object, root: Object) -> bool:
    """Whether it is a child of the FooSet and has not come to its end."""
    ended = any(told["type"] in {"Complete", "Failed"} for told in one.get("status", {}).get("conditions", ()))
    return bool(root) and controller(one).get("uid") == root["metadata"]["uid"] and not ended


def _is_charged(pod: Object, root: str) -> bool:
    """Whether the pod has not ended and is one of the root's, or of a set that became a root when its parent went."""
    return not has_ended(pod) and root in {pod["metadata"]["labels"][SET_UID], controller(pod)["uid"]}


def _counts(violation: Violation) -> bool:
    """Whether it is judged. Who is seconds late makes children of a set that is gone, and the garbage collector takes
    them away, until he learns of it: that costs more than a bound for calmer times allows.
    """
    return violation.invariant != "I12"


BODY: Final = """\
Written by `make quotas`: {count:,} random histories of {events} events each, in virtual time, on the fake API server.
Sets are made, changed, scaled, deleted and orphaned, quotas are made, changed and removed, components die at their
writes, and watches are seconds late.

| what does not hold | histories |
|---|---|
{rows}
| anything else | {others} |
| **nothing: all holds** | **{good}** |

A history of one of the rows is played again by `python -m tests.sequences.quotas --seed N`: {seeds}."""
KINDS: Final = {
    "more is given than a limit allows, a set is charged twice, or something is held that nobody uses": "I15 FooQuota",
    "a pod was made by a count that had been taken back: its controller's watch was late (`docs/quota.md`)": LATE,
}


def written(found: dict[int, list[str]], count: int) -> Path:
    """Write down what so many histories came to; return the page."""
    rows, left = list[str](), dict(found)
    for what, start in KINDS.items():
        seeds = [seed for seed, lines in left.items() if all(line.startswith(start) for line in lines)]
        rows.append(f"| {what} | {len(seeds)} |")
        left = {seed: lines for seed, lines in left.items() if seed not in seeds}
    seeds = ", ".join(map(str, sorted(found))) or "none"
    body = BODY.format(
        count=count, events=EVENTS, rows="\n".join(rows), others=len(left), good=count - len(found), seeds=seeds
    )
    return figures.write("quotas", "Random histories under FooQuotas", body)


def main() -> int:
    """Play histories and tell of those in which something does not hold; many are written down."""
    parser = argparse.ArgumentParser(prog="python -m tests.sequences.quotas", description=main.__doc__)
    parser.add_argument("--seed", type=int, help="one history")
    parser.add_argument("--count", type=int, default=1000, help="so many, from 0 on")
    options = parser.parse_args()
    seeds = range(options.count) if options.seed is None else [options.seed]
    found: dict[int, list[str]] = {}
    for seed in seeds:
        lines = problems(seed)
        if lines:
            found[seed] = lines
        for line in lines:
            sys.stdout.write(f"{seed}: {line}\n")
    if options.seed is None:
        sys.stdout.write(f"{written(found, options.count)}\n")
    wrong = faults(found, len(seeds))
    sys.stdout.write(f"{len(seeds)} histories, {len(found)} with violations, {len(wrong)} with such as are not to be\n")
    return min(len(wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
