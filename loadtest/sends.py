"""A rollout in virtual time: a campaign behind a messaging limit, login codes beside it, and what came of both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice
from time import monotonic
from typing import Final

from loadtest.codes import LoginCodes
from loadtest.deployment import MARKETING, PORTFOLIO
from loadtest.feed import Feed, everybody
from loadtest.plan import Plan
from loadtest.report import Report
from loadtest.series import Series
from loadtest.stage import Stage

DAY_MS: Final = 86_400_000
_STEP_MS: Final = 300_000


Progress = Callable[[int, float], None]
"""Called with the messages accepted so far and the virtual days gone."""


async def roll_out(plan: Plan, stage: Stage, progress: Progress = lambda accepted, days: None) -> Report:
    """Play the plan to its end: all recipients messaged, or its days over. Raises NeverQuiet."""
    began, began_ms = monotonic(), stage.time()
    series = Series(plan.limit, plan.marketing_places)
    # What is handed over is sent within two days: a marketing message expires after three (rules.max_wait).
    depth = plan.recipients if plan.marketing_places < 0 else plan.marketing_places * 3 // 2
    feed = Feed(stage, islice(everybody(), plan.recipients), depth)
    codes = _codes(plan, stage)
    full_at_ms = None
    async with trickle(codes):
        while True:
            await feed.top_up()
            await stage.quiet()
            if full_at_ms is None and 0 <= plan.marketing_places <= stage.committed():
                full_at_ms = stage.time()
            accepted, gone_ms = (
                series.take(stage.time(), stage.simulator.world, stage.look().queued).sent,
                stage.time() - began_ms,
            )
            progress(accepted, gone_ms / DAY_MS)
            if accepted >= plan.recipients or gone_ms >= plan.days * DAY_MS:
                break
            if feed.finished and not stage.look().queued:
                break  # what is missing has expired: a campaign tool would report it, not send it twice
            await stage.advance(min(_STEP_MS, int(plan.days * DAY_MS) - gone_ms + 1))
    sends = [send.at_ms for send in stage.simulator.world.book.accepted if send.template == MARKETING]
    last_ms = max(sends, default=stage.time())
    return Report(
        plan=plan,
        answers=dict(feed.answers),
        refused=dict(feed.refused),
        accepted=len(sends),
        took_ms=last_ms - began_ms,
        real_s=monotonic() - began,
        limit_used=_limit_used(plan, stage, full_at_ms, last_ms),
        codes_sent=codes.sent if codes else 0,
        codes_refused=dict(codes.refused) if codes else {},
        slowest_code_ms=codes.slowest_ms if codes else 0,
        book=stage.report(),
        series=series,
    )


def _codes(plan: Plan, stage: Stage) -> LoginCodes | None:
    if not plan.codes_per_minute:
        return None
    kept = 1_000 if plan.limit < 0 else int(plan.limit * 0.05)
    # Customers who log in again and again: they stay within half of what is reserved for codes.
    return LoginCodes(stage, int(60_000 / plan.codes_per_minute), circle=max(1, kept // 2))


def _limit_used(plan: Plan, stage: Stage, full_at_ms: int | None, last_ms: int) -> float | None:
    """Average use of what a campaign may use, from when it was first full until the last message."""
    if full_at_ms is None or last_ms <= full_at_ms:
        return None
    share = plan.marketing_places / plan.limit
    return stage.simulator.world.utilisation(PORTFOLIO, full_at_ms, last_ms, share) / share


@asynccontextmanager
async def trickle(codes: LoginCodes | None) -> AsyncIterator[None]:
    """Have login codes asked for within the block."""
    if codes is None:
        yield
        return
    task = asyncio.get_running_loop().create_task(codes.run(), name="login codes")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
