"""What a rollout orders, uploads and asks the plan."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from loadtest.deployment import MARKETING, NUMBER
from loadtest.recipients import everybody
from loadtest.rollout import Rollout
from tests.factories import NOW_MS
from tidegate.campaigns.orders import make_campaign
from tidegate.simulator.scenarios import SCENARIOS

ROLLOUT = Rollout(recipients=4_100, limit=250, days=2, steps=(0.1, 1.0), gates=True, foreign=0.08, codes_per_second=1)


def test_its_order_is_one_that_the_gateway_takes() -> None:
    campaign = make_campaign(ROLLOUT.order([NUMBER.id], NOW_MS), "cmp-1", "acme", "app", NOW_MS)
    assert campaign.numbers == (NUMBER.id,)
    assert [variant.template.ref.name for variant in campaign.variants] == [MARKETING]
    assert [step.share for step in campaign.steps] == [0.1, 1.0]
    assert all(step.gate is not None for step in campaign.steps)
    assert campaign.deadline_ms == NOW_MS // 1_000 * 1_000 + 2 * 86_400_000
    assert campaign.night == (21 * 60, 8 * 60)


async def test_its_audience_is_everybody_a_line_each() -> None:
    lines = b"".join([part async for part in ROLLOUT.rows()]).splitlines()
    assert [orjson.loads(line)["to"] for line in lines] == list(everybody(4_100, 0.08))


@pytest.mark.parametrize(
    ("busy", "idle", "beside"),
    [
        (1, 0.01, {"authentication": {"per_second": 1, "recipients_a_day": 6}}),
        (0, 0.5, {"authentication": {"per_second": 0.5, "recipients_a_day": 6}}),
        (0, 0, {}),
    ],
    ids=["the higher of two rates", "codes only in between", "no codes"],
)
def test_the_plan_is_asked_with_the_codes_beside_it(busy: float, idle: float, beside: dict[str, object]) -> None:
    rollout = Rollout(recipients=10, limit=250, days=2, codes_per_second=busy, idle_codes_per_second=idle)
    assert rollout.question("cmp-1") == {"campaign_id": "cmp-1", "beside": beside}


def told(*gone_at: str | None) -> dict[str, object]:
    return {"steps": [{"gone_at": at} for at in gone_at]}


def test_a_scenario_begins_at_once_or_when_the_step_before_it_is_gone() -> None:
    at_once = replace(ROLLOUT, scenario="bad_template")
    later = replace(at_once, from_step=2)
    bad, calm = SCENARIOS["bad_template"], SCENARIOS["calm"]

    assert (at_once.deployment.behaviour, later.deployment.behaviour) == (bad, calm)
    assert "bad_template from step 2 on" in later.title
    assert [later.begins_now(told(at, None)) for at in (None, "2026-11-02T13:00:00Z")] == [False, True]
    assert not at_once.begins_now(told("2026-11-02T13:00:00Z", None))
