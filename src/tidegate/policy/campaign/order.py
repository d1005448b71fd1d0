"""The JSON that a campaign is ordered by: its keys, what they may hold, and the campaign that it makes.

{"name": "Black Friday", "numbers": ["106540352242922"], "template": {...}, "schedule": {"deadline": "..."},
 "steps": [{"share": 0.01}, {"share": 0.05, "gate": {...}}, {"share": 1}], "gate": {...}}
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, ConfigDict, Field, StrictBool, model_validator

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.campaign.gate import DEFAULT, Gate
from tidegate.policy.campaign.spec import MOST_STEPS, MOST_VARIANTS, Campaign, Step, Variant
from tidegate.policy.campaign.template import TemplateText
from tidegate.policy.duration import MS_PER_UNIT
from tidegate.policy.instant import read_time
from tidegate.policy.rule_table import Table
from tidegate.policy.rules import MinuteOfDay

LONGEST_MS: Final = 90 * MS_PER_UNIT["d"]
"""So long after its creation a campaign may go on at most."""
USUAL_MS: Final = 7 * MS_PER_UNIT["d"]
"""So long it goes on after its start where nothing is said."""

_MOST_NUMBERS: Final = 100
#: No colon: names are parts of longer ones.
_WORD: Final = r"^[A-Za-z0-9_.-]{1,64}$"
_MANY: Final = "are given twice: each has to be another one"


def _instant(written: Any) -> int:
    at_ms = read_time(written) if isinstance(written, str) else None
    if at_ms is None:
        raise ValueError("must be an RFC 3339 time with its offset, such as 2026-11-27T08:00:00Z")
    return at_ms


def _listed(written: Any) -> Any:
    # JSON's lists, where strictness would have tuples only.
    return tuple(written) if isinstance(written, list) else written


def _gate(written: Any) -> Any:
    return written if isinstance(written, bool) else Gate.from_json(written)


Word = Annotated[str, Field(strict=True, pattern=_WORD)]
"""The name of a step, a variant or a segment: it stands in reports and in names of files."""
Instant = Annotated[int, BeforeValidator(_instant)]
ShareOf = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Text = Annotated[TemplateText, BeforeValidator(TemplateText.of)]
GateOrder = Annotated[bool | Gate, BeforeValidator(_gate)]


class _Ordered(Table):
    model_config = ConfigDict(arbitrary_types_allowed=True)


class VariantOrder(_Ordered):
    """One of `variants`."""

    name: Word
    template: Text
    share: ShareOf
    is_control: StrictBool = Field(default=False, alias="control")


class StepOrder(_Ordered):
    """One of `steps`. Without a `gate`, or with `true`, it has the order's; with `false` none."""

    name: Word | None = None
    share: ShareOf | None = None
    segment: Word | None = None
    gate: GateOrder | None = None

    @model_validator(mode="after")
    def _is_of_somebody(self) -> Self:
        if (self.share is None) == (self.segment is None):
            raise ValueError("must have a share or a segment, one of them")
        return self


class Schedule(_Ordered):
    """`schedule`."""

    start_at_ms: Instant | None = Field(default=None, alias="start_at")
    deadline_ms: Instant | None = Field(default=None, alias="deadline")


class OwnNight(_Ordered):
    """`quiet_hours`: in which none of it goes, by the recipient's clock."""

    from_minute: MinuteOfDay = Field(alias="from")
    to_minute: MinuteOfDay = Field(alias="to")

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.from_minute == self.to_minute:
            raise ValueError("from and to are the same time: give two, or leave it out")
        return self


class Order(_Ordered):
    """The whole order, but for its audience."""

    name: Annotated[str, Field(strict=True, min_length=1, max_length=200)]
    numbers: Annotated[
        tuple[Annotated[str, Field(strict=True)], ...],
        BeforeValidator(_listed),
        Field(min_length=1, max_length=_MOST_NUMBERS),
    ]
    template: Text | None = None
    variants: Annotated[tuple[VariantOrder, ...], BeforeValidator(_listed), Field(max_length=MOST_VARIANTS)] = ()
    category: Category | None = None
    schedule: Schedule = Schedule()
    steps: Annotated[tuple[StepOrder, ...], BeforeValidator(_listed), Field(max_length=MOST_STEPS)] = ()
    gate: GateOrder = False
    quiet_hours: OwnNight | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.name.isprintable():
            raise ValueError("name must be 1 to 200 printable characters")
        if len(set(self.numbers)) < len(self.numbers):
            raise ValueError(f"numbers {_MANY}")
        if (self.template is None) == (not self.variants):
            raise ValueError("must have a template or variants, one of them")
        self._check_variants()
        self._check_steps()
        return self

    def _check_variants(self) -> None:
        if not self.variants:
            return
        _all_others("names of variants", (variant.name for variant in self.variants))
        if not math.isclose(math.fsum(variant.share for variant in self.variants), 1, abs_tol=1e-9):
            raise ValueError("shares of variants must be 1 together")
        if sum(variant.is_control for variant in self.variants) > 1:
            raise ValueError("one of the variants may be the control, not several")

    def _check_steps(self) -> None:
        steps = self.made_steps()
        _all_others("names of steps", (step.name for step in steps))
        if any(step.gate is not None and step.gate.needs_control for step in steps) and not self._has_control:
            raise ValueError("a gate compares with the control: one of the variants must have control = true")
        segments = [step.segment for step in self.steps if step.segment is not None]
        shares = [step.share for step in self.steps if step.share is not None]
        if segments and shares:
            raise ValueError("steps must all have a share, or all a segment")
        _all_others("segments of steps", segments)
        if shares and (sorted(set(shares)) != shares or shares[-1] != 1):
            raise ValueError("shares of steps must grow from one to the next, and the last must be 1")

    @property
    def _has_control(self) -> bool:
        return any(variant.is_control for variant in self.variants)

    def made_steps(self) -> tuple[Step, ...]:
        """The steps, with their names and gates; one for all where none was ordered."""
        if not self.steps:
            return (Step("all", 1.0, None, self._made_gate(None)),)
        return tuple(
            Step(
                name=step.name or step.segment or f"step-{number}",
                share=step.share,
                segment=step.segment,
                gate=self._made_gate(step.gate),
            )
            for number, step in enumerate(self.steps, 1)
        )

    def _made_gate(self, of_step: bool | Gate | None) -> Gate | None:
        gate = self.gate if of_step is None or (of_step is True and self.gate) else of_step
        if isinstance(gate, bool):
            return DEFAULT if gate else None
        return gate

    def made_variants(self) -> tuple[Variant, ...]:
        """The variants; one that is called `all` where there is one template."""
        if self.template is not None:
            return (Variant("all", self.template, 1.0),)
        return tuple(Variant(one.name, one.template, one.share, one.is_control) for one in self.variants)

    def campaign(
        self, campaign_id: str, portfolio: str, app: str, created_at_ms: int, order: Mapping[str, Any]
    ) -> Campaign:
        """The campaign that is made of it at `created_at_ms`; `order` is the JSON that this was read from.

        Raises ValueError, with its key first, for times that no campaign made then can have.
        """
        schedule = self.schedule
        start_ms = max(created_at_ms, schedule.start_at_ms or 0)
        deadline_ms = schedule.deadline_ms or start_ms + USUAL_MS
        if schedule.start_at_ms is not None and deadline_ms <= schedule.start_at_ms:
            raise ValueError("schedule.deadline: must be after start_at")
        if deadline_ms <= created_at_ms:
            raise ValueError("schedule.deadline: must lie ahead")
        if deadline_ms > created_at_ms + LONGEST_MS:
            raise ValueError("schedule.deadline: must be within 90 days")
        night = self.quiet_hours
        return Campaign(
            campaign_id=campaign_id,
            portfolio=portfolio,
            app=app,
            name=self.name,
            numbers=self.numbers,
            variants=self.made_variants(),
            steps=self.made_steps(),
            start_at_ms=schedule.start_at_ms,
            deadline_ms=deadline_ms,
            night=None if night is None else (night.from_minute, night.to_minute),
            category=self.category,
            created_at_ms=created_at_ms,
            order=order,
        )


def _all_others(what: str, among: Iterable[str]) -> None:
    known = list(among)
    if len(set(known)) < len(known):
        raise ValueError(f"{what} {_MANY}")


def write_campaign(campaign: Campaign) -> dict[str, Any]:
    """A campaign as JSON values, to be kept."""
    return {
        "id": campaign.campaign_id,
        "portfolio": campaign.portfolio,
        "app": campaign.app,
        "created_at_ms": campaign.created_at_ms,
        "order": dict(campaign.order),
    }


def read_campaign(kept: Mapping[str, Any]) -> Campaign:
    """The campaign that `write_campaign` wrote. Raises ValueError (or LookupError) for whatever else."""
    order = kept["order"]
    return Order.model_validate(order).campaign(
        kept["id"], kept["portfolio"], kept["app"], kept["created_at_ms"], order
    )
