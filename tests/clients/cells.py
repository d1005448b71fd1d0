"""What is expected of a client library in one case, and whether it was so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tests.clients.asking import Told


class Done(StrEnum):
    """How a case ended that brought no failure to the caller."""

    WORKS = "works"
    #: It was refused, waited by itself, sent again and got through.
    WAITED = "waits, then works"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something else than the library said happened."""

    text: str

    def __str__(self) -> str:
        return f"WRONG: {self.text}"


Outcome = Done | Told | Wrong


@dataclass(frozen=True, slots=True)
class Ends:
    """The case ends so; `note`: what to know of it."""

    outcome: Done | Told
    note: str = ""

    def __str__(self) -> str:
        return str(self.outcome)


@dataclass(frozen=True, slots=True)
class Lacks:
    """The library has no such call; `why` says what it has instead."""

    why: str

    def __str__(self) -> str:
        return "has none"


@dataclass(frozen=True, slots=True)
class Breaks:
    """A fault of the library's own, which it has past the gateway as well: what its caller is told, and why."""

    told: Told
    why: str

    def __str__(self) -> str:
        return f"its own fault: {self.told}"


Cell = Ends | Lacks | Breaks

WORKS = Ends(Done.WORKS)
WAITS = Ends(Done.WAITED)


def raises(kind: str, code: int | None = None) -> Ends:
    """The caller gets an exception of this kind that shows this code; None: it hides the code."""
    return Ends(Told("raised", kind, code, ""))


def returns(kind: str, code: int | None = None) -> Ends:
    """The caller gets the failure as what the call returns."""
    return Ends(Told("returned", kind, code, ""))


def breaks(kind: str, why: str, code: int | None = None) -> Breaks:
    """A fault of the library's own, raised as an exception of this kind."""
    return Breaks(Told("raised", kind, code, ""), why)


def deviation(cell: Cell, outcome: Outcome | None) -> str | None:
    """How what happened differs from what is expected; None: it does not. An outcome of None: not run."""
    match cell:
        case Lacks():
            return None if outcome is None else f"has a call after all: {outcome}"
        case Ends(outcome=expected) | Breaks(told=expected):
            if outcome == expected:
                return None
            detail = f" ({outcome.text})" if isinstance(outcome, Told) else ""
            return f"expected: {expected}; was: {outcome}{detail}"
