"""What admit is asked is written once for all sends that have it in common, and for as long as their terms last."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.factories import make_ask, make_terms
from tidegate.policy.facts import Terms
from tidegate.store import asks as module
from tidegate.store.asks import Ask, Questions, facts_of
from tidegate.store.keys import PortfolioKeys

KEYS = {name: PortfolioKeys(name) for name in ("red", "blue")}
#: Where the epoch stands in what sends have in common, and the attempt.
ATTEMPT, EPOCH = 1, 2


def ask(of: Terms, message_id: str = "m", **more: Any) -> Ask:
    return make_ask(message_id, b"r" * 16, **{"portfolio": "red", "terms": of} | more)


def common(questions: Questions, *asks: Ask) -> list[list[Any]]:
    """What is told once."""
    _, args = questions.of(asks)
    told: list[list[Any]] = orjson.loads(args[2])
    return told


def test_what_sends_have_in_common_is_told_once() -> None:
    of = make_terms(epoch=7)

    keys, args = Questions(KEYS).of([ask(of, message_id="a"), ask(of, message_id="b")])

    assert keys == KEYS["red"].all
    assert len(orjson.loads(args[2])) == 1
    assert [int(args[3]), int(args[9])] == [0, 0]
    assert [args[4], args[10]] == ["a", "b"]


def test_each_send_is_told_of_under_its_own_portfolio_attempt_and_terms() -> None:
    questions, of = Questions(KEYS), make_terms(epoch=7)

    for _ in range(2):
        told = common(
            questions,
            ask(of),
            ask(of, attempt=2),
            ask(of, portfolio="blue"),
            ask(make_terms(epoch=8)),
            ask(of, dry_run=True),
        )

        assert [(each[0], each[ATTEMPT], each[EPOCH], each[3] % 2) for each in told] == [
            (0, "1", 7, 0),
            (0, "2", 7, 0),
            (1, "1", 7, 0),
            (0, "1", 8, 0),
            (0, "1", 7, 1),
        ]


def test_a_portfolio_that_comes_first_another_time_is_told_of_as_the_first() -> None:
    questions, of = Questions(KEYS), make_terms(epoch=7)
    common(questions, ask(of), ask(of, portfolio="blue"))

    ((block, *_),) = common(questions, ask(of, portfolio="blue"))

    assert block == 0


def test_what_is_remembered_is_never_told_of_terms_that_came_later() -> None:
    questions = Questions(KEYS)

    # Most of these come to be where one was that nobody else holds any more.
    for epoch in range(3 * module._MOST_TEXTS):
        assert common(questions, ask(make_terms(epoch=epoch)))[0][EPOCH] == epoch
    assert len(questions._texts) <= module._MOST_TEXTS


def test_an_answer_to_other_sends_is_refused() -> None:
    with pytest.raises(ValueError, match="1 sends"):
        facts_of([ask(make_terms())], [1_000, 1, 7])
