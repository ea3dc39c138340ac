"""The pod path stays far below the client library's ordinary way. Only the ratio is asserted, never microseconds."""

import pytest

from e2e.bench.pod_path import Load, Run, compare, ratio, report

LEAST_RATIO = 3
"""About half of what is seen with so few pods, where connections and the first and last look weigh most."""


@pytest.mark.timeout(180)
async def test_takes_a_fraction_of_the_cpu_of_the_ordinary_way() -> None:
    ours, ordinary = await compare(Load(pods=1_000, nodes=100), runs=1)

    assert ratio(ours, ordinary) >= LEAST_RATIO, (ours, ordinary)


def test_the_page_gives_medians_with_spread_and_the_ratio() -> None:
    ours = [Run(100.0, 3), Run(90.0, 4), Run(120.0, 5)]
    ordinary = [Run(2000.0, 6), Run(1500.0, 6), Run(1600.0, 6)]

    page = report(Load(pods=10_000, nodes=1_000), ours, ordinary)

    assert "| `foosets run batchfooset` | 100 (90-120) | 4 (3-5) |" in page
    assert "16.0 times" in page
    assert "10,000 pods on 1,000 nodes" in page
