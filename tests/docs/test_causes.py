"""The page of causes knows each reason that a set can have for not getting on, once, and what shows it on a server."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from foosets.api.names import UNBLOCKED_REASONS, Reason
from tests.e2e import test_causes, test_causes_apart, test_webhooks, test_without_policies

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "causes.md"
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
BLOCKING: Final = [reason for reason in Reason if reason not in UNBLOCKED_REASONS]
IN_TABLES: Final = {
    *(case.reason for case in test_causes.CASES.values()),
    *(reason for reason, _, _ in test_causes_apart.DOWN.values()),
}
BY_THEMSELVES: Final[dict[str, Callable[..., None]]] = {
    Reason.SERVER_FAULT: test_webhooks.test_a_patch_that_fits_nothing_is_told_as_the_servers_fault,
    Reason.UNSUPPORTED_TEMPLATE: (
        test_without_policies.test_a_template_that_our_placers_do_not_honour_is_a_cause_like_any_other
    ),
    Reason.KUBELET_REJECTED: (
        test_causes.test_a_kubelet_that_will_not_run_a_pod_is_shown_while_it_waits_to_be_placed_anew
    ),
    Reason.SCHEDULER_NOT_ASSIGNED: (
        test_causes_apart.test_a_policy_that_names_no_scheduler_any_more_is_told_by_the_pod
    ),
    Reason.BACKOFF_LIMIT_EXCEEDED: test_causes.test_a_set_with_a_part_that_failed_says_so_for_good_and_is_applied_anew,
    Reason.CHILD_FAILED: test_causes.test_a_set_with_a_part_that_failed_says_so_for_good_and_is_applied_anew,
}
"""The tests of reasons that are in no table of cases: what has to be done for them is a story of its own."""


def test_every_reason_that_blocks_has_a_row() -> None:
    assert ROW.findall(PAGE.read_text()) == BLOCKING


@pytest.mark.parametrize("reason", BLOCKING)
def test_every_reason_is_shown_on_a_server_by_a_test_that_the_page_names(reason: Reason) -> None:
    assert reason in IN_TABLES or f'"{reason}"' in inspect.getsource(BY_THEMSELVES[reason])


@pytest.mark.parametrize("module", [test_causes, test_causes_apart, test_webhooks, test_without_policies])
def test_the_page_names_where_they_are(module: ModuleType) -> None:
    assert f"`tests/e2e/{Path(inspect.getfile(module)).name}`" in PAGE.read_text()
