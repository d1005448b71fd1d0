"""What a plan is asked for: how many of a campaign are left, and how a count is parted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NOW_MS, make_campaign
from tidegate.campaigns.wanted import Uploaded, split
from tidegate.policy.campaign.phase import Phase
from tidegate.policy.campaign.run import Run
from tidegate.policy.plan.crowd import Part
from tidegate.store.campaigns import Audience, CampaignRecord, Group

HOUR_MS = 3_600_000
STEPS = [{"share": 0.1, "gate": {"soak": "2h"}}, {"share": 1}]
TEMPLATE = {"name": "offer", "language": {"code": "en_US"}}
VARIANTS = [{"name": name, "share": share, "template": TEMPLATE} for name, share in (("a", 0.25), ("b", 0.75))]


def uploaded(run: Run) -> Uploaded:
    campaign = make_campaign(steps=STEPS, template=None, variants=VARIANTS)
    groups = tuple(Group(rows, 1) for rows in (10, 30, 90, 270))
    audience = Audience("u", 400, 0, 0, NOW_MS, groups)
    return Uploaded(CampaignRecord(campaign, 1, audience, run.to_json()))


@pytest.mark.parametrize(
    ("run", "left"),
    [
        pytest.param(Run(), 400, id="a draft"),
        pytest.param(Run(Phase.SCHEDULED), 400, id="one that has not begun"),
        pytest.param(Run(Phase.RUNNING, step=0, cursor=(10, 20)), 370, id="within the first step"),
        pytest.param(Run(Phase.WAITING, step=0, cursor=(10, 30)), 360, id="before the gate"),
        pytest.param(Run(Phase.RUNNING, step=1), 360, id="the second step is to be fed"),
        pytest.param(Run(Phase.PAUSED, step=1, cursor=(40, 100)), 220, id="paused within the second step"),
        pytest.param(Run(Phase.CANCELLED, step=0, cursor=(1, 1)), 0, id="cancelled"),
        pytest.param(Run(Phase.FINISHED, step=1, cursor=(90, 270)), 0, id="done"),
    ],
)
def test_who_is_planned_was_not_put_into_the_queue_yet(run: Run, left: int) -> None:
    assert uploaded(run).recipients == left


def test_a_campaign_without_an_audience_has_nobody() -> None:
    assert Uploaded(CampaignRecord(make_campaign())).recipients == 0


@pytest.mark.parametrize(
    ("run", "hours"),
    [
        pytest.param(Run(), 0, id="a draft"),
        pytest.param(Run(Phase.RUNNING, cursor=(10, 20)), 0, id="some of the step are left"),
        pytest.param(Run(Phase.RUNNING, cursor=(10, 30)), 2, id="all of it is in the queue"),
        pytest.param(Run(Phase.WAITING, cursor=(10, 30), gone_ms=NOW_MS - HOUR_MS), 1, id="it is gone for an hour"),
        pytest.param(Run(Phase.WAITING, cursor=(10, 30), gone_ms=NOW_MS - 9 * HOUR_MS), 0, id="it is gone for long"),
        pytest.param(Run(Phase.RUNNING, step=1, cursor=(90, 270)), 0, id="a step without a gate"),
    ],
)
def test_the_rest_begins_when_the_gate_may_pass(run: Run, hours: int) -> None:
    assert uploaded(run).begins_ms(NOW_MS) == NOW_MS + hours * HOUR_MS


@pytest.mark.parametrize("count", [0, 1, 7, 1_000])
def test_a_count_is_parted_by_the_shares_of_steps_and_variants(count: int) -> None:
    parts: dict[Any, int] = split(make_campaign(steps=STEPS, template=None, variants=VARIANTS), count)

    assert sum(parts.values()) == count
    if count == 1_000:
        assert parts == {Part(0, 0): 25, Part(0, 1): 75, Part(1, 0): 225, Part(1, 1): 675}
