"""Stories of what is being sent: known together with all else of its ms, until the last of them has ended."""

from __future__ import annotations

import asyncio

from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, Book
from tidegate.store.asks import OUTCOME_MS


async def _sending(book: Book) -> dict[bytes, bytes]:
    ledger = await book.client.hgetall(book.keys.ledger)
    return {field: value for field, value in ledger.items() if field.startswith(b"%d" % BEGIN_MS)}


async def _since(book: Book) -> int | None:
    """Since when what is being sent may have been admitted: found where all of it is read."""
    found = await book.client.hget(book.keys.ledger, "sending_since")
    return int(found) - BEGIN_MS if found else None


async def all_of_one_ms_are_known_until_each_has_ended(book: Book) -> None:
    await asyncio.gather(book.admit("m1", ANN), book.admit("m2", BOB))
    await book.admit("m3", CAT)
    assert await _sending(book) == {b"%d" % BEGIN_MS: b"m1 m2 m3", b"%d left" % BEGIN_MS: b"3"}
    await asyncio.gather(book.settle("m1", "accepted"), book.settle("m2", "accepted"))
    await book.settle("m1", "accepted")
    await book.at(OUTCOME_MS)
    assert await book.reaped() == [("unknown", "m3")]
    assert await _sending(book) == {}


async def what_has_ended_is_known_no_more(book: Book) -> None:
    for message_id, user in (("m1", ANN), ("m2", BOB), ("m3", CAT)):
        await book.admit(message_id, user)
    await book.settle("m1", "accepted")
    await book.settle("m2", "failed")
    await book.settle("m3", "unknown")
    assert await _sending(book) == {}
    await asyncio.gather(book.admit("m4", ANN), book.admit("m5", BOB))
    await asyncio.gather(book.settle("m4", "accepted"), book.settle("m5", "accepted"))
    assert await _sending(book) == {}


async def what_failed_twice_counts_once(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB)
    for _ in range(2):
        await book.settle("m1", "failed")
    await book.at(OUTCOME_MS)
    assert await book.reaped() == [("unknown", "m2")]


async def what_goes_back_into_the_queue_is_being_sent_no_more(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB)
    assert await book.enqueue("m1", ANN, attempt=1, due_at_ms=OUTCOME_MS - 1)
    assert await _sending(book) == {b"%d" % BEGIN_MS: b"m2", b"%d left" % BEGIN_MS: b"1"}
    await book.at(OUTCOME_MS - 1)
    await book.claimed()
    assert (await book.admit("m1", ANN, attempt=3)).taken
    await book.at(OUTCOME_MS)
    assert await book.reaped() == [("unknown", "m2")], "the other one is on its way since a ms"


async def what_its_status_told_of_is_not_given_up(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.status("m1", "sent", 0)
    await book.settle("m1", "accepted")
    assert (await book.state("m1"), await _sending(book)) == ("sent", {})
    await book.admit("m2", BOB)
    await book.status("m2", "sent", 0)
    await book.at(OUTCOME_MS)
    assert await book.reaped() == []
    assert (await book.state("m2"), await _sending(book)) == ("sent", {})


async def all_that_is_being_sent_is_read_only_when_some_may_be_overdue(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(1000)
    await book.admit("m2", BOB)
    await book.at(2000)
    await book.admit("m3", CAT)
    await book.settle("m1", "accepted")
    await book.at(OUTCOME_MS - 1)
    assert (await book.glance(), await _since(book)) == ((0, False, False), 0)
    await book.at(OUTCOME_MS)
    assert (await book.glance(), await _since(book)) == ((0, False, False), 1000)
    await book.at(OUTCOME_MS + 1000)
    assert await book.glance() == (0, False, True)
    assert await book.reaped() == [("unknown", "m2")]
    await book.settle("m3", "accepted")
    await book.at(OUTCOME_MS + 2000)
    assert (await book.glance(), await _since(book)) == ((0, False, False), None)


async def the_earliest_is_overdue_first(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(1)
    await book.admit("m2", BOB)
    await book.at(OUTCOME_MS)
    assert await book.glance() == (0, False, True)
    assert await book.reaped() == [("unknown", "m1")]


async def what_was_admitted_as_the_clock_went_back_is_overdue_by_its_own_time(book: Book) -> None:
    await book.at(5000)
    await book.admit("m1", ANN)
    await book.at(0)
    await book.admit("m2", BOB)
    await book.at(OUTCOME_MS)
    assert await book.glance() == (0, False, True)
    assert await book.reaped() == [("unknown", "m2")]
