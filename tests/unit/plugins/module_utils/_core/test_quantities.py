"""Quantities as Kubernetes writes them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.quantities import parse_quantity, read_quantity
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity as of_client

pytestmark = pytest.mark.storage

KNOWN = [
    ("0", 0),
    ("1", 1),
    ("+1", 1),
    ("-1", -1),
    ("1.", 1),
    (".5", Fraction(1, 2)),
    ("0001", 1),
    ("1Ki", 2**10),
    ("1Gi", 2**30),
    ("1.5Gi", 3 * 2**29),
    ("1024Mi", 2**30),
    ("1k", 1000),
    ("1M", 10**6),
    ("1E", 10**18),
    ("1Ei", 2**60),
    ("1e3", 1000),
    ("1E3", 1000),
    ("1e+3", 1000),
    ("12e-1", Fraction(12, 10)),
    ("500m", Fraction(1, 2)),
    ("1u", Fraction(1, 10**6)),
    ("1n", Fraction(1, 10**9)),
    ("0.1n", Fraction(1, 10**9)),
    ("-0.1n", Fraction(-1, 10**9)),
    ("1.0000000001", 1 + Fraction(1, 10**9)),
]
NONE = [
    "",
    " ",
    ".",
    "+",
    "-",
    "Gi",
    "1 Gi",
    "1gi",
    "1KI",
    "1K",
    "1kb",
    "1GB",
    "1,5Gi",
    "1e",
    "1e3Gi",
    "0x1",
    "1_000",
    "--1",
    "1Gi ",
    "\u0661",
    "nan",
]


@pytest.mark.parametrize(("text", "number"), KNOWN)
def test_known(text: str, number: Fraction | int) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", NONE)
def test_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_quantity(text)


@pytest.mark.parametrize("text", ["1e999", "1e-999", "9" * 101])
def test_numbers_beyond_any_cluster_are_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match="that a cluster can hold"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("value", "number"), [("1Gi", 2**30), (3, 3), (None, None), (True, None), ([], None), ("x", None), (1.5, None)]
)
def test_what_a_server_sent(value: object, number: int | None) -> None:
    assert read_quantity(value) == number


NUMBERS = st.decimals(min_value=-(10**6), max_value=10**6, places=4)
UNITS = {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "m": Fraction(1, 1000)}


@given(NUMBERS, st.sampled_from(sorted(UNITS)))
def test_number_times_unit(number: Decimal, unit: str) -> None:
    assert parse_quantity(f"{number:f}{unit}") == Fraction(number) * UNITS[unit]


@given(st.integers(0, 2**50), st.sampled_from([("Gi", "Mi"), ("Mi", "Ki"), ("Ti", "Gi")]))
def test_the_same_amount_in_a_smaller_unit(number: int, units: tuple[str, str]) -> None:
    assert parse_quantity(f"{number}{units[0]}") == parse_quantity(f"{number * 1024}{units[1]}")


@given(NUMBERS, st.sampled_from(["", "Ki", "Gi", "k", "M", "m"]))
def test_the_kubernetes_client_agrees(number: Decimal, unit: str) -> None:
    """Where it does: the client computes with 28 digits and does not round to billionths."""
    assert parse_quantity(f"{number:f}{unit}") == Fraction(of_client(f"{number:f}{unit}"))


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_an_error(text: str) -> None:
    try:
        assert isinstance(parse_quantity(text), Fraction)
    except ValueError as error:
        assert "not a quantity" in str(error)
