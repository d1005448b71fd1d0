"""What admit is asked is written once for all sends that have it in common, and for as long as their terms last."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.factories import make_ask, make_terms
from tidegate.policy.facts import Terms
from tidegate.store import asks as module
from tidegate.store.asks import Ask, Questions, facts_of
from tidegate.store.idempotency import Entry
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
    assert [int(args[3]), int(args[10])] == [0, 0]
    assert [args[4], args[11]] == ["a", "b"]


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


def test_what_a_send_claims_is_named_beside_it_and_for_how_long_is_told_once() -> None:
    questions, of = Questions(KEYS), make_terms(epoch=7)
    claims = [Entry("red", "shop", f"d{n}", "", f"m{n}", kept_ms) for n, kept_ms in enumerate([5_000, 5_000, 7_000])]

    _, args = questions.of([*(ask(of, once=claim) for claim in claims), ask(of)])

    assert [each[-1] for each in orjson.loads(args[2])] == [5_000, 7_000, 0]
    assert (args[3::7], args[9::7]) == ([0, 0, 1, 2], ["shop:d0", "shop:d1", "shop:d2", ""])


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


@pytest.mark.parametrize(
    "answer", [[1_000], [1_000, 1, 7], [1_000, 2, 2]], ids=["to none", "to a part of one", "to one more"]
)
def test_an_answer_to_other_sends_is_refused(answer: list[int]) -> None:
    with pytest.raises(ValueError, match="1 sends"):
        facts_of([ask(make_terms())], answer)


@pytest.mark.parametrize(
    ("told", "used", "counted"),
    [
        pytest.param(2, 0, False, id="the first of all"),
        pytest.param(3, 0, True, id="it was counted before"),
        pytest.param(2 + 2 * 99, 99, False, id="with what is used"),
    ],
)
def test_of_a_send_that_was_taken_as_most_are_one_number_tells_all(told: int, used: int, counted: bool) -> None:
    other = [0, 8, 0, 0, 0, 0, 5, 0, 0, 0, b"", b"", b""]
    facts, stale = facts_of([ask(make_terms(epoch=7)), ask(make_terms(epoch=7))], [1_000, told, *other])
    assert (facts.now_ms, facts.epoch, facts.taken, facts.used, facts.counted) == (1_000, 7, True, used, counted)
    assert (stale.taken, stale.stale, stale.used) == (False, True, 5)
