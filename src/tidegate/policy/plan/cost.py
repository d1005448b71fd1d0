"""What a campaign will cost, by market: at list prices, for what the plan sends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.policy.allowance_rules import BudgetRule
from tidegate.policy.plan.cohort import Cohort
from tidegate.policy.plan.forecast import Forecast
from tidegate.policy.pricing import Occasion, price


@dataclass(frozen=True, slots=True)
class MarketCost:
    """What is sent to one market of the rate card and what Meta charges for it; None: to those who are in none."""

    market: str | None
    sent: int
    micros: int | None


def costs_by_market(rule: BudgetRule, cohorts: Sequence[Cohort], forecast: Forecast) -> tuple[MarketCost, ...]:
    """The cost of each market, the dearest first, by the card in force when the campaign begins.

    Of recipients whose market is not known there is no price: what they cost is left open.
    """
    card = rule.card(forecast.began_ms)
    found: dict[str | None, MarketCost] = {}
    for index, sent in forecast.by_cohort.items():
        cohort = cohorts[index]
        within = Occasion(forecast.began_ms, in_window=cohort.window_ends_ms > forecast.began_ms)
        each = None if cohort.market is None else price(card, cohort.digits, cohort.category, within)
        before = found.get(cohort.market, MarketCost(cohort.market, 0, 0))
        micros = None if each is None or before.micros is None else before.micros + each * sent
        found[cohort.market] = MarketCost(cohort.market, before.sent + sent, micros)
    return tuple(sorted(found.values(), key=lambda cost: (-(cost.micros or 0), cost.market or "")))
