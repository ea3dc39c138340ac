"""Two of every component work at once: twice the requests, and nothing is done twice.

One holds the lease, and the other asks for none, so that both lead: a Lease is no safety argument.
See docs/decisions/0010-a-lease-saves-work.md.
"""

import time
from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from e2e.audit import Write
from e2e.cluster.components import PORT
from e2e.cluster.local import LocalCluster
from e2e.cluster.ports import LOOPBACK, free_ports
from foosets.api import names
from tests.e2e import manifests
from tests.e2e.story import Story, is_true, label

pytestmark = [pytest.mark.cluster, pytest.mark.judged(replicas=2)]

COMPONENTS = [str(component) for component in names.Component]
QUIET_SECONDS = 5.0
REST_SECONDS = 1.0
"""For a twin to be refused what the other one has written already."""


@pytest.fixture(scope="module", autouse=True)
def twins(suite: LocalCluster) -> Iterator[None]:
    """A second process of each component, under the same ServiceAccount, while this module runs."""
    made = []
    for name, port in zip(COMPONENTS, free_ports(len(COMPONENTS)), strict=True):
        first = suite.component(name).program
        changes = {
            "name": f"{name}-twin",
            "environment": {**first.environment, PORT: str(port), "FOOSETS_LEASE": ""},
            "log": str(suite.state.log(f"{name}-twin")),
            "ready_url": f"http://{LOOPBACK}:{port}/readyz",
            "token": None,  # the first one's file is renewed anyway
        }
        made.append(msgspec.structs.replace(first, **changes))
    suite.supervision.keep(*made)
    for program in made:
        suite.supervision.wait_ready(program)
    yield
    suite.supervision.keep(*(msgspec.structs.replace(program, stopped=True) for program in made))


def created(story: Story) -> Counter[tuple[str, str, str]]:
    """How often each pod came to be, by part, index and attempt."""
    found = [one.body["metadata"]["labels"] for one in creations(story) if one.succeeded]
    return Counter((one[names.CHILD], one[names.INDEX], one[names.ATTEMPT]) for one in found)


def creations(story: Story) -> list[Write]:
    return [one for one in story.our_writes() if (one.verb, one.resource) == ("create", "pods")]


def rests(story: Story) -> bool:
    """Whether the last write is some time ago."""
    return time.time() - max(one.at for one in story.our_writes()).timestamp() > REST_SECONDS


def once(part: str, indexes: int, attempt: int = 0) -> Counter[tuple[str, str, str]]:
    return Counter((part, str(index), str(attempt)) for index in range(indexes))


def test_every_pod_is_created_once_and_then_it_is_quiet(story: Story) -> None:
    parts = {"workers": manifests.batch(8, run_seconds="1")}
    story.apply(manifests.fooset("app", batch=parts, service={"server": manifests.service(5)}))
    fooset, family = story.settle("app"), story.family("app")
    assert is_true(fooset, "Ready")
    assert created(story) == once("workers", 8) + once("server", 5)
    bound = Counter(one.name for one in story.our_writes() if one.resource == "pods/binding" and one.succeeded)
    assert set(bound.values()) == {1}
    assert len(bound) == 5

    tree = story.trace(fooset, family.span_counts.total())
    assert (len(tree.roots), tree.orphans) == (1, [])
    assert tree.count == family.span_counts

    story.until(lambda: rests(story))
    before = len(story.our_writes())
    time.sleep(QUIET_SECONDS)
    assert len(story.our_writes()) == before


def test_a_failed_index_is_tried_as_often_as_it_may_be_and_no_more(story: Story) -> None:
    spec = manifests.batch(1)
    spec["backoffLimit"] = 3
    spec["template"]["metadata"]["annotations"] |= {names.FATE: "exit", names.RUN_SECONDS: "0.2"}
    story.apply(manifests.fooset("app", batch={"workers": spec}))
    story.settle("app")
    assert story.get("BatchFooSet", "app-workers")["status"]["failed"] == 4
    assert created(story) == sum((once("workers", 1, attempt) for attempt in range(4)), Counter())


def test_a_lost_slot_is_filled_by_one_pod_each_time(story: Story) -> None:
    story.apply(manifests.fooset("app", service={"server": manifests.service(3)}))
    story.settle("app")
    for attempt in range(1, 6):
        (lost,) = (pod for pod in story.running("server") if label(pod, names.INDEX) == "1")
        story.kubectl("delete", "pod", lost["metadata"]["name"])
        story.until(lambda attempt=attempt: attempts(story) == {"0": "0", "1": str(attempt), "2": "0"})
    assert created(story) == once("server", 3) + Counter({("server", "1", str(attempt)): 1 for attempt in range(1, 6)})


def attempts(story: Story) -> dict[str, str]:
    return {label(pod, names.INDEX): label(pod, names.ATTEMPT) for pod in story.running("server")}


def test_scaling_to_and_fro_ends_at_the_size_that_was_asked_for_last(story: Story) -> None:
    story.apply(manifests.fooset("app", service={"server": manifests.service(2)}))
    story.settle("app")
    for replicas in (6, 1, 5, 0, 4):
        story.kubectl("scale", "servicefooset", "app-server", f"--replicas={replicas}")
    story.until(lambda: has_settled_at(story, 4))
    assert set(created(story).values()) == {1}


def has_settled_at(story: Story, replicas: int) -> bool:
    """Whether the set has taken its newest size up and has it: a size on the way there has it for a moment, too."""
    child = story.get("ServiceFooSet", "app-server")
    told = (child["status"]["observedGeneration"], child["status"].get("readyReplicas"))
    indexes = sorted(label(pod, names.INDEX) for pod in story.running("server"))
    return told == (child["metadata"]["generation"], replicas) and indexes == [str(index) for index in range(replicas)]
