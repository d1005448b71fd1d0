"""A rollout as `python -m loadtest campaign` plays it, small: through the campaign API, with its plan beside it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from loadtest.playing import play
from loadtest.rollout import Rollout
from tidegate.simulator.behaviour import DAY_MS, HOUR_MS, MINUTE_MS


async def test_a_campaign_reaches_everybody_once_by_day_when_its_plan_said_and_wastes_no_place(store_url: str) -> None:
    rollout = Rollout(
        recipients=300,
        limit=250,
        days=3,
        steps=(0.1, 1.0),
        foreign=0.08,
        codes_per_second=0.1,
        throughput=1_000,
        look_ms=60 * MINUTE_MS,
    )
    seen: list[int] = []
    # It has a loop of its own, whose time leaps.
    with ThreadPoolExecutor(1) as aside:
        played = aside.submit(play, rollout, store_url, lambda sent, days: seen.append(sent))
        outcome = await asyncio.wrap_future(played)

    assert outcome.proves, outcome.to_json()
    assert outcome.state == "finished"
    assert (outcome.accepted, outcome.reached) == (300, 300)
    assert sum(outcome.progress[fate] for fate in ("delivered", "read")) == 300
    # From four in the morning in New York it waits for eight; 199 places are full then, until a day later, when it is
    # ten in the evening in Tokyo: the last ones get theirs in their morning.
    assert DAY_MS + 4 * HOUR_MS < outcome.took_ms < DAY_MS + 15 * HOUR_MS
    assert outcome.limit_used is not None
    assert outcome.codes.sent > 100
    assert seen == sorted(seen)
    assert seen[-1] == 300


async def test_a_template_that_turns_bad_in_the_second_step_is_halted_in_it(store_url: str) -> None:
    rollout = Rollout(
        recipients=1_200,
        limit=2_000,
        days=2,
        scenario="bad_template",
        from_step=2,
        steps=(0.02, 0.15, 1.0),
        gates=True,
        night=None,
        throughput=1_000,
        look_ms=30 * MINUTE_MS,
    )
    with ThreadPoolExecutor(1) as aside:
        outcome = await asyncio.wrap_future(aside.submit(play, rollout, store_url))

    assert outcome.clean, outcome.to_json()
    assert (outcome.state, outcome.halted is not None and outcome.halted["evidence"]["reason"]) == ("halted", "quality")
    # Of the shares 24 and 180 are expected, and drawn.
    assert 120 < outcome.accepted == outcome.reached < 300
