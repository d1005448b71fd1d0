"""The operator's rules: the `[rules]` table, validated as a whole, with a version that names its content."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import time
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PlainSerializer, StrictBool, model_validator

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.allowance_rules import BudgetRule, WarmUpRamp
from tidegate.policy.consequences.rulebook import ConsequenceRules, Consequences, stated
from tidegate.policy.duration import MS_PER_UNIT, Duration
from tidegate.policy.early_warning import Plan
from tidegate.policy.frequency import FrequencyCap
from tidegate.policy.rule_table import Guardrail, Table
from tidegate.policy.rule_table import Mode as Mode

Share = Annotated[float, Field(strict=True, ge=0, lt=1, allow_inf_nan=False)]
"""A part of the messaging limit: at least 0, less than 1."""


class Hold(StrEnum):
    """What a template send does that may not go now."""

    QUEUE = "queue"
    REJECT = "reject"


class Delivery(StrEnum):
    """What is promised of a template send: that nobody gets it twice, or that it is tried where that is in doubt."""

    AT_MOST_ONCE = "at_most_once"
    AT_LEAST_ONCE = "at_least_once"


class Reserve(Table):
    """Share of the limit that only this category, and those above it, may use."""

    authentication: Share = 0.05
    utility: Share = 0.10
    marketing: Share = 0.0

    def of(self, category: Category) -> float:
        """Share kept for this category."""
        share: float = getattr(self, category)
        return share


class HoldByCategory(Table):
    """What a template send of this category does that may not go now."""

    authentication: Hold = Hold.REJECT
    utility: Hold = Hold.QUEUE
    marketing: Hold = Hold.QUEUE

    def of(self, category: Category) -> Hold:
        """Queue or reject, for this category."""
        hold: Hold = getattr(self, category)
        return hold


class DeliveryByCategory(Table):
    """What is promised of a template send of this category whose outcome is not known."""

    authentication: Delivery = Delivery.AT_MOST_ONCE
    utility: Delivery = Delivery.AT_MOST_ONCE
    marketing: Delivery = Delivery.AT_MOST_ONCE

    def of(self, category: Category) -> Delivery:
        """At most or at least once, for this category."""
        delivery: Delivery = getattr(self, category)
        return delivery


class MaxWait(Table):
    """How long a queued send of this category may wait before it expires."""

    authentication_ms: Duration = Field(default=10 * MS_PER_UNIT["m"], alias="authentication")
    utility_ms: Duration = Field(default=24 * MS_PER_UNIT["h"], alias="utility")
    marketing_ms: Duration = Field(default=3 * MS_PER_UNIT["d"], alias="marketing")

    def of(self, category: Category) -> int:
        """Milliseconds that a queued send of this category may wait."""
        wait_ms: int = getattr(self, f"{category}_ms")
        return wait_ms


def _read_minute(written: Any) -> int:
    # TOML has times of its own (21:00:00); a string is what most people write.
    if isinstance(written, time) and not written.second and not written.microsecond:
        return written.hour * 60 + written.minute
    match = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", written) if isinstance(written, str) else None
    if match is None:
        raise ValueError('must be a time of day such as "21:00"')
    return int(match[1]) * 60 + int(match[2])


def _write_minute(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


MinuteOfDay = Annotated[int, BeforeValidator(_read_minute), PlainSerializer(_write_minute, return_type=str)]
"""A time of day, written "21:00", held as minutes since midnight (0 to 1439)."""


class QuietHours(Guardrail):
    """The recipient's local night: from `from_minute` (included) to `to_minute` (not included).

    Over midnight when `from_minute` is the later of the two.
    """

    from_minute: MinuteOfDay = Field(alias="from")
    to_minute: MinuteOfDay = Field(alias="to")
    categories: tuple[Category, ...] = (Category.MARKETING,)

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.from_minute == self.to_minute:
            raise ValueError("from and to are the same time: give two, or leave the table out")
        return self


class Consent(Guardrail):
    """Whose sends need an opt-in on record. An opt-out always counts, with this table or without it."""

    required: tuple[Category, ...] = (Category.MARKETING,)


class Frequency(Guardrail):
    """At most so many marketing messages to one user in any 24 hours, and in any 7 days."""

    per_day: int | None = Field(default=None, strict=True, ge=1, le=1_000)
    per_week: int | None = Field(default=None, strict=True, ge=1, le=1_000)

    @model_validator(mode="after")
    def _caps_something(self) -> Self:
        if self.per_day is None and self.per_week is None:
            raise ValueError("neither per_day nor per_week is given: leave the table out")
        return self

    @property
    def cap(self) -> FrequencyCap:
        return FrequencyCap(self.per_day, self.per_week)


class Duplicates(Guardrail):
    """The same message again within a span is answered as the first one was; "service" stands for free-form ones."""

    within_ms: Duration = Field(default=2 * MS_PER_UNIT["m"], alias="within")
    categories: tuple[Literal["authentication", "utility", "marketing", "service"], ...] = (
        "authentication",
        "utility",
        "marketing",
        "service",
    )

    @model_validator(mode="after")
    def _is_a_moment(self) -> Self:
        if not 1_000 <= self.within_ms <= MS_PER_UNIT["d"]:
            raise ValueError("within has to be between 1 s and 24 h")
        return self


class EarlyWarning(Guardrail):
    """How sure the watch over outcomes has to be: alarms for nothing that are allowed a week, a template and number."""

    false_throttles: float = Field(default=0.2, gt=0, le=10, allow_inf_nan=False)
    false_stops: float = Field(default=0.01, gt=0, le=1, allow_inf_nan=False)
    tolerance: float = Field(default=1.5, ge=1, le=10, allow_inf_nan=False)
    least_sends: int = Field(default=100, strict=True, ge=10, le=100_000)

    @model_validator(mode="after")
    def _stops_last(self) -> Self:
        if self.false_stops > self.false_throttles:
            raise ValueError("a stop takes at least the evidence of a throttle")
        return self

    @property
    def plan(self) -> Plan:
        return Plan(
            false_watches=max(1.0, self.false_throttles),
            false_throttles=self.false_throttles,
            false_stops=self.false_stops,
            tolerance=self.tolerance,
            least_sends=self.least_sends,
        )


class Rules(Table):
    """The `[rules]` table.

    A guardrail is a field of type `Guardrail` (on unless told otherwise) or `... | None` (off until
    configured); a new one is one line here.
    """

    headroom: Share = 0.05
    pacing_wait_ms: Duration = Field(default=2_000, alias="pacing_wait")
    late_delivery_hold: StrictBool = True
    #: A service window that ends within this span counts as closed: the send has to arrive while it is open.
    window_margin_ms: Duration = Field(default=10_000, alias="window_margin")

    reserve: Reserve = Reserve()
    hold: HoldByCategory = HoldByCategory()
    delivery: DeliveryByCategory = DeliveryByCategory()
    max_wait: MaxWait = MaxWait()

    service_window: Guardrail = Guardrail()
    messaging_limit: Guardrail = Guardrail()
    category_reserve: Guardrail = Guardrail()
    pair_rate: Guardrail = Guardrail()
    throughput: Guardrail = Guardrail()
    template_health: Guardrail = Guardrail()
    number_standing: Guardrail = Guardrail()
    account_restricted: Guardrail = Guardrail()
    user_marketing_limit: Guardrail = Guardrail()
    recipient_suppressed: Guardrail = Guardrail()
    early_warning: EarlyWarning = EarlyWarning()
    quiet_hours: QuietHours | None = None
    consent: Consent | None = None
    frequency_cap: Frequency | None = None
    warm_up: WarmUpRamp | None = None
    budget: BudgetRule | None = None
    duplicates: Duplicates | None = None

    consequence: ConsequenceRules = ()

    @model_validator(mode="after")
    def _leaves_places_to_use(self) -> Self:
        kept = self.headroom + self.reserve.authentication + self.reserve.utility + self.reserve.marketing
        if kept >= 1:
            raise ValueError("headroom and reserves together must be less than 1: no place would be left to use")
        return self

    def mode(self, guardrail: str) -> Mode:
        """Mode of the guardrail of this name (its field's name); OFF while it is not configured.

        Raises KeyError for a name that is no guardrail.
        """
        return self.modes[guardrail]

    @cached_property
    def modes(self) -> Mapping[str, Mode]:
        """The mode of each guardrail, by its name."""
        tables: dict[str, Guardrail | None] = {name: getattr(self, name) for name in GUARDRAIL_FIELDS}
        return {name: Mode.OFF if table is None else table.mode for name, table in tables.items()}

    @cached_property
    def has_shadows(self) -> bool:
        """Whether a guardrail only tells what it would have said."""
        return Mode.SHADOW in self.modes.values()

    def written(self) -> dict[str, Any]:
        """The rules as JSON values under their public keys, every default included; of a consequence what is changed.

        `Rules.model_validate` reads them back.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_none=True) | self._consequences()

    def stated(self) -> dict[str, Any]:
        """Like `written`, but only what differs from the defaults: a version with more keys, or fewer, reads it too."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True) | self._consequences()

    def _consequences(self) -> dict[str, Any]:
        return {"consequence": [stated(rule) for rule in self.consequence]} if self.consequence else {}

    @cached_property
    def consequences(self) -> Consequences:
        """The default consequences and the operator's together."""
        return Consequences(self.consequence)

    @cached_property
    def version(self) -> str:
        """Twelve hex digits that name this content: equal rules, equal version, on every node.

        A default that is written out makes no other version, and neither does a key that a later release adds.
        """
        canonical = json.dumps(self.stated(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _is_guardrail(annotation: Any) -> bool:
    options = getattr(annotation, "__args__", (annotation,))
    return any(isinstance(option, type) and issubclass(option, Guardrail) for option in options)


GUARDRAIL_FIELDS: Final = frozenset(
    name for name, field in Rules.model_fields.items() if _is_guardrail(field.annotation)
)
"""Names of the guardrails that the rules know."""
