"""Generated objects on a real API server with the components running: a sample, or all with BADINPUT_OBJECTS=2000.

Each is refused in words that name a field, or taken, and then its controller says in a condition how it stands.
"""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from e2e.apiserver import ApiServer
from e2e.cluster.local import LocalCluster
from foosets.api.names import SET_NAME, UNBLOCKED_REASONS, Reason
from tests.badinput.generating import OBJECTS, generated
from tests.badinput.playing import Place, condition
from tests.badinput.rows import Create, Manifest, Remove, about, borne
from tests.badinput.running import complaints, lives

SAMPLE: Final = int(os.environ.get("BADINPUT_OBJECTS", "120"))
NAMESPACE: Final = "generated"
LANES: Final = 6
PATIENCE_SECONDS: Final = 60.0
"""For a condition: whoever waits for a scheduler that does not exist is told so after half a minute."""
POLL_SECONDS: Final = 0.2
FIELD: Final = re.compile(r"\b(spec|metadata)[.: \[]")

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120 + SAMPLE)]


@pytest.fixture(scope="module")
def met(suite: LocalCluster) -> Iterator[dict[str, str]]:
    """What became of each object, by its name: `refused: ...`, `Ready`, the reason that it is not, or `silent`."""
    before = lives(suite)
    with ApiServer.of(suite.kubeconfig) as server:
        place = Place(server, NAMESPACE)
        place.begin(borne(NAMESPACE))
        numbers = range(0, OBJECTS, max(1, OBJECTS // SAMPLE))
        with ThreadPoolExecutor(LANES) as pool:
            found = dict(pool.map(lambda number: meet(suite, number), numbers))
        assert lives(suite) == before
        yield found
        server.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}", b"")


def meet(suite: LocalCluster, number: int) -> tuple[str, str]:
    """Create an object, see what it comes to, and delete it."""
    manifest = generated(number)
    with ApiServer.of(suite.kubeconfig) as server:
        place = Place(server, NAMESPACE)
        (answer,) = place.play(borne("", Create(manifest)))
        if not answer.taken:
            return f"g-{number}", f"refused: {answer.message}"
        said = awaited(place, manifest)
        place.play(borne("", Remove(*about(manifest))))
        return f"g-{number}", said


def awaited(place: Place, manifest: Manifest) -> str:
    """How it stands in the end, or `silent` with all there is of it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = place.get(about(manifest))
        said = standing(found) if found is not None else "gone"
        if said or time.monotonic() > deadline:
            return said or f"silent: {json.dumps(found)[:2000]}"
        time.sleep(POLL_SECONDS)


def standing(found: dict[str, Any]) -> str:
    """How an object stands, once that will not change by itself."""
    ready = condition(found, "Ready")
    if found["status"]["observedGeneration"] != found["metadata"]["generation"]:
        return ""
    if ready["status"] == "True":
        return "Ready"
    if ready["reason"] == Reason.PLACING and "schedulingGates" in json.dumps(found["spec"]):
        return "gated"  # who put the gate there will lift it
    return "" if ready["reason"] in UNBLOCKED_REASONS else ready["reason"]


def test_each_refusal_names_a_field(met: dict[str, str]) -> None:
    assert [said for said in met.values() if said.startswith("refused") and not FIELD.search(said)] == []


def test_each_object_that_is_taken_says_how_it_stands(met: dict[str, str]) -> None:
    assert {name: said for name, said in met.items() if said.startswith("silent")} == {}


def test_some_are_refused_some_run_and_some_cannot(met: dict[str, str]) -> None:
    kinds = Counter("refused" if said.startswith("refused") else said for said in met.values())
    assert min(kinds[kind] for kind in ("refused", "Ready", "InvalidPodTemplate")) >= 5, kinds


def test_no_pod_comes_of_a_refused_object(suite: LocalCluster, met: dict[str, str]) -> None:
    pods = suite.client.get("pods", "--namespace", NAMESPACE)["items"]
    owners = {pod["metadata"]["labels"].get(SET_NAME, "") for pod in pods}
    assert {name for name, said in met.items() if said.startswith("refused")} & owners == set()


def test_no_component_fails_of_one(suite: LocalCluster, met: dict[str, str]) -> None:
    del met
    assert complaints(suite, NAMESPACE) == []
