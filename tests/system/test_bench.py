"""The bench of sends runs: real processes, a round of windows, and what it counts tallies."""

from __future__ import annotations

import sys

import pytest

from loadtest.bench.floor.__main__ import measure
from loadtest.bench.speed import candidates as who
from loadtest.bench.speed.configs import Estate
from loadtest.bench.speed.intake import taken_in
from loadtest.bench.speed.queueing import queued
from loadtest.bench.speed.rounds import in_rounds
from loadtest.bench.speed.stage import stage
from loadtest.bench.speed.window import Shape, measured

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="CPU of other processes is read as Linux tells it")


async def test_a_round_of_a_bare_proxy_a_naive_gateway_and_a_node_tallies_and_tells_what_each_took() -> None:
    async with stage() as at:
        node = await who.Tidegate(who.ON, users_in_touch=32)(at)
        candidates = [await who.bare(at), await who.naive(at), node]
        rounds = await in_rounds(candidates, 1, lambda one: measured(at, one, Shape(connections=4, seconds=0.25)))
        queue = await queued(at, node, Estate(), messages=40, seconds=0.1)
        told = await taken_in(at, node, Estate(), at_once=5, connections=4, seconds=0.1, most=20)
    assert rounds.voids == []
    for name in (who.BARE, who.NAIVE, who.ON):
        (window,) = rounds.windows[name]
        assert window is not None
        assert window.sends > 0
        assert window.gateway_us > 0
    assert rounds.of(who.ON, lambda window: window.store_us).median > 0
    assert queue.messages == 40
    assert told.statuses == 60


async def test_the_floor_of_a_send_leaves_as_much_in_the_store_as_sends_do() -> None:
    ((words, floor, sends),) = [tuple(costs.values()) for costs in await measure(rounds=1, sends=1_920)]
    assert words.keys == 0
    assert floor.keys == pytest.approx(sends.keys, rel=0.02)
    assert floor.bytes == pytest.approx(sends.bytes, rel=0.15)
    assert 0 < words.us < sends.us
