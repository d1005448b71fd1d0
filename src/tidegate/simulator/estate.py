"""What the imitated businesses own now: the changing counterpart of `config`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tidegate.simulator.chance import mix
from tidegate.simulator.config import UNLIMITED, PortfolioConfig
from tidegate.simulator.places import Places

_TIERS: Final = {
    50: "TIER_50",
    250: "TIER_250",
    1_000: "TIER_1K",
    2_000: "TIER_2K",
    10_000: "TIER_10K",
    100_000: "TIER_100K",
    UNLIMITED: "TIER_UNLIMITED",
}


#: Decisions of an account's review (Meta, webhook account_review_update).
REVIEWS: Final = ("APPROVED", "PENDING", "DEFERRED", "REJECTED")


def tier_name(limit: int) -> str:
    """Spell a messaging limit as Graph reads do; a limit that is no tier is spelt in digits."""
    return _TIERS.get(limit, str(limit))


def limit_of(tier: int | str) -> int:
    """Read a messaging limit given as a number, as `TIER_2K` or as digits.

    Raises:
        ValueError: it is none of these.
    """
    if isinstance(tier, str):
        by_name = {name: limit for limit, name in _TIERS.items()}
        if tier not in by_name and not re.fullmatch("[0-9]{1,12}", tier):
            raise ValueError("a messaging limit is a tier such as TIER_2K or a number")
        tier = by_name[tier] if tier in by_name else int(tier)
    if tier < UNLIMITED:
        raise ValueError("a messaging limit is -1 (unlimited), 0 or more")
    return tier


@dataclass(slots=True)
class Template:
    """A template as it stands; `status_since_ms` dates the last change of its status."""

    id: str
    waba_id: str
    name: str
    language: str
    category: str
    status: str
    quality: str
    parameter_format: str
    status_since_ms: int
    pauses: int = 0
    holding: bool = False

    @property
    def sendable(self) -> bool:
        """Say whether a message made of it is let through now (Meta: template status)."""
        return self.status in {"APPROVED", "REINSTATED", "FLAGGED"}


@dataclass(slots=True)
class Number:
    """A business phone number as it stands; `spam_until_ms` ends a hold by code 131048.

    For the rules of before October 2025: `low_at_ms` is when its quality was last low (0: never),
    `flagged_at_ms` when it was flagged (None: it is not).
    """

    id: str
    waba_id: str
    portfolio_id: str
    display_phone_number: str
    verified_name: str
    throughput: int
    quality: str
    status: str = "CONNECTED"
    name_status: str = "APPROVED"
    spam_until_ms: int = 0
    low_at_ms: int = 0
    flagged_at_ms: int | None = None
    profile: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Waba:
    """A WhatsApp Business Account as it stands.

    `templates_barred_until_ms` and `all_barred_until_ms` end its restrictions of business-initiated and of
    all messages (Meta: policy enforcement); `steps` counts the penalties that it has had.
    """

    id: str
    portfolio_id: str
    name: str
    access_token: str = field(repr=False)
    direct_send: bool
    templates: dict[tuple[str, str], Template] = field(default_factory=dict)
    review: str = "APPROVED"
    verification: str = "verified"
    steps: int = 0
    templates_barred_until_ms: int = 0
    all_barred_until_ms: int = 0


@dataclass(slots=True)
class Portfolio:
    """A business portfolio as it stands: its count of users is `places`."""

    id: str
    business_id: str
    places: Places


class Estate:
    """Everything owned, found by id."""

    def __init__(self, portfolios: tuple[PortfolioConfig, ...], start_ms: int) -> None:
        self.portfolios: dict[str, Portfolio] = {}
        self.wabas: dict[str, Waba] = {}
        self.numbers: dict[str, Number] = {}
        for portfolio in portfolios:
            self._add(portfolio, start_ms)

    def _add(self, given: PortfolioConfig, start_ms: int) -> None:
        self.portfolios[given.id] = Portfolio(given.id, given.business_id, Places(given.messaging_limit, start_ms))
        for waba in given.wabas:
            self.wabas[waba.id] = Waba(waba.id, given.id, waba.name, waba.access_token, waba.direct_send)
            for number in waba.numbers:
                self.numbers[number.id] = Number(
                    number.id,
                    waba.id,
                    given.id,
                    number.display_phone_number,
                    number.verified_name,
                    number.throughput,
                    number.quality,
                )
            for template in waba.templates:
                made = self.put_template(waba.id, template.name, template.language, template.category, start_ms)
                made.status, made.quality = template.status, template.quality
                made.parameter_format = template.parameter_format

    def put_template(self, waba_id: str, name: str, language: str, category: str, now_ms: int) -> Template:
        """Give the template of this name and language, made as APPROVED if there is none.

        Raises:
            KeyError: there is no such account.
        """
        templates = self.wabas[waba_id].templates
        if (name, language) not in templates:
            letters = int.from_bytes(f"{waba_id}/{name}/{language}".encode(), "big")
            template_id = str(10**15 + mix(letters % (1 << 64)) % (9 * 10**15))
            templates[name, language] = Template(
                template_id, waba_id, name, language, category, "APPROVED", "UNKNOWN", "POSITIONAL", now_ms
            )
        return templates[name, language]

    def templates(self) -> Iterator[Template]:
        """Go through every template of every account."""
        for waba in self.wabas.values():
            yield from waba.templates.values()

    def portfolio_of(self, number: Number) -> Portfolio:
        """Give the portfolio that a number belongs to."""
        return self.portfolios[number.portfolio_id]

    def lead_waba(self, portfolio_id: str) -> Waba:
        """Give a portfolio's first account, under whose id its own webhooks are sent.

        Raises:
            KeyError: the portfolio has no account.
        """
        for waba in self.wabas.values():
            if waba.portfolio_id == portfolio_id:
                return waba
        raise KeyError(portfolio_id)
