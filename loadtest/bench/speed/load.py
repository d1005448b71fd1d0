"""Callers: so many connections that ask without a break, or requests at a steady rate whether or not answers come."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, cast

import httptools

_TICK_S: Final = 0.001
#: What was asked when a window ended is answered within this (s).
DRAIN_S: Final = 30.0
_VERDICT: Final = b"tidegate-verdict"

Next = Callable[[], bytes | None]


@dataclass(slots=True)
class Told:
    """What callers asked and were told.

    `answers`: how many, by verdict ("send", "queue", "reject", "unknown"), "refused by Meta", or a status from 500 on.
    """

    asked: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    #: Requests whose connection ended before an answer came.
    lost: int = 0
    #: Seconds of each answer that came while somebody listened.
    took_s: list[float] = field(default_factory=list)
    listening: bool = False

    @property
    def answered(self) -> int:
        """How many answers came."""
        return self.answers.total()


class Caller(asyncio.Protocol):
    """One connection: a request, its answer, then whatever is next."""

    def __init__(self, told: Told, idle: Callable[[Caller], None], gone: Callable[[], None]) -> None:
        """`idle` is called whenever it could take a request: at first, and after each answer; `gone` at its end."""
        self._told, self._idle, self._gone = told, idle, gone
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._verdict = b""
        self._since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        self._idle(self)

    def ask(self, request: bytes, since: float) -> None:
        """Send a request that is due since then (seconds of `perf_counter`)."""
        assert self._transport is not None
        self._told.asked += 1
        self._since = since
        self._verdict = b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Look for the gateway's verdict."""
        if len(name) == len(_VERDICT) and name.lower() == _VERDICT:
            self._verdict = value

    def on_message_complete(self) -> None:
        """Note the answer."""
        told, since = self._told, self._since
        assert since is not None
        if told.listening:
            told.took_s.append(time.perf_counter() - since)
        self._since = None
        status = self._parser.get_status_code()
        # Who has no verdicts sends what it answers 200, and refuses what it answers 4xx.
        verdict = self._verdict.decode() or ("send" if status == 200 else "reject")
        if status >= 500:
            verdict = str(status)
        elif verdict == "send" and status != 200:
            verdict = "refused by Meta"
        told.answers[verdict] += 1
        if self._parser.should_keep_alive():
            self._idle(self)
        else:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone, maybe with a request that nobody answered."""
        if self._since is not None:
            self._told.lost += 1
            self._since = None
        self._gone()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


class Load:
    """Connections to one address; `asks` what `next_request` gives, until told to stop or it gives nothing."""

    def __init__(self, port: int, connections: int, next_request: Next) -> None:
        self.told = Told()
        self._port, self._connections, self._next = port, connections, next_request
        self._callers: list[Caller] = []
        self._free: deque[Caller] = deque()
        self._due: deque[float] = deque()
        self._rate = 0.0
        self._stops = False
        #: Set when nothing more is asked, and nothing is open.
        self._quiet = asyncio.Event()
        self._ticking: asyncio.Task[None] | None = None

    async def begin(self, rate: float = 0.0) -> None:
        """Connect, and ask without a break; with a `rate` (a second) at that, whether or not answers come."""
        self._rate = rate
        loop = asyncio.get_running_loop()
        for _ in range(self._connections):
            _, caller = await loop.create_connection(self._caller, "127.0.0.1", self._port)
            self._callers.append(caller)
        if rate:
            self._ticking = asyncio.create_task(self._tick())

    def _caller(self) -> Caller:
        return Caller(self.told, self._idle, self._look)

    def _idle(self, caller: Caller) -> None:
        if self._rate and self._due and not self._stops:
            self._ask(caller, self._due.popleft())
        elif self._rate:
            self._free.append(caller)
            self._look()
        else:
            self._ask(caller, time.perf_counter())

    def _ask(self, caller: Caller, since: float) -> None:
        request = None if self._stops else self._next()
        if request is None:
            self._stops = True
            self._look()
        else:
            caller.ask(request, since)

    def _look(self) -> None:
        if self._stops and self.told.answered + self.told.lost == self.told.asked:
            self._quiet.set()

    async def _tick(self) -> None:
        began, asked = time.perf_counter(), 0
        while not self._stops:
            await asyncio.sleep(_TICK_S)
            now = time.perf_counter()
            for _ in range(int((now - began) * self._rate) - asked):
                asked += 1
                # What waits for a connection waits since now; that the caller's own clock ticks late is nobody's fault.
                if self._free:
                    self._ask(self._free.popleft(), now)
                else:
                    self._due.append(now)

    async def end(self, within_s: float = DRAIN_S) -> Told:
        """Ask no more, wait for what is still to be answered, hang up. Raises TimeoutError."""
        self._stops = True
        self._look()
        try:
            await self.answered(within_s)
            if self._ticking is not None:
                await self._ticking
        finally:
            for caller in self._callers:
                caller.close()
            # The sockets are to be closed before others are measured.
            await asyncio.sleep(0)
        return self.told

    async def answered(self, within_s: float) -> None:
        """Return when nothing more is to be asked, and all is answered or lost. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            await self._quiet.wait()


def at_most(requests: int, following: Callable[[], bytes]) -> Next:
    """The next so many, and then none."""
    left = iter(range(requests))
    return lambda: None if next(left, None) is None else following()
