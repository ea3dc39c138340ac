"""Kubernetes quantities as exact integers: thousandths of a CPU, bytes, pieces.

The notation and its rounding are those of `k8s.io/apimachinery/pkg/api/resource`: a decimal number with an SI suffix
(`n u m k M G T P E`), a binary one (`Ki` to `Ei`) or an exponent (`1e3`); what is too precise is rounded up, and what
is too large is capped at 2^63-1. No float is ever calculated with.

The API server stores numbers and exponents of any length in anybody's pods, `1e99999` too, and our caches hold all
pods: so what is not negative always has an amount, and none takes long to find.
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
    r"(?:[eE](?P<exponent>[+-]?[0-9]+)|(?P<suffix>[KMGTPE]i|[numkMGTPE])?)"
)
_PLACES: Final = 20
"""A number of more digits before its point is above MAX; one of as many zeros behind it is below 1, even in `Ei`."""
_DIGITS: Final = 64
"""More than decide how any number between those is rounded up."""
_EXPONENT_DIGITS: Final = 9
"""An exponent of as many outweighs all digits that fit into an object."""
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
    digits = (form["whole"] + form["fraction"]).lstrip("0")
    if digits and form["sign"] == "-":
        raise ValueError(f"{str(quantity)[:40]!r} is negative")
    exponent = _POWERS_OF_TEN.get(form["suffix"], 0) + _exponent(form["exponent"] or "0")
    places = len(digits) + exponent + decimals - len(form["fraction"])
    return _value(digits, places, _POWERS_OF_TWO.get(form["suffix"], 0))


def _value(digits: str, places: int, doublings: int) -> int:
    """Return 0.<digits>, which do not begin with 0, times 10^places times 2^doublings, rounded up, and MAX at most."""
    if not digits or places < -_PLACES:
        return 1 if digits else 0
    if places > _PLACES:
        return MAX
    kept = digits[:_DIGITS]
    number = int(kept) + bool(digits[_DIGITS:].strip("0")) << doublings  # what is cut off is rounded up at once
    shift = places - len(kept)
    return min(number * 10**shift if shift >= 0 else -(-number // 10**-shift), MAX)


def _exponent(text: str) -> int:
    """Return the number, or one as far from 0 as matters."""
    number = text.lstrip("+-0")
    size = int(number or "0") if len(number) < _EXPONENT_DIGITS else 10**_EXPONENT_DIGITS
    return -size if text.startswith("-") else size
