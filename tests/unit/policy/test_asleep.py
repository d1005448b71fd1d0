"""Whose night it is, asked before a message is anywhere."""

from __future__ import annotations

import pytest

from tests.factories import make_case, make_standing
from tidegate.policy.asleep import asleep_until_ms
from tidegate.policy.night import HORIZON_MS
from tidegate.policy.rules import Rules
from tidegate.policy.standing import CampaignStanding

HOUR_MS = 3_600_000
#: 2026-11-02, midnight (UTC).
MIDNIGHT_MS = 1_793_577_600_000
NIGHT = {"from": "21:00", "to": "08:00"}
NEW_YORK, BERLIN = ("America/New_York",), ("Europe/Berlin",)


@pytest.mark.parametrize(
    ("rules", "own", "zones", "hour", "until_hour"),
    [
        pytest.param({}, None, NEW_YORK, 9, None, id="no quiet hours: nobody sleeps"),
        pytest.param({"quiet_hours": NIGHT}, None, NEW_YORK, 9, 13, id="the rules' night, until its end"),
        pytest.param({"quiet_hours": NIGHT}, None, BERLIN, 9, None, id="where it is day"),
        pytest.param(
            {"quiet_hours": {**NIGHT, "mode": "shadow"}}, None, NEW_YORK, 9, None, id="a rule that only tells"
        ),
        pytest.param({}, (21 * 60, 9 * 60), NEW_YORK, 9, 14, id="the campaign's own night"),
        pytest.param({"quiet_hours": NIGHT}, (21 * 60, 9 * 60), NEW_YORK, 9, 14, id="the later of both ends"),
        pytest.param({"quiet_hours": NIGHT}, None, (), 9, None, id="no zone is known: nothing is judged"),
    ],
)
def test_when_somebody_wakes(rules, own, zones, hour, until_hour):
    campaigns = {"cmp-1": CampaignStanding("cmp-1", "running", False, night=own)} if own else {}
    standing = make_standing(rules=Rules.model_validate(rules), campaigns=campaigns)
    case = make_case(zones=zones, campaign="cmp-1")

    until_ms = asleep_until_ms(case, standing, MIDNIGHT_MS + hour * HOUR_MS)

    assert until_ms == (None if until_hour is None else MIDNIGHT_MS + until_hour * HOUR_MS)


def test_where_the_night_has_no_end_it_is_asked_again_later():
    standing = make_standing(rules=Rules.model_validate({"quiet_hours": {"from": "12:00", "to": "11:00"}}))
    case = make_case(zones=("America/New_York", "Europe/Berlin", "Asia/Tokyo"))

    assert asleep_until_ms(case, standing, MIDNIGHT_MS) == MIDNIGHT_MS + HORIZON_MS
