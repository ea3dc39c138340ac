"""Which of the nodes that will do are better: an integer rank, higher is better, and equal ranks are equally good.

What is compared is a node's fullness for a class: the largest used share of any resource that the class requests (the
dominant share, as in "Dominant Resource Fairness", Ghodsi et al. 2011). It is counted in steps of one pod on the node
that holds the most of them, begun ones included: each pod moves its node by a step, nodes less than a pod apart are a
tie, and an unused node ties only with its like. Ties matter: placers that agree on a single best node collide there.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from foosets.placement.nodes import Row
from foosets.placement.requests import PodClass

MAX_STEPS: Final = 1000
"""The finest resolution: a thousandth of a node."""


class Strategy(StrEnum):
    """Which nodes come first."""

    PACK = "Pack"
    """The fullest that still fit: as few nodes as possible."""
    SPREAD = "Spread"
    """The emptiest: as even as possible."""


def steps(rows: Iterable[Row], wanted: PodClass) -> int:
    """Return how many pods of the class the roomiest of the nodes would hold if empty; 1 to `MAX_STEPS`."""
    amounts = wanted.size.amounts
    most = max((min(row.allocatable.get(name, 0) // value for name, value in amounts) for row in rows), default=1)
    return max(1, min(most, MAX_STEPS))


def rank(row: Row, wanted: PodClass, strategy: Strategy, resolution: int) -> int:
    """Return a rank from 0 to `resolution` for a node on which a pod of the class fits."""
    left = resolution
    for name, _ in wanted.size.amounts:
        left = min(left, resolution * row.free[name] // row.allocatable[name])
    return resolution - left if strategy is Strategy.PACK else left
