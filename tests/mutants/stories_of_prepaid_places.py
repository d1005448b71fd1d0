"""Places that are leased in advance: nobody fills them twice, and nobody else fills them."""

from __future__ import annotations

from tests.factories import PORTFOLIO
from tests.mutants.book import ANN, BOB, Book
from tidegate.policy.offline import AWAY_MS
from tidegate.store.prepaid import COUNTED_MS, REST_MS, Prepaid


async def what_is_leased_is_never_more_than_there_is(book: Book) -> None:
    await book.admit("m1", ANN)
    assert await _lease(book, "two", 3, most=3) == 3
    assert await _lease(book, "one", 3, most=5) == 2
    assert await _lease(book, "one", 3, limit=5) == 1
    assert await _lease(book, "two", 9, limit=5) == 3
    assert await _lease(book, "one", 3, most=1) == 0
    assert await _lease(book, "one", 3, limit=-1) == 3


async def a_lease_that_is_other_than_before_is_another_standing(book: Book) -> None:
    for places in (2, 3, 1):
        before = (await book.books()).epoch
        await _lease(book, "one", places)
        await _lease(book, "one", places)
        assert (await book.books()).epoch == before + 1
        assert await _counted(book) == places


async def a_lease_counts_for_as_long_as_who_was_written_to_by_it(book: Book) -> None:
    await _lease(book, "one", 2)
    await book.at(AWAY_MS + COUNTED_MS - 1)
    assert await _lease(book, "two", 2, limit=2) == 0
    await book.at(AWAY_MS + COUNTED_MS)
    assert await _lease(book, "two", 2, limit=2) == 2


async def no_place_is_leased_after_a_recall_nor_by_books_that_may_miss_some(book: Book) -> None:
    await _lease(book, "one", 2)
    await Prepaid(book.client, "two").recall(PORTFOLIO)
    assert await _counted(book) == 2
    assert await _lease(book, "two", 2) == 0
    await book.at(REST_MS)
    assert await _lease(book, "two", 2) == 2
    await book.client.hset(book.keys.ledger, "held_until", str(10**15))
    assert await _lease(book, "two", 2) == 0


async def a_recall_is_told_once_a_second(book: Book) -> None:
    epochs = []
    for at_ms in (0, 999, 1_000):
        await book.at(at_ms)
        await Prepaid(book.client, "one").recall(PORTFOLIO)
        epochs.append((await book.books()).epoch)
    assert epochs == [1, 1, 2]


async def a_place_is_filled_by_none_but_its_node(book: Book) -> None:
    await _lease(book, "one", 1, limit=2)
    epoch = (await book.books()).epoch
    assert (await book.admit("m1", BOB, places=1, epoch=epoch)).taken
    assert await _lease(book, "one", 2, limit=2) == 1


async def _lease(book: Book, node: str, places: int, *, most: int = 100, limit: int = 100) -> int:
    return (await Prepaid(book.client, node).lease(PORTFOLIO, places, most, limit)).places


async def _counted(book: Book) -> int:
    return int(await book.client.hget(book.keys.ledger, "prepaid") or 0)
