"""Signals, read from what webhooks tell.

`subject` says what the webhook can't: the portfolio, the number behind a display number, the 16 bytes that stand for
a user, a message's template and category. `now_ms` stands for a time that Meta left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, assert_never

from tidegate.cloudapi.events import (
    AccountAlert,
    AccountReview,
    AccountUpdate,
    Event,
    InboundMessage,
    NumberEvent,
    NumberNameUpdate,
    NumberQualityUpdate,
    PlatformError,
    Preference,
    SecurityUpdate,
    StatusUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
    UserPreference,
)
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.consequences.vocabulary import (
    ACCOUNT_EVENTS,
    ALERTS,
    BANS,
    NAME_DECISIONS,
    RESTRICTIONS,
    REVIEWS,
    SECURITY,
    VIOLATIONS,
    error_name,
    word,
)
from tidegate.policy.reach import Subject

_HOUR_MS: Final = 3_600_000
#: How long a pause lasts, by its title. Source: Meta, "Template pausing".
PAUSE_MS: Final[Mapping[str | None, int]] = MappingProxyType(
    {"FIRST_PAUSE": 3 * _HOUR_MS, "SECOND_PAUSE": 6 * _HOUR_MS}
)
_MARKETING: Final = "marketing_messages"
#: Of a message that reached its user.
DELIVERED_SIGNAL: Final = "message.delivered"
_DELIVERED: Final = frozenset({MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.PLAYED})


def signals_of(event: Event, subject: Subject, now_ms: int) -> tuple[Signal, ...]:
    """What a webhook's event signals; nothing for one without consequences of its own.

    (A messaging limit is no signal but a fact of the standing, which the ledger counts against.)
    """
    waba = getattr(event, "waba_id", None) or subject.waba
    number = getattr(event, "number_id", None) or subject.number
    subject = replace(subject, waba=waba, number=number)
    match event:
        case StatusUpdate():
            return _of_status(event, subject)
        case InboundMessage():
            return (Signal("message.received", subject, event.at_ms, Source.WEBHOOK),)
        case PlatformError():
            return (Signal(error_name(event.code), subject, now_ms, Source.WEBHOOK),)
        case UserPreference():
            return _of_preference(event, subject)
        case TemplateStatusUpdate() | TemplateQualityUpdate() | TemplateCategoryUpdate():
            return (_of_template(event, replace(subject, template=(event.name, event.language)), now_ms),)
        case AccountUpdate():
            return tuple(_of_account(event, subject, event.at_ms or now_ms))
        case NumberQualityUpdate() | NumberNameUpdate() | SecurityUpdate() | AccountReview() | AccountAlert():
            return (_of_notice(event, subject, now_ms),)
        case _:
            return ()


def _of_status(event: StatusUpdate, subject: Subject) -> tuple[Signal, ...]:
    if event.status in _DELIVERED:
        return (Signal(DELIVERED_SIGNAL, subject, event.at_ms, Source.STATUS),)
    if event.status is not MessageStatus.FAILED:
        return ()
    codes = dict.fromkeys(error.code for error in event.errors)
    return tuple(Signal(error_name(code, in_status=True), subject, event.at_ms, Source.STATUS) for code in codes)


def _of_preference(event: UserPreference, subject: Subject) -> tuple[Signal, ...]:
    """A stop of whatever kind is one; only a resumption of marketing is one."""
    if event.value is Preference.RESUME and event.category != _MARKETING:
        return ()
    return (Signal(f"preference.{event.value.value}", subject, event.at_ms, Source.WEBHOOK),)


def _of_template(
    event: TemplateStatusUpdate | TemplateQualityUpdate | TemplateCategoryUpdate, subject: Subject, now_ms: int
) -> Signal:
    at_ms = event.at_ms or now_ms
    match event:
        case TemplateStatusUpdate():
            pause_ms = None if event.event.sendable else PAUSE_MS.get(event.title)
            until_ms = None if pause_ms is None else at_ms + pause_ms
            return Signal(f"template.status.{event.event.value}", subject, at_ms, Source.WEBHOOK, until_ms)
        case TemplateQualityUpdate():
            return Signal(f"template.quality.{event.quality.value}", subject, at_ms, Source.WEBHOOK)
        case TemplateCategoryUpdate():
            when = "upcoming" if event.upcoming else "changed"
            return Signal(f"template.category.{when}", subject, at_ms, Source.WEBHOOK)
        case _:
            assert_never(event)


def _of_account(event: AccountUpdate, subject: Subject, at_ms: int) -> list[Signal]:
    told = []
    if event.event in ACCOUNT_EVENTS:
        told.append(Signal(f"account.event.{event.event}", subject, at_ms, Source.WEBHOOK))
    if event.ban_state is not None:
        name = f"account.ban.{word(event.ban_state, BANS)}"
        told.append(Signal(name, subject, at_ms, Source.WEBHOOK, detail=event.ban_state))
    if event.violation is not None:
        name = f"account.violation.{word(event.violation, VIOLATIONS)}"
        told.append(Signal(name, subject, at_ms, Source.WEBHOOK, detail=event.violation))
    for limit in event.restrictions:
        name = f"account.restriction.{word(limit.type, RESTRICTIONS)}"
        told.append(Signal(name, subject, at_ms, Source.WEBHOOK, limit.expires_at_ms, limit.type))
    return told


def _of_notice(
    event: NumberQualityUpdate | NumberNameUpdate | SecurityUpdate | AccountReview | AccountAlert,
    subject: Subject,
    now_ms: int,
) -> Signal:
    family, given, known = _notice(event)
    name = f"{family}.{word(given, known)}"
    return Signal(name, subject, event.at_ms or now_ms, Source.WEBHOOK, detail=given)


def _notice(
    event: NumberQualityUpdate | NumberNameUpdate | SecurityUpdate | AccountReview | AccountAlert,
) -> tuple[str, str, tuple[str, ...]]:
    """The family of names that it belongs to, Meta's word, and the words that are known."""
    match event:
        case NumberQualityUpdate():
            return "number.event", event.event.value, tuple(NumberEvent)
        case NumberNameUpdate():
            return "number.name", event.decision, NAME_DECISIONS
        case SecurityUpdate():
            return "number.security", event.event, SECURITY
        case AccountReview():
            return "account.review", event.decision, REVIEWS
        case AccountAlert():
            return "account.alert", event.type, ALERTS
        case _:
            assert_never(event)
