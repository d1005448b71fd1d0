"""What runs out of time all at once is ended in many short calls of the store, on both stores."""

from __future__ import annotations

import asyncio
import hashlib
from itertools import chain
from typing import Any

import pytest

from loadtest import deployment
from tests.factories import PORTFOLIO, make_ask, make_ledger, make_terms
from tests.mutants.book import HOUR_MS, Book
from tests.waiting import until
from tidegate.app import build
from tidegate.simulator.server import run_simulator
from tidegate.store.asks import OUTCOME_MS
from tidegate.store.embedded import socket_url
from tidegate.store.ledger import UNRESOLVED_MS
from tidegate.store.scripts import StoreClient
from tidegate.store.send_queue import LEASE_MS

MANY = 120
#: Messages of a kind, and places, that one call ends at most.
MESSAGES, PLACES = 50, 500


def a_user(number: int) -> bytes:
    return hashlib.blake2b(str(number).encode(), digest_size=16).digest()


@pytest.fixture
async def book(store_client: StoreClient) -> Book:
    book = Book(store_client)
    await book.at(0)
    return book


async def reaped(book: Book) -> list[list[tuple[str, str]]]:
    """What each call ended, until there was no more."""
    calls: list[list[tuple[str, str]]] = []
    for _ in range(20):
        reaping = await book.queue.reap(PORTFOLIO)
        calls.append([(one.became, one.message_id) for one in reaping.messages])
        if not reaping.is_more:
            return calls
    raise AssertionError("no end of it")


async def admitted(book: Book, sends: int, **terms: Any) -> None:
    for n in range(sends):
        await book.admit(f"m{n}", a_user(n), **terms)


async def queued(book: Book, **changes: Any) -> None:
    for n in range(MANY):
        await book.enqueue(f"m{n}", a_user(n), **changes)


@pytest.mark.parametrize(
    "became",
    [
        pytest.param("unknown", id="sends whose outcome never came, of one moment"),
        pytest.param("unresolved", id="sends that no status tells of"),
        pytest.param("expired", id="deadlines in the queue"),
        pytest.param("requeued", id="claims of a node that died"),
    ],
)
async def test_no_call_ends_more_than_it_may_and_all_are_ended_once(book: Book, became: str) -> None:
    if became in ("unknown", "unresolved"):
        await admitted(book, MANY)
        await book.at(OUTCOME_MS)
        if became == "unresolved":
            await reaped(book)
            await book.at(OUTCOME_MS + UNRESOLVED_MS)
    else:
        await queued(book, expires_at_ms=HOUR_MS)
        await book.at(HOUR_MS)
    if became == "requeued":
        await book.at(0)
        assert len(await book.claimed(MANY)) == MANY
        await book.at(LEASE_MS)

    calls = await reaped(book)

    assert max(map(len, calls)) <= MESSAGES
    assert sorted(chain.from_iterable(calls)) == sorted((became, f"m{n}") for n in range(MANY))
    assert await reaped(book) == [[]]


async def test_places_that_come_free_together_are_freed_some_at_a_time(book: Book) -> None:
    sends = PLACES + 100
    await asyncio.gather(*(book.admit(f"m{n}", a_user(n), hold_ms=HOUR_MS) for n in range(sends)))
    await book.at(HOUR_MS)

    reaping = await book.queue.reap(PORTFOLIO)

    left = int(await book.client.hget(book.keys.ledger, "used") or 0)
    assert (reaping.is_more, 0 < left <= 100) == (True, True)
    assert await book.used() == 0


async def test_what_has_ended_is_freed_even_where_the_count_of_places_is_wrong(book: Book) -> None:
    await admitted(book, 3, hold_ms=HOUR_MS)
    await book.client.hset(book.keys.ledger, "used", -5)
    await book.at(HOUR_MS)

    calls = await reaped(book)

    assert len(calls) <= 2
    assert not [key async for key in book.client.scan_iter(match="*:places:*")]


async def test_a_node_goes_on_where_one_call_was_not_enough(client: StoreClient, valkey_socket: str) -> None:
    sends = 40 * MESSAGES
    simulator = await run_simulator(config=deployment.Deployment().platform)
    node = await build(deployment.Deployment().settings(socket_url(valkey_socket), simulator.url))
    await node.start()
    try:
        # Another node died in the middle of these.
        portfolio, ledger, epoch = deployment.PORTFOLIO, make_ledger(client, deployment.PORTFOLIO), 0

        async def begins(message_id: str) -> None:
            nonlocal epoch
            while True:
                terms = make_terms(epoch=epoch)
                facts = await ledger.admit(make_ask(message_id, a_user(0), portfolio=portfolio, terms=terms))
                if facts.taken:
                    return
                epoch = facts.epoch

        await asyncio.gather(*(begins(f"m{n}") for n in range(sends)))
        ended: set[str] = set()
        node.services.dispatcher.on_end = lambda _, message_id, became, about: ended.add(f"{message_id} {became}")
        steerable = node.services.steerable
        assert steerable is not None
        await steerable.advance(OUTCOME_MS + 1_000)

        # By a call a second it would take twice as long as is waited here.
        async def all_are_ended() -> bool:
            return ended == {f"m{n} unknown" for n in range(sends)}

        await until(all_are_ended)
    finally:
        await node.stop()
        await simulator.stop()
