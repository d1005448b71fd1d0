"""Webhook events as signals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, TEMPLATE, WABA, user
from tidegate.cloudapi.events import (
    AccountAlert,
    AccountReview,
    AccountUpdate,
    Event,
    InboundMessage,
    LimitUpdate,
    NumberEvent,
    NumberNameUpdate,
    NumberQualityUpdate,
    PlatformError,
    Preference,
    Restriction,
    SecurityUpdate,
    StatusError,
    StatusUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
    Unrecognised,
    UserPreference,
)
from tidegate.cloudapi.vocabulary import Category, MessageStatus, Quality, TemplateStatus
from tidegate.policy.consequences.readers import signals_of
from tidegate.policy.consequences.signal import Source
from tidegate.policy.consequences.vocabulary import NAMES
from tidegate.policy.reach import Subject

AT_MS = NOW_MS - 5_000
KNOWN = Subject(PORTFOLIO, recipient=user(1))
HOUR_MS = 3_600_000


def status(word: MessageStatus, *codes: int) -> StatusUpdate:
    errors = tuple(StatusError(code, "title", "details") for code in codes)
    return StatusUpdate(WABA, NUMBER, "wamid.x", word, AT_MS, "1", None, None, errors)


def template(event: TemplateStatus, title: str | None = None) -> TemplateStatusUpdate:
    return TemplateStatusUpdate(WABA, "1", *TEMPLATE, event, None, title, Category.MARKETING, AT_MS)


def quality(colour: Quality) -> TemplateQualityUpdate:
    return TemplateQualityUpdate(WABA, "1", *TEMPLATE, Quality.GREEN, colour, AT_MS)


def category(upcoming: Category | None) -> TemplateCategoryUpdate:
    return TemplateCategoryUpdate(WABA, "1", *TEMPLATE, Category.UTILITY, None, upcoming, None, AT_MS)


def account(event: str = "ACCOUNT_RESTRICTION", **parts: Any) -> AccountUpdate:
    values: dict[str, Any] = {"ban_state": None, "ban_date": None, "violation": None, "restrictions": ()}
    return AccountUpdate(WABA, event, at_ms=AT_MS, **values | parts)


def alert(kind: str) -> AccountAlert:
    return AccountAlert(WABA, "BUSINESS", "1", "WARNING", "ACTIVE", kind, None, AT_MS)


def preference(value: Preference, kind: str = "marketing_messages") -> UserPreference:
    return UserPreference(WABA, NUMBER, "1", None, kind, value, AT_MS)


EVENTS = [
    pytest.param(status(MessageStatus.SENT), [], id="sent says nothing yet"),
    pytest.param(status(MessageStatus.DELIVERED), ["message.delivered"], id="delivered"),
    pytest.param(status(MessageStatus.READ), ["message.delivered"], id="read"),
    pytest.param(status(MessageStatus.PLAYED), ["message.delivered"], id="played"),
    pytest.param(
        status(MessageStatus.FAILED, 131049, 131026, 131049), ["error.131049", "error.131026"], id="each code once"
    ),
    pytest.param(status(MessageStatus.FAILED, 135000), ["error.135000.dropped"], id="dropped by portfolio pacing"),
    pytest.param(status(MessageStatus.FAILED), [], id="failed without a code"),
    pytest.param(
        InboundMessage(WABA, NUMBER, "wamid.y", "1", None, AT_MS, "text", True, "hi"),
        ["message.received"],
        id="a user writes",
    ),
    pytest.param(PlatformError(WABA, NUMBER, 130429, "t", "d"), ["error.130429"], id="an error of no message"),
    pytest.param(preference(Preference.STOP), ["preference.stop"], id="a user stops marketing"),
    pytest.param(preference(Preference.STOP, "of_a_new_kind"), ["preference.stop"], id="a stop of a new kind is one"),
    pytest.param(preference(Preference.RESUME), ["preference.resume"], id="a user resumes marketing"),
    pytest.param(preference(Preference.RESUME, "of_a_new_kind"), [], id="a resumption of a new kind is none"),
    pytest.param(template(TemplateStatus.PAUSED), ["template.status.PAUSED"], id="a template is paused"),
    pytest.param(quality(Quality.RED), ["template.quality.RED"], id="a template is red"),
    pytest.param(category(None), ["template.category.changed"], id="a category changed"),
    pytest.param(category(Category.MARKETING), ["template.category.upcoming"], id="a category is to change"),
    pytest.param(
        NumberQualityUpdate(WABA, "1", NumberEvent.FLAGGED, None, None, AT_MS), ["number.event.FLAGGED"], id="flagged"
    ),
    pytest.param(NumberNameUpdate(WABA, "1", "REJECTED", None, None, AT_MS), ["number.name.REJECTED"], id="a name"),
    pytest.param(SecurityUpdate(WABA, "1", "PIN_CHANGED", None, AT_MS), ["number.security.PIN_CHANGED"], id="a PIN"),
    pytest.param(
        SecurityUpdate(WABA, "1", "NEW", None, AT_MS), ["number.security.OTHER"], id="security, of a new kind"
    ),
    pytest.param(AccountReview(WABA, "REJECTED", AT_MS), ["account.review.REJECTED"], id="a review"),
    pytest.param(alert("OBA_APPROVED"), ["account.alert.OBA_APPROVED"], id="an alert"),
    pytest.param(alert("NEW"), ["account.alert.OTHER"], id="an alert of a new kind"),
    pytest.param(account("ACCOUNT_DELETED"), ["account.event.ACCOUNT_DELETED"], id="deleted"),
    pytest.param(account("AD_ACCOUNT_LINKED"), [], id="an event without consequences"),
    pytest.param(account("DISABLED_UPDATE", ban_state="DISABLE"), ["account.ban.DISABLE"], id="banned"),
    pytest.param(account("DISABLED_UPDATE", ban_state="NEW"), ["account.ban.OTHER"], id="a ban of a new kind"),
    pytest.param(account("ACCOUNT_VIOLATION", violation="GAMBLING"), ["account.violation.OTHER"], id="a violation"),
    pytest.param(
        account(
            violation="UTILITY_TEMPLATE_ABUSE_RATE_LIMIT",
            restrictions=(Restriction("RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING", None), Restriction("NEW", None)),
        ),
        [
            "account.violation.UTILITY_TEMPLATE_ABUSE_RATE_LIMIT",
            "account.restriction.RATE_LIMITED_UTILITY_TEMPLATE_MESSAGING",
            "account.restriction.OTHER",
        ],
        id="a violation with its restrictions",
    ),
    pytest.param(LimitUpdate(WABA, 2_000, AT_MS), [], id="a limit is a fact of the standing"),
    pytest.param(Unrecognised("calls"), [], id="what is not read"),
]


@pytest.mark.parametrize(("event", "names"), EVENTS)
def test_what_an_event_signals(event: Event, names: list[str]) -> None:
    signals = signals_of(event, KNOWN, NOW_MS)

    assert [signal.name for signal in signals] == names
    assert set(names) <= NAMES
    for signal in signals:
        assert signal.at_ms == (NOW_MS if isinstance(event, PlatformError) else AT_MS)
        assert signal.subject.waba == WABA
        assert signal.subject.portfolio == PORTFOLIO
        assert signal.source is (Source.STATUS if isinstance(event, StatusUpdate) else Source.WEBHOOK)


def test_an_event_names_its_number_and_template_and_keeps_what_was_known() -> None:
    (failed,) = signals_of(status(MessageStatus.FAILED, 131048), KNOWN, NOW_MS)
    (paused,) = signals_of(template(TemplateStatus.PAUSED), replace(KNOWN, number="1"), NOW_MS)

    assert (failed.subject.number, failed.subject.recipient) == (NUMBER, user(1))
    assert (paused.subject.template, paused.subject.number) == (TEMPLATE, "1")


@pytest.mark.parametrize(
    ("event", "hours"),
    [
        (template(TemplateStatus.PAUSED, "FIRST_PAUSE"), 3),
        (template(TemplateStatus.PAUSED, "SECOND_PAUSE"), 6),
        (template(TemplateStatus.PAUSED, "RATE_LIMITING_PAUSE"), None),
        (template(TemplateStatus.REINSTATED, "FIRST_PAUSE"), None),
    ],
)
def test_the_title_of_a_pause_tells_its_end(event: Event, hours: int | None) -> None:
    (signal,) = signals_of(event, KNOWN, NOW_MS)

    assert signal.until_ms == (None if hours is None else AT_MS + hours * HOUR_MS)


def test_a_restriction_keeps_its_end_and_its_own_word() -> None:
    (signal,) = signals_of(account(restrictions=(Restriction("NEW_KIND", NOW_MS + 1),)), KNOWN, NOW_MS)

    assert (signal.until_ms, signal.detail) == (NOW_MS + 1, "NEW_KIND")


@pytest.mark.parametrize(
    "event",
    [
        replace(template(TemplateStatus.PAUSED), at_ms=None),
        replace(account("ACCOUNT_DELETED"), at_ms=None),
        AccountReview(WABA, "REJECTED", None),
    ],
)
def test_without_a_time_it_happened_now(event: Event) -> None:
    assert [signal.at_ms for signal in signals_of(event, KNOWN, NOW_MS)] == [NOW_MS]
