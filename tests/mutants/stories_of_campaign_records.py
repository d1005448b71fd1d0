"""A campaign's record: written by whoever has seen its last revision, and gone with all that is kept beside it."""

from __future__ import annotations

from typing import Final

from tests.factories import DAY_MS
from tests.mutants.book import BEGIN_MS, Book
from tidegate.store.scripts import script

CAMPAIGN, ANOTHER, APP = "cmp-1", "cmp-2", "shop"
MOST: Final = 2


async def _write(
    book: Book,
    call: str,
    revision: int = 0,
    kept: bytes = b"{}",
    *,
    campaign: str = CAMPAIGN,
    until_ms: int = DAY_MS,
    most_of_app: int = MOST,
    ending: tuple[str, ...] = (),
    over: tuple[str, ...] = (),
) -> int:
    """The revision after it, or why there is none."""
    keys = [book.keys.clock, book.keys.campaign("record", campaign), book.keys.campaigns, book.keys.campaigns_of(APP)]
    args: list[str | bytes | int] = [campaign, revision, kept, BEGIN_MS + until_ms, MOST, most_of_app, len(ending)]
    answer = await script("campaign_write")(book.client, [*keys, *ending, *over], [*args, call])
    return int(answer[1])


async def _beside(book: Book) -> tuple[str, str]:
    """What is kept beside a campaign: what goes with it, and what is not needed any more."""
    ending, over = (book.keys.campaign(kind, CAMPAIGN) for kind in ("fates", "counts"))
    await book.client.mset({ending: "1", over: "1"})
    return ending, over


async def _listed(book: Book) -> list[int]:
    return [await book.client.zcard(key) for key in (book.keys.campaigns, book.keys.campaigns_of(APP))]


async def a_record_is_changed_by_whoever_has_seen_its_last_revision(book: Book) -> None:
    assert await _write(book, "a") == 1
    assert await _write(book, "b", 1) == 2
    assert await _write(book, "c", 1) == 0
    assert await _write(book, "d", 2) == 3


async def a_write_that_runs_twice_is_one(book: Book) -> None:
    assert [await _write(book, "a"), await _write(book, "a")] == [1, 1]
    assert [await _write(book, "b", 1, b""), await _write(book, "b", 1, b"")] == [2, 2]


async def a_portfolio_has_so_many_campaigns_until_the_time_of_one_is_over(book: Book) -> None:
    assert await _write(book, "a") == 1
    assert await _write(book, "b", campaign=ANOTHER, until_ms=2 * DAY_MS) == 1
    assert await _write(book, "c", campaign="cmp-3") == -1
    assert await _write(book, "d", 1) == 2
    await book.at(DAY_MS)
    assert await _write(book, "e", campaign="cmp-3", until_ms=2 * DAY_MS) == 1


async def an_app_has_so_many_of_them(book: Book) -> None:
    assert await _write(book, "a") == 1
    assert await _write(book, "b", campaign=ANOTHER, most_of_app=1) == -2


async def a_record_goes_at_its_end_with_what_is_kept_beside_it_and_at_once_with_what_is_over(book: Book) -> None:
    ending, over = await _beside(book)
    await _write(book, "a", ending=(ending,), over=(over,))
    for key in (book.keys.campaign("record", CAMPAIGN), ending):
        assert 0 < await book.client.pttl(key) <= DAY_MS
    assert not await book.client.exists(over)
    assert await _listed(book) == [1, 1]


async def what_is_deleted_leaves_nothing(book: Book) -> None:
    ending, over = await _beside(book)
    await _write(book, "a")
    assert await _write(book, "b", 1, b"", ending=(ending,), over=(over,)) == 2
    assert not await book.client.exists(book.keys.campaign("record", CAMPAIGN), ending, over)
    assert await _listed(book) == [0, 0]
