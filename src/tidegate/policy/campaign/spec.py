"""A campaign as it was ordered and taken: what goes to whom by which numbers, in which steps, until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from tidegate.cloudapi.recipients import RecipientKind
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.campaign.gate import Gate
from tidegate.policy.campaign.template import TemplateText

MOST_STEPS: Final = 20
MOST_VARIANTS: Final = 8
MOST_ROWS: Final = 1_000_000
"""Recipients of one campaign."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One of the templates that are compared. `share` of the recipients get it, in (0, 1]; of all variants it is 1."""

    name: str
    template: TemplateText
    share: float
    is_control: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Either all steps have a `share` (of all recipients, those of the steps before included; the last is 1),
    or all have a `segment` (the recipients whose row names it).
    """

    name: str
    share: float | None
    segment: str | None
    gate: Gate | None
    """What has to be shown before the next step begins; None: nothing."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign. Times are the store's, in ms; `start_at_ms` None: when it is told to. `numbers` share a portfolio.

    `night`: hours in which none of it goes, by the recipient's clock, beside those of the rules: minutes of the day,
    the first included, the second not. `category`: of its templates where the gateway does not know it.
    """

    campaign_id: str
    portfolio: str
    app: str
    name: str
    numbers: tuple[str, ...]
    variants: tuple[Variant, ...]
    steps: tuple[Step, ...]
    start_at_ms: int | None
    deadline_ms: int
    night: tuple[int, int] | None
    category: Category | None
    created_at_ms: int
    order: Mapping[str, Any] = field(repr=False, hash=False)
    """The JSON that it was ordered by, without its audience; must not be changed."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that its templates ask for, in order of first use."""
        return tuple(dict.fromkeys(name for variant in self.variants for name in variant.template.columns))

    @property
    def groups(self) -> int:
        """How many groups of recipients it has: one for each step and variant."""
        return len(self.steps) * len(self.variants)

    def group(self, step: int, variant: int) -> int:
        """The group of a step and a variant, all counted from 0."""
        return step * len(self.variants) + variant

    def row_name(self, row: int) -> str:
        """What the id of a row's message is made of: each row has one, and the same whenever it is asked for."""
        return f"{self.campaign_id} {row}"

    def step_and_variant(self, group: int) -> tuple[int, int]:
        """The step and the variant of a group."""
        return divmod(group, len(self.variants))


class Row(NamedTuple):
    """One recipient. `number`: 1 and up, in the order of the upload; `line`: where it stood in what was uploaded.

    `to`: the digits of a phone number or a business-scoped user id; empty when the user was erased since. `columns`:
    those that the templates ask for. `segment` is empty where steps go by share.
    """

    number: int
    line: int
    to: str
    columns: dict[str, str]
    segment: str = ""

    @property
    def kind(self) -> RecipientKind:
        """What `to` is."""
        return RecipientKind.BSUID if "." in self.to else RecipientKind.PHONE

    def erased(self) -> Row:
        """The row without its recipient and what was to be said to them."""
        return Row(self.number, self.line, "", {}, "")
