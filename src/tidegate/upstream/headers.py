"""The heads of Meta's answers, kept as they came: of all that is said with each answer next to nothing is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final


class Wanted:
    """Names of headers that somebody looks for, in lower case, and how those begin that are wanted as well.

    They are looked for in a head: from its status line to its last header, in a form that llhttp takes.
    """

    __slots__ = ("beginnings", "lines", "needles")

    def __init__(self, *names: str, beginnings: Iterable[str] = ()) -> None:
        self.needles: Final = tuple([f"\r\n{name}:".encode() for name in names])
        self.beginnings: Final = tuple([f"\r\n{beginning}".encode() for beginning in beginnings])
        all_names = [*map(re.escape, names), *(f"{re.escape(beginning)}[^:\r]*" for beginning in beginnings)]
        #: Such lines, as name and value.
        self.lines: Final = re.compile(rf"\r\n({'|'.join(all_names)}):[ \t]*([^\r]*)", re.IGNORECASE | re.ASCII)

    def stands_in(self, head: bytes) -> bool:
        """Whether there is any of these."""
        low = head.lower()
        for needle in self.needles:
            if needle in low:
                return True
        return any(beginning in low for beginning in self.beginnings)

    def picked(self, head: bytes) -> dict[str, str]:
        """Those of these, named as they came; of a name that comes again the last."""
        return dict(self.lines.findall(head.decode("latin-1")))
