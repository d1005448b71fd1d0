"""Ten wrong keys lock an address out, longer each time."""

from __future__ import annotations

from tidegate.edge.door import lockout
from tidegate.edge.door.lockout import FAILURES, FIRST_MS, FORGIVEN_MS, LONGEST_MS, SAME_FAILURES, WITHIN_MS, Lockout

PEER, OTHER = "192.0.2.1", "192.0.2.2"


def failed(book: Lockout, now_ms: float, times: int = FAILURES) -> None:
    for i in range(times):
        book.failed(PEER, f"wrong {i}", now_ms)


def test_one_wrong_key_less_locks_nobody_out() -> None:
    book = Lockout()
    failed(book, 0, FAILURES - 1)
    assert book.locked_ms(PEER, 0) == 0


def test_one_old_key_is_no_guessing_until_it_is_a_nuisance() -> None:
    book = Lockout()
    for _ in range(SAME_FAILURES - 1):
        book.failed(PEER, "old", 0)
    assert book.locked_ms(PEER, 0) == 0
    book.failed(PEER, "old", 0)
    assert book.locked_ms(PEER, 0) == FIRST_MS


def test_a_lock_out_is_told_to_its_end_and_is_the_peers_own() -> None:
    book = Lockout()
    failed(book, 1_000)
    assert book.locked_ms(PEER, 1_000) == FIRST_MS
    assert book.locked_ms(PEER, 1_000 + FIRST_MS - 0.5) == 1
    assert book.locked_ms(PEER, 1_000 + FIRST_MS) == 0
    assert book.locked_ms(OTHER, 1_000) == 0


def test_failures_that_are_far_apart_are_no_guessing() -> None:
    book = Lockout()
    for i in range(5 * FAILURES):
        book.failed(PEER, f"wrong {i}", i * WITHIN_MS / (FAILURES - 2))
    assert book.locked_ms(PEER, 5 * FAILURES * WITHIN_MS / (FAILURES - 2)) == 0


def test_each_further_one_lasts_twice_as_long_up_to_the_longest() -> None:
    book, now_ms, spans = Lockout(), 0.0, []
    for _ in range(8):
        failed(book, now_ms)
        spans.append(book.locked_ms(PEER, now_ms))
        now_ms += spans[-1]
    assert spans == [min(LONGEST_MS, FIRST_MS * 2**i) for i in range(8)]
    assert spans[-1] == LONGEST_MS


def test_an_hour_without_any_is_forgiven() -> None:
    book = Lockout()
    failed(book, 0)
    failed(book, FORGIVEN_MS + 1)
    assert book.locked_ms(PEER, FORGIVEN_MS + 1) == FIRST_MS


def test_whoever_comes_from_many_addresses_fills_no_memory(monkeypatch) -> None:
    monkeypatch.setattr(lockout, "MOST", 3)
    book = Lockout()
    for i in range(10):
        book.failed(str(i), "wrong", 0)
    assert len(book._records) == 3
