"""The footprint is a difference of what kubelets accounted for, over the time between their two readings."""

import pytest

from e2e.bench.footprint import Usage, report

ASKED = {"fooset": "cpu 25m, memory 96Mi", "scheduler": "cpu 25m, memory 96Mi"}
BEFORE = {"fooset": Usage(10.0, 1000.0, 90 * 2**20), "scheduler": Usage(20.0, 1002.0, 70 * 2**20)}


def test_cpu_is_per_second_of_each_components_own_window() -> None:
    after = {"fooset": Usage(10.4, 1200.0, 80 * 2**20), "scheduler": Usage(20.1, 1102.0, 75 * 2**20)}

    page = report(ASKED, BEFORE, after)

    assert "| fooset | cpu 25m, memory 96Mi | 2.0 m | 80 Mi |" in page
    assert "| scheduler | cpu 25m, memory 96Mi | 1.0 m | 75 Mi |" in page
    assert "| **all** | | 3.0 m | 155 Mi |" in page
    assert "200 s" in page


def test_a_component_that_was_replaced_meanwhile_has_no_figure() -> None:
    after = {"fooset": BEFORE["fooset"], "batchfooset": Usage(1.0, 1100.0, 1)}
    with pytest.raises(KeyError, match="batchfooset"):
        report(ASKED, BEFORE, after)
