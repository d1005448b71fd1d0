"""What a breaker says to a send."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, WABA, make_case, make_service_case, user
from tests.unit.policy.breaker.specimens import HOUR_MS, MINUTE_MS, make_grip, make_throttle, open_since
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import covers, objection, probe_every_ms, probe_objection, reclassifies
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.verdict import Objection, Reason

ENDED_MS = NOW_MS + HOUR_MS


@pytest.mark.parametrize(
    ("grip", "case", "covered"),
    [
        pytest.param({}, make_case(), True, id="a template of the number"),
        pytest.param({}, make_service_case(), False, id="not a reply, unless it covers everything"),
        pytest.param({"covers": Covers.EVERYTHING}, make_service_case(), True, id="a reply, where it does"),
        pytest.param({"value": "1"}, make_case(), False, id="not another number's"),
        pytest.param({"covers": Covers.UTILITY}, make_case(), False, id="not another category"),
        pytest.param({"scope": Scope.TOKEN, "value": WABA}, make_case(), True, id="a send with the token"),
        pytest.param({"scope": Scope.TOKEN, "value": "1"}, make_case(), False, id="not one with another token"),
        pytest.param({"scope": Scope.PORTFOLIO, "value": PORTFOLIO}, make_case(), True, id="all of the portfolio"),
        pytest.param(
            {"scope": Scope.CATEGORY, "value": f"{NUMBER}:utility"},
            make_case(category=Category.UTILITY),
            True,
            id="a category on a number",
        ),
        pytest.param({"action": Action.PAUSE_POLLING}, make_case(), False, id="no send, where calls are paused"),
    ],
)
def test_what_it_covers(grip: dict[str, Any], case: Any, covered: bool) -> None:
    assert covers(open_since(grip=make_grip(**grip)), case) is covered


def test_of_a_user_only_when_the_user_is_named() -> None:
    breaker = open_since(grip=make_grip(scope=Scope.RECIPIENT, value=user(1).hex()))

    assert covers(breaker, make_case(), user(1))
    assert not covers(breaker, make_case(), user(2))
    assert not covers(breaker, make_case())


def test_an_open_breaker_says_no_with_rule_cause_scope_and_end() -> None:
    assert objection(open_since(), NOW_MS) == Objection(
        Reason.NUMBER_STANDING,
        f"business-initiated messages of number {NUMBER} are stopped after error.131048 (rule spam_rate)",
        until_ms=ENDED_MS,
    )


@pytest.mark.parametrize(
    ("reason", "final", "pacing"),
    [
        (Reason.NUMBER_STANDING, False, False),
        (Reason.USER_MARKETING_LIMIT, False, False),
        (Reason.TEMPLATE_DISABLED, True, False),
        (Reason.TEMPLATE_UNKNOWN, True, False),
        (Reason.RECIPIENT_SUPPRESSED, True, False),
        (Reason.PAIR_RATE, False, True),
        (Reason.UPSTREAM_THROTTLED, False, True),
    ],
)
def test_the_reason_decides_whether_a_send_may_wait(reason: Reason, final: bool, pacing: bool) -> None:
    told = objection(open_since(grip=make_grip(reason=reason)), NOW_MS)

    assert told is not None
    assert (told.final, told.pacing) == (final, pacing)


def test_it_does_not_name_a_user() -> None:
    grip = make_grip(scope=Scope.RECIPIENT, value=user(1).hex(), covers=Covers.EVERYTHING)
    told = objection(open_since(grip=grip), NOW_MS)

    assert told is not None
    assert told.detail.startswith("all messages of this user")
    assert user(1).hex() not in told.detail


@pytest.mark.parametrize(
    "grip", [make_throttle(), make_grip(action=Action.RECLASSIFY), make_grip(action=Action.PAUSE_POLLING)]
)
def test_what_does_not_stop_has_no_objection(grip: Any) -> None:
    assert objection(open_since(grip=grip), NOW_MS) is None


def test_half_open_it_bounds_the_probes_and_objects_to_the_others() -> None:
    breaker = open_since()

    assert probe_every_ms(breaker, ENDED_MS - 1) is None
    assert probe_every_ms(breaker, ENDED_MS) == MINUTE_MS
    assert objection(breaker, ENDED_MS) is None
    told = probe_objection(breaker, ENDED_MS + 5)
    assert (told.reason, told.until_ms, told.final) == (Reason.NUMBER_STANDING, ENDED_MS + 5, False)
    assert "tried one by one" in told.detail


def test_utility_is_judged_as_marketing_while_meta_does_so() -> None:
    grip = make_grip(action=Action.RECLASSIFY, scope=Scope.WABA, value=WABA, covers=Covers.UTILITY, trickle_ms=None)
    breaker, case = open_since(grip=grip), make_case(category=Category.UTILITY)

    assert reclassifies(breaker, case, ENDED_MS - 1)
    assert not reclassifies(breaker, case, ENDED_MS)
    assert not reclassifies(breaker, make_case(category=Category.AUTHENTICATION), NOW_MS)
    assert not reclassifies(open_since(), case, NOW_MS)
