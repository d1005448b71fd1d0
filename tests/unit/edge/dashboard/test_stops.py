"""What is stopped is told in words: what, why, how it is stopped, and which form ends it."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.edge.dashboard.stops import by_subject, of_books, of_breakers, of_pauses
from tidegate.policy.consequences.remedies import BY_RULE

SINCE, UNTIL = "2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z"
LATER, LATEST = "2026-11-22T10:00:00Z", "2026-11-28T10:00:00Z"
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
    ("more", "told", "ends", "tone"),
    [
        pytest.param(
            {},
            (f"template winback (en_US), account {WABA}", "Business initiated sends", "stopped"),
            "Meta says that it is over, or somebody closes it",
            "bad",
            id="one that stops a template",
        ),
        pytest.param(
            {"covers": "everything", "scope": {"number": NUMBER}, "action": "hold"},
            (f"number {NUMBER}", "All sends", "held"),
            "Meta says that it is over, or somebody closes it",
            "bad",
            id="one that holds a number",
        ),
        pytest.param(
            {"covers": "marketing", "scope": {"category": f"{NUMBER}:marketing"}, "action": "throttle", "share": 0.25},
            (f"marketing of number {NUMBER}", "Marketing sends", "slowed down to 25%"),
            "all of the pace is back",
            "warn",
            id="one that throttles",
        ),
        pytest.param(
            {"state": "half_open", "scope": {"token": WABA}},
            (f"access token of account {WABA}", "Business initiated sends", "tried one by one"),
            "enough tries went well",
            "warn",
            id="one that is half open",
        ),
        pytest.param(
            {"mode": "shadow", "scope": {"waba": WABA}},
            (f"account {WABA}", "Business initiated sends", "would be stopped (the rule only tells)"),
            "Meta says that it is over, or somebody closes it",
            "warn",
            id="one of a rule in shadow",
        ),
    ],
)
def test_a_breaker_is(more: dict[str, Any], told: tuple[str, str, str], ends: str, tone: str):
    (stop,) = of_breakers([breaker(**more)])
    assert (stop.of, stop.covers, stop.kind) == told
    assert (stop.since, stop.until, stop.ends, stop.tone) == (SINCE, UNTIL, ends, tone)
    assert stop.cause == "Meta paused the template"
    assert stop.code == "template.status.PAUSED, rule template_paused"
    assert stop.fields == {"id": "template_paused/template/x"}


def test_the_stops_of_one_subject_are_one_thing_which_goes_on_when_the_last_of_the_worst_ends():
    paused, red = breaker(), breaker(id="r", rule="template_red", cause="template.quality.RED", until=LATER)
    yellow = breaker(id="y", rule="template_yellow", action="throttle", share=0.5, until=LATEST)
    slowed = breaker(id="n", rule="number_yellow", scope={"number": NUMBER}, action="throttle", share=0.5)
    number, template = by_subject(of_breakers([yellow, slowed, paused, red]))[::-1]
    assert [stop.fields["id"] for stop in template.stops] == [paused["id"], "r", "y"]
    assert (template.name, template.kind, template.tone) == (template.stops[0].of, "stopped", "bad")
    assert template.last.until == LATER
    assert template.remedies == (BY_RULE["template_paused"],)
    assert BY_RULE["template_red"] == BY_RULE["template_paused"]
    assert (number.tone, number.last.until) == ("warn", UNTIL)


def test_of_what_is_as_bad_the_widest_comes_first():
    scopes = [{"template": f"{WABA}:en_US:winback"}, {"number": NUMBER}, {"waba": WABA}]
    found = by_subject(of_breakers([breaker(scope=scope) for scope in scopes]))
    assert [subject.stops[0].subject[0] for subject in found] == ["waba", "number", "template"]


def test_what_no_time_ends_ends_last():
    (subject,) = by_subject(of_breakers([breaker(until=None), breaker(id="r", until=LATEST)]))
    assert (subject.last.until, subject.last.ends) == (None, "Meta says that it is over, or somebody closes it")


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
    assert (stop.of, stop.covers, stop.cause, stop.by) == ("template winback", "All sends", "spam", "ann")
    assert "ask ann" in stop.remedy.lower()
    assert words in stop.remedy
    assert stop.action == "/pauses/pause-1/end"


def test_books_that_are_held_name_the_nodes_that_are_waited_for_and_whole_ones_are_no_stop():
    held = {"whole": False, "held_until": UNTIL, "waiting_for": ["node-a", "node-b"]}
    whole = {"whole": True, "held_until": None, "waiting_for": []}
    (stop,) = of_books([{"id": "blue", "books": held}, {"id": "red", "books": whole}])
    assert "node-a, node-b" in stop.cause
    assert (stop.until, stop.fields) == (UNTIL, {"portfolio": "blue"})
