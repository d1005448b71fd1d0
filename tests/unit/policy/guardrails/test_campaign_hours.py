"""A campaign's own quiet hours: beside those of the rules, for its own messages."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.factories import make_case, make_rules, make_standing
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.decide import decide
from tidegate.policy.facts import Case, Terms
from tidegate.policy.guardrails.campaign_hours import campaign_hours
from tidegate.policy.standing import CampaignStanding, Standing
from tidegate.policy.users import EMPTY
from tidegate.policy.verdict import Queue, Reason
from tidegate.policy.zones import candidate_zones

ROME, TOKYO = "Europe/Rome", "Asia/Tokyo"


def at(written: str, zone: str = ROME) -> int:
    return round(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def standing_with(night: tuple[int, int] | None, **rules: object) -> Standing:
    campaigns = {"cmp-1": CampaignStanding("cmp-1", "running", night=night)}
    return make_standing(campaigns=campaigns, rules=make_rules(**rules))


EVENING = standing_with((18 * 60, 9 * 60))


def case_of(campaign: str | None, *zones: str, **changes: object) -> Case:
    return make_case(campaign=campaign, zones=zones, **changes)


@pytest.mark.parametrize(
    ("standing", "case", "held_until"),
    [
        pytest.param(EVENING, case_of("cmp-1", ROME), "2026-11-23T09:00", id="it is evening where the user is"),
        pytest.param(EVENING, case_of("cmp-1", "America/New_York"), None, id="it is day where the user is"),
        pytest.param(EVENING, case_of(None, ROME), None, id="a message of no campaign keeps none of its hours"),
        pytest.param(EVENING, case_of("cmp-2", ROME), None, id="another campaign keeps none of them"),
        pytest.param(EVENING, case_of("cmp-1"), None, id="of whom no zone is known nothing is judged"),
        pytest.param(standing_with(None), case_of("cmp-1", ROME), None, id="a campaign without hours keeps none"),
        pytest.param(
            EVENING,
            case_of("cmp-1", ROME, category=Category.AUTHENTICATION),
            "2026-11-23T09:00",
            id="whatever its category is",
        ),
    ],
)
def test_when_it_objects(standing: Standing, case: Case, held_until: str | None) -> None:
    objection = campaign_hours(case, standing, EMPTY, at("2026-11-22T19:00"))

    assert (objection is not None) is (held_until is not None)
    if objection is not None and held_until is not None:
        assert (objection.reason, objection.until_ms) == (Reason.QUIET_HOURS, at(held_until))


def test_a_zone_that_was_told_counts_before_the_number_s() -> None:
    now_ms = at("2026-11-22T19:00")

    assert campaign_hours(case_of("cmp-1", "America/New_York"), EVENING, EMPTY.in_zone(ROME), now_ms) is not None


def test_hours_that_leave_no_common_day_hold_it_with_no_known_end() -> None:
    zones = candidate_zones("79141234567")

    objection = campaign_hours(case_of("cmp-1", *zones), EVENING, EMPTY, at("2026-11-22T07:00", "UTC"))

    assert objection is not None
    assert objection.until_ms is None


QUIET = {"quiet_hours": {"mode": "enforce", "from": "21:00", "to": "08:00"}}


@pytest.mark.parametrize(
    ("standing", "campaign", "valid_until"),
    [
        pytest.param(EVENING, "cmp-1", "2026-11-22T18:00", id="until its own hours begin"),
        pytest.param(standing_with((18 * 60, 540), **QUIET), "cmp-1", "2026-11-22T18:00", id="its own begin first"),
        pytest.param(standing_with((22 * 60, 540), **QUIET), "cmp-1", "2026-11-22T21:00", id="the rules' begin first"),
        pytest.param(standing_with((18 * 60, 540), **QUIET), None, "2026-11-22T21:00", id="it is of no campaign"),
        pytest.param(standing_with(None), "cmp-1", None, id="nothing is quiet"),
    ],
)
def test_a_decision_to_send_does_not_outlast_the_day(
    standing: Standing, campaign: str | None, valid_until: str | None
) -> None:
    terms = decide(case_of(campaign, ROME), standing, standing.rules, at("2026-11-22T12:00"))

    assert isinstance(terms, Terms)
    assert terms.valid_until_ms == (at(valid_until) if valid_until else 0)


def test_the_stricter_of_two_nights_speaks() -> None:
    standing = standing_with((18 * 60, 9 * 60), **QUIET)

    verdict = decide(case_of("cmp-1", ROME), standing, standing.rules, at("2026-11-22T22:00"))

    assert isinstance(verdict, Queue)
    assert verdict.until_ms == at("2026-11-23T09:00")
