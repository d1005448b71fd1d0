"""What doctor makes of Graph's answers."""

from typing import Any

import pytest

from tidegate.cli.examination.finding import Level
from tidegate.cli.examination.meta import judge_date, judge_subscription, judge_token

NOW_S = 1_790_000_000
BOTH = ["whatsapp_business_management", "whatsapp_business_messaging"]


def in_days(days: float) -> int:
    return int(NOW_S + days * 86_400)


@pytest.mark.parametrize(
    ("data", "level", "told"),
    [
        pytest.param({"scopes": BOTH, "expires_at": 0}, Level.OK, "does not end", id="one without an end"),
        pytest.param({"scopes": BOTH}, Level.OK, "does not end", id="one of whose end nothing is told"),
        pytest.param({"scopes": BOTH, "expires_at": in_days(60.5)}, Level.OK, "60 days more", id="one of 60 days"),
        pytest.param({"scopes": BOTH, "expires_at": in_days(13.9)}, Level.WARN, "in 13 days", id="less than 14 days"),
        pytest.param({"scopes": BOTH, "expires_at": in_days(-1)}, Level.WARN, "in 0 days", id="its end has come"),
        pytest.param(
            {"scopes": BOTH, "expires_at": in_days(90), "data_access_expires_at": in_days(3)},
            Level.WARN,
            "in 3 days",
            id="its access to data ends before it",
        ),
        pytest.param(
            {"scopes": BOTH[1:], "expires_at": 0}, Level.FAIL, "whatsapp_business_management", id="may not read"
        ),
        pytest.param({"expires_at": 0}, Level.OK, "does not end", id="its permissions are not told"),
    ],
)
def test_what_a_token_may_and_for_how_long(data: dict[str, Any], level: Level, told: str) -> None:
    (finding,) = judge_token("102290129340398", {"data": data}, NOW_S)
    assert finding.level is level
    assert told in finding.found
    assert bool(finding.remedy) is (level is not Level.OK)


def test_nothing_is_said_of_a_token_that_meta_does_not_describe() -> None:
    assert judge_token("102290129340398", {"error": {"code": 100}}, NOW_S) == []


@pytest.mark.parametrize(
    ("status", "body", "levels"),
    [
        pytest.param(200, {"data": []}, [Level.FAIL], id="no app"),
        pytest.param(200, {"data": [{"whatsapp_business_api_data": {"id": "1"}}]}, [Level.OK], id="one without a name"),
        pytest.param(200, {"data": ["odd"]}, [Level.OK], id="one in another shape"),
        pytest.param(400, {"error": {"code": 100}}, [], id="a token that may not ask"),
    ],
)
def test_whether_an_app_gets_the_webhooks(status: int, body: dict[str, Any], levels: list[Level]) -> None:
    assert [finding.level for finding in judge_subscription("102290129340398", status, body)] == levels


@pytest.mark.parametrize(("skew_s", "level"), [(4.9, Level.OK), (-4.9, Level.OK), (6.0, Level.WARN), (-6, Level.WARN)])
def test_a_clock_more_than_five_seconds_from_graphs_is_a_warning(skew_s: float, level: Level) -> None:
    assert judge_date(skew_s).level is level
