"""The rules in force as the store keeps them, beside the other facts of a portfolio's standing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from tidegate.errors import BadConfiguration
from tidegate.policy.rules import Rules
from tidegate.policy.standing import Change
from tidegate.settings import read_rules

#: Field of the standing's hash: only operators say what the rules are.
_FIELD: Final = b"rules|rules@operator"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RulesRecord:
    """What stands in the store: rules (None: they can't be read here), and who wrote them.

    `file`: version of the rules in the configuration file of the node that wrote them. `since_ms`: the store's time of
    the writing; it grows with each.
    """

    rules: Rules | None
    file: str
    since_ms: int


def rules_change(rules: Rules, file: str, at_ms: int, cause: str) -> Change:
    """The change of standing that puts rules in force; it may tighten anything."""
    values = {"rules": {"rules": rules.stated(), "file": file}}
    return Change("rules", "", values, "operator", at_ms, cause, tightens=True)


class RulesReader:
    """Reads the record; what was read last is kept, so that equal rules are one object for as long as they stay."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: tuple[bytes, Rules | None, str] = (b"", None, "")

    def read(self, stored: Mapping[Any, Any]) -> RulesRecord | None:
        """The record among the fields of a standing; None while nobody has written any.

        One that can't be read is told in the log, once: it may be a later release's, which knows more keys.
        """
        text = stored.get(_FIELD)
        if text is None:
            return None
        since, _, content = bytes(text).split(b" ", 2)
        if self._last[0] != content:
            self._last = (content, *_parsed(content))
        _, rules, file = self._last
        return RulesRecord(rules, file, int(since))


def _parsed(content: bytes) -> tuple[Rules | None, str]:
    file = ""
    try:
        value = orjson.loads(content)
        file = str(value["file"])
        return read_rules(value["rules"]), file
    except BadConfiguration as refused:
        faults = [str(fault) for fault in refused.faults]
    except (ValueError, LookupError, TypeError):
        faults = ["it is no record of rules"]
    log.error("stored_rules_unreadable", in_force="those of the configuration file", faults=faults)
    return None, file
