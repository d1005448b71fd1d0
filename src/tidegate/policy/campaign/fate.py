"""What became of one row of a campaign's audience, as one byte, and which of two words on it stays."""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import Final

from tidegate.policy.campaign.phase import Phase
from tidegate.policy.lifecycle import State


class Fate(IntEnum):
    """Where a row is. A higher one stays; only `queued` and `sending` follow each other both ways."""

    PENDING = 0
    """Not in the send queue yet."""

    QUEUED = 1
    SENDING = 2
    UNKNOWN = 3
    ACCEPTED = 4
    SENT = 5
    FAILED = 6
    DELIVERED = 7
    READ = 8
    EXPIRED = 9
    CANCELLED = 10

    @property
    def word(self) -> str:
        """Its name as callers see it."""
        return self.name.lower()


#: The order is that of `policy/lifecycle.RANK`: delivered beats failed, and nothing revives what ended unsent.
OF_STATE: Final = MappingProxyType({state: Fate[state.name] for state in State})
#: Fates of rows that are in the send queue, or with a node that sends them: nobody can say yet that they are gone.
IN_HAND: Final = (Fate.QUEUED, Fate.SENDING)
#: Fates of rows whose message Meta took, and has not refused since.
TAKEN: Final = (Fate.ACCEPTED, Fate.SENT, Fate.DELIVERED, Fate.READ)
#: Fates that a later word may still change.
OPEN: Final = (*IN_HAND, Fate.UNKNOWN, Fate.ACCEPTED, Fate.SENT, Fate.DELIVERED)


def final(fate: Fate, phase: Phase) -> Fate:
    """What a row's fate is told as: of a campaign that is over, a row that was never fed never will be."""
    if fate is not Fate.PENDING:
        return fate
    return {Phase.CANCELLED: Fate.CANCELLED, Phase.FINISHED: Fate.EXPIRED}.get(phase, fate)
