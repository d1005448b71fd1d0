"""One candidate measured for a moment: what callers were told, what the upstream accepted, what the processes took."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadtest.bench.speed import machine
from loadtest.bench.speed.load import Load, Told
from loadtest.bench.speed.stage import Candidate, Stage

#: Callers ask for so long before anything is counted.
WARM_S = 0.15


class Void(Exception):
    """What callers were told and what the upstream accepted do not tally: the window says nothing."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a window is loaded. `rate`: requests a second whether or not answers come; 0: without a break."""

    connections: int = 64
    seconds: float = 1.0
    rate: float = 0.0
    upstream_ms: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """What came of it. Times of answers in ms, CPU in microseconds a send, memory in MiB; `spin_ms`: the machine's."""

    sends: int
    seconds: float
    gateway_us: float
    store_us: float
    p50_ms: float
    p99_ms: float
    rss_mib: float
    spin_ms: float
    answers: Mapping[str, int] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        """Sends a second."""
        return self.sends / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU of gateway and store together, in microseconds a send."""
        return self.gateway_us + self.store_us


def at(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


class Meter:
    """What a candidate's processes and the clock show between two moments."""

    def __init__(self, candidate: Candidate) -> None:
        self._candidate = candidate
        self._began = self._now()

    def _now(self) -> tuple[float, float, float]:
        candidate = self._candidate
        return time.perf_counter(), machine.cpu_s(candidate.pids), machine.cpu_s(candidate.store_pids)

    def read(self) -> tuple[float, float, float]:
        """Seconds since the begin, and CPU seconds of the gateway and of its store."""
        now, gateway, store = (now - then for now, then in zip(self._now(), self._began, strict=True))
        return now, gateway, store


async def measured(stage: Stage, candidate: Candidate, shape: Shape) -> Window:
    """Load a candidate and look. Raises Void, TimeoutError."""
    spin_ms = machine.spin_ms()
    await stage.upstream(f"delay?ms={shape.upstream_ms}")
    await stage.upstream("reset")
    load = Load(candidate.port, shape.connections, candidate.traffic.request)
    await load.begin(shape.rate)
    await asyncio.sleep(WARM_S)
    told = load.told
    told.listening, before, meter = True, Counter(told.answers), Meter(candidate)
    await asyncio.sleep(shape.seconds)
    seconds, gateway_s, store_s = meter.read()
    told.listening = False
    sends = told.answers["send"] - before["send"]
    await load.end()
    tally(candidate.name, told, await stage.upstream("count"))
    return Window(
        sends=sends,
        seconds=seconds,
        gateway_us=gateway_s / max(1, sends) * 1e6,
        store_us=store_s / max(1, sends) * 1e6,
        p50_ms=at(told.took_s, 0.5) * 1_000,
        p99_ms=at(told.took_s, 0.99) * 1_000,
        rss_mib=machine.rss_mib(candidate.pids),
        spin_ms=spin_ms,
        answers=dict(told.answers),
    )


def tally(name: str, told: Told, upstream: Mapping[str, int]) -> None:
    """See that every request was answered as sent, and that the upstream accepted as many, none twice. Raises Void."""
    said = f"{name}: asked {told.asked}, told {dict(told.answers)}, lost {told.lost}, upstream {dict(upstream)}"
    if not told.asked or set(told.answers) != {"send"}:
        raise Void(f"not everything was sent: {said}")
    if told.answers["send"] != told.asked or upstream["accepted"] != told.asked or upstream["repeated"]:
        raise Void(f"the upstream has not what callers were told: {said}")
