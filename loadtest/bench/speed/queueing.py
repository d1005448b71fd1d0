"""Sends that wait: how fast they are taken into the queue, and how fast they leave it, beside sends at once."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from loadtest.bench.speed.configs import KEY, Estate
from loadtest.bench.speed.load import Load, at_most
from loadtest.bench.speed.stage import Candidate, Stage
from loadtest.bench.speed.traffic import Mix
from loadtest.bench.speed.window import Meter, Shape, Void, Window, measured

_CONNECTIONS: Final = 64
_LOOK_S: Final = 0.01
#: All of them are queued, and all of them sent, within this.
_WITHIN_S: Final = 180.0
_ADMIN: Final = {"Authorization": f"Bearer {KEY}"}


@dataclass(frozen=True, slots=True)
class Queued:
    """Rates in messages a second, CPU in microseconds a message. `rouse_ms`: from the end of the pause to the first."""

    messages: int
    enqueued_per_second: float
    enqueue_gateway_us: float
    enqueue_store_us: float
    drained_per_second: float
    drain_gateway_us: float
    drain_store_us: float
    rouse_ms: float
    direct: Window


async def queued(stage: Stage, candidate: Candidate, estate: Estate, messages: int, seconds: float) -> Queued:
    """Send at once for a while; then pause everything, send so many, and let them go. Raises Void, TimeoutError."""
    # A text never waits.
    candidate.traffic.mix = Mix.TEMPLATES
    direct = await measured(stage, candidate, Shape(_CONNECTIONS, seconds))
    await stage.upstream("reset")
    pauses = [await _pause(stage, candidate, estate.portfolio(index)) for index in range(estate.portfolios)]
    enqueue = Meter(candidate)
    load = Load(candidate.port, _CONNECTIONS, at_most(messages, candidate.traffic.request))
    await load.begin()
    await load.answered(_WITHIN_S)
    enqueue_s, enqueue_gateway_s, enqueue_store_s = enqueue.read()
    told = await load.end()
    if told.answers != {"queue": messages} or told.lost:
        raise Void(f"{candidate.name}: not everything was queued: {dict(told.answers)}, lost {told.lost}")
    drain, began = Meter(candidate), time.perf_counter()
    for pause in pauses:
        await _resume(stage, candidate, pause)
    rouse_s = await _until(stage, 1) - began
    drain_s = await _until(stage, messages) - began
    _, drain_gateway_s, drain_store_s = drain.read()
    await asyncio.sleep(_LOOK_S)
    upstream = await stage.upstream("count")
    if upstream != {"accepted": messages, "repeated": 0}:
        raise Void(f"{candidate.name}: {messages} were queued, and the upstream has {upstream}")
    return Queued(
        messages=messages,
        enqueued_per_second=messages / enqueue_s,
        enqueue_gateway_us=enqueue_gateway_s / messages * 1e6,
        enqueue_store_us=enqueue_store_s / messages * 1e6,
        drained_per_second=messages / drain_s,
        drain_gateway_us=drain_gateway_s / messages * 1e6,
        drain_store_us=drain_store_s / messages * 1e6,
        rouse_ms=rouse_s * 1_000,
        direct=direct,
    )


async def _pause(stage: Stage, candidate: Candidate, portfolio: str) -> str:
    body = {"scope": {"portfolio": portfolio}, "reason": "bench", "for": "30m"}
    async with stage.session.post(f"{candidate.url}/gateway/v1/pauses", json=body, headers=_ADMIN) as answer:
        answer.raise_for_status()
        return str((await answer.json())["id"])


async def _resume(stage: Stage, candidate: Candidate, pause: str) -> None:
    async with stage.session.delete(f"{candidate.url}/gateway/v1/pauses/{pause}", headers=_ADMIN) as answer:
        answer.raise_for_status()


async def _until(stage: Stage, accepted: int) -> float:
    """When the upstream has accepted so many."""
    async with asyncio.timeout(_WITHIN_S):
        while True:
            if (await stage.upstream("count"))["accepted"] >= accepted:
                return time.perf_counter()
            await asyncio.sleep(_LOOK_S)
