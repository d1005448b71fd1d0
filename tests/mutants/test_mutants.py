"""The tests are tested: every mutant of the scripts is told from the original by at least one story."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tests.mutants.book import Book
from tests.mutants.mutants import MUTANTS, Mutant
from tests.mutants.scenarios import SCENARIOS, Scenario
from tidegate.store import scripts
from tidegate.store.scripts import StoreClient


@pytest_asyncio.fixture(scope="module", loop_scope="module")
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
    except (AssertionError, ValueError):
        # A record that can't be read is no good end either.
        return False
    return True


@dataclass(frozen=True, slots=True)
class Telling:
    """How a story went with the scripts as they are, and which of them it ran."""

    went_well: bool
    ran: frozenset[str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(patient: StoreClient) -> Mapping[Scenario, Telling]:
    """Every story, told with the original."""
    ran: set[str] = set()
    run, begin = scripts.Script.__call__, scripts.Script.begin

    async def noted(one: scripts.Script, *call: Any) -> Any:
        ran.add(one.name)
        return await run(one, *call)

    def noted_too(one: scripts.Script, *call: Any) -> bool:
        ran.add(one.name)
        return begin(one, *call)

    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scripts.Script, "__call__", noted)
        patch.setattr(scripts.Script, "begin", noted_too)
        for story in SCENARIOS:
            ran.clear()
            found[story] = Telling(await tell(patient, story), frozenset(ran))
    return found


@pytest.fixture(scope="module")
def stories(told: Mapping[Scenario, Telling]) -> list[Scenario]:
    """Those that killed lately come first: mutants of one place stand together, and die of the same."""
    return list(told)


def texts() -> dict[str, str]:
    """Every script as it would be sent now, by name."""
    return {name: scripts.script(name).text for name in scripts.script_names()}


@pytest.fixture(scope="module")
def original() -> Mapping[str, str]:
    """The scripts as they are."""
    return texts()


async def killer(client: StoreClient, stories: Iterable[Scenario]) -> Scenario | None:
    """The first story that does not go as it should; None when all do."""
    for story in stories:
        if not await tell(client, story):
            return story
    return None


def test_a_mutant_is_the_original_but_for_one_text() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    for mutant in MUTANTS:
        prefix, name = ("_", mutant.script[1:]) if mutant.script.startswith("_") else ("", mutant.script)
        text = scripts._read(scripts._LUA, name, prefix)
        assert text.count(mutant.old) == 1, f"{mutant.name}: occurs {text.count(mutant.old)} times"
        assert mutant.old != mutant.new


@pytest.mark.asyncio(loop_scope="module")
async def test_the_original_passes_every_story(told: Mapping[Scenario, Telling]) -> None:
    assert [story.__name__ for story, telling in told.items() if not telling.went_well] == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("mutant", [pytest.param(mutant, id=mutant.name) for mutant in MUTANTS])
async def test_every_mutant_is_killed(
    mutant: Mutant,
    patient: StoreClient,
    original: Mapping[str, str],
    told: Mapping[Scenario, Telling],
    stories: list[Scenario],
) -> None:
    with mutated(mutant):
        changed = {name for name, text in texts().items() if text != original[name]}
        # A story that runs none of the changed scripts goes as it does with the original.
        concerned = [story for story in stories if told[story].ran & changed]
        try:
            killed = await killer(patient, concerned)
        except ResponseError as error:
            pytest.fail(f"this is no mutant, it does not run: {error}")
    assert killed is not None, "it survives"
    stories.remove(killed)
    stories.insert(0, killed)
    print(f"\n{mutant.name}: {killed.__name__.replace('_', ' ')}")
