"""`tidegate campaign upgrade`: how it tells what the control plane answered."""

from __future__ import annotations

from typing import Any

from tidegate.cli.campaign_upgrade import headline, remarks, rows

FOUND: dict[str, Any] = {
    "portfolio": "lucky-shrub",
    "messaging_limit": 100_000,
    "next_limit": None,
    "at_the_top": False,
    "recipients": {"needed": 50_000, "days": 7, "together": 800},
    "spread": [
        {"days": 1, "recipients_a_day": 49_200, "fits": True},
        {"days": 2, "recipients_a_day": 9, "fits": False},
    ],
    "quality": {
        "obstacles": [
            {"of": "winback/en_US", "detail": "its quality is YELLOW", "known": True},
            {"of": "1065", "detail": "its quality is UNKNOWN", "known": False},
        ]
    },
    "templates": ["order/en_US"],
    "numbers": [{"number": "1", "share": 0.25}, {"number": "2", "share": 0.75}],
}


def test_a_portfolio_on_its_way_up() -> None:
    assert headline(FOUND) == "lucky-shrub: 100,000, next unlimited: 800 of 50,000 recipients in 7 days"
    assert rows(FOUND) == [["1", "49,200", "yes"], ["2", "9", "no"]]
    assert list(remarks(FOUND)) == [
        "! winback/en_US: its quality is YELLOW",
        "? 1065: its quality is UNKNOWN",
        "rated high: order/en_US",
        "1 25%, 2 75%",
    ]


def test_one_at_the_top() -> None:
    found = FOUND | {"at_the_top": True, "recipients": None, "spread": [], "templates": [], "numbers": []}

    assert headline(found) == "lucky-shrub: no limit, there is nothing above it"
    assert len(list(remarks(found))) == 2
