"""Data keys: one a day and span, shared by all nodes, wrapped by the payload key, put back, exchanged, destroyed."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from structlog.testing import capture_logs

from tests.factories import DAY_MS, NOW_MS
from tidegate.errors import StoreUnavailable
from tidegate.store.data_keys import SPANS, DataKeys
from tidegate.store.keys import DATA_KEYS
from tidegate.store.scripts import StoreClient
from tidegate.store.sealing import RECORD_MS, BrokenSeal, Seal

NOWHERE = Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
OLD, NEW = b"o" * 32, b"n" * 32


class Node:
    """One node's keys, at a time of its own."""

    def __init__(self, client: StoreClient, key: bytes = OLD, *previous: bytes, at_ms: int = NOW_MS) -> None:
        self.at_ms = at_ms
        self.keys = DataKeys(client, key, previous, lambda: self.at_ms)
        self.seal = Seal(b"names" * 8, self.keys)

    async def closed(self, lasting_ms: int = 3 * DAY_MS) -> bytes:
        await self.seal.ready()
        return self.seal.close("m1", b"body", self.at_ms + lasting_ms)

    async def opens(self, sealed: bytes) -> bool:
        try:
            return await self.seal.open("m1", sealed) == b"body"
        except BrokenSeal:
            return False


async def test_what_one_node_closes_another_one_opens(store_client: StoreClient) -> None:
    one, other = Node(store_client), Node(store_client)
    assert await other.opens(await one.closed())
    assert await one.opens(await other.closed())
    assert await store_client.hlen(DATA_KEYS) == len(SPANS), "the second one took the first one's keys"


async def test_nodes_that_begin_a_day_together_open_each_others(store_client: StoreClient) -> None:
    nodes = [Node(store_client) for _ in range(3)]
    closed = await asyncio.gather(*(node.closed() for node in nodes))
    for node in nodes:
        assert all([await node.opens(sealed) for sealed in closed])


async def test_what_another_node_closed_is_opened_all_together_at_once(store_client: StoreClient) -> None:
    late, early = Node(store_client), Node(store_client, at_ms=NOW_MS + DAY_MS)
    await late.closed()
    closed = [await early.closed() for _ in range(5)]
    late.at_ms += DAY_MS
    assert await asyncio.gather(*(late.opens(sealed) for sealed in closed)) == [True] * 5


async def test_a_key_that_is_gone_keeps_no_other_from_being_found(store_client: StoreClient) -> None:
    late, early = Node(store_client), Node(store_client, at_ms=NOW_MS + DAY_MS)
    await late.closed()
    late.at_ms += DAY_MS
    assert not await late.opens(bytes(60))
    assert await late.opens(await early.closed())


async def test_a_store_that_does_not_answer_makes_nothing_unreadable() -> None:
    node = Node(NOWHERE)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await node.opens(bytes(60))


async def test_nothing_that_is_stored_opens_anything_without_the_payload_key(store_client: StoreClient) -> None:
    sealed = await Node(store_client).closed()
    with capture_logs() as told:
        assert not await Node(store_client, NEW).opens(sealed)
    assert [line["event"] for line in told] == ["data_key_unreadable"] * len(SPANS)


async def test_a_key_is_destroyed_when_what_it_closed_is_no_longer_wanted(store_client: StoreClient) -> None:
    node = Node(store_client)
    sealed = await node.closed()
    first = set(await store_client.hkeys(DATA_KEYS))
    node.at_ms += 4 * DAY_MS
    assert await node.opens(sealed)
    await node.keys.look()
    assert first <= set(await store_client.hkeys(DATA_KEYS))

    node.at_ms += DAY_MS
    await node.keys.look()

    left = first & set(await store_client.hkeys(DATA_KEYS))
    assert len(left) == len(SPANS) - 1, "that of the shortest span is gone"
    assert not await node.opens(sealed)
    assert not await Node(store_client, at_ms=NOW_MS).opens(sealed), "whatever the time of whoever asks"


@pytest.mark.parametrize(
    ("lasting_ms", "span"),
    [
        pytest.param(0, 4, id="a moment"),
        pytest.param(4 * DAY_MS, 4, id="the longest wait by default and a day"),
        pytest.param(6 * DAY_MS, 45, id="longer than that"),
        pytest.param(40 * DAY_MS, 45, id="the record of a message"),
        pytest.param(69 * DAY_MS, 400, id="the record of one that may wait for 30 days"),
    ],
)
async def test_it_is_closed_for_the_shortest_span_that_lasts(client: StoreClient, lasting_ms: int, span: int) -> None:
    sealed = await Node(client).closed(lasting_ms)
    assert int.from_bytes(sealed[:2], "big") == span


async def test_nothing_is_closed_for_longer_than_a_key_lasts(client: StoreClient) -> None:
    with pytest.raises(StoreUnavailable):
        await Node(client).closed(500 * DAY_MS)


async def test_each_day_has_keys_of_its_own_and_those_before_open_on(client: StoreClient) -> None:
    node = Node(client)
    first = await node.closed()
    node.at_ms += DAY_MS
    second = await node.closed()
    assert first[:8] != second[:8]
    assert await node.opens(first)


async def test_another_payload_key_opens_what_is_stored_and_wraps_it_anew(store_client: StoreClient) -> None:
    sealed = await Node(store_client, OLD).closed()

    # First every node can read what the new key wraps, then it wraps, then the old one is dropped.
    both = Node(store_client, OLD, NEW)
    await both.keys.look()
    turned = Node(store_client, NEW, OLD)
    later = await turned.closed()
    assert await turned.opens(sealed)
    both.at_ms += 2_000
    assert await both.opens(later)

    only = Node(store_client, NEW)
    assert await only.opens(sealed)
    assert await only.opens(later)
    assert not await Node(store_client, OLD).opens(sealed), "the old one opens nothing any more"


async def test_what_the_store_has_lost_is_put_back(client: StoreClient) -> None:
    node = Node(client)
    sealed = await node.closed()
    await client.flushall()
    await node.keys.look()
    assert await Node(client).opens(sealed)


async def test_without_the_store_the_keys_of_the_day_before_go_on(client: StoreClient) -> None:
    node = Node(client)
    await node.closed()
    node.keys._client = NOWHERE
    node.at_ms += DAY_MS
    assert await node.opens(await node.closed(2 * DAY_MS))
    fresh = Node(client)
    fresh.keys._client = NOWHERE
    with pytest.raises(StoreUnavailable):
        await fresh.closed()


async def test_metas_id_of_a_message_is_readable_for_as_long_as_its_record_is_kept(client: StoreClient) -> None:
    day_ms = NOW_MS // DAY_MS * DAY_MS
    for at_ms in (day_ms, day_ms + DAY_MS - 1):
        node = Node(client, at_ms=at_ms)
        await node.seal.ready()
        stored = node.seal.close_wamid("m1", "wamid.1")
        node.at_ms += RECORD_MS
        assert await node.seal.open_wamid("m1", stored) == "wamid.1"
        node.at_ms += 7 * DAY_MS
        assert await node.seal.open_wamid("m1", stored) is None, "nor longer than the next span that lasts"


async def test_no_key_is_shown(client: StoreClient) -> None:
    node = Node(client)
    await node.closed()
    key = node.keys.todays[0]
    assert repr(key) == f"DataKey({key.key_id.hex()})"
