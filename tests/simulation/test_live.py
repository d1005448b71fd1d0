"""A rollout against a gateway that runs, as `python -m loadtest campaign --live` plays it, small."""

from __future__ import annotations

import pytest

from loadtest.live import Live, NotSimulated, play_live
from loadtest.rollout import Rollout
from tidegate.demo.estate import APP_KEY, NUMBER
from tidegate.demo.stage import running
from tidegate.simulator.server import run_simulator

ROLLOUT = Rollout(recipients=40, limit=250, days=0.001, codes_per_second=5, night=None)


async def test_a_campaign_with_codes_and_an_apps_own_sends_beside_it_is_judged_by_the_simulators_book() -> None:
    seen: list[int] = []
    async with running(0, 1) as stage:
        live = Live(stage.gateway, APP_KEY, NUMBER, stage.simulator.url, sends_per_second=5)
        outcome = await play_live(ROLLOUT, live, lambda sent, days: seen.append(sent))

    assert outcome.state == "finished"
    assert (outcome.accepted, outcome.reached, seen[-1]) == (40, 40, 40)
    assert outcome.violations == dict.fromkeys(outcome.violations, 0)
    assert outcome.codes.refused == {}
    assert outcome.codes.sent
    assert set(outcome.answers) <= {"send", "queue"}
    assert outcome.answers
    assert outcome.missed == 0


async def test_where_sends_do_not_come_to_the_simulator_nothing_else_is_sent() -> None:
    async with running(0, 1) as stage:
        other = await run_simulator("127.0.0.1:0")
        try:
            live = Live(stage.gateway, APP_KEY, NUMBER, other.url, patience_s=0.1)
            with pytest.raises(NotSimulated, match="200 send"):
                await play_live(ROLLOUT, live)
        finally:
            await other.stop()
        assert len(stage.simulator.world.book.accepted) == 1
