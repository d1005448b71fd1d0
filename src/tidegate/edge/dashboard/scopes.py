"""What a stop covers, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: In words, the widest first.
_SCOPES: Final = {
    "portfolio": "portfolio",
    "waba": "account",
    "token": "access token of account",
    "number": "number",
    "category": "category",
    "campaign": "campaign",
    "template": "template",
}
WIDTH: Final = {scope: nth for nth, scope in enumerate(_SCOPES)}
"""How wide each is, the widest least."""


def scope_in_words(scope: Mapping[str, str]) -> str:
    """A scope of a breaker or a pause, as `GET /standing` tells it."""
    ((kind, value),) = scope.items()
    # A breaker's value names whose it is too; a pause has the name alone.
    match kind, value.split(":", 2):
        case "template", [account, language, name]:
            return f"template {name} ({language}), account {account}"
        case "category", [number, category]:
            return f"{category} of number {number}"
        case _:
            return f"{_SCOPES.get(kind, kind)} {value}"
