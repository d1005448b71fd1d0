"""What must hold: read out of what was found, and missed where it was not measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtest.bench.speed import candidates as who
from loadtest.bench.speed.found import Delivered, Found, Setting
from loadtest.bench.speed.musts import MUSTS, Must, missed
from tests.unit.loadtest.speed.runs import FASTER, STORM, TAKEN_IN, WINDOW, found


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


def told_late() -> Found:
    made = found()
    made.webhooks[Delivered(1, 64)].windows[who.ON] = [replace(TAKEN_IN, per_second=2_900.0)]
    return made


def told_together() -> Found:
    made = found()
    made.webhooks = {Delivered(20, 64): made.webhooks[Delivered(1, 64)]}
    return made


def rough_storm() -> Found:
    made = found()
    made.storm.windows[who.ON] = [replace(STORM, p99_ms=251.0)]
    return made


@pytest.mark.parametrize(
    ("run", "missing"),
    [
        (slow(), {"sends/s and CPU a send, all rules on, against bare aiohttp"}),
        (slow_replica(), {"durable promises on against off, sends/s"}),
        (late(), {"at half load: p99 against bare"}),
        (dear_store(), {"store CPU a send"}),
        (told_late(), {"statuses per second, one a delivery, against sends"}),
        (told_together(), {"statuses per second, one a delivery, against sends"}),
        (rough_storm(), {"a storm of webhooks: p99 of their answers"}),
        (few_recipients(), {"1M counted recipients against 1K, CPU a send", "store bytes a counted recipient"}),
    ],
    ids=[
        "it is fast enough, and takes too much CPU",
        "one of two durable forms is too slow",
        "half load was measured with a slow upstream alone",
        "the store takes too much",
        "few connections do not tell fast enough, and many do",
        "statuses came twenty in a delivery alone",
        "a storm's webhooks wait too long",
        "there were never a million recipients",
    ],
)
def test_a_line_is_missed_when(run: Found, missing: set[str]) -> None:
    assert missing <= set(missed(run))
    assert not missed(found())


@pytest.mark.parametrize("must", MUSTS, ids=lambda must: must.measure)
def test_a_goal_asks_for_more_than_its_must(must: Must) -> None:
    assert (must.goal > must.must) is must.at_least
