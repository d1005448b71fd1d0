"""One connection to the store on which calls follow each other, without waiting for each other's answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import hiredis
from hiredis import pack_command
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, ReadOnlyError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tidegate.store.pulse import NoConnection, Pulse
from tidegate.tasks import spawn

#: A loop that stood still reads first what came meanwhile, and only then says that nothing did.
_LOOK_AGAIN_S: Final = 0.001
_NOT_ALL: Final = object()
#: What is no answer, and the answers that are faults.
_RARE: Final = (Exception, hiredis.PushNotification)

Told = Callable[[Any], None]
"""Called with an answer, undecoded, or with what stands for it: a fault, redis' own."""
Timer = Callable[[float], None]
"""Called with how long an answer took (s) that is no fault."""


class Wire:
    """Sends commands as they come and gives each its answer: those of one moment share a packet, and so do the answers.

    The library's own way costs more than a script does: two time-outs, a connection and some tasks for each call. It
    still greets the server, so that all that a connection has to be (login, TLS, the primary, the server that is
    trusted) is as it is there; from then on its bytes are read here.

    A call that has no answer in time fails, and with it all that wait on the connection: it is given up, for nobody
    knows what still comes on it. Nothing is repeated. Whoever is cancelled loses its answer and nothing else.
    """

    def __init__(self, make: Callable[[], Any], pulse: Pulse, timeout_s: float) -> None:
        """`make`: gives one of the library's connections, not connected yet."""
        self._make = make
        self._pulse = pulse
        self._timeout_s = timeout_s
        self._line: Line | None = None
        self._connecting: asyncio.Task[Exception | None] | None = None
        self._is_closed = False

    async def call(self, *words: bytes | str | int) -> Any:
        """Send one command and return the answer, undecoded.

        Raises what the store answers, redis' errors where it does not: NoConnection only if nothing left.
        """
        line = await self.connected()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        line.ask(words, partial(tell, answer))
        return await answer

    @property
    def line(self) -> Line | None:
        """The connection, where there is one that may be asked: it lasts, and its server is the one that is trusted."""
        line = self._line
        if line is None or line.transport.is_closing() or not line.trusts(line.run_id):
            return None
        return line

    def close(self) -> None:
        """Close it. Whoever has still something to ask is told so, and opens nothing new."""
        self._is_closed = True
        if self._line is not None:
            self._line.drop(RedisConnectionError("the way to the store was closed"))

    async def connected(self) -> Line:
        """The connection, made anew where there is none that may be asked. Raises NoConnection."""
        line = self.line
        if line is not None:
            return line
        if self._line is not None:
            # A primary that was deposed while it could not be told goes on answering on connections that never broke.
            self._line.drop(RedisConnectionError("another server is trusted now"))
            self._line = None
        if self._connecting is None:
            if self._is_closed:
                raise NoConnection("the way to the store is closed")
            if not self._pulse.may_ask():
                raise NoConnection("the store does not answer; it is asked again in a moment")
            self._connecting = spawn(self._connect(), "connect to the store")
        fault = await asyncio.shield(self._connecting)
        if fault is not None or self._line is None:
            raise NoConnection(str(fault)) from fault
        return self._line

    async def _connect(self) -> Exception | None:
        connection = self._make()
        try:
            await connection.connect()
        except (RedisConnectionError, RedisTimeoutError, OSError) as fault:
            return fault
        finally:
            self._connecting = None
        if self._is_closed or not connection.is_trusted:
            await connection.disconnect(nowait=True)
            return RedisConnectionError("the way to the store was closed meanwhile")
        self._line = Line(connection, self._pulse, self._timeout_s)
        return None


def tell(waiting: asyncio.Future[Any], answer: Any) -> None:
    """Have whoever waits go on with an answer, or with the fault that stands for it."""
    if waiting.done():
        return
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)


class Line(asyncio.Protocol):
    """What a wire is while its connection lasts: those who wait for an answer, the longest first."""

    def __init__(self, connection: Any, pulse: Pulse, timeout_s: float) -> None:
        """Take over a connection that has just been greeted."""
        self._connection = connection
        #: The run of the server that it leads to, and whether it is the one that is trusted now.
        self.run_id: Final[str | None] = connection.run_id
        self.trusts: Final[Callable[[str | None], bool]] = connection.trusts
        self._pulse = pulse
        self._timeout_s = timeout_s
        self._waiting: deque[tuple[Told, float, Timer | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            protocolError=InvalidResponse, replyError=connection._parser.parse_error, notEnoughData=_NOT_ALL
        )
        # Kept, and taken from the connection: each of them would close what it holds once it is forgotten.
        self._writer = connection._writer
        connection._reader = connection._writer = None
        self.transport: asyncio.Transport = self._writer.transport
        self._library: Any = self.transport.get_protocol()
        self.transport.set_protocol(self)

    def now_s(self) -> float:
        """Its loop's time."""
        return self._loop.time()

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for an answer on it."""
        return bool(self._waiting)

    def ask(self, words: tuple[bytes | str | int, ...], told: Told, timer: Timer | None = None) -> None:
        """Send one command in this step. `told` gets its answer as soon as that is read; neither may raise."""
        packet = pack_command(words)  # type: ignore[arg-type]  # its hints know of one word only
        self._waiting.append((told, self._loop.time(), timer))
        self._send(packet)

    def ask_all(self, commands: Sequence[Sequence[bytes | str | int]], told: Told) -> None:
        """Send commands in one packet. `told` gets the list of what stands for each answer once that is whole."""
        packed: Sequence[Any] = commands
        packet = b"".join([pack_command(words) for words in packed])
        # One call to whoever counts what fails: the same object waits for each of the answers.
        gathering = _Gathering(len(commands), told)
        self._waiting += [(gathering, self._loop.time(), None)] * len(commands)
        self._send(packet)

    def _send(self, packet: bytes) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout_s, self._look, False)
        try:
            self.transport.write(packet)
        except RuntimeError:
            # uvloop says so of a connection that was reset while it was written to.
            self.drop(RedisConnectionError("the connection was reset"))

    def data_received(self, data: bytes) -> None:
        """Give the one who waits longest its answer, then the next ones."""
        reader, pulse = self._reader, self._pulse
        try:
            reader.feed(data)
            while (answer := reader.gets()) is not _NOT_ALL:
                if isinstance(answer, _RARE) or not self._waiting:
                    self._told_otherwise(answer)
                else:
                    told, asked_s, timer = self._waiting.popleft()
                    if pulse.failures:
                        pulse.answered()
                    if timer is not None:
                        timer(self._loop.time() - asked_s)
                    told(answer)
        except InvalidResponse as fault:
            self.drop(RedisConnectionError(f"the store was not understood: {type(fault).__name__}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail whoever waits."""
        self._library.connection_lost(exc)
        self.drop(RedisConnectionError("the store closed the connection"))

    def _told_otherwise(self, answer: Any) -> None:
        """Something that is no answer, or nobody's; or a fault."""
        if isinstance(answer, hiredis.PushNotification):
            return
        if not self._waiting:
            return self.drop(RedisConnectionError("the store was not understood: nobody had asked"))
        told, *_ = self._waiting.popleft()
        if isinstance(answer, RedisConnectionError):
            self._pulse.failed()
        else:
            self._pulse.answered()
        told(answer)
        if isinstance(answer, RedisConnectionError | ReadOnlyError):
            # After a failover the old primary goes on answering; a new connection goes where the name points by then.
            self.drop(answer)

    def _look(self, again: bool) -> None:
        """Whether the one who waits longest has waited too long."""
        self._timer = None
        if not self.is_awaited:
            return
        left_s = self._waiting[0][1] + self._timeout_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look, False)
        elif not again:
            self._timer = self._loop.call_later(_LOOK_AGAIN_S, self._look, True)
        else:
            self.drop(RedisTimeoutError("the store did not answer in time"))

    def drop(self, fault: Exception) -> None:
        """Give the connection up, and tell whoever waits on it why."""
        self.transport.abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, deque()
        last: Told | None = None
        for told, *_ in waiting:
            if told is not last:
                self._pulse.failed()
            last = told
            told(fault)


class _Gathering:
    """Takes the answers to commands that went together, and tells them together."""

    __slots__ = ("_answers", "_asked", "_told")

    def __init__(self, asked: int, told: Told) -> None:
        self._asked = asked
        self._told = told
        self._answers: list[Any] = []

    def __call__(self, answer: Any) -> None:
        self._answers.append(answer)
        if len(self._answers) == self._asked:
            self._told(self._answers)
