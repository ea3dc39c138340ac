"""Namespaces as the plan sees them, and what comes of planning them until nothing is left to write."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from foosets.api.fooquota import FooQuota, FooQuotaStatus, RootKind
from foosets.api.names import Kind, Uid
from foosets.fooquota.plan import plan
from foosets.fooquota.state import Demand, Live, Observed, Part, Root
from foosets.planning.amounts import parsed
from tests.builders import NOW, SECOND_OF_NOW, metadata

CREATED = NOW - timedelta(hours=1)
ROUNDS_MAX = 20


def quota(name: str = "team", *, status: Mapping[str, Any] | None = None, **hard: str) -> FooQuota:
    """A quota of these limits."""
    raw = {"metadata": metadata(name), "spec": {"hard": hard}, "status": status or {}}
    return FooQuota.model_validate(raw)


def held(name: str, count: int, generation: int = 1, **size: str) -> dict[str, Any]:
    """The reservation of a set without parent."""
    requests = {key: str(count * value) + ("m" if key == "cpu" else "") for key, value in parsed(size).items()}
    child = {"name": name, "count": count, "podRequests": size}
    return {
        "uid": f"uid-{name}",
        "kind": "ServiceFooSet",
        "name": name,
        "generation": generation,
        "since": SECOND_OF_NOW,
        "requests": requests,
        "children": [child],
    }


def part(name: str, want: int, *, acknowledged: bool = True, waits: bool = False, **size: str) -> Part:
    """A part whose pods take so much each, and count as one."""
    return Part(name, want, parsed({**size, "pods": "1"}), acknowledged=acknowledged, waits=waits)


def root(
    name: str, *parts: Part, live: Mapping[str, Live] | None = None, kind: RootKind = Kind.FOOSET, **changes: Any
) -> Root:
    """A root that was made an hour ago."""
    demand = Demand(Uid(f"uid-{name}"), kind, name, generation=1, created=CREATED, parts=parts)
    return Root(replace(demand, **changes), live or {})


def alone(name: str, want: int, *, live: int = 0, generation: int = 1, **size: str) -> Root:
    """A ServiceFooSet without parent, with pods of its size."""
    running = {name: pods(live, **size)} if live else {}
    own = part(name, want, acknowledged=True, waits=True, **size)
    return root(name, own, live=running, kind=Kind.SERVICEFOOSET, generation=generation)


def pods(count: int, **size: str) -> Live:
    """Unfinished pods of one size."""
    return Live(count, {key: count * value for key, value in parsed({**size, "pods": "1"}).items()})


def written(seen: Observed, at: datetime = NOW) -> Observed | None:
    """Return the namespace after one look; None if it writes nothing."""
    status = plan(seen, at).status
    if status is None:
        return None
    changed = FooQuotaStatus.model_validate_json(status.status)
    quotas = tuple(
        one.model_copy(update={"status": changed}) if one.metadata.name == status.name else one for one in seen.quotas
    )
    return replace(seen, quotas=quotas)


def settled(seen: Observed, at: datetime = NOW) -> Observed:
    """Return the namespace when nothing is left to write."""
    for _ in range(ROUNDS_MAX):
        after = written(seen, at)
        if after is None:
            return seen
        seen = after
    raise AssertionError("it never comes to rest")


def then(seen: Observed, *roots: Root) -> Observed:
    """Return the namespace with other roots, settled."""
    return settled(replace(seen, roots=roots))


def status(seen: Observed, name: str = "team") -> FooQuotaStatus:
    """Return the status of one quota."""
    return next(one.status for one in seen.quotas if one.metadata.name == name)


def counts(seen: Observed, name: str = "team") -> dict[str, dict[str, int]]:
    """Return how many pods each part of each root may have."""
    return {
        entry.name: {child.name: child.count for child in entry.children} for entry in status(seen, name).reservations
    }


def requests(seen: Observed, name: str = "team") -> dict[str, dict[str, str]]:
    """Return what each root has been given."""
    return {entry.name: entry.requests for entry in status(seen, name).reservations}


def waiting(seen: Observed, name: str = "team") -> dict[str, str]:
    """Return who waits, in line, and what is said about it."""
    return {entry.name: entry.message for entry in status(seen, name).queue}
