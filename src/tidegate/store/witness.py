"""Who answers as the store: another server than before may have forgotten what the last one acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from tidegate.store.cluster import Cluster
from tidegate.store.faults import store_faults
from tidegate.store.scripts import StoreClient

_NEVER_PROMOTED = "0" * 40


class Identity(NamedTuple):
    """A server as it is now. `run_id`: of this run of it, "" where it may not be asked.

    `keeps_all`: when it starts again it has everything that it ever acknowledged, for each write was on its disk first
    and it never was a replica.
    """

    run_id: str
    keeps_all: bool


class Witness:
    """Lets connections through to the one server whose books this node has looked at, and to no other.

    It is asked at each new connection: a server that restarted, or that took over, is only reached by a new one. One
    that was deposed and does not know it is left, though connections to it never broke.
    """

    def __init__(self) -> None:
        #: The run of the server whose books were looked at; none while they may be others.
        self._trusted: set[str | None] = set()
        #: Whether it is this run. Asked before each call, so that it takes no step of Python's.
        self.trusts: Final[Callable[[str | None], bool]] = self._trusted.__contains__
        #: Set while the books have to be looked at before anything else is asked of the store.
        self.doubts = asyncio.Event()
        self.doubts.set()
        #: Called when the books of another server, or other books, are trusted from now on.
        self.on_trust: Callable[[], None] = lambda: None

    def trust(self, run_id: str) -> None:
        """The books have been looked at on this run of the server."""
        self._trusted.clear()
        self._trusted.add(run_id)
        self.doubts.clear()
        self.on_trust()

    def doubt(self) -> None:
        """The books may be others than those that were looked at."""
        self._trusted.clear()
        self.doubts.set()

    async def greet(self, connection: Any) -> None:
        """Greet a server on a new connection. Raises redis' ConnectionError for one that is not trusted (yet)."""
        await connection.on_connect()
        try:
            await connection.send_command("INFO", "server")
            run_id = _run_id(await connection.read_response())
        except ResponseError:
            run_id = ""
        connection.run_id = run_id
        if not self.trusts(run_id):
            self.doubt()
            raise RedisConnectionError("another server answers: its books are looked at first")


async def identify(client: StoreClient) -> Identity:
    """Ask who answers. Of a cluster nothing is known. Raises StoreUnavailable."""
    if isinstance(client, Cluster):
        return Identity("", keeps_all=False)
    with store_faults:
        try:
            info = {str(name): str(value) for name, value in (await client.info()).items()}
        except ResponseError:
            return Identity("", keeps_all=False)
    written = info.get("aof_enabled") == "1" and await _appendfsync(client) == "always"
    promoted = info.get("master_replid2", _NEVER_PROMOTED).strip("0") != ""
    return Identity(info.get("run_id", ""), written and not promoted)


async def _appendfsync(client: Redis) -> str | None:
    with store_faults:
        try:
            answer = await client.config_get("appendfsync")
        except ResponseError:
            return None
    return str(answer.get("appendfsync"))


def _run_id(info: bytes | str) -> str:
    text = info.decode() if isinstance(info, bytes) else info
    return next((line[7:].strip() for line in text.splitlines() if line.startswith("run_id:")), "")
