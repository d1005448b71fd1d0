"""What goes wrong in a run, and when: drawn by the seed from a profile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, NamedTuple

from tests.deterministic.memory_store import NO_TROUBLE, StoreTrouble
from tests.deterministic.meta import ADDRESS as META_ADDRESS
from tests.deterministic.meta import USUAL, Temper
from tests.deterministic.world import Member, World
from tests.oracle.events import Amnesia
from tidegate.store.scripts import script
from tidegate.store.send_queue import LEASE_MS

_CLAIM_HEAD: Final = 3
#: A fault that waits for its moment gives up after this.
_PATIENCE_S: Final = 30.0


class Fault(NamedTuple):
    """One fault: when it begins (s), its kind, the node that it concerns, how long it lasts."""

    at_s: float
    kind: str
    member: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Which faults a run may meet, each with the longest that it lasts (s); how many; and what goes wrong all along."""

    longest_s: dict[str, float]
    least: int = 0
    most: int = 0
    trouble: StoreTrouble = NO_TROUBLE
    temper: Temper = USUAL
    #: All nodes are gone for more than a day, and then there is a second wave.
    day_between: bool = False
    #: How many replicas have to hold a promise; whether each node keeps a journal on its disk.
    replicas_ack: int = 0
    journal: bool = False
    #: The invariants that this deployment does not promise, by the oracle's names.
    unpromised: frozenset[str] = frozenset()


_PROCESSES: Final = {"kill": 4.0, "stop": 12.0}
_STORE: Final = {"outage": 4.0, "hang": 2.0, "cut": 2.0}
_NETWORK: Final = {"refuse": 3.0}
_MUCH_QUEUED: Final = Temper(throttles=0.3)
#: Without replicas that acknowledge, a failover forgets the last of what was acknowledged: what waited in the queue, a
#: request's key, a stop, a status. That a message was sent, and to whom, the nodes know.
_LAST_WORDS: Final = frozenset({"L1", "S5", "S6", "S7", "S12"})
#: What nodes had sent that have died since, nobody counts: nothing goes that counts until that is over.
_ALL_WORDS: Final = _LAST_WORDS | {"S10"}
_LOSSES: Final = StoreTrouble(request_lost=0.005, reply_lost=0.01, slow=0.005)

PROFILES: Final = {
    "calm": Profile({}),
    "kills": Profile({"kill": 4.0}, 2, 5),
    "stops": Profile({"stop": 12.0}, 2, 5),
    "store": Profile(_STORE, 2, 5, _LOSSES),
    "faults": Profile(_PROCESSES | _STORE | _NETWORK, 3, 8, _LOSSES),
    # A node claims what is queued, sleeps until its claim has lapsed, and goes on.
    "zombies": Profile({"zombie": 10.0}, 2, 3, temper=_MUCH_QUEUED),
    # A node dies while Meta has its POST.
    "cut short": Profile({"midpost": 4.0}, 3, 6, temper=_MUCH_QUEUED),
    # And Meta never says what became of it.
    "cut short, no word": Profile({"midpost": 4.0}, 3, 6, temper=replace(_MUCH_QUEUED, webhook_lost=0.95)),
    "day": Profile(_PROCESSES | _STORE | _NETWORK, 2, 6, _LOSSES, day_between=True),
    # The replica takes over without what it had not got yet, in each deployment that promises something about that.
    "failover": Profile({"failover": 1.5, "kill": 4.0}, 1, 3, _LOSSES, replicas_ack=1),
    "failover, journal": Profile({"failover": 1.5, "kill": 4.0}, 1, 3, _LOSSES, journal=True, unpromised=_LAST_WORDS),
    "empty, journal": Profile({"empty": 1.5, "kill": 4.0}, 1, 3, _LOSSES, journal=True, unpromised=_ALL_WORDS),
    "failover, forgetful": Profile({"failover": 1.5}, 1, 2, _LOSSES, unpromised=_LAST_WORDS),
    # Nobody who has died knows any more what it sent: nothing goes outside windows then.
    "empty, forgetful": Profile({"empty": 1.5, "kill": 4.0}, 1, 3, _LOSSES, unpromised=_ALL_WORDS),
}
#: What a short run draws from.
PROMISED: Final = (
    "calm", "kills", "stops", "store", "faults", "zombies", "cut short", "cut short, no word", "day",
    "failover", "failover, journal", "failover, forgetful", "empty, journal", "empty, forgetful",
)  # fmt: skip


def draw(profile: Profile, seed: int, members: int, within_s: float) -> list[Fault]:
    """The faults of a seed, in the order of time."""
    random = Random(f"faults {seed}")
    kinds = sorted(profile.longest_s)
    found = []
    for _ in range(random.randint(profile.least, profile.most) if kinds else 0):
        kind = random.choice(kinds)
        for_s = random.uniform(0.05, profile.longest_s[kind])
        found.append(Fault(random.uniform(0.2, within_s), kind, random.randrange(members), for_s))
    return sorted(found)


async def play(world: World, fault: Fault, began_s: float) -> None:
    """Have one fault happen, and pass."""
    await asyncio.sleep(max(0.0, began_s + fault.at_s - world.loop.time()))
    world.loop.note(f"fault {fault.kind}")
    await _PLAYS[fault.kind](world, world.members[fault.member], fault.for_s)


async def _kill(world: World, member: Member, for_s: float) -> None:
    process = member.process
    world.kill_member(member)
    await asyncio.sleep(for_s)
    if member.process == process:
        await world.start_member(member)


async def _stop(world: World, member: Member, for_s: float) -> None:
    process = member.process
    world.loop.stop_process(process)
    await asyncio.sleep(for_s)
    world.loop.continue_process(process)


async def _zombie(world: World, member: Member, for_s: float) -> None:
    """Stop a node some steps after it has claimed something, and let it go on when its claim has lapsed."""
    claim, process = script("claim").sha.encode(), member.process
    # The time until the answer is read, and the first steps of what was claimed.
    left = [world.random.randint(3, 16)]
    claimed, stopped = asyncio.Event(), asyncio.Event()

    def answered(asker: str, command: list[bytes], answer: Any) -> None:
        # The answer is the time, the epoch, the next look, and then what was claimed.
        is_claim = command[0].upper() == b"EVALSHA" and command[1] == claim
        if asker == process and is_claim and isinstance(answer, list) and len(answer) > _CLAIM_HEAD:
            claimed.set()

    def steps(stepper: str, _: int) -> None:
        if stepper == process and claimed.is_set() and not stopped.is_set():
            left[0] -= 1
            if left[0] == 0:
                world.loop.stop_process(process)
                stopped.set()

    with _watching(world.store.watchers, answered), _watching(world.loop.watchers, steps):
        if not await _comes(stopped):
            return
    await asyncio.sleep(LEASE_MS / 1000 + for_s)
    world.loop.continue_process(process)


async def _midpost(world: World, member: Member, for_s: float) -> None:
    process, killed = member.process, asyncio.Event()

    def posted(poster: str) -> None:
        if poster == process and world.loop.is_alive(process):
            world.kill_member(member)
            killed.set()

    with _watching(world.meta.watchers, posted):
        if not await _comes(killed):
            return
    await asyncio.sleep(for_s)
    if member.process == process:
        await world.start_member(member)


@contextlib.contextmanager
def _watching(watchers: list[Any], watch: Callable[..., None]) -> Iterator[None]:
    watchers.append(watch)
    try:
        yield
    finally:
        watchers.remove(watch)


async def _comes(event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def _outage(world: World, _: Member, for_s: float) -> None:
    process = world.store.process
    if world.loop.is_alive(process):
        world.store.kill()
        await asyncio.sleep(for_s)
        if world.store.process == process:
            world.store.start()


async def _hang(world: World, _: Member, for_s: float) -> None:
    process = world.store.process
    world.loop.stop_process(process)
    await asyncio.sleep(for_s)
    world.loop.continue_process(process)


async def _cut(world: World, member: Member, for_s: float) -> None:
    node, store = member.process, world.store.process
    world.network.cut(node, store)
    await asyncio.sleep(for_s)
    world.network.mend(node, store)


async def _refuse(world: World, _: Member, for_s: float) -> None:
    world.network.refuse(META_ADDRESS, True)
    await asyncio.sleep(for_s)
    world.network.refuse(META_ADDRESS, False)


async def _failover(world: World, _: Member, for_s: float) -> None:
    world.store.replica_linked = False
    await asyncio.sleep(for_s)
    _come_back(world, empty=False)


async def _empty(world: World, _: Member, for_s: float) -> None:
    await asyncio.sleep(for_s)
    _come_back(world, empty=True)


def _come_back(world: World, *, empty: bool) -> None:
    world.store.fail_over(empty=empty)
    world.store.replica_linked = True
    if world.store.lost:
        # When the nodes have counted again is for them to know: what was sent meanwhile is judged by the limit.
        world.events.append(Amnesia(world.now_ms(), world.now_ms()))


_PLAYS: Final[dict[str, Callable[[World, Member, float], Coroutine[Any, Any, None]]]] = {
    "kill": _kill,
    "stop": _stop,
    "zombie": _zombie,
    "midpost": _midpost,
    "outage": _outage,
    "hang": _hang,
    "cut": _cut,
    "refuse": _refuse,
    "failover": _failover,
    "empty": _empty,
}
