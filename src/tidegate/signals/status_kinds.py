"""What statuses have in common: what it proves, counts as, and costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from msgspec import Struct

from tidegate.cloudapi.errors import lookup
from tidegate.cloudapi.events import Pricing, StatusError, StatusUpdate
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.policy.allowance_rules import BudgetRule
from tidegate.policy.consequences.readers import DELIVERED_SIGNAL
from tidegate.policy.lifecycle import FROM_STATUS
from tidegate.policy.tallies import billed_micros
from tidegate.signals.easings import Easings
from tidegate.store.outcomes import counters_of
from tidegate.store.standings import Standings
from tidegate.store.statuses import Kind

_CAUSE: Final = "Meta's webhook"


class _Rules(Struct, frozen=True):
    """What the statuses of a portfolio's messages have in common.

    `digits`: of a phone, which tell what a message costs. `anew`: what a delivery begins anew. `asks`, `delivery_asks`:
    whether what was noted of their messages is asked for.
    """

    digits: int
    budget: BudgetRule | None
    anew: str
    asks: bool
    delivery_asks: bool


class Kinds:
    """The kinds of the statuses of one call, each made once: many say the same in the same second."""

    __slots__ = ("_easings", "_is_watched", "_known", "_rules", "_standings")

    def __init__(self, standings: Standings, easings: Easings, is_watched: Callable[[str], bool]) -> None:
        self._standings = standings
        self._easings = easings
        self._is_watched = is_watched
        #: By portfolio.
        self._rules: dict[str, _Rules] = {}
        self._known: dict[tuple[str, MessageStatus, int, str, Pricing | None, Sequence[StatusError]], Kind] = {}

    def of(self, event: StatusUpdate, portfolio: str) -> Kind:
        """That of one status of a portfolio's message."""
        rules = self._rules.get(portfolio) or self._read(portfolio)
        digits, phone = rules.digits, event.phone
        market = phone[:digits] if digits and phone is not None else ""
        key = portfolio, event.status, event.at_ms, market, event.pricing, event.errors
        try:
            return self._known[key]
        except KeyError:
            kind = self._known[key] = _kind_of(portfolio, rules, event, market)
            return kind

    def _read(self, portfolio: str) -> _Rules:
        rules, asks = self._standings.known(portfolio).rules, self._is_watched(portfolio)
        budget, easing = rules.budget, rules.consequences.easing(DELIVERED_SIGNAL)
        anew = " ".join(easing.counts) if easing is not None else ""
        read = self._rules[portfolio] = _Rules(
            budget.told_by_digits if budget else 0, budget, anew, asks, asks or self._easings.ask(portfolio)
        )
        return read


def _kind_of(portfolio: str, rules: _Rules, event: StatusUpdate, market: str) -> Kind:
    status, codes = event.status, [error.code for error in event.errors]
    says = _says(status, codes)
    return Kind(
        portfolio,
        FROM_STATUS[status].value,
        " ".join([_CAUSE, *map(str, codes)]),
        says,
        event.at_ms,
        counters_of(status, codes[0] if codes else None),
        billed_micros(rules.budget, market, event.pricing, event.at_ms),
        rules.anew,
        status is MessageStatus.FAILED or (rules.delivery_asks if says == "counts" else rules.asks),
    )


def _says(status: MessageStatus, codes: Sequence[int]) -> Literal["counts", "frees", "keeps"]:
    """What a status proves of the place: a delivery counts, a failure frees it unless the code leaves doubt."""
    if status is MessageStatus.FAILED:
        return "frees" if codes and all(lookup(code).releases_place for code in codes) else "keeps"
    return "keeps" if status is MessageStatus.SENT else "counts"
