"""Plays a rollout in leaping time: through the campaign API of a node that is composed as for production."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Any, Final

import aiohttp

from loadtest.asking import Codes
from loadtest.control import Control
from loadtest.demand import limit_used
from loadtest.deployment import APP_KEY, MARKETING
from loadtest.leaping.house import House, open_house
from loadtest.leaping.tempo import Tempo
from loadtest.leaping.upstream import BASE
from loadtest.outcome import Outcome
from loadtest.rollout import ENDED, Rollout
from loadtest.series import Series
from tidegate.cloudapi.vocabulary import Category
from tidegate.settings import Settings
from tidegate.simulator.behaviour import DAY_MS, MINUTE_MS
from tidegate.simulator.scenarios import SCENARIOS
from tidegate.store.send_queue import Lane

#: What the last sends bring: deliveries, reads, and what people answer.
_AFTERWARDS_MS: Final = 30 * MINUTE_MS

Progress = Callable[[int, float], None]
"""Called with the campaign's messages that the platform took so far, and the virtual days gone."""


def play(rollout: Rollout, store_url: str, progress: Progress = lambda sent, days: None) -> Outcome:
    """Play it to its end, or to that of its days, on the empty store at `store_url` (unix://...).

    Raises Stuck where the store does not answer, Denied where the gateway does not take the campaign.
    """
    tempo = Tempo()
    asyncio.set_event_loop(tempo)
    try:
        return tempo.run_until_complete(_play(rollout, store_url, tempo, progress))
    finally:
        asyncio.set_event_loop(None)
        tempo.close()


async def _play(rollout: Rollout, store_url: str, tempo: Tempo, progress: Progress) -> Outcome:
    deployment = rollout.deployment
    lanes = [Lane(number.id, category) for number in deployment.senders for category in Category]
    began_s = monotonic()
    async with (
        open_house(deployment.platform, _settings(rollout, store_url), store_url, lanes, tempo) as house,
        # A connection that is kept would have a time of its own to end.
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session,
    ):
        control = Control(session, "http://{}:{}".format(*house.node.address), APP_KEY)
        ordered = await control.order(rollout.order([n.id for n in deployment.senders], tempo.now_ms()))
        await control.upload(ordered["id"], rollout.rows())
        plan = await control.plan(rollout.question(ordered["id"]))
        codes = Codes(house, rollout)
        asking = tempo.create_task(codes.run(), name="codes")
        await asyncio.sleep(1)
        house.know_idle()
        house.hear, house.next_call_ms = codes.hear, lambda: codes.next_ms
        began_ms = tempo.now_ms()
        await control.start(ordered["id"])
        series, full_at_ms = await _watch(rollout, house, control, ordered["id"], progress)
        told = await control.look(ordered["id"])
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    book = house.world.book
    sends = [send for send in book.accepted if send.template == MARKETING]
    return Outcome(
        rollout=rollout,
        state=told["state"],
        progress=told["progress"],
        halted=told.get("halted"),
        accepted=len(sends),
        reached=len({send.user for send in sends}),
        took_ms=sends[-1].at_ms - began_ms if sends else 0,
        planned_ms=_planned_ms(plan),
        real_s=monotonic() - began_s,
        limit_used=limit_used(
            house.world, sends, rollout.night, rollout.marketing_places / max(1, rollout.limit), full_at_ms
        ),
        codes=codes.waits,
        book=book.report(),
        night_sends=rollout.night.sends(sends, MARKETING) if rollout.night else 0,
        series=series,
    )


def _settings(rollout: Rollout, store_url: str) -> Settings:
    settings = rollout.deployment.settings(store_url, BASE)
    return settings.model_copy(update={"poll": settings.poll.model_copy(update={"interval_ms": rollout.look_ms})})


def _planned_ms(plan: dict[str, Any]) -> int | None:
    """How long the plan says that it takes; None: longer than its days."""
    if plan["finish_at"] is None:
        return None
    return int(
        (datetime.fromisoformat(plan["finish_at"]) - datetime.fromisoformat(plan["as_of"])).total_seconds() * 1000
    )


async def _watch(
    rollout: Rollout, house: House, control: Control, campaign: str, progress: Progress
) -> tuple[Series, int | None]:
    """Look on until it is over; when what a campaign may use of the limit was first full, None: never."""
    tempo, world = house.tempo, house.world
    series, most = Series(rollout.limit, rollout.marketing_places), rollout.marketing_places
    began_ms, full_at_ms, over_at_ms = tempo.now_ms(), None, None
    end_ms = began_ms + int(rollout.days * DAY_MS)
    while True:
        now_ms = tempo.now_ms()
        sample = series.take(now_ms, world, house.glance.look().queued)
        progress(sample.sent, (now_ms - began_ms) / DAY_MS)
        if full_at_ms is None and 0 <= most <= sample.places:
            full_at_ms = now_ms
        if now_ms >= end_ms or (over_at_ms is not None and now_ms >= over_at_ms + _AFTERWARDS_MS):
            world.due(now_ms)
            return series, full_at_ms
        if over_at_ms is None:
            told = await control.look(campaign)
            if told["state"] in ENDED:
                over_at_ms = now_ms
            if rollout.begins_now(told):
                world.behave(SCENARIOS[rollout.scenario])
        await asyncio.sleep(rollout.look_ms / 1000)
