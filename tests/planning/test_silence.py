from typing import Any

import pytest
from msgspec import convert

from foosets.api.pod import Pod
from foosets.planning.silence import SILENT_AFTER_SECONDS, silence_of, silent_from
from foosets.planning.stamps import parse_time
from foosets.planning.trace import BLOCKED_AFTER_SECONDS, Height, close_margin

CREATED = "2026-03-01T12:00:00Z"


def pod(**changes: Any) -> Pod:
    raw = {
        "metadata": {"name": "web-0", "creationTimestamp": changes.get("created", CREATED)},
        "spec": {"schedulerName": changes.get("scheduler", "foo-scheduler"), "nodeName": changes.get("node", "")},
        "status": {"conditions": changes.get("conditions", [])},
    }
    return convert(raw, Pod)


def test_a_scheduler_is_silent_so_long_after_the_pods_creation() -> None:
    created = parse_time(CREATED)
    assert created is not None
    assert silent_from(pod()) == created + SILENT_AFTER_SECONDS * 1_000_000


@pytest.mark.parametrize(
    "spoken",
    [
        {"node": "n1"},
        {"conditions": [{"type": "PodScheduled", "status": "False"}]},
        {"scheduler": "foo-unassigned"},
        {"created": ""},
    ],
)
def test_nobody_is_silent_who_has_spoken_or_was_not_asked(spoken: dict[str, Any]) -> None:
    assert silent_from(pod(**spoken)) is None


def test_the_trouble_names_the_scheduler() -> None:
    trouble = silence_of(pod(scheduler="mine"))
    assert (trouble.pod, trouble.condition, trouble.reason.value) == ("web-0", "PodScheduled", "SchedulerSilent")
    assert "scheduler mine" in trouble.message


def test_a_trace_that_it_blocks_is_complete_within_a_minute() -> None:
    assert SILENT_AFTER_SECONDS + BLOCKED_AFTER_SECONDS + close_margin(Height.FOOSET) < 60
