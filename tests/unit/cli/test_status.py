"""What is stopped, in the first lines that an operator reads."""

from typing import Any

import pytest

from tidegate.cli.status import accounts_in_trouble, headlines

WHOLE = {"whole": True, "held_until": None, "waiting_for": []}
BREAKER = {
    "rule": "number_red",
    "mode": "enforce",
    "scope": {"number": "106540352242922"},
    "action": "stop",
    "state": "open",
    "cause": "number.quality.RED",
    "until": "2026-11-28T09:00:00Z",
}
ON_TEMPLATE = BREAKER | {"rule": "template_paused", "scope": {"template": "1:en_US:winback"}, "until": None}
PAUSE = {
    "scope": {"category": "marketing"},
    "until": "2026-11-21T09:05:00Z",
    "by": "checkout",
    "reason": "[red]wrong price[/]",
}
WHY = "Meta rates the number RED (number.quality.RED)"
STOPPED = f"STOPPED: number 106540352242922 until 2026-11-28 09:00:00 UTC by number_red: {WHY}"


def standing(**changes: Any) -> dict[str, Any]:
    return {"portfolios": [{"id": "lucky-shrub", "books": WHOLE}], "breakers": [], "pauses": []} | changes


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        pytest.param({}, ["nothing is stopped"], id="nothing"),
        pytest.param({"breakers": [BREAKER]}, [STOPPED], id="a number"),
        pytest.param({"breakers": [BREAKER | {"mode": "shadow"}]}, ["nothing is stopped"], id="in shadow only"),
        pytest.param({"breakers": [BREAKER | {"state": "half_open"}]}, ["nothing is stopped"], id="tried one by one"),
        pytest.param({"breakers": [BREAKER | {"action": "throttle"}]}, ["nothing is stopped"], id="slowed down only"),
        pytest.param(
            {"breakers": [ON_TEMPLATE, BREAKER], "pauses": [PAUSE]},
            [
                "PAUSED: category marketing until 2026-11-21 09:05:00 UTC by checkout: [red]wrong price[/]",
                STOPPED,
                f"STOPPED: template 1:en_US:winback until somebody ends it by template_paused: {WHY}",
            ],
            id="by hand first, then the widest",
        ),
        pytest.param(
            {
                "portfolios": [
                    {
                        "id": "lucky-shrub",
                        "books": {"whole": False, "held_until": "2026-11-22T16:00:00Z", "waiting_for": ["node-2"]},
                    }
                ]
            },
            ["lucky-shrub: BOOKS HELD until 2026-11-22 16:00:00 UTC (tidegate books list)"],
            id="the books of a portfolio",
        ),
    ],
)
def test_what_is_stopped_is_told_first(changes: dict[str, Any], lines: list[str]) -> None:
    assert headlines(standing(**changes)) == lines


ACCOUNT = {
    "waba": "102290129340398",
    "review": "APPROVED",
    "verification": "verified",
    "payment_method": "ok",
    "since": "2026-11-21T09:00:00Z",
}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({}, None, id="all is well"),
        pytest.param({"review": "UNKNOWN", "verification": "unknown", "payment_method": "unknown"}, None, id="unread"),
        pytest.param({"review": "REJECTED"}, ["rejected", "verified", "ok"], id="a review that went wrong"),
        pytest.param(
            {"verification": "pending_need_more_info"},
            ["approved", "pending need more info", "ok"],
            id="a verification that waits for somebody",
        ),
        pytest.param({"payment_method": "missing"}, ["approved", "verified", "missing"], id="nothing to be charged"),
    ],
)
def test_accounts_are_told_of_where_something_is_wrong(changes: dict[str, Any], told: list[str] | None) -> None:
    rows = accounts_in_trouble(standing(accounts=[ACCOUNT | changes]))
    assert rows == ([] if told is None else [["102290129340398", *told, "2026-11-21 09:00:00"]])


def test_a_node_that_tells_of_no_accounts_has_none_in_trouble() -> None:
    assert accounts_in_trouble(standing()) == []
