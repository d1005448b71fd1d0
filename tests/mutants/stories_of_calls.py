"""What sends write that share a call is what they write one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.factories import DAY_MS, PORTFOLIO, make_ask, make_inbound, make_terms
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, DAN, HOUR_MS, LONG_MS, Book
from tidegate.policy.facts import Facts
from tidegate.store.asks import Ask
from tidegate.store.idempotency import Entry

#: More places than fit into a string that is written anew.
_MANY = 45


def _ask(message_id: str, recipient: bytes, claimed: str = "", **terms: Any) -> Ask:
    once = Entry(PORTFOLIO, f"shop:{claimed}", "", message_id, 120_000) if claimed else None
    return make_ask(message_id, recipient, terms=make_terms(**terms), once=once)


async def _all(book: Book) -> dict[bytes, tuple[Any, int]]:
    """Every key of the store with what it holds, and for how long yet (ms)."""
    client: Any = book.client
    read = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
    }
    return {key: (await read[await client.type(key)](key), await client.pttl(key)) for key in await client.keys("*")}


async def _goes_alike(book: Book, asks: Sequence[Ask], began: Any) -> list[Facts]:
    """Ask one by one and in one call: what is seen and written has to be the same. `began`: what was before."""
    await began()
    seen = [await book.ledger.admit(ask) for ask in asks]
    one_by_one = await _all(book)
    await book.client.flushall()
    await began()
    assert await asyncio.gather(*map(book.ledger.admit, asks)) == seen
    together = await _all(book)
    assert together.keys() == one_by_one.keys()
    for key, (held, lasting_ms) in one_by_one.items():
        held_too, lasting_too_ms = together[key]
        assert held_too == held, key
        assert (lasting_too_ms < 0) == (lasting_ms < 0), key
        assert abs(lasting_too_ms - lasting_ms) < 4_000, key
    return seen


async def sends_of_one_call_write_what_they_write_one_by_one(book: Book) -> None:
    async def began() -> None:
        await book.at(0)
        await book.ledger.open_window(make_inbound(CAT, BEGIN_MS))

    asks = [
        _ask("m1", ANN, "a"),
        _ask("m2", DAN),
        _ask("m3", CAT, "c"),
        _ask("m4", BOB, "b", hold_ms=LONG_MS),
        _ask("m5", ANN, pair_emission_ms=0),
        _ask("m6", DAN, "a"),
        make_ask("m7", BOB, deadline_ms=BEGIN_MS),
        _ask("m8", DAN[:2] + b"fred" * 3 + b"--", hold_ms=HOUR_MS),
    ]
    seen = await _goes_alike(book, asks, began)
    assert [one.taken for one in seen] == [True, True, True, True, True, False, False, True]


async def what_is_added_to_many_places_is_written_as_it_is_to_few(book: Book) -> None:
    async def began() -> None:
        await book.at(0)
        for n in range(_MANY):
            await book.admit(f"b{n}", ANN[:2] + b"%014d" % (n * 10_000_000_000), hold_ms=LONG_MS)

    asks = [_ask("m1", ANN), _ask("m2", BOB), _ask("m3", DAN, hold_ms=HOUR_MS)]
    assert all(one.taken for one in await _goes_alike(book, asks, began))


async def what_one_of_a_call_takes_stays_where_the_next_frees_what_has_ended(book: Book) -> None:
    async def began() -> None:
        await book.at(0)
        await book.admit("b1", BOB, hold_ms=HOUR_MS)
        await book.admit("b2", DAN)
        await book.at(DAY_MS)

    # The first frees one string of places, and takes one in the other, which the second frees.
    asks = [_ask("m1", ANN), _ask("m2", CAT, places=2)]
    assert [(one.taken, one.used) for one in await _goes_alike(book, asks, began)] == [(True, 1), (True, 1)]
    assert await book.used() == 2
    second = -(-(BEGIN_MS + 2 * DAY_MS) // 1000)
    assert (await book.ledger.books_freeing(PORTFOLIO, 9)).releases == {second: 2}
