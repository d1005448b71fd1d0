"""What comes free within the hour, on both stores, read no more often than needed."""

from __future__ import annotations

from tests.factories import PORTFOLIO
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, Book
from tidegate.store.releases_ahead import EVERY_MS, Ahead, ReleasesAhead
from tidegate.store.scripts import StoreClient

DAY_MS = 86_400_000
MINUTE_MS = 60_000


async def test_the_hour_ahead_is_told_and_read_again_after_half_a_minute(store_client: StoreClient) -> None:
    book = Book(store_client)
    ahead = ReleasesAhead(store_client, [PORTFOLIO])
    await book.at(0)
    for message_id, user, minutes in (("m1", ANN, 0), ("m2", BOB, 20), ("m3", CAT, 90)):
        await book.at(minutes * MINUTE_MS)
        await book.admit(message_id, user)
        await book.settle(message_id, "accepted")
    first_ms = -(-(BEGIN_MS + DAY_MS) // 1000) * 1000
    assert await ahead.look(PORTFOLIO, first_ms - 70 * MINUTE_MS) == Ahead(first_ms - 70 * MINUTE_MS, 0, None)
    now_ms = first_ms - 10 * MINUTE_MS
    found = Ahead(now_ms, 2, first_ms)
    assert await ahead.look(PORTFOLIO, now_ms) == found

    await book.status("m1", "failed", 91 * MINUTE_MS)
    assert await ahead.look(PORTFOLIO, now_ms + EVERY_MS - 1) == found
    later = await ahead.look(PORTFOLIO, now_ms + EVERY_MS)
    assert (later.places, later.first_at_ms) == (1, first_ms + 20 * MINUTE_MS)
