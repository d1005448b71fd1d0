"""What a plan is asked with."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.plan import Beside
from tidegate.policy.plan.order import PlanOrder


def test_recipients_are_parted_by_shares_and_none_is_lost() -> None:
    order = PlanOrder.model_validate(
        {"recipients": 1_001, "zones": {"America/New_York": 0.5, "Asia/Tokyo": 0.25}, "prefixes": {"44": 0.1}}
    )

    zones, prefixes, others = order.counts()

    assert zones == {"America/New_York": 500, "Asia/Tokyo": 251}
    assert prefixes == {"44": 100}
    assert others == 150


@pytest.mark.parametrize("recipients", [1, 7, 999])
def test_where_all_live_somewhere_nobody_is_left_over(recipients: int) -> None:
    zones = {"Europe/London": 1 / 3, "Europe/Paris": 1 / 3, "Europe/Rome": 1 / 3}

    counted, _, others = PlanOrder.model_validate({"recipients": recipients, "zones": zones}).counts()

    assert (sum(counted.values()), others) == (recipients, 0)


def test_without_recipients_there_is_nobody() -> None:
    assert PlanOrder(audience=[]).counts() == ({}, {}, 0)


def test_what_goes_on_beside_is_to_another_user_each_unless_said() -> None:
    order = PlanOrder.model_validate(
        {
            "recipients": 1,
            "beside": {"authentication": {"per_second": 1, "recipients_a_day": 250}, "utility": {"per_second": 0.5}},
        }
    )

    assert order.streams == (Beside(Category.AUTHENTICATION, 1, 250), Beside(Category.UTILITY, 0.5, 43_200))
    assert PlanOrder(recipients=1).streams is None
    assert PlanOrder(recipients=1, beside={}).streams == ()


@pytest.mark.parametrize(
    "written",
    [
        pytest.param({}, id="nobody"),
        pytest.param({"recipients": 5, "campaign_id": "cmp-1"}, id="two audiences"),
        pytest.param({"recipients": 0}, id="no recipients"),
        pytest.param({"recipients": 10**9}, id="more than there are people"),
        pytest.param({"recipients": True}, id="no number"),
        pytest.param({"recipients": 5, "zones": {"No/Where": 1}}, id="no zone"),
        pytest.param({"recipients": 5, "zones": [1]}, id="zones that are no object"),
        pytest.param({"recipients": 5, "prefixes": {"+1": 1}}, id="no digits"),
        pytest.param({"recipients": 5, "prefixes": {"\u0661": 1}}, id="digits of another script"),
        pytest.param({"recipients": 5, "prefixes": {"1": 0.6}, "zones": {"Asia/Tokyo": 0.6}}, id="more than all"),
        pytest.param({"recipients": 5, "prefixes": {"1": 0}}, id="a share of nothing"),
        pytest.param({"audience": [], "zones": {"Asia/Tokyo": 1}}, id="zones of known people"),
        pytest.param({"recipients": 5, "beside": {"service": {"per_second": 1}}}, id="no category"),
        pytest.param({"recipients": 5, "beside": {"utility": {"per_second": float("nan")}}}, id="no pace"),
        pytest.param({"recipients": 5, "beside": {"utility": {"per_second": 1, "x": 1}}}, id="an unknown key"),
    ],
)
def test_what_can_not_be_planned_is_refused(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PlanOrder.model_validate(written)
