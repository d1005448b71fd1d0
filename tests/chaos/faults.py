"""Every fault, as something that is done to a stage while callers go on; it returns when all is whole again."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Final

from tests.chaos.server import Server
from tests.chaos.stage import Stage
from tests.faultproxy import Door
from tidegate.simulator.faults import Fault, Then

#: Longer than a claim of a queued message lasts.
_PAST_A_LEASE_S: Final = 31
_UNSYNCED_BYTES: Final = 8_000


async def nothing(_stage: Stage) -> None:
    """What the figures are without a fault."""


async def node_killed(stage: Stage) -> None:
    """`kill -9` of a node in the middle of its sends, and its restart."""
    node = stage.fleet.nodes[0]
    await stage.posts(5)
    await node.kill()
    await asyncio.sleep(1)
    await stage.fleet.start()


async def node_killed_often(stage: Stage) -> None:
    """`kill -9` of one node after the other, each after a few more POSTs."""
    for count, node in zip((1, 2, 3, 5), stage.fleet.nodes * 2, strict=False):
        await stage.posts(count)
        await node.kill()
        await stage.fleet.start()


async def all_nodes_killed(stage: Stage) -> None:
    """`kill -9` of all nodes at once, and their restart."""
    await asyncio.gather(*(node.kill() for node in stage.fleet.nodes))
    await stage.fleet.start()


async def node_frozen(stage: Stage) -> None:
    """SIGSTOP for 3 s: longer than it may take from the decision to the first byte."""
    node = stage.fleet.nodes[0]
    node.freeze()
    await asyncio.sleep(3)
    node.thaw()


async def node_frozen_past_its_lease(stage: Stage) -> None:
    """SIGSTOP until another node may claim what it had claimed, and did."""
    node = stage.fleet.nodes[0]
    node.freeze()
    await asyncio.sleep(1)
    await stage.advance(_PAST_A_LEASE_S)
    await asyncio.sleep(2)
    node.thaw()


async def store_killed(stage: Stage) -> None:
    """`kill -9` of the store, and its restart on the same directory."""
    await stage.store.kill()
    await stage.store.start()


async def store_hung(stage: Stage) -> None:
    """SIGSTOP of the store for 5 s."""
    stage.store.signal(signal.SIGSTOP)
    await asyncio.sleep(5)
    stage.store.signal(signal.SIGCONT)


async def store_gone(stage: Stage) -> None:
    """The store is away for 8 s."""
    await _gone(stage, 8)


async def store_gone_for_a_minute(stage: Stage) -> None:
    """The store is away for 60 s."""
    await _gone(stage, 60)


async def _gone(stage: Stage, seconds: int) -> None:
    await stage.store.kill()
    await asyncio.sleep(seconds)
    await stage.store.start()


async def store_without_power(stage: Stage) -> None:
    """The store's machine loses its power: what its disk had not got is gone."""
    await stage.store.watch_disk()
    await stage.posts(20)
    if stage.deployment.appendfsync != "always":
        # Just before the next sync, as bad luck would have it.
        for _ in range(200):
            if stage.store.unsynced() >= _UNSYNCED_BYTES:
                break
            await asyncio.sleep(0.02)
    stage.notes.append(f"{await stage.store.lose_power()} bytes")
    await stage.store.start()


async def store_flushed(stage: Stage) -> None:
    """Somebody runs FLUSHALL."""
    async with stage.store.client as client:
        await client.flushall()


async def store_without_its_data(stage: Stage) -> None:
    """The store is killed and comes back on an empty disk."""
    await stage.store.kill()
    stage.store.empty()
    await stage.store.start()


async def failover(stage: Stage) -> None:
    """The link to the replica goes dark, the store dies 2 s later, and the replica takes its place."""
    stage.link.up.close()
    stage.link.down.close()
    await asyncio.sleep(2)
    await _promoted(stage)


async def failover_of_a_one_way_link(stage: Stage) -> None:
    """As before, with nothing lost of what the replica says: only of what it is told."""
    stage.link.down.close()
    await asyncio.sleep(4)
    await _promoted(stage)


async def failover_in_step(stage: Stage) -> None:
    """The store dies while the replica is in step, which takes its place."""
    await _promoted(stage)


async def _promoted(stage: Stage) -> None:
    assert stage.replica is not None
    await stage.store.kill()
    stage.to_store.target = stage.replica.address
    stage.to_store.reset_all()
    async with stage.replica.client as client:
        await client.replicaof("NO", "ONE")
    # As an operator, or Sentinel, would: the other machine comes back as its replica.
    other = Server(stage.store.directory, {"appendfsync": stage.deployment.appendfsync})
    stage.link.target = stage.replica.address
    stage.store, stage.replica = stage.replica, other
    other.empty()
    stage.link.up.open()
    stage.link.down.open()
    stage.link.reset_all()
    await other.start()
    async with other.client as client:
        await client.replicaof(*stage.link.address)


async def replies_of_the_store_lost(stage: Stage) -> None:
    """Every ninth call to the store is carried out, and its reply lost with its connection."""
    stage.to_store.lose_replies(every=9)
    await asyncio.sleep(5)
    stage.to_store.lose_replies(every=0)


async def resets_by_the_store(stage: Stage) -> None:
    """Every connection to the store is reset, five times a second."""
    for _ in range(20):
        stage.to_store.reset_all()
        await asyncio.sleep(0.2)


async def store_slow(stage: Stage) -> None:
    """What the store says is 200 ms late: under what nodes wait for, for one call; over it, for two."""
    stage.to_store.down.delay_s = 0.2
    await asyncio.sleep(5)
    stage.to_store.down.delay_s = 0.0


async def store_in_slices(stage: Stage) -> None:
    """What goes to and from the store comes a few bytes at a time."""
    stage.to_store.up.slice_bytes = stage.to_store.down.slice_bytes = 7
    await asyncio.sleep(3)
    stage.to_store.up.slice_bytes = stage.to_store.down.slice_bytes = 0


async def store_cut_off(stage: Stage) -> None:
    """The way to the store is a black hole for 4 s, and then delivers what was sent into it."""
    stage.to_store.up.close()
    await asyncio.sleep(4)
    stage.to_store.up.open()


async def upstream_refuses(stage: Stage) -> None:
    """The platform refuses connections for 4 s."""
    await stage.to_meta.set_door(Door.SHUT)
    stage.to_meta.reset_all()
    await asyncio.sleep(4)
    await stage.to_meta.set_door(Door.OPEN)


async def upstream_resets(stage: Stage) -> None:
    """The platform takes connections and resets them, also those in use, for 4 s."""
    await stage.to_meta.set_door(Door.RESETS)
    for _ in range(20):
        stage.to_meta.reset_all()
        await asyncio.sleep(0.2)
    await stage.to_meta.set_door(Door.OPEN)


async def upstream_answers_are_lost(stage: Stage) -> None:
    """The platform takes what it is sent, and its answers do not arrive, for 4 s."""
    stage.to_meta.down.close()
    await asyncio.sleep(4)
    stage.to_meta.reset_all()
    stage.to_meta.down.open()


async def upstream_takes_it_later(stage: Stage) -> None:
    """What is sent to the platform is stuck on its way, and arrives when nobody waits for an answer any more."""
    stage.to_meta.up.close()
    await asyncio.sleep(4)
    stage.to_meta.up.open()


async def upstream_errs(stage: Stage) -> None:
    """Answers that prove nothing: half of them to sends that were taken, half to sends that were not."""
    for accept in (True, False):
        for then in (Then.HTML, Then.TRUNCATED, Then.CUT, Then.DROP):
            stage.meta.faults.add(Fault(then, accept=accept, times=4))
        stage.meta.faults.add(Fault(Then.STATUS, accept=accept, times=4, status=500, body="oops"))
        stage.meta.faults.add(Fault(Then.STATUS, accept=accept, times=4, status=200, body={"messages": []}))
        stage.meta.faults.add(Fault(Then.STATUS, accept=accept, times=4, status=504, body="<html></html>"))
    for _ in range(300):
        if not len(stage.meta.faults):
            break
        await asyncio.sleep(0.1)
    stage.meta.faults.clear()


async def clock_steps(stage: Stage) -> None:
    """The clock of a node's machine jumps two hours ahead, then two hours behind, then back."""
    for step in ("+7200", "-7200", "+0"):
        _tell_clock(stage, step)
        await asyncio.sleep(2)


def _tell_clock(stage: Stage, step: str) -> None:
    Path(stage.deployment.environment["FAKETIME_TIMESTAMP_FILE"]).write_text(step)
