"""What every table of the rules has in common."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Mode(StrEnum):
    """How much a guardrail's objection weighs."""

    #: The objection decides.
    ENFORCE = "enforce"
    #: The objection is written down, and the send goes as if there were none.
    SHADOW = "shadow"
    #: The guardrail is not asked.
    OFF = "off"


class Table(BaseModel):
    """A table of the rules: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Guardrail(Table):
    """The part that every guardrail's table has."""

    mode: Mode = Mode.ENFORCE
