"""The crash-point sweep: one short run, again and again, with a node killed at another step of its each time."""

from __future__ import annotations

import asyncio
import os
import pickle
import random
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.deterministic import loop as loops
from tests.deterministic.callers import APPS
from tests.deterministic.determinism import determined
from tests.deterministic.loop import DeterministicLoop
from tests.deterministic.meta import USUAL
from tests.deterministic.run import AS_IT_IS, LIMIT, USERS, Result, Weakening, judge, settle
from tests.deterministic.world import World, open_world
from tests.oracle.events import PostStarted, Promised
from tidegate.cloudapi.vocabulary import Category

SEED: Final = 20_261_121
MESSAGES: Final = 30
_WITHIN_S: Final = 3.0
_NAME: Final = "sweep"
_RESTART_AFTER_S: Final = 1.0


def steps(weakening: Weakening = AS_IT_IS) -> range:
    """The steps that the first node takes while the messages are on their way, counted in an undisturbed run."""
    bounds: list[int] = []
    with weakening.around():
        result = loops.run(SEED, lambda loop: _run(loop, lambda _: False, weakening, bounds))
    if not result.is_clean and not weakening.name:
        raise AssertionError(f"the run is wrong even when nobody is killed: {result}")
    return range(bounds[0] + 1, bounds[1] + 1)


def killed_at(step: int, weakening: Weakening = AS_IT_IS) -> Result:
    """The run in which the first node is killed just before a step of its, and started again a second later."""
    with weakening.around():
        return loops.run(SEED, lambda loop: _run(loop, step.__eq__, weakening, []))


def sweep(every: int, jobs: int) -> Iterator[tuple[int, Result]]:
    """Kill at every so manieth step; each step, and what came of it.

    One run for all of them: at each such step the process is copied, and the node is killed in the copy.
    """
    copies, own = set[int](), [0]

    def is_killed(step: int) -> bool:
        if step % every:
            return False
        while len(copies) >= jobs:
            _end_one(copies)
        loop, chance = asyncio.get_running_loop(), random.getstate()
        if copy := os.fork():
            copies.add(copy)
            return False
        # Python sows its chance anew in every copy of a process.
        random.setstate(chance)
        # It is another process's loop until it is told.
        asyncio._set_running_loop(loop)
        own[0] = step
        return True

    with TemporaryDirectory(prefix="tidegate-sweep-") as folder:
        if not (conductor := os.fork()):
            status = 1
            try:
                result = loops.run(SEED, lambda loop: _run(loop, is_killed, AS_IT_IS, []))
                Path(folder, str(own[0])).write_bytes(pickle.dumps(result))
                while copies and not own[0]:
                    _end_one(copies)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                # A copy must not go on to do what the first of them does when it ends.
                os._exit(status)
        _, status = os.waitpid(conductor, 0)
        if status:
            raise AssertionError("the run did not come to its end")
        for found in sorted(Path(folder).iterdir(), key=lambda path: int(path.name)):
            yield int(found.name), pickle.loads(found.read_bytes())


def _end_one(copies: set[int]) -> None:
    copy, status = os.wait()
    copies.discard(copy)
    if status:
        raise AssertionError("a copy of the run did not come to its end")


async def _run(
    loop: DeterministicLoop, is_killed: Callable[[int], bool], weakening: Weakening, bounds: list[int]
) -> Result:
    world = open_world(loop, SEED, nodes=2, limit=LIMIT, users=USERS, temper=USUAL, edit=weakening.edit)
    first = world.members[0]
    doomed, killed = "a#1", asyncio.Event()
    with determined(loop, SEED, world.store.now_s):
        world.store.start()
        await asyncio.gather(*map(world.start_member, world.members))
        bounds.append(loop.steps[doomed])

        def before(process: str, count: int) -> None:
            if process == doomed and not killed.is_set() and is_killed(count):
                world.kill_member(first)
                killed.set()

        loop.watchers.append(before)
        again = loop.create_task(_start_again(world, killed))
        await asyncio.gather(
            loop.spawn(APPS, world.callers.send_some(MESSAGES, _WITHIN_S)),
            loop.spawn(APPS, _have_some_wait(world)),
        )
        await asyncio.sleep(_RESTART_AFTER_S)
        bounds.append(loop.steps[doomed])
        loop.watchers.clear()
        if killed.is_set():
            await again
        else:
            again.cancel()
            assert _posts_from_the_queue(world, doomed), "the node that is killed has nothing of the queue in hand"
        await settle(world)
        return judge(world, SEED, _NAME)


async def _have_some_wait(world: World) -> None:
    """Notices wait for the end of a pause, then offers do, and again: they are sent out of the queue by either node."""
    for category in (Category.UTILITY, Category.MARKETING) * 2:
        await world.callers.pause(category, _WITHIN_S / 6)


def _posts_from_the_queue(world: World, process: str) -> int:
    queued = {told.message_id for told in world.events if isinstance(told, Promised) and told.verdict == "queue"}
    posts = [event for event in world.events if isinstance(event, PostStarted) and event.node == process]
    return sum(post.message_id in queued for post in posts)


async def _start_again(world: World, killed: asyncio.Event) -> None:
    await killed.wait()
    await asyncio.sleep(_RESTART_AFTER_S)
    await world.start_member(world.members[0])
