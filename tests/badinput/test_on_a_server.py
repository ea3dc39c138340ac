"""Every row of the table, and generated objects, on a real API server: with the chart's policies, and without.

Of the generated objects it is a sample, or all with BADINPUT_OBJECTS=2000.
"""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from e2e.cluster.local import LocalCluster
from e2e.cluster.progress import Progress
from e2e.invariants.recorder import Recorder, recording
from tests.badinput.foretelling import foretold
from tests.badinput.generating import OBJECTS, generated
from tests.badinput.judging import kept_waiting, last_word
from tests.badinput.meeting import READY, REFUSED, Meeting, meet
from tests.badinput.rows import By, Row
from tests.badinput.running import Beginning, Ground, Run, begin, run
from tests.badinput.table import whole

SAMPLE: Final = int(os.environ.get("BADINPUT_OBJECTS", "400"))
MOST_WRITES: Final = 3
"""Within five seconds at the end, of a set that is refused and now and then tries again."""

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600 + SAMPLE)]

ROWS: Final[tuple[Row, ...]] = tuple(row for rows in whole.OBJECTS.values() for row in rows)
BY_NAME: Final = {row.name: row for row in ROWS}
REFUSERS: Final = frozenset({By.SCHEMA, By.POLICY, By.SERVER, By.CONDITION})


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
def recorder(own: LocalCluster) -> Iterator[Recorder]:
    own.install()  # what is recorded must be known to the server
    with recording(own.kubeconfig) as recorder:
        yield recorder


@pytest.fixture(scope="module", params=["guarded", "unguarded"])
def ground(own: LocalCluster, recorder: Recorder, request: pytest.FixtureRequest) -> Ground:
    """The cluster with the policies, and when all tests have met that, without."""
    guarded = request.param == "guarded"
    if not guarded:
        own.install({"policies": {"enabled": False}})
    return Ground(own, recorder, guarded)


@pytest.fixture(scope="module")
def beginning(ground: Ground) -> Beginning:
    return begin(ground)


@pytest.fixture(scope="module")
def table(ground: Ground, beginning: Beginning) -> Run:
    return run(ground, beginning.witness, ROWS)


@pytest.fixture(scope="module")
def meeting(ground: Ground, beginning: Beginning) -> Meeting:
    return meet(ground, beginning.witness, range(0, OBJECTS, max(1, OBJECTS // SAMPLE)))


def test_the_good_sets_are_served(beginning: Beginning) -> None:
    assert {place: wrong for place, wrong in beginning.wrong.items() if wrong} == {}


# ---- the table


@pytest.mark.parametrize("name", BY_NAME)
def test_who_refuses_and_in_which_words(table: Run, name: str) -> None:
    assert table.wrong[name] == []


@pytest.mark.parametrize("name", BY_NAME)
def test_the_invariants_hold(table: Run, name: str) -> None:
    expected = BY_NAME[name].breaks
    assert [str(one) for one in table.broken[name] if one.invariant not in expected] == []


def test_the_invariants_hold_beside_it(table: Run) -> None:
    assert [str(one) for name, found in table.broken.items() if name not in BY_NAME for one in found] == []


def test_no_component_dies_or_fails(table: Run) -> None:
    assert table.restarts == []
    assert table.complaints == []


def test_no_pod_comes_of_what_was_refused(ground: Ground, table: Run) -> None:
    pods = {
        name: table.created[name]
        for name, row in BY_NAME.items()
        if last_word(row, guarded=ground.guarded) in REFUSERS and len(row.steps) == 1 and table.created.get(name)
    }
    assert pods == {}


def test_everything_comes_to_rest(ground: Ground, table: Run) -> None:
    tries = {name for name, row in BY_NAME.items() if last_word(row, guarded=ground.guarded) is By.CONDITION}
    assert {name: n for name, n in table.restless.items() if n > (MOST_WRITES if name in tries else 0)} == {}


def test_no_neighbour_waits_for_longer_than_a_second(beginning: Beginning, table: Run) -> None:
    assert kept_waiting(beginning.usual, table.took) == []


# ---- generated objects


def test_each_object_is_met_as_foretold(meeting: Meeting) -> None:
    assert {number: wrong for number, wrong in meeting.wrong.items() if wrong} == {}


def test_some_are_refused_some_run_and_some_cannot(ground: Ground, meeting: Meeting) -> None:
    """By the schema, and for a fault by the policy or by the condition; otherwise there would be nothing to see."""
    kinds = Counter(one.stands for one in meeting.met.values())
    told = [foretold(generated(number)) for number in meeting.met]
    by_schema = sum(bool(one.refusals) for one in told)
    by_rules = sum(bool(one.faults) and not one.refusals for one in told)
    assert kinds[REFUSED] == by_schema + (by_rules if ground.guarded else 0)
    assert min(kinds[READY], kinds["InvalidPodTemplate"], by_schema, by_rules) >= 5, kinds


def test_nothing_is_left_of_an_object_that_was_deleted(meeting: Meeting) -> None:
    assert meeting.left == []
    assert list(map(str, meeting.broken)) == []


def test_no_component_dies_or_fails_of_one(meeting: Meeting) -> None:
    assert meeting.restarts == []
    assert meeting.complaints == []


def test_no_neighbour_waits_for_one(beginning: Beginning, meeting: Meeting) -> None:
    assert kept_waiting(beginning.usual, meeting.took) == []
