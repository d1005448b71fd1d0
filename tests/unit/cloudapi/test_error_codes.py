"""Each code that Meta documents has a meaning, and the meanings keep the gateway careful."""

from collections.abc import Callable
from typing import Any

import pytest

from tidegate.cloudapi.error_codes import CODES, Action, Retry, Scope, lookup
from tidegate.cloudapi.vocabulary import Category

DOCUMENTED = [
    0,
    1,
    2,
    3,
    4,
    10,
    33,
    100,
    190,
    368,
    80007,
    80008,
    130403,
    130429,
    130472,
    130497,
    131000,
    131005,
]
DOCUMENTED += [131008, 131009, 131016, 131021, 131026, 131030, 131031, 131037, 131042, 131045, 131047, 131048]
DOCUMENTED += [131049, 131050, 131051, 131052, 131053, 131055, 131056, 131057, 131059, 131060, 131062, 131063]
DOCUMENTED += [131064, 132000, 132001, 132005, 132007, 132012, 132015, 132016, 132018, 132068, 132069, 133000]
DOCUMENTED += [133004, 133008, 133010, 133015, 133016, 134011, 134100, 134101, 134102, 134103, 135000, 137000]
DOCUMENTED += [139200, 141002, 147001, 147005, 200, 299, 200005, 200007, 2388318, 2388330, 1752041, 2494100]
DOCUMENTED += [2593001, 17, 32, 341, 613]


@pytest.mark.parametrize("code", DOCUMENTED)
def test_a_documented_code_is_known(code: int) -> None:
    meaning = lookup(code)
    assert meaning.known
    assert meaning.code == code
    assert meaning.title


@pytest.mark.parametrize(
    ("code", "scope", "action", "retry"),
    [
        (190, Scope.APP, Action.STOP, Retry.AFTER_SCOPE),
        (250, Scope.APP, Action.STOP, Retry.AFTER_SCOPE),
        (368, Scope.WABA, Action.STOP, Retry.AFTER_SCOPE),
        (80007, Scope.WABA, Action.PAUSE_POLLING, Retry.AFTER_SCOPE),
        (100, Scope.MESSAGE, Action.NONE, Retry.NEVER),
        (130429, Scope.NUMBER, Action.THROTTLE, Retry.BACKOFF),
        (131026, Scope.RECIPIENT, Action.SUPPRESS, Retry.NEVER),
        (131047, Scope.PAIR, Action.CLOSE_WINDOW, Retry.NEVER),
        (131048, Scope.NUMBER, Action.STOP, Retry.AFTER_SCOPE),
        (131056, Scope.PAIR, Action.THROTTLE, Retry.BACKOFF),
        (132015, Scope.TEMPLATE, Action.STOP, Retry.AFTER_SCOPE),
        (132016, Scope.TEMPLATE, Action.CLOSE, Retry.NEVER),
        (133010, Scope.NUMBER, Action.STOP, Retry.AFTER_SCOPE),
        (133012, Scope.NUMBER, Action.NONE, Retry.NEVER),
    ],
)
def test_a_code_speaks_of_its_own_scope(code: int, scope: Scope, action: Action, retry: Retry) -> None:
    meaning = lookup(code)
    assert (meaning.scope, meaning.action, meaning.retry) == (scope, action, retry)


@pytest.mark.parametrize(
    ("code", "category"),
    [
        (130472, Category.MARKETING),
        (131049, Category.MARKETING),
        (131050, Category.MARKETING),
        (131063, Category.MARKETING),
        (131064, Category.UTILITY),
        (131048, None),
    ],
)
def test_a_code_concerns_its_own_category_only(code: int, category: Category | None) -> None:
    assert lookup(code).category is category


def test_five_codes_say_that_meta_only_cannot_take_the_message_now() -> None:
    throttles = {code for code in CODES if lookup(code).is_throttle}
    assert throttles == {2, 130429, 131016, 131056, 131057}
    assert all(CODES[code].settles and CODES[code].releases_place for code in throttles)


def test_no_place_is_freed_by_a_failure_that_nobody_can_explain() -> None:
    kept = {code for code in CODES if not CODES[code].releases_place}
    assert kept == {1, 131000, 131051, 131052, 131060}


def test_an_answer_that_may_be_sent_again_proves_that_the_message_was_not_taken() -> None:
    assert all(meaning.settles for meaning in CODES.values() if meaning.retry is not Retry.NEVER)


def test_a_marketing_message_held_back_for_a_user_waits_a_day() -> None:
    assert lookup(131049).wait_s == 86_400


def test_a_drop_by_portfolio_pacing_stops_the_portfolio() -> None:
    sync, dropped = lookup(135000), lookup(135000, in_status=True)
    assert (sync.scope, sync.action) == (Scope.MESSAGE, Action.NONE)
    assert (dropped.scope, dropped.action, dropped.retry) == (Scope.PORTFOLIO, Action.STOP, Retry.NEVER)


def test_a_message_dropped_by_template_pacing_is_not_sent_again() -> None:
    assert lookup(132015, in_status=True).retry is Retry.NEVER
    assert lookup(132015, in_status=True).action is Action.STOP


def test_a_status_with_any_other_code_means_what_the_answer_means() -> None:
    assert lookup(131026, in_status=True) is lookup(131026)


@pytest.mark.parametrize(
    ("http_status", "retry"),
    [(500, Retry.BACKOFF), (503, Retry.BACKOFF), (400, Retry.NEVER), (499, Retry.NEVER), (None, Retry.NEVER)],
)
def test_an_unknown_code_is_judged_by_its_http_status(http_status: int | None, retry: Retry) -> None:
    meaning = lookup(999_999, http_status)
    assert (meaning.retry, meaning.code, meaning.http_status) == (retry, 999_999, http_status)
    assert not meaning.known
    assert not meaning.releases_place


def test_the_recorded_http_statuses_are_those_of_the_table(recorded: Callable[[str], Any]) -> None:
    for code, answer in recorded("api_errors").items():
        if code.isdigit():
            assert lookup(int(code)).http_status == answer["http_status"], code
