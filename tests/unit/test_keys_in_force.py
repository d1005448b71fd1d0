"""Whose a key is, on the node that was told and on those that were not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.factories import PORTFOLIO
from tests.waiting import until
from tidegate.clock import StoreClock
from tidegate.errors import StoreUnavailable
from tidegate.keys_in_force import LEASE_MS, KeysInForce
from tidegate.policy.standing import Standing
from tidegate.settings.app_keys import environment_of, hash_key
from tidegate.settings.tables import App
from tidegate.store.key_records import key_id
from tidegate.store.key_uses import KeyUses
from tidegate.store.scripts import StoreClient
from tidegate.store.standings import Standings

FILE, OTHERS = hash_key("tg_file"), hash_key("tg_others")
CHECKOUT = App(name="checkout", key_sha256=(FILE,))
APPS = (CHECKOUT, App(name="others", key_sha256=(OTHERS,)))


class Time:
    """A clock's monotonic time, moved by hand."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def a_node(
    client: StoreClient, time: Time | None = None, portfolios: Sequence[str] = (PORTFOLIO, "wind-and-wool")
) -> KeysInForce:
    standings = Standings(client, [Standing(portfolio, 0, 2_000, "config") for portfolio in portfolios])
    return KeysInForce(APPS, standings, KeyUses(client, PORTFOLIO), StoreClock(time or Time()))


async def revoked(node: KeysInForce, key_hash: str) -> None:
    await node.refresh()
    known = node.key(key_id(key_hash))
    assert known is not None
    await node.revoke(known, "admin", "leaked")


async def test_a_key_that_was_made_is_taken_by_a_node_that_was_not_told(store_client: StoreClient) -> None:
    here, there = a_node(store_client), a_node(store_client)
    made = await here.make("checkout", "prod", "admin")
    assert made is not None
    key, record = made
    await there.refresh()
    assert here.find(hash_key(key)) == there.find(hash_key(key)) == CHECKOUT
    assert (environment_of(key), record.id, record.made_by) == ("prod", key_id(hash_key(key)), "admin")


@pytest.mark.parametrize("made", [False, True], ids=["a key of the file", "a key that was made"])
async def test_once_revoked_it_is_taken_by_no_node_whose_lease_has_ended(store_client: StoreClient, made: bool) -> None:
    time = Time()
    here, there = a_node(store_client), a_node(store_client, time)
    key_hash = FILE
    if made:
        fresh = await here.make("checkout", None, "admin")
        assert fresh is not None
        key_hash = fresh[1].key_sha256
    await there.refresh()
    assert there.find(key_hash) == CHECKOUT
    await revoked(here, key_hash)
    # Its time stands still: it has no reason to ask yet.
    await there.refresh()
    assert there.find(key_hash) == CHECKOUT
    time.now_s += 0.5
    await there.refresh()
    assert there.find(key_hash) is here.find(key_hash) is None
    assert there.find(OTHERS) is not None


async def test_a_key_that_the_file_gives_to_another_app_opens_that_one(store_client: StoreClient) -> None:
    node = a_node(store_client)
    before = node.find(FILE)
    checkout, others = (
        app.model_copy(update={"key_sha256": key}) for app, key in zip(APPS, [(), (FILE,)], strict=True)
    )

    node.configure([checkout, others])

    assert (before, node.find(FILE), node.find(OTHERS)) == (CHECKOUT, others, None)


async def test_whoever_revokes_waits_as_long_as_a_node_may_believe_what_it_knew(
    store_client: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    real = asyncio.sleep

    async def sleep(span_s: float) -> None:
        waited.append(span_s)
        await real(0)

    node = a_node(store_client)
    await node.refresh()
    known = node.key(key_id(FILE))
    assert known is not None
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await node.revoke(known, "admin", "leaked")
    assert waited == [0.5]


async def test_an_app_has_two_live_keys_and_no_third_until_one_is_revoked(store_client: StoreClient) -> None:
    node = a_node(store_client)
    assert await node.make("checkout", None, "admin") is not None
    assert await node.make("checkout", None, "admin") is None
    await revoked(node, FILE)
    assert await node.make("checkout", None, "admin") is not None
    assert [known.record.revoked_at_ms is None for known in node.keys_of("checkout")] == [False, True, True]


async def test_two_nodes_at_once_make_no_third_key(store_client: StoreClient) -> None:
    nodes = [a_node(store_client) for _ in range(4)]
    made = await asyncio.gather(*(node.make("checkout", None, "admin") for node in nodes))
    assert sum(one is not None for one in made) == 1


async def test_a_key_that_was_revoked_stays_so_in_a_store_with_a_new_first_portfolio(
    store_client: StoreClient,
) -> None:
    await revoked(a_node(store_client, portfolios=(PORTFOLIO,)), FILE)
    grown = a_node(store_client, portfolios=("a-new-one", PORTFOLIO))
    for portfolio in ("a-new-one", PORTFOLIO):
        await grown._standings.current(portfolio)
    assert grown.find(FILE) is None


async def test_a_revoked_key_is_listed_for_ninety_days_and_one_of_the_file_stays_revoked_for_good(
    store_client: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.keys_in_force.LEASE_MS", 0)
    time = Time()
    node = a_node(store_client, time)
    made = await node.make("checkout", None, "admin")
    assert made is not None
    await revoked(node, made[1].key_sha256)
    await revoked(node, FILE)

    async def listed_after(days: int) -> list[str]:
        """Of `checkout`, by a node that starts when so many days have passed and somebody has made a key."""
        time.now_s += days * 86_400
        assert await node.make("others", None, "admin") is not None
        others = node.keys_of("others")[-1]
        await node.revoke(others, "admin", "a test")
        fresh = a_node(store_client, time)
        for portfolio in (PORTFOLIO, "wind-and-wool"):
            await fresh._standings.current(portfolio)
        assert fresh.find(FILE) is fresh.find(made[1].key_sha256) is None
        return [known.record.id for known in fresh.keys_of("checkout")]

    assert await listed_after(89) == [key_id(FILE), made[1].id]
    assert await listed_after(2) == [key_id(FILE)]


async def test_a_revocation_that_came_half_the_way_holds_when_its_record_is_forgotten_half_the_way(
    store_client: StoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.keys_in_force.LEASE_MS", 0)
    time = Time()
    node = a_node(store_client, time)
    made = await node.make("checkout", None, "admin")
    assert made is not None
    await revoked(a_node(store_client, time, portfolios=(PORTFOLIO,)), made[1].key_sha256)
    time.now_s += 91 * 86_400
    forgotten: list[bytes] = []
    real = store_client.hdel

    async def hdel(name: bytes, *fields: str) -> int:
        if forgotten:
            raise RedisConnectionError
        forgotten.append(name)
        return int(await real(name, *fields))

    monkeypatch.setattr(store_client, "hdel", hdel)
    assert await node.make("others", None, "admin") is not None
    assert len(forgotten) == 1

    fresh = a_node(store_client, time)
    for portfolio in (PORTFOLIO, "wind-and-wool"):
        await fresh._standings.current(portfolio)
    assert fresh.find(made[1].key_sha256) is None


async def test_a_damaged_record_is_a_fault_and_never_a_key_that_is_good_again(store_client: StoreClient) -> None:
    node = a_node(store_client)
    await revoked(node, FILE)
    field = f"key:{key_id(FILE)}|key@operator"
    await store_client.hset(f"tidegate:{{{PORTFOLIO}}}:standing", field, "1 1 {}")
    await store_client.hincrby(f"tidegate:{{{PORTFOLIO}}}:ledger", "epoch", 1)
    with pytest.raises(StoreUnavailable):
        await node._standings.look(PORTFOLIO)
    assert node.find(FILE) is None


async def test_the_hour_of_a_keys_last_use_is_told(store_client: StoreClient) -> None:
    time = Time()
    node = a_node(store_client, time)

    async def is_noted(hour_ms: int) -> bool:
        return await node.last_used() == {key_id(FILE): hour_ms}

    node.find(FILE)
    await until(lambda: is_noted(0))
    time.now_s += 3_600
    node.find(hash_key("tg_nobodys"))
    node.find(FILE)
    await until(lambda: is_noted(3_600_000))


async def test_a_store_that_does_not_answer_is_waited_for_by_one_request_and_not_by_each() -> None:
    server, time = FakeServer(), Time()
    async with FakeAsyncRedis(server=server) as client:
        node = a_node(client, time)
        await node.refresh()
        time.now_s += LEASE_MS / 1000
        server.connected = False
        await node.refresh()
        failed = node._asking
        await node.refresh()
        assert node._asking is failed

        server.connected = True
        time.now_s += LEASE_MS / 1000
        await node.refresh()
        assert node._asking is not failed
