"""So many in so long, as an operator writes it: `"5/10m"`, `"3 in a row"`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from tidegate.policy.duration import read_duration, write_duration

_ROW: Final = re.compile(r"([0-9]{1,6}) in a row")
_MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Often:
    """`count` within `window_ms`, or `count` in a row where that is None."""

    count: int
    window_ms: int | None

    def __str__(self) -> str:
        if self.window_ms is None:
            return f"{self.count} in a row"
        return f"{self.count}/{write_duration(self.window_ms)}"

    @property
    def every_ms(self) -> int | None:
        """How far apart they are when spread evenly; None for those in a row."""
        return None if self.window_ms is None else max(1, self.window_ms // self.count)


def read_often(written: Any) -> Often:
    """A count and a span such as `"5/10m"`, or `"3 in a row"`. Raises ValueError, without repeating the value."""
    if isinstance(written, Often):
        return written
    text = written if isinstance(written, str) else ""
    row = _ROW.fullmatch(text)
    count, _, span = (row[1], "", "") if row else text.partition("/")
    if not re.fullmatch("[0-9]{1,7}", count) or not 0 < int(count) <= _MOST or not (row or span):
        raise ValueError('must be a count in a time such as "5/10m", or "3 in a row"')
    window_ms = None if row else read_duration(span)
    if window_ms == 0:
        raise ValueError("must be a count in a time that is longer than nothing")
    return Often(int(count), window_ms)


def _read_pace(written: Any) -> Often:
    often = read_often(written)
    if often.window_ms is None:
        raise ValueError('must be a count in a time such as "1/1m"')
    return often


_AS_WRITTEN: Final = PlainSerializer(str, return_type=str)

Threshold = Annotated[
    Often,
    BeforeValidator(read_often),
    _AS_WRITTEN,
    WithJsonSchema({"type": "string", "examples": ["5/10m", "3 in a row"]}),
]
"""Field type: how often something has to happen."""

Pace = Annotated[
    Often, BeforeValidator(_read_pace), _AS_WRITTEN, WithJsonSchema({"type": "string", "examples": ["1/1m"]})
]
"""Field type: how often something may happen."""
