"""The feed as lines: what comes, and how it is told."""

from typing import Any

import pytest

from tidegate.cli.live_feed import events_of, line_of

STREAM = """retry: 2000

: a heartbeat

event: decision
id: 1763715601123-0-4
data: {"at":"2026-11-21T09:00:01Z","verdict":"send"}

event: gap
data: {"at":"2026-11-21T09:00:02Z",
data: "missed":null}

event: decision
data: {"cut":"off
"""
AT = "2026-11-21T09:00:01Z"
DECISION = {
    "at": "2026-11-21T09:00:01Z",
    "verdict": "queue",
    "category": "marketing",
    "type": "template",
    "template": "winback/en_US",
    "recipient": "49***34",
    "app": "checkout",
    "reason": "messaging_limit",
}


def test_events_are_read_with_their_kind_and_comments_are_not() -> None:
    assert list(events_of(STREAM.rstrip("\n").split("\n"))) == [
        {"event": "decision", "data": {"at": "2026-11-21T09:00:01Z", "verdict": "send"}},
        {"event": "gap", "data": {"at": "2026-11-21T09:00:02Z", "missed": None}},
    ]


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        pytest.param(
            "decision",
            DECISION,
            "09:00:01 queue   marketing winback/en_US to 49***34 of checkout messaging_limit",
            id="a send that is held",
        ),
        pytest.param(
            "decision",
            DECISION | {"verdict": "send", "reason": None, "template": None, "type": "text", "category": "service"},
            "09:00:01 send    service text to 49***34 of checkout",
            id="a free-form one that went",
        ),
        pytest.param(
            "left_out",
            {"at": AT, "of": "decision", "word": "send", "app": "shop", "count": 40},
            "09:00:01 send    40 more of shop",
            id="what a busy second leaves out",
        ),
        pytest.param(
            "breaker",
            {"at": AT, "key": "number_red/number/1", "to": "open", "cause": "number.quality.RED"},
            "09:00:01 breaker number_red/number/1: open after Meta rates the number RED",
            id="a breaker that opens",
        ),
        pytest.param(
            "pause",
            {"at": AT, "key": "pause-1", "to": {"scope": "template", "value": "winback"}, "cause": "by checkout"},
            "09:00:01 pause pause-1: template winback paused after by checkout",
            id="a pause that begins",
        ),
        pytest.param(
            "pause",
            {"at": AT, "key": "pause-1", "to": None, "cause": "by checkout"},
            "09:00:01 pause pause-1: ended after by checkout",
            id="a pause that ends",
        ),
        pytest.param(
            "campaign",
            {"at": AT, "campaign": "spring", "event": "gate", "phase": "halted"},
            "09:00:01 campaign spring gate: halted",
            id="a campaign that is halted",
        ),
        pytest.param("gap", {"missed": 7}, " 7 events were missed", id="a gap"),
    ],
)
def test_an_event_is_told_in_a_line(kind: str, data: dict[str, Any], line: str) -> None:
    assert line_of({"event": kind, "data": data}) == line
