"""The send queue on both stores: what it keeps, how it is sealed, what it tells of itself."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from tests.factories import DAY_MS, NUMBER, PORTFOLIO, make_seal, user
from tests.mutants.book import BEGIN_MS, LANE, Book
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.lifecycle import State
from tidegate.store import message_record, send_queue
from tidegate.store.scripts import StoreClient, script
from tidegate.store.sealing import BrokenSeal
from tidegate.store.send_queue import Lane, LaneState, SendQueue

URGENT = Lane(NUMBER, Category.AUTHENTICATION)
OTHER = Lane("2", Category.MARKETING)
SECRET = b'{"to":"15550783881"}'


@pytest.fixture
async def book(store_client: StoreClient) -> Book:
    book = Book(store_client)
    await book.at(0)
    return book


@pytest.mark.parametrize("lane", [LANE, URGENT, OTHER], ids=str)
def test_a_lane_is_read_as_it_is_written(lane: Lane) -> None:
    assert Lane.read(str(lane)) == lane


async def test_a_claim_opens_what_was_queued(book: Book) -> None:
    await book.enqueue("m1", user(0), body=SECRET, about=b'{"app":"checkout"}', expires_at_ms=60_000)

    [claimed] = (await book.claim()).messages

    assert await book.queue.open(claimed, "checkout") == SECRET
    assert (claimed.about, claimed.expires_at_ms) == (b'{"app":"checkout"}', BEGIN_MS + 60_000)
    assert (claimed.lane, claimed.attempt) == (LANE, 1)


async def test_a_look_claims_nothing_and_finds_what_is_queued_alone(book: Book) -> None:
    await book.enqueue("m1", user(0), body=SECRET, about=b'{"app":"checkout"}', expires_at_ms=60_000)
    await book.admit("m2", user(1))

    seen = await book.queue.peek(PORTFOLIO, "m1")

    assert seen is not None
    assert await book.queue.open(seen, "checkout") == SECRET
    assert (seen.lane, seen.about, seen.expires_at_ms) == (LANE, b'{"app":"checkout"}', BEGIN_MS + 60_000)
    assert (await book.state("m1"), seen.attempt) == ("queued", 0)
    # Of one that goes, that has gone, and that nobody knows.
    assert await book.queue.peek(PORTFOLIO, "m2") is None
    await book.settle("m2", "accepted")
    assert await book.queue.peek(PORTFOLIO, "m2") is None
    assert await book.queue.peek(PORTFOLIO, "m3") is None


async def test_what_is_queued_can_be_read_by_nobody_without_the_key(book: Book, store_client: StoreClient) -> None:
    await book.enqueue("m1", user(0), body=SECRET)
    await book.enqueue("m2", user(1), body=SECRET)
    stored = await store_client.hgetall(book.keys.message("m1"))
    assert SECRET not in b"".join(stored.values())
    assert b"15550783881" not in b"".join(stored.values())

    one, other = (await book.claim()).messages

    with pytest.raises(BrokenSeal):
        await SendQueue(store_client, [PORTFOLIO], make_seal(b"x" * 32)).open(one, "")
    with pytest.raises(BrokenSeal):
        await book.queue.open(replace(one, sealed=other.sealed), "")
    with pytest.raises(BrokenSeal):
        await book.queue.open(one, "checkout")


@pytest.mark.parametrize("ends", ["cancelled", "accepted", "delivered", "expired"])
async def test_a_body_is_forgotten_once_it_can_not_be_sent_any_more(
    book: Book, store_client: StoreClient, ends: str
) -> None:
    await book.enqueue("m1", user(0), body=SECRET, expires_at_ms=1_000)
    match ends:
        case "cancelled":
            await book.queue.end(PORTFOLIO, "m1", "cancelled", "a test")
        case "expired":
            await book.at(1_000)
            await book.reaped()
        case _:
            await book.claimed()
            await book.admit("m1", user(0))
            await (book.settle("m1", "accepted") if ends == "accepted" else book.status("m1", "delivered", 0))

    assert await book.state("m1") == ends
    assert b"body" not in await message_record.read(store_client, book.keys.message("m1"))


async def test_lanes_are_served_in_the_order_in_which_they_are_named(book: Book) -> None:
    await book.enqueue("m1", user(0))
    await book.enqueue("m2", user(1), lane=URGENT)
    await book.enqueue("m3", user(2), lane=OTHER)

    claim = await book.claim(10, -1, URGENT, LANE)

    assert [one.message_id for one in claim.messages] == ["m2", "m1"]
    assert await book.state("m3") == "queued"


async def test_the_urgent_may_fill_places_that_others_may_not(book: Book) -> None:
    await book.admit("m0", user(0))
    await book.enqueue("m1", user(1), needs_place=True)
    await book.enqueue("m2", user(2), needs_place=True, lane=URGENT)

    claim = await book.queue.claim(PORTFOLIO, {URGENT: (10, 2), LANE: (10, 1)})

    assert [one.message_id for one in claim.messages] == ["m2"]


async def test_a_claim_is_shared_by_nobody_however_many_ask_at_once(book: Book) -> None:
    for n in range(20):
        await book.enqueue(f"m{n}", user(n))

    claims = await asyncio.gather(*(book.claimed(most=3) for _ in range(10)))

    claimed = [one for claim in claims for one in claim]
    assert len(claimed) == len(set(claimed)) == 20


@pytest.mark.parametrize("at_once", [1, 7, 200])
async def test_what_is_held_is_roused_some_at_a_time_until_none_is_left(
    book: Book, store_client: StoreClient, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send_queue, "_ROUSED_AT_ONCE", at_once)
    lanes, held, others = [LANE, OTHER], set(), set()
    for n in range(2 * at_once + 40):
        stays = n % 3 == 0 or n % 8 in (1, 3)
        (others if stays else held).add(f"m{n}")
        reason = "budget" if stays else "paused_by_operator"
        await book.enqueue(f"m{n}", user(n), lane=lanes[n % 2], due_at_ms=60_000 + n // 10, reason=reason)
    args: list[str | bytes | int] = [at_once, " paused_by_operator messaging_limit ", "", *map(str, lanes)]

    roused, _, _ = await script("rouse")(store_client, book.keys.all, args)

    assert roused <= at_once
    assert roused + await book.queue.rouse(PORTFOLIO, lanes, ["paused_by_operator", "messaging_limit"]) == len(held)
    assert {one.message_id for one in (await book.claim(1_000, -1, *lanes)).messages} == held
    await book.at(61_000)
    assert {one.message_id for one in (await book.claim(1_000, -1, *lanes)).messages} == others


async def test_what_is_held_behind_one_that_moves_is_roused_too(book: Book, store_client: StoreClient) -> None:
    await book.enqueue("stays", user(0), due_at_ms=10, reason="budget")
    for n in range(3):
        await book.enqueue(f"m{n}", user(n + 1), due_at_ms=60_000 + n, reason="paused_by_operator")
    args: list[str | bytes | int] = [1, " paused_by_operator ", "", str(LANE)]
    _, _, stays = await script("rouse")(store_client, book.keys.all, args)
    await book.at(10)
    [(message_id, attempt)] = await book.claimed()
    await book.enqueue(message_id, user(0), attempt=attempt, due_at_ms=90_000, reason="budget")

    roused = done = 0
    while not done:
        args[2] = stays
        more, done, stays = await script("rouse")(store_client, book.keys.all, args)
        roused += more

    assert roused == 3


async def test_what_an_older_standing_holds_is_due_at_once(book: Book, store_client: StoreClient) -> None:
    await store_client.hset(book.keys.ledger, "epoch", 7)
    await book.enqueue("m6", user(0), due_at_ms=60_000, epoch=6)
    await book.enqueue("m7", user(1), due_at_ms=60_000, epoch=7)
    await book.enqueue("scheduled", user(2), due_at_ms=60_000)
    await book.enqueue("given-back", user(3))
    [given_back] = [one for one in (await book.claim()).messages if one.message_id != "m6"]
    again = {"attempt": given_back.attempt, "due_at_ms": 60_000, "epoch": 6}
    await book.enqueue("given-back", user(3), **again)

    assert [one.message_id for one in (await book.claim()).messages] == ["given-back"]
    await book.at(60_000)
    assert {one.message_id for one in (await book.claim()).messages} == {"m7", "scheduled"}


async def test_a_lane_tells_what_waits_in_it(book: Book) -> None:
    await book.enqueue("m1", user(0), due_at_ms=5_000, reason="quiet_hours", until_ms=BEGIN_MS + 5_000)
    await book.at(1_000)
    await book.enqueue("m2", user(1), needs_place=True, reason="messaging_limit")

    busy, idle = await book.queue.lanes(PORTFOLIO, [LANE, OTHER])

    assert busy == LaneState(LANE, 1, 1, BEGIN_MS, BEGIN_MS + 5_000, "messaging_limit", None)
    assert idle == LaneState(OTHER, 0, 0, None, None, None, None)


async def test_a_message_tells_its_history(book: Book) -> None:
    await book.enqueue("m1", user(0), cause="all places are taken", reason="messaging_limit", until_ms=BEGIN_MS + 9)
    waiting = await book.messages.find(PORTFOLIO, "m1")
    await book.at(9)
    await book.claimed()
    await book.admit("m1", user(0))
    await book.at(12)
    await book.settle("m1", "accepted")
    seal = make_seal()
    named = {"wamid": seal.wamid_index("wamid.m1"), "sealed": seal.close_wamid("m1", "wamid.m1")}
    await book.status("m1", "sent", 12, **named)

    message = await book.messages.find(PORTFOLIO, "m1")

    assert waiting is not None
    assert (waiting.state, waiting.reason, waiting.until_ms) == (State.QUEUED, "messaging_limit", BEGIN_MS + 9)
    assert message is not None
    assert (message.state, message.attempt, message.wamid, message.reason) == (State.SENT, 1, "wamid.m1", None)
    assert [(event.at_ms - BEGIN_MS, event.state, event.cause) for event in message.history] == [
        (0, "queued", "all places are taken"),
        (9, "sending", ""),
        (12, "accepted", "a test"),
        (12, "sent", "a test"),
    ]
    assert await book.messages.id_of_wamid(PORTFOLIO, "wamid.m1") == "m1"
    assert await book.messages.id_of_wamid(PORTFOLIO, "wamid.m2") is None
    assert await book.messages.find(PORTFOLIO, "m2") is None


@pytest.mark.parametrize(
    ("window", "says", "days"),
    [
        pytest.param(False, (), 31 + 8, id="as long as it may be delivered, and a week beyond"),
        pytest.param(True, (), 31 + 8, id="inside a window too: it may be delivered when that has closed"),
        pytest.param(False, ("sent",), 31 + 8, id="sent is not delivered"),
        pytest.param(False, ("sent", "delivered"), 8, id="a week from its delivery"),
        pytest.param(False, ("failed",), 8, id="a week from its failure"),
    ],
)
async def test_how_long_a_message_is_known(
    book: Book, store_client: StoreClient, window: bool, says: tuple[str, ...], days: int
) -> None:
    if window:
        await book.writes(user(0), at_ms=0)
    await book.admit("m1", user(0), hold_ms=31 * DAY_MS)
    for word in says:
        await book.status("m1", word, 0)

    left_ms = await store_client.pttl(book.keys.message("m1"))

    assert days * DAY_MS - 60_000 < left_ms <= days * DAY_MS


async def test_what_ended_is_remembered_for_as_long_as_webhooks_may_repeat(
    book: Book, store_client: StoreClient
) -> None:
    await book.admit("m1", user(0))
    index = make_seal().wamid_index("wamid.m1")
    await book.status("m1", "read", 0, wamid=index, sealed=f"{index}|sealed")
    await book.enqueue("m2", user(1), expires_at_ms=1_000)

    for id_ in ("m1", "m2"):
        left_ms = await store_client.pttl(book.keys.message(id_))
        assert 7 * DAY_MS < left_ms < 9 * DAY_MS
    assert 7 * DAY_MS < await store_client.pttl(book.keys.wamid(index)) < 9 * DAY_MS
