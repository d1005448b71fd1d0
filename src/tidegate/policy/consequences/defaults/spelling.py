"""How the default rules are written down here."""

from __future__ import annotations

from typing import Any, Final

from tidegate.policy.consequences.rule import ConsequenceRule

# What callers are told.
BLOCKED: Final = "account_restricted"
LOCKED: Final = "account_locked"
STANDING: Final = "number_standing"
PAUSED: Final = "template_paused"
SUPPRESSED: Final = "recipient_suppressed"
THROTTLED: Final = "upstream_throttled"
HALTED: Final = "campaign_halted"


def rule(id: str, on: str, whom: str, what: str, reason: str = "", *, proof: str = "", **terms: Any) -> ConsequenceRule:
    """One rule: `whom` is its scope and what it covers, `what` its action and for how long.

    Names of signals are separated by spaces; `{A,B}` in one of them stands for each.
    """
    scope, _, covers = whom.partition(": ")
    action, _, lasts = what.partition(" ")
    written = {"id": id, "on": _names(on), "scope": scope, "action": action, **terms}
    optional = {"covers": covers, "for": lasts, "reason": reason, "proof": _names(proof)}
    return ConsequenceRule.model_validate(written | {key: value for key, value in optional.items() if value})


def _names(written: str) -> tuple[str, ...]:
    names: list[str] = []
    for name in written.split():
        before, _, choice = name.partition("{")
        words, _, after = choice.partition("}")
        names += [f"{before}{word}{after}" for word in words.split(",")]
    return tuple(names)
