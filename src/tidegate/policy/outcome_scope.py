"""What a send's outcome is counted under: the scopes that early warning judges, and those that a report tells of.

Which a send has, by what was noted of it, is the counting scripts' to say (store/lua/_outcomes.lua).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.reach import Subject


class Kind(StrEnum):
    """What a scope is; `of` and `value` are as told here."""

    #: A template while it has one category: of the category, `waba:language:name` (as in `reach.Subject`).
    TEMPLATE = "template"
    #: What has a category on one number: of the number, the category.
    CATEGORY = "category"
    #: What went out by one number: of the number, and the template, campaign or app. An app may be told of its numbers
    #: alone.
    SENT_TEMPLATE = "sent_template"
    SENT_CAMPAIGN = "sent_campaign"
    SENT_APP = "sent_app"
    #: One variant of one step of a campaign: of the campaign, `step:variant`, by their names.
    CAMPAIGN_PART = "campaign_part"

    @property
    def is_judged(self) -> bool:
        """Whether early warning compares it with its own past."""
        return self in _JUDGED


_JUDGED: Final = frozenset({Kind.TEMPLATE, Kind.CATEGORY})


@dataclass(frozen=True, slots=True)
class OutcomeScope:
    """One scope; its `name` is what the store knows it by."""

    kind: Kind
    of: str
    value: str

    @property
    def name(self) -> str:
        return f"{self.kind.value}:{self.of}:{self.value}"

    @property
    def peers(self) -> tuple[Kind, str]:
        """What it has in common with the scopes that it may be measured against: their kind and their category."""
        return self.kind, self.of if self.kind is Kind.TEMPLATE else self.value

    def subject(self, portfolio: str, waba_of_number: Mapping[str, str]) -> Subject:
        """What a warning about a scope that is judged speaks of."""
        if self.kind is Kind.CATEGORY:
            return Subject(portfolio, waba_of_number.get(self.of), self.of, category=Category(self.value))
        waba, language, name = self.value.split(":", 2)
        return Subject(portfolio, waba, template=(name, language), category=Category(self.of))


def parse(name: str) -> OutcomeScope | None:
    """The scope of this name; None for one that only another version knows."""
    kind, _, rest = name.partition(":")
    of, _, value = rest.partition(":")
    return OutcomeScope(Kind(kind), of, value) if kind in tuple(Kind) and of and value else None


def campaign_part(campaign_id: str, step: str, variant: str) -> OutcomeScope:
    """The scope of what one variant of one step of a campaign sends; names hold no colon."""
    return OutcomeScope(Kind.CAMPAIGN_PART, campaign_id, f"{step}:{variant}")
