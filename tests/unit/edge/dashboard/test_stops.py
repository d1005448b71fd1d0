"""What is stopped is told in words: what, why, how it is stopped, and which form ends it."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.edge.dashboard.remedies import REMEDIES, remedy
from tidegate.edge.dashboard.stops import of_books, of_breakers, of_pauses
from tidegate.policy.verdict import Reason

SINCE, UNTIL = "2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z"
WABA, NUMBER = "102290129340398", "106540352242922"


def breaker(**more: Any) -> dict[str, Any]:
    told = {
        "id": "template_paused/template/x",
        "rule": "template_paused",
        "mode": "enforce",
        "scope": {"template": f"{WABA}:en_US:winback"},
        "covers": "business_initiated",
        "action": "stop",
        "reason": "template_paused",
        "state": "open",
        "share": None,
        "cause": "template.status.PAUSED",
        "since": SINCE,
        "until": UNTIL,
    }
    return told | more


@pytest.mark.parametrize(
    ("more", "what", "kind", "tone"),
    [
        pytest.param(
            {},
            f"Business initiated sends of template winback (en_US) of account {WABA}",
            "stopped",
            "bad",
            id="one that stops a template",
        ),
        pytest.param(
            {"covers": "everything", "scope": {"number": NUMBER}, "action": "hold"},
            f"All sends of number {NUMBER}",
            "held",
            "bad",
            id="one that holds a number",
        ),
        pytest.param(
            {"covers": "marketing", "scope": {"category": f"{NUMBER}:marketing"}, "action": "throttle", "share": 0.25},
            f"Marketing sends of category marketing of number {NUMBER}",
            "slowed down to 25%",
            "warn",
            id="one that throttles",
        ),
        pytest.param(
            {"state": "half_open", "scope": {"token": WABA}},
            f"Business initiated sends of access token of account {WABA}",
            "tried one by one",
            "warn",
            id="one that is half open",
        ),
        pytest.param(
            {"mode": "shadow", "scope": {"waba": WABA}},
            f"Business initiated sends of account {WABA}",
            "would be stopped (the rule only tells)",
            "warn",
            id="one of a rule in shadow",
        ),
    ],
)
def test_a_breaker_is(more: dict[str, Any], what: str, kind: str, tone: str):
    (stop,) = of_breakers([breaker(**more)])
    assert (stop.what, stop.kind, stop.tone) == (what, kind, tone)
    assert (stop.since, stop.until) == (SINCE, UNTIL)
    assert stop.cause == "template.status.PAUSED (rule template_paused)"
    assert stop.fields == {"id": "template_paused/template/x"}


@pytest.mark.parametrize(
    ("until", "words"),
    [
        pytest.param(None, "then resume it", id="one without an end is to be resumed"),
        pytest.param(UNTIL, "It ends by itself", id="one with an end needs nobody"),
    ],
)
def test_a_pause_tells_whom_to_ask_and(until: str | None, words: str):
    pause = {"id": "pause-1", "scope": {"template": "winback"}, "reason": "spam", "since": SINCE, "by": "ann"}
    (stop,) = of_pauses([{**pause, "until": until}])
    assert (stop.what, stop.cause, stop.by) == ("All sends of template winback", "spam", "ann")
    assert "ask ann" in stop.remedy.lower()
    assert words in stop.remedy
    assert stop.action == "/pauses/pause-1/end"


def test_books_that_are_held_name_the_nodes_that_are_waited_for_and_whole_ones_are_no_stop():
    held = {"whole": False, "held_until": UNTIL, "waiting_for": ["node-a", "node-b"]}
    whole = {"whole": True, "held_until": None, "waiting_for": []}
    (stop,) = of_books([{"id": "blue", "books": held}, {"id": "red", "books": whole}])
    assert "node-a, node-b" in stop.cause
    assert (stop.until, stop.fields) == (UNTIL, {"portfolio": "blue"})


@pytest.mark.parametrize("reason", [*Reason, "no reason of ours"])
def test_there_is_something_to_do_about_every_stop(reason: str):
    assert remedy(reason).endswith(".")


def test_a_remedy_is_for_a_reason_that_stops_many():
    assert Reason.OPTED_OUT not in REMEDIES
