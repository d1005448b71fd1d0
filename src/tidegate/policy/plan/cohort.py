"""Who is to be reached, in cohorts: so many recipients of whom the guardrails would say the same at any time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Case
from tidegate.policy.grant import Grant
from tidegate.policy.paces import is_marketing_now
from tidegate.policy.standing import Standing
from tidegate.policy.users import EMPTY, User


class Sender(NamedTuple):
    """A number that may send, with the account that it belongs to."""

    waba: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """So many recipients of one message who differ in nothing that a guardrail looks at.

    `senders`: one number at least, all of one portfolio. `step`: of the campaign, from 0; None: waited in the queue
    before the campaign came. `variant`: by name, "" where there is one. `zones`, `digits` and `user` are one member's,
    and stand for all. `market`: what the rate card calls where they live; None: not known.
    """

    recipients: int
    category: Category
    template: tuple[str, str] | None
    senders: tuple[Sender, ...]
    expires_at_ms: int
    step: int | None = 0
    variant: str = ""
    campaign: str | None = None
    zones: tuple[str, ...] = field(default=(), repr=False)
    digits: str = field(default="", repr=False)
    user: User = field(default=EMPTY, repr=False)
    market: str | None = None
    counted_until_ms: int = 0
    """Until when they hold a place of the messaging limit already; 0: they do not."""
    window_ends_ms: int = 0
    """When their service windows with these numbers end; 0: none is open."""
    grant: Grant | None = None
    """Of the app that sends; None: it may send all."""

    def case(self, sender: Sender, standing: Standing, now_ms: int) -> Case:
        """One member's send by this number, as it comes out of the queue."""
        case = Case(
            portfolio=standing.portfolio,
            waba=sender.waba,
            number=sender.number,
            category=self.category,
            template=self.template,
            hold=True,
            expires_at_ms=self.expires_at_ms,
            campaign=self.campaign,
            queued=True,
            digits=self.digits,
            zones=self.zones,
            grant=self.grant,
        )
        if self.category is Category.UTILITY and is_marketing_now(case, standing, now_ms):
            return case._replace(category=Category.MARKETING)
        return case


@dataclass(frozen=True, slots=True)
class Beside:
    """What goes on beside a campaign: sends of one category, again and again.

    `per_second` sends, by all numbers together, to `recipients` different users a day. `known`: how many of these hold
    a place now.
    """

    category: Category
    per_second: float
    recipients: int
    known: int = 0
