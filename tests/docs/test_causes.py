"""The page of causes knows each reason that a set can have for not getting on, once."""

import re
from pathlib import Path

from foosets.api.names import UNBLOCKED_REASONS, Reason

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "causes.md"
ROW = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def test_every_reason_that_blocks_has_a_row() -> None:
    assert ROW.findall(PAGE.read_text()) == [reason for reason in Reason if reason not in UNBLOCKED_REASONS]
