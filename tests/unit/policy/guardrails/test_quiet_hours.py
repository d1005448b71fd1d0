"""At night nobody is written to who may be asleep; what must not wait is exempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.factories import make_case, make_rules, make_service_case, make_standing
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Case
from tidegate.policy.guardrails.quiet_hours import quiet_from_ms, quiet_hours
from tidegate.policy.users import EMPTY
from tidegate.policy.verdict import Reason
from tidegate.policy.zones import candidate_zones

ROME, TOKYO = "Europe/Rome", "Asia/Tokyo"
QUIET = {"from": "21:00", "to": "08:00"}


def at(written: str, zone: str = ROME) -> int:
    return round(datetime.fromisoformat(written).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def case_in(*zones: str, **changes: Any) -> Case:
    return make_case(zones=zones, **changes)


def held_until(case: Case, now_ms: int, zone: str | None = None, **changes: Any) -> int | str | None:
    """The end of the hold; "unknown" where it has none that is known, None where nothing is held."""
    standing = make_standing(rules=make_rules(quiet_hours=QUIET | changes))
    no = quiet_hours(case, standing, EMPTY.in_zone(zone), now_ms)
    if no is None:
        return None
    assert (no.reason, no.final, no.pacing) == (Reason.QUIET_HOURS, False, False)
    return no.until_ms or "unknown"


def test_it_is_held_until_the_morning() -> None:
    assert held_until(case_in(ROME), at("2026-11-21T23:00")) == at("2026-11-22T08:00")
    assert held_until(case_in(ROME), at("2026-11-22T08:00")) is None


def test_it_has_to_be_day_in_every_zone_that_the_number_may_be_in() -> None:
    zones = candidate_zones("79141234567")

    assert held_until(case_in(*zones), at("2026-11-22T12:00", "UTC")) == at("2026-11-23T06:00", "UTC")


def test_zones_without_a_common_day_hold_it_with_no_known_end() -> None:
    zones = candidate_zones("79141234567")

    assert held_until(case_in(*zones), at("2026-11-22T07:00", "UTC"), **{"from": "18:00"}) == "unknown"


@pytest.mark.parametrize(
    ("zone", "until"),
    [
        pytest.param(TOKYO, None, id="who is known to be elsewhere is judged by the clock there"),
        pytest.param(ROME, "2026-11-22T08:00", id="who is known to be here, by this one"),
        pytest.param(None, "2026-11-22T08:00", id="of whom nothing else is known, by the number"),
        pytest.param("Europe/Atlantis", "2026-11-22T08:00", id="a zone that is none any more says nothing"),
    ],
)
def test_what_was_told_of_the_user_counts_before_the_number(zone: str | None, until: str | None) -> None:
    # 01:30 in Rome is 09:30 in Tokyo.
    assert held_until(case_in(ROME), at("2026-11-22T01:30"), zone) == (None if until is None else at(until))


@pytest.mark.parametrize(
    ("case", "categories", "held"),
    [
        pytest.param(case_in(ROME), ["marketing"], True, id="marketing"),
        pytest.param(case_in(ROME, category=Category.UTILITY), ["marketing"], False, id="utility, unless said"),
        pytest.param(case_in(ROME, category=Category.UTILITY), ["utility"], True, id="utility, if said"),
        pytest.param(case_in(ROME), ["utility"], False, id="marketing, if only utility is said"),
        pytest.param(
            case_in(ROME, category=Category.AUTHENTICATION),
            ["authentication"],
            False,
            id="a login code, whatever",
        ),
        pytest.param(make_service_case(zones=(ROME,)), ["marketing"], False, id="a reply"),
        pytest.param(case_in(), ["marketing"], False, id="of whom no zone is known nothing is judged"),
    ],
)
def test_what_is_held_at_night(case: Case, categories: list[str], held: bool) -> None:
    night_ms = at("2026-11-22T02:00")

    assert (held_until(case, night_ms, categories=categories) is not None) is held


def test_without_the_table_no_night_is_quiet() -> None:
    assert quiet_hours(case_in(ROME), make_standing(), EMPTY, at("2026-11-22T02:00")) is None
    assert quiet_from_ms(case_in(ROME), EMPTY, make_rules(), at("2026-11-22T02:00")) is None


@pytest.mark.parametrize(
    ("case", "zone", "rule", "begins"),
    [
        pytest.param(case_in(ROME), None, {}, "2026-11-22T21:00", id="in the evening"),
        pytest.param(case_in(ROME, TOKYO), None, {}, "2026-11-22T13:00", id="in the evening of whoever goes first"),
        pytest.param(case_in(TOKYO), ROME, {}, "2026-11-22T21:00", id="where the user is known to be"),
        pytest.param(case_in(), None, {}, None, id="never where no zone is known"),
        pytest.param(make_service_case(zones=(ROME,)), None, {}, None, id="never for a reply"),
        pytest.param(case_in(ROME), None, {"mode": "shadow"}, None, id="never where it only tells"),
    ],
)
def test_a_decision_to_send_holds_until_the_next_night(
    case: Case, zone: str | None, rule: dict[str, str], begins: str | None
) -> None:
    rules = make_rules(quiet_hours=QUIET | rule)

    begins_ms = quiet_from_ms(case, EMPTY.in_zone(zone), rules, at("2026-11-22T12:00"))

    assert begins_ms == (None if begins is None else at(begins))
