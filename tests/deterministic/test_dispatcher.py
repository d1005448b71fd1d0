"""The rhythm in which a queue is drained: how many go in at once, and how soon more is claimed."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Final

import orjson
import pytest

from tests.deterministic import loop as loops
from tests.deterministic.callers import APPS, KEY
from tests.deterministic.determinism import determined
from tests.deterministic.http_calls import call
from tests.deterministic.loop import DeterministicLoop, until
from tests.deterministic.machines import on_machines
from tests.deterministic.meta import NUMBER, Temper
from tests.deterministic.world import World, open_world
from tests.oracle.events import PostStarted
from tidegate.dispatcher import _AGAIN_LATER_S, _AGAIN_S
from tidegate.hands import MOST_INSIDE, MOST_ON_THE_WAY
from tidegate.store.scripts import script

QUEUED: Final = 2 * MOST_ON_THE_WAY + MOST_INSIDE
_NOTHING_GOES_WRONG: Final = Temper(**{share.name: 0.0 for share in fields(Temper)})
_HEADERS: Final = {
    "Authorization": f"Bearer {KEY}",
    "Content-Type": "application/json",
    "Tidegate-Category": "marketing",
}


@dataclass(slots=True)
class Drained:
    """What the store saw of a node that drained its queue: when (ms), and how many messages."""

    claims: list[tuple[float, int]] = field(default_factory=list)
    asks: list[tuple[float, int]] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)


async def _drained(loop: DeterministicLoop) -> Drained:
    world = open_world(loop, 1, nodes=1, limit=2 * QUEUED, users=QUEUED, temper=_NOTHING_GOES_WRONG)
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
    made = await _call(world, "POST", "/gateway/v1/pauses", stop)
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
    await _call(world, "DELETE", f"/gateway/v1/pauses/{made['id']}", None)
    await until(lambda: len(_started(world)) >= before + QUEUED, 0.01)
    seen.sent = _started(world)[before:]
    return seen


async def _told_of(world: World, number: int) -> str:
    named = {"name": "offer_spring", "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": f"+1650555{number:04}", "type": "template", "template": named}
    told = await _call(world, "POST", f"/v25.0/{NUMBER}/messages", body)
    return str(told["messages"][0]["id"])


async def _call(world: World, method: str, path: str, body: Any) -> Any:
    got = await call(world.members[0].address, method, path, _HEADERS, orjson.dumps(body) if body else b"")
    assert got.status < 300, got.body
    return got.json


def _started(world: World) -> list[str]:
    return [event.message_id for event in world.events if isinstance(event, PostStarted)]


@pytest.fixture(scope="module")
def drained() -> Drained:
    """What a node did whose number takes all of `QUEUED` at once, and whose stop was lifted."""
    return loops.run(1, _drained)


def test_what_is_claimed_goes_in_by_halves_of_what_may_be_inside(drained: Drained) -> None:
    (_, claimed), *_ = drained.claims
    assert claimed == MOST_ON_THE_WAY, "there is much more than may go in at once"
    assert [messages for _, messages in drained.asks[:2]] == [MOST_INSIDE // 2] * 2


def test_more_is_claimed_as_soon_as_there_is_much_room_though_there_was_little_after_the_claim_before(
    drained: Drained,
) -> None:
    # The second is woken by what the lifted stop has changed.
    _, (before_ms, filled), (then_ms, more), *_ = drained.claims
    assert filled > MOST_ON_THE_WAY * 3 // 4
    assert more
    assert _AGAIN_S * 1000 <= then_ms - before_ms < 2 * _AGAIN_S * 1000 < _AGAIN_LATER_S * 1000


def test_what_was_queued_goes_once(drained: Drained) -> None:
    assert len(drained.sent) == len(set(drained.sent)) == QUEUED
    assert sum(messages for _, messages in drained.asks) == QUEUED, "nobody came too late, and asked again"
