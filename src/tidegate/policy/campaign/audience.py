"""An audience as it is uploaded: NDJSON or CSV, read row by row. A row that can't be read is told, and loses no other.

Both have a column `to` (an international phone number) or `recipient` (a business-scoped user id), those that the
campaign's templates ask for, and `segment` where its steps go by segment; others are left out.
"""

from __future__ import annotations

import csv
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from tidegate.cloudapi.json_text import BadJson, read_json
from tidegate.cloudapi.recipients import RecipientKind, canonical_phone, is_bsuid
from tidegate.policy.campaign.lines import LONGEST_LINE, BadAudience, Line, Lines
from tidegate.policy.campaign.spec import Campaign

#: So many lines a quoted cell may have, its first included.
_MOST_LINES: Final = 10
_TOO_LONG: Final = f"is longer than {LONGEST_LINE} bytes (lines end with LF or CRLF)"
_DELIMITERS: Final = (",", ";", "\t")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class BadRow(NamedTuple):
    """A row that is left out, by its first line from 1 on, and why: nothing of what it said."""

    line: int
    why: str


class Candidate(NamedTuple):
    """A row that can be sent to, but for that its recipient may have had one before. `to` as in `spec.Row`."""

    line: int
    kind: RecipientKind
    to: str
    columns: dict[str, str]
    segment: str


class RowReader(ABC):
    """Reads rows of one campaign's audience, from bytes in pieces of any size."""

    def __init__(self, campaign: Campaign) -> None:
        self._lines = Lines()
        self._wanted = campaign.columns
        self._segments = frozenset(step.segment for step in campaign.steps if step.segment is not None)

    def feed(self, data: bytes) -> Iterator[Candidate | BadRow]:
        """The rows that end in `data`. Raises BadAudience when there is nothing to be read of it at all."""
        for line in self._lines.feed(data):
            yield from self._line(line)

    def end(self) -> Iterator[Candidate | BadRow]:
        """What is left when all was fed. Raises as `feed` does."""
        for line in self._lines.end():
            yield from self._line(line)

    @abstractmethod
    def _line(self, line: Line) -> Iterator[Candidate | BadRow]:
        """The rows that end with this line."""

    def _row(self, line: int, cells: Mapping[str, Any]) -> Candidate | BadRow:
        """The row of these cells, by the names of their columns."""
        try:
            kind, to = _whom(cells)
            columns = {name: _value(cells.get(name), name) for name in self._wanted}
            segment = ""
            if self._segments:
                segment = _value(cells.get("segment"), "segment")
                if segment not in self._segments:
                    raise ValueError("segment: no step is for it")
        except ValueError as fault:
            return BadRow(line, str(fault))
        return Candidate(line, kind, to, columns, segment)


class JsonRows(RowReader):
    """NDJSON: one object a line."""

    def _line(self, line: Line) -> Iterator[Candidate | BadRow]:
        number, content = line
        if content is None:
            yield BadRow(number, _TOO_LONG)
        elif content.strip():
            try:
                cells = read_json(content)
            except BadJson as fault:
                # A place within one line would be taken for one within the whole.
                yield BadRow(number, str(fault).partition(" (line")[0])
                return
            yield self._row(number, cells) if isinstance(cells, dict) else BadRow(number, "is no JSON object")


class CsvRows(RowReader):
    """CSV by RFC 4180: the first line names the columns; cells are parted by commas, semicolons or tabs."""

    def __init__(self, campaign: Campaign) -> None:
        super().__init__(campaign)
        self._header: list[str] = []
        self._delimiter = ","
        #: Lines of a quoted cell that has not ended yet.
        self._open: list[tuple[int, str]] = []

    def end(self) -> Iterator[Candidate | BadRow]:
        """What is left when all was fed. Raises as `feed` does."""
        yield from super().end()
        while self._open:
            yield from self._give_up()
        if not self._header:
            raise BadAudience("is empty: its first line has to name the columns")

    def _line(self, line: Line) -> Iterator[Candidate | BadRow]:
        number, content = line
        try:
            text = _text(content)
        except ValueError as fault:
            if not self._header:
                raise BadAudience(f"line {number}, which has to name the columns, {fault}") from None
            # A cell that is open over it never ends.
            while self._open:
                yield from self._give_up()
            yield BadRow(number, str(fault))
            return
        if not self._header:
            if text.strip():
                self._read_header(number, text)
        elif text or self._open:
            yield from self._text(number, text)

    def _read_header(self, number: int, text: str) -> None:
        for delimiter in _DELIMITERS:
            try:
                cells = _cells([text], delimiter)
            except csv.Error:
                cells = None
            names = [name.strip() for name in cells or ()]
            if not {"to", "recipient"}.isdisjoint(names):
                self._header, self._delimiter = names, delimiter
                break
        else:
            raise BadAudience(f"line {number} has to name the columns, and to or recipient among them")
        if len(set(self._header)) < len(self._header):
            raise BadAudience("names a column twice")
        for name in (*self._wanted, *(["segment"] if self._segments else [])):
            if name not in self._header:
                raise BadAudience(f"has no column {name}, which the campaign asks for")

    def _text(self, number: int, text: str) -> Iterator[Candidate | BadRow]:
        self._open.append((number, text))
        first = self._open[0][0]
        try:
            # Only a quote ends what a quote has begun.
            cells = (
                _cells([text for _, text in self._open], self._delimiter) if number == first or '"' in text else None
            )
        except csv.Error:
            yield from self._give_up()
            return
        if cells is None:
            if len(self._open) >= _MOST_LINES or sum(len(text) for _, text in self._open) > LONGEST_LINE:
                yield from self._give_up()
            return
        self._open.clear()
        if len(cells) != len(self._header):
            yield BadRow(first, f"has {len(cells)} cells, and the header {len(self._header)}")
        else:
            yield self._row(first, dict(zip(self._header, cells, strict=True)))

    def _give_up(self) -> Iterator[Candidate | BadRow]:
        """Leave out the first line that is open, and read the others anew."""
        (first, _), *others = self._open
        self._open.clear()
        yield BadRow(first, "has a quote that is not closed, or not doubled within quotes")
        for number, text in others:
            yield from self._text(number, text)


def _cells(lines: Sequence[str], delimiter: str) -> list[str] | None:
    """The cells of one row; None where a quote is still open at its end. Raises csv.Error."""
    if len(lines) == 1 and '"' not in lines[0] and "\r" not in lines[0]:
        return lines[0].split(delimiter)  # as the reader would, in a fraction of the time
    is_open = False

    def fed() -> Iterator[str]:
        nonlocal is_open
        for line in lines:
            yield f"{line}\n"
        is_open = True

    try:
        return next(csv.reader(fed(), delimiter=delimiter, strict=True))
    except csv.Error:
        if is_open:
            return None
        raise


def _text(content: bytes | None) -> str:
    if content is None:
        raise ValueError(_TOO_LONG)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def _whom(cells: Mapping[str, Any]) -> tuple[RecipientKind, str]:
    to, recipient = (_given(cells, name) for name in ("to", "recipient"))
    if to and recipient:
        raise ValueError("to, recipient: both are given")
    if recipient:
        if not is_bsuid(recipient):
            raise ValueError("recipient: is no business-scoped user id such as US.13491208655302741918")
        return RecipientKind.BSUID, recipient
    if not to:
        raise ValueError("to: is missing")
    digits = canonical_phone(to)
    if digits is None:
        if is_bsuid(to):
            raise ValueError("to: holds a business-scoped user id, which belongs in recipient")
        raise ValueError("to: is no international phone number of 7 to 15 digits, country code first")
    return RecipientKind.PHONE, digits


def _given(cells: Mapping[str, Any], name: str) -> str:
    value = cells.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name}: has to be text")
    return value.strip()


def _value(value: Any, name: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is None:
        raise ValueError(f"{name}: is missing")
    if not isinstance(value, str):
        raise ValueError(f"{name}: has to be text or a whole number")
    if not value.strip():
        raise ValueError(f"{name}: is empty")
    if _CONTROL.search(value):
        raise ValueError(f"{name}: has a control character")
    return value
