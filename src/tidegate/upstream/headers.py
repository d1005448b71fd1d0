"""The headers of Meta's answers, kept as they came: of all that is said with each answer next to nothing is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct


class Wanted:
    """Names of headers that somebody looks for, in lower case, and how those begin that are wanted as well."""

    __slots__ = ("beginnings", "lines", "needles")

    def __init__(self, *names: str, beginnings: Iterable[str] = ()) -> None:
        self.needles: Final = tuple([f"\r\n{name}:".encode() for name in names])
        self.beginnings: Final = tuple([f"\r\n{beginning}".encode() for beginning in beginnings])
        all_names = [*map(re.escape, names), *(f"{re.escape(beginning)}[^:\r]*" for beginning in beginnings)]
        #: Such lines, as name and value.
        self.lines: Final = re.compile(rf"\r\n({'|'.join(all_names)}):[ \t]*([^\r]*)", re.IGNORECASE | re.ASCII)


class Headers(Struct, frozen=True, gc=False):
    """The headers of a head: from its status line to the break after its last header, in a form that llhttp takes.

    Of a name that comes again the last counts.
    """

    head: bytes

    def has(self, wanted: Wanted) -> bool:
        """Whether there is any of these."""
        low = self.head.lower()
        for needle in wanted.needles:
            if needle in low:
                return True
        return any(beginning in low for beginning in wanted.beginnings)

    def picked(self, wanted: Wanted) -> dict[str, str]:
        """Those of these, named as they came."""
        return dict(wanted.lines.findall(self.head.decode("latin-1")))

    def all(self) -> dict[str, str]:
        """All of them, named as they came."""
        lines = [line.partition(":") for line in self.head.decode("latin-1").split("\r\n")[1:-1]]
        return {name: value.lstrip(" \t") for name, _, value in lines}

    def __repr__(self) -> str:
        return f"Headers({', '.join(self.all())})"
