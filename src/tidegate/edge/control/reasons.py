"""Why somebody did what he did, in his words: they are kept, shown, and told to others."""

from __future__ import annotations

from typing import Final

from tidegate.edge.denials import Denial, Kind
from tidegate.logs import mask_text

_LONGEST: Final = 500


def read_reason(given: object, place: str = "body reason", required: str | None = "is required, ") -> str:
    """The reason without what looks like a phone number, a token or a login: nobody has to know those to understand it.

    `place`: where it stands; `required`: what is said of one that is missing; None: it may be left out, and is empty
    then. Raises Denial.
    """
    if given is None and required is None:
        return ""
    if not isinstance(given, str) or not 0 < len(given.strip()) <= _LONGEST or not given.isprintable():
        needed = "has to be " if required is None else required
        raise Denial(Kind.BAD_REQUEST, f"{place}: {needed}1 to {_LONGEST} printable characters")
    return mask_text(given.strip())
