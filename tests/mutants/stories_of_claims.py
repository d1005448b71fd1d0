"""What only one of several sends may be: claimed with all else that it needs, answered with its outcome."""

from __future__ import annotations

import asyncio
from typing import Any

from msgspec.structs import replace

from tests.factories import PORTFOLIO, make_ask, make_outcome, make_seal, make_terms
from tests.mutants.book import ANN, BEGIN_MS, BOB, Book
from tidegate.policy.facts import Facts
from tidegate.store.idempotency import Done, Entry, Idempotency, Mine, Running

KEPT_MS = 120_000


def _same(message_id: str, digest: str = "same") -> Entry:
    return Entry(PORTFOLIO, f"shop:{digest}", "", message_id, KEPT_MS)


def _ask(message_id: str, recipient: bytes = ANN, digest: str = "same", **changes: Any) -> Any:
    return make_ask(message_id, recipient, terms=make_terms(**changes), once=_same(message_id, digest))


async def _admit(book: Book, message_id: str, **changes: Any) -> Facts:
    return await book.ledger.admit(_ask(message_id, **changes))


def _claims(book: Book) -> Idempotency:
    return Idempotency(book.client, [PORTFOLIO], make_seal(), one_slot=False)


async def _settle(book: Book, message_id: str, answer: bytes, state: Any = "accepted") -> bool:
    """Settle what was admitted as the story began."""
    entry = _same(message_id)
    kept = _claims(book).with_answer(entry, BEGIN_MS, answer)
    return await book.ledger.settle(make_outcome(message_id, state, once=entry.name, answer=kept))


async def one_of_the_same_is_taken_and_the_other_changes_nothing(book: Book) -> None:
    assert (await _admit(book, "m1")).taken
    await book.at(1_500)
    other = await _admit(book, "m2", recipient=BOB)
    assert (other.taken, other.unclaimed) == (False, True)
    assert (await book.used(), await book.state("m2")) == (1, None)
    assert await _claims(book).claim(_same("m3")) == Running("m1", 1_500)


async def of_the_same_in_one_call_the_first_is_taken(book: Book) -> None:
    asks = [_ask("m1"), _ask("m2"), _ask("m3", BOB), _ask("m4", BOB, "another"), make_ask("m5", ANN)]
    facts = await asyncio.gather(*map(book.ledger.admit, asks))
    assert [one.taken for one in facts] == [True, False, False, True, True]
    assert [one.unclaimed for one in facts] == [False, True, True, False, False]


async def a_claim_whose_call_is_repeated_is_its_own(book: Book) -> None:
    assert (await _admit(book, "m1")).taken
    again = await _admit(book, "m1")
    assert (again.taken, again.repeated, again.unclaimed) == (True, True, False)


async def what_was_claimed_before_is_taken_by_its_own_message(book: Book) -> None:
    assert await _claims(book).claim(_same("m1")) == Mine()
    assert (await _admit(book, "m2")).unclaimed
    assert (await _admit(book, "m1")).taken


async def who_is_denied_anything_else_claims_nothing(book: Book) -> None:
    assert not (await _admit(book, "m1", places=0)).taken
    assert (await _admit(book, "m2")).taken


async def whoever_is_the_same_is_asked_before_all_else(book: Book) -> None:
    assert (await _admit(book, "m1", pair_emission_ms=6_000, places=1)).taken
    for denied in ({"pair_emission_ms": 6_000}, {"places": 1, "recipient": BOB}, {"epoch": 7}, {"needs_window": True}):
        other = await _admit(book, "m2", **denied)
        assert (other.unclaimed, other.stale) == (True, False)
    late = await book.ledger.admit(replace(_ask("m9"), deadline_ms=0))
    assert (late.unclaimed, late.expired) == (True, False)


async def an_answer_is_kept_with_the_outcome(book: Book) -> None:
    await _admit(book, "m1")
    await _settle(book, "m1", b"answer")
    await _settle(book, "m1", b"another")
    assert await _claims(book).claim(_same("m2")) == Done(b"answer", "m1")
    assert (await _admit(book, "m3")).unclaimed
    assert 0 < await book.client.pttl(book.keys.once(_same("m1").name)) <= KEPT_MS
    assert await book.state("m1") == "accepted"


async def of_two_answers_in_one_call_the_first_is_kept(book: Book) -> None:
    await _admit(book, "m1")
    await asyncio.gather(_settle(book, "m1", b"answer"), _settle(book, "m1", b"another"))
    assert await _claims(book).claim(_same("m2")) == Done(b"answer", "m1")


async def an_answer_is_kept_whatever_is_known_of_the_message(book: Book) -> None:
    await _admit(book, "m1")
    await book.status("m1", "delivered", 0)
    await _settle(book, "m1", b"unknown", "unknown")
    assert await _claims(book).claim(_same("m2")) == Done(b"unknown", "m1")


async def an_answer_is_kept_once_by_its_own_call_too(book: Book) -> None:
    claims = _claims(book)
    await _admit(book, "m1")
    await claims.keep(_same("m2"), b"wrong")
    await claims.keep(_same("m1"), b"answer")
    await claims.keep(_same("m1"), b"another")
    assert await claims.claim(_same("m3")) == Done(b"answer", "m1")
    assert 0 < await book.client.pttl(book.keys.once(_same("m1").name)) <= KEPT_MS


async def only_who_has_claimed_it_keeps_its_answer(book: Book) -> None:
    await _admit(book, "m1")
    await book.admit("m2", ANN)
    await _settle(book, "m2", b"wrong")
    assert await _claims(book).claim(_same("m3")) == Running("m1", 0)
    await _claims(book).free(_same("m1"))
    await _settle(book, "m1", b"late")
    assert await _claims(book).claim(_same("m3")) == Mine()


async def what_has_its_answer_is_not_claimed_again_by_the_same_message(book: Book) -> None:
    assert await _claims(book).claim(_same("m1")) == Mine()
    await _claims(book).keep(_same("m1"), b"answer")
    assert (await _admit(book, "m1")).unclaimed


async def a_claim_ends_by_the_time_of_the_store(book: Book) -> None:
    await _admit(book, "m1")
    await _settle(book, "m1", b"answer")
    await book.at(KEPT_MS - 1)
    assert (await _admit(book, "m2")).unclaimed
    await book.at(KEPT_MS)
    assert (await _admit(book, "m3")).taken
    assert await _claims(book).claim(_same("m4")) == Running("m3", 0)
    assert 0 < await book.client.pttl(book.keys.once(_same("m1").name)) <= KEPT_MS
