"""What Meta says of a portfolio, its numbers and its templates, as one immutable picture under one epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tidegate.cloudapi.vocabulary import Category, NumberStatus, Quality, Review, TemplateStatus, Verification
from tidegate.policy.breaker import Board
from tidegate.policy.rules import Rules
from tidegate.policy.warming import Warming

NO_BREAKERS: Final = Board()


@dataclass(frozen=True, slots=True)
class TemplateStanding:
    """One template in one language of one WABA. `changed_at_ms`: when anything of it became another, as heard here."""

    waba: str
    name: str
    language: str
    category: Category | None = None
    status: TemplateStatus | None = None
    quality: Quality = Quality.UNKNOWN
    template_id: str | None = None
    changed_at_ms: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.waba, self.name, self.language)


@dataclass(frozen=True, slots=True)
class NumberStanding:
    """One business phone number. `changed_at_ms`: when anything of it became another, as heard here."""

    number: str
    throughput: int = 80
    quality: Quality = Quality.UNKNOWN
    status: NumberStatus = NumberStatus.UNKNOWN
    changed_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """What Meta found when it looked into a WABA and the business behind it. `changed_at_ms`: as of a number."""

    waba: str
    review: Review = Review.UNKNOWN
    verification: Verification = Verification.UNKNOWN
    changed_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """A stop by hand. `scope` is one of number, template, category, campaign, portfolio."""

    pause_id: str
    scope: str
    value: str
    reason: str
    since_ms: int
    until_ms: int | None
    by: str


@dataclass(frozen=True, slots=True)
class CampaignStanding:
    """A campaign that was started and is not over, as every send of it has to know it.

    `state` is its phase's word; `stopped`: no send of it starts. `night`: its own quiet hours (minutes since local
    midnight, from and to), beside those of the rules. `deadline_ms`: from then on nothing of it is sent anyway. `app`:
    whose it is; "" where that is not known.
    """

    campaign_id: str
    state: str
    stopped: bool = False
    night: tuple[int, int] | None = None
    deadline_ms: int = 0
    app: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """A portfolio's standing, and the rules in force.

    `epoch` grows with every change; a decision names the epoch it was made under.
    """

    portfolio: str
    epoch: int
    limit: int
    limit_source: str
    limit_changed_at_ms: int = 0
    numbers: dict[str, NumberStanding] = field(default_factory=dict)
    templates: dict[tuple[str, str, str], TemplateStanding] = field(default_factory=dict)
    pauses: tuple[Pause, ...] = ()
    rules: Rules = field(default_factory=Rules)
    breakers: Board = NO_BREAKERS
    """Those that concern many users."""
    warmings: Mapping[str, Warming] = field(default_factory=dict)
    """The warm-ups under way, by the id of what is warmed up (`policy/warming.py`)."""
    held_until_ms: int = 0
    """While this lies ahead the books may miss what was sent, and nothing goes that they would have to count."""
    prepaid: int = 0
    """Places that nodes have leased in advance, for a time without the store; nobody else fills them."""
    recalled_at_ms: int = 0
    """When the leased places were called back last."""
    wallets: Mapping[str, int] = field(default_factory=dict)
    """What was paid in so far for each WABA, in millionths of the budget's currency."""
    campaigns: Mapping[str, CampaignStanding] = field(default_factory=dict)
    """The campaigns that were started and are not over, by their ids."""
    accounts: Mapping[str, AccountStanding] = field(default_factory=dict)
    """The WABAs that Meta has said something of, by their ids."""

    def account(self, waba: str) -> AccountStanding:
        return self.accounts.get(waba) or AccountStanding(waba)

    def campaign_of(self, campaign_id: str | None, app: str) -> CampaignStanding | None:
        """The campaign that a send of this app names; None where the app has none of this id that goes or is stopped.

        Another app's is as good as none: what is known of it is not to be had by naming it.
        """
        known = None if campaign_id is None else self.campaigns.get(campaign_id)
        return known if known is not None and known.app in ("", app) else None

    def number(self, number: str) -> NumberStanding:
        return self.numbers.get(number) or NumberStanding(number)

    def template(self, waba: str, name: str, language: str) -> TemplateStanding | None:
        return self.templates.get((waba, name, language))


@dataclass(frozen=True, slots=True)
class Change:
    """Facts to be written into the standing: `kind` is limit, number, template, pause ...; `key` names the record.

    `values` by field. `source` (webhook, graph, operator) has an order of its own: a field is changed only by what is
    newer by `at_ms`, the time at which it became true for that source, not by what arrives later. Of several sources
    the one that spoke last is believed. `tightens`: after it less may be sent than before.
    """

    kind: str
    key: str
    values: dict[str, Any]
    source: str
    at_ms: int
    cause: str
    tightens: bool = False
