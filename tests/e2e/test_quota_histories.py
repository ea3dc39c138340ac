"""Random histories under a FooQuota on a real server: sets come, grow, change and go, and components are killed.

Each is judged as all stories are: what is given away is within the limits, once for each set. In the end everything is
taken away, and nothing may be left over. `QUOTA_HISTORIES=50 make e2e` plays fifty.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator

import pytest

from e2e.apiserver import RefusedError
from e2e.cluster.local import LocalCluster
from foosets.api import names
from tests.e2e import manifests
from tests.e2e.story import PLURALS, Story

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

HISTORIES = range(int(os.environ.get("QUOTA_HISTORIES", "2")))
EVENTS = 12
PAUSES = (0.0, 0.1, 1.0)
"""Seconds between two events: at once, while the first is on its way, and after it has happened."""
SETS = ("a", "b", "c")
EMPTY_WITHIN = 90.0
"""Seconds for what is left to go, with components that were killed a moment ago."""


class Chance:
    """What happens in a history, drawn by its seed."""

    def __init__(self, story: Story, suite: LocalCluster, seed: int) -> None:
        self._story = story
        self._suite = suite
        self._rng = random.Random(seed)

    def limit(self) -> None:
        hard = {"cpu": self._rng.choice(("2", "3", "4")), "pods": self._rng.choice(("4", "6", "9"))}
        head = {"apiVersion": names.API_VERSION, "kind": "FooQuota", "metadata": {"name": "team"}}
        self._story.apply({**head, "spec": {"hard": hard}})

    def next(self) -> None:
        """Let something happen, and have it take a moment."""
        acts: list[Callable[[], None]] = [self._apply, self._scale, self._delete, self._kill]
        (act,) = self._rng.choices(acts, (6, 3, 2, 2))
        act()
        time.sleep(self._rng.choice(PAUSES))

    def _apply(self) -> None:
        """Make a set, or change one: counts and sizes."""
        rng, name = self._rng, self._rng.choice(SETS)
        cpu = rng.choice(("250m", "500m", "1"))
        batch = manifests.batch(rng.randint(1, 4), cpu=cpu, run_seconds=rng.choice(("0.5", "600")))
        service = manifests.service(rng.randint(0, 3), cpu=rng.choice(("250m", "500m", "1")))
        parts = {"batch": {"work": batch}, "service": {"web": service}}
        kept = rng.choice((("batch",), ("service",), ("batch", "service")))
        self._story.apply(manifests.fooset(name, **{part: parts[part] for part in kept}))

    def _scale(self) -> None:
        """Scale a part, as an autoscaler does."""
        for name in _some(self._rng, _all(self._story, "ServiceFooSet")):
            path = f"/apis/{names.API_VERSION}/namespaces/{self._story.namespace}/servicefoosets/{name}/scale"
            patch = json.dumps({"spec": {"replicas": self._rng.randint(0, 5)}}).encode()
            self._story.server.send("PATCH", path, patch, "application/merge-patch+json")

    def _delete(self) -> None:
        for name in _some(self._rng, _all(self._story, "FooSet")):
            self._story.kubectl("delete", "fooset", name, "--wait=false", "--ignore-not-found")

    def _kill(self) -> None:
        component = self._suite.component(self._rng.choice([str(one) for one in names.Component]))
        component.kill()
        component.wait_ready()


def _all(story: Story, kind: str) -> list[str]:
    found = story.server.get(f"/apis/{names.API_VERSION}/namespaces/{story.namespace}/{PLURALS[kind]}")["items"]
    return [one["metadata"]["name"] for one in found]


def _some(rng: random.Random, found: list[str]) -> Iterator[str]:
    """Yield one of them, if there is any."""
    if found:
        yield rng.choice(found)


@pytest.mark.parametrize("seed", HISTORIES)
def test_whatever_happens_limits_are_kept_and_nothing_leaks(story: Story, suite: LocalCluster, seed: int) -> None:
    chance = Chance(story, suite, seed)
    chance.limit()
    for _ in range(EVENTS):
        chance.next()
    story.kubectl("delete", "foosets", "--all", "--wait=false")
    story.until(lambda: is_empty(story), EMPTY_WITHIN)


def is_empty(story: Story) -> bool:
    """Whether nothing is left, and nothing is held for what is gone."""
    try:
        quota = story.server.get(f"/apis/{names.API_VERSION}/namespaces/{story.namespace}/fooquotas/team")
    except RefusedError:
        return False
    status = quota.get("status", {})
    held = status.get("reservations") or status.get("queue")
    used = {amount for amount in status.get("used", {}).values() if amount != "0"}
    return not (held or used or story.pods() or any(_all(story, kind) for kind in PLURALS))
