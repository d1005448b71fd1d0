"""What became of a campaign's rows, and how much of it is ahead in the queue."""

from __future__ import annotations

from tests.factories import DAY_MS, PORTFOLIO
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, HOUR_MS, LANE, Book
from tidegate.policy.campaign.fate import Fate
from tidegate.store.fates import Fates, RowFate

CAMPAIGN = "cmp-1"


async def _fates(book: Book, rows: int = 3) -> Fates:
    fates = Fates(book.client, [PORTFOLIO])
    await fates.open(PORTFOLIO, CAMPAIGN, rows, BEGIN_MS + DAY_MS)
    return fates


async def _told(fates: Fates) -> tuple[list[Fate], dict[tuple[int, Fate], int]]:
    kept = await fates.read(PORTFOLIO, CAMPAIGN, 1, 100)
    return [Fate(byte) for byte in kept], dict(await fates.counts(PORTFOLIO, CAMPAIGN))


async def a_row_s_fate_only_grows(book: Book) -> None:
    fates = await _fates(book)
    await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(3, 1, Fate.DELIVERED), RowFate(1, 0, Fate.QUEUED)])
    assert await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(3, 1, Fate.SENT), RowFate(1, 0, Fate.QUEUED)]) == 0
    assert await _told(fates) == (
        [Fate.QUEUED, Fate.PENDING, Fate.DELIVERED],
        {(0, Fate.QUEUED): 1, (1, Fate.DELIVERED): 1},
    )


async def what_is_in_hand_comes_and_goes_and_what_is_not_never_comes_back(book: Book) -> None:
    fates = await _fates(book)
    for fate in (Fate.QUEUED, Fate.SENDING, Fate.QUEUED, Fate.PENDING):
        await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(2, 0, fate)])
    assert (await _told(fates))[1] == {(0, Fate.QUEUED): 1}
    for fate in (Fate.UNKNOWN, Fate.SENDING):
        await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(2, 0, fate)])
    assert (await _told(fates))[1] == {(0, Fate.UNKNOWN): 1}


async def there_is_no_row_beyond_the_last(book: Book) -> None:
    fates = await _fates(book)
    assert await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(4, 0, Fate.READ)]) == 0
    assert await _told(fates) == ([Fate.PENDING] * 3, {})


async def room_is_made_once_and_for_as_long_as_the_campaign_is_kept(book: Book) -> None:
    fates = await _fates(book)
    await fates.write(PORTFOLIO, CAMPAIGN, [RowFate(1, 0, Fate.READ)])
    await fates.open(PORTFOLIO, CAMPAIGN, 3, BEGIN_MS + 2 * DAY_MS)
    assert (await _told(fates))[1] == {(0, Fate.READ): 1}
    for kind in ("fates", "counts"):
        assert 0 < await book.client.pttl(book.keys.campaign(kind, CAMPAIGN)) <= DAY_MS


async def what_waits_for_the_morning_is_not_ahead(book: Book) -> None:
    await book.enqueue("m1", ANN, due_at_ms=60_000)
    await book.enqueue("m2", BOB, due_at_ms=HOUR_MS)
    await book.enqueue("m3", CAT, needs_place=True)
    assert await book.queue.ahead(PORTFOLIO, [LANE], 60_000) == [(2, 3)]
    assert await book.queue.ahead(PORTFOLIO, [LANE], 59_999) == [(1, 3)]
