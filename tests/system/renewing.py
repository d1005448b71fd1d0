"""Workers that are replaced while callers send: what they are told, and what the platform's book says of it.

`python -m tests.system.renewing --times 3` has them all replaced so often, kills one of them, and prints what came of
it, and of each refusal why, by whom and when; 1 where a send failed by a renewal, was made twice, or is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
import uvloop
from aiohappyeyeballs import AddrInfoType

from tests.ports import free_port
from tests.system.refusals import Refusal, holder, told_in
from tests.system.served import CONFIG, KEY, NUMBER, Served
from tests.waiting import until
from tidegate.settings import hash_key
from tidegate.simulator.config import DEFAULT_PORTFOLIO, UNLIMITED, SimulatorConfig
from tidegate.simulator.identity import user_by_phone
from tidegate.simulator.server import Simulator, run_simulator

_KEPT: Final = 16
_PAUSE_S: Final = 0.2
#: A busy machine makes a store late now and then: that sends nothing, and is no renewal's doing.
_LATE: Final = "503 store_unavailable"
_PATIENCE: Final = aiohttp.ClientTimeout(total=30)
_FASTEST: Final = 1_000


@dataclass(slots=True)
class Told:
    """What the caller of one message was told: 200, or the status and the reason of it, or the name of what broke."""

    phone: str
    kept: bool
    outcome: int | str
    refusal: Refusal | None = None


@dataclass(slots=True)
class Callers:
    """Sixteen that each keep a connection, and one that opens a new one each time; every message to somebody else."""

    url: str
    told: list[Told] = field(default_factory=list)
    #: The workers that there are now, and since when they are being replaced (s, monotonic; None: they are not).
    pids: Callable[[], list[int]] = list
    renewed_at_s: float | None = None
    _phones: Iterator[str] = field(default_factory=lambda: (f"+1555{n:07}" for n in itertools.count(1_000_000)))

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Have them send on and on within the block."""
        over = asyncio.Event()
        going = [asyncio.create_task(self._keeps_one(over)) for _ in range(_KEPT)]
        going.append(asyncio.create_task(self._opens_one_each_time(over)))
        try:
            yield
        finally:
            over.set()
            await asyncio.gather(*going)

    async def go_on(self, times: int = 40) -> None:
        """Return when they have been told so much more."""
        seen = len(self.told)

        async def have() -> bool:
            return len(self.told) >= seen + times

        await until(have)

    async def _keeps_one(self, over: asyncio.Event) -> None:
        way = Way()
        async with way.session() as session:
            while not over.is_set():
                await self._send(session, way, kept=True)
                await asyncio.sleep(_PAUSE_S)

    async def _opens_one_each_time(self, over: asyncio.Event) -> None:
        while not over.is_set():
            way = Way()
            async with way.session() as session:
                await self._send(session, way, kept=False)
                await asyncio.sleep(_PAUSE_S / 10)

    async def _send(self, session: aiohttp.ClientSession, way: Way, *, kept: bool) -> None:
        phone = next(self._phones)
        template = {"name": "black_friday_offer", "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": phone, "type": "template", "template": template}
        outcome: int | str
        refusal = None
        try:
            async with session.post(f"{self.url}/v25.0/{NUMBER}/messages", json=body) as answer:
                said = await answer.read()
                outcome = answer.status
                if answer.status != 200:
                    refusal = self._refusal(answer, said, way)
                    outcome = f"{answer.status} {refusal.reason}"
        except (aiohttp.ClientError, TimeoutError) as fault:
            outcome = type(fault).__name__
        self.told.append(Told(phone, kept, outcome, refusal))

    def _refusal(self, answer: aiohttp.ClientResponse, said: bytes, way: Way) -> Refusal:
        code, details = told_in(said)
        worker = holder(answer.url.port or 0, way.held, self.pids())
        since_s = None if self.renewed_at_s is None else time.monotonic() - self.renewed_at_s
        return Refusal(answer.status, answer.headers.get("Tidegate-Reason"), code, details, worker, since_s)


@dataclass(slots=True)
class Way:
    """A session of one connection at a time, and that connection's socket."""

    held: socket.socket | None = None

    def session(self) -> aiohttp.ClientSession:
        """Open it."""
        connector = aiohttp.TCPConnector(limit=1, socket_factory=self._opened)
        key = {"Authorization": f"Bearer {KEY}"}
        return aiohttp.ClientSession(headers=key, connector=connector, timeout=_PATIENCE)

    def _opened(self, address: AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = address
        self.held = socket.socket(family, kind, protocol)
        return self.held


@dataclass(slots=True)
class House:
    """A node of several workers, its callers, and the platform."""

    served: Served
    callers: Callers
    meta: Simulator
    workers: int

    def __post_init__(self) -> None:
        self.callers.pids = self.pids

    @property
    def failed(self) -> list[Told]:
        """What was not sent, but for want of a store."""
        return [one for one in self.callers.told if one.outcome not in (200, _LATE)]

    @property
    def late(self) -> int:
        """How often the store was late."""
        return sum(one.outcome == _LATE for one in self.callers.told)

    def pids(self) -> list[int]:
        """The workers that there are now; the store's server is a child of their watcher too."""
        found = []
        pid = self.served.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            try:
                command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"serve" in command:
                found.append(int(child))
        return found

    async def renew(self) -> None:
        """Have every worker replaced, and wait until all are."""
        before, done = set(self.pids()), len(self.served.logged("workers_renewed"))
        self.callers.renewed_at_s = time.monotonic()
        self.served.process.send_signal(signal.SIGUSR2)

        async def are_others() -> bool:
            return len(self.served.logged("workers_renewed")) > done

        await until(are_others, within_s=300)
        self.callers.renewed_at_s = None
        assert self.served.logged("workers_renewed")[-1]["workers"] == self.workers
        assert not before & set(self.pids())

    async def kill_one(self) -> None:
        """Kill a worker, and wait until another one serves in its place."""
        [victim, *_], listening = self.pids(), len(self.served.logged("listening"))
        os.kill(victim, signal.SIGKILL)

        async def is_replaced() -> bool:
            return len(self.served.logged("listening")) > listening

        await until(is_replaced, within_s=150)

    def warnings(self) -> Counter[tuple[str, str]]:
        """What the workers warned of, and why, by how often they did."""
        lines = (line for level in ("warning", "error", "critical") for line in self.served.logged_at(level))
        return Counter((str(line["event"]), str(line.get("fault") or line.get("code") or "")) for line in lines)

    def misfits(self) -> tuple[int, int]:
        """Users to whom more than one message went; callers who were told 200, and nothing went."""
        times = Counter(one.user for one in self.meta.world.book.accepted)
        twice = sum(count > 1 for count in times.values())
        lost = sum(one.outcome == 200 and _user(one.phone) not in times for one in self.callers.told)
        return twice, lost


def _user(phone: str) -> str:
    user = user_by_phone(phone)
    assert user is not None
    return user.key


@asynccontextmanager
async def open_house(directory: Path, workers: int = 2) -> AsyncIterator[House]:
    """Put it up, and have it ready."""
    [waba] = DEFAULT_PORTFOLIO.wabas
    numbers = tuple(replace(number, throughput=_FASTEST) for number in waba.numbers)
    platform = replace(DEFAULT_PORTFOLIO, wabas=(replace(waba, numbers=numbers),), messaging_limit=UNLIMITED)
    meta = await run_simulator(config=SimulatorConfig((platform,)))
    port = free_port()
    places: dict[str, Any] = {"port": port, "workers": workers, "data": directory / "data", "upstream": meta.url}
    config = directory / "tidegate.toml"
    config.write_text(CONFIG.format(**places, key_sha256=hash_key(KEY)))
    served = Served(config, port)
    try:
        await served.start()
        yield House(served, Callers(f"http://127.0.0.1:{port}"), meta, workers)
    finally:
        await served.kill()
        await meta.stop()


async def _prove(times: int, workers: int) -> int:
    with TemporaryDirectory(prefix="tidegate-renewing-") as directory:
        async with open_house(Path(directory), workers) as house:
            async with house.callers.calling():
                await house.callers.go_on()
                for _ in range(times):
                    await house.renew()
                    await house.callers.go_on()
                by_renewal = house.failed
                before = len(house.callers.told)
                await house.kill_one()
                await house.callers.go_on()
            twice, lost = house.misfits()
            killed = Counter(str(one.outcome) for one in house.failed[len(by_renewal) :])
            renewed = Counter(str(one.outcome) for one in by_renewal)
            print(f"{times} renewals of {workers} workers: {before} sends, {renewed.total()} failed {dict(renewed)}")
            print(
                f"one worker killed: {len(house.callers.told) - before} sends, {killed.total()} failed {dict(killed)}"
            )
            print(f"the platform's book: {twice} users written to twice, {lost} sends missing")
            print(f"the store was late, and nothing sent, {house.late} times")
            for refusal in (one.refusal for one in house.callers.told if one.refusal is not None):
                print(f"- {refusal}")
            for (event, fault), count in house.warnings().items():
                print(f"logged {count} times: {event} ({fault})")
            return 1 if by_renewal or twice or lost else 0


def main() -> int:
    """Run it, and say whether it is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.system.renewing", description=__doc__)
    parser.add_argument("--times", type=int, default=3, metavar="N", help="how often all workers are replaced (3)")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="how many there are (2)")
    given = parser.parse_args()
    return uvloop.run(_prove(given.times, given.workers))


if __name__ == "__main__":
    sys.exit(main())
