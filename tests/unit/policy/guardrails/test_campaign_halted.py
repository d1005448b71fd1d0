"""What a campaign's stop stops: its own messages, and nothing else."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS, make_case, make_service_case, make_standing
from tidegate.policy.decide import decide
from tidegate.policy.facts import Case
from tidegate.policy.guardrails.campaign_halted import campaign_halted
from tidegate.policy.rules import Rules
from tidegate.policy.standing import CampaignStanding
from tidegate.policy.verdict import Queue, Reason, Reject

CAMPAIGNS = {
    "cmp-1": CampaignStanding("cmp-1", "halted", stopped=True),
    "cmp-2": CampaignStanding("cmp-2", "running"),
    "cmp-3": CampaignStanding("cmp-3", "halted", stopped=True, app="shop"),
}


@pytest.mark.parametrize(
    ("case", "stopped"),
    [
        pytest.param(make_case(campaign="cmp-1"), True, id="a message of a campaign that was halted"),
        pytest.param(make_service_case(campaign="cmp-1"), True, id="a free-form message that names it"),
        pytest.param(make_case(campaign="cmp-2"), False, id="one of a campaign that runs"),
        pytest.param(make_case(campaign="cmp-3", app="shop"), True, id="one of the app whose campaign it is"),
        pytest.param(
            make_case(campaign="cmp-3", app="crm"), False, id="one of another app, which learns nothing of it"
        ),
        pytest.param(make_case(campaign="spring sale"), False, id="one that names what is no campaign of ours"),
        pytest.param(make_case(), False, id="one of no campaign"),
    ],
)
def test_what_a_stop_stops(case: Case, stopped: bool) -> None:
    objection = campaign_halted(case, make_standing(campaigns=CAMPAIGNS), NOW_MS)

    assert (objection is not None) is stopped
    if objection is not None:
        assert (objection.reason, objection.until_ms, objection.final) == (Reason.CAMPAIGN_HALTED, None, False)
        assert "halted" in objection.detail


def test_what_may_wait_waits_and_what_may_not_is_refused() -> None:
    standing = make_standing(campaigns=CAMPAIGNS)

    held = decide(make_case(campaign="cmp-1"), standing, Rules(), NOW_MS)
    refused = decide(make_case(campaign="cmp-1", hold=False), standing, Rules(), NOW_MS)

    assert isinstance(held, Queue)
    assert isinstance(refused, Reject)
