"""Whom a message goes to, and what is known of them while it is on its way."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from tidegate.cloudapi.messages import Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.enforcement import Probes
from tidegate.policy.facts import Case, Facts
from tidegate.policy.rules import Rules
from tidegate.policy.users import EMPTY, User, expires_at_ms, read_user, sent, write_user
from tidegate.policy.verdict import Queue, Reason, Reject, Verdict
from tidegate.policy.zones import zones_of_recipient
from tidegate.store.users import Users

#: What only the user's record can say for certain.
USER_REASONS = frozenset(
    {
        Reason.OPTED_OUT,
        Reason.NO_OPT_IN,
        Reason.USER_MARKETING_LIMIT,
        Reason.RECIPIENT_SUPPRESSED,
        Reason.FREQUENCY_CAP,
        Reason.QUIET_HOURS,
    }
)


class Note(NamedTuple):
    """What a send leaves in the user's record once it is taken: the record after it, when that may be forgotten (ms,
    0 = never), which of the user's half-open breakers it is a probe of, and when it was noted as one of
    the marketing messages that are capped (ms, 0 = not)."""

    record: bytes
    expires_at_ms: int
    probes: tuple[str, ...]
    marketing_at_ms: int

    def with_probes(self, shared: Probes) -> Probes:
        """The breakers that the send is a probe of, with those that it is whoever gets it."""
        return Probes(shared.shared, self.probes) if self.probes else shared


class Addressee(Struct, gc=False):
    """One user during one submission.

    Of most users nothing is known, so that is taken for granted until `admit` says otherwise: one trip to the store
    instead of two. Whoever is refused for what is (not) known of them is looked up first.

    `name`: the 16 bytes that stand for the user, whatever name the request calls them by.
    """

    request: Request
    name: bytes
    user: User = EMPTY
    looked: bool = False

    @property
    def zones(self) -> tuple[str, ...]:
        """Zones that the user may be in, by number or user id."""
        return zones_of_recipient(self.request.kind, self.request.recipient)

    async def look(self, verdict: Verdict, users: Users, portfolio: str) -> bool:
        """Look the user up where a no rests on that; False where no more is to be known. Raises StoreUnavailable."""
        if self.looked or not isinstance(verdict, Queue | Reject) or verdict.reason not in USER_REASONS:
            return False
        self._know(await users.read(portfolio, self.name))
        return True

    def learn(self, facts: Facts) -> None:
        """Take over the record that `admit` has found in place of the one that the decision rested on."""
        self._know(read_user(facts.user_record, facts.user_version))

    def note(self, case: Case, rules: Rules, now_ms: int) -> Note | None:
        """What this send, if it is taken now, leaves in the user's record; None: nothing."""
        if case.category is not Category.MARKETING and not self.user.breakers:
            return None
        after = sent(self.user, case, rules, now_ms)
        if after is self.user:
            return None
        capped = after.marketing_sent_at_ms != self.user.marketing_sent_at_ms
        probed = after.probed_at_ms.items()
        probes = tuple(id_ for id_, at_ms in probed if self.user.probed_at_ms.get(id_) != at_ms)
        return Note(write_user(after), expires_at_ms(after, now_ms), probes, now_ms if capped else 0)

    def _know(self, user: User) -> None:
        self.looked = True
        self.user = user
        if user.same_as is not None and user.same_as != self.name:
            # Another name of the same user: all that counts is known there.
            self.name, self.user, self.looked = user.same_as, EMPTY, False
