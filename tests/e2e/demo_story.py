"""The demo's story, as the objects, the audit log and Jaeger tell it: the same wherever it is told."""

import logging
from collections import Counter
from datetime import datetime

from e2e.audit import Write, identity, most_in_a_second
from e2e.demo import EXAMPLE
from foosets.api import names
from tests.e2e.story import Story, condition, is_true

logger = logging.getLogger(__name__)

WORKERS, SERVERS = 20, 5
FOOSET, BATCH, SERVICE, SCHEDULER = map(identity, ("fooset", "batchfooset", "servicefooset", "scheduler"))
COUNTS = ("name", "desired", "created", "placed", "ready", "succeeded", "failed")
STATUS_WRITES_A_SECOND = 5


def tell(story: Story) -> None:
    """Apply the demo's set and check everything that it comes to."""
    story.kubectl("apply", "--filename", str(EXAMPLE))
    fooset = story.settle("demo")
    family = story.family("demo")
    (batch,), (service,) = family.batches, family.services
    assert is_true(batch, "Complete")
    assert is_true(service, "Ready")
    assert is_true(fooset, "Ready")
    assert [condition(fooset, kind)["status"] for kind in ("Complete", "Failed", "Stalled")] == [
        "absent",
        "absent",
        "False",
    ]
    assert Counter(pod["status"]["phase"] for pod in family.pods) == {"Succeeded": WORKERS, "Running": SERVERS}

    counts = [[part[key] for key in COUNTS] for part in fooset["status"]["children"]]
    assert counts == [["workers", WORKERS, 0, 0, 0, WORKERS, 0], ["server", SERVERS, SERVERS, SERVERS, SERVERS, 0, 0]]

    writes = story.writes()
    assert created_by(writes, "pods") == {BATCH: WORKERS, SERVICE: SERVERS}
    assert created_by(writes, "pods/binding") == {SCHEDULER: SERVERS}
    creates = [write for write in writes if (write.verb, write.resource) == ("create", "pods")]
    assert all(bool(write.body["spec"].get("nodeName")) == (write.user == BATCH) for write in creates)
    assert len({write.name for write in creates}) == WORKERS + SERVERS
    servers = family.pods_of(service)
    assert {pod["spec"]["schedulerName"] for pod in servers} == {names.DEFAULT_SCHEDULER}
    assert {pod["metadata"]["annotations"][names.SCHEDULER_ASSIGNED_BY] for pod in servers} == {
        names.ASSIGNED_BY_POLICY
    }
    logger.info(cost(story.our_writes(), {batch["metadata"]["name"]: 1, service["metadata"]["name"]: 2}))


def created_by(writes: list[Write], resource: str) -> Counter[str]:
    """Who asked for how many of a resource, granted or not."""
    return Counter(write.user for write in writes if (write.verb, write.resource) == ("create", resource))


def cost(ours: list[Write], a_pod: dict[str, int]) -> str:
    """Check what was paid for each pod and for status; return the total in words. Refused requests count as well."""
    on_pods = Counter(write.name for write in ours if write.resource.startswith("pods"))
    for child, price in a_pod.items():
        assert {count for name, count in on_pods.items() if name.startswith(f"{child}-")} == {price}
    statuses: dict[tuple[str, str], list[datetime]] = {}
    for write in ours:
        if write.resource.endswith("/status"):
            statuses.setdefault((write.resource, write.name), []).append(write.at)
    assert all(most_in_a_second(times) <= STATUS_WRITES_A_SECOND for times in statuses.values()), statuses
    total = Counter(f"{write.verb} {write.resource}" for write in ours)
    assert all(write.succeeded for write in ours), [write for write in ours if not write.succeeded]
    return f"{total.total()} writes: {dict(total)}"
