"""One user in a portfolio, and what changes what is known of them.

Rules:

1. The newest word on a category counts, by the time at which it was given, not by its arrival; of two at one time the
   refusal. So words that are late, repeated or swapped end in the same consent.
2. A word on one category says nothing of another: who wants no marketing still gets login codes.
3. Two names that are proven to be one user are one record (`same_as`). Names that only may be one user (`aliases`)
   share what was refused and nothing else: to merge too much costs a message that somebody wanted, to merge too little
   sends one that somebody has forbidden; for counting it is the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import Breaker, State, state_at
from tidegate.policy.frequency import trim

DAY_MS: Final = 86_400_000
#: For as long as Meta repeats a webhook, and a day: so long a breaker that has closed still knows what it was told.
CLOSED_KEPT_MS: Final = 8 * DAY_MS
#: A cap of ours is at most this many a week.
_MOST_TIMES: Final = 1_000
#: All that a user can refuse. Replies in a service window are not among it: only a message of the user's opens one.
REFUSABLE: Final = tuple(Category)


@dataclass(frozen=True, slots=True)
class Word:
    """What was said of one category: granted or refused, when (ms), and where that is known from (evidence)."""

    granted: bool
    at_ms: int
    source: str = field(default="", repr=False)

    def yields_to(self, other: Word) -> bool:
        """Whether the other word counts, and this one no longer."""
        if other.at_ms != self.at_ms:
            return other.at_ms > self.at_ms
        return self.granted and not other.granted


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """What is known of one user of a portfolio. All times are ms since the epoch.

    Users are named by 16 bytes, a keyed hash of the phone number or the business-scoped user id.
    """

    version: int = 0
    """Of the stored record that this was read from; 0: nothing is stored."""
    consents: Mapping[str, Word] = field(default_factory=dict)
    """By category; a newer version's categories are kept as they are."""
    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    """Those of the scopes recipient and pair, by id."""
    probed_at_ms: Mapping[str, int] = field(default_factory=dict)
    """When a half-open breaker last let a send through, by the breaker's id."""
    marketing_sent_at_ms: tuple[int, ...] = ()
    """When marketing was sent in the last 7 days, the oldest first; only while there is a cap on how often."""
    zone: str | None = field(default=None, repr=False)
    """The IANA zone that the user is known to be in; None: the number tells what it can."""
    same_as: bytes | None = field(default=None, repr=False)
    """The name that this name is proven to be another one of: all that counts is known there."""
    aliases: frozenset[bytes] = field(default=frozenset(), repr=False)
    """Names that may be the same user's."""
    seen_at_ms: int = 0
    """When `same_as` or an alias was last seen."""

    @property
    def refused(self) -> Mapping[str, Word]:
        """What the user does not want, by category."""
        return {category: word for category, word in self.consents.items() if not word.granted}

    def opted_out(self, category: Category) -> bool:
        """Whether the user refused messages of this category."""
        word = self.consents.get(category)
        return word is not None and not word.granted

    def opted_in(self, category: Category) -> bool:
        """Whether it is on record that the user wants messages of this category."""
        word = self.consents.get(category)
        return word is not None and word.granted

    def with_consent(self, category: Category | None, granted: bool, source: str, at_ms: int) -> User:
        """After a word on one category, or (None) on each: it counts unless a newer one is known.

        `at_ms` is when it was given. One from the future would silence all that is said until then: whoever reads a
        foreign clock has to cap it.
        """
        word = Word(granted, at_ms, source)
        return self.with_words(dict.fromkeys(REFUSABLE if category is None else (category,), word))

    def with_words(self, words: Mapping[str, Word]) -> User:
        """After several words, by category."""
        newer = {
            category: word
            for category, word in words.items()
            if category not in self.consents or self.consents[category].yields_to(word)
        }
        return replace(self, consents={**self.consents, **newer}) if newer else self

    def with_breaker(self, breaker: Breaker, now_ms: int) -> User:
        """With this breaker in the place of what was known of it; those that closed 8 days ago are forgotten."""
        breakers = {**self.breakers, breaker.id: breaker}
        kept = {id_: known for id_, known in breakers.items() if not _is_over(known, now_ms)}
        probed = {id_: at_ms for id_, at_ms in self.probed_at_ms.items() if id_ in kept}
        return replace(self, breakers=kept, probed_at_ms=probed)

    def with_marketing_send(self, at_ms: int) -> User:
        """After one more marketing message, for the cap on how often."""
        times = trim((*self.marketing_sent_at_ms, at_ms), at_ms)
        return replace(self, marketing_sent_at_ms=times[-_MOST_TIMES:])

    def in_zone(self, zone: str | None) -> User:
        """Known to be in this IANA zone, or (None) wherever the number says."""
        return replace(self, zone=zone)

    def proven_same_as(self, recipient: bytes, seen_at_ms: int) -> User:
        """Another name of this user's: nothing but the pointer is kept here."""
        return User(version=self.version, same_as=recipient, seen_at_ms=max(seen_at_ms, self.seen_at_ms))

    def linked(self, recipient: bytes, seen_at_ms: int) -> User:
        """May be the same as another user: what one refuses is refused for both."""
        return replace(self, aliases=self.aliases | {recipient}, seen_at_ms=max(seen_at_ms, self.seen_at_ms))

    def unlinked(self, recipient: bytes) -> User:
        """No longer taken for that other user; what was refused stays refused."""
        return replace(self, aliases=self.aliases - {recipient})

    def merged(self, other: User) -> User:
        """With all that was known of the same user under another name: of two breakers the stricter stays."""
        breakers = dict(self.breakers)
        for id_, breaker in other.breakers.items():
            breakers[id_] = max(breakers.get(id_, breaker), breaker, key=_strictness)
        return replace(
            self.with_words(other.consents),
            breakers=breakers,
            probed_at_ms=_latest(self.probed_at_ms, other.probed_at_ms),
            marketing_sent_at_ms=tuple(sorted(self.marketing_sent_at_ms + other.marketing_sent_at_ms)),
            zone=self.zone or other.zone,
            aliases=self.aliases | other.aliases,
            seen_at_ms=max(self.seen_at_ms, other.seen_at_ms),
        )

    def bare_refusals(self) -> User:
        """What is left of an erased user: the refusals, without where they are known from; nothing, if there are none.

        Whoever forgets that somebody has opted out writes to them again.
        """
        kept = {category: replace(word, source="") for category, word in self.refused.items()}
        return User(version=self.version, consents=kept)


#: A user of whom nothing is known.
EMPTY: Final = User()


def _is_over(breaker: Breaker, now_ms: int) -> bool:
    ended_ms = max(breaker.proven_at_ms, breaker.event_at_ms, breaker.until_ms or 0)
    return state_at(breaker, now_ms) is State.CLOSED and ended_ms + CLOSED_KEPT_MS <= now_ms


def _strictness(breaker: Breaker) -> tuple[bool, bool, int, int]:
    """Unproven before proven, then the later end (None never comes), then the newer news."""
    unproven = breaker.event_at_ms > breaker.proven_at_ms
    return unproven, breaker.until_ms is None, breaker.until_ms or 0, breaker.event_at_ms


def _latest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {id_: max(one.get(id_, 0), other.get(id_, 0)) for id_ in {**one, **other}}
