"""A campaign that was stopped, by its gate or by hand, sends nothing more."""

from tidegate.policy.facts import Case
from tidegate.policy.standing import Standing
from tidegate.policy.verdict import Objection, Reason


def campaign_halted(case: Case, standing: Standing, now_ms: int) -> Objection | None:
    """Objects to messages of a campaign that is paused, halted or cancelled, and to those of its app that only name it.

    What is queued of it waits: for its resumption, for being taken out of the queue, or for its deadline.
    """
    campaign = standing.campaign_of(case.campaign, case.app)
    if campaign is None or not campaign.stopped:
        return None
    return Objection(Reason.CAMPAIGN_HALTED, f"the campaign is {campaign.state}")
