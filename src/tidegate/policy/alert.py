"""What an operator is told without having asked: each change that tightens or opens, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from tidegate.cloudapi.vocabulary import NumberStatus, Quality, TemplateStatus
from tidegate.policy.breaker import State
from tidegate.policy.campaign.phase import STOPPED, Phase
from tidegate.policy.consequences.remedies import BY_RULE
from tidegate.policy.consequences.worded import in_words
from tidegate.policy.fall import is_fall
from tidegate.policy.reach import Scope


class Direction(StrEnum):
    """Which way it goes."""

    #: Less may be sent than before.
    TIGHTENED = "tightened"
    #: More may be sent than before.
    OPENED = "opened"
    #: Neither: somebody should know.
    NOTED = "noted"


class What(StrEnum):
    """What happened; append-only."""

    BREAKER_OPENED = "breaker.opened"
    BREAKER_HALF_OPEN = "breaker.half_open"
    BREAKER_CLOSED = "breaker.closed"
    PAUSE_STARTED = "pause.started"
    PAUSE_ENDED = "pause.ended"
    LIMIT_LOWERED = "limit.lowered"
    LIMIT_RAISED = "limit.raised"
    QUALITY_RED = "quality.red"
    QUALITY_YELLOW = "quality.yellow"
    QUALITY_GREEN = "quality.green"
    NUMBER_STOPPED = "number.stopped"
    NUMBER_CONNECTED = "number.connected"
    TEMPLATE_FLAGGED = "template.flagged"
    TEMPLATE_PAUSED = "template.paused"
    TEMPLATE_DISABLED = "template.disabled"
    TEMPLATE_APPROVED = "template.approved"
    CAMPAIGN_PAUSED = "campaign.paused"
    CAMPAIGN_HALTED = "campaign.halted"
    CAMPAIGN_CANCELLED = "campaign.cancelled"
    CAMPAIGN_RESUMED = "campaign.resumed"
    CAMPAIGN_FINISHED = "campaign.finished"
    BOOKS_HELD = "books.held"
    BOOKS_WHOLE = "books.whole"
    STORE_UNDURABLE = "store.undurable"
    STORE_DURABLE = "store.durable"
    #: A rule whose action is `alert` has met its signal.
    SIGNAL = "signal"


class Advice(NamedTuple):
    """Which way it goes, the section of docs/runbooks.md to read, and what to do first."""

    kind: Direction
    runbook: str
    what_to_do: str


_NOTHING: Final = "Nothing: what was held goes again by itself."
_T, _O, _N = Direction

ADVICE: Final[Mapping[What, Advice]] = MappingProxyType(
    {
        What.BREAKER_OPENED: Advice(_T, "a-breaker-is-open", "Read the cause, and mend it; it closes by itself."),
        What.BREAKER_HALF_OPEN: Advice(_O, "a-breaker-is-open", "Nothing: single sends try whether it is over."),
        What.BREAKER_CLOSED: Advice(_O, "a-breaker-is-open", _NOTHING),
        What.PAUSE_STARTED: Advice(_T, "something-must-stop-now", "End it once its reason is gone: tidegate resume."),
        What.PAUSE_ENDED: Advice(_O, "something-must-stop-now", _NOTHING),
        What.LIMIT_LOWERED: Advice(_T, "the-limit-is-reached", "Move what is planned: fewer new users a day fit."),
        What.LIMIT_RAISED: Advice(_O, "the-limit-is-reached", _NOTHING),
        What.QUALITY_RED: Advice(_T, "quality-turned-red", "Stop what users complain of: see what was sent before."),
        What.QUALITY_YELLOW: Advice(_T, "quality-turned-yellow", "Look at what was sent before, and send less of it."),
        What.QUALITY_GREEN: Advice(_O, "quality-turned-yellow", _NOTHING),
        What.NUMBER_STOPPED: Advice(_T, "a-number-or-an-account-is-stopped", "See Meta's WhatsApp Manager for why."),
        What.NUMBER_CONNECTED: Advice(_O, "a-number-or-an-account-is-stopped", _NOTHING),
        What.TEMPLATE_FLAGGED: Advice(_T, "meta-pauses-a-template", "Send less of it, or change its text."),
        What.TEMPLATE_PAUSED: Advice(_T, "meta-pauses-a-template", "Send it to fewer, or change it, when it is back."),
        What.TEMPLATE_DISABLED: Advice(_T, "meta-pauses-a-template", "Write another one: this one does not come back."),
        What.TEMPLATE_APPROVED: Advice(_O, "meta-pauses-a-template", _NOTHING),
        What.CAMPAIGN_PAUSED: Advice(_T, "a-campaign-is-halted", "Resume it once its reason is gone."),
        What.CAMPAIGN_HALTED: Advice(_T, "a-campaign-is-halted", "Read the gate's evidence, then resume or cancel it."),
        What.CAMPAIGN_CANCELLED: Advice(_N, "a-campaign-is-halted", "Nothing: what was queued is taken back."),
        What.CAMPAIGN_RESUMED: Advice(_O, "a-campaign-is-halted", _NOTHING),
        What.CAMPAIGN_FINISHED: Advice(_N, "a-campaign-is-halted", "Nothing: its report is ready."),
        What.BOOKS_HELD: Advice(
            _T, "the-store-lost-its-data", "Start the nodes that are waited for, or accept the books."
        ),
        What.BOOKS_WHOLE: Advice(_O, "the-store-lost-its-data", _NOTHING),
        What.STORE_UNDURABLE: Advice(
            _N, "the-store-is-not-durable", "Set appendonly yes, free its disk, or fail over."
        ),
        What.STORE_DURABLE: Advice(_N, "the-store-is-not-durable", "Nothing: it keeps what it is told again."),
        What.SIGNAL: Advice(
            _N, "a-number-or-an-account-is-stopped", "Read the cause: only somebody can look after it."
        ),
    }
)

#: Of breakers: where a narrower section says more than the one on breakers.
_BREAKERS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        Scope.TOKEN: ("the-token-has-expired", "Put a new token into the configuration, and send SIGHUP."),
        Scope.TEMPLATE: ("meta-pauses-a-template", "Read the cause: nothing of this template goes meanwhile."),
        Scope.NUMBER: ("a-number-or-an-account-is-stopped", "Read the cause, and see Meta's WhatsApp Manager."),
        Scope.WABA: ("a-number-or-an-account-is-stopped", "Read the cause, and see Meta's WhatsApp Manager."),
        Scope.PORTFOLIO: ("a-number-or-an-account-is-stopped", "Read the cause, and see Meta's WhatsApp Manager."),
    }
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to be told. `scope` and `value` say what it is about; `rule`, of a breaker or a signal, which rule's.

    `mode` is `shadow` where nothing is stopped for it. `until_ms`: when it ends by itself, as far as is known.
    """

    what: What
    scope: str
    value: str
    cause: str = ""
    rule: str | None = None
    mode: str = "enforce"
    by: str | None = None
    until_ms: int | None = None
    before: Any = None
    after: Any = None

    @property
    def kind(self) -> Direction:
        """Which way it goes; what is in shadow goes neither."""
        return ADVICE[self.what].kind if self.mode == "enforce" else Direction.NOTED

    @property
    def runbook(self) -> str:
        """The section of docs/runbooks.md that says more."""
        return self._of_breaker[0] or ADVICE[self.what].runbook

    @property
    def in_words(self) -> str:
        """The cause, for somebody who does not know the signals by name."""
        return in_words(self.cause)

    @property
    def what_to_do(self) -> str:
        """What to do first: as the dashboard says it, where a default rule has stopped something."""
        of_rule = BY_RULE.get(self.rule or "", "") if self.what is What.BREAKER_OPENED else ""
        return of_rule or self._of_breaker[1] or ADVICE[self.what].what_to_do

    @property
    def _of_breaker(self) -> tuple[str, str]:
        return _BREAKERS.get(self.scope, ("", "")) if self.what is What.BREAKER_OPENED else ("", "")


def alert_of(kind: str, key: str, field: str, before: Any, after: Any, cause: str) -> Alert | None:
    """What is to be told of a change of standing (as the history has it); None: nothing.

    A first sight of what is well is no news.
    """
    match kind, field:
        case "breaker", "state":
            return _of_breaker(key, before, after, cause)
        case "pause", "pause":
            return _of_pause(before, after, cause)
        case "campaign", "campaign":
            return _of_campaign(key, before, after, cause)
        case ("limit", "limit") | (("number" | "template"), ("quality" | "status")):
            falls = is_fall(kind, field, before, after)
            what = _what_of_fact(kind, field, before, after, falls=falls)
            if what is None or (before is None and not falls):
                return None
            return Alert(what, kind if key else "portfolio", key, cause, before=before, after=after)
        case _:
            return None


_STATES: Final = {
    State.OPEN.value: What.BREAKER_OPENED,
    State.HALF_OPEN.value: What.BREAKER_HALF_OPEN,
    State.CLOSED.value: What.BREAKER_CLOSED,
}
_COLOURS: Final = {
    Quality.RED.value: What.QUALITY_RED,
    Quality.YELLOW.value: What.QUALITY_YELLOW,
    Quality.GREEN.value: What.QUALITY_GREEN,
}
_TEMPLATES: Final = {
    TemplateStatus.FLAGGED.value: What.TEMPLATE_FLAGGED,
    TemplateStatus.PAUSED.value: What.TEMPLATE_PAUSED,
    TemplateStatus.DISABLED.value: What.TEMPLATE_DISABLED,
}
_PHASES: Final = {
    Phase.PAUSED.value: What.CAMPAIGN_PAUSED,
    Phase.HALTED.value: What.CAMPAIGN_HALTED,
    Phase.CANCELLING.value: What.CAMPAIGN_CANCELLED,
}


def _what_of_fact(kind: str, field: str, before: Any, after: Any, *, falls: bool) -> What | None:
    if kind == "limit":
        return What.LIMIT_LOWERED if falls else What.LIMIT_RAISED
    if field == "quality":
        # From red to yellow less is wrong, and the colour says how much still is.
        return _COLOURS.get(after)
    if kind == "template":
        was_stopped = before in _TEMPLATES
        return _TEMPLATES.get(after) or (
            What.TEMPLATE_APPROVED if was_stopped and after == TemplateStatus.APPROVED else None
        )
    if after == NumberStatus.CONNECTED:
        return What.NUMBER_CONNECTED
    return What.NUMBER_STOPPED if falls or before == NumberStatus.CONNECTED else None


def _of_breaker(key: str, before: Any, after: Any, cause: str) -> Alert | None:
    rule, scope, value = (*key.split("/", 2), "", "")[:3]
    what = _STATES.get(after)
    if what is None or scope in (Scope.RECIPIENT, Scope.PAIR):
        return None
    return Alert(what, scope, value, cause, rule=rule, before=before, after=after)


def _of_pause(before: Any, after: Any, cause: str) -> Alert | None:
    told = after or before
    if not isinstance(told, Mapping):
        return None
    what = What.PAUSE_STARTED if after else What.PAUSE_ENDED
    by = told.get("by") if after else None
    return Alert(what, str(told.get("scope")), str(told.get("value")), cause, by=by, until_ms=told.get("until_ms"))


def _of_campaign(key: str, before: Any, after: Any, cause: str) -> Alert | None:
    state, was = _state(after), _state(before)
    if after is None:
        # What the standing says of it no more is over: the cause says how.
        what = What.CAMPAIGN_FINISHED if cause.endswith(Phase.FINISHED.value) else None
    elif state in _PHASES:
        what = _PHASES[state]
    else:
        what = What.CAMPAIGN_RESUMED if was in STOPPED and state not in STOPPED else None
    return None if what is None else Alert(what, "campaign", key, cause, before=was, after=state)


def _state(value: Any) -> str | None:
    return value.get("state") if isinstance(value, Mapping) else None
