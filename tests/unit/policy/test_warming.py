"""A warm-up as it goes: its days, its ramp, the ratings that it got."""

from __future__ import annotations

import pytest

from tests.factories import NOW_MS
from tidegate.cloudapi.vocabulary import UNLIMITED, Quality
from tidegate.policy.warm_up import DAY_MS, Ramp, WarmUp
from tidegate.policy.warming import Warming, number_id, tally_name, template_id

PLAN = WarmUp()
GREEN, YELLOW, RED, UNKNOWN = Quality.GREEN, Quality.YELLOW, Quality.RED, Quality.UNKNOWN


def warming(**changes: object) -> Warming:
    values = {"since_ms": NOW_MS, "day": 0, "ramp": Ramp(50)} | changes
    return Warming(**values)  # type: ignore[arg-type]  # the values of a test are of the right types


@pytest.mark.parametrize(
    ("used", "worst", "now", "recipients"),
    [
        pytest.param([], UNKNOWN, UNKNOWN, 50, id="no day has ended"),
        pytest.param([50], UNKNOWN, UNKNOWN, 100, id="a day that was used"),
        pytest.param([25], UNKNOWN, GREEN, 100, id="half of it is enough"),
        pytest.param([24], UNKNOWN, GREEN, 50, id="less than half"),
        pytest.param([50], YELLOW, GREEN, 50, id="a rating that was yellow on the day"),
        pytest.param([50], GREEN, YELLOW, 50, id="a rating that is yellow at its end"),
        pytest.param([50, 100, 200], GREEN, GREEN, 400, id="three days at once"),
        pytest.param([50, 100], YELLOW, GREEN, 100, id="what was seen counts for its own day"),
        pytest.param([50, 0, 100], GREEN, GREEN, 200, id="a silent day is no step back"),
    ],
)
def test_what_days_make_of_the_allowance(used: list[int], worst: Quality, now: Quality, recipients: int) -> None:
    after = warming(worst=worst).after(PLAN, used, now, 2_000)

    assert after.allowance(PLAN, 2_000) == recipients
    assert (after.since_ms, after.day, after.worst) == (NOW_MS, len(used), now if used else worst)


def test_a_red_day_costs_half_and_no_more_than_all() -> None:
    after = warming(ramp=Ramp(400)).after(PLAN, [400], RED, 2_000)
    assert after.allowance(PLAN, 2_000) == 200
    assert warming().after(PLAN, [50] * 3, RED, 2_000).allowance(PLAN, 2_000) == 50


@pytest.mark.parametrize(
    ("limit", "recipients", "allowance"),
    [
        pytest.param(250, 50, 50, id="below the limit"),
        pytest.param(250, 400, 250, id="at the limit"),
        pytest.param(UNLIMITED, 51_200, 51_200, id="without a limit"),
        pytest.param(UNLIMITED, 100_000, UNLIMITED, id="grown up without a limit"),
    ],
)
def test_what_a_day_allows(limit: int, recipients: int, allowance: int) -> None:
    assert warming(ramp=Ramp(recipients)).allowance(PLAN, limit) == allowance


def test_a_start_that_was_raised_counts_at_once() -> None:
    assert warming().allowance(WarmUp(start=80), 2_000) == 80
    assert warming().after(WarmUp(start=80), [40], GREEN, 2_000).allowance(WarmUp(start=80), 2_000) == 160


@pytest.mark.parametrize(
    ("day", "after_ms", "ended"),
    [
        pytest.param(0, -5, range(0), id="before its first send"),
        pytest.param(0, DAY_MS - 1, range(0), id="its first day"),
        pytest.param(0, DAY_MS, range(1), id="its second"),
        pytest.param(2, 5 * DAY_MS, range(2, 5), id="when nobody looked for days"),
        pytest.param(5, 5 * DAY_MS, range(5, 5), id="when somebody did"),
    ],
)
def test_the_days_that_have_ended(day: int, after_ms: int, ended: range) -> None:
    assert warming(day=day).days_ended(NOW_MS + after_ms) == ended


@pytest.mark.parametrize(
    ("before", "seen", "worst"),
    [
        pytest.param(UNKNOWN, GREEN, GREEN, id="a first rating"),
        pytest.param(GREEN, UNKNOWN, GREEN, id="a rating that is taken back"),
        pytest.param(GREEN, RED, RED, id="a fall"),
        pytest.param(RED, GREEN, RED, id="a recovery"),
        pytest.param(YELLOW, YELLOW, YELLOW, id="no change"),
    ],
)
def test_the_worst_rating_of_a_day(before: Quality, seen: Quality, worst: Quality) -> None:
    assert warming(worst=before).seen(seen).worst is worst


def test_its_record_is_read_back() -> None:
    at = warming(day=3, ramp=Ramp(400, idle=2), worst=YELLOW)

    assert Warming.from_json(at.to_json()) == at


@pytest.mark.parametrize(
    "written",
    [{}, {"since_ms": 1, "day": 0, "recipients": 50, "idle": 0, "worst": "PURPLE"}],
    ids=["nothing", "a rating that is none"],
)
def test_a_record_that_is_none(written: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        Warming.from_json(written)


def test_names_have_no_spaces_whatever_a_template_is_called() -> None:
    subject = template_id("102", "a b:c|d/é", "en US")

    assert subject == "template:102:en%20US:a%20b%3Ac%7Cd%2F%C3%A9"
    assert tally_name(number_id("106"), 3) == "warm:number:106:3"
