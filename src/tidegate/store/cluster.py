"""A client of a Valkey Cluster: each call goes to the primary that has its slot, and follows the slot when it moves."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, Literal, NamedTuple

from redis.asyncio import Redis
from redis.commands.core import AsyncCoreCommands
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.event import EventDispatcher
from redis.exceptions import AskError, ClusterDownError, MovedError, RedisError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tidegate.store.pulse import NoConnection
from tidegate.store.wire import Wire
from tidegate.tasks import spawn

Address = tuple[str, int]
"""Host and port of a server."""

#: A call is sent on so often at most: a slot that moves is met once or twice, a cluster that can't agree for ever.
_HOPS: Final = 5
#: A script whose keys are on two servers at the moment, as their slot is on its way, is asked for again; so long in
#: all, which is less than a caller would wait for a 503.
_TRY_AGAIN_S: Final = (0.01, 0.02, 0.04, 0.08)
#: So long after nobody could say where the slots are the servers are not asked again.
_REST_S: Final = 0.1

_SCRIPTS: Final = frozenset({"EVAL", "EVALSHA"})
_ANYWHERE: Final = frozenset({"CLUSTER", "CONFIG", "INFO", "PING", "TIME"})


class Way(NamedTuple):
    """The way to one server: a client of it, and a wire for scripts."""

    client: Redis
    wire: Wire


class Cluster(AsyncCoreCommands):
    """The primaries of a cluster as one client, with redis-py's commands.

    A server in trouble is a matter of its own slots: calls for the others neither wait for it nor lose a connection.
    A call is sent again only on proof that nothing ran (MOVED, ASK, TRYAGAIN). Whatever made a call fail has the table
    of slots read anew, beside whatever is asked meanwhile.
    """

    _is_async_client: Literal[True] = True
    _event_dispatcher = EventDispatcher()

    def __init__(self, seeds: Sequence[Address], way_to: Callable[[Address], Way]) -> None:
        """`seeds`: servers of the cluster, of which one at least should answer; `way_to` opens the way to one."""
        self._way_to = way_to
        self._seeds = tuple(seeds)
        self._servers: dict[Address, Way] = {}
        self._owners: list[Address | None] = []
        self._reading: asyncio.Task[bool] | None = None
        self._rests_until_s = 0.0
        self._turn = 0

    async def primaries(self, prefix: str) -> dict[str, Redis]:
        """A client of each server that has slots, by a key that is its, made of `prefix` and a hash tag.

        Raises redis' ConnectionError while no server can be found.
        """
        await self._know()
        wanted, found = {owner for owner in self._owners if owner}, dict[str, Redis]()
        numbers = itertools.count()
        while wanted:
            key = f"{prefix}{{{next(numbers)}}}"
            owner = self._owners[_slot_of(key)]
            if owner in wanted:
                wanted.discard(owner)
                found[key] = self._server(owner).client
        return found

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run a command where its key is; one without a key on any primary. Raises what redis' clients raise."""
        await self._know()
        slot = _slot(args, options)
        at, asking, waits = self._owner(slot), False, iter(_TRY_AGAIN_S)
        for _ in range(_HOPS + len(_TRY_AGAIN_S)):
            try:
                return await self._run(at, asking, args, options)
            except MovedError as told:
                at, asking = self._told(told, at), False
                if slot is not None:
                    self._owners[slot] = at
                self._read_soon()
            except AskError as told:
                at, asking = self._told(told, at), True
            except TryAgainError:
                wait_s = next(waits, None)
                if wait_s is None:
                    raise
                await asyncio.sleep(wait_s)
                at, asking = self._owner(slot), False
            except (RedisConnectionError, RedisTimeoutError, ClusterDownError, OSError):
                self._read_soon()
                raise
        raise ClusterDownError("its servers send each other's callers round in circles")

    def wire_to(self, key: str | bytes) -> Wire | None:
        """The wire to the server that had this key's slot when that was last looked up; None: nobody is known to."""
        owner = self._owners[_slot_of(key)] if self._owners else None
        server = self._servers.get(owner) if owner is not None else None
        return server.wire if server is not None else None

    async def scan_iter(self, match: str | bytes, count: int) -> AsyncIterator[bytes]:  # type: ignore[override]  # less
        """All keys of one slot that match: `match` begins with a hash tag of it. One may come twice."""
        await self._know()
        slot, looked_at = _slot_of(match), None
        while (at := self._owner(slot)) != looked_at:
            looked_at = at
            async for key in self._server(at).client.scan_iter(match=match, count=count):
                yield key
            # A server that gave the slot away meanwhile says nothing of it: it is silent about what it has no more.
            await self._read()

    async def aclose(self) -> None:
        """Close all connections. Nothing is asked any more."""
        if self._reading is not None:
            self._reading.cancel()
        await asyncio.gather(*(server.client.aclose() for server in self._servers.values()), return_exceptions=True)

    async def _run(self, at: Address, asking: bool, args: Sequence[Any], options: dict[str, Any]) -> Any:
        server = self._server(at)
        if not asking:
            if args[0] in _SCRIPTS:
                # Those of one moment share a packet, of whichever portfolios they are.
                return await server.wire.call(*args)
            return await server.client.execute_command(*args, **options)  # type: ignore[no-untyped-call]  # it has no hints
        # It counts for the next command on the same connection.
        async with server.client.pipeline(transaction=False) as pipe:
            pipe.execute_command("ASKING")
            pipe.execute_command(*args, **options)
            _, answer = await pipe.execute(raise_on_error=False)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _server(self, address: Address) -> Way:
        server = self._servers.get(address)
        if server is None:
            server = self._servers[address] = self._way_to(address)
        return server

    def _owner(self, slot: int | None) -> Address:
        owner = self._owners[slot] if slot is not None else next(filter(None, self._owners), None)
        if owner is None:
            self._read_soon()
            raise NoConnection("no server of the cluster has this slot")
        return owner

    @staticmethod
    def _told(told: AskError, at: Address) -> Address:
        """Where a server sends a call; one that does not know its own name means the host that it was asked at."""
        return told.host or at[0], told.port

    async def _know(self) -> None:
        """Have a table of slots. Raises NoConnection."""
        if self._owners:
            return
        if asyncio.get_running_loop().time() < self._rests_until_s or not await asyncio.shield(self._reading_now()):
            raise NoConnection("no server of the cluster says where its slots are; they are asked again in a moment")

    def _read_soon(self) -> None:
        if asyncio.get_running_loop().time() >= self._rests_until_s:
            self._reading_now()

    def _reading_now(self) -> asyncio.Task[bool]:
        if self._reading is None or self._reading.done():
            self._reading = spawn(self._read(), "slots of the cluster")
        return self._reading

    async def _read(self) -> bool:
        """Ask the servers in turn until one knows, another first each time: one may be cut off from the others."""
        asked = list(dict.fromkeys([*self._servers, *self._seeds]))
        self._turn += 1
        table, at = None, asked[0]
        for index in range(len(asked)):
            at = asked[(self._turn + index) % len(asked)]
            with contextlib.suppress(RedisError, OSError):
                table = await self._server(at).client.execute_command("CLUSTER SLOTS")  # type: ignore[no-untyped-call]  # as above
            if table:
                break
        if table is not None:
            await self._take(table, at)
        self._rests_until_s = asyncio.get_running_loop().time() + _REST_S
        return bool(table)

    async def _take(self, ranges: Sequence[Any], at: Address) -> None:
        """Go by a table from now on: slots from, to, the primary of them, its replicas; and forget who is not in it."""
        owners: list[Address | None] = [None] * (REDIS_CLUSTER_HASH_SLOTS if ranges else 0)
        members = set(self._seeds)
        for first, last, *servers in ranges:
            addresses = [_address(server, at) for server in servers]
            owners[first : last + 1] = [addresses[0]] * (last + 1 - first)
            members.update(addresses)
        self._owners = owners
        gone = [self._servers.pop(address) for address in self._servers.keys() - members]
        await asyncio.gather(*(server.client.aclose() for server in gone), return_exceptions=True)


def _address(server: Sequence[Any], at: Address) -> Address:
    """A server as the table names it; where it is not known by what name, it is the one that was asked."""
    host, port = server[0], server[1]
    return (host.decode() if isinstance(host, bytes) else host) or at[0], int(port)


def _slot(args: Sequence[Any], options: dict[str, Any]) -> int | None:
    """The slot of a command's first key; None: it has none."""
    match args[0]:
        case "EVAL" | "EVALSHA":
            return _slot_of(args[3]) if int(args[2]) else None
        case str(name) if name.partition(" ")[0] in _ANYWHERE:
            return None
    return _slot_of(options["keys"][0] if options.get("keys") else args[1])


def _slot_of(key: str | bytes) -> int:
    return key_slot(key if isinstance(key, bytes) else key.encode())
