"""That only one of several sends goes: what it claims is taken with all else that it needs, or it was not judged."""

from __future__ import annotations

from abc import abstractmethod

from msgspec import Struct

from tidegate.gateway.answered import Answered
from tidegate.policy.facts import Facts
from tidegate.store.idempotency import Entry


class Unclaimed(Exception):
    """Nothing was taken, nor said of the send: whoever claims for it has to find out whose its claim is."""


class Claim(Struct, kw_only=True, gc=False):
    """What one send claims, as long as it is on its way.

    It is claimed in the call that takes all else. A send that is denied anything, or that waits, is not judged: another
    one's answer goes before every verdict.
    """

    entry: Entry
    """What the ledger is asked for until it is taken."""
    is_taken: bool = False
    since_ms: int = 0
    """Since when it is (the store's time); 0: not told."""
    is_answered: bool = False
    """Whether its answer is kept with the outcome: nobody else has to see to that."""
    answered: Answered | None = None
    """That answer; let go where it is at hand as it is stored: it would be freed out of the cache's reach."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @abstractmethod
    def with_answer(self) -> bytes:
        """What is stored of it with its answer, which is told to whoever repeats the send.

        Raises StoreUnavailable, and TypeError for what is no text.
        """

    @abstractmethod
    def keep_later(self) -> None:
        """See to it that an answer is kept that can't be sealed now."""

    def heed(self, facts: Facts) -> None:
        """Note whether it was taken. Raises Unclaimed where the send has nothing, and it won't be decided anew."""
        if facts.taken:
            self.is_taken = True
            # Of a call that was carried out before its answer was lost it is not told when.
            if not facts.repeated:
                self.since_ms = facts.now_ms
        elif not (facts.stale or facts.other_user or facts.outdated):
            raise Unclaimed

    def keeps(self, message_id: str, answered: Answered) -> str:
        """What is kept with the outcome of this message, by its name; "": nothing, whoever claims for it does that."""
        if not self.since_ms or message_id != self.entry.message_id:
            return ""
        self.is_answered, self.answered = True, answered
        return self.entry.name


def refuse_unclaimed(claim: Claim | None) -> None:
    """Before anything but the ledger is heard of a send. Raises Unclaimed where its claim was not taken."""
    if claim is not None and not claim.is_taken:
        raise Unclaimed
