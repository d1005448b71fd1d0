"""A template message with holes, `{{column}}`, that each row of an audience fills.

    {"name": "offer", "language": {"code": "en_US"},
     "components": [{"type": "body", "parameters": [{"type": "text", "text": "Hello {{first_name}}"}]}]}

Holes stand in any text of `components`; the name and the language are the same for everybody. What fills a hole is
text: a parameter that Meta takes as a number only (`amount_1000` of a currency) can't be filled.
Source of the shape: Meta, "Send message templates".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from tidegate.cloudapi.messages import BadMessage, RecipientKind, Request, TemplateRef, parse_send

COLUMN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_ .-]{0,63}")
"""The name of a column that a hole may ask for."""

_HOLE: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_MOST_COLUMNS: Final = 64
#: A phone number that nobody has: only to see whether the template makes a message at all.
_NOBODY: Final = "15550000000"


@dataclass(frozen=True, slots=True)
class TemplateText:
    """One template in one language, with its holes. `columns` are those that it asks for, in order of first use."""

    ref: TemplateRef
    body: Mapping[str, Any] = field(repr=False, hash=False)
    """Meta's `template` object; must not be changed."""
    columns: tuple[str, ...]

    @classmethod
    def of(cls, given: Any) -> TemplateText:
        """Read Meta's `template` object. Raises ValueError, with a message that repeats no value."""
        message = {"messaging_product": "whatsapp", "to": _NOBODY, "type": "template", "template": given}
        try:
            request = parse_send(orjson.dumps(message))
        except BadMessage as fault:
            raise ValueError(fault.details) from None
        assert isinstance(request, Request)
        ref = request.template
        assert ref is not None
        if any(_HOLE.search(text) for text in (ref.name, ref.language)):
            raise ValueError("its name and its language are the same for everybody: holes stand in its components")
        columns = tuple(dict.fromkeys(_columns(given.get("components"))))
        if len(columns) > _MOST_COLUMNS:
            raise ValueError(f"may ask for {_MOST_COLUMNS} columns at most")
        return cls(ref, given, columns)

    def filled(self, columns: Mapping[str, str]) -> dict[str, Any]:
        """The `template` object for one row. Raises KeyError for a column that the row has not."""
        filled: dict[str, Any] = _filled(self.body, columns)
        return filled

    def message(self, kind: RecipientKind, to: str, columns: Mapping[str, str]) -> dict[str, Any]:
        """The body of a send to one row's recipient: digits of a phone, or a business-scoped user id.

        Raises KeyError for a column that the row has not.
        """
        whom = {"to": f"+{to}"} if kind is RecipientKind.PHONE else {"recipient": to}
        return {"messaging_product": "whatsapp", **whom, "type": "template", "template": self.filled(columns)}


def _columns(part: Any) -> Iterator[str]:
    match part:
        case str():
            for name in _HOLE.findall(part):
                if not COLUMN.fullmatch(name):
                    raise ValueError("a hole has to name a column: {{first_name}}")
                yield name
        case dict():
            for value in part.values():
                yield from _columns(value)
        case list():
            for value in part:
                yield from _columns(value)
        case _:
            pass


def _filled(part: Any, columns: Mapping[str, str]) -> Any:
    match part:
        case str():
            return _HOLE.sub(lambda hole: columns[hole[1]], part) if "{{" in part else part
        case dict():
            return {key: _filled(value, columns) for key, value in part.items()}
        case list():
            return [_filled(value, columns) for value in part]
        case _:
            return part
