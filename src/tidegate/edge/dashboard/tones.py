"""Which of Meta's words are good news, and which are bad: the colour beside a word, which is always written too."""

from __future__ import annotations

from typing import Final

from tidegate.cloudapi.vocabulary import Quality, TemplateStatus
from tidegate.policy.campaign.phase import Phase

GOOD: Final = "good"
WARN: Final = "warn"
BAD: Final = "bad"
CALM: Final = "calm"

_QUALITY: Final = {Quality.GREEN.value: GOOD, Quality.YELLOW.value: WARN, Quality.RED.value: BAD}
_NUMBER: Final = {"CONNECTED": GOOD, "UNKNOWN": CALM, "FLAGGED": WARN}
_TEMPLATE: Final = {
    TemplateStatus.APPROVED.value: GOOD,
    TemplateStatus.PAUSED.value: BAD,
    TemplateStatus.DISABLED.value: BAD,
    TemplateStatus.REJECTED.value: BAD,
    TemplateStatus.FLAGGED.value: WARN,
}
_PHASE: Final = {
    Phase.RUNNING.value: GOOD,
    Phase.WAITING.value: GOOD,
    Phase.FINISHED.value: GOOD,
    Phase.PAUSED.value: WARN,
    Phase.HALTED.value: BAD,
}
_ACCOUNT: Final = {"Healthy": GOOD, "At Risk": WARN, "Restricted": BAD}
_GATE: Final = {"pass": GOOD, "fail": BAD, "unsure": CALM, "waived": WARN}


def of_quality(word: str) -> str:
    """Of a quality rating."""
    return _QUALITY.get(word, CALM)


def of_number(status: str) -> str:
    """Of a number's status; another than these stops it."""
    return _NUMBER.get(status, BAD)


def of_template(status: str | None) -> str:
    """Of a template's status."""
    return CALM if status is None else _TEMPLATE.get(status, CALM)


def of_phase(phase: str) -> str:
    """Of where a campaign is."""
    return _PHASE.get(phase, CALM)


def of_account(word: str) -> str:
    """Of an account's status."""
    return _ACCOUNT.get(word, CALM)


def of_gate(outcome: str) -> str:
    """Of what a gate said."""
    return _GATE.get(outcome, CALM)
