"""One run of a seed: a world, its callers, its faults; then all is mended, all is asked, and the oracle judges."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.deterministic import loop as loops
from tests.deterministic.callers import APPS
from tests.deterministic.determinism import determined
from tests.deterministic.faults import PROFILES, Profile, draw, play
from tests.deterministic.loop import DeterministicLoop, until
from tests.deterministic.machines import on_machines
from tests.deterministic.memory_store import NO_TROUBLE
from tests.deterministic.world import PORTFOLIO, World, open_world
from tests.oracle import check_all
from tests.oracle.events import Accepted, History, LimitIs, PostStarted, Promised, Told, Violation
from tests.oracle.liveness import lost
from tidegate.cloudapi.vocabulary import Category

LIMIT: Final = 16
USERS: Final = 48
SENDS: Final = 45
WITHIN_S: Final = 15.0
#: Longer than a node waits for an outcome before it calls it unknown.
_OUTCOMES_S: Final = 64.0
_BREATH_S: Final = 3.0
_DAY_S: Final = 86_400.0
_LONGEST_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Weakening:
    """A change of the code under test, or none: `around` a run, and to the text of each script."""

    name: str = ""
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    edit: Callable[[bytes], bytes] = lambda text: text


AS_IT_IS: Final = Weakening()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run."""

    seed: int
    profile: str
    violations: tuple[Violation, ...]
    crashes: tuple[str, ...]
    digest: str
    taken: int
    over_limit: int
    duplicates: int
    lost: int
    unresolved: int
    told: Counter[str]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not self.violations and not self.crashes

    def __str__(self) -> str:
        wrong = [*map(str, self.violations), *self.crashes]
        return f"seed {self.seed} {self.profile}: " + ("; ".join(wrong[:6]) or "clean")


def run_seed(seed: int, profile: str, weakening: Weakening = AS_IT_IS) -> Result:
    """Run one seed under a profile of faults. The same seed gives the same run, step by step."""
    with weakening.around():
        return loops.run(seed, lambda loop: _run(loop, seed, profile, weakening))


def run_one(what: tuple[int, str]) -> Result:
    """Run a seed under a profile, given as one value."""
    return run_seed(*what)


async def _run(loop: DeterministicLoop, seed: int, name: str, weakening: Weakening) -> Result:
    profile, random = PROFILES[name], Random(f"run {seed}")
    nodes = random.choice((2, 2, 3))
    world = open_world(loop, seed, nodes=nodes, limit=LIMIT, users=USERS, temper=profile.temper, edit=weakening.edit)
    with determined(loop, seed, world.store.now_s), on_machines(world, profile.replicas_ack, journal=profile.journal):
        world.store.start()
        await asyncio.gather(*map(world.start_member, world.members))
        world.store.trouble = profile.trouble
        await _wave(world, seed, profile, random)
        if profile.day_between:
            for member in world.members:
                world.kill_member(member)
            await asyncio.sleep(_DAY_S)
            await asyncio.gather(*map(world.start_member, world.members))
            await _wave(world, seed + 1_000_000, profile, random)
        await settle(world)
        loop.note(repr(world.events))
        return judge(world, seed, name, profile.unpromised)


async def _wave(world: World, seed: int, profile: Profile, random: Random) -> None:
    began_s = world.loop.time()
    plays = [play(world, fault, began_s) for fault in draw(profile, seed, len(world.members), WITHIN_S)]
    events = [_limit_moves(world, random), _opt_outs(world, random), _pause(world, random)]
    playing = [world.loop.create_task(work) for work in plays]
    # A caller of a killed node may wait for a while, but none waits for ever.
    async with asyncio.timeout(_LONGEST_S):
        await asyncio.gather(
            *(world.loop.spawn(APPS, event) for event in events),
            world.loop.spawn(APPS, world.callers.send_some(SENDS, WITHIN_S)),
        )
        await asyncio.gather(*playing)


async def _limit_moves(world: World, random: Random) -> None:
    for _ in range(random.randint(0, 2)):
        await asyncio.sleep(random.uniform(1.0, WITHIN_S / 2))
        limit = random.randint(LIMIT // 2, LIMIT * 2)
        if limit > world.limit:
            world.events.append(LimitIs(world.now_ms(), limit))
        was, world.limit = world.limit, limit
        if await world.meta.limit(limit) and limit < was:
            world.events.append(LimitIs(world.now_ms(), limit))


async def _opt_outs(world: World, random: Random) -> None:
    for _ in range(random.randint(0, 4)):
        await asyncio.sleep(random.uniform(0.0, WITHIN_S / 3))
        await world.callers.opt_out(f"+1650555{1000 + random.randrange(USERS)}")


async def _pause(world: World, random: Random) -> None:
    if random.random() < 0.5:
        await asyncio.sleep(random.uniform(0.0, WITHIN_S / 2))
        await world.callers.pause(random.choice((Category.MARKETING, Category.UTILITY)), random.uniform(1.0, 6.0))


async def settle(world: World) -> None:
    """All is well again, and everything comes to its end; then the callers ask what became of it."""
    world.store.trouble = NO_TROUBLE
    await until(lambda: not world.meta.telling and not world.callers.under_way, 1.0)
    await asyncio.sleep(_BREATH_S)
    # Nobody has anything to do any more but to wait: one node can do that for all of them.
    idle = world.idle = frozenset(member.process for member in world.members[1:])
    for process in sorted(idle):
        world.loop.stop_process(process)
    last_ms = max((event.at_ms for event in world.events if isinstance(event, PostStarted)), default=0)
    await asyncio.sleep(max(5.0, (last_ms - world.now_ms()) / 1000 + _OUTCOMES_S))
    await until(lambda: not world.meta.telling, 1.0)
    world.idle = frozenset()
    for process in sorted(idle):
        world.loop.continue_process(process)
    await asyncio.sleep(_BREATH_S)
    ids = dict.fromkeys(event.message_id for event in world.events if isinstance(event, PostStarted | Promised))
    await world.loop.spawn(APPS, world.callers.ask_all(list(ids), PORTFOLIO, undisturbed=False))


def judge(world: World, seed: int, profile: str, unpromised: Collection[str] = ()) -> Result:
    """Have the oracle look at what was seen, but for what is not promised there."""
    events = sorted(world.events, key=lambda event: event.at_ms)
    history = History(events, LIMIT, world.now_ms(), throughput=80, burst=16)
    violations = tuple(found for found in check_all(history) if found.invariant not in unpromised)
    by_name = Counter(violation.invariant for violation in violations)
    told = Counter(answer.state for answer in history.of(Told))
    return Result(
        seed=seed,
        profile=profile,
        violations=violations,
        crashes=tuple(world.crashes),
        digest=world.loop.digest,
        taken=len(history.of(Accepted)),
        over_limit=by_name["S1"],
        duplicates=by_name["S2"] + by_name["S3"],
        lost=lost(history),
        unresolved=told["unknown"] + told["unresolved"],
        told=told,
    )
