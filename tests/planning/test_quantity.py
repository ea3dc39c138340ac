from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foosets.planning.quantity import MAX, Quantity, amount, milli, quantity_of, whole


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("250m", 250),
        ("1", 1000),
        (2, 2000),
        (0.5, 500),
        ("1.5", 1500),
        (".5", 500),
        ("2.", 2000),
        ("1k", 1_000_000),
        ("1e3", 1_000_000),
        ("1E3", 1_000_000),
        ("15e-1", 1500),
        ("100u", 1),
        ("1n", 1),
        ("0.1m", 1),
        ("+3", 3000),
        ("0", 0),
        ("-0", 0),
    ],
)
def test_thousandths(quantity: Quantity, expected: int) -> None:
    assert milli(quantity) == expected
    assert amount("cpu", quantity) == expected


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("128974848", 128974848),
        ("129e6", 129_000_000),
        ("129M", 129_000_000),
        ("128974848000m", 128974848),
        ("123Mi", 123 * 2**20),
        ("1Ki", 1024),
        ("1.5Gi", 3 * 2**29),
        ("0.3Ki", 308),
        ("2Ti", 2**41),
        ("1Pi", 2**50),
        ("1E", 10**18),
        ("1Ei", 2**60),
        ("1m", 1),
        (110, 110),
        ("8Ei", MAX),
        ("1e999", MAX),
        ("1e-999", 1),
        (1e22, MAX),
        ("1e99999", MAX),
        ("1e" + "9" * 5000, MAX),
        ("1e-99999", 1),
        ("1e-" + "9" * 5000, 1),
        ("0e99999", 0),
        ("0" * 5000 + "7", 7),
        ("7." + "0" * 5000, 7),
        ("7." + "0" * 5000 + "1", 8),
        ("9" * 5000, MAX),
        ("." + "9" * 5000 + "Ki", 1024),
        ("9223372036854775806", MAX - 1),
        ("0.0000000000000000008Ei", 1),
    ],
)
def test_ones(quantity: Quantity, expected: int) -> None:
    assert whole(quantity) == expected
    assert amount("memory", quantity) == expected
    assert amount("example.com/gpu", quantity) == expected


@pytest.mark.parametrize(
    "quantity",
    ["", " 1", "1 ", "abc", ".", "1.2.3", "1K", "1mi", "1kk", "1e", "1e3m", "1m3", "e3", "0x1", "\u0661", "nan"],
)
def test_what_is_no_quantity(quantity: str) -> None:
    with pytest.raises(ValueError, match="is not a Kubernetes quantity"):
        whole(quantity)


SERVERS_PATTERN = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?"
"""The one that our CRDs carry; the API server has stored pods with whatever fits it and is not negative."""


@given(st.from_regex(SERVERS_PATTERN, fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_whatever_the_api_server_stores_is_an_amount(quantity: str) -> None:
    assert 0 <= whole(quantity.replace("-", "", 1) if quantity.startswith("-") else quantity) <= MAX


def test_less_than_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="'-1Mi' is negative"):
        amount("memory", "-1Mi")


@given(st.decimals(min_value=0, max_value=10**9, places=6), st.sampled_from(["m", "", "k", "M"]))
def test_rounded_up_and_never_by_more_than_one(number: Decimal, suffix: str) -> None:
    exact = number * {"m": Decimal("0.001"), "": 1, "k": 1000, "M": 10**6}[suffix]
    assert 0 <= whole(f"{number:f}{suffix}") - exact < 1
    assert 0 <= milli(f"{number:f}{suffix}") - exact * 1000 < 1


@pytest.mark.parametrize(
    ("resource", "value", "expected"),
    [("cpu", 250, "250m"), ("cpu", 2000, "2000m"), ("memory", 2**24, "16777216"), ("example.com/gpu", 1, "1")],
)
def test_an_amount_is_written_in_the_units_it_is_counted_in(resource: str, value: int, expected: str) -> None:
    assert quantity_of(resource, value) == expected


@given(st.sampled_from(["cpu", "memory", "pods", "example.com/gpu"]), st.integers(0, MAX))
def test_what_is_written_is_read_back_without_loss(resource: str, value: int) -> None:
    assert amount(resource, quantity_of(resource, value)) == value
