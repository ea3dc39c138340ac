"""Kubernetes quantities as exact integers: thousandths of a CPU, bytes, pieces.

The notation and its rounding are those of `k8s.io/apimachinery/pkg/api/resource`: a decimal number with an SI suffix
(`n u m k M G T P E`), a binary one (`Ki` to `Ei`) or an exponent (`1e3`); what is too precise is rounded up, and what
is too large is capped at 2^63-1. No float is ever calculated with.
"""

import re
from functools import lru_cache
from typing import Final

Quantity = str | int | float
"""A quantity as JSON carries it: a string, or a bare number."""

MAX: Final = 2**63 - 1
"""The largest amount that there is."""

_FORM: Final = re.compile(
    r"(?P<sign>[+-]?)(?=\.?[0-9])(?P<whole>[0-9]*)\.?(?P<fraction>[0-9]*)"
    r"(?:[eE](?P<exponent>[+-]?[0-9]{1,3})|(?P<suffix>[KMGTPE]i|[numkMGTPE])?)"
)
_POWERS_OF_TEN: Final = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_POWERS_OF_TWO: Final = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def amount(resource: str, quantity: Quantity) -> int:
    """Return how much of a resource that is: thousandths for `cpu`; bytes or pieces, rounded up, for all others.

    Raises ValueError if it is no quantity, or a negative one.
    """
    return milli(quantity) if resource == "cpu" else whole(quantity)


def quantity_of(resource: str, value: int) -> str:
    """Return an amount as Kubernetes writes it, without loss: the inverse of `amount`."""
    return f"{value}m" if resource == "cpu" else str(value)


@lru_cache(maxsize=4096)
def milli(quantity: Quantity) -> int:
    """Return the quantity in thousandths, rounded up. Raises ValueError."""
    return _scaled(quantity, 3)


@lru_cache(maxsize=4096)
def whole(quantity: Quantity) -> int:
    """Return the quantity in ones, rounded up. Raises ValueError."""
    return _scaled(quantity, 0)


def _scaled(quantity: Quantity, decimals: int) -> int:
    """Return the quantity times 10^decimals, rounded up."""
    form = _FORM.fullmatch(str(quantity))
    if form is None:
        raise ValueError(f"{str(quantity)[:40]!r} is not a Kubernetes quantity, such as 250m, 2, 1.5Gi or 1e3")
    digits = int(form["whole"] + form["fraction"]) << _POWERS_OF_TWO.get(form["suffix"], 0)
    if digits and form["sign"] == "-":
        raise ValueError(f"{str(quantity)[:40]!r} is negative")
    exponent = _POWERS_OF_TEN.get(form["suffix"], 0) + int(form["exponent"] or 0)
    shift = exponent + decimals - len(form["fraction"])
    value = digits * 10**shift if shift >= 0 else -(-digits // 10**-shift)
    return min(value, MAX)
