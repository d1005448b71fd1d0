"""Calls on which a promise rests: each has a connection to itself until it is known who holds what it wrote."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from tidegate.errors import StoreUnavailable
from tidegate.store.keys import PortfolioKeys
from tidegate.store.pulse import NoConnection
from tidegate.store.wire import Line, Timer, Told, Wire, tell

#: So long replicas may take to say that they hold a promise: with what the script takes, less than the client waits.
_REPLICAS_MS: Final = 150
#: So long what is written for WAIT alone is kept.
_PROMISE_MS: Final = 60_000


class Promises:
    """Wires of which each carries one call at a time.

    WAIT blocks the connection on which it is asked, and no other: whoever came behind it there would wait for replicas
    too, and where those are away the store would seem to be.
    """

    def __init__(self, make: Callable[[], Wire], most: int, timeout_s: float | None) -> None:
        """`make`: gives a wire that nobody else uses. `timeout_s`: so long a call waits for one that is free."""
        self._make = make
        self._most: Final = most
        self._timeout_s: Final = timeout_s
        self._wires: list[Wire] = []
        #: Those that no call has; the one that was used last is taken first.
        self._free: list[Wire] = []
        self._queue: deque[asyncio.Future[Wire]] = deque()
        self._is_closed = False

    def begin(
        self, replicas: int, key: str | bytes, words: Sequence[Any], told: Told, timer: Timer | None = None
    ) -> bool:
        """Send a command in this step, where that takes no waiting. False: nothing was asked.

        `told` gets its answer once so many replicas hold what it wrote, or the fault; it must not raise. `key`: one of
        the command's.
        """
        line = self._free[-1].line if self._free else None
        if line is None:
            return False
        self._ask(line, self._free.pop(), replicas, key, words, told, timer)
        return True

    async def call(self, replicas: int, key: str | bytes, *words: Any) -> Any:
        """The same, waiting for a connection where none is free.

        Raises what the store answers, redis' errors where it does not, StoreUnavailable where too few hold it.
        """
        wire = await self._taken()
        try:
            line = await wire.connected()
        except BaseException:
            self._give_back(wire)
            raise
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._ask(line, wire, replicas, key, words, partial(tell, answer))
        return await answer

    def _ask(
        self,
        line: Line,
        wire: Wire,
        replicas: int,
        key: str | bytes,
        words: Sequence[Any],
        told: Told,
        timer: Timer | None = None,
    ) -> None:
        commands = (
            words,
            # WAIT looks at what its own connection wrote last: a script that ran before may write nothing now.
            ("SET", PortfolioKeys.promise(key), b"1", "PX", _PROMISE_MS),
            ("WAIT", replicas, _REPLICAS_MS),
        )

        asked_s = line.now_s()

        def ended(answers: list[Any]) -> None:
            self._give_back(wire)
            answer = _held(answers, replicas)
            if timer is not None and not isinstance(answer, Exception):
                timer(line.now_s() - asked_s)
            told(answer)

        try:
            line.ask_all(commands, ended)
        except (TypeError, ValueError):
            # What can't be written as a command asked nothing.
            self._give_back(wire)
            raise

    def close(self) -> None:
        """Close them all. Whoever has still something to ask is told so, and opens nothing new."""
        self._is_closed = True
        for wire in self._wires:
            wire.close()

    async def _taken(self) -> Wire:
        if self._is_closed:
            raise NoConnection("the way to the store is closed")
        if self._free:
            return self._free.pop()
        if len(self._wires) < self._most:
            wire = self._make()
            self._wires.append(wire)
            return wire
        waits: asyncio.Future[Wire] = asyncio.get_running_loop().create_future()
        self._queue.append(waits)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await waits
        except BaseException as fault:
            if waits.done() and not waits.cancelled():
                # It was given one in the moment in which it gave up.
                self._give_back(waits.result())
            if isinstance(fault, TimeoutError):
                raise NoConnection("no connection came free") from None
            raise

    def _give_back(self, wire: Wire) -> None:
        while self._queue:
            waits = self._queue.popleft()
            if not waits.done():
                return waits.set_result(wire)
        self._free.append(wire)


def _held(answers: list[Any], replicas: int) -> Any:
    """The command's answer, or the fault that stands for it."""
    for one in answers:
        if isinstance(one, Exception):
            return one
    answer, _, held = answers
    if held < replicas:
        return StoreUnavailable(f"the store is unavailable: {held} of {replicas} replicas hold what was written")
    return answer
