"""Amounts of money: written as decimals ("0.0118"), held and reckoned in whole micro-units (millionths) of a currency.

Integers only: neither Python nor a store's script may lose a part of a cent. The largest amount stays below 2**53,
up to which a script's numbers are exact.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

MICROS: Final = 1_000_000
LARGEST_MICROS: Final = 9_000_000_000 * MICROS

_WRITTEN: Final = re.compile(r"[0-9]{1,10}(?:\.[0-9]{1,6})?")


def read_micros(written: Any) -> int:
    """Micro-units of `"0.0118"`, or of a bare number, with at most six decimal places.

    Raises ValueError, with a message that does not repeat the value.
    """
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        raise ValueError('must be an amount such as "0.0118", or a number')
    # repr, not the binary fraction behind it: 0.07 is seven hundredths. "f" spells 1e-06 out.
    text = written.strip() if isinstance(written, str) else format(Decimal(repr(written)), "f")
    if _WRITTEN.fullmatch(text) is None:
        raise ValueError("must be an amount of 0 or more with at most 6 decimal places")
    micros = int(Decimal(text).scaleb(6))
    if micros > LARGEST_MICROS:
        raise ValueError(f"must be at most {LARGEST_MICROS // MICROS}")
    return micros


def write_micros(micros: int) -> str:
    """The amount in decimals, at least two of them: `write_micros(11_800) == "0.0118"`; a debt begins with "-"."""
    whole, part = divmod(abs(micros), MICROS)
    decimals = f"{part:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{decimals}"


Micros = Annotated[
    int,
    BeforeValidator(read_micros),
    PlainSerializer(write_micros, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["0.0118", "250.00"]}),
]
"""Field type: written as an amount, held as whole micro-units (name the attribute `..._micros`)."""
