"""The tables of the rules that give out allowances: of new recipients a day, of money a month."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, model_validator

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.budget import Period
from tidegate.policy.money import Micros
from tidegate.policy.rate_card import RateCard, card_in_force
from tidegate.policy.rule_table import Guardrail
from tidegate.policy.warm_up import WarmUp
from tidegate.policy.zones import load_zone


class WarmUpRamp(Guardrail):
    """A daily allowance of new recipients for what is young, growing while it is well received."""

    start: int = Field(default=50, strict=True, ge=1, le=100_000)
    growth: float = Field(default=2.0, gt=1, le=10, allow_inf_nan=False)
    idle_days: int = Field(default=30, strict=True, ge=1, le=3_650)
    #: What has a ramp of its own.
    scopes: tuple[Literal["number", "template"], ...] = Field(default=("number", "template"), min_length=1)
    categories: tuple[Category, ...] = (Category.MARKETING,)

    @property
    def plan(self) -> WarmUp:
        return WarmUp(self.start, self.growth, self.idle_days)


class BudgetRule(Guardrail):
    """How much messages may cost: in each day, week or month, and of what was paid in advance.

    All amounts are of the one currency of the rate cards.
    """

    amount_micros: Micros | None = Field(default=None, alias="amount")
    period: Period = Period.MONTH
    per: Literal["waba", "portfolio"] = "waba"
    #: By whose calendar a period begins.
    zone: str = "UTC"
    #: Whether an account may spend only what its wallet holds.
    wallet: StrictBool = False
    #: Free-form messages of each number that cost nothing in a month.
    included_conversations: int = Field(default=0, strict=True, ge=0, le=10_000_000)
    #: What is stopped when nothing is left. Replies are counted, and never stopped.
    categories: tuple[Category, ...] = tuple(Category)
    rate_card: Annotated[tuple[RateCard, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_a_budget(self) -> Self:
        if self.amount_micros is None and not self.wallet:
            raise ValueError("neither amount nor wallet is given: leave the table out")
        if load_zone(self.zone) is None:
            raise ValueError('zone: there is no such time zone; write one such as "Europe/Berlin"')
        if len({card.currency for card in self.rate_card}) > 1:
            raise ValueError("rate_card: all rate cards have to be of one currency, that of the budget")
        if len({card.since_ms for card in self.rate_card}) < len(self.rate_card):
            raise ValueError("rate_card: two rate cards begin on the same day")
        return self

    @property
    def currency(self) -> str:
        """Of every amount, such as "USD"."""
        return self.rate_card[0].currency

    def card(self, at_ms: int) -> RateCard:
        """The rate card in force; before any is, the first one."""
        return card_in_force(self.rate_card, at_ms) or min(self.rate_card, key=lambda card: card.since_ms)

    @cached_property
    def told_by_digits(self) -> int:
        """How many digits of a number tell its market at most."""
        prefixes = (prefix for card in self.rate_card for market in card.markets.values() for prefix in market.prefixes)
        return max(map(len, prefixes))

    def period_ms(self, at_ms: int) -> tuple[int, int]:
        """Start (included) and end (not included) of the budget's period, in ms."""
        return self.period.bounds_ms(self.zone, at_ms)

    def month_ms(self, at_ms: int) -> tuple[int, int]:
        """Start and end of the calendar month, in ms."""
        return Period.MONTH.bounds_ms(self.zone, at_ms)
