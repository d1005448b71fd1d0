"""What a gate is judged by, out of a real store: the step's own counts, its template's past, what Meta said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import DAY_MS, NOW_MS, NUMBER, PORTFOLIO, WABA, make_campaign, make_standing
from tests.integration.outcome_feed import Feed, about
from tidegate.campaigns.gate_readings import GateReadings, StepTimes
from tidegate.policy.campaign.judgement import Judgement, Outcome
from tidegate.policy.standing import Change
from tidegate.policy.warning_metric import HOUR_MS
from tidegate.store.scripts import StoreClient
from tidegate.store.standing_history import StandingHistory
from tidegate.store.standings import Standings

TEMPLATE = f"{WABA}:en_US:seasonal_offer"
STEPS = [{"name": "first", "share": 0.1, "gate": True}, {"name": "all", "share": 1}]
OPT_OUT = [{"name": "first", "share": 0.1, "gate": {"metrics": {"opt_out": True}}}, {"name": "all", "share": 1}]
PAST_DAY = NOW_MS // DAY_MS - 20


class Gatekeeper:
    """One campaign's gate, asked of a node that has just started."""

    def __init__(self, feed: Feed, **order: Any) -> None:
        template = {"name": "seasonal_offer", "language": {"code": "en_US"}}
        self.campaign = make_campaign(**({"template": template, "steps": STEPS, "category": "marketing"} | order))
        self.feed = feed
        history = StandingHistory(feed.client, [PORTFOLIO])
        self.standings = Standings(feed.client, [make_standing()])
        self.readings = GateReadings(history, self.standings, {NUMBER: WABA})

    async def judged(self, step: int = 0, after_h: float = 3) -> Judgement:
        now_ms = int(NOW_MS + after_h * HOUR_MS)
        await self.feed.at(now_ms)
        judged = await self.readings.judge(self.campaign, step, StepTimes(NOW_MS, NOW_MS, NOW_MS, now_ms))
        assert judged is not None
        return judged

    async def says(self, kind: str, key: str, **values: str) -> None:
        changes = [Change(kind, key, dict(values), "webhook", self.feed.now_ms, "a test", tightens=True)]
        await self.standings.change(PORTFOLIO, changes)


@pytest.fixture
async def feed(client: StoreClient) -> Feed:
    made = Feed(client)
    await made.at(NOW_MS)
    return made


async def lies(feed: Feed, scope: str, day: int = PAST_DAY, **counts: int) -> None:
    """Counts as they lie after a day."""
    key = f"tidegate:{{{PORTFOLIO}}}:outcomes:{day}:{scope}"
    await feed.client.hset(key, mapping={f"12.{counter}": count for counter, count in counts.items()})
    await feed.client.zadd(f"tidegate:{{{PORTFOLIO}}}:outcome_scopes", {scope: NOW_MS})


def part(step: str = "first", variant: str = "a") -> dict[str, str]:
    return about(campaign="cmp-1", step=step, variant=variant)


async def test_a_step_without_a_gate_is_not_judged(feed: Feed) -> None:
    keeper = Gatekeeper(feed)

    assert await keeper.readings.judge(keeper.campaign, 1, StepTimes(NOW_MS, NOW_MS, NOW_MS, NOW_MS)) is None


async def test_a_step_is_judged_by_its_own_sends_and_its_templates_past(feed: Feed) -> None:
    await lies(feed, f"template:marketing:{TEMPLATE}", sent=20_000, failed=100, delivered=19_000, read=12_000)
    await lies(feed, f"template:marketing:{WABA}:en_US:other", sent=20_000, failed=8_000)
    keeper = Gatekeeper(feed)
    variant = keeper.campaign.variants[0].name
    await feed.campaign(300, part(variant=variant), failed=60)
    await feed.campaign(300, part("all", variant))

    failed = await keeper.judged()

    assert (failed.outcome, failed.reason) == (Outcome.FAIL, "rates")
    found = {finding.metric: finding for finding in failed.findings}
    assert (found["failure"].sends, found["failure"].events) == (300, 60)
    assert found["failure"].against == "template"
    assert found["failure"].usual == pytest.approx(0.007, abs=0.003)
    assert {metric for metric, finding in found.items() if finding.says is Outcome.FAIL} == {"failure"}


async def test_a_step_whose_counts_were_lost_does_not_pass_for_a_small_one(feed: Feed) -> None:
    keeper = Gatekeeper(feed, steps=OPT_OUT)
    await feed.campaign(90, part(variant=keeper.campaign.variants[0].name))
    now_ms = NOW_MS + 3 * HOUR_MS
    await feed.at(now_ms)

    async def judged(taken: int) -> Judgement:
        told = await keeper.readings.judge(keeper.campaign, 0, StepTimes(NOW_MS, NOW_MS, NOW_MS, now_ms, taken))
        assert told is not None
        return told

    assert (await judged(100)).outcome is Outcome.PASS
    assert ((await judged(101)).outcome, (await judged(101)).reason) == (Outcome.UNSURE, "uncounted")


async def test_a_template_without_a_past_is_measured_against_its_peers_and_else_by_what_is_assumed(feed: Feed) -> None:
    keeper = Gatekeeper(feed)
    variant = keeper.campaign.variants[0].name
    await lies(feed, f"campaign_part:cmp-1:first:{variant}", NOW_MS // DAY_MS, sent=800, failed=200, delivered=500)

    assert {finding.against for finding in (await keeper.judged()).findings} == {"assumed"}

    await lies(feed, f"template:marketing:{WABA}:en_US:other", sent=20_000, failed=6_000)
    fresh = Gatekeeper(feed)
    found = {finding.metric: finding for finding in (await fresh.judged()).findings}
    # An awful past of others is taken for healthy no further than early warning's ceiling.
    assert (found["failure"].against, found["failure"].usual) == ("template", pytest.approx(0.2, abs=0.001))


async def test_a_template_of_no_known_category_has_no_past(feed: Feed) -> None:
    await lies(feed, f"template:marketing:{TEMPLATE}", sent=20_000, delivered=19_000)
    keeper = Gatekeeper(feed, category=None)

    assert {finding.against for finding in (await keeper.judged()).findings} == {"assumed"}

    known = Gatekeeper(feed, category=None)
    await known.says("template", TEMPLATE, category="MARKETING")
    assert {finding.against for finding in (await known.judged()).findings} == {"template"}


async def test_what_meta_says_of_the_template_fails_the_step(feed: Feed) -> None:
    keeper = Gatekeeper(feed, steps=OPT_OUT)
    assert (await keeper.judged()).outcome is Outcome.PASS

    await keeper.says("template", TEMPLATE, status="PAUSED")

    failed = await keeper.judged()
    assert (failed.outcome, failed.reason) == (Outcome.FAIL, "quality")
    assert failed.quality == (f"template {TEMPLATE}: status PAUSED",)


async def test_what_was_said_before_somebody_took_over_is_answered(feed: Feed) -> None:
    keeper = Gatekeeper(feed, steps=OPT_OUT)
    await keeper.says("template", TEMPLATE, quality="YELLOW")
    later_ms = NOW_MS + HOUR_MS

    judged = await keeper.readings.judge(keeper.campaign, 0, StepTimes(NOW_MS, NOW_MS, later_ms, later_ms + HOUR_MS))

    assert judged is not None
    assert judged.outcome is Outcome.PASS


async def test_the_past_of_many_campaigns_is_not_all_remembered(feed: Feed) -> None:
    keeper = Gatekeeper(feed, steps=OPT_OUT)
    for n in range(101):
        keeper.campaign = make_campaign(f"cmp-{n}", steps=OPT_OUT, category="marketing")
        await keeper.judged()
    await lies(feed, f"template:marketing:{TEMPLATE}", sent=20_000)

    keeper.campaign = make_campaign("cmp-0", steps=OPT_OUT, category="marketing")
    [finding] = (await keeper.judged()).findings
    assert finding.against == "template"
