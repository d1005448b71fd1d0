"""What figures are kept for: on each day (UTC) numbers, and what went out by each of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DAY_MS: Final = 86_400_000
KEPT_DAYS: Final = 400
"""A year, and the same month of the year before."""
REST: Final = "(other)"
"""The name under which is counted what a day has no room to keep apart; no template, campaign or app is called so."""


class Kind(StrEnum):
    """Kinds of cells; the words of the store."""

    NUMBER = "number"
    TEMPLATE = "template"
    CAMPAIGN = "campaign"
    APP = "app"


class By(StrEnum):
    """What a row of an answer stands for."""

    DAY = "day"
    TEMPLATE = "template"
    CAMPAIGN = "campaign"
    APP = "app"
    NUMBER = "number"

    @property
    def kind(self) -> Kind:
        """The cells that its rows are made of."""
        return Kind.NUMBER if self is By.DAY else Kind(self.value)

    @property
    def tells_waits(self) -> bool:
        """Whether it can be told whom an answer was given by: a number, or an app, not a template."""
        return self in (By.DAY, By.NUMBER, By.APP)

    @property
    def tells_questions(self) -> bool:
        """Whether it can be told whom users wrote to: a number."""
        return self in (By.DAY, By.NUMBER)

    @property
    def tells_templates(self) -> bool:
        """Whether Meta's decisions on templates belong to its rows."""
        return self in (By.DAY, By.TEMPLATE)


@dataclass(frozen=True, slots=True)
class Cell:
    """One number, or what went out by it: a template (`waba:language:name`), a campaign, an app."""

    kind: Kind
    number: str
    name: str

    @property
    def key(self) -> str:
        """What the store knows it by."""
        return f"{self.kind.value}:{self.number}:{self.name}"


def cell_of(kind: Kind, member: str) -> Cell:
    """The cell of a kind that the store names so: `<number>:<name>`."""
    number, _, name = member.partition(":")
    return Cell(kind, number, name)


def template_of(name: str) -> tuple[str, str, str] | None:
    """WABA, language and name of a template's cell; None for the rest's."""
    waba, _, rest = name.partition(":")
    language, _, template = rest.partition(":")
    return (waba, language, template) if template else None
