"""Spans of time as an operator writes them (`"90s"`, `"24h"`, `7.5`), kept as whole milliseconds."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

MS_PER_UNIT: Final = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
LONGEST_MS: Final = 3_660 * MS_PER_UNIT["d"]
"""Ten years. Whoever writes more has slipped a digit or a unit."""

_SPELLING: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*(ms|[smhd])?")


def read_duration(written: Any) -> int:
    """Milliseconds of `"90s"`, `"10m"`, `"24h"`, `"7d"`, `"250ms"`, or of a bare number of seconds.

    Raises ValueError, with a message that does not repeat the value.
    """
    if isinstance(written, bool) or not isinstance(written, int | float | str):
        raise ValueError('must be a duration such as "90s", "10m", "24h", "7d", or a number of seconds')
    match = _SPELLING.fullmatch(str(written).strip())
    if match is None:
        raise ValueError('must be a duration such as "90s", "10m", "24h", "7d", or a number of seconds')
    amount_ms = float(match[1]) * MS_PER_UNIT[match[2] or "s"]
    if amount_ms > LONGEST_MS:
        raise ValueError("must not be longer than 10 years")
    return round(amount_ms)


def write_duration(span_ms: int) -> str:
    """The shortest spelling that reads back as the same span: `write_duration(7_200_000) == "2h"`."""
    for unit, unit_ms in MS_PER_UNIT.items():
        if span_ms % unit_ms == 0 and span_ms:
            return f"{span_ms // unit_ms}{unit}"
    return "0s"


Duration = Annotated[
    int,
    BeforeValidator(read_duration),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["90s", "10m", "24h", "7d"]}),
]
"""Field type: written as a duration, held as whole milliseconds (name the attribute `..._ms`)."""
