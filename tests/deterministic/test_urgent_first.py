"""A campaign drains at the number's full throughput, and a login code passes it by."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Final

import pytest

from tests.deterministic import loop as loops
from tests.deterministic.asking import send, started
from tests.deterministic.callers import APPS
from tests.deterministic.determinism import determined
from tests.deterministic.loop import DeterministicLoop, until
from tests.deterministic.machines import on_machines
from tests.deterministic.meta import FLAWLESS
from tests.deterministic.world import World, open_world
from tidegate.cloudapi.vocabulary import Category

THROUGHPUT: Final = 80
CAMPAIGN: Final = 600
CODE_EVERY_S: Final = 0.25
#: All of the campaign is queued by then.
DUE_IN_S: Final = 60


@dataclass(slots=True)
class Code:
    """A login code: when it was asked for (ms), what was said of it, and its message."""

    asked_ms: int
    verdict: str = ""
    message_id: str = ""


@dataclass(slots=True)
class Rush:
    """A campaign of which all came due at one moment, and the login codes beside it."""

    due_ms: int
    verdicts: Counter[str] = field(default_factory=Counter)
    codes: list[Code] = field(default_factory=list)
    #: When a message first left a node (ms).
    left_ms: dict[str, int] = field(default_factory=dict)
    posts: int = 0

    def campaign_ms(self) -> list[int]:
        """When the campaign's messages left, the first of them first."""
        codes = {code.message_id for code in self.codes}
        return sorted(at_ms for message_id, at_ms in self.left_ms.items() if message_id not in codes)


async def _rushed(loop: DeterministicLoop) -> Rush:
    world = open_world(loop, 1, nodes=2, limit=2 * CAMPAIGN, users=CAMPAIGN, temper=FLAWLESS)
    world.throughput = THROUGHPUT
    with determined(loop, 1, world.store.now_s), on_machines(world, 0, journal=False):
        world.store.start()
        world.store.has_replica = False
        for member in world.members:
            await world.start_member(member)
        return await loop.spawn(APPS, _rush(world))


async def _rush(world: World) -> Rush:
    seen = Rush(world.now_ms() + DUE_IN_S * 1000)
    due = datetime.fromtimestamp(seen.due_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def order(n: int) -> None:
        member = world.members[n % 2]
        queued = await send(member, f"+1650555{n:04}", "offer_spring", Category.MARKETING, Tidegate_Not_Before=due)
        seen.verdicts[queued.headers["tidegate-verdict"]] += 1

    async def log_in(n: int) -> None:
        seen.codes.append(code := Code(world.now_ms()))
        told = await send(world.members[n % 2], f"+1650556{n:04}", "code_login", Category.AUTHENTICATION)
        code.verdict, code.message_id = told.headers["tidegate-verdict"], told.headers["tidegate-id"]

    async def log_in_now_and_then() -> None:
        async with asyncio.TaskGroup() as logins:
            for n in count():
                if len(started(world)) >= CAMPAIGN + len(seen.codes):
                    return
                logins.create_task(log_in(n))
                await asyncio.sleep(CODE_EVERY_S)

    for begin in range(0, CAMPAIGN, 20):
        await asyncio.gather(*(order(n) for n in range(begin, begin + 20)))
    assert world.now_ms() < seen.due_ms - 1_000
    await until(lambda: world.now_ms() >= seen.due_ms - 1_000, 0.1)
    assert not started(world), "nothing goes before it is due"
    await log_in_now_and_then()
    for post in started(world):
        seen.left_ms.setdefault(post.message_id, post.at_ms)
        seen.posts += 1
    return seen


@pytest.fixture(scope="module")
def rush() -> Rush:
    """What became of them on two nodes."""
    return loops.run(1, _rushed)


def test_a_campaign_drains_at_full_throughput(rush: Rush) -> None:
    assert rush.verdicts == {"queue": CAMPAIGN}
    left_ms = rush.campaign_ms()
    assert len(left_ms) == CAMPAIGN
    assert left_ms[0] >= rush.due_ms
    beside = sum(left_ms[0] < rush.left_ms[code.message_id] <= left_ms[-1] for code in rush.codes)
    drained = (CAMPAIGN + beside) / (THROUGHPUT * (left_ms[-1] - left_ms[0]) / 1_000)
    print(f"{drained:.1%} of {THROUGHPUT} a second, {beside} codes beside it")
    assert drained >= 0.99


def test_no_more_go_in_a_second_than_the_number_takes(rush: Rush) -> None:
    left_ms = sorted(rush.left_ms.values())
    assert len(left_ms) == rush.posts, "each went once"
    most = max(sum(since_ms <= at_ms < since_ms + 1_000 for at_ms in left_ms) for since_ms in left_ms)
    assert most <= THROUGHPUT * 1.05


def test_no_login_code_waits_for_the_campaign(rush: Rush) -> None:
    assert {code.verdict for code in rush.codes} == {"send"}
    during = [code for code in rush.codes if rush.due_ms <= code.asked_ms <= rush.campaign_ms()[-1]]
    assert len(during) >= 20
    slowest_ms = max(rush.left_ms[code.message_id] - code.asked_ms for code in during)
    print(f"slowest {slowest_ms} ms of {len(during)}")
    assert slowest_ms <= 100
