"""One event of the live feed, and the id by which whoever lost the connection goes on from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from tidegate.policy.instant import write_time
from tidegate.store.feeds import EntryId

_ID: Final = re.compile(r"([0-9]{1,15})-([0-9]{1,15})-([0-9]{1,6})")


class Kind(StrEnum):
    """What an event tells of."""

    #: A guarded send was answered, or came out of the queue and was decided.
    DECISION = "decision"
    #: A message has another state: Meta told its status, or it left the queue unsent.
    STATUS = "status"
    #: A fact of the standing changed: a number, a template, a limit, the rules.
    STANDING = "standing"
    BREAKER = "breaker"
    PAUSE = "pause"
    #: A campaign moved.
    CAMPAIGN = "campaign"
    #: There was more of this than a reader could follow: how many decisions or statuses were left out.
    LEFT_OUT = "left_out"
    #: This reader was too slow, or away for too long: how many events it missed.
    GAP = "gap"


class EventId(NamedTuple):
    """Where an event stands: the entry that it came in, and its number there."""

    entry: EntryId = EntryId()
    place: int = 0

    def __str__(self) -> str:
        return f"{self.entry}-{self.place}"

    @classmethod
    def read(cls, text: str) -> EventId | None:
        """What `str` gave; None for anything else."""
        match = _ID.fullmatch(text)
        return None if match is None else cls(EntryId(int(match[1]), int(match[2])), int(match[3]))

    @property
    def before(self) -> EntryId:
        """The last entry before the one that it came in."""
        ms, seq = self.entry
        return EntryId(ms, seq - 1) if seq else EntryId(max(0, ms - 1), 2**63)


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event. `id` is None for what is told to one reader alone. `data` is of JSON values; `text` the same as JSON,
    with `at` and `portfolio`."""

    id: EventId | None
    kind: Kind
    portfolio: str
    at_ms: int
    data: Mapping[str, Any]
    text: bytes = field(repr=False, default=b"")

    @classmethod
    def of(cls, id_: EventId | None, kind: Kind, portfolio: str, at_ms: int, data: Mapping[str, Any]) -> FeedEvent:
        """It with its text."""
        text = orjson.dumps({"at": write_time(at_ms), "portfolio": portfolio, **data})
        return cls(id_, kind, portfolio, at_ms, data, text)
