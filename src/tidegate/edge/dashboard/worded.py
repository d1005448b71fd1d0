"""A change of the standing in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tidegate.cloudapi.vocabulary import UNLIMITED, Quality
from tidegate.edge.dashboard import tones
from tidegate.edge.dashboard.scopes import scope_in_words
from tidegate.policy.consequences.worded import in_words
from tidegate.policy.fall import is_fall
from tidegate.policy.health import QUALITY_WORDS

_LONGEST: Final = 120
_NOTHING: Final = "nothing known"
#: What a change back from is good news: all that can fall can rise.
_CAN_FALL: Final = frozenset({"quality", "status", "limit", "state"})


def worded(change: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `GET /quality` with `what` it is about, `before`, `after` and `why` in words, and its `tone`."""
    kind, field = change["kind"], change["field"]
    before, after = change["from"], change["to"]
    return {
        **change,
        "what": _what(kind, change["key"], field, after or before),
        "before": _value(kind, field, before),
        "after": _value(kind, field, after),
        "why": in_words(change["cause"]),
        "tone": tone_of(change),
    }


def tone_of(change: Mapping[str, Any]) -> str:
    """Whether a row of `GET /quality` tells of something bad, good, or neither."""
    kind, field, before, after = (change[name] for name in ("kind", "field", "from", "to"))
    if kind == "pause":
        return tones.GOOD if after is None else tones.BAD
    if is_fall(kind, field, before, after):
        return tones.BAD
    if before is not None and field in _CAN_FALL and is_fall(kind, field, after, before):
        return tones.GOOD
    return tones.CALM


def _what(kind: str, key: str, field: str, value: Any) -> str:
    match kind:
        case "limit":
            return "Messaging limit"
        case "pause":
            paused = value if isinstance(value, dict) else {}
            return f"Pause of {scope_in_words({str(paused.get('scope', '')): str(paused.get('value', ''))})}"
        case "rules":
            return "Rules"
        case "breaker":
            rule, scope, of = (*key.split("/", 2), "", "")[:3]
            return f"Breaker {rule} on {scope_in_words({scope: of})}"
        case "template":
            waba, language, name = (*key.split(":", 2), "", "")[:3]
            return f"Template {name} ({language}, account {waba}): {field}"
        case _:
            return f"{kind} {key}: {field}".replace(" : ", ": ").capitalize()


def _value(kind: str, field: str, value: Any) -> str:
    if value is None:
        return "none" if kind == "pause" else _NOTHING
    if kind == "limit":
        return "unlimited" if value == UNLIMITED else f"{value:,}" if isinstance(value, int) else str(value)
    if kind == "pause" and isinstance(value, dict):
        return f"paused by {value.get('by')}: {value.get('reason')}"
    if kind == "rules" and isinstance(value, dict):
        changed = len(value.get("rules") or ())
        return f"{changed} setting{'' if changed == 1 else 's'} other than the defaults"
    if field == "quality" and value in set(Quality):
        return f"{QUALITY_WORDS[Quality(value)]} ({value})"
    text = value.replace("_", " ") if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
