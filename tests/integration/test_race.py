"""Four processes race for the last places: as many get one as there are, every time."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing.connection import Connection

from redis.asyncio import Redis

from tests.factories import make_ask, make_ledger, make_terms
from tidegate.store.ledger import Ledger

PROCESSES = 4
TASKS = 64
ROUNDS = 50
PLACES = 1_000
#: Each process asks for so many users, and shares some of them with the next one.
DEMAND, SHARED = 350, 50
#: Everybody together asks for more than there is.
USERS = PROCESSES * (DEMAND - SHARED)

assert USERS > PLACES


def portfolio(round_: int) -> str:
    return f"race-{round_}"


def recipient(round_: int, number: int) -> bytes:
    return hashlib.blake2b(f"{round_} {number % USERS}".encode(), digest_size=16).digest()


def racer(name: int, socket_path: str, pipe: Connection) -> None:
    """One process: for every round that it is told, how many new places it got, and whose they are."""
    asyncio.run(_racer(name, socket_path, pipe))


async def _racer(name: int, socket_path: str, pipe: Connection) -> None:
    async with Redis(unix_socket_path=socket_path, socket_timeout=30) as client:
        ledger = make_ledger(client, *map(portfolio, range(ROUNDS)))
        await client.ping()
        pipe.send("ready")
        while (round_ := pipe.recv()) is not None:
            pipe.send(await _race(ledger, name, round_))


async def _race(ledger: Ledger, name: int, round_: int) -> tuple[int, set[bytes]]:
    turns, new, holders = count(), 0, set()

    async def task() -> None:
        nonlocal new
        while (turn := next(turns)) < DEMAND:
            who = recipient(round_, name * (DEMAND - SHARED) + turn)
            ask = make_ask(
                f"r{round_}-{name}-{turn}", who, portfolio=portfolio(round_), terms=make_terms(places=PLACES)
            )
            facts = await ledger.admit(ask)
            if facts.taken:
                new += not facts.counted
                holders.add(who)

    await asyncio.gather(*(task() for _ in range(TASKS)))
    return new, holders


@contextmanager
def racers(socket_path: str) -> Iterator[list[Connection]]:
    """The processes, ready to go; they end with the block."""
    spawn = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    try:
        for name in range(PROCESSES):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=racer, args=(name, socket_path, theirs), daemon=True)
            process.start()
            theirs.close()
            pipes.append(ours)
            processes.append(process)
        for pipe in pipes:
            assert pipe.recv() == "ready"
        yield pipes
        for pipe in pipes:
            pipe.send(None)
    finally:
        for process in processes:
            process.join(10)
            if process.is_alive():
                process.kill()


async def test_exactly_as_many_get_a_place_as_there_are(valkey_socket: str) -> None:
    async with Redis(unix_socket_path=valkey_socket, socket_timeout=30) as client:
        await client.flushall()
        ledger = make_ledger(client, *map(portfolio, range(ROUNDS)))
        with racers(valkey_socket) as pipes:
            for round_ in range(ROUNDS):
                for pipe in pipes:
                    pipe.send(round_)
                results = [pipe.recv() for pipe in pipes]

                assert sum(new for new, _ in results) == PLACES
                assert len(set().union(*(holders for _, holders in results))) == PLACES
                books = await ledger.books(portfolio(round_))
                assert books.used == sum(books.releases.values()) == PLACES
