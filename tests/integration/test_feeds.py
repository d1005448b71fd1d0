"""The store's side of the live feed: batches and changes read from where a reader was, and who watches."""

from __future__ import annotations

from tidegate.policy.standing import Change, Standing
from tidegate.store.feeds import WATCHED_FOR_MS, EntryId, Feeds, Since
from tidegate.store.keys import PortfolioKeys
from tidegate.store.scripts import StoreClient
from tidegate.store.standings import Standings

P = "lucky-shrub"


async def test_batches_and_changes_are_read_in_their_order_and_once(store_client: StoreClient) -> None:
    feeds = Feeds(store_client, [P])
    standings = Standings(store_client, [Standing(P, 0, 250, "config")])
    await feeds.tell(P, b"long ago")
    since = await feeds.end(P)

    await feeds.tell(P, b"first")
    await standings.change(P, [Change("limit", "", {"limit": 2000}, "webhook", 5, "Meta says so")])
    await feeds.tell(P, b"last")
    told, after = await feeds.read(P, since)

    assert [one.batch for one in told if one.change is None] == [b"first", b"last"]
    assert [one.change.after for one in told if one.change is not None] == [2000]
    assert [one.entry for one in told] == sorted(one.entry for one in told)
    assert await feeds.read(P, after) == ([], after)


async def test_nothing_told_is_the_beginning(store_client: StoreClient) -> None:
    feeds = Feeds(store_client, [P])

    assert await feeds.end(P) == Since()
    assert await feeds.read(P, Since()) == ([], Since())


async def test_a_time_before_the_oldest_batch_is_not_reached(store_client: StoreClient) -> None:
    feeds = Feeds(store_client, [P])
    await feeds.tell(P, b"batch")
    entry = (await feeds.end(P)).feed

    assert await feeds.reaches_back_to(P, entry)
    assert not await feeds.reaches_back_to(P, EntryId(entry.ms - 1, 0))


async def test_what_nobody_reads_any_more_goes_by_itself_and_is_bounded_until_then(store_client: StoreClient) -> None:
    feeds = Feeds(store_client, [P])
    for i in range(400):
        await feeds.tell(P, str(i).encode())

    assert 0 < await store_client.pttl(PortfolioKeys(P).feed) <= 60_000
    assert await store_client.xlen(PortfolioKeys(P).feed) < 360


async def test_who_watches_is_known_until_it_is_not_renewed(store_client: StoreClient) -> None:
    feeds = Feeds(store_client, [P, "other"])
    assert await feeds.watched(1_000) == frozenset()

    await feeds.watch([P], 1_000)

    assert await feeds.watched(1_000 + WATCHED_FOR_MS - 1) == {P}
    assert await feeds.watched(1_000 + WATCHED_FOR_MS) == frozenset()
