"""What the demo shows of a gateway."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from rich.console import Console

from tidegate.demo.traffic import Answers, Decision
from tidegate.demo.view import Picture

CAPACITY: dict[str, Any] = {
    "messaging_limit": 250,
    "headroom": 13,
    "used": 200,
    "available": {"authentication": 37, "utility": 24, "marketing": 0},
    "queued": {"authentication": 0, "utility": 1, "marketing": 120},
}
SENDS = Counter({("send", ""): 210, ("queue", "category_reserve"): 121, ("reject", "service_window_closed"): 3})


def shown(picture: Picture, answers: Answers) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as captured:
        console.print(picture.render(answers))
    return captured.get()


def decision(what: str = "campaign", recipient: str = "15***01", verdict: str = "queue") -> Decision:
    return Decision(what, recipient, verdict, "category_reserve", "2026-11-22T09:00:00Z")


def test_one_line_holds_all_of_it() -> None:
    assert Picture(SENDS, CAPACITY).line() == (
        "sent 210  queued 121  refused 3  places 200/250  free: authentication 37 utility 24 marketing 0"
    )


def test_without_a_limit_everybody_may_take_any_number() -> None:
    unlimited = CAPACITY | {"messaging_limit": None, "available": None}
    assert (
        Picture(SENDS, unlimited)
        .line()
        .endswith("places 200/unlimited  free: authentication any utility any marketing any")
    )


@pytest.mark.parametrize(
    "told",
    ["refused 3 ", "service_window_closed 3", "places used 200 of 250 (13 are headroom)", "2026-11-22 09:00"],
)
def test_the_picture_shows(told: str) -> None:
    answers = Answers()
    answers.note(decision())
    assert told in shown(Picture(SENDS, CAPACITY), answers)


def test_answers_alike_in_a_row_are_one_line_that_counts() -> None:
    answers = Answers()
    for recipient in ("15***01", "15***02", "15***03"):
        answers.note(decision(recipient=recipient))
    answers.note(decision(what="login code", verdict="send"))
    assert [(one.what, one.recipient, one.times) for one in answers.last] == [
        ("login code", "15***01", 1),
        ("campaign", "15***03", 3),
    ]


def test_only_the_last_answers_are_kept() -> None:
    answers = Answers()
    for nth in range(50):
        answers.note(decision(what=f"what {nth}"))
    assert (len(answers.last), answers.last[0].what) == (10, "what 49")
