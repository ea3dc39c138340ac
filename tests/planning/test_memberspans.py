from typing import Any

import pytest

from foosets.api.names import TRACEPARENT, Kind, Uid
from foosets.api.status import BlockedBy, Status
from foosets.planning.episodes import Episode, Outcome, episode_of
from foosets.planning.member import Member
from foosets.planning.members import Members
from foosets.planning.memberspans import MAX_PODS, cut_off, is_traced, pod_spans
from foosets.planning.podspans import RUNNING, Closing
from foosets.planning.setspans import Closing as SetClosing
from foosets.planning.setspans import microseconds
from foosets.planning.trace import Context, Hop, pod_span_id
from tests.builders import NOW, batchfooset, pod
from tests.builders import TRACEPARENT as ANOTHER

EPISODE: Episode = episode_of(batchfooset(), Kind.BATCHFOOSET, Status(), NOW, working=True)
CONTEXT = Context(EPISODE.trace_id, pod_span_id(EPISODE.trace_id, Uid("uid-work"), 0, 0))
LATER = microseconds(NOW) + 60_000_000
NO_FIT = BlockedBy(kind="BatchFooSet", name="work", condition="Placed", reason="NoFit", message="0/3", since=NOW)


def members(*pods: dict[str, Any], context: str = CONTEXT.traceparent) -> list[Member]:
    made = Members()
    for index, how in enumerate(pods):
        made.observe(None, pod(how.pop("index", index), annotations={TRACEPARENT: context}, **how), None)
    return list(made)


def test_a_pod_that_is_under_way_has_no_spans_until_something_ends_it() -> None:
    running = members({"phase": "Running", "ready": True})
    assert pod_spans(running, EPISODE) == []
    ended = pod_spans(running, EPISODE, Closing(LATER, "Superseded", failed=False))
    assert [span.name for span in ended] == [Hop.POD, Hop.CREATE]
    assert ended[0].end == LATER


@pytest.mark.parametrize("context", ["", ANOTHER], ids=["of no trace", "of another trace"])
def test_only_pods_that_were_created_in_the_episode_have_spans_in_it(context: str) -> None:
    (stranger,) = members({"phase": "Failed"}, context=context)
    assert not is_traced(stranger, EPISODE)
    assert pod_spans([stranger], EPISODE) == []


@pytest.mark.parametrize(("phase", "traced"), [("Running", False), ("Failed", True)])
def test_of_the_many_only_failures_are_traced(phase: str, traced: bool) -> None:  # noqa: FBT001  a table's column
    (member,) = members({"index": 100, "phase": phase})
    assert is_traced(member, EPISODE) is traced


def test_a_trace_has_room_for_so_many_pods_and_no_more() -> None:
    failed = members(*({"phase": "Failed"} for _ in range(MAX_PODS + 1)))
    assert len({span.parent for span in pod_spans(failed, EPISODE)}) == 2
    assert sum(span.name == Hop.POD for span in pod_spans(failed, EPISODE)) == MAX_PODS


def test_a_blocked_set_cuts_its_pods_off_with_its_cause_and_any_other_with_its_outcome() -> None:
    assert cut_off(SetClosing(Outcome.BLOCKED, NO_FIT), LATER) == Closing(LATER, "NoFit", "0/3")
    assert cut_off(SetClosing(Outcome.BLOCKED), LATER) == Closing(LATER, Outcome.BLOCKED, failed=False)
    assert cut_off(SetClosing(Outcome.FAILED, NO_FIT), LATER) == Closing(LATER, Outcome.FAILED, failed=False)


def test_a_pod_that_runs_is_not_what_blocks_its_set() -> None:
    blocked = cut_off(SetClosing(Outcome.BLOCKED, NO_FIT), LATER)
    (runs,) = members({"phase": "Running", "ready": True})
    (waits,) = members({"phase": "Pending"})
    assert [span.error for span in pod_spans([runs], EPISODE, blocked) if span.name == Hop.POD] == [""]
    assert [span.error for span in pod_spans([waits], EPISODE, blocked) if span.name == Hop.POD] == ["NoFit: 0/3"]
    (span, _) = pod_spans([runs], EPISODE, blocked)
    assert RUNNING in span.attributes.values()
