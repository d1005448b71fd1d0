"""What becomes of a message that was submitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from msgspec import Struct

from tidegate.policy.decide import Answer
from tidegate.policy.facts import Facts
from tidegate.policy.verdict import Reason, Verdict
from tidegate.upstream import Response


class Forwarded(Struct, frozen=True, gc=False):
    """Meta's own answer, to be passed on byte for byte."""

    verdict: ClassVar[str] = "send"
    reason: ClassVar[Reason | None] = None

    message_id: str
    response: Response
    accepted: bool


@dataclass(frozen=True, slots=True)
class Held:
    """Kept in the queue (`verdict` queue), or sent with an outcome that nobody knows yet (`unknown`)."""

    message_id: str
    verdict: str
    reason: Reason
    until_ms: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Not sent and not kept."""

    verdict: ClassVar[str] = "reject"

    message_id: str
    reason: Reason
    detail: str
    until_ms: int | None
    pacing: bool


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A fault of ours, or Meta out of reach: nothing was sent, nothing is kept, try again."""

    verdict: ClassVar[str] = "reject"

    message_id: str
    detail: str
    reason: Reason = Reason.STORE_UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Gone:
    """A queued message that is not this attempt's any more: cancelled, expired, or claimed by another node."""

    verdict: ClassVar[str] = "gone"
    reason: ClassVar[Reason | None] = None

    message_id: str


Answered = Forwarded | Held | Refused | Unavailable | Gone
"""Each has a verdict and a reason, for counting."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen to a send, and every guardrail's answer."""

    verdict: Verdict
    answers: list[Answer]
    facts: Facts
    rules_version: str
