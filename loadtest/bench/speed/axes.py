"""The axes of the bench: which candidates each of them has, how they are loaded, and what it adds to what was found."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from redis.asyncio import Redis

from loadtest.bench.filling import fill
from loadtest.bench.speed import candidates as who
from loadtest.bench.speed.candidates import FORMS, Tidegate, installed
from loadtest.bench.speed.configs import Estate
from loadtest.bench.speed.found import Delivered, Found, Memory, Setting
from loadtest.bench.speed.intake import storm, taken_in
from loadtest.bench.speed.judged import judged as judged_sends
from loadtest.bench.speed.machine import rss_mib
from loadtest.bench.speed.queueing import queued
from loadtest.bench.speed.rounds import in_rounds
from loadtest.bench.speed.stage import Candidate, Stage, stage
from loadtest.bench.speed.traffic import Mix
from loadtest.bench.speed.window import Shape, Void, Window, measured

_WARMS_S: Final = 1.0
#: Texts alone go to each of them as often as a pair's pace allows, also where a node is fast and is warmed each round.
_IN_TOUCH_TO_WARM: Final = 8_000
#: Sends a second that go on while webhooks come as a storm.
_BESIDE_A_STORM: Final = 300.0
MANY: Final = Estate(portfolios=50, numbers_each=1)
ONE_PORTFOLIO, MANY_PORTFOLIOS = "1 portfolio", "50 portfolios"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured: rounds, the length of a window (s), and the sizes of what is made before."""

    rounds: int = 7
    seconds: float = 1.0
    connections: tuple[int, ...] = (1, 16, 64, 256)
    upstream_ms: tuple[int, ...] = (0, 100)
    #: Recipients that are counted before the first send.
    counted: tuple[int, ...] = (1_000, 100_000, 1_000_000)
    queued: int = 10_000
    #: Sends of which webhooks tell.
    told_of: int = 4_000
    #: Sends before the platform that judges them.
    judged: int = 4_000


QUICK: Final = Plan(rounds=3, seconds=0.5, connections=(1, 64), counted=(1_000, 1_000_000), queued=3_000, told_of=1_000)


async def _started(at: Stage, names: Iterable[str], found: Found) -> list[Candidate]:
    others, made = installed(), []
    for name in names:
        start = FORMS.get(name) or others[name]
        if start is not None:
            made.append(await start(at))
        elif name not in found.absent:
            found.absent.append(name)
    return made


def _measure(at: Stage, shape: Shape) -> Callable[[Candidate], Awaitable[Window]]:
    return lambda candidate: measured(at, candidate, shape)


async def send(plan: Plan, found: Found) -> None:
    """Callers without a break, by how many there are and how long the upstream takes."""
    all_of_them = (who.BARE, who.BARE_AGAIN, who.NGINX, who.HAPROXY, who.NAIVE, who.OFF, who.DEFAULT, who.ON)
    async with stage() as at:
        candidates = await _started(at, all_of_them, found)
        for connections in plan.connections:
            shape = Shape(connections, plan.seconds)
            rounds = await in_rounds(candidates, plan.rounds, _measure(at, shape))
            found.sends[Setting(connections)] = rounds
        slow = [candidate for candidate in candidates if candidate.name in {who.BARE, who.NAIVE, who.ON}]
        for upstream_ms in filter(None, plan.upstream_ms):
            shape = Shape(max(plan.connections), plan.seconds, upstream_ms=upstream_ms)
            rounds = await in_rounds(slow, plan.rounds, _measure(at, shape))
            found.sends[Setting(shape.connections, upstream_ms)] = rounds


async def latency(plan: Plan, found: Found) -> None:
    """Requests at half the rate that the bare proxy manages, whether or not answers come."""
    async with stage() as at:
        candidates = await _started(at, (who.BARE, who.NGINX, who.OFF, who.ON), found)
        bare = candidates[:1]
        most = (await in_rounds(bare, 3, _measure(at, Shape(64, plan.seconds)))).of(who.BARE, lambda w: w.per_second)
        rate = most.median / 2
        for upstream_ms in plan.upstream_ms:
            # As many connections as it takes that nobody waits for one.
            connections = max(64, int(rate * (upstream_ms / 1_000 + 0.05)))
            shape = Shape(connections, 2 * plan.seconds, rate=rate, upstream_ms=upstream_ms)
            rounds = await in_rounds(candidates, plan.rounds, _measure(at, shape))
            found.latency[Setting(connections, upstream_ms, rate)] = rounds


async def portfolios(plan: Plan, found: Found) -> None:
    """One portfolio with all numbers, against many with one each."""
    forms = (Tidegate(ONE_PORTFOLIO), Tidegate(MANY_PORTFOLIOS, estate=MANY))
    async with stage() as at:
        candidates = [await form(at) for form in forms]
        found.portfolios = await in_rounds(candidates, plan.rounds, _measure(at, Shape(64, plan.seconds)))


def counted_name(recipients: int) -> str:
    """How a node is called whose books hold so many at first."""
    return f"{recipients:,} counted"


async def recipients(plan: Plan, found: Found) -> None:
    """Books that hold few recipients when a window begins, and many."""

    def form(count: int) -> Tidegate:
        async def prepare(url: str) -> None:
            async with Redis.from_url(url, socket_timeout=60) as client:
                found.recipient_bytes[count] = await fill(client, Estate().portfolio(0), count)

        return Tidegate(counted_name(count), users_in_touch=_IN_TOUCH_TO_WARM, prepare=prepare)

    few = form(plan.counted[0])
    async with stage() as at:
        candidates = [await form(count)(at) for count in plan.counted]

        async def measure(candidate: Candidate) -> Window:
            if candidate.name == few.name:
                # A window adds thousands: few are few only at the begin of the first.
                await at.end(candidate)
                fresh = await few(at)
                candidate.__dict__.update(fresh.__dict__)
            # A node that has just started has everything to do for the first time; texts take no place.
            candidate.traffic.mix = Mix.TEXTS
            await measured(at, candidate, Shape(64, _WARMS_S))
            candidate.traffic.mix = Mix.ALL
            return await measured(at, candidate, Shape(64, plan.seconds))

        found.recipients = await in_rounds(candidates, plan.rounds, measure)


async def durable(plan: Plan, found: Found) -> None:
    """A store that forgets when it ends, against those whose promises survive."""
    async with stage() as at:
        candidates = await _started(at, (who.ON, *who.DURABLE), found)
        found.durable = await in_rounds(candidates, plan.rounds, _measure(at, Shape(64, plan.seconds)))


async def queue(plan: Plan, found: Found) -> None:
    """Sends that wait for the end of a pause."""
    estate = Estate()
    async with stage() as at:
        candidates = await _started(at, (who.ON,), found)
        found.queue = await in_rounds(
            candidates, plan.rounds, lambda one: queued(at, one, estate, plan.queued, plan.seconds)
        )


async def webhooks(plan: Plan, found: Found) -> None:
    """Signed statuses: few connections and many, one status in a delivery and many; and a storm, beside sends."""
    estate = Estate()
    async with stage() as at:
        candidates = await _started(at, (who.ON,), found)
        for at_once, connections in ((1, 64), (1, 512), (20, 64)):
            found.webhooks[Delivered(at_once, connections)] = await in_rounds(
                candidates,
                plan.rounds,
                lambda one, at_once=at_once, connections=connections: taken_in(  # type: ignore[misc]
                    at,
                    one,
                    estate,
                    at_once=at_once,
                    connections=connections,
                    seconds=plan.seconds,
                    most=plan.told_of,
                ),
            )
        found.storm = await in_rounds(
            candidates,
            plan.rounds,
            lambda one: storm(
                at, one, estate, connections=512, rate=_BESIDE_A_STORM, seconds=plan.seconds, most=plan.told_of
            ),
        )


async def memory(plan: Plan, found: Found) -> None:
    """What a process takes when it has started, and what sends leave behind in it and in its store."""
    async with stage() as at:
        for name in (who.BARE, who.NAIVE, who.OFF, who.ON):
            (candidate,) = await _started(at, (name,), found)
            idle_mib, store = rss_mib(candidate.pids), await _store_bytes(candidate)
            windows = [await measured(at, candidate, Shape(64, plan.seconds)) for _ in range(3)]
            sends = sum(window.answers["send"] for window in windows)
            after_mib = rss_mib(candidate.pids)
            found.memory.append(
                Memory(
                    name=name,
                    idle_mib=idle_mib,
                    after_mib=after_mib,
                    sends=sends,
                    node_bytes=(after_mib - idle_mib) * 2**20 / sends,
                    store_bytes=(await _store_bytes(candidate) - store) / sends,
                )
            )
            await at.end(candidate)


async def judged(plan: Plan, found: Found) -> None:
    """The same sends before the simulated platform, which says what they broke."""
    async with stage() as at:
        try:
            found.judged = await judged_sends(at, plan.judged)
        except (Void, TimeoutError) as fault:
            found.amiss.append(f"judged: {fault}")
            return
    if found.judged.broken:
        found.amiss.append(f"judged: the platform counted violations: {dict(found.judged.violations)}")


async def _store_bytes(candidate: Candidate) -> int:
    if not candidate.store_url:
        return 0
    async with Redis.from_url(candidate.store_url) as client:
        used: int = (await client.info("memory"))["used_memory"]
        return used


RUN: Final[dict[str, Callable[[Plan, Found], Awaitable[None]]]] = {
    "send": send,
    "latency": latency,
    "portfolios": portfolios,
    "recipients": recipients,
    "durable": durable,
    "queue": queue,
    "webhooks": webhooks,
    "memory": memory,
    "judged": judged,
}


def planned(quick: bool, rounds: int | None, seconds: float | None) -> Plan:
    """The plan of a run, or of a quick one, with other rounds and seconds where they are given."""
    plan = QUICK if quick else Plan()
    return replace(plan, rounds=rounds or plan.rounds, seconds=seconds or plan.seconds)
