"""Seven days at the limit: nobody over it, nothing of it wasted, no login code late; by the simulator's own book."""

from __future__ import annotations

import pytest

from loadtest.codes import LoginCodes
from loadtest.deployment import PORTFOLIO, Deployment
from loadtest.feed import Feed, everybody
from loadtest.report import CODE_WITHIN_MS
from loadtest.sends import trickle
from loadtest.stage import open_stage
from tidegate.simulator.behaviour import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Behaviour, Delay

#: No tier of Meta's: so many that seven days of them take two minutes.
LIMIT = 840
#: Kept for login codes; a campaign may fill the rest, and the rest is what has to be used.
RESERVE = 0.05
REST = 1 - RESERVE
CAMPAIGN_PLACES = 798

RULES = {"headroom": 0.0, "reserve": {"authentication": RESERVE, "utility": 0.0}}

#: Phones that are off for up to 30 h; failures of kinds that prove that nobody was messaged; webhooks late, twice and
#: out of order. None is lost for good: of a message that nobody ever tells anything about, nobody can know better than
#: that it may still arrive, and its place is rightly kept.
UNSTEADY = Behaviour(
    delivery_delay=Delay(((0.80, 5 * SECOND_MS), (0.95, 10 * MINUTE_MS), (0.99, 6 * HOUR_MS), (1.0, 30 * HOUR_MS))),
    failed_share=0.02,
    failure_codes=((131026, 0.7), (131049, 0.3)),
    webhook_delay=Delay(((0.9, 500), (1.0, 30 * SECOND_MS))),
    duplicated_share=0.2,
    reordered_share=0.2,
    read_share=0.3,
)


@pytest.mark.timeout(900)
async def test_seven_days_at_the_limit_start_nobody_over_it_waste_nothing_and_keep_no_login_code_waiting(
    store_url: str,
) -> None:
    deployment = Deployment(limit=LIMIT, throughput=1_000, nodes=2, behaviour=UNSTEADY, rules=RULES, seed=7)
    async with open_stage(store_url, deployment) as stage:
        world = stage.simulator.world
        # Deep enough for the busiest half hour: most of a day's places come free within seconds of each other.
        feed = Feed(stage, everybody(), depth=930)
        # Customers who come back every few hours, and each two hours one who has never been written to.
        codes = LoginCodes(stage, every_ms=10 * MINUTE_MS, circle=18, new_every=13)
        async with trickle(codes):
            await feed.top_up()
            # The first sends that fail give their places back, some as late as their webhooks.
            full_by_ms = stage.time() + HOUR_MS
            while stage.committed() < CAMPAIGN_PLACES:
                assert stage.time() < full_by_ms
                await stage.advance(MINUTE_MS)
            full_at_ms = stage.time()
            while stage.time() < full_at_ms + 7 * DAY_MS:
                await stage.advance(30 * MINUTE_MS)
                assert stage.look().queued > 0, "demand has to go on, or the use of the limit proves nothing"
                await feed.top_up()
        report = stage.report()
        # The time average of users who count (delivered to in the last 24 h outside a window, or on their way), of
        # what the campaign may use; what codes use beyond that counts for nothing, so it covers no waste.
        used = world.utilisation(PORTFOLIO, full_at_ms, full_at_ms + 7 * DAY_MS, REST) / REST

    print(f"accepted {report['accepted']}, used {used:.4%}, codes {codes.sent}, slowest {codes.slowest_ms} ms")
    assert report["violations"] == dict.fromkeys(report["violations"], 0)
    assert used >= 0.999
    assert codes.refused == {}
    assert codes.sent > 7 * 24 * 6 * 0.95
    assert codes.slowest_ms <= CODE_WITHIN_MS
    assert feed.refused == {}
