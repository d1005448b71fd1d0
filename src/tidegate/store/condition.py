"""What state the store is in: is it one that promises may rest on?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from tidegate.errors import StoreUnavailable
from tidegate.store.cluster import Cluster
from tidegate.store.faults import store_faults
from tidegate.store.scripts import StoreClient

OLDEST_VERSION: Final = (6, 2)  #: of Redis; every Valkey is newer
_SAFER: Mapping[str | None, int] = MappingProxyType({"no": 1, "everysec": 2, "always": 3})
_PROBE_KEY = "tidegate:probe"
_PROBE_MS = 1_000


class Server(StrEnum):
    """Which program the store is."""

    VALKEY = "valkey"
    REDIS = "redis"


@dataclass(frozen=True, slots=True)
class StoreCondition:
    """What the store says of itself. Of a cluster: the worst that any of its primaries says that answer."""

    server: Server
    version: str  #: the server's own, like "9.1.2"
    durable: bool  #: it keeps an append-only file, its last write to it went well, and it calls fsync
    appendfsync: str | None  #: "always", "everysec" or "no"; None if we may not ask
    maxmemory_policy: str  #: "noeviction", or how it forgets keys when it is full
    replicas: int  #: how many are connected now
    writable: bool  #: it took a write just now; of a cluster: any of its primaries did
    away: int = 0  #: primaries of a cluster that do not answer

    def refusals(self, replicas_ack: int = 0, *, undurable_allowed: bool = False) -> tuple[str, ...]:
        """Say why no gateway may run on this store; empty if one may. Each is a sentence with its remedy.

        What `replicas_ack` replicas hold need not be on a disk.
        """
        found = []
        if self.maxmemory_policy != "noeviction":
            found.append(
                f"a full store would forget messages that were accepted (maxmemory-policy is "
                f"{self.maxmemory_policy}): set maxmemory-policy to noeviction"
            )
        if self.server is Server.REDIS and _parts(self.version) < OLDEST_VERSION:
            found.append(f"Redis {self.version} is too old: use Valkey, or Redis 6.2 or newer")
        if not self.durable and not replicas_ack and not undurable_allowed:
            found.append(
                "a restart of the store forgets what was accepted: set appendonly yes there, or replicas_ack here, "
                'or take the risk by store.undurable = "allow"'
            )
        return tuple(found)

    def warnings(self, replicas_ack: int = 0) -> tuple[str, ...]:
        """Say what a gateway can't promise on this store if `replicas_ack` replicas must hold a promise."""
        found = []
        if not self.writable:
            found.append("the store takes no writes now: a replica, a full disk, or too few replicas")
        if self.away:
            found.append(f"primaries of the cluster that do not answer: {self.away}; no promise to their portfolios")
        if not self.durable:
            found.append("a restart of the store forgets what was accepted: set appendonly yes")
        elif self.appendfsync == "everysec":
            found.append(
                "a power loss forgets the last second: set appendfsync always, or use replicas_ack; journal.directory "
                "keeps what was sent"
            )
        if self.replicas < replicas_ack:
            found.append(f"{replicas_ack} replicas must hold a promise, but {self.replicas} are connected")
        return tuple(found)


async def inspect(client: StoreClient) -> StoreCondition:
    """Ask the store for its condition. Writes one key, `tidegate:probe`, that is gone after a second.

    Of a cluster one on each primary. Raises StoreUnavailable if it, or none of them, answers.
    """
    if not isinstance(client, Cluster):
        return _worst([await _ask(client, _PROBE_KEY)])
    with store_faults:
        primaries = await client.primaries(f"{_PROBE_KEY}:")
    asked = [_ask(primary, key) for key, primary in primaries.items()]
    told = await asyncio.gather(*asked, return_exceptions=True)
    bugs = [one for one in told if isinstance(one, BaseException) and not isinstance(one, StoreUnavailable)]
    if bugs:
        raise bugs[0]
    reports = [one for one in told if isinstance(one, _Report)]
    if not reports:
        raise StoreUnavailable("the store is unavailable: no primary of the cluster answers")
    return _worst(reports, away=len(told) - len(reports))


@dataclass(frozen=True, slots=True)
class _Report:
    """What one server says of itself: INFO, the one setting that INFO does not show, and whether it took a write."""

    info: Mapping[str, str]
    appendfsync: str | None
    writable: bool

    @property
    def durable(self) -> bool:
        written = self.info.get("aof_last_write_status", "ok") == "ok"
        return self.info.get("aof_enabled") == "1" and written and self.appendfsync != "no"

    @property
    def policy(self) -> str:
        return self.info.get("maxmemory_policy", "unknown")

    @property
    def version(self) -> str:
        return self.info.get("valkey_version") or self.info.get("redis_version", "unknown")


async def _ask(server: Redis, key: str) -> _Report:
    with store_faults:
        info = _words(await server.info())
        try:
            settings = _words(await server.config_get("appendfsync"))
        except ResponseError:
            # Managed servers, and users with few rights, may not ask.
            settings = {}
        return _Report(info, settings.get("appendfsync"), await _takes_a_write(server, key))


def _words(answer: Mapping[Any, Any]) -> Mapping[str, str]:
    return {str(name): str(value) for name, value in answer.items()}


async def _takes_a_write(server: Redis, key: str) -> bool:
    try:
        return bool(await server.set(key, b"1", px=_PROBE_MS))
    except ResponseError:
        return False  # a replica, no space, no right, too few replicas: it answers, and the answer is no


def _worst(reports: Sequence[_Report], away: int = 0) -> StoreCondition:
    """Fold what the primaries say; there is at least one that answers."""
    policies = [report.policy for report in reports]
    syncs = [report.appendfsync for report in reports]
    return StoreCondition(
        server=Server.VALKEY if all("valkey_version" in report.info for report in reports) else Server.REDIS,
        version=min((report.version for report in reports), key=_parts),
        durable=all(report.durable for report in reports),
        appendfsync=min(syncs, key=lambda sync: _SAFER.get(sync, 0)),
        maxmemory_policy=next((policy for policy in policies if policy != "noeviction"), "noeviction"),
        replicas=min(int(report.info.get("connected_slaves", "0")) for report in reports),
        writable=any(report.writable for report in reports),
        away=away,
    )


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall("[0-9]+", version))
