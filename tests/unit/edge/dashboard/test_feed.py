"""What is decided, as rows of the live feed's page."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.edge.dashboard.feed import Rows
from tidegate.feed import FeedEvent, Kind

AT_MS = 1_795_338_000_000


def decision(nth: int, verdict: str = "send") -> FeedEvent:
    of_message = {"number": "106540352242922", "category": "utility", "type": "template", "template": "order"}
    told = {"message_id": f"tg-{nth}", "verdict": verdict, "recipient": "16***34", "from_queue": False}
    nothing = {"reason": None, "until": None, "meta_code": None, "campaign": None}
    return FeedEvent.of(None, Kind.DECISION, "shrub", AT_MS + nth, of_message | told | nothing)


def change(of: Kind, **told: Any) -> FeedEvent:
    data = {"kind": of.value, "key": "k", "field": "state", "from": "closed", "to": "open", "source": "meta"}
    return FeedEvent.of(None, of, "shrub", AT_MS, {**data, "cause": "a poll", **told})


def test_the_newest_is_first() -> None:
    rows = Rows().of([decision(1), decision(2)])

    assert rows.index("tg-2") < rows.index("tg-1")


def test_of_more_than_anybody_reads_what_was_refused_is_shown_before_what_went() -> None:
    events = [decision(0, "reject"), *(decision(nth) for nth in range(1, 200))]

    rows = Rows().of(events)

    assert rows.count("<tr") == 60
    assert "tg-0<" in rows
    assert "tg-199<" in rows
    assert "tg-140<" not in rows


@pytest.mark.parametrize(
    ("event", "words"),
    [
        pytest.param(
            change(Kind.BREAKER, key="template_paused/template/1:en_US:offer", cause="template.status.PAUSED"),
            (
                "Breaker template_paused on template offer (en_US), account 1: closed",
                "<b>open</b>; Meta paused the template",
            ),
            id="a breaker that opened, with its cause in words",
        ),
        pytest.param(
            change(Kind.STANDING, kind="limit", field="limit", **{"from": 2_000, "to": 10_000}),
            ("Messaging limit: 2,000", "<b>10,000</b>; a poll"),
            id="a limit that rose",
        ),
        pytest.param(
            change(Kind.PAUSE, field="pause", **{"from": None, "to": {"scope": "number", "value": "<1>", "by": "ann"}}),
            ("Pause of number &lt;1&gt;: none",),
            id="a pause, escaped",
        ),
    ],
)
def test_a_change_says_what_became_of_what_and_why(event: FeedEvent, words: tuple[str, ...]) -> None:
    rows = Rows().of([event])

    assert all(one in rows for one in words)


def test_what_two_readers_are_told_in_the_same_turn_is_made_once_and_nothing_else_is_taken_for_it() -> None:
    rows, events = Rows(), [decision(1), decision(2)]

    made = rows.of(events)

    assert rows.of(list(events)) is made
    assert "tg-2" not in rows.of(events[:1])
    assert rows.of([events[1], decision(3)]) != made
    assert rows.of(events) is made
