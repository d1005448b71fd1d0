"""Paces in virtual time."""

from __future__ import annotations

from tests.factories import NOW_MS
from tidegate.policy.plan.turns import ANY, Turns


def test_as_many_go_in_a_span_as_the_pace_has_turns_in_it() -> None:
    turns = Turns()

    assert turns.room("number", 12.5, NOW_MS, NOW_MS + 1_000) == 80
    assert turns.take("number", 12.5, 80, NOW_MS) == NOW_MS + 987
    assert turns.room("number", 12.5, NOW_MS, NOW_MS + 1_000) == 0
    assert turns.room("number", 12.5, NOW_MS + 1_000, NOW_MS + 2_000) == 80


def test_turns_that_nobody_took_are_not_saved_up() -> None:
    turns = Turns()
    turns.take("number", 1_000, 1, NOW_MS)

    assert turns.room("number", 1_000, NOW_MS + 60_000, NOW_MS + 62_000) == 2


def test_one_probe_goes_at_once_and_the_next_one_later() -> None:
    turns = Turns()

    assert turns.room("probe", 60_000, NOW_MS, NOW_MS + 10_000) == 1
    assert turns.take("probe", 60_000, 1, NOW_MS) == NOW_MS
    assert turns.room("probe", 60_000, NOW_MS + 10_000, NOW_MS + 20_000) == 0
    assert turns.next_ms("probe") == NOW_MS + 60_000


def test_without_a_pace_anybody_goes() -> None:
    turns = Turns()

    assert turns.room("number", 0, NOW_MS, NOW_MS + 1) == ANY
    assert turns.take("number", 0, 1_000, NOW_MS) == NOW_MS
