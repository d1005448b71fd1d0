"""What must hold: read out of what was found, and missed where it was not measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtest.bench.speed import candidates as who
from loadtest.bench.speed.axes import counted_name
from loadtest.bench.speed.found import Found, Setting
from loadtest.bench.speed.musts import MUSTS, Must, missed
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
FASTER = replace(WINDOW, sends=2_100, gateway_us=40.0)


def found() -> Found:
    """A run in which all that must hold does."""
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
    )


def test_nothing_is_missed_where_everything_holds() -> None:
    assert missed(found()) == []


def test_what_was_not_measured_is_missed() -> None:
    assert missed(Found()) == [must.measure for must in MUSTS]


def slow() -> Found:
    made = found()
    made.sends[Setting(64)].windows[who.ON] = [replace(FASTER, gateway_us=70.0)]
    return made


def slow_replica() -> Found:
    made = found()
    made.durable.windows[who.REPLICATED] = [replace(WINDOW, sends=790)]
    return made


def late() -> Found:
    made = found()
    made.latency = {Setting(200, 100, 500.0): made.latency[Setting(64, 0, 500.0)]}
    return made


def dear_store() -> Found:
    made = found()
    made.sends[Setting(64)].windows[who.ON] = [replace(FASTER, store_us=26.0)]
    return made


def few_recipients() -> Found:
    made = found()
    made.recipient_bytes = {1_000: 300.0, 100_000: 70.0}
    return made


@pytest.mark.parametrize(
    ("run", "missing"),
    [
        (slow(), {"sends/s and CPU a send, all rules on, against bare aiohttp"}),
        (slow_replica(), {"durable promises on against off, sends/s"}),
        (late(), {"at half load: p99 against bare"}),
        (dear_store(), {"store CPU a send"}),
        (few_recipients(), {"1M counted recipients against 1K, CPU a send", "store bytes a counted recipient"}),
    ],
    ids=[
        "it is fast enough, and takes too much CPU",
        "one of two durable forms is too slow",
        "half load was measured with a slow upstream alone",
        "the store takes too much",
        "there were never a million recipients",
    ],
)
def test_a_line_is_missed_when(run: Found, missing: set[str]) -> None:
    assert missing <= set(missed(run))
    assert not missed(found())


@pytest.mark.parametrize("must", MUSTS, ids=lambda must: must.measure)
def test_a_goal_asks_for_more_than_its_must(must: Must) -> None:
    assert (must.goal > must.must) is must.at_least
