"""What statuses have in common: what it proves, counts as, and costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from tidegate.cloudapi.errors import lookup
from tidegate.cloudapi.events import Pricing, StatusUpdate
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.policy.allowance_rules import BudgetRule
from tidegate.policy.consequences.readers import DELIVERED_SIGNAL
from tidegate.policy.lifecycle import FROM_STATUS
from tidegate.policy.tallies import billed_micros
from tidegate.store.outcomes import counters_of
from tidegate.store.standings import Standings
from tidegate.store.statuses import Kind

_CAUSE: Final = "Meta's webhook"


class Kinds:
    """The kinds of the statuses of one call, each made once: many say the same in the same second."""

    __slots__ = ("_known", "_rules", "_standings")

    def __init__(self, standings: Standings) -> None:
        self._standings = standings
        #: By portfolio: how many digits tell what a message costs, its budget, and what a delivery begins anew.
        self._rules: dict[str, tuple[int, BudgetRule | None, str]] = {}
        self._known: dict[tuple[str, MessageStatus, Pricing | None, str, int], Kind] = {}

    def of(self, event: StatusUpdate, portfolio: str) -> Kind:
        """That of one status of a portfolio's message."""
        digits, budget, anew = self._rules.get(portfolio) or self._read(portfolio)
        status, pricing, at_ms = event.status, event.pricing, event.at_ms
        market = event.phone[:digits] if digits and event.phone is not None else ""
        if status is MessageStatus.FAILED or event.errors:
            micros = billed_micros(budget, market, pricing, at_ms)
            return _kind_of(portfolio, status, [error.code for error in event.errors], at_ms, micros, anew)
        key = portfolio, status, pricing, market, at_ms
        kind = self._known.get(key)
        if kind is None:
            micros = billed_micros(budget, market, pricing, at_ms)
            kind = self._known[key] = _kind_of(portfolio, status, (), at_ms, micros, anew)
        return kind

    def _read(self, portfolio: str) -> tuple[int, BudgetRule | None, str]:
        rules = self._standings.known(portfolio).rules
        easing = rules.consequences.easing(DELIVERED_SIGNAL)
        anew = " ".join(easing.counts) if easing is not None else ""
        read = self._rules[portfolio] = rules.budget.told_by_digits if rules.budget else 0, rules.budget, anew
        return read


def _kind_of(portfolio: str, status: MessageStatus, codes: Sequence[int], at_ms: int, micros: int, anew: str) -> Kind:
    return Kind(
        portfolio,
        FROM_STATUS[status].value,
        " ".join([_CAUSE, *map(str, codes)]),
        _says(status, codes),
        at_ms,
        counters_of(status, codes[0] if codes else None),
        micros,
        anew,
    )


def _says(status: MessageStatus, codes: Sequence[int]) -> Literal["counts", "frees", "keeps"]:
    """What a status proves of the place: a delivery counts, a failure frees it unless the code leaves doubt."""
    if status is MessageStatus.FAILED:
        return "frees" if codes and all(lookup(code).releases_place for code in codes) else "keeps"
    return "keeps" if status is MessageStatus.SENT else "counts"
