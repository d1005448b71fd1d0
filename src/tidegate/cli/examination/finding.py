"""One thing that `tidegate doctor` looked at, and how much it weighs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: Values of tidegate.example.toml that are there to be replaced.
PLACEHOLDERS: Final = frozenset(
    {
        "choose-one-and-tell-meta",
        "the-current-app-secret",
        "replace-me-with-32-or-more-random-bytes",
        "replace-me-as-well-and-differently-please",
        "replace-me",
        "EAAG-replace-me",
    }
)


class Level(StrEnum):
    """How much a finding weighs: only `fail` makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` is empty where nothing is wrong."""

    subject: str
    level: Level
    found: str
    remedy: str = ""
