"""Rows as CSV, safe to be opened by a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

#: What a spreadsheet takes for the beginning of a formula. Source: OWASP, "CSV Injection".
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_of(rows: Iterable[Iterable[object]]) -> bytes:
    """The rows as lines of CSV; None is an empty cell."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
