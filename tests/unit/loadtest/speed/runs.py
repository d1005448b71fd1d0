"""A run in which all that must hold does."""

from __future__ import annotations

from dataclasses import replace

from loadtest.bench.speed import candidates as who
from loadtest.bench.speed.axes import counted_name
from loadtest.bench.speed.found import Delivered, Found, Memory, Setting
from loadtest.bench.speed.intake import Intake, Storm
from loadtest.bench.speed.judged import Judged
from loadtest.bench.speed.queueing import Queued
from loadtest.bench.speed.rounds import Rounds
from loadtest.bench.speed.window import Window

WINDOW = Window(
    sends=1_000, seconds=1.0, gateway_us=100.0, store_us=10.0, p50_ms=1.0, p99_ms=2.0, rss_mib=50.0, spin_ms=5.0
)
QUEUED = Queued(
    messages=1_000, enqueued_per_second=1_000.0, enqueue_gateway_us=1.0, enqueue_store_us=1.0,
    drained_per_second=800.0, drain_gateway_us=1.0, drain_store_us=1.0, rouse_ms=1.0, direct=WINDOW,
)  # fmt: skip
TAKEN_IN = Intake(statuses=60, per_second=3_000.0, gateway_us=50.0, store_us=20.0, p50_ms=5.0, p99_ms=9.0, sends=WINDOW)
STORM = Storm(
    statuses=60, per_second=3_000.0, p50_ms=5.0, p99_ms=9.0,
    sends_per_second=300.0, calm_p50_ms=1.0, calm_p99_ms=2.0, sends_p50_ms=3.0, sends_p99_ms=7.0,
)  # fmt: skip
FASTER = replace(WINDOW, sends=2_100, gateway_us=40.0)


def found() -> Found:
    """One round of every axis."""
    sends = Rounds({who.BARE: [WINDOW], who.NAIVE: [replace(WINDOW, sends=300, gateway_us=400.0)], who.ON: [FASTER]})
    few, many = counted_name(1_000), counted_name(1_000_000)
    return Found(
        sends={Setting(64): sends, Setting(1): Rounds({who.BARE: [WINDOW], who.ON: [replace(WINDOW, p50_ms=1.1)]})},
        latency={Setting(64, 0, 500.0): Rounds({who.BARE: [WINDOW], who.ON: [replace(WINDOW, p99_ms=1.9)]})},
        portfolios=Rounds({"1 portfolio": [WINDOW], "50 portfolios": [replace(WINDOW, gateway_us=150.0)]}),
        recipients=Rounds({few: [WINDOW], many: [replace(WINDOW, store_us=15.0)]}),
        recipient_bytes={1_000: 300.0, 1_000_000: 25.0},
        durable=Rounds({who.ON: [WINDOW], **{form: [replace(WINDOW, sends=850)] for form in who.DURABLE}}),
        queue=Rounds({who.ON: [QUEUED]}),
        webhooks={Delivered(1, connections): Rounds({who.ON: [TAKEN_IN]}) for connections in (64, 512)},
        storm=Rounds({who.ON: [STORM]}),
        memory=[Memory(who.ON, 90.0, 97.0, 1_000, 700.0, 2_000.0)],
        judged=Judged({"send": 1_900, "queue": 100}, 1_900, 2_000, {"limit": 0}, {}),
    )
