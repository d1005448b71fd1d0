"""Signals' effects on one user: breakers of the user's own, and the user's word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.factories import NOW_MS, PORTFOLIO, user
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import State, state_at
from tidegate.policy.consequences.effect import Effect
from tidegate.policy.consequences.rulebook import Consequences
from tidegate.policy.consequences.signal import Signal, Source
from tidegate.policy.reach import Subject
from tidegate.policy.users import EMPTY, after_effects

ANN = user(1)
HOUR_MS = 3_600_000


def effects_of(name: str, at_ms: int = NOW_MS, source: Source = Source.STATUS) -> tuple[Effect, ...]:
    subject = Subject(PORTFOLIO, "102", "106", category=Category.MARKETING, recipient=ANN)
    return Consequences().of(Signal(name, subject, at_ms, source))


def test_whom_meta_holds_back_has_a_breaker_of_their_own() -> None:
    held = after_effects(EMPTY, effects_of("error.131049"), NOW_MS)

    (breaker,) = held.breakers.values()
    assert breaker.rule == "user_marketing_limit"
    assert state_at(breaker, NOW_MS + 24 * HOUR_MS - 1) is State.OPEN
    assert state_at(breaker, NOW_MS + 24 * HOUR_MS) is State.CLOSED


def test_the_same_news_again_leaves_the_record_as_it_is() -> None:
    held = after_effects(EMPTY, effects_of("error.131049"), NOW_MS)

    assert after_effects(held, effects_of("error.131049"), NOW_MS + 5) is held


@pytest.mark.parametrize("name", ["error.131050", "preference.stop"])
def test_an_opt_out_is_a_word_on_marketing_and_on_nothing_else(name: str) -> None:
    refused = after_effects(EMPTY, effects_of(name), NOW_MS)

    assert refused.opted_out(Category.MARKETING)
    assert not refused.opted_out(Category.UTILITY)
    assert not refused.breakers


@pytest.mark.parametrize(
    ("stopped_at_ms", "resumed_at_ms", "is_out"),
    [
        pytest.param(NOW_MS, NOW_MS + 1, False, id="resumed after it was stopped"),
        pytest.param(NOW_MS, NOW_MS - 1, True, id="stopped after it was resumed, told in the other order"),
        pytest.param(NOW_MS, NOW_MS, True, id="both at once"),
    ],
)
def test_the_newest_word_counts_whatever_comes_first(stopped_at_ms: int, resumed_at_ms: int, is_out: bool) -> None:
    words = (
        *effects_of("preference.stop", stopped_at_ms, Source.WEBHOOK),
        *effects_of("preference.resume", resumed_at_ms, Source.WEBHOOK),
    )
    for told in (words, words[::-1]):
        assert after_effects(EMPTY, told, NOW_MS + HOUR_MS).opted_out(Category.MARKETING) is is_out


def test_a_word_of_the_future_counts_as_of_now() -> None:
    ahead = after_effects(EMPTY, effects_of("preference.stop", NOW_MS + 9 * HOUR_MS), NOW_MS)

    later = after_effects(ahead, effects_of("preference.resume", NOW_MS + 1), NOW_MS + HOUR_MS)
    assert not later.opted_out(Category.MARKETING)


def test_a_rule_in_shadow_writes_down_no_consent() -> None:
    shadowed = [replace(effect, mode="shadow") for effect in effects_of("preference.stop")]

    assert after_effects(EMPTY, shadowed, NOW_MS) is EMPTY
