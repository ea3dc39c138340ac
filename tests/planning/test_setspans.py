from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.batchfooset import BatchFooSet
from foosets.api.names import Kind, Uid
from foosets.api.status import BlockedBy, Status
from foosets.planning.children import Lineage
from foosets.planning.episodes import Outcome, episode_of
from foosets.planning.setspans import Closing, SetSpans, microseconds, settled_at, subject_of
from foosets.planning.stamps import TIME_MAX
from foosets.planning.trace import Attribute, Hop
from tests.builders import NOW, PARENT_SPAN, batchfooset, condition, derived

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = microseconds(NOW)
END = START + 5_000_000
COMPLETE = Closing(Outcome.COMPLETE)
NO_FIT = BlockedBy(kind="BatchFooSet", name="work", condition="Placed", reason="NoFit", message="0/3", since=NOW)
LINEAGE = Lineage("demo", Uid("root-uid"), "work")


def spans(batch: BatchFooSet, closing: Closing = COMPLETE) -> SetSpans:
    episode = episode_of(batch, Kind.BATCHFOOSET, Status(), NOW, working=True)
    return SetSpans(Kind.BATCHFOOSET, subject_of(batch, LINEAGE), episode, closing, START, END)


@given(st.integers(0, TIME_MAX))
def test_microseconds_are_exact(at: int) -> None:
    assert microseconds(EPOCH + timedelta(microseconds=at)) == at


ENDS = {
    "the moment that is given": (Closing(Outcome.SUPERSEDED, at=7), [], 7),
    "30 s after it was blocked": (Closing(Outcome.BLOCKED, NO_FIT), [], START + 30_000_000),
    "ready": (Closing(Outcome.READY), ["Ready"], START - 250_000),
    "complete": (COMPLETE, ["Complete"], START - 250_000),
    "failed": (Closing(Outcome.FAILED, NO_FIT), ["Failed"], START - 250_000),
    "30 s after it was ready, and runs on": (Closing(Outcome.RUNNING), ["Ready"], START - 250_000 + 30_000_000),
    "its beginning, if status says nothing": (COMPLETE, [], START),
}


@pytest.mark.parametrize(("closing", "conditions", "expected"), ENDS.values(), ids=ENDS.keys())
def test_an_episode_is_over_when_status_says_so(closing: Closing, conditions: list[str], expected: int) -> None:
    status = Status.model_validate({"conditions": [condition(kind) for kind in conditions]})
    episode = episode_of(batchfooset(), Kind.BATCHFOOSET, Status(), NOW, working=True)
    assert settled_at(status, episode, closing) == expected


def test_a_set_without_parent_has_a_root_above_its_refine_phase() -> None:
    root, refine = spans(batchfooset()).outer()
    assert (root.name, root.parent, refine.name, refine.parent) == (
        Hop.BATCHFOOSET_ROLLOUT,
        None,
        Hop.BATCHFOOSET_REFINE,
        root.context.span_id,
    )
    assert (root.start, root.end) == (refine.start, refine.end) == (START, END)
    assert root.context.trace_id == refine.context.trace_id


def test_a_roots_start_may_be_earlier_than_its_refine_phase() -> None:
    root, refine = spans(batchfooset()).outer(START - 7)
    assert (root.start, refine.start) == (START - 7, START)


def test_a_childs_refine_phase_hangs_below_its_parents() -> None:
    (refine,) = spans(batchfooset(**derived("demo", "work"))).outer(START - 7)
    assert (refine.parent, refine.start) == (PARENT_SPAN, START)


@pytest.mark.parametrize(
    ("closing", "error"),
    [
        (Closing(Outcome.READY), ""),
        (Closing(Outcome.COMPLETE), ""),
        (Closing(Outcome.RUNNING, NO_FIT), ""),
        (Closing(Outcome.BLOCKED, NO_FIT), "NoFit: 0/3"),
        (Closing(Outcome.FAILED, NO_FIT), "NoFit: 0/3"),
        (Closing(Outcome.FAILED), "Failed"),
    ],
    ids=["ready", "complete", "running", "blocked", "failed", "failed for reasons unknown"],
)
def test_a_phase_that_was_blocked_or_failed_is_an_error_with_its_reason(closing: Closing, error: str) -> None:
    for span in spans(batchfooset(), closing).outer():
        assert span.error == error
        assert span.attributes[Attribute.DECISION] == closing.outcome
        assert span.attributes.get(Attribute.REASON) == ("NoFit" if error.startswith("NoFit") else None)


def test_every_span_names_the_root_that_it_is_about() -> None:
    made = spans(batchfooset())
    outer = made.outer()
    for span in (*outer, made.act(Hop.PLACE, outer[-1], (START, END))):
        assert span.attributes.items() >= {
            (Attribute.NAMESPACE, "ns"),
            (Attribute.NAME, "demo"),
            (Attribute.UID, "root-uid"),
            (Attribute.HOP, span.name),
            (Attribute.GENERATION, 1),
        }


def test_an_act_is_a_step_below_another_span_and_fails_on_its_own() -> None:
    made = spans(batchfooset(), Closing(Outcome.BLOCKED, NO_FIT))
    refine = made.outer()[-1]
    fine = made.act(Hop.SYNC, refine, (START, START + 1))
    failed = made.act(Hop.DECIDE, refine, (START + 1, END), made.closing.error)
    assert (fine.parent, fine.start, fine.end, fine.error) == (refine.context.span_id, START, START + 1, "")
    assert Attribute.REASON not in fine.attributes
    assert (failed.error, failed.attributes[Attribute.REASON]) == ("NoFit: 0/3", "NoFit")
    assert len({refine.context, fine.context, failed.context}) == 3


# ---- the wait for a reservation


def reserved(*, holds: bool, seconds: float) -> Status:
    at = (NOW + timedelta(seconds=seconds)).replace(microsecond=0).isoformat()
    return Status.model_validate({"conditions": [condition("QuotaReserved", holds=holds, at=at)]})


def test_the_wait_for_a_reservation_hangs_below_the_root_until_it_was_granted() -> None:
    made = spans(batchfooset())
    root, _ = outer = made.outer()
    (waited,) = made.quota(outer, reserved(holds=True, seconds=3))
    assert (waited.name, waited.parent) == (Hop.QUOTA, root.context.span_id)
    assert (waited.start, waited.end, waited.error) == (START, START + 2_750_000, "")


@pytest.mark.parametrize(("seconds", "lasted"), [(0, 0), (-0.2, 0), (9, END - START)])
def test_a_grant_is_told_within_the_refinement(seconds: float, lasted: int) -> None:
    made = spans(batchfooset())
    (waited,) = made.quota(made.outer(), reserved(holds=True, seconds=seconds))
    assert waited.end - waited.start == lasted


def test_a_wait_that_blocked_the_episode_is_an_error() -> None:
    cause = NO_FIT.model_copy(update={"condition": "QuotaReserved", "reason": "QuotaExceeded", "message": "no cpu"})
    made = spans(batchfooset(), Closing(Outcome.BLOCKED, cause))
    (waited,) = made.quota(made.outer(), reserved(holds=False, seconds=-60))
    assert (waited.error, waited.end) == ("QuotaExceeded: no cpu", END)

    made = spans(batchfooset(), Closing(Outcome.BLOCKED, NO_FIT))
    (waited,) = made.quota(made.outer(), reserved(holds=False, seconds=-60))
    assert waited.error == "", "it was something else"


def test_what_was_reserved_before_is_no_wait() -> None:
    made = spans(batchfooset())
    assert made.quota(made.outer(), reserved(holds=True, seconds=-2)) == []
    assert made.quota(made.outer(), Status()) == [], "no quota applies"


def test_the_wait_is_the_roots_and_no_childs() -> None:
    made = spans(batchfooset("demo-work", **derived("demo", "work")))
    assert made.quota(made.outer(), reserved(holds=True, seconds=3)) == []
