"""Every row of the table on a real API server, with the components running: with the chart's policies, and without."""

from collections.abc import Iterator
from typing import Final

import pytest

from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from tests.badinput.judging import last_word
from tests.badinput.rows import By, Row
from tests.badinput.running import Run, run
from tests.badinput.table.whole import OBJECTS
from tests.badinput.witness import NAME

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

ROWS: Final[tuple[Row, ...]] = tuple(row for rows in OBJECTS.values() for row in rows)
BY_NAME: Final = {row.name: row for row in ROWS}
LONGER_SECONDS: Final = 1.0
"""By which nothing bad may keep a neighbour."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A cluster of its own: its policies come and go, and nothing else may keep its components busy."""
    made = LocalCluster(tmp_path_factory.mktemp("badinput") / "cluster", progress=Progress(quiet=True))
    try:
        made.up(with_jaeger=False)
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def guarded(own: LocalCluster) -> Run:
    own.install()
    return run(own, ROWS, guarded=True)


@pytest.fixture(scope="module")
def unguarded(own: LocalCluster, guarded: Run) -> Run:
    """The same once more when the policies are gone."""
    del guarded
    own.install({"policies": {"enabled": False}})
    return run(own, ROWS, guarded=False)


@pytest.mark.parametrize("name", BY_NAME)
def test_who_refuses_and_in_which_words(guarded: Run, name: str) -> None:
    assert guarded.wrong[name] == []


@pytest.mark.parametrize("name", BY_NAME)
def test_who_refuses_without_the_policies(unguarded: Run, name: str) -> None:
    assert unguarded.wrong[name] == []


@pytest.fixture(params=["guarded", "unguarded"])
def either(request: pytest.FixtureRequest) -> Run:
    return request.getfixturevalue(request.param)


def test_no_component_dies_or_fails(either: Run) -> None:
    assert either.restarts == []
    assert either.complaints == []


def test_no_pod_comes_of_what_was_refused(either: Run, request: pytest.FixtureRequest) -> None:
    with_policies = "unguarded" not in request.node.name
    refusers = {By.SCHEMA, By.POLICY, By.SERVER, By.CONDITION}
    pods = {
        name: either.created[name]
        for name, row in BY_NAME.items()
        if last_word(row, guarded=with_policies) in refusers and len(row.steps) == 1 and name in either.created
    }
    assert pods == {}


def test_everything_comes_to_rest(either: Run) -> None:
    assert {name: writes for name, writes in either.restless.items() if name != NAME and writes > 3} == {}


def test_no_neighbour_waits_for_longer_than_a_second(either: Run) -> None:
    assert max(either.took) <= max(either.usual) + LONGER_SECONDS
