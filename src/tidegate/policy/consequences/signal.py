"""Something that happened, at Meta or to a send of ours, that may have consequences for other sends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.policy.reach import Subject


class Source(StrEnum):
    """Who says so. That decides what a signal may loosen; all of them may tighten."""

    #: Meta's webhook: signed, but late, repeated and out of order as it pleases.
    WEBHOOK = "webhook"
    #: Graph, read just now.
    GRAPH = "graph"
    #: Meta's answer to a send of ours.
    ANSWER = "answer"
    #: What became of a send of ours, by webhook.
    STATUS = "status"
    OPERATOR = "operator"
    #: Our own watch over the rates of outcomes.
    WARNING = "warning"


#: What they say proves that something is over.
PROVES: Final = frozenset({Source.GRAPH})


@dataclass(frozen=True, slots=True)
class Signal:
    """What happened, to whom, when, and who says so."""

    name: str
    """One of `vocabulary`."""
    subject: Subject
    at_ms: int
    """When it happened by Meta's clock; for what Graph was asked, when it was asked."""
    source: Source
    until_ms: int | None = None
    """The end that Meta itself named, if any."""
    detail: str = ""
    """A word of Meta's that the name has no room for, such as a violation's type that is not known yet."""
