"""Which Event follows from a stored and a new status."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.api.meta import BATCHFOOSETS, FOOSETS, Key, Resource
from foosets.api.status import BlockedBy, Status
from foosets.planning.events import NOTE_BYTES, Event, event_of
from foosets.planning.trace import TraceId, parse_traceparent
from tests.builders import NOW, batchfooset, fooset

TRACE = TraceId("ab" * 16)
SINCE = NOW.replace(microsecond=0)
QUOTA = BlockedBy(
    kind="BatchFooSet", name="work", condition="Placed", reason="QuotaExceeded", message="no pods left", since=SINCE
)
NOTHING = Status()


def status(cause: BlockedBy | None, trace_id: TraceId = TRACE) -> Status:
    return Status(blocked_by=cause, trace_id=trace_id)


def told(stored: Status, wanted: Status) -> Event | None:
    return event_of(BATCHFOOSETS, batchfooset("work"), stored, wanted)


def test_a_set_that_gets_a_cause_tells_it_as_status_does() -> None:
    event = told(NOTHING, status(QUOTA))
    assert event is not None
    assert (event.resource, event.regarding, event.uid) == (BATCHFOOSETS, Key("ns", "work"), "uid-work")
    assert (event.reason, event.note) == ("QuotaExceeded", "no pods left")
    assert event.context is not None
    assert parse_traceparent(event.context.traceparent) == event.context
    assert event.context.trace_id == TRACE


OTHERS = {
    "another kind": {"kind": "Pod"},
    "another object": {"name": "work-0"},
    "another condition": {"condition": "Ready"},
    "another reason": {"reason": "AdmissionDenied"},
}
SAME = {"the same": {}, "another message": {"message": "less is left"}, "another trace": {"trace_id": "cd" * 16}}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS.keys())
def test_another_cause_is_another_event(change: dict[str, str]) -> None:
    first, second = told(NOTHING, status(QUOTA)), told(status(QUOTA), status(QUOTA.model_copy(update=change)))
    assert first is not None
    assert second is not None
    assert first.name != second.name


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_the_same_cause_is_none(change: dict[str, str]) -> None:
    assert told(status(QUOTA), status(QUOTA.model_copy(update=change))) is None


@pytest.mark.parametrize("stored", [NOTHING, status(QUOTA)], ids=["never", "not any more"])
def test_a_set_that_nothing_blocks_tells_nothing(stored: Status) -> None:
    assert told(stored, status(None)) is None


def test_the_name_is_the_same_however_often_it_is_told_and_another_when_the_cause_comes_again() -> None:
    first, again = told(NOTHING, status(QUOTA)), told(NOTHING, status(QUOTA))
    later = told(NOTHING, status(QUOTA.model_copy(update={"since": SINCE + timedelta(minutes=1)})))
    assert first is not None
    assert again is not None
    assert later is not None
    assert first.name == again.name != later.name
    assert first.name.startswith("work.")


def test_a_set_that_another_object_keeps_names_it() -> None:
    event = event_of(FOOSETS, fooset(name="demo"), NOTHING, status(QUOTA))
    assert event is not None
    assert event.note == "BatchFooSet work: no pods left"


def test_a_set_without_a_trace_tells_it_without_one() -> None:
    event = told(NOTHING, status(QUOTA, TraceId("")))
    assert event is not None
    assert event.context is None


@given(st.text(max_size=2000), st.sampled_from([BATCHFOOSETS, FOOSETS]))
def test_a_note_is_text_that_fits_whatever_the_message(message: str, resource: Resource) -> None:
    event = event_of(resource, batchfooset("work"), NOTHING, status(QUOTA.model_copy(update={"message": message})))
    assert event is not None
    assert len(event.note.encode()) <= NOTE_BYTES
    whole = message if resource == BATCHFOOSETS else f"BatchFooSet work: {message}"
    assert whole.startswith(event.note)
    assert len(whole.encode()) - len(event.note.encode()) < 4 or len(event.note.encode()) > NOTE_BYTES - 4
