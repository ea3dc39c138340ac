"""Variants of our own code that are wrong in a way that somebody could have written, and what must notice each.

A variant is a few replacements in the package; one whose text is not there any more cannot be made, which is an error.
`evidence` is the beginning of a line that at least one of its cases has to end in: the invariant, or the difference.
"""

from dataclasses import dataclass
from typing import Final

from tests.sequences.case import Case, Kill
from tests.sequences.orders import Order


@dataclass(frozen=True, slots=True)
class Change:
    """The text that stands once in a file of the package, and what stands there instead."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Variant:
    """One mistake."""

    name: str
    changes: tuple[Change, ...]
    cases: tuple[Case, ...]
    evidence: str


def _killed(story: str, kill: str) -> Case:
    return Case(story, kill=Kill.parse(kill))


VARIANTS: Final = (
    Variant(
        "the server chooses the pods' names",
        (Change("planning/children.py", '"metadata":{"name":"%b",%b,', '"metadata":{"generateName":"%b-",%b,'),),
        (Case("failing_batch", kill=Kill.parse("batchfooset:3:lost"), late="pods"),),
        "work differ in ('create', 'pods')",
    ),
    Variant(
        "a deletion goes by name alone",
        (Change("kube/client.py", 'preconditions = {"uid": uid} |', "preconditions: dict[str, str] = {} |"),),
        (Case("scale_down"),),
        "I9",
    ),
    Variant(
        "a creation without an answer is sent again, without a look",
        (
            Change(
                "runtime/apply.py",
                "            if not (refusal.ambiguous or isinstance(refusal, AlreadyExists)):\n                raise\n"
                "            body = await self._found(action, refusal)",
                "            if not refusal.ambiguous:\n                raise\n"
                "            body = await self._client.create(action.resource, action.namespace, action.body)",
            ),
        ),
        (_killed("first_rollout", "batchfooset:3:lost"),),
        "the creation of pods",
    ),
    Variant(
        "failures are counted by adding one",
        (
            Change(
                "batchfooset/status.py",
                "sum(1 for index, attempt in seen.pods.failures.items() if attempt >= recorded[index])",
                "len(seen.pods.failures)",
            ),
        ),
        (Case("failing_batch"),),
        "no rest",
    ),
    Variant(
        "the first list may come from a cache",
        (
            Change(
                "kube/lists.py",
                'return self._path(limit=str(PAGE_SIZE), **{"continue": continue_token})',
                'return self._path(resourceVersion="0", limit=str(PAGE_SIZE))',
            ),
        ),
        (Case("first_rollout", kill=Kill.parse("batchfooset:5:after"), late="pods"),),
        "the creation of pods",
    ),
    Variant(
        "what has the name is taken for one's own",
        (
            Change(
                "fooset/status.py",
                "            elif not seen.owns(child):",
                "            elif child.metadata.uid == '':",
            ),
        ),
        (Case("name_taken"),),
        "I9",
    ),
    Variant(
        "waiting for a cache ends after a time, with the cache as it is",
        (
            Change(
                "runtime/controller.py",
                "            self._engine.relist(behind)\n",
                "            self._engine.expectations.forget(key)\n            return False\n",
            ),
        ),
        (Case("flapping", late="pods"),),
        "the creation of pods",
    ),
    Variant(
        "status tells of what is only intended",
        (
            Change(
                "runtime/controller.py",
                "        outcome = await engine.writers.perform(key, plan.actions, ",
                "        await self._report(key, plan)\n"
                "        outcome = await engine.writers.perform(key, plan.actions, ",
            ),
            Change(
                "servicefooset/plan.py",
                "wanted = _wanted(seen, account, resting) if pause is None else ()",
                "wanted = _wanted(seen, account, resting) if not (pause or service.status.updated_replicas) else ()",
            ),
            Change(
                "servicefooset/status.py",
                "        updated_replicas=account.updated,",
                "        updated_replicas=seen.service.spec.replicas,",
            ),
        ),
        (Case("first_rollout"), *(_killed("first_rollout", f"servicefooset:{write}:after") for write in (1, 2, 3, 4))),
        "I1 ",
    ),
    Variant(
        "a conflict is tried again at once, and again",
        (
            Change(
                "runtime/loop.py",
                "            return self._backoff.failed(key, CONFLICT_SECONDS)",
                "            return CONFLICT_SECONDS",
            ),
        ),
        (Case("flapping", Order(2)), Case("flapping", Order(10))),
        "I12",
    ),
    Variant(
        "a quota gives without looking at what others hold",
        (Change("fooquota/plan.py", "            left = minus(left, grant.requests)\n", ""),),
        (Case("quota_granted"),),
        "I15 FooQuota",
    ),
    Variant(
        "what has something grows by the limits of the oldest quota alone",
        (
            Change(
                "fooquota/plan.py",
                "            left = _advance(account, left, decision)\n",
                "            oldest = limits if account.root.demand.uid not in stored else _limits(quotas[:1])\n"
                "            room = {name: value if name in oldest else 10**15 for name, value in left.items()}\n"
                "            left = _advance(account, room, decision)\n",
            ),
        ),
        (Case("quota_of_two"),),
        "I15 FooQuota",
    ),
    Variant(
        "a part gets what another has not given up yet",
        (
            Change(
                "fooquota/plan.py",
                "        return min(self.part.want, *most, self.part.want)",
                "        return self.part.want if most else 0",
            ),
        ),
        (Case("quota_shifted"),),
        "I15 Pod",
    ),
    Variant(
        "a reservation goes with the set's object, not with its pods",
        (
            Change(
                "fooquota/plan.py",
                "        if account.has_something and",
                "        if account.root.demand.staying and account.has_something and",
            ),
        ),
        (Case("quota_granted"),),
        "I15 Pod",
    ),
)
