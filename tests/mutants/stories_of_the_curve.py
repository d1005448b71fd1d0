"""When places are expected to come free, told as far as is asked for."""

from __future__ import annotations

from typing import Final

from tests.factories import PORTFOLIO
from tests.mutants.book import BEGIN_MS, Book

NOW_S: Final = BEGIN_MS // 1000
#: Enough of what is overdue for the curve to be a long one.
OVERDUE: Final = {NOW_S - second: 3 for second in range(1_100)}
#: Where a minute begins, beyond the ten that are told by the second.
MINUTE_S: Final = (NOW_S // 60 + 20) * 60


async def _expected(book: Book, curve: dict[int, int]) -> None:
    fields = {str(second): str(places) for second, places in curve.items()}
    await book.client.hset(book.keys.releases, mapping=fields)  # type: ignore[misc]  # redis-py's type of both clients


async def _freeing(book: Book, places: int) -> dict[int, int]:
    return (await book.ledger.books_freeing(PORTFOLIO, places)).releases


async def a_short_curve_is_told_whole_with_what_is_overdue(book: Book) -> None:
    curve = {NOW_S - 5: 3, NOW_S + 5: 1, MINUTE_S + 5: 1, MINUTE_S + 7: 1}
    await _expected(book, curve)
    assert await _freeing(book, 1) == curve
    assert await _freeing(book, 0) == {}


async def a_long_curve_is_told_by_the_second_as_far_as_it_frees_what_is_asked_for(book: Book) -> None:
    near = {NOW_S + 1: 1, NOW_S + 600: 2}
    far = {NOW_S + 601: 1, NOW_S + 602: 1, MINUTE_S: 9}
    await _expected(book, OVERDUE | near | far)
    assert await _freeing(book, 1) == {NOW_S + 1: 1}
    assert await _freeing(book, 2) == near
    assert await _freeing(book, 3) == near
    assert await _freeing(book, 4) == near | far


async def what_is_far_off_is_told_by_the_minute_but_for_the_next(book: Book) -> None:
    far = {MINUTE_S + 5: 1, MINUTE_S + 50: 2, MINUTE_S + 59: 3, MINUTE_S + 60: 5, MINUTE_S + 90: 4, MINUTE_S + 130: 7}
    await _expected(book, OVERDUE | far)
    by_minute = {MINUTE_S + 5: 1, MINUTE_S + 59: 5, MINUTE_S + 90: 9, MINUTE_S + 130: 7}
    assert await _freeing(book, 1) == by_minute


async def who_asks_for_all_of_it_is_told_what_is_overdue_too(book: Book) -> None:
    await _expected(book, OVERDUE)
    assert (await book.books()).releases == OVERDUE


async def a_release_that_is_alone_in_its_minute_is_told_once(book: Book) -> None:
    await _expected(book, OVERDUE | {MINUTE_S + 7: 9, MINUTE_S + 60: 1})
    assert await _freeing(book, 1) == {MINUTE_S + 7: 9, MINUTE_S + 60: 1}


async def of_a_curve_that_begins_late_the_next_release_is_told_to_who_asks_for_one(book: Book) -> None:
    long_overdue = {NOW_S - second: 3 for second in range(2_500)}
    await _expected(book, long_overdue | {NOW_S + 1_201: 4, NOW_S + 1_800: 1})
    assert await _freeing(book, 1) == {NOW_S + 1_201: 4}
    await _expected(book, {NOW_S + 1_200: 2})
    assert await _freeing(book, 1) == {NOW_S + 1_200: 2}
    await _expected(book, {NOW_S + 601: 1})
    assert await _freeing(book, 1) == {NOW_S + 601: 1}
    assert len(await _freeing(book, 2)) > 1
