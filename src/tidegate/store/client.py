"""The way to the store: clients that give up early, never repeat themselves, and notice a demoted primary."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from redis.asyncio import Redis, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from tidegate.store.address import StoreAddress, StoreKind, parse_address
from tidegate.store.cluster import Address, Cluster, Way
from tidegate.store.connections import (
    PlainConnection,
    Pool,
    SentinelConnection,
    SentinelPool,
    SocketConnection,
    TlsConnection,
    TlsSentinelConnection,
)
from tidegate.store.data_directory import DirectoryInUse
from tidegate.store.embedded import EmbeddedStore, running_url
from tidegate.store.pulse import Pulse
from tidegate.store.scripts import StoreClient, run_by
from tidegate.store.witness import Witness
from tidegate.tasks import spawn

TIMEOUT_S = 0.25  #: to connect, to answer, to get a free connection: how soon a hung store is noticed
POOL_SIZE = 64  #: connections of one process to one server
#: What `CLIENT LIST` of the store calls us; made once, for the library reads its own metadata from disk for each.
_DRIVER = DriverInfo()


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
        return isinstance(self.client, Cluster)

    def unwatched(self) -> StoreConnection:
        """Another way to the same store, which no witness is asked about. Closed by itself, or at last with this."""
        client, sentinel = _client(parse_address(self.url))
        aside = StoreConnection(client, self.url, sentinel=sentinel, _aside=self._aside)
        self._aside.append(aside)
        return aside

    def to_server(self, host: str, port: int) -> Redis:
        """A client of one server of the store, a replica for instance. Whoever asks for it closes it."""
        address = parse_address(self.url)
        return Redis.from_pool(Pool(**_pool_options(address), **_over_tcp(address, (host, port))))

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


def _client(address: StoreAddress, witness: Witness | None = None) -> tuple[StoreClient, Sentinel | None]:
    match address.kind:
        case StoreKind.CLUSTER:
            return _cluster(address), None
        case StoreKind.SENTINEL:
            return _sentinel(address, witness)
        case StoreKind.UNIX:
            where: dict[str, Any] = {"connection_class": SocketConnection, "path": str(address.path)}
        case _:
            ((host, port),) = address.hosts
            where = _over_tcp(address, (host, port))
    pool = Pool(**_pool_options(address), **_greeted(witness), **where)
    client = Redis.from_pool(pool)
    run_by(client, pool.wire, pool.promises)
    return client, None


def _over_tcp(address: StoreAddress, server: Address) -> dict[str, Any]:
    kind = TlsConnection if address.tls else PlainConnection
    return {"connection_class": kind, "host": server[0], "port": server[1]}


def _greeted(witness: Witness | None) -> dict[str, Any]:
    return {} if witness is None else {"redis_connect_func": witness.greet, "witness": witness}


def _sentinel(address: StoreAddress, witness: Witness | None) -> tuple[StoreClient, Sentinel]:
    own = {"db": 0, "username": address.sentinel_username, "password": address.sentinel_password}
    asking = _connection_options(address) | own | {"ssl": address.tls}
    sentinel = Sentinel(list(address.hosts), sentinel_kwargs=asking)  # type: ignore[no-untyped-call]  # it has no hints
    # Once, for each call makes another pool.
    client = sentinel.master_for(
        address.service or "",
        connection_pool_class=SentinelPool,
        connection_class=TlsSentinelConnection if address.tls else SentinelConnection,
        ssl=address.tls,
        **_pool_options(address),
        **_greeted(witness),
    )
    run_by(client, client.connection_pool.wire, client.connection_pool.promises)
    return client, sentinel


def _cluster(address: StoreAddress) -> Cluster:
    def way_to(server: Address) -> Way:
        # With a pulse of its own: of one that is away nobody waits, whatever the others do.
        pool = Pool(**_pool_options(address), **_over_tcp(address, server))
        return Way(Redis.from_pool(pool), pool.wire)

    return Cluster(address.hosts, way_to)


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
        "driver_info": _DRIVER,
        **asked,
    }
