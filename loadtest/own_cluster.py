"""A Valkey Cluster for one run: real servers on loopback, each with a third of the slots, and gone with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any, Final

from redis.asyncio import Redis
from redis.crc import key_slot
from redis.exceptions import RedisError

from tidegate.store.keys import PortfolioKeys
from tidegate.store.valkey_process import SOCKET_NAME, ValkeyProcess

SLOTS: Final = 16_384
_POLL_S: Final = 0.02
_WELL_S: Final = 20.0
#: A server that says nothing for so long is taken for dead by the others.
_DEAD_MS: Final = 1_000
_OPTIONS: Final = {
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "maxmemory-policy": "noeviction",
    "bind": "127.0.0.1",
    "protected-mode": "no",
    "cluster-enabled": "yes",
    "cluster-node-timeout": str(_DEAD_MS),
    "cluster-require-full-coverage": "no",
    # A replica that was just filled may take over.
    "cluster-replica-validity-factor": "0",
    "repl-diskless-sync-delay": "0",
}


@dataclass(frozen=True)
class Member:
    """One server of it. `admin` speaks to it through its own socket, patiently."""

    port: int
    process: ValkeyProcess
    admin: Redis
    node_id: str

    async def ask(self, *words: str | int) -> Any:
        """Have it do something. Raises redis' errors."""
        return await self.admin.execute_command(*words)  # type: ignore[no-untyped-call]  # it has no hints

    def kill(self) -> None:
        """End it as `kill -9` does."""
        os.kill(self.process.pid, signal.SIGKILL)

    async def info(self) -> dict[str, Any]:
        """What `CLUSTER INFO` says."""
        return dict(await self.ask("CLUSTER INFO"))


@dataclass(frozen=True)
class OwnCluster:
    """The servers: `primaries` as they were at the start, each with its third of the slots, and a replica of each."""

    primaries: Sequence[Member]
    replicas: Sequence[Member] = ()

    @property
    def url(self) -> str:
        """For `store.url`."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{one.port}" for one in (*self.primaries, *self.replicas))

    async def hand_over(self, slot: int, to: int) -> None:
        """Have the server that has a slot give it to one of `primaries`, all at once, as Valkey 9 can."""
        source, target = await self._owner(slot), self.primaries[to]
        await source.ask("CLUSTER MIGRATESLOTS", "SLOTSRANGE", slot, slot, "NODE", target.node_id)
        await self._until_owned(slot, target)

    async def carry_over(self, slot: int, to: int) -> None:
        """Carry a slot over to one of `primaries` key by key, as it is done with any version."""
        source, target = await self._owner(slot), self.primaries[to]
        await target.ask("CLUSTER SETSLOT", slot, "IMPORTING", source.node_id)
        await source.ask("CLUSTER SETSLOT", slot, "MIGRATING", target.node_id)
        async with asyncio.timeout(_WELL_S):
            while keys := await source.ask("CLUSTER GETKEYSINSLOT", slot, 50):
                await source.ask("MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *keys)
        for member in (target, source):
            await member.ask("CLUSTER SETSLOT", slot, "NODE", target.node_id)
        await self._until_owned(slot, target)

    async def _owner(self, slot: int) -> Member:
        for first, last, server, *_ in await self.primaries[0].ask("CLUSTER SLOTS"):
            if first <= slot <= last:
                return next(one for one in (*self.primaries, *self.replicas) if one.port == server[1])
        raise LookupError(f"nobody has slot {slot}")

    async def _until_owned(self, slot: int, owner: Member) -> None:
        async def is_owned() -> bool:
            return (await self._owner(slot)).port == owner.port

        async with asyncio.timeout(_WELL_S):
            await _until(is_owned)

    def home(self, portfolio: str) -> int:
        """Which of the primaries had this portfolio at the start."""
        return slot_of(portfolio) * len(self.primaries) // SLOTS


def slot_of(portfolio: str) -> int:
    """The slot that a portfolio lives in."""
    return key_slot(PortfolioKeys(portfolio).all[0])


def spread(shards: int, each: int) -> list[str]:
    """Names of portfolios, so many for each of the shards, those of one shard not beside each other."""
    found: dict[int, list[str]] = {shard: [] for shard in range(shards)}
    number = 0
    while any(len(names) < each for names in found.values()):
        name = f"shop-{number}"
        number += 1
        names = found[slot_of(name) * shards // SLOTS]
        if len(names) < each:
            names.append(name)
    return [names[turn] for turn in range(each) for names in found.values()]


@asynccontextmanager
async def own_cluster(
    ports: Sequence[int], *, replicas: bool = False, options: Mapping[str, str] | None = None
) -> AsyncIterator[OwnCluster]:
    """Have one whose servers agree. `ports`: two free ones a server; with `replicas` the first half are primaries.

    Raises TimeoutError when it does not find itself well.
    """
    servers, buses = ports[::2], ports[1::2]
    with TemporaryDirectory(prefix="tidegate-cluster-") as directory:
        members: list[Member] = []
        try:
            for port, bus in zip(servers, buses, strict=True):
                home = Path(mkdtemp(dir=directory))
                places = {"port": str(port), "cluster-port": str(bus)}
                process = ValkeyProcess.spawn(home, {**_OPTIONS, **(options or {}), **places})
                admin = Redis(unix_socket_path=str(home / SOCKET_NAME))
                # It would decode them, and not all of them are text.
                admin.response_callbacks.pop("CLUSTER GETKEYSINSLOT")
                members.append(Member(port, process, admin, ""))
            for index, member in enumerate(members):
                await member.process.ready(str(member.process.directory / SOCKET_NAME), timeout_s=10)
                node_id = bytes(await member.ask("CLUSTER MYID")).decode()
                members[index] = Member(member.port, member.process, member.admin, node_id)
            count = len(members) // 2 if replicas else len(members)
            made = OwnCluster(members[:count], members[count:])
            await _introduce(made, buses)
            yield made
        finally:
            for member in members:
                await member.admin.aclose()
            await asyncio.gather(*(member.process.stop(timeout_s=5) for member in members))


async def _introduce(cluster: OwnCluster, buses: Sequence[int]) -> None:
    count, members = len(cluster.primaries), [*cluster.primaries, *cluster.replicas]
    for index, primary in enumerate(cluster.primaries):
        first, last = -(-index * SLOTS // count), -(-(index + 1) * SLOTS // count) - 1
        await primary.ask("CLUSTER ADDSLOTSRANGE", first, last)
    for epoch, member in enumerate(members, 1):
        await member.ask("CLUSTER SET-CONFIG-EPOCH", epoch)
    for member, bus in zip(members[1:], buses[1:], strict=True):
        await members[0].ask("CLUSTER MEET", "127.0.0.1", member.port, bus)

    async def know_each_other() -> bool:
        infos = [await member.info() for member in members]
        return all(int(info["cluster_known_nodes"]) == len(members) for info in infos)

    async def are_well() -> bool:
        infos = [await member.info() for member in members]
        synced = [(await replica.admin.info("replication")).get("master_link_status") for replica in cluster.replicas]
        seen = all(int(info["cluster_size"]) == count and info["cluster_state"] == "ok" for info in infos)
        return seen and all(link == "up" for link in synced)

    async with asyncio.timeout(_WELL_S):
        await _until(know_each_other)
        for replica, primary in zip(cluster.replicas, cluster.primaries, strict=False):
            await replica.ask("CLUSTER REPLICATE", primary.node_id)
        await _until(are_well)


async def _until(told: Any) -> None:
    while True:
        try:
            if await told():
                return
        except RedisError:
            pass
        await asyncio.sleep(_POLL_S)
