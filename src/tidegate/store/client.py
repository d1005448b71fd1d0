"""The way to the store: clients that give up early, never repeat themselves, and notice a demoted primary."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedConnection, SentinelManagedSSLConnection
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.maint_notifications import MaintNotificationsConfig

from tidegate.store.address import StoreAddress, StoreKind, parse_address
from tidegate.store.data_directory import DirectoryInUse
from tidegate.store.embedded import EmbeddedStore, running_url
from tidegate.store.pulse import NoConnection, Pulse
from tidegate.store.scripts import StoreClient
from tidegate.store.witness import Witness
from tidegate.tasks import spawn

TIMEOUT_S = 0.25  #: to connect, to answer, to get a free connection: how soon a hung store is noticed
POOL_SIZE = 64  #: connections of one process to one server
CLUSTER_POOL_SIZE = 256  #: of one process to one node of a cluster: that client refuses at once beyond it


@dataclass(slots=True, eq=False)
class StoreConnection:
    """A client of the store, and what has to be closed after it. An async context manager."""

    client: StoreClient
    url: str = field(repr=False)  #: where other processes of this node reach the store; may hold a password
    embedded: EmbeddedStore | None = None  #: the server that was started for it
    sentinel: Sentinel | None = None
    #: Other ways to the same store that are open, this one among them when it is one.
    _aside: list[StoreConnection] = field(default_factory=list, repr=False)

    @property
    def is_cluster(self) -> bool:
        """Whether one call may touch the keys of one slot only."""
        return isinstance(self.client, RedisCluster)

    def unwatched(self) -> StoreConnection:
        """Another way to the same store, which no witness is asked about. Closed by itself, or at last with this."""
        client, sentinel = _client(parse_address(self.url))
        aside = StoreConnection(client, self.url, sentinel=sentinel, _aside=self._aside)
        self._aside.append(aside)
        return aside

    async def aclose(self) -> None:
        """Close the client, then end the embedded server if this started it. Nothing is asked through it any more."""
        try:
            await self._close_client()
            if self in self._aside:
                self._aside.remove(self)
            else:
                await asyncio.gather(*(aside.aclose() for aside in tuple(self._aside)))
        finally:
            if self.embedded is not None:
                await self.embedded.stop()

    async def _close_client(self) -> None:
        # What does not answer any more is as good as closed.
        with contextlib.suppress(RedisError, OSError):
            await self.client.aclose()
        if self.sentinel is not None:
            with contextlib.suppress(RedisError, OSError):
                await self.sentinel.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Whoever is cancelled while it closes would leave its connections open, and nobody would close them later.
        await asyncio.shield(spawn(self.aclose(), "close the store"))


async def connect(url: str, *, adopt: bool = False, witness: Witness | None = None) -> StoreConnection:
    """Make a client of the store at `url` (its forms: `parse_address`). Only an embedded store is started.

    Any other one is first spoken to by the first command, so a store that is away now is no fault here. With
    `adopt` an embedded store that a node runs already is joined, to look at it, instead of being refused. With a
    `witness` nothing is asked of a server before the witness trusts it; of a cluster's servers it is not asked.

    Raises BadConfiguration for a url that can't be understood, DirectoryInUse for a second node on an
    embedded store, StoreUnavailable if that can't be started.
    """
    address = parse_address(url)
    if address.kind is not StoreKind.EMBEDDED or address.path is None:
        client, sentinel = _client(address, witness)
        return StoreConnection(client, url, sentinel=sentinel)
    embedded = EmbeddedStore(address.path)
    try:
        await embedded.start()
        own_url = embedded.url
    except DirectoryInUse:
        found = await running_url(address.path) if adopt else None
        if found is None:
            raise
        return await connect(found, witness=witness)
    client, _ = _client(parse_address(own_url), witness)
    return StoreConnection(client, own_url, embedded=embedded)


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
        self._witness = witness

    @property
    def is_trusted(self) -> bool:
        """Whether it reaches the server that is trusted now."""
        return self._witness is None or self._witness.trusts(self.run_id)

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


class _PlainConnection(_LeavesReplicas, Connection):
    pass


class _TlsConnection(_LeavesReplicas, SSLConnection):
    pass


class _SocketConnection(_LeavesReplicas, UnixDomainSocketConnection):
    pass


class _SentinelConnection(_Closes, SentinelManagedConnection):
    pass


class _TlsSentinelConnection(_Closes, SentinelManagedSSLConnection):
    pass


class _Pool(BlockingConnectionPool):
    """Waits for a free connection instead of refusing at once; not while the store is away, nor when it is closed."""

    _is_closed = False

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
        await super().aclose()


class _BlockingSentinelPool(SentinelConnectionPool, _Pool):
    """Asks the Sentinels for the primary."""


def _client(address: StoreAddress, witness: Witness | None = None) -> tuple[StoreClient, Sentinel | None]:
    match address.kind:
        case StoreKind.CLUSTER:
            return _cluster(address), None
        case StoreKind.SENTINEL:
            return _sentinel(address, witness)
        case StoreKind.UNIX:
            where: dict[str, Any] = {"connection_class": _SocketConnection, "path": str(address.path)}
        case _:
            ((host, port),) = address.hosts
            kind = _TlsConnection if address.tls else _PlainConnection
            where = {"connection_class": kind, "host": host, "port": port}
    pool = _Pool(**_pool_options(address), **_greeted(witness), **where)
    return Redis.from_pool(pool), None


def _greeted(witness: Witness | None) -> dict[str, Any]:
    return {} if witness is None else {"redis_connect_func": witness.greet, "witness": witness}


def _sentinel(address: StoreAddress, witness: Witness | None) -> tuple[StoreClient, Sentinel]:
    own = {"db": 0, "username": address.sentinel_username, "password": address.sentinel_password}
    asking = _connection_options(address) | own | {"ssl": address.tls}
    sentinel = Sentinel(list(address.hosts), sentinel_kwargs=asking)  # type: ignore[no-untyped-call]  # it has no hints
    # Once, for each call makes another pool.
    client = sentinel.master_for(
        address.service or "",
        connection_pool_class=_BlockingSentinelPool,
        connection_class=_TlsSentinelConnection if address.tls else _SentinelConnection,
        ssl=address.tls,
        **_pool_options(address),
        **_greeted(witness),
    )
    return client, sentinel


def _cluster(address: StoreAddress) -> StoreClient:
    size: Any = address.options.get("max_connections", CLUSTER_POOL_SIZE)
    return RedisCluster(
        startup_nodes=[ClusterNode(host, port) for host, port in address.hosts],
        max_connections=size,
        ssl=address.tls,
        **_connection_options(address),
    )


def _pool_options(address: StoreAddress) -> dict[str, Any]:
    size = address.options.get("max_connections", POOL_SIZE)
    return _connection_options(address) | {"max_connections": size, "timeout": TIMEOUT_S, "pulse": Pulse()}


def _connection_options(address: StoreAddress) -> dict[str, Any]:
    asked = {name: value for name, value in address.options.items() if name != "max_connections"}
    return {
        "db": address.db,
        "username": address.username,
        "password": address.password,
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        # redis-py repeats a command up to ten times unless told otherwise, and so runs a script twice whose
        # answer was lost. Only who knows that it is harmless may repeat one.
        "retry": Retry(NoBackoff(), 0),
        # A managed server could lengthen our timeouts with these.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        **asked,
    }
