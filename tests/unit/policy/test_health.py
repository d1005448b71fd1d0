"""A number's standing in the words of a status page: what makes it At Risk or Restricted, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, WABA, make_rules, make_standing
from tests.unit.policy.breaker.specimens import HOUR_MS, after, make_grip, make_throttle, open_since, told
from tidegate.cloudapi.vocabulary import Category, NumberStatus, Quality
from tidegate.policy.breaker import Board, Breaker, Kind
from tidegate.policy.health import (
    QUALITY_WORDS,
    AccountStatus,
    PaymentMethod,
    Seen,
    account_status,
    concerns,
    in_force,
    payment_method,
)
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.standing import NumberStanding
from tidegate.policy.verdict import Reason


def seen(*breakers: Breaker, now_ms: int = NOW_MS, **changes: Any) -> Seen:
    """A healthy number with these breakers; `quality`, `status` and `rules` are changed by name."""
    number = NumberStanding(
        NUMBER,
        quality=changes.pop("quality", Quality.GREEN),
        status=changes.pop("status", NumberStatus.CONNECTED),
    )
    standing = make_standing(numbers={NUMBER: number}, breakers=Board(breakers), **changes)
    return Seen(standing, WABA, NUMBER, now_ms, used=0)


def of(scope: Scope, value: str, **changes: Any) -> Breaker:
    return open_since(NOW_MS, make_grip(scope=scope, value=value, **changes))


def payment(**changes: Any) -> Breaker:
    return of(Scope.WABA, WABA, rule="payment", reason=Reason.BUDGET, **changes)


@pytest.mark.parametrize(
    ("quality", "word"),
    [(Quality.GREEN, "Good"), (Quality.YELLOW, "Fair"), (Quality.RED, "Poor"), (Quality.UNKNOWN, "Unknown")],
)
def test_a_colour_has_a_word(quality: Quality, word: str) -> None:
    assert QUALITY_WORDS[quality] == word


@pytest.mark.parametrize(
    ("quality", "status"),
    [
        (Quality.GREEN, AccountStatus.HEALTHY),
        (Quality.UNKNOWN, AccountStatus.HEALTHY),
        (Quality.YELLOW, AccountStatus.AT_RISK),
        (Quality.RED, AccountStatus.AT_RISK),
    ],
)
def test_a_bad_colour_is_a_risk_and_no_restriction(quality: Quality, status: AccountStatus) -> None:
    assert account_status(seen(quality=quality)) is status


@pytest.mark.parametrize("status", list(NumberStatus))
def test_every_state_of_a_number_has_a_word(status: NumberStatus) -> None:
    expected = {
        NumberStatus.CONNECTED: AccountStatus.HEALTHY,
        NumberStatus.UNKNOWN: AccountStatus.HEALTHY,
        NumberStatus.FLAGGED: AccountStatus.AT_RISK,
    }
    assert account_status(seen(status=status)) is expected.get(status, AccountStatus.RESTRICTED)


@pytest.mark.parametrize(
    ("breaker", "status"),
    [
        pytest.param(of(Scope.NUMBER, NUMBER), AccountStatus.RESTRICTED, id="a stop of all that the number begins"),
        pytest.param(of(Scope.WABA, WABA, covers=Covers.EVERYTHING), AccountStatus.RESTRICTED, id="a locked account"),
        pytest.param(of(Scope.PORTFOLIO, PORTFOLIO), AccountStatus.RESTRICTED, id="a blocked portfolio"),
        pytest.param(of(Scope.TOKEN, WABA), AccountStatus.RESTRICTED, id="a token that Meta does not take"),
        pytest.param(of(Scope.NUMBER, NUMBER, covers=Covers.MARKETING), AccountStatus.AT_RISK, id="no marketing"),
        pytest.param(of(Scope.WABA, WABA, covers=Covers.UTILITY), AccountStatus.AT_RISK, id="no utility"),
        pytest.param(of(Scope.CATEGORY, f"{NUMBER}:marketing"), AccountStatus.AT_RISK, id="a category of the number"),
        pytest.param(
            open_since(NOW_MS, make_throttle(recover_ms=None, for_ms=HOUR_MS)),
            AccountStatus.AT_RISK,
            id="a throttle for bad quality",
        ),
        pytest.param(open_since(NOW_MS, make_throttle()), AccountStatus.HEALTHY, id="Meta out of breath for a moment"),
        pytest.param(
            of(Scope.NUMBER, NUMBER, reason=Reason.UPSTREAM_THROTTLED), AccountStatus.HEALTHY, id="Meta in maintenance"
        ),
        pytest.param(
            of(Scope.WABA, WABA, action=Action.PAUSE_POLLING, trickle_ms=None),
            AccountStatus.HEALTHY,
            id="polling rests",
        ),
        pytest.param(of(Scope.TEMPLATE, f"{WABA}:en_US:x"), AccountStatus.HEALTHY, id="a paused template"),
        pytest.param(of(Scope.NUMBER, "1"), AccountStatus.HEALTHY, id="another number"),
        pytest.param(of(Scope.WABA, "1"), AccountStatus.HEALTHY, id="another account"),
        pytest.param(of(Scope.CATEGORY, "1:marketing"), AccountStatus.HEALTHY, id="a category of another number"),
    ],
)
def test_a_breaker_tells_of_the_account_as_far_as_it_reaches(breaker: Breaker, status: AccountStatus) -> None:
    assert account_status(seen(breaker)) is status


def test_a_stop_that_is_tried_one_by_one_is_still_one() -> None:
    breaker = of(Scope.NUMBER, NUMBER)

    assert account_status(seen(breaker, now_ms=NOW_MS + 2 * HOUR_MS)) is AccountStatus.RESTRICTED


def test_a_breaker_that_closed_is_forgotten() -> None:
    breaker = of(Scope.NUMBER, NUMBER, trickle_ms=None)

    assert account_status(seen(breaker, now_ms=NOW_MS + 2 * HOUR_MS)) is AccountStatus.HEALTHY


@pytest.mark.parametrize(("mode", "status"), [("shadow", AccountStatus.RESTRICTED), ("off", AccountStatus.HEALTHY)])
def test_a_rule_in_shadow_tells_of_the_account_and_one_that_is_off_does_not(mode: str, status: AccountStatus) -> None:
    rules = make_rules(consequence=[{"id": "spam_rate", "mode": mode}])

    assert account_status(seen(of(Scope.NUMBER, NUMBER), rules=rules)) is status


def test_a_payment_method_is_unknown_until_a_send_told_of_it() -> None:
    assert payment_method(seen()) is PaymentMethod.UNKNOWN


@pytest.mark.parametrize("now_ms", [NOW_MS, NOW_MS + 2 * HOUR_MS], ids=["open", "half open"])
def test_a_payment_method_is_missing_until_it_is_proven(now_ms: int) -> None:
    assert payment_method(seen(payment(), now_ms=now_ms)) is PaymentMethod.MISSING


def test_a_payment_method_is_ok_once_a_probe_went_well() -> None:
    later_ms = NOW_MS + 2 * HOUR_MS
    closed = after((later_ms, told(Kind.PROBE_OK, later_ms)), breaker=payment())

    assert payment_method(seen(closed, now_ms=later_ms)) is PaymentMethod.OK


def test_another_accounts_payment_is_not_this_numbers() -> None:
    other = of(Scope.WABA, "1", rule="payment", reason=Reason.BUDGET)

    assert payment_method(seen(other)) is PaymentMethod.UNKNOWN


def test_what_is_in_force_is_found_whichever_category_it_is_about() -> None:
    breakers = [of(Scope.CATEGORY, f"{NUMBER}:{category.value}") for category in Category]

    assert list(in_force(seen(*breakers))) == breakers
    assert [concerns(breaker, seen(), Category.UTILITY) for breaker in breakers] == [False, True, False]
