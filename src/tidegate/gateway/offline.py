"""Admission while the store is away, by what this node knows itself: the limit holds, for its places are paid for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tidegate.clock import StoreClock
from tidegate.gateway.heard import Heard
from tidegate.journal import WITH_A_PLACE, Intent, Journal, JournalUnwritable
from tidegate.policy.facts import NO_LIMIT, Case, Facts, Tally, Terms
from tidegate.policy.offline import Fare, fare
from tidegate.store.asks import Ask

DAY_MS: Final = 86_400_000
#: A user's message has come by then, mostly: what the store saw before may not know of it yet.
_ON_ITS_WAY_MS: Final = 60_000
_MOST_PAIRS: Final = 10_000


class _HeardOf(dict[str, Heard]):
    """By portfolio; there is one of each that is asked for."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def __missing__(self, portfolio: str) -> Heard:
        heard = self[portfolio] = Heard(self._journal.of(portfolio).windows)
        return heard


@dataclass(slots=True)
class Purse:
    """Places to be filled until a time (ms); `nodes` share each number's turns."""

    places: int = 0
    until_ms: int = 0
    nodes: int = 1


class Offline:
    """Takes what `admit` would take, of what is this node's own."""

    def __init__(self, journal: Journal, clock: StoreClock, is_barred: Callable[[], bool]) -> None:
        """`is_barred`: whether the store is there, and is only looked at before it is trusted."""
        self._journal = journal
        self._clock = clock
        self._is_barred = is_barred
        self._purses: dict[str, Purse] = {}
        #: What the store has said, by portfolio; whoever asks it of a send writes it here.
        self.heard_of: Final[Mapping[str, Heard]] = _HeardOf(journal)
        #: Portfolios of which something was sent that the books do not know yet.
        self._owing: set[str] = set()
        self._numbers: dict[str, float] = {}
        self._pairs: dict[tuple[str, bytes], float] = {}

    def provide(self, portfolio: str, places: int, until_ms: int, nodes: int) -> None:
        """Have `places` to fill until `until_ms` (ms); `nodes` share each number's turns."""
        self._purses[portfolio] = Purse(places, until_ms, max(1, nodes))

    def places(self, portfolio: str) -> int:
        """Places that are left to be filled."""
        return self._purses.get(portfolio, Purse()).places

    def take(self, portfolio: str) -> Purse:
        """Fill nothing more, and have what was left."""
        purse = self._purses.get(portfolio, Purse())
        self._purses[portfolio] = Purse(nodes=purse.nodes)
        return purse

    def give_back(self, portfolio: str, purse: Purse) -> None:
        """Go on with what was left."""
        self._purses[portfolio] = purse

    def empty(self) -> None:
        """Fill nothing more: the store may not know what was leased."""
        for portfolio in self._purses:
            self.take(portfolio)

    def telling(self, portfolio: str) -> bool:
        """Whether something was sent that the books do not know; who asks tells them, or says that they `owe` it."""
        owes = portfolio in self._owing
        self._owing.discard(portfolio)
        return owes

    def owe(self, portfolio: str) -> None:
        """The books could not be told."""
        self._owing.add(portfolio)

    def owes(self, portfolio: str) -> bool:
        """Whether something was sent that the books do not know."""
        return portfolio in self._owing

    def heard(self, portfolio: str) -> None:
        """The store is there."""
        self.heard_of[portfolio].asked_ms = self._clock.monotonic_ms()

    async def admit(self, ask: Ask, case: Case) -> Facts | None:
        """What the books would have seen of a send that may go; None for one that has to wait for the store."""
        now_ms = self._clock.now_ms()
        if self._is_barred():
            return None
        window_ends_ms = self._window_ends_ms(ask)
        purse = self._purses.get(ask.intent.portfolio, Purse())
        costs = fare(
            case,
            window_ends_ms=window_ends_ms,
            window_margin_ms=ask.terms.window_margin_ms,
            counted_until_ms=self._journal.of(ask.intent.portfolio).counted.get(ask.intent.recipient, -DAY_MS) + DAY_MS,
            away_ms=self._away_ms(ask.intent.portfolio),
            now_ms=now_ms,
        )
        if costs is None or not self._is_allowed(ask, case, costs, window_ends_ms, now_ms):
            return None
        if costs is Fare.PRE_PAID and (purse.places <= 0 or purse.until_ms <= now_ms):
            return None
        facts = self._facts(ask.terms, window_ends_ms, now_ms, self._turns(ask, purse.nodes, now_ms))
        if not facts.taken:
            return facts
        # Nothing is waited for between the look into the purse and here.
        price = int(costs is Fare.PRE_PAID)
        purse.places -= price
        self._owing.add(ask.intent.portfolio)
        try:
            await self._journal.intend([_intent(ask, facts)], now_ms)
        except JournalUnwritable:
            purse.places += price
            return None
        return facts

    def _away_ms(self, portfolio: str) -> int:
        now_ms, heard = self._clock.monotonic_ms(), self.heard_of[portfolio]
        if heard.asked_ms is None:
            heard.asked_ms = now_ms
        return int(now_ms - heard.asked_ms)

    def _is_allowed(self, ask: Ask, case: Case, costs: Fare, window_ends_ms: int, now_ms: int) -> bool:
        """Whether nothing else stands in its way that this node knows of, or that only the store knows of."""
        terms = ask.terms
        words = self._journal.of(ask.intent.portfolio).words.get(ask.intent.recipient, {})
        word = words.get(case.category.value) if case.category is not None else None
        if (word is not None and not word.granted) or terms.turns or now_ms >= ask.deadline_ms:
            return False
        if terms.valid_until_ms and now_ms >= terms.valid_until_ms:
            return False
        in_window = window_ends_ms - terms.window_margin_ms > now_ms
        if terms.held_until_ms and not in_window:
            return False
        return not any(_is_bound(tally, costs, in_window=in_window) for tally in terms.tallies)

    def _window_ends_ms(self, ask: Ask) -> int:
        heard, pair = self.heard_of[ask.intent.portfolio], (ask.intent.number, ask.intent.recipient)
        told_ms = heard.users.get(pair, -DAY_MS)
        seen_ms, ends_ms = heard.windows.get(pair, (-DAY_MS, 0))
        return max(ends_ms, told_ms + DAY_MS if told_ms > seen_ms - _ON_ITS_WAY_MS else 0)

    def _turns(self, ask: Ask, nodes: int, now_ms: int) -> tuple[int, int, bool]:
        """When the number's and the pair's next turns come, and whether they are taken: all that is waited for came."""
        terms, pair = ask.terms, (ask.intent.number, ask.intent.recipient)
        emission_ms, tolerance_ms = terms.throughput_emission_us * nodes / 1000, terms.throughput_tolerance_us / 1000
        number_tat, pair_tat = self._numbers.get(ask.intent.number, 0.0), self._pairs.get(pair, 0.0)
        number_at = math.ceil(number_tat - tolerance_ms)
        pair_at = math.ceil(pair_tat - terms.pair_tolerance_ms)
        taken = not (emission_ms and terms.waits_for_throughput and number_at > now_ms)
        taken = taken and not (terms.pair_emission_ms and terms.waits_for_pair and pair_at > now_ms)
        if taken:
            # Where nobody waits for it, debt must not grow for ever.
            self._numbers[ask.intent.number] = min(max(number_tat, now_ms), now_ms + tolerance_ms) + emission_ms
            self._pairs[pair] = min(max(pair_tat, now_ms), now_ms + terms.pair_tolerance_ms) + terms.pair_emission_ms
            if len(self._pairs) > _MOST_PAIRS:
                self._pairs = {one: tat for one, tat in self._pairs.items() if tat > now_ms}
        return number_at, pair_at, taken

    def _facts(self, terms: Terms, window_ends_ms: int, now_ms: int, turns: tuple[int, int, bool]) -> Facts:
        number_at_ms, pair_at_ms, taken = turns
        return Facts(
            now_ms=now_ms,
            epoch=terms.epoch,
            taken=taken,
            window_ends_ms=window_ends_ms,
            counted=True,
            pair_at_ms=pair_at_ms,
            throughput_at_ms=number_at_ms,
            user_version=terms.user_version,
            tallied=(0,) * len(terms.tallies),
        )


def _is_bound(tally: Tally, costs: Fare, *, in_window: bool) -> bool:
    """Whether an allowance may say no to this send: what is left of it only the store knows."""
    if tally.covers or not tally.enforced or tally.limit == NO_LIMIT or tally.cost == 0:
        return False
    return not (tally.free_in_window and in_window) and not (tally.only_new and costs is Fare.FREE)


def _intent(ask: Ask, facts: Facts) -> Intent:
    """What the books have to be told of it, once they are there again."""
    intent, in_window = ask.intent, facts.window_open(ask.terms.window_margin_ms)
    intent.place = ("0" if in_window else WITH_A_PLACE) if ask.terms.counts else ""
    intent.window_ends_ms = facts.window_ends_ms
    intent.at_ms, intent.ends_ms = facts.now_ms, facts.now_ms + ask.terms.hold_ms
    intent.offline = True
    return intent
