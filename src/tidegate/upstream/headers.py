"""The headers of Meta's answers, kept as they came: of all that is said with each answer next to nothing is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final


class Wanted:
    """Names of headers that somebody looks for, in lower case, and how those begin that are wanted as well."""

    __slots__ = ("beginnings", "lines", "needles")

    def __init__(self, *names: str, beginnings: Iterable[str] = ()) -> None:
        self.needles: Final = tuple([f"\r\n{name}:".encode() for name in names])
        self.beginnings: Final = tuple([f"\r\n{beginning}".encode() for beginning in beginnings])
        all_names = [*map(re.escape, names), *(f"{re.escape(beginning)}[^:\r]*" for beginning in beginnings)]
        #: Such lines, as name and value.
        self.lines: Final = re.compile(rf"\r\n({'|'.join(all_names)}):[ \t]*([^\r]*)", re.IGNORECASE | re.ASCII)


class Headers(Mapping[str, str]):
    """Headers by their names as they came, the last of a name; read when somebody looks."""

    __slots__ = ("_raw", "_read")

    def __init__(self, head: bytes) -> None:
        """`head`: from its status line to the break after its last header, in a form that llhttp takes."""
        self._raw = head
        self._read: dict[str, str] | None = None

    def has(self, wanted: Wanted) -> bool:
        """Whether there is any of these."""
        low = self._raw.lower()
        for needle in wanted.needles:
            if needle in low:
                return True
        return any(beginning in low for beginning in wanted.beginnings)

    def picked(self, wanted: Wanted) -> dict[str, str]:
        """Those of these, named as they came; the last of each."""
        return dict(wanted.lines.findall(self._raw.decode("latin-1")))

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"Headers({', '.join(self)})"

    def _all(self) -> dict[str, str]:
        if self._read is None:
            lines = [line.partition(":") for line in self._raw.decode("latin-1").split("\r\n")[1:-1]]
            self._read = {name: value.lstrip(" \t") for name, _, value in lines}
        return self._read
