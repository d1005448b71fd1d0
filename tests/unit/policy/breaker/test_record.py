"""A breaker on paper: written, read back, and read by other versions."""

from __future__ import annotations

import json

import pytest

from tests.factories import NOW_MS
from tests.unit.policy.breaker.specimens import make_throttle, open_since
from tidegate.policy.breaker import State, from_json, to_json
from tidegate.policy.reach import Action, Covers
from tidegate.policy.verdict import Reason


@pytest.mark.parametrize("breaker", [open_since(), open_since(grip=make_throttle()), open_since(until_ms=None)])
def test_it_reads_back_as_itself(breaker: object) -> None:
    written = json.loads(json.dumps(to_json(breaker)))  # type: ignore[arg-type]  # a parameter of pytest

    assert from_json(written) == breaker


def test_it_is_written_in_plain_words() -> None:
    written = to_json(open_since())

    assert (written["state"], written["scope"], written["action"]) == ("open", "number", "hold")
    assert {type(value) for value in written.values()} <= {str, int, float, bool, type(None)}


def test_a_newer_version_s_words_read_as_the_strictest_that_are_known() -> None:
    newer = to_json(open_since()) | {"covers": "x", "action": "x", "reason": "x", "state": "x", "a_new_field": 1}

    read = from_json(newer)

    assert (read.covers, read.action) == (Covers.EVERYTHING, Action.STOP)
    assert (read.reason, read.state) == (Reason.NUMBER_STANDING, State.OPEN)


def test_an_older_version_s_record_lacks_what_came_later() -> None:
    whole = to_json(open_since())
    older = {name: whole[name] for name in ("rule", "scope", "value", "covers", "action", "reason", "event_at_ms")}

    read = from_json(older)

    assert (read.event_at_ms, read.state, read.probes, read.until_ms) == (NOW_MS, State.CLOSED, 1, None)


@pytest.mark.parametrize(
    "record", [{}, {"scope": "number"}, to_json(open_since()) | {"scope": "planet"}, {"rule": "x", "value": "1"}]
)
def test_a_record_that_can_be_placed_nowhere_is_refused(record: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"lacks what it is about|planet"):
        from_json(record)


def test_one_breaker_a_rule_and_value() -> None:
    assert open_since().id == "spam_rate/number/106540352242922"
