"""Breakers found by what a send belongs to."""

from __future__ import annotations

from tests.factories import NUMBER, make_case
from tests.unit.policy.breaker.specimens import HOUR_MS, NOW_MS, after, make_grip, open_since, told
from tidegate.policy.breaker import Board, Kind
from tidegate.policy.reach import Scope

OPEN = open_since(grip=make_grip(value=NUMBER))
ELSEWHERE = open_since(grip=make_grip(value="another"))
CLOSED = after(
    (NOW_MS + HOUR_MS, told(Kind.PROOF, NOW_MS + HOUR_MS)),
    breaker=open_since(grip=make_grip(rule="number_red", value=NUMBER)),
)


def test_it_knows_all_and_finds_those_that_cover_a_send() -> None:
    board = Board([OPEN, ELSEWHERE, CLOSED])

    assert len(board) == 3
    assert set(board) == {OPEN, ELSEWHERE, CLOSED}
    assert board.get(CLOSED.id) is CLOSED
    assert board.get("nobody/number/1") is None
    assert list(board.covering(make_case(), Scope.NUMBER, Scope.TEMPLATE)) == [OPEN]
    assert list(board.covering(make_case(), Scope.WABA)) == []


def test_an_empty_one_covers_nothing() -> None:
    assert list(Board().covering(make_case(), *Scope)) == []
