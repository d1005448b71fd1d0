"""What admit is asked is written once for all sends that have it in common, and for as long as their terms last."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import pytest

from tests import lua_struct
from tests.factories import make_ask, make_objection, make_share, make_terms
from tidegate.policy.facts import Tally, Terms, Turn
from tidegate.store import asks as module
from tidegate.store.asks import Ask, More, Questions, read_admitted
from tidegate.store.idempotency import Entry
from tidegate.store.keys import PortfolioKeys

KEYS = {name: PortfolioKeys(name) for name in ("red", "blue")}
#: As `lua/_asked.lua` reads what sends have in common, and its tallies.
KIND, TALLY = b"<BB" + b"d" * 10 + b"Bsss", b"<dddBss"


def ask(of: Terms, message_id: str = "m", **more: Any) -> Ask:
    return make_ask(message_id, b"r" * 16, **{"portfolio": "red", "terms": of} | more)


class Common(NamedTuple):
    """What is told once of sends that have it in common, as far as it is looked at here."""

    block: int
    flags: int
    kept_ms: float
    attempt: int
    epoch: int
    turns: bytes
    tallies: list[tuple[float | bytes, ...]]


def common(questions: Questions, *asks: Ask) -> list[Common]:
    """What is told once."""
    _, args = questions.of(asks)
    return [_read(text) for text in args[1 : 1 + args[0]]]


def after(args: list[Any]) -> tuple[list[int], list[float], list[Any]]:
    """The kind and the deadline of each, the earliest before all; and what is told of each."""
    of_kind, deadlines, *told = args[1 + args[0] :]
    return list(of_kind), list(struct.unpack(f"<{len(deadlines) // 8}d", deadlines)), told


def _read(text: bytes) -> Common:
    told: Any = lua_struct.unpack(KIND, text)
    *_, count, attempt, epoch, turns, at = told
    tallies = []
    for _ in range(count):
        *tally, at = lua_struct.unpack(TALLY, text, at)
        tallies.append(tuple(tally))
    assert at == len(text) + 1
    return Common(told[0], told[1], told[11], int(attempt), int(epoch), turns, tallies)


def test_what_sends_have_in_common_is_told_once() -> None:
    of = make_terms(epoch=7)

    keys, args = Questions(KEYS).of([ask(of, message_id="a"), ask(of, message_id="b")])

    assert keys == KEYS["red"].all
    assert args[0] == 1
    of_kind, _, told = after(args)
    assert of_kind == []
    assert told[0::5] == ["a", "b"]


def test_deadlines_are_told_in_one_text_the_earliest_before_all() -> None:
    of, deadlines = make_terms(), [9_000, 7_000, 8_000]

    _, args = Questions(KEYS).of([ask(of, deadline_ms=at) for at in deadlines])

    assert after(args)[1] == [7_000, *deadlines]


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

        assert [(each.block, each.attempt, each.epoch, each.flags % 2) for each in told] == [
            (0, 1, 7, 0),
            (0, 2, 7, 0),
            (1, 1, 7, 0),
            (0, 1, 8, 0),
            (0, 1, 7, 1),
        ]


def test_what_a_send_claims_is_named_beside_it_and_for_how_long_is_told_once() -> None:
    questions, of = Questions(KEYS), make_terms(epoch=7)
    claims = [Entry("red", f"shop:d{n}", "", f"m{n}", kept_ms) for n, kept_ms in enumerate([5_000, 5_000, 7_000])]

    asks = [*(ask(of, once=claim) for claim in claims), ask(of)]
    _, args = questions.of(asks)

    assert [each.kept_ms for each in common(questions, *asks)] == [5_000, 7_000, 0]
    of_kind, _, told = after(args)
    assert (of_kind, told[4::5]) == ([0, 0, 1, 2], ["shop:d0", "shop:d1", "shop:d2", ""])


def test_more_is_told_of_few_and_of_all_that_rest_on_what_is_known_of_a_user() -> None:
    plain, known = make_terms(epoch=7), make_terms(epoch=7, user_version=3)
    asks = [ask(plain), ask(known), ask(plain, more=More(b"record", 9, b"body")), ask(plain)]

    _, args = Questions(KEYS).of(asks)
    flags = [each.flags & module._MORE for each in common(Questions(KEYS), *asks)]

    assert flags == [0, module._MORE]
    of_kind, _, told = after(args)
    assert of_kind == [0, 1, 1, 0]
    assert (told[10:14], told[19:23]) == ([3, b"", 0, b""], [0, b"record", 9, b"body"])


def test_further_turns_and_tallies_are_told_after_the_numbers() -> None:
    turn = Turn("probe: 1", 1_000.5, 0, make_objection())
    tallies = (
        Tally("spend:1", 40, 90, False, 7, free_in_window=True),
        Tally("included:1", 1, 9, False, 7, covers=True),
        Tally("warm:n:0", 1, 9, True, 0, enforced=False),
        make_share("shop", 5),
    )
    (told,) = common(Questions(KEYS), ask(make_terms(turns=(turn,), tallies=tallies)))

    assert told.turns == b'[["probe: 1",1000.5,0]]'
    assert told.tallies == [
        (40, 90, 7, 2, b"spend:1", b"spend:1 40\n"),
        (1, 9, 7, 3, b"included:1", b"included:1 1\n"),
        (1, -1, 0, 1, b"warm:n:0", b"warm:n:0 1\n"),
        (1, 5, 0, 4, b"share:shop", b"share:shop 1\n"),
    ]


def test_a_portfolio_that_comes_first_another_time_is_told_of_as_the_first() -> None:
    questions, of = Questions(KEYS), make_terms(epoch=7)
    common(questions, ask(of), ask(of, portfolio="blue"))

    (told,) = common(questions, ask(of, portfolio="blue"))

    assert told.block == 0


def test_a_call_is_told_of_as_itself_whatever_the_last_one_was() -> None:
    questions, of = Questions(KEYS), make_terms(epoch=7)
    claim = Entry("red", "shop:d1", "", "m1", 5_000)
    one = ask(of)
    others = [
        [ask(of, portfolio="blue")],
        [ask(of, attempt=2)],
        [ask(of, dry_run=True)],
        [ask(of, once=claim)],
        [ask(of, more=More(b"record"))],
        [ask(of, about=b'{"app":"shop","share":"shop"}')],
        [ask(make_terms(epoch=8))],
        [one, one],
        [one, ask(of, attempt=2)],
    ]

    for asks in others:
        questions.of([one])
        assert questions.of(asks) == Questions(KEYS).of(asks)
        assert questions.of([one]) == Questions(KEYS).of([one])


def test_what_is_remembered_is_never_told_of_terms_that_came_later() -> None:
    questions = Questions(KEYS)

    # Most of these come to be where one was that nobody else holds any more.
    for epoch in range(3 * module._MOST_TEXTS):
        assert common(questions, ask(make_terms(epoch=epoch)))[0].epoch == epoch
    assert len(questions._texts) <= module._MOST_TEXTS


@pytest.mark.parametrize(
    "answer", [[1_000], [1_000, 1, 7], [1_000, 2, 2]], ids=["to none", "to a part of one", "to one more"]
)
def test_an_answer_to_other_sends_is_refused(answer: list[int]) -> None:
    with pytest.raises(ValueError, match="1 sends"):
        read_admitted([ask(make_terms())], answer)


@pytest.mark.parametrize(
    ("told", "used", "counted", "window_ends_ms"),
    [
        pytest.param([2], 0, False, 0, id="the first of all"),
        pytest.param([3], 0, True, 0, id="it was counted before"),
        pytest.param([2 + 2 * 99], 99, False, 0, id="with what is used"),
        pytest.param([-(3 + 2 * 99), 1_500], 99, True, 1_500, id="with its window"),
    ],
)
@pytest.mark.parametrize("tallied", [(), (0,), (7, 9)], ids=["no tally", "one tally", "two tallies"])
def test_of_a_send_that_was_taken_as_most_are_one_number_tells_nearly_all(
    told: list[int], used: int, counted: bool, window_ends_ms: int, tallied: tuple[int, ...]
) -> None:
    tallies = tuple(Tally(f"spend:{n}", 1, 10, False, 0) for n in range(len(tallied)))
    other = [0, 8, 0, 0, 0, 0, 5, 0, 0, 0, b"", b"", b""]
    asks = [ask(make_terms(epoch=7, tallies=tallies)), ask(make_terms(epoch=7))]
    (facts, stale), (intent,) = read_admitted(asks, [1_000, *told, *tallied, *other])
    assert (facts.now_ms, facts.epoch, facts.taken, facts.used, facts.counted) == (1_000, 7, True, used, counted)
    assert (facts.window_ends_ms, facts.tallied) == (window_ends_ms, tallied)
    assert (intent.at_ms, intent.window_ends_ms, intent.place) == (
        1_000,
        window_ends_ms,
        "0" if window_ends_ms else "1",
    )
    assert (stale.taken, stale.stale, stale.used) == (False, True, 5)
