"""Arithmetic on amounts of several resources at once: what is absent is 0.

Amounts are whole, as `foosets.planning.quantity` makes them: thousandths of a CPU, bytes, pieces. Nothing here changes
what it is given.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from foosets.planning.quantity import amount

Amounts = Mapping[str, int]
"""Resource to amount."""

NOTHING: Final[Amounts] = {}

_UNITS: Final = (("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10))
_IN_BYTES: Final = ("memory", "ephemeral-storage", "hugepages-")


def total(amounts: Iterable[Amounts]) -> dict[str, int]:
    """Return the sum."""
    result: dict[str, int] = {}
    for one in amounts:
        for name, value in one.items():
            result[name] = result.get(name, 0) + value
    return result


def times(count: int, amounts: Amounts) -> dict[str, int]:
    """Return so many times the amounts."""
    return {name: count * value for name, value in amounts.items()}


def minus(amounts: Amounts, taken: Amounts) -> dict[str, int]:
    """Return what is left of the amounts, below 0 where too much is taken."""
    return {name: amounts.get(name, 0) - taken.get(name, 0) for name in amounts.keys() | taken.keys()}


def larger(one: Amounts, other: Amounts) -> dict[str, int]:
    """Return the larger of the two, resource by resource."""
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in one.keys() | other.keys()}


def smaller(one: Amounts, other: Amounts) -> dict[str, int]:
    """Return the smaller of the two, resource by resource."""
    return {name: min(one.get(name, 0), other.get(name, 0)) for name in one.keys() | other.keys()}


def only(amounts: Amounts, names: Collection[str]) -> dict[str, int]:
    """Return the amounts of these resources, all of them named."""
    return {name: amounts.get(name, 0) for name in names}


def exceeding(amounts: Amounts, limit: Amounts) -> dict[str, int]:
    """Return by how much the amounts are above the limit; empty if they fit. What has no limit fits."""
    return {name: value - limit[name] for name, value in amounts.items() if name in limit and value > limit[name]}


def parsed(quantities: Mapping[str, str | int]) -> dict[str, int]:
    """Return quantities as amounts. Raises ValueError."""
    return {name: amount(name, quantity) for name, quantity in quantities.items()}


def rendered(amounts: Amounts) -> dict[str, str]:
    """Return amounts as quantities, without loss and short: `cpu: 2`, `cpu: 250m`, `memory: 20Gi`."""
    return {name: _rendered(name, value) for name, value in sorted(amounts.items())}


def _rendered(name: str, value: int) -> str:
    if name == "cpu":
        return f"{value}m" if value % 1000 else str(value // 1000)
    if value and name.startswith(_IN_BYTES):
        for unit, bits in _UNITS:
            if value % (1 << bits) == 0:
                return f"{value >> bits}{unit}"
    return str(value)


def in_words(amounts: Amounts) -> str:
    """Return the amounts as a ResourceQuota lists them in its refusals: `cpu=2,memory=20Gi`."""
    return ",".join(f"{name}={quantity}" for name, quantity in rendered(amounts).items())
