"""What a plan is asked with, beside the campaign's own order: to how many, where they live, what goes on beside it."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.plan.cohort import Beside
from tidegate.policy.rule_table import Table
from tidegate.policy.zones import load_zone

MOST_RECIPIENTS: Final = 100_000_000
_MOST_PLACES: Final = 200
_MOST_A_SECOND: Final = 10_000
_DAY_S: Final = 86_400

_Part = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]


def _zone(written: str) -> str:
    if load_zone(written) is None:
        raise ValueError('must be an IANA time zone such as "America/New_York"')
    return written


def _prefix(written: str) -> str:
    if re.fullmatch("[1-9][0-9]{0,14}", written) is None:
        raise ValueError('must be the first digits of phone numbers, country code first, such as "91"')
    return written


def _object(written: Any) -> Any:
    if not isinstance(written, dict):
        raise ValueError("must be an object")
    return written


class BesideOrder(Table):
    """What goes on beside the campaign in one category: sends a second, and to how many different users a day.

    Without `recipients_a_day` each send is to another user, which is the careful view.
    """

    per_second: float = Field(gt=0, le=_MOST_A_SECOND, allow_inf_nan=False)
    recipients_a_day: int | None = Field(default=None, strict=True, ge=1, le=MOST_RECIPIENTS)

    def stream(self, category: Category) -> Beside:
        """The stream that is planned with: nobody of it holds a place yet."""
        recipients = self.recipients_a_day or math.ceil(self.per_second * _DAY_S)
        return Beside(category, self.per_second, recipients)


class PlanOrder(Table):
    """The keys of a plan that are none of a campaign's order.

    Of `campaign_id` (of one that was ordered), `audience` (recipients, as in an order) and `recipients` (how many) one
    is given. `zones` and `prefixes` say which parts of `recipients` live where; of the rest nothing is known.
    """

    campaign_id: Annotated[str, Field(strict=True, max_length=100)] | None = None
    audience: list[Any] | None = None
    recipients: int | None = Field(default=None, strict=True, ge=1, le=MOST_RECIPIENTS)
    zones: Annotated[
        dict[Annotated[str, AfterValidator(_zone)], _Part], BeforeValidator(_object), Field(max_length=_MOST_PLACES)
    ] = Field(default_factory=dict)
    prefixes: Annotated[
        dict[Annotated[str, AfterValidator(_prefix)], _Part], BeforeValidator(_object), Field(max_length=_MOST_PLACES)
    ] = Field(default_factory=dict)
    beside: Annotated[dict[Category, BesideOrder], BeforeValidator(_object)] | None = None

    @model_validator(mode="after")
    def _is_one_question(self) -> Self:
        if sum(given is not None for given in (self.campaign_id, self.audience, self.recipients)) != 1:
            raise ValueError("must have one of campaign_id, audience and recipients")
        if self.recipients is None and (self.zones or self.prefixes):
            raise ValueError("zones and prefixes say where recipients live, of whom only the number is given")
        if math.fsum([*self.zones.values(), *self.prefixes.values()]) > 1 + 1e-9:
            raise ValueError("shares of zones and prefixes must not be more than 1 together")
        return self

    @property
    def streams(self) -> tuple[Beside, ...] | None:
        """What goes on beside the campaign; None: what went on before it."""
        if self.beside is None:
            return None
        return tuple(given.stream(category) for category, given in self.beside.items())

    def counts(self) -> tuple[dict[str, int], dict[str, int], int]:
        """Recipients by zone, by first digits, and of those of whom nothing is known; together all."""
        total, told, share = self.recipients or 0, 0, 0.0
        found: list[dict[str, int]] = []
        for parts in (self.zones, self.prefixes):
            counted: dict[str, int] = {}
            for place, part in parts.items():
                share += part
                upto = min(total, round(total * share))
                counted[place], told = upto - told, upto
            found.append(counted)
        return found[0], found[1], total - told


KEYS: Final = frozenset(PlanOrder.model_fields)
