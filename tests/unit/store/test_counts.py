"""What happened counts once, in its own time, however often and however late it is told."""

from __future__ import annotations

import pytest

from tests.factories import DAY_MS, NOW_MS, PORTFOLIO
from tidegate.store.counts import Count, Counts
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient

HOUR_MS = 3_600_000
KEYS = PortfolioKeys(PORTFOLIO)


class Tally:
    """A count at a clock that stands where it is put."""

    def __init__(self, client: StoreClient) -> None:
        self.client = client
        self.counts = Counts(client, [PORTFOLIO])

    async def tell(
        self, happened_ms: int, told_ms: int | None = None, *, of: str = "ann", row: bool = False, resets: bool = False
    ) -> int:
        """Count something, told then (else at once), in an hour or in a row; what it stands at. Times from NOW_MS."""
        await self.client.set(KEYS.clock, f"@{NOW_MS + (happened_ms if told_ms is None else told_ms)}")
        window_ms = None if row or resets else HOUR_MS
        return await self.counts.count(Count(PORTFOLIO, "rule/x", window_ms, of, NOW_MS + happened_ms, resets))


@pytest.fixture
def tally(store_client: StoreClient) -> Tally:
    return Tally(store_client)


async def test_within_a_span_each_counts_once(tally: Tally) -> None:
    assert await tally.tell(0) == 1
    assert await tally.tell(0, 1_000) == 1
    assert await tally.tell(0, 1_000, of="bob") == 2
    assert await tally.tell(2_000) == 3


async def test_what_is_told_again_after_its_span_counts_nothing(tally: Tally) -> None:
    await tally.tell(0)

    assert await tally.tell(0, 7 * DAY_MS) == 0
    assert await tally.tell(7 * DAY_MS) == 1


async def test_what_was_told_late_counts_while_its_span_lasts(tally: Tally) -> None:
    assert await tally.tell(0, HOUR_MS - 1) == 1
    assert await tally.tell(1_000, HOUR_MS + 1_000) == 1, "the second one is out of the hour; the first is still kept"


async def test_in_a_row_each_counts_once_until_it_begins_anew(tally: Tally) -> None:
    assert await tally.tell(0, row=True) == 1
    assert await tally.tell(DAY_MS, row=True) == 2
    assert await tally.tell(2 * DAY_MS, resets=True) == 0
    assert await tally.tell(3 * DAY_MS, row=True) == 1


async def test_what_was_before_the_new_beginning_counts_no_more_when_it_is_told_again(tally: Tally) -> None:
    await tally.tell(0, row=True)
    await tally.tell(DAY_MS, resets=True)

    assert await tally.tell(0, 7 * DAY_MS, row=True) == 0


async def test_a_beginning_that_is_told_again_takes_nothing_that_came_after_it(tally: Tally) -> None:
    await tally.tell(0, row=True)
    await tally.tell(DAY_MS, resets=True)
    await tally.tell(2 * DAY_MS, row=True)

    assert await tally.tell(DAY_MS, 3 * DAY_MS, resets=True) == 1
    assert await tally.tell(4 * DAY_MS, row=True) == 2


async def test_where_nothing_happened_nothing_is_kept(tally: Tally) -> None:
    await tally.tell(0, resets=True)

    assert await tally.client.keys("*count:*") == []


async def test_a_time_ahead_of_ours_begins_nothing_anew_beyond_now(tally: Tally) -> None:
    await tally.tell(0, row=True)
    await tally.tell(30 * DAY_MS, 1_000, resets=True)

    assert await tally.tell(2_000, row=True) == 1
