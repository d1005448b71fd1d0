"""What is missing for the next messaging limit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NOW_MS, NUMBER, make_rules, make_standing, make_template
from tidegate.cloudapi.vocabulary import UNLIMITED, NumberStatus, Quality
from tidegate.policy.breaker import Board, Breaker, State
from tidegate.policy.plan.upgrade import Obstacle, Readiness, Spread, readiness
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.standing import NumberStanding
from tidegate.policy.verdict import Reason

GOOD = NumberStanding(NUMBER, quality=Quality.GREEN, status=NumberStatus.CONNECTED)
BARE = make_rules(headroom=0.0, reserve={"authentication": 0.0, "utility": 0.0})


def ready(used: list[int | None], **standing: Any) -> Readiness:
    values = {"numbers": {NUMBER: GOOD}, "rules": BARE} | standing
    return readiness(make_standing(**values), used, NOW_MS)


def test_half_of_the_limit_in_seven_days_is_asked_for() -> None:
    found = ready([None, 500, *[100] * 6, 200], limit=2_000)

    assert found.way is not None
    assert (found.way.needed, found.way.together, found.missing) == (1_000, 800, 200)
    assert found.used_by_day == (100, 100, 100, 100, 100, 100, 200)
    assert found.quality_is_high


def test_what_each_day_has_to_bring_counts_what_is_kept_of_the_days_before() -> None:
    found = ready([0, 0, 0, 0, 0, 0, 400], limit=2_000)

    # By the seventh day today no longer counts.
    assert found.spreads[0] == Spread(1, 600, True)
    assert found.spreads[5] == Spread(6, 100, True)
    assert found.spreads[6] == Spread(7, 143, True)


def test_more_than_marketing_may_fill_does_not_fit() -> None:
    found = ready([0] * 30, limit=250)

    assert found.way is not None
    assert (found.way.needed, found.way.days) == (2_000, 30)
    assert [spread.days for spread in found.spreads if spread.fits] == list(range(8, 31))


def test_when_enough_was_used_nothing_more_has_to_be_sent() -> None:
    found = ready([1_000] * 7, limit=2_000)

    assert (found.missing, found.spreads) == (0, ())


def test_at_the_top_of_the_ladder_nothing_is_missing() -> None:
    found = ready([5, 6], limit=UNLIMITED)

    assert (found.way, found.missing, found.spreads, found.used_by_day) == (None, 0, (), (5, 6))


def made_breaker(**changes: Any) -> Breaker:
    values: dict[str, Any] = {
        "rule": "made_up",
        "scope": Scope.NUMBER,
        "value": NUMBER,
        "covers": Covers.EVERYTHING,
        "action": Action.HOLD,
        "reason": Reason.NUMBER_STANDING,
        "state": State.OPEN,
        "event_at_ms": NOW_MS - 1,
        "until_ms": NOW_MS + 1,
        "cause": "131048",
    }
    return Breaker(**values | changes)


@pytest.mark.parametrize(
    ("standing", "kinds", "high"),
    [
        pytest.param({}, [], True, id="all is well"),
        pytest.param(
            {"numbers": {NUMBER: NumberStanding(NUMBER)}}, ["number_quality", "number_status"], True, id="unknown"
        ),
        pytest.param(
            {"numbers": {NUMBER: NumberStanding(NUMBER, quality=Quality.YELLOW, status=NumberStatus.CONNECTED)}},
            ["number_quality"],
            False,
            id="a number is rated fair",
        ),
        pytest.param(
            {"numbers": {NUMBER: NumberStanding(NUMBER, quality=Quality.GREEN, status=NumberStatus.FLAGGED)}},
            ["number_status"],
            False,
            id="a number is flagged",
        ),
        pytest.param(
            {"templates": {("a",): make_template(quality=Quality.RED)}},
            ["template_quality"],
            False,
            id="a template is rated poor",
        ),
        pytest.param({"templates": {("a",): make_template()}}, [], True, id="a template is not rated yet"),
        pytest.param({"breakers": Board([made_breaker()])}, ["breaker"], False, id="something is stopped"),
        pytest.param({"breakers": Board([made_breaker(until_ms=NOW_MS)])}, [], True, id="it was stopped"),
    ],
)
def test_what_keeps_quality_from_being_high(standing: dict[str, Any], kinds: list[str], high: bool) -> None:
    found = ready([0] * 7, **standing)

    assert [obstacle.kind for obstacle in found.obstacles] == [Obstacle(kind) for kind in kinds]
    assert found.quality_is_high is high


def test_sends_are_best_spread_over_good_templates_and_over_the_numbers_by_their_paces() -> None:
    fast, bad = NumberStanding("2", throughput=240), NumberStanding("3", quality=Quality.RED)
    good = make_template(quality=Quality.GREEN)

    found = ready(
        [0] * 7,
        numbers={NUMBER: GOOD, "2": fast, "3": bad},
        templates={good.key: good, ("x",): make_template(name="other")},
    )

    assert found.shares == ((NUMBER, 0.25), ("2", 0.75))
    assert found.good_templates == ("seasonal_offer/en_US",)
