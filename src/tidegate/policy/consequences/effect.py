"""What is to be done about a signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tidegate.policy.breaker import Event, Grip, Kind, breaker_id
from tidegate.policy.consequences.rule import ConsequenceRule, End
from tidegate.policy.consequences.signal import PROVES, Signal, Source
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.verdict import Reason

#: What callers are told by a rule that names no reason.
_UNTOLD: Final = {Action.THROTTLE: Reason.THROUGHPUT}


@dataclass(frozen=True, slots=True)
class Effect:
    """One rule's consequence of one signal.

    `kind` says what it does to the rule's breaker: TRIP it, or (PROOF, WEBHOOK_RELAX) speak for its end; a
    WEBHOOK_RELAX is worth asking Graph. None for what is done once: opt_out, opt_in, close_window, alert.
    """

    rule: str
    mode: str
    """`enforce` or `shadow`."""
    action: Action
    scope: Scope
    value: str
    covers: Covers
    at_ms: int
    """When it happened: an opt-in counts only when it is newer than the opt-out."""
    cause: str
    kind: Kind | None = None
    until_ms: int | None = None
    """Of a trip: its end, as far as it is known now."""
    grip: Grip | None = None
    own: bool = False

    @property
    def breaker_id(self) -> str:
        """The breaker that it concerns, if any."""
        return breaker_id(self.rule, self.scope, self.value)

    def event(self) -> Event | None:
        """What to `step` the rule's breaker with; None for what is done once."""
        if self.kind is None:
            return None
        return Event(self.kind, self.at_ms, self.cause, self.grip, self.until_ms, self.own)


def trip(rule: ConsequenceRule, signal: Signal) -> Effect:
    """The consequence of a signal that a rule speaks of.

    Where the signal does not say to which value of the scope it belongs, an alert on the narrowest scope it does name.
    """
    value = signal.subject.value(rule.scope)
    if value is None:
        return _unplaced(rule, signal)
    lasts = rule.action.lasts
    return Effect(
        rule.id,
        rule.mode,
        rule.action,
        rule.scope,
        value,
        rule.covers,
        signal.at_ms,
        _cause(signal),
        kind=Kind.TRIP if lasts else None,
        until_ms=_until_ms(rule, signal) if lasts else None,
        grip=_grip(rule, value) if lasts else None,
        own=signal.source is Source.ANSWER,
    )


def ending(rule: ConsequenceRule, signal: Signal) -> Effect | None:
    """What a signal that a rule takes for its end does to the rule's breaker; None where it names no breaker.

    Only what was read from Graph proves; all else is a hint.
    """
    value = signal.subject.value(rule.scope)
    if value is None or not rule.action.lasts:
        return None
    kind = Kind.PROOF if signal.source in PROVES else Kind.WEBHOOK_RELAX
    return Effect(
        rule.id, rule.mode, rule.action, rule.scope, value, rule.covers, signal.at_ms, _cause(signal), kind=kind
    )


def _unplaced(rule: ConsequenceRule, signal: Signal) -> Effect:
    named = ((scope, signal.subject.value(scope)) for scope in (Scope.NUMBER, Scope.WABA, Scope.PORTFOLIO))
    scope, value = next((scope, value) for scope, value in named if value is not None)
    cause = f"{_cause(signal)}, which does not say which {rule.scope.value}"
    return Effect(rule.id, rule.mode, Action.ALERT, scope, value, rule.covers, signal.at_ms, cause)


def _cause(signal: Signal) -> str:
    told = signal.detail and not signal.name.endswith(f".{signal.detail}")
    return f"{signal.name} ({signal.detail})" if told else signal.name


def _until_ms(rule: ConsequenceRule, signal: Signal) -> int | None:
    """The end of one trip; None when no time ends it."""
    if rule.recover_ms is not None or rule.lasts is End.PROOF:
        return None
    if rule.for_ms is None:
        untold_ms = None if rule.otherwise_ms is None else signal.at_ms + rule.otherwise_ms
        return untold_ms if signal.until_ms is None else signal.until_ms
    return max(signal.at_ms + rule.for_ms, signal.until_ms or 0)


def _grip(rule: ConsequenceRule, value: str) -> Grip:
    return Grip(
        rule=rule.id,
        scope=rule.scope,
        value=value,
        covers=rule.covers,
        action=rule.action,
        reason=rule.reason or _UNTOLD.get(rule.action, Reason.NUMBER_STANDING),
        share=1.0 if rule.share is None else rule.share,
        for_ms=rule.for_ms,
        trickle_ms=rule.trickle.every_ms if rule.trickle else None,
        probes=rule.probes,
        factor=rule.factor,
        longest_ms=rule.longest_ms,
        recover_ms=rule.recover_ms,
    )
