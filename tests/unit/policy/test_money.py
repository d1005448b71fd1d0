"""Money in whole micro-units, from every way of writing it, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.policy.money import LARGEST_MICROS, MICROS, read_micros, write_micros


@pytest.mark.parametrize(
    ("written", "micros"),
    [
        pytest.param("0.0118", 11_800, id="a price"),
        pytest.param("250", 250 * MICROS, id="a budget"),
        pytest.param("250.00", 250 * MICROS, id="with its cents"),
        pytest.param(" 1.5 ", 1_500_000, id="spaces around it"),
        pytest.param("0", 0, id="nothing"),
        pytest.param("0.000001", 1, id="the smallest amount"),
        pytest.param(250, 250 * MICROS, id="a whole number"),
        pytest.param(0.07, 70_000, id="a float is what it looks like"),
        pytest.param(1e-06, 1, id="even with an exponent"),
        pytest.param(1.1, 1_100_000, id="1.1 in binary is a bit more"),
        pytest.param("9000000000", LARGEST_MICROS, id="the largest amount"),
    ],
)
def test_an_amount_is_read(written: Any, micros: int) -> None:
    assert read_micros(written) == micros


@pytest.mark.parametrize(
    "written",
    [
        pytest.param("-1", id="a debt"),
        pytest.param(-0.5, id="a debt as a number"),
        pytest.param("0.0000001", id="a seventh decimal place"),
        pytest.param(0.1 + 0.2, id="a float that has too many"),
        pytest.param("1,50", id="a comma"),
        pytest.param("1e3", id="an exponent"),
        pytest.param("$5", id="a currency"),
        pytest.param("", id="nothing"),
        pytest.param(".5", id="no digit before the point"),
        pytest.param("٣", id="digits of another script"),
        pytest.param(True, id="a boolean"),
        pytest.param(None, id="null"),
        pytest.param(float("nan"), id="no number"),
        pytest.param(float("inf"), id="no end"),
        pytest.param("9000000000.000001", id="more than a script can count"),
        pytest.param("99999999999", id="more digits than any amount has"),
    ],
)
def test_what_is_no_amount_is_refused_without_repeating_it(written: Any) -> None:
    with pytest.raises(ValueError, match=r"^must be ") as refused:
        read_micros(written)
    assert str(written) not in str(refused.value).replace("amount", "") or written in ("", None)


@pytest.mark.parametrize(
    ("micros", "written"),
    [
        (11_800, "0.0118"),
        (250 * MICROS, "250.00"),
        (1_500_000, "1.50"),
        (1, "0.000001"),
        (0, "0.00"),
        (-2_250_000, "-2.25"),
    ],
)
def test_an_amount_is_written(micros: int, written: str) -> None:
    assert write_micros(micros) == written


@settings(deadline=None)
@given(st.integers(0, LARGEST_MICROS))
def test_what_is_written_reads_back(micros: int) -> None:
    assert read_micros(write_micros(micros)) == micros
    assert int(float(micros)) == micros
