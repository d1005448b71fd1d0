"""The rhythm in which a queue is drained: how many go in at once, and how soon more is claimed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.deterministic import loop as loops
from tests.deterministic.asking import ask, id_of, send, started
from tests.deterministic.callers import APPS
from tests.deterministic.determinism import determined
from tests.deterministic.loop import DeterministicLoop, until
from tests.deterministic.machines import on_machines
from tests.deterministic.meta import FLAWLESS
from tests.deterministic.world import World, open_world
from tidegate.cloudapi.vocabulary import Category
from tidegate.dispatcher import _AGAIN_LATER_S, _AGAIN_S
from tidegate.hands import MOST_INSIDE, MOST_ON_THE_WAY
from tidegate.store.scripts import script

QUEUED: Final = 2 * MOST_ON_THE_WAY + MOST_INSIDE


@dataclass(slots=True)
class Drained:
    """What the store saw of a node that drained its queue: when (ms), and how many messages."""

    claims: list[tuple[float, int]] = field(default_factory=list)
    asks: list[tuple[float, int]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)


async def _drained(loop: DeterministicLoop) -> Drained:
    world = open_world(loop, 1, nodes=1, limit=2 * QUEUED, users=QUEUED, temper=FLAWLESS)
    world.throughput = 100_000
    with determined(loop, 1, world.store.now_s), on_machines(world, 0, journal=False):
        world.store.start()
        world.store.has_replica = False
        [member] = world.members
        await world.start_member(member)
        return await loop.spawn(APPS, _drain(world))


async def _drain(world: World) -> Drained:
    # From then on the store knows `admit`: nobody is asked for again because it does not.
    await _told_of(world, QUEUED)
    stop = {"scope": {"category": "marketing"}, "reason": "a test"}
    made = (await ask(world.members[0], "POST", "/gateway/v1/pauses", stop)).json
    ids = {(await _told_of(world, n)).encode() for n in range(QUEUED)}
    seen, before = Drained(), len(_started(world))
    claim, admit = (script(name).sha.encode() for name in ("claim", "admit"))

    def watch(_: str, command: list[bytes], answer: Any) -> None:
        at_ms = world.loop.time() * 1000
        if claim in command and len(answer) > 3:
            seen.claims.append((at_ms, (len(answer) - 3) // 6))
        elif admit in command:
            seen.asks.append((at_ms, len(ids.intersection(command))))

    world.store.watchers.append(watch)
    await ask(world.members[0], "DELETE", f"/gateway/v1/pauses/{made['id']}")
    await until(lambda: len(_started(world)) >= before + QUEUED, 0.01)
    seen.sent = _started(world)[before:]
    return seen


async def _told_of(world: World, number: int) -> str:
    return id_of(await send(world.members[0], f"+1650555{number:04}", "offer_spring", Category.MARKETING))


def _started(world: World) -> list[str]:
    return [event.message_id for event in started(world)]


@pytest.fixture(scope="module")
def drained() -> Drained:
    """What a node did whose number takes all of `QUEUED` at once, and whose stop was lifted."""
    return loops.run(1, _drained)


def test_what_is_claimed_goes_in_by_halves_of_what_may_be_inside(drained: Drained) -> None:
    (_, claimed), *_ = drained.claims
    assert claimed == MOST_ON_THE_WAY, "there is much more than may go in at once"
    assert [messages for _, messages in drained.asks[:4]] == [MOST_INSIDE // 4] * 4, "24 in a call"


def test_more_is_claimed_as_soon_as_there_is_much_room_though_there_was_little_after_the_claim_before(
    drained: Drained,
) -> None:
    # The second is woken by what the lifted stop has changed.
    _, (before_ms, filled), (then_ms, more), *_ = drained.claims
    assert filled > MOST_ON_THE_WAY // 2
    assert more
    assert _AGAIN_S * 1000 <= then_ms - before_ms < 2 * _AGAIN_S * 1000 < _AGAIN_LATER_S * 1000


def test_what_was_queued_goes_once(drained: Drained) -> None:
    assert len(drained.sent) == len(set(drained.sent)) == QUEUED
    assert sum(messages for _, messages in drained.asks) == QUEUED, "nobody came too late, and asked again"
