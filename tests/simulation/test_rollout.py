"""A rollout as `python -m loadtest sends` plays it, small."""

from __future__ import annotations

from loadtest.plan import Plan
from loadtest.sends import roll_out
from loadtest.stage import open_stage


async def test_a_rollout_reaches_everybody_once_in_as_many_days_as_the_limit_needs(store_url: str) -> None:
    plan = Plan(recipients=500, limit=250, days=4, nodes=2, throughput=1_000, codes_per_minute=0.05)
    seen: list[int] = []
    async with open_stage(store_url, plan.deployment) as stage:
        report = await roll_out(plan, stage, lambda accepted, day: seen.append(accepted))
        users = [send.user for send in stage.simulator.world.book.accepted if send.template == "black_friday_offer"]

    assert report.clean, [report.refused, report.book, report.codes_refused, report.slowest_code_ms]
    assert (report.accepted, len(users), len(set(users))) == (500, 500, 500)
    # 250 less headroom and reserves are 199 places a day: three fillings, two full days apart.
    assert 2 <= report.took_ms / 86_400_000 < 2.1
    assert report.limit_used is not None
    assert report.limit_used >= 0.999
    assert report.codes_sent >= 2 * 24 * 3
    assert seen == sorted(seen)
    assert seen[-1] == 500


async def test_a_rollout_that_its_days_do_not_suffice_for_ends_with_them_and_says_what_is_missing(
    store_url: str,
) -> None:
    plan = Plan(recipients=500, limit=250, days=0.5, throughput=1_000, codes_per_minute=0)
    async with open_stage(store_url, plan.deployment) as stage:
        report = await roll_out(plan, stage)
    assert report.clean
    assert report.accepted == 199
    assert report.codes_sent == 0
