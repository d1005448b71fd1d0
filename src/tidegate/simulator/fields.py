"""The named values of a steering call, read by their types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


class Fields:
    """Values by name. A reader raises ValueError, naming the field, when it is missing or of a wrong type."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Say whether the field was given."""
        return name in self._values

    def any(self, name: str) -> Any:
        """Give a value of any type; None: not given."""
        return self._values.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """Read a text."""
        value = self._values.get(name, default)
        if not isinstance(value, str):
            raise ValueError(f"{name} must be a text")
        return value

    def word(self, name: str) -> str | None:
        """Read a text in upper case; None: not given."""
        return self.text(name).upper() if self.has(name) else None

    def whole(self, name: str, default: int | None = None) -> int:
        """Read a whole number from 0, also from digits."""
        value = self._values.get(name, default)
        if isinstance(value, str) and re.fullmatch("[0-9]{1,15}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{name} must be a whole number from 0")
        return value

    def number(self, name: str) -> float:
        """Read a number from 0."""
        value = self._values.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{name} must be a number from 0")
        return value

    def limit(self, name: str) -> int | str:
        """Read a messaging limit as it was given: a whole number or a text."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(f"{name} must be a number or a tier such as TIER_2K")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Read true or false."""
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        """Read a JSON object; None: not given."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            raise ValueError(f"{name} must be a JSON object")
        return value
