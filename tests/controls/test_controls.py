"""The checks can fail: each seeded mistake is noticed, and by what should notice it.

`make controls` plays every variant, `make unit` a few of them.
"""

import os
from pathlib import Path

import pytest

from tests.controls.planted import UnplantableError, findings, plant
from tests.controls.variants import VARIANTS, Change, Variant
from tests.sequences.case import Case

PLAYED = VARIANTS if os.environ.get("CONTROLS") == "all" else VARIANTS[:2]

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("variant", PLAYED, ids=[variant.name for variant in PLAYED])
def test_a_mistake_is_noticed(variant: Variant, tmp_path: Path) -> None:
    plant(variant, tmp_path)
    found = [line for case in variant.cases for line in findings(case, tmp_path)]
    assert any(line.startswith(variant.evidence) for line in found), found


@pytest.mark.parametrize("variant", VARIANTS, ids=[variant.name for variant in VARIANTS])
def test_a_mistake_can_still_be_made(variant: Variant, tmp_path: Path) -> None:
    plant(variant, tmp_path)


def test_without_a_mistake_nothing_is_noticed(tmp_path: Path) -> None:
    plant(Variant("none", (), (), ""), tmp_path)
    assert findings(Case("first_rollout"), tmp_path) == []


def test_a_mistake_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    gone = Change("runtime/loop.py", "what nobody has written", "")
    with pytest.raises(UnplantableError, match="has 0 times"):
        plant(Variant("gone", (gone,), (), ""), tmp_path)
