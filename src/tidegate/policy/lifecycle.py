"""The life of a message as one table: its states, their order, and which of them end it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a message is. A status webhook moves it to a state of higher rank, never to a lower one."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    SENT = "sent"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


#: Delivered beats failed: with several devices one may fail after another got the message (Meta, support page).
RANK: Final[dict[State, int]] = {
    State.QUEUED: 0,
    State.SENDING: 1,
    State.UNKNOWN: 2,
    State.ACCEPTED: 3,
    State.SENT: 4,
    State.FAILED: 5,
    State.DELIVERED: 6,
    State.READ: 7,
    State.EXPIRED: 9,
    State.CANCELLED: 9,
}

#: Meta's status words that are no state of ours: a voice note that was played was read.
FROM_STATUS: Final[dict[str, State]] = {
    "sent": State.SENT,
    "delivered": State.DELIVERED,
    "read": State.READ,
    "played": State.READ,
    "failed": State.FAILED,
}
