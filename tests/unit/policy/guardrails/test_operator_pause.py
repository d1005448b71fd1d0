"""What was stopped by hand stays stopped, and nothing else does."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, NUMBER, PORTFOLIO, TEMPLATE, make_case, make_service_case, make_standing
from tidegate.policy.facts import Case
from tidegate.policy.guardrails.operator_pause import operator_pause
from tidegate.policy.standing import CampaignStanding, Pause
from tidegate.policy.verdict import Reason


def pause(scope: str, value: str, until_ms: int | None = None, reason: str = "complaints") -> Pause:
    return Pause("p1", scope, value, reason, since_ms=NOW_MS - 1_000, until_ms=until_ms, by="ops")


@pytest.mark.parametrize(
    ("scope", "value", "case", "stopped"),
    [
        pytest.param("portfolio", PORTFOLIO, make_service_case(), True, id="a portfolio stops all, replies too"),
        pytest.param("portfolio", "another", make_case(), False, id="another portfolio stops nothing here"),
        pytest.param("number", NUMBER, make_service_case(), True, id="a number stops all that it sends"),
        pytest.param("number", "1", make_case(), False, id="another number stops nothing here"),
        pytest.param("template", TEMPLATE[0], make_case(), True, id="a template stops in every language"),
        pytest.param("template", "other", make_case(), False, id="another template goes"),
        pytest.param("template", TEMPLATE[0], make_service_case(), False, id="a free-form message has no template"),
        pytest.param("category", "marketing", make_case(), True, id="a category stops its templates"),
        pytest.param("category", "utility", make_case(), False, id="another category goes"),
        pytest.param("category", "marketing", make_service_case(), False, id="a free-form message has no category"),
        pytest.param("campaign", "c1", make_case(campaign="c1"), True, id="a campaign stops its sends"),
        pytest.param("campaign", "c1", make_case(campaign="c2"), False, id="another campaign goes"),
        pytest.param("campaign", "c1", make_case(), False, id="a send of no campaign goes"),
        pytest.param(
            "campaign", "cmp-1", make_case(campaign="cmp-1", app="shop"), True, id="a campaign that was ordered"
        ),
        pytest.param(
            "campaign", "cmp-1", make_case(campaign="cmp-1", app="crm"), False, id="one that another app has ordered"
        ),
        pytest.param("weather", "rain", make_case(), False, id="a scope that nobody knows stops nothing"),
    ],
)
def test_the_scope_of_a_pause(scope: str, value: str, case: Case, stopped: bool) -> None:
    campaigns = {"cmp-1": CampaignStanding("cmp-1", "running", app="shop")}
    standing = make_standing(pauses=(pause(scope, value),), campaigns=campaigns)

    assert (operator_pause(case, standing, NOW_MS) is not None) is stopped


@pytest.mark.parametrize(
    ("until_ms", "stopped"),
    [
        pytest.param(None, True, id="one without end is in force"),
        pytest.param(NOW_MS + 1, True, id="one that ends in a millisecond is in force"),
        pytest.param(NOW_MS, False, id="one that ends now is over"),
    ],
)
def test_the_end_of_a_pause(until_ms: int | None, stopped: bool) -> None:
    standing = make_standing(pauses=(pause("number", NUMBER, until_ms),))

    assert (operator_pause(make_case(), standing, NOW_MS) is not None) is stopped


def test_the_pause_that_lasts_longest_speaks() -> None:
    short, long = pause("number", NUMBER, NOW_MS + 5, "short"), pause("category", "marketing", NOW_MS + 9, "long")
    endless = pause("template", TEMPLATE[0], None, "endless")

    of_two = operator_pause(make_case(), make_standing(pauses=(long, short)), NOW_MS)
    of_three = operator_pause(make_case(), make_standing(pauses=(short, endless, long)), NOW_MS)

    assert of_two is not None
    assert of_three is not None
    assert (of_two.until_ms, of_three.until_ms) == (NOW_MS + 9, None)
    assert of_two.detail == "category marketing is paused by hand: long"
    assert of_two.reason is of_three.reason is Reason.PAUSED_BY_OPERATOR
    assert not of_two.final


def test_without_pauses_it_is_silent() -> None:
    assert operator_pause(make_case(), make_standing(), NOW_MS) is None
