"""The rate card: what Meta charges for a message, by the recipient's market and the message's category.

Prices are the operator's to fill in, from the card that Meta publishes for the currency of the WABA (Meta, "Pricing":
rates by market, which the country code of the recipient decides); tidegate knows none. As TOML:

    currency = "USD"
    since = 2026-10-01                      # optional: in force from this day (UTC)

    [markets.india]
    prefixes = ["91"]
    marketing = "0.0200"                    # invented figures
    utility = "0.0030"
    authentication = "0.0025"               # where Meta bills authentication-international: that rate
    service = "0.0030"                      # optional: the utility rate when left out

    [markets.other]
    prefixes = ["*"]                        # whoever has no market of their own
    ...

Where Meta gives volume discounts, the list price is what goes here: a budget then errs to the safe side.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.money import Micros

ANY: Final = "*"
"""The prefix of every number that no other prefix is longer for."""


def _check_prefix(written: str) -> str:
    if written != ANY and re.fullmatch("[1-9][0-9]{0,8}", written) is None:
        raise ValueError('must be the first digits of phone numbers, country code first, such as "91", or "*"')
    return written


def _check_currency(written: str) -> str:
    if re.fullmatch("[A-Z]{3}", written) is None:
        raise ValueError('must be a currency code such as "USD"')
    return written


Prefix = Annotated[str, AfterValidator(_check_prefix)]
Currency = Annotated[str, AfterValidator(_check_currency)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Market(_Table):
    """Prices of one message to a recipient whose number begins with one of the prefixes; the longest prefix decides.

    So a part of a country code can be a market of its own ("1809" beside "1").
    """

    prefixes: Annotated[tuple[Prefix, ...], Field(min_length=1)]
    marketing_micros: Micros = Field(alias="marketing")
    utility_micros: Micros = Field(alias="utility")
    authentication_micros: Micros = Field(alias="authentication")
    service_micros: Micros | None = Field(default=None, alias="service")

    def micros(self, category: Category | None) -> int:
        """Price of a message of this category; None stands for a free-form (service) message."""
        if category is None:
            return self.utility_micros if self.service_micros is None else self.service_micros
        micros: int = getattr(self, f"{category.value}_micros")
        return micros


class RateCard(_Table):
    """Prices of all markets in one currency, from a day on."""

    currency: Currency
    since: date | None = None
    markets: Annotated[dict[str, Market], Field(min_length=1)]

    @model_validator(mode="after")
    def _gives_one_price_a_number(self) -> Self:
        market_of: dict[str, str] = {}
        for name, market in self.markets.items():
            for prefix in market.prefixes:
                if prefix in market_of:
                    raise ValueError(f'prefix "{prefix}" is given twice: in {market_of[prefix]} and in {name}')
                market_of[prefix] = name
        return self

    @cached_property
    def since_ms(self) -> int:
        """When it comes into force: the start of its day in UTC, as ms; 0 when it always was."""
        return 0 if self.since is None else int(datetime.combine(self.since, time.min, UTC).timestamp()) * 1000

    @cached_property
    def _by_prefix(self) -> dict[str, Market]:
        return {prefix: market for market in self.markets.values() for prefix in market.prefixes}

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return tuple(sorted({len(prefix) for prefix in self._by_prefix if prefix != ANY}, reverse=True))

    def market(self, digits: str) -> Market | None:
        """The market of a phone number (digits, country code first), or None when the card has none for it.

        Of a recipient without a number ("") only the market of the prefix "*" is known.
        """
        for length in self._lengths:
            if market := self._by_prefix.get(digits[:length]):
                return market
        return self._by_prefix.get(ANY)


def card_in_force(cards: Iterable[RateCard], at_ms: int) -> RateCard | None:
    """The newest of the cards that are in force at this time; None when none is yet."""
    begun = [card for card in cards if card.since_ms <= at_ms]
    return max(begun, key=lambda card: card.since_ms, default=None)
