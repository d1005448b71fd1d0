"""Admission while the store is away, by what this node knows itself: the limit holds, for its places are paid for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.journal import Intent, Journal, JournalUnwritable
from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.offline import Fare, fare
from tidegate.store.ledger import Ask

DAY_MS: Final = 86_400_000
_MOST_PAIRS: Final = 10_000


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
        self._purses: dict[str, Purse] = {}
        self._away_since_ms: float | None = None
        self._numbers: dict[str, float] = {}
        self._pairs: dict[tuple[str, bytes], float] = {}
        self._windows: dict[tuple[str, str, bytes], int] = {}
        self._is_barred = is_barred

    def provide(self, portfolio: str, places: int, until_ms: int, nodes: int) -> None:
        """Have `places` to fill until `until_ms` (ms); `nodes` share each number's turns."""
        self._purses[portfolio] = Purse(places, until_ms, max(1, nodes))

    def places(self, portfolio: str) -> int:
        """Places that are left to be filled."""
        return self._purses.get(portfolio, Purse()).places

    def take(self, portfolio: str) -> Purse:
        """Fill nothing more, and have what was left."""
        return self._purses.pop(portfolio, Purse())

    def give_back(self, portfolio: str, purse: Purse) -> None:
        """Go on with what was left."""
        self._purses[portfolio] = purse

    def empty(self) -> None:
        """Fill nothing more: the store may not know what was leased."""
        self._purses.clear()

    def answered(self, ask: Ask, facts: Facts) -> None:
        """The store is there; here is what it saw."""
        self._away_since_ms = None
        if self._numbers:
            self._numbers.clear()
            self._pairs.clear()
        if facts.window_ends_ms > facts.now_ms:
            self._windows[ask.portfolio, ask.number, ask.recipient] = facts.window_ends_ms
            if len(self._windows) > _MOST_PAIRS:
                self._windows.pop(next(iter(self._windows)))

    async def admit(self, ask: Ask, case: Case) -> Facts | None:
        """What the books would have seen of a send that may go; None for one that has to wait for the store."""
        now_ms = self._clock.now_ms()
        if self._away_since_ms is None:
            self._away_since_ms = self._clock.monotonic_ms()
        window_ends_ms = self._window_ends_ms(ask)
        past = self._journal.of(ask.portfolio)
        if self._is_barred():
            return None
        costs = fare(
            case,
            window_ends_ms=window_ends_ms,
            counted_until_ms=past.counted.get(ask.recipient, -DAY_MS) + DAY_MS,
            away_ms=int(self._clock.monotonic_ms() - self._away_since_ms),
            now_ms=now_ms,
        )
        purse = self._purses.get(ask.portfolio, Purse())
        if costs is None or not self._is_allowed(ask, case, costs, purse, now_ms):
            return None
        facts = self._facts(ask.terms, window_ends_ms, now_ms, self._turns(ask, purse.nodes, now_ms))
        if not facts.taken:
            return facts
        if costs is Fare.PRE_PAID:
            purse.places -= 1
        try:
            await self._journal.intend([_intent(ask, facts)], now_ms)
        except JournalUnwritable as fault:
            raise StoreUnavailable(str(fault)) from fault
        return facts

    def _is_allowed(self, ask: Ask, case: Case, costs: Fare, purse: Purse, now_ms: int) -> bool:
        terms = ask.terms
        words = self._journal.of(ask.portfolio).words.get(ask.recipient, {})
        word = words.get(case.category.value) if case.category is not None else None
        if (word is not None and not word.granted) or terms.turns or now_ms >= ask.deadline_ms:
            return False
        if terms.held_until_ms and self._window_ends_ms(ask) - terms.window_margin_ms <= now_ms:
            return False
        return costs is Fare.FREE or (purse.places > 0 and purse.until_ms > now_ms)

    def _window_ends_ms(self, ask: Ask) -> int:
        told = self._journal.of(ask.portfolio).windows.get((ask.number, ask.recipient), -DAY_MS) + DAY_MS
        return max(told, self._windows.get((ask.portfolio, ask.number, ask.recipient), 0))

    def _turns(self, ask: Ask, nodes: int, now_ms: int) -> tuple[int, int]:
        """When the number's and the pair's next turns come; they are taken where both have come."""
        terms, pair = ask.terms, (ask.number, ask.recipient)
        number_tat = self._numbers.get(ask.number, 0.0)
        pair_tat = self._pairs.get(pair, 0.0)
        number_at = number_tat - terms.throughput_tolerance_us / 1000
        pair_at = pair_tat - terms.pair_tolerance_ms
        if number_at <= now_ms and pair_at <= now_ms:
            self._numbers[ask.number] = max(number_tat, now_ms) + terms.throughput_emission_us * nodes / 1000
            self._pairs[pair] = max(pair_tat, now_ms) + terms.pair_emission_ms
        return int(number_at), int(pair_at)

    def _facts(self, terms: Terms, window_ends_ms: int, now_ms: int, turns: tuple[int, int]) -> Facts:
        number_at_ms, pair_at_ms = turns
        return Facts(
            now_ms=now_ms,
            epoch=terms.epoch,
            taken=number_at_ms <= now_ms and pair_at_ms <= now_ms,
            window_ends_ms=window_ends_ms,
            counted=True,
            pair_at_ms=pair_at_ms,
            throughput_at_ms=number_at_ms,
            user_version=terms.user_version,
            tallied=(0,) * len(terms.tallies),
        )


def _intent(ask: Ask, facts: Facts) -> Intent:
    in_window = facts.window_open(ask.terms.window_margin_ms)
    return Intent(
        portfolio=ask.portfolio,
        message_id=ask.message_id,
        attempt=ask.attempt,
        recipient=ask.recipient,
        number=ask.number,
        place=("0" if in_window else "1") if ask.terms.counts else "",
        window_ends_ms=facts.window_ends_ms,
        at_ms=facts.now_ms,
        ends_ms=facts.now_ms + ask.terms.hold_ms,
        about=ask.about,
        offline=True,
    )
