"""What may be kept for one app: a number of webhooks, and of bytes; the dead make room first, then what comes."""

from __future__ import annotations

import pytest

from tests.factories import DAY_MS, NOW_MS, PORTFOLIO, make_seal
from tidegate.store.keys import PortfolioKeys
from tidegate.store.relay_traces import RelayTraces
from tidegate.store.relays import DEAD_AFTER_MS, DEAD_KEPT_MS, Answer, Leased, Parcel, Relays, Room
from tidegate.store.scripts import StoreClient

KEYS = PortfolioKeys(PORTFOLIO)
SEAL = make_seal()
AMPLE = Room(1_000, 1_000_000)
#: What sealing adds to a body, and what an item takes beside it.
BESIDE = 8 + 12 + 16 + 800


def parcel(name: int, body: bytes = b"x" * 100, app: str = "shop") -> Parcel:
    return Parcel(app, name.to_bytes(12, "big"), f"{name:032x}", 1, "messages", body)


def made(client: StoreClient) -> Relays:
    return Relays(client, [PORTFOLIO], SEAL)


async def kept(client: StoreClient, relays: Relays, *names: int, room: Room = AMPLE) -> list[tuple[bool | None, int]]:
    return [tuple(taken) for taken in await relays.take(PORTFOLIO, [parcel(name) for name in names], room)]


async def claimed(relays: Relays) -> list[Leased]:
    return list((await relays.claim(PORTFOLIO, "shop", 100, 30_000)).parcels)


async def at(client: StoreClient, ms: int) -> None:
    await client.set(KEYS.clock, f"@{ms}")


async def dead(client: StoreClient, relays: Relays, *names: int) -> None:
    """Keep these, and have them die now."""
    for parcel_of in await claimed(relays):
        await relays.answer(Answer(PORTFOLIO, parcel_of, "later"))
    await kept(client, relays, *names)
    for one in await claimed(relays):
        if int.from_bytes(one.name, "big") in names:
            await relays.answer(Answer(PORTFOLIO, one, "dead", "a test"))


async def letters(relays: Relays) -> list[int]:
    return sorted(int(letter.name, 16) for letter in await relays.dead(PORTFOLIO, "shop", 100))


@pytest.mark.parametrize(
    "room",
    [pytest.param(Room(4, 1_000_000), id="of a number"), pytest.param(Room(100, 4 * (100 + BESIDE)), id="of bytes")],
)
async def test_the_oldest_dead_make_room_for_what_comes_and_then_it_is_left_out(
    store_client: StoreClient, room: Room
) -> None:
    relays = made(store_client)
    for ms, name in ((0, 1), (1_000, 2)):
        await at(store_client, NOW_MS + ms)
        await dead(store_client, relays, name)
    assert await kept(store_client, relays, 3, 4, room=room) == [(True, 0), (True, 0)]

    assert await kept(store_client, relays, 5, room=room) == [(True, 1)]
    assert await letters(relays) == [2]
    assert await kept(store_client, relays, 6, 7, 7, room=room) == [(True, 1), (None, 0), (None, 0)]

    backlog = await relays.backlog(PORTFOLIO, "shop")
    assert (backlog.waiting, backlog.dead, backlog.kept_bytes) == (4, 0, 4 * (100 + BESIDE))
    assert (backlog.dropped, backlog.left_out, backlog.left_out_at_ms) == (2, 2, NOW_MS + 1_000)
    # What was taken before is told so, however full it is, and what was left out is taken when there is room.
    assert await kept(store_client, relays, 6, room=room) == [(False, 0)]
    assert await kept(store_client, relays, 7, room=AMPLE) == [(True, 0)]


async def test_a_large_one_takes_the_room_of_many_dead(store_client: StoreClient) -> None:
    relays, room = made(store_client), Room(100, 10 * (100 + BESIDE))
    await at(store_client, NOW_MS)
    await dead(store_client, relays, *range(10))

    [taken] = await relays.take(PORTFOLIO, [parcel(99, b"x" * (5 * (100 + BESIDE) - BESIDE))], room)

    assert taken == (True, 5)


async def test_what_was_kept_before_bytes_were_noted_makes_no_room_as_it_goes(store_client: StoreClient) -> None:
    relays, room = made(store_client), Room(100, 2 * (100 + BESIDE))
    await at(store_client, NOW_MS)
    await kept(store_client, relays, *range(4))
    await store_client.hdel(KEYS.relay("app", "shop"), "bytes")
    for one in (await claimed(relays))[:3]:
        await relays.answer(Answer(PORTFOLIO, one, "delivered"))
    assert (await relays.backlog(PORTFOLIO, "shop")).kept_bytes == 0

    assert await kept(store_client, relays, 4, 5, 6, room=room) == [(True, 0), (True, 0), (None, 0)]


async def test_one_apps_room_is_no_other_apps(store_client: StoreClient) -> None:
    relays, room = made(store_client), Room(1, 1_000_000)
    await at(store_client, NOW_MS)

    taken = await relays.take(PORTFOLIO, [parcel(1), parcel(2, app="desk"), parcel(3)], room)

    assert [one.is_new for one in taken] == [True, True, None]


async def test_what_is_counted_is_what_is_kept_whatever_becomes_of_it(store_client: StoreClient) -> None:
    relays, traces = made(store_client), RelayTraces(store_client, [PORTFOLIO], SEAL)

    async def is_right() -> int:
        """Bytes counted, which are those of what is there."""
        sizes = [await store_client.hstrlen(key, "body") + 800 async for key in store_client.scan_iter("*relay:item:*")]
        counted = (await relays.backlog(PORTFOLIO, "shop")).kept_bytes
        assert counted == sum(sizes)
        return counted

    await at(store_client, NOW_MS)
    await relays.take(PORTFOLIO, [parcel(i, b"x" * 10 * i) for i in range(8)], AMPLE)
    first, second, third, *_ = await claimed(relays)
    await relays.answer(Answer(PORTFOLIO, first, "delivered"))
    await relays.answer(Answer(PORTFOLIO, first, "delivered"))
    await relays.answer(Answer(PORTFOLIO, second, "dead", "a test"))
    await relays.answer(Answer(PORTFOLIO, third, "failed", "a test", 1_000))
    before = await is_right()
    await traces.rewrite(PORTFOLIO, [("shop", second.name, b"longer than it was before"), ("shop", third.name, None)])
    await traces.rewrite(PORTFOLIO, [("shop", third.name, None)])
    assert 0 < await is_right() != before
    assert await relays.replay(PORTFOLIO, "shop", [], 10) == 1
    await is_right()

    await at(store_client, NOW_MS + DEAD_AFTER_MS)
    await claimed(relays)
    assert await is_right() > 0
    await at(store_client, NOW_MS + DEAD_AFTER_MS + DEAD_KEPT_MS)
    await kept(store_client, relays, 50)
    [last] = await claimed(relays)
    assert await is_right() == 100 + BESIDE
    await relays.answer(Answer(PORTFOLIO, last, "delivered"))
    assert await is_right() == 0


async def test_what_went_by_itself_takes_no_room_for_ever(store_client: StoreClient) -> None:
    relays = made(store_client)
    await at(store_client, NOW_MS)
    await kept(store_client, relays, 1)
    # As after weeks in which the app was not in the configuration.
    for pattern in ("*relay:item:*", "*relay:line:*", "*relay:order:*", "*relay:due:*"):
        await store_client.delete(*[key async for key in store_client.scan_iter(pattern)])
    await at(store_client, NOW_MS + 30 * DAY_MS)

    assert await kept(store_client, relays, 2, room=Room(1, 100 + BESIDE)) == [(True, 0)]
