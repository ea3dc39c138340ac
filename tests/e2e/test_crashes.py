"""kill -9 of each component after each of three of its writes: nothing is lost, nothing is done twice.

A reference run without a crash says how many writes a component makes, and what they come to. Every other run has to
come to the same.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from e2e.apiserver import ApiServer
from e2e.audit import Write, identity
from e2e.cluster import controlplane
from e2e.cluster.kubeconfig import Server
from e2e.cluster.local import LocalCluster
from e2e.expected import Family, misplaced, recorded_edges
from e2e.killer import Killer, killing
from foosets.api import names
from tests.e2e import manifests
from tests.e2e.story import SHOWN_WITHIN, Story, label

pytestmark = pytest.mark.cluster

COMPONENTS = [str(component) for component in names.Component]
POINTS = ("first", "third", "half")
"""After how much of its writes a component is killed; on a busy machine fewer statuses are written than elsewhere."""
KILLED_WITHIN = 20.0
NAME = "app"


def app() -> manifests.Manifest:
    parts = {"workers": manifests.batch(6, run_seconds="1")}
    return manifests.fooset(NAME, batch=parts, service={"server": manifests.service(4)})


@pytest.fixture(scope="module")
def killers(suite: LocalCluster) -> Iterator[dict[str, Killer]]:
    """Every component behind a proxy of its own, for as long as this module runs."""
    server = Server(suite.record.server, controlplane.authority(suite.state))
    components = {name: suite.component(name) for name in COMPONENTS}
    with ExitStack() as stack:
        made = {name: stack.enter_context(killing(server, one.kill)) for name, one in components.items()}
        for name, component in components.items():
            component.start(Server(made[name].url, server.authority))
        for component in components.values():
            component.wait_ready()
        yield made
        for component in components.values():
            component.start()
        for component in components.values():
            component.wait_ready()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has come to, without names that differ from run to run."""

    pods: Counter[tuple[str, ...]]
    sets: dict[str, Any]
    acts: Counter[tuple[str, ...]]
    """Writes other than of status, whatever the answer."""

    @classmethod
    def of(cls, family: Family, writes: list[Write]) -> "Outcome":
        """Tell the outcome of a settled story."""
        return cls(
            pods=Counter(
                (*(label(pod, one) for one in (names.CHILD, names.INDEX, names.ATTEMPT)), pod["status"]["phase"])
                for pod in family.pods
            ),
            sets={one["metadata"]["name"]: end_of(one) for one in (family.fooset, *family.batches, *family.services)},
            acts=Counter(
                (write.user, write.verb, write.resource, str(write.code))
                for write in writes
                if not write.resource.endswith("/status")
            ),
        )


def end_of(resource: Any) -> dict[str, Any]:
    """The status without times and ids."""
    status = resource["status"]
    conditions = {one["type"]: (one["status"], one["reason"]) for one in status["conditions"]}
    left_out = {"conditions", "trace", "traceID", "selector"}
    return {**{key: value for key, value in status.items() if key not in left_out}, "conditions": conditions}


@dataclass(frozen=True, slots=True)
class Reference:
    """The run without a crash."""

    outcome: Outcome
    writes: Counter[str]
    """How many writes each identity made."""


@pytest.fixture(scope="module")
def reference(suite: LocalCluster, server: ApiServer, killers: dict[str, Killer]) -> Iterator[Reference]:
    """The same story through the same proxies, which do not kill."""
    del killers
    story = Story(suite, server, "crash-reference")
    suite.kubectl("create", "namespace", story.namespace)
    story.apply(app())
    story.settle(NAME)
    writes = story.our_writes()
    yield Reference(Outcome.of(story.family(NAME), writes), Counter(write.user for write in writes))
    suite.kubectl("delete", "namespace", story.namespace, "--wait=false")


def written_by(story: Story, user: str) -> int:
    return sum(write.user == user for write in story.our_writes())


def write_number(point: str, total: int) -> int:
    return {"first": 1, "third": total // 3 + 1, "half": total // 2 + 1}[point]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("component", COMPONENTS)
def test_a_killed_component_goes_on(  # noqa: PLR0917 - fixtures
    suite: LocalCluster, story: Story, reference: Reference, killers: dict[str, Killer], component: str, point: str
) -> None:
    user = identity(component)
    total = reference.writes[user]
    last = write_number(point, total)
    assert 0 < last < total
    killers[component].arm(story.namespace, last)
    story.apply(app())
    assert killers[component].killed.wait(KILLED_WITHIN), f"{component} never made its write {last} of {total}"
    story.until(lambda: written_by(story, user) >= last)  # the audit log is written after the reply
    before = written_by(story, user)
    suite.component(component).restart()

    fooset, family = story.settle(NAME), story.family(NAME)
    story.until(lambda: written_by(story, user) > before, SHOWN_WITHIN)
    assert Outcome.of(family, story.our_writes()) == reference.outcome

    tree = story.trace(fooset, family.span_counts.total())
    assert story.trace_ids(fooset) == {fooset["status"]["traceID"]}
    assert (len(tree.roots), tree.orphans, tree.outside, misplaced(tree)) == (1, [], [], [])
    assert tree.count == family.span_counts
    assert recorded_edges(tree) == family.edges
