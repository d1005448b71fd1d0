"""The limit moves while sends are running on two nodes: what a webhook's 200 acknowledged is in force everywhere."""

from __future__ import annotations

import asyncio
from itertools import islice

from loadtest.deployment import PORTFOLIO, WABA, Deployment
from loadtest.feed import RECIPIENT, Feed, everybody
from loadtest.stage import Stage, open_stage
from tidegate.simulator import notices
from tidegate.simulator.book import ViolationKind

NOTHING_KEPT_BACK = {"headroom": 0.0, "reserve": {"authentication": 0.0, "utility": 0.0}}


async def tell_limit(stage: Stage, limit: int) -> int:
    """Tell a limit by a signed webhook; give the platform's time of its 200."""
    webhook = notices.capability(WABA.id, limit, stage.time())
    assert await stage.post_webhook(webhook) == 200
    return stage.time()


def set_limit(stage: Stage, limit: int) -> None:
    """Put a limit in force at the platform, which tells nobody."""
    stage.simulator.world.estate.portfolios[PORTFOLIO].places.set_limit(limit, stage.time())


async def test_when_the_limit_is_raised_queued_sends_go_on_within_a_second(store_url: str) -> None:
    async with open_stage(
        store_url, Deployment(limit=2_000, throughput=1_000, nodes=2, rules=NOTHING_KEPT_BACK)
    ) as stage:
        feed = Feed(stage, islice(everybody(), 2_600), depth=600)
        await feed.top_up()
        await stage.quiet()
        book = stage.simulator.world.book
        assert (len(book.accepted), stage.look().queued) == (2_000, 600)

        set_limit(stage, 10_000)
        told_at_ms = await tell_limit(stage, 10_000)
        await stage.quiet()

        later = book.accepted[2_000:]
        assert len(later) == 600
        assert later[0].at_ms - told_at_ms <= 1_000
        assert book.violations == []


async def test_when_the_limit_is_lowered_nobody_new_is_started_after_the_webhooks_200(store_url: str) -> None:
    async with open_stage(
        store_url, Deployment(limit=10_000, throughput=1_000, nodes=2, rules=NOTHING_KEPT_BACK)
    ) as stage:
        book = stage.simulator.world.book
        await Feed(stage, islice(everybody(), 2_400), depth=2_400).top_up()
        assert len(book.accepted) == 2_400

        stream = asyncio.create_task(Feed(stage, islice(everybody(), 2_400, 4_400), depth=2_000).top_up())
        await stage.accepted(2_500)
        before = len(book.accepted)
        await tell_limit(stage, 2_000)
        # No await in between: what the platform takes from here on, it takes under the new limit.
        set_limit(stage, 2_000)
        running = len(book.accepted)
        assert not stream.done()
        await stream
        await stage.quiet()

        assert running > before, "sends have to be running while the limit is lowered"
        assert book.of(ViolationKind.OVER_LIMIT) == []
        assert len(book.accepted) == running
        assert stage.look().queued == 4_400 - running

        # Whoever is counted already is no new recipient.
        told = await stage.caller.send_template(RECIPIENT.format(0), "black_friday_offer")
        assert told.verdict == "send"
        # What was on its way is delivered beyond the new limit; that is nobody's fault.
        assert {violation.kind for violation in book.violations} <= {ViolationKind.DELIVERED_OVER_LIMIT}
