"""What webhooks change in the standing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NOW_MS, NUMBER, WABA, make_standing
from tidegate.cloudapi.events import (
    AccountReview,
    LimitUpdate,
    NumberEvent,
    NumberQualityUpdate,
    TemplateCategoryUpdate,
    TemplateQualityUpdate,
    TemplateStatusUpdate,
)
from tidegate.cloudapi.vocabulary import UNLIMITED, Category, Quality, TemplateStatus
from tidegate.policy.standing_news import HIGH_THROUGHPUT, changes_of

AT_MS = NOW_MS - 5_000


def status(event: TemplateStatus, category: Category | None = None, at_ms: int | None = AT_MS) -> TemplateStatusUpdate:
    return TemplateStatusUpdate(WABA, "7", "winback", "en_US", event, None, None, category, at_ms)


def quality(to: Quality) -> TemplateQualityUpdate:
    return TemplateQualityUpdate(WABA, "7", "winback", "en_US", Quality.GREEN, to, AT_MS)


def number(event: NumberEvent, limit: int | None = None) -> NumberQualityUpdate:
    return NumberQualityUpdate(WABA, "1555", event, limit, None, AT_MS)


@pytest.mark.parametrize(
    ("event", "kind", "key", "values", "tightens"),
    [
        pytest.param(LimitUpdate(WABA, 250, AT_MS), "limit", "", {"limit": 250}, True, id="a lower limit"),
        pytest.param(LimitUpdate(WABA, 10_000, AT_MS), "limit", "", {"limit": 10_000}, False, id="a higher limit"),
        pytest.param(LimitUpdate(WABA, UNLIMITED, AT_MS), "limit", "", {"limit": UNLIMITED}, False, id="no limit"),
        pytest.param(
            number(NumberEvent.DOWNGRADE, 1_000),
            "limit",
            "",
            {"limit": 1_000},
            True,
            id="a tier lost, as it was told once",
        ),
        pytest.param(
            number(NumberEvent.THROUGHPUT_UPGRADE),
            "number",
            NUMBER,
            {"throughput": HIGH_THROUGHPUT},
            False,
            id="a higher pace",
        ),
        pytest.param(
            status(TemplateStatus.PAUSED),
            "template",
            f"{WABA}:en_US:winback",
            {"status": "PAUSED", "template_id": "7"},
            True,
            id="a template paused",
        ),
        pytest.param(
            status(TemplateStatus.UNPAUSE, Category.UTILITY),
            "template",
            f"{WABA}:en_US:winback",
            {"status": "APPROVED", "template_id": "7", "category": "utility"},
            False,
            id="a template that may be sent again is an approved one",
        ),
        pytest.param(
            quality(Quality.RED),
            "template",
            f"{WABA}:en_US:winback",
            {"quality": "RED"},
            True,
            id="a template turns red",
        ),
        pytest.param(
            quality(Quality.YELLOW),
            "template",
            f"{WABA}:en_US:winback",
            {"quality": "YELLOW"},
            False,
            id="a template turns yellow",
        ),
        pytest.param(
            TemplateCategoryUpdate(WABA, "7", "winback", "en_US", Category.MARKETING, None, None, None, AT_MS),
            "template",
            f"{WABA}:en_US:winback",
            {"category": "marketing"},
            True,
            id="a template's category",
        ),
        pytest.param(
            AccountReview(WABA, "REJECTED", AT_MS),
            "account",
            WABA,
            {"review": "REJECTED"},
            False,
            id="an account's review, which stops by its signal",
        ),
    ],
)
def test_what_an_event_changes(event: Any, kind: str, key: str, values: dict[str, Any], tightens: bool) -> None:
    (change,) = changes_of(event, make_standing(), NUMBER, NOW_MS)

    assert (change.kind, change.key, change.values, change.tightens) == (kind, key, values, tightens)
    assert (change.source, change.at_ms) == ("webhook", AT_MS)


def test_any_limit_is_lower_than_none() -> None:
    (change,) = changes_of(LimitUpdate(WABA, 100_000, AT_MS), make_standing(limit=UNLIMITED), None, NOW_MS)

    assert change.tightens


def test_what_meta_gave_no_time_is_as_of_now() -> None:
    (change,) = changes_of(status(TemplateStatus.PAUSED, at_ms=None), make_standing(), None, NOW_MS)

    assert change.at_ms == NOW_MS


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(AccountReview(WABA, "SHELVED", AT_MS), id="a review with a word that is not known"),
        pytest.param(number(NumberEvent.FLAGGED), id="a flag is a signal, not a fact of the standing"),
        pytest.param(number(NumberEvent.UPGRADE), id="an upgrade that does not say to what"),
    ],
)
def test_what_changes_nothing(event: Any) -> None:
    assert changes_of(event, make_standing(), NUMBER, NOW_MS) == []


def test_a_pace_of_a_number_that_nobody_knows_changes_nothing() -> None:
    assert changes_of(number(NumberEvent.THROUGHPUT_UPGRADE), make_standing(), None, NOW_MS) == []
