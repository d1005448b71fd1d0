"""The tests are tested: every mutant of the scripts is told from the original by at least one story."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from importlib.resources.abc import Traversable

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tests.mutants.book import Book
from tests.mutants.mutants import MUTANTS, Mutant
from tests.mutants.scenarios import SCENARIOS, Scenario
from tidegate.store import scripts
from tidegate.store.scripts import StoreClient


@pytest.fixture
async def patient(valkey_socket: str) -> AsyncIterator[StoreClient]:
    """A client of the real server that a busy machine does not upset."""
    async with Redis(unix_socket_path=valkey_socket, socket_timeout=30) as client:
        yield client


@contextmanager
def mutated(mutant: Mutant) -> Iterator[None]:
    """The scripts as the mutant has them; no file is touched."""
    read = scripts._read

    def read_mutated(folder: Traversable, name: str, prefix: str = "") -> str:
        text = read(folder, name, prefix)
        return text.replace(mutant.old, mutant.new) if prefix + name == mutant.script else text

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripts, "_read", read_mutated)
        scripts.script.cache_clear()
        try:
            yield
        finally:
            scripts.script.cache_clear()


async def tell(client: StoreClient, story: Scenario) -> bool:
    """Whether the story goes as it should."""
    await client.flushall()
    book = Book(client)
    await book.at(0)
    try:
        await story(book)
    except AssertionError:
        return False
    return True


async def killers(client: StoreClient) -> str:
    """The first story that does not go as it should; empty when all do."""
    for story in SCENARIOS:
        if not await tell(client, story):
            return story.__name__.replace("_", " ")
    return ""


def test_a_mutant_is_the_original_but_for_one_text() -> None:
    for mutant in MUTANTS:
        prefix, name = ("_", mutant.script[1:]) if mutant.script.startswith("_") else ("", mutant.script)
        text = scripts._read(scripts._LUA, name, prefix)
        assert text.count(mutant.old) == 1, f"{mutant.name}: occurs {text.count(mutant.old)} times"
        assert mutant.old != mutant.new


async def test_the_original_passes_every_story(patient: StoreClient) -> None:
    assert await killers(patient) == ""


async def test_every_mutant_is_killed(patient: StoreClient) -> None:
    killed_by = {}
    for mutant in MUTANTS:
        with mutated(mutant):
            try:
                killed_by[mutant.name] = await killers(patient)
            except ResponseError as error:
                pytest.fail(f"{mutant.name}: this is no mutant, it does not run: {error}")

    width = max(map(len, killed_by))
    for name, story in killed_by.items():
        print(f"{name:<{width}}  {story or '*** survives ***'}")
    print(f"mutants killed: {sum(map(bool, killed_by.values()))}/{len(killed_by)}")
    assert [name for name, story in killed_by.items() if not story] == []
