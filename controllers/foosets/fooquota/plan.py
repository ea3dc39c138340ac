"""Who is given what: all sets of a namespace against all its quotas, in one look.

A root is charged with whatever is larger, what it wants or what it holds, once, whatever its parts do. It holds its
unfinished pods, and those that a part was told it may have and may be about to make: who has acknowledged a smaller
wish makes no more than that. So a set that shrinks gives back at once what nobody uses, and the rest pod by pod. One
whose newer wish does not fit goes on with what it holds, and gives back what nobody can make use of meanwhile.

Example: `cpu: 10`, where `a` holds 6. `b` asks for 5 and waits, `c` asks for 4 and is given them. When `a` is gone, `b`
is given its 5. Then `c` is changed to take 6: it keeps what it has, at its old generation, and waits for the new one.
Had an autoscaler asked for 6 pods of size 1, it would have got 5.

Quotas are written one in a look, the oldest first, and what stands in some of them alone is completed before anybody
else is served. Nothing is granted in a newer one that the oldest does not have, so that two controllers that should not
run at once collide there, in the version that they write.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from foosets.api.fooquota import FooQuota
from foosets.api.meta import FOOQUOTAS
from foosets.api.names import Kind
from foosets.fooquota.state import Demand, Grant, Live, Observed, Part, Root, Told, stored_grants
from foosets.fooquota.status import Decision, Wait, report
from foosets.planning.actions import Plan
from foosets.planning.amounts import NOTHING, Amounts, exceeding, larger, minus, only, parsed, smaller, times, total
from foosets.planning.reports import status_write


def plan(seen: Observed, now: datetime) -> Plan:
    """Return the status of the oldest quota that does not say yet what is decided."""
    if not seen.complete:
        return Plan()  # what is not known yet may hold something
    quotas = sorted(seen.quotas, key=lambda quota: (quota.metadata.creation_timestamp, quota.metadata.name))
    decision = decide(seen, quotas)
    for quota in quotas:
        write = status_write(FOOQUOTAS, quota, quota.status, report(quota, decision, now))
        if write is not None:
            return Plan(status=write)
    return Plan()


def decide(seen: Observed, quotas: Sequence[FooQuota]) -> Decision:
    """Return what each root is given and who waits: first what all have, then what they want beside it, in line."""
    limits = _limits(quotas)
    stored = stored_grants(quotas)
    accounts = [_Account.of(root, stored.get(root.demand.uid), limits) for root in seen.roots if not root.is_over]
    decision, left = Decision(seen.roots), limits
    for account in sorted(accounts, key=lambda one: one.root.demand.uid not in stored):
        demand = account.root.demand
        if account.has_something and (demand.uid in stored or not decision.is_full):
            grant = account.settled or account.kept
            decision.give(demand, grant)
            left = minus(left, grant.requests)
    half = {uid for uid, grant in stored.items() if grant.half}
    for account in sorted(accounts, key=lambda one: (one.root.demand.uid not in half, _rank(one.root, seen))):
        if account.root.demand.staying and (account.settled is None or account.root.demand.uid not in decision.grants):
            left = _advance(account, left, decision)
    told = {wait.demand.uid for wait in decision.waits}
    decision.waits.extend(_shifts(decision, (one.root.demand for one in accounts if one.root.demand.uid not in told)))
    return decision


def _limits(quotas: Iterable[FooQuota]) -> Amounts:
    """Return the tightest limit of each resource."""
    limits: dict[str, int] = {}
    for quota in quotas:
        for name, value in parsed(quota.spec.hard).items():
            limits[name] = min(value, limits.get(name, value))
    return limits


def _rank(root: Root, seen: Observed) -> tuple[object, ...]:
    """Return the place in line: by priority, for which the lowest of its pods counts, then by age."""
    demand = root.demand
    values = [seen.priorities.get(name, seen.default_priority) for name in demand.classes]
    return (-min(values, default=seen.default_priority), demand.created, demand.name, demand.kind, demand.uid)


def _advance(account: "_Account", left: Amounts, decision: Decision) -> Amounts:
    """Decide about one root that wants more than it has; return what is left then."""
    demand, had = account.root.demand, decision.grants.get(account.root.demand.uid)
    crowded = had is None and decision.is_full
    charged, room = had.requests if had is not None else NOTHING, larger(left, NOTHING)
    fits = not (demand.invalid or crowded or exceeding(minus(account.needs, charged), room))
    grant = account.granting(account.needs) if fits else account.fallback(room) if had is not None else None
    if grant is not None:
        decision.give(demand, grant)
    given = grant.requests if grant is not None else NOTHING
    if not fits:
        decision.waits.append(Wait(demand, minus(account.needs, given), crowded=crowded))
    return minus(left, minus(given, charged))


def _shifts(decision: Decision, demands: Iterable[Demand]) -> Iterator[Wait]:
    """Yield the roots that have all that they want, and not yet where they want it: other pods have to go first."""
    for demand in demands:
        grant = decision.grants.get(demand.uid)
        if grant is not None:
            short = tuple(part.name for part in demand.parts if grant.parts[part.name].count < part.want)
            if short:
                yield Wait(demand, NOTHING, short=short)


# ---- what one root has, holds and wants


@dataclass(frozen=True, slots=True)
class _Claim:
    """One part: what is wanted of it, what it was told it may have, and what it may come to hold by that.

    `having` is what it has so far, resource by resource, as numbers of pods and what these take: its unfinished pods,
    and those that it was told of and may be about to make. More of them will be of the size that is wanted now.
    `kept` is what it was told, without the pods that it makes no more.
    """

    part: Part
    told: Told
    kept: Told
    held: Amounts
    having: tuple[tuple[Amounts, Amounts], ...]

    @classmethod
    def of(cls, part: Part, told: Told, live: Live, *, stuck: bool) -> "_Claim":
        """Return the claim of a part with such unfinished pods. One that is `stuck` makes no more of them."""
        most = 0 if stuck else part.want if part.acknowledged else told.count
        promised = {name: min(most, told.of(name)) for name in told.size}
        having = tuple(
            (counts, {name: count * told.size[name] for name, count in counts.items()})
            for counts in (dict.fromkeys(told.size, 0), promised, dict.fromkeys(told.size, part.reported))
        )
        having = (*having, (dict.fromkeys(live.amounts, live.count), live.amounts))
        fewer = max(live.count, part.reported) if stuck else most
        kept = told.at_most(fewer) if part.acknowledged else told
        return cls(part, told, kept, reduce(larger, (amounts for _, amounts in having)), having)

    def keeping(self) -> Amounts:
        """Return the most that its pods may take, should it be told nothing else."""
        most = self.kept
        return {
            name: max(amounts[name] + max(0, most.of(name) - counts[name]) * value for counts, amounts in self.having)
            for name, value in most.size.items()
        }

    @property
    def is_larger(self) -> bool:
        """Whether its controller asks for pods of a size that it was not told."""
        return self.part.acknowledged and self.part.want > 0 and bool(exceeding(self.part.size, self.told.size))

    def affordable(self, beside: Amounts) -> int:
        """Return how many pods of those that it wants it may have, with so much beside what it holds."""
        limit = {name: self.held[name] + max(0, beside[name]) for name in self.part.size}
        most = (
            counts[name] + max(0, limit[name] - amounts[name]) // value
            for name, value in self.part.size.items()
            for counts, amounts in self.having
            if value
        )
        return min(self.part.want, *most, self.part.want)

    def taking(self, count: int) -> Amounts:
        """Return the most that so many pods may take, some of them perhaps of another size."""
        return {
            name: max(amounts[name] + max(0, count - counts[name]) * value for counts, amounts in self.having)
            for name, value in self.part.size.items()
        }

    def growth(self, count: int) -> Amounts:
        """Return what so many pods may take beyond what it holds."""
        return minus(self.taking(count), self.held)

    def mixture(self) -> Amounts:
        """Return what all that it wants may take, because of another size, beyond that and what it holds."""
        want = self.part.want
        return minus(self.taking(want), larger(times(want, self.part.size), self.held))

    def telling(self, count: int) -> Told:
        """Return what it is told: no less than before, until nobody acts on an older wish any more.

        Until then it is told as before if the larger number of the larger pods took more than it is charged with. A
        number that only the first quota tells is none yet.
        """
        before = min(self.told.counts.values(), default=self.told.count)
        if self.part.acknowledged or not before:
            return Told(count, self.part.size)
        both = Told(max(count, before), larger(self.part.size, self.told.size))
        charged = larger(self.taking(count), self.held)
        return Told(before, self.told.size) if exceeding(both.promised(both.count), charged) else both


@dataclass(frozen=True, slots=True)
class _Account:
    """One root.

    `given` is what it has been given; where no quota knew of it yet, what its pods take. `kept` is what it keeps of
    that while what it wants does not fit. `holds` is what it may come to hold by what was given, `needs` what it is to
    be charged with.
    """

    root: Root
    claims: tuple[_Claim, ...]
    given: Grant
    kept: Grant
    holds: Amounts
    needs: Amounts
    has_something: bool

    @classmethod
    def of(cls, root: Root, stored: Grant | None, limits: Amounts) -> "_Account":
        """Return the account of a root, in the resources that are limited.

        A grant that was begun and not finished is none yet: nobody has acted upon it.
        """
        stored = None if stored is not None and stored.unfinished and not root.live else stored
        live = {name: Live(pods.count, only(pods.amounts, limits)) for name, pods in root.live.items()}
        running = only(total(pods.amounts for pods in live.values()), limits)
        parts = tuple(_parts(root, stored, limits))
        given = _running(root, running) if stored is None else _completed(stored, parts, running)
        claims = tuple(_claims(root, parts, given, live))
        holds = larger(running, smaller(total(claim.held for claim in claims), given.requests))
        keeps = larger(running, smaller(total(claim.keeping() for claim in claims), given.requests))
        kept = replace(given, requests=keeps, parts={**given.parts, **{one.part.name: one.kept for one in claims}})
        needs = larger(total(times(part.want, part.size) for part in parts), holds)
        if given.generation == root.demand.generation:
            needs = total([needs, *(claim.mixture() for claim in claims)])
        if not all(claim.part.acknowledged for claim in claims):
            needs = larger(needs, keeps)  # somebody may still act on what was given
        return cls(root, claims, given, kept, holds, needs, has_something=stored is not None or bool(root.live))

    @property
    def settled(self) -> Grant | None:
        """What it is given out of what it has, if it needs no more; None if it does, or nobody can tell."""
        if not self.has_something or self.root.demand.invalid or exceeding(self.needs, self.given.requests):
            return None
        return self.granting(self.needs)

    def granting(self, requests: Amounts) -> Grant:
        """Return these amounts, handed down to the parts: one gets what another wants no more as the pods go."""
        return self._handed_down(requests)[0]

    def fallback(self, room: Amounts) -> Grant:
        """Return what it is given of so much, beside what it keeps, when what it needs does not fit.

        A size that was granted before, of which there shall be more, gets as far as there is room. Something new does
        not, and what was granted before goes on.
        """
        if self.root.demand.invalid or not self._is_growing():
            return replace(self.kept, kept=True)
        grant, unused = self._handed_down(total([self.kept.requests, room]))
        return Grant(grant.generation, minus(grant.requests, unused), grant.parts)

    def _is_growing(self) -> bool:
        """Whether more is wanted of what was granted. What a dry run tells before there are pods is new as well."""
        if self.given.generation != self.root.demand.generation:
            return _is_scaled(self.root, [claim.part for claim in self.claims], self.given)
        begun = bool(self.root.live) or any(claim.part.reported for claim in self.claims)
        return begun or not any(claim.is_larger for claim in self.claims)

    def _handed_down(self, requests: Amounts) -> tuple[Grant, Amounts]:
        """Return the grant of these amounts, and what of them no part has a use for."""
        beside = minus(requests, self.holds)
        parts: dict[str, Told] = {}
        for claim in self.claims:
            count = claim.affordable(beside)
            beside = minus(beside, claim.growth(count))
            parts[claim.part.name] = claim.telling(count)
        demand = self.root.demand
        generation = demand.generation if demand.staying else self.kept.generation
        return Grant(generation, requests, parts), beside


def _parts(root: Root, stored: Grant | None, limits: Amounts) -> Iterator[Part]:
    """Yield what the root asks for in the limited resources, and parts of which only pods or promises are left."""
    demand, left = root.demand, dict.fromkeys((*root.live, *(stored.parts if stored is not None else ())))
    for part in demand.parts:
        left.pop(part.name, None)
        heard = part.acknowledged and part.name not in root.unseen
        yield replace(part, size=only(part.size, limits), acknowledged=heard)
    for name in left:
        yield Part(name, 0, only(NOTHING, limits), demand.current and name not in root.unseen)


def _claims(root: Root, parts: Iterable[Part], given: Grant, live: Mapping[str, Live]) -> Iterator[_Claim]:
    """Yield the claim of each part, by what was given."""
    nothing = only(NOTHING, given.requests)
    untold, none = Told(0, nothing), Live(0, nothing)
    refused = given.generation < root.demand.generation and not _is_scaled(root, parts, given)
    for part in parts:
        told, pods = given.parts.get(part.name, untold), live.get(part.name, none)
        yield _Claim.of(part, told, pods, stuck=refused and part.waits and part.acknowledged)


def _is_scaled(root: Root, parts: Iterable[Part], given: Grant) -> bool:
    """Whether it is its count alone that has changed: that of a set without parent raises its generation."""
    told = given.parts
    return root.demand.kind != Kind.FOOSET and all(
        part.name in told and told[part.name].size == part.size for part in parts
    )


def _running(root: Root, running: Amounts) -> Grant:
    """Return what the pods take of a root that no quota knows of."""
    told = {name: Told(pods.count, only(NOTHING, running)) for name, pods in root.live.items()}
    return Grant(root.demand.generation, running, told)


def _completed(stored: Grant, parts: Iterable[Part], running: Amounts) -> Grant:
    """Return a grant in all limited resources, and with all that its pods take.

    What it has of a resource that no quota listed when it was given the rest is charged with what that takes now.
    """
    sizes = {part.name: part.size for part in parts}
    told = {
        name: Told(one.count, only({**sizes[name], **one.size}, running), one.counts)
        for name, one in stored.parts.items()
    }
    requests = {**total(one.promised(one.count) for one in told.values()), **stored.requests}
    return replace(stored, requests=larger(only(requests, running), running), parts=told)
