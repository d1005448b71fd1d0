"""The connections to the Cloud API, and the sends that wait for one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

from tidegate.tasks import cancelled, spawn
from tidegate.upstream.connection import Connection, Sending
from tidegate.upstream.dialler import Dialler
from tidegate.upstream.outcomes import LAPSED, NotSent, Outcome, Unknown

#: An unused connection is given up after this long: before the other side does, which would be noticed too late.
IDLE_S: Final = 20.0
#: Connections of a node, those being made included; sends wait for one of them.
MOST_CONNECTIONS: Final = 4096
#: Connections being made at once. Handshakes share one core: a hundred at once would all be ready too late to start.
MOST_DIALLED: Final = 32
#: Loops round their time to this.
_TICK_S: Final = 0.001
_CLOSE_S: Final = 0.5
_SINCE: Final = attrgetter("since")


class Pool:
    """Hands each send a free connection: the one used last, so that the others may rest.

    A send that finds none waits in line, and one is made for it; whichever is free first takes the first in line.
    `timeout_s`: what a send may take in all, and what making a connection may.
    """

    def __init__(self, dialler: Dialler, timeout_s: float) -> None:
        """Used on the loop that it is made on."""
        self._dialler = dialler
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        #: Free connections, and since when by the loop's clock; the one used last is the last.
        self._free: dict[Connection, float] = {}
        #: All connections: the free ones, and those that carry a send.
        self._made: set[Connection] = set()
        #: Sends in line: no byte of them has left. A dict serves as an ordered set.
        self._waiting: dict[Sending, None] = {}
        #: What was carried when the oldest was looked for, the oldest at the end; what has ended since may be in it.
        self._carried: list[Sending] = []
        self._dialled: set[asyncio.Task[Any]] = set()
        # One timer for all sends, and one for all free connections: each waits for the oldest.
        self._limit: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None

    def begin(self, request: bytes, may_start: Callable[[], bool]) -> Sending:
        """Start a send, in this step where a connection is free."""
        loop = self._loop
        now = loop.time()
        sending = Sending(request, may_start, now, loop.create_future())
        if self._limit is None:
            self._limit = loop.call_at(now + self._timeout_s, self._end_late)
        free = self._free
        while free:
            connection, since = free.popitem()
            if now - since < IDLE_S:
                if not may_start():
                    free[connection] = since
                    self._end(sending, LAPSED)
                    return sending
                if connection.carry(sending):
                    return sending
            self._drop(connection)
        self._waiting[sending] = None
        self._dial()
        return sending

    def cut(self, sending: Sending) -> None:
        """Have nothing more happen for a send whose caller is gone."""
        self._waiting.pop(sending, None)
        if sending.connection is not None and _is_carried(sending):
            self._drop(sending.connection)
            self._dial()

    async def close(self) -> None:
        """End all connections. Sends under way are told: not sent, or unknown."""
        for timer in (self._limit, self._rest):
            if timer is not None:
                timer.cancel()
        while sending := self._oldest():
            self._give_up(sending, "the gateway ended")
        for connection in list(self._made):
            self.lost(connection)
        await cancelled(self._dialled, _CLOSE_S)

    # What connections tell.

    def answered(self, connection: Connection, sending: Sending, outcome: Outcome) -> None:
        """A send has its outcome, and its connection is free again."""
        try:  # noqa: SIM105 - a context at each send
            sending.outcome.set_result(outcome)
        except asyncio.InvalidStateError:
            # Its caller has gone, in this turn of the loop.
            pass
        if self._waiting or self._rest is None:
            self._offer(connection)
        else:
            self._free[connection] = self._loop.time()

    def ended(self, connection: Connection, sending: Sending, outcome: Outcome) -> None:
        """A send has its outcome, and its connection carries nothing any more."""
        self._drop(connection)
        self._end(sending, outcome)
        self._dial()

    def lost(self, connection: Connection) -> None:
        """A free connection is of no use any more."""
        self._free.pop(connection, None)
        self._drop(connection)

    # The way of a send.

    def _offer(self, connection: Connection) -> bool:
        """Give a free connection to the first in line who may still start, or keep it; False: it has ended."""
        while self._waiting:
            sending = next(iter(self._waiting))
            if not sending.may_start():
                self._end(sending, LAPSED)
            elif connection.carry(sending):
                del self._waiting[sending]
                return True
            else:
                self._drop(connection)
                return False
        self._keep(connection)
        return True

    def _keep(self, connection: Connection) -> None:
        self._free[connection] = now = self._loop.time()
        if self._rest is None:
            self._rest = self._loop.call_at(now + IDLE_S, self._end_idle)

    def _end(self, sending: Sending, outcome: Outcome) -> None:
        if sending.connection is None:
            self._waiting.pop(sending, None)
        if not sending.outcome.done():
            sending.outcome.set_result(outcome)

    def _give_up(self, sending: Sending, cause: str) -> None:
        if sending.connection is None:
            self._end(sending, NotSent(cause))
        else:
            self.ended(sending.connection, sending, Unknown(cause))

    # Connections.

    def _dial(self) -> None:
        """Have as many connections made as sends wait in line, within bounds."""
        most = min(len(self._waiting), MOST_DIALLED, MOST_CONNECTIONS - len(self._made))
        while len(self._dialled) < most:
            self._dialled.add(spawn(self._connect(), "connection to the Cloud API"))

    async def _connect(self) -> None:
        fault = "ConnectionResetError"
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._dialler.dial(lambda: Connection(self))
            self._made.add(connection)
            if self._offer(connection):
                fault = ""
        except (OSError, ValueError) as error:
            fault = type(error).__name__
        finally:
            self._dialled -= {asyncio.current_task()}
        if fault and len(self._waiting) > len(self._dialled):
            # Nobody makes one for the first in line any more.
            self._end(next(iter(self._waiting)), NotSent(fault))
        self._dial()

    def _drop(self, connection: Connection) -> None:
        self._made.discard(connection)
        connection.drop()

    # Time.

    def _oldest(self) -> Sending | None:
        """Of the sends without an outcome the one that came first. Whoever waits in line came after all others."""
        carried = self._carried
        while carried and not _is_carried(carried[-1]):
            carried.pop()
        if not carried:
            found = [connection.sending for connection in self._made if connection.sending is not None]
            carried = self._carried = sorted(found, key=_SINCE, reverse=True)
        return carried[-1] if carried else next(iter(self._waiting), None)

    def _end_late(self) -> None:
        now, self._limit = self._loop.time() + _TICK_S, None
        while sending := self._oldest():
            until = sending.since + self._timeout_s
            if until > now:
                self._limit = self._loop.call_at(until, self._end_late)
                return
            self._give_up(sending, "TimeoutError")

    def _end_idle(self) -> None:
        now, self._rest = self._loop.time() + _TICK_S, None
        while self._free:
            connection = next(iter(self._free))
            if self._free[connection] + IDLE_S > now:
                self._rest = self._loop.call_at(self._free[connection] + IDLE_S, self._end_idle)
                return
            self.lost(connection)


def _is_carried(sending: Sending) -> bool:
    return sending.connection is not None and sending.connection.sending is sending
