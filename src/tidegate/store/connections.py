"""Connections to the store and the pools that keep them: what goes wrong on one is not met again on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedConnection, SentinelManagedSSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tidegate.store.promises import Promises
from tidegate.store.pulse import NoConnection, Pulse
from tidegate.store.wire import Wire
from tidegate.store.witness import Witness
from tidegate.tasks import spawn


class _Closes:
    """A connection that closes itself when it is of no use any more, and tells whether the store answers on it.

    uvloop says of a transport that was reset while it was written to that it is closed, in a RuntimeError; the library
    knows OSError only, and would keep the connection for the next caller, and all after it.
    """

    #: Which run of which server it reaches, where a witness has asked.
    run_id: str | None = None

    def __init__(self, *args: Any, pulse: Pulse | None = None, witness: Witness | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._pulse = pulse or Pulse()
        #: Whether the server of a run is the one that is trusted now; any is where there is no witness.
        self.trusts: Final[Callable[[str | None], bool]] = (
            witness.trusts if witness is not None else lambda run_id: True
        )

    @property
    def is_trusted(self) -> bool:
        """Whether it reaches the server that is trusted now."""
        return self.trusts(self.run_id)

    async def connect(self) -> None:
        try:
            await super().connect()  # type: ignore[misc]  # the connection beside it
        except (RedisConnectionError, RedisTimeoutError, OSError):
            self._pulse.failed()
            raise

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            answer = await super().read_response(*args, **options)  # type: ignore[misc]  # as above
        except (RedisConnectionError, RedisTimeoutError):
            self._pulse.failed()
            raise
        except RedisError:
            self._pulse.answered()
            raise
        self._pulse.answered()
        return answer

    async def send_packed_command(self, *args: Any, **options: Any) -> None:
        try:
            await super().send_packed_command(*args, **options)  # type: ignore[misc]  # as above
        except RuntimeError as fault:
            await self.disconnect(nowait=True)  # type: ignore[attr-defined]  # as above
            raise RedisConnectionError("the connection was reset") from fault


class _LeavesReplicas(_Closes):
    """A connection that closes itself when its server turns out to be a replica, too.

    After a failover the old primary goes on answering READONLY on connections that never broke; a new
    connection goes where the name, or the proxy, points by then.
    """

    async def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().read_response(*args, **options)
        except ReadOnlyError:
            await self.disconnect()  # type: ignore[attr-defined]  # as above
            raise


class PlainConnection(_LeavesReplicas, Connection):
    """Over TCP."""


class TlsConnection(_LeavesReplicas, SSLConnection):
    """Over TLS."""


class SocketConnection(_LeavesReplicas, UnixDomainSocketConnection):
    """Over a unix socket."""


class SentinelConnection(_Closes, SentinelManagedConnection):
    """To the primary that the Sentinels name."""


class TlsSentinelConnection(_Closes, SentinelManagedSSLConnection):
    """The same, over TLS."""


class Pool(BlockingConnectionPool):
    """Waits for a free connection instead of refusing at once; not while the store is away, nor when it is closed."""

    _is_closed = False
    _wire: Wire | None = None
    _promises: Promises | None = None

    @property
    def wire(self) -> Wire:
        """A connection of its own beside the pool's, which scripts share."""
        if self._wire is None:
            self._wire = self._new_wire()
        return self._wire

    @property
    def promises(self) -> Promises:
        """Further ones, for scripts that replicas are waited for after."""
        if self._promises is None:
            self._promises = Promises(self._new_wire, self.max_connections, self.timeout)
        return self._promises

    def _new_wire(self) -> Wire:
        options = self.connection_kwargs
        return Wire(self.make_connection, options["pulse"], options["socket_timeout"])

    async def get_connection(self, *args: Any, **options: Any) -> Any:
        if self._is_closed:
            raise NoConnection("the way to the store is closed")
        pulse: Pulse = self.connection_kwargs["pulse"]
        if not pulse.may_ask():
            raise NoConnection("the store does not answer; it is asked again in a moment")
        try:
            return await super().get_connection(*args, **options)  # type: ignore[no-untyped-call]  # it has no hints
        except (RedisConnectionError, RedisTimeoutError, OSError) as fault:
            raise NoConnection(str(fault)) from fault

    async def ensure_connection(self, connection: Any) -> None:
        # A primary that was deposed while it could not be told goes on answering on connections that never broke.
        if not connection.is_trusted:
            await connection.disconnect()
        try:
            await super().ensure_connection(connection)
        finally:
            if self._is_closed:
                await connection.disconnect(nowait=True)
        if self._is_closed:
            raise NoConnection("the way to the store was closed meanwhile")

    async def release(self, connection: Any) -> None:
        try:
            await super().release(connection)
        except asyncio.CancelledError:
            # The library knows it only weakly, and would lose it open.
            if connection in self._in_use_connections:
                spawn(super().release(connection), "give back a connection")
            raise

    async def aclose(self) -> None:
        """Close what is open. Whoever has still something to ask is told so, and opens nothing new."""
        self._is_closed = True
        if self._wire is not None:
            self._wire.close()
        if self._promises is not None:
            self._promises.close()
        await super().aclose()


class SentinelPool(SentinelConnectionPool, Pool):
    """Asks the Sentinels for the primary."""
