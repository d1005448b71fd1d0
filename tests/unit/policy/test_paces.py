"""What breakers leave of the pace: a share, or one send at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NOW_MS, NUMBER, TEMPLATE, WABA, make_case, make_rules, make_service_case, make_standing
from tests.unit.policy.breaker.specimens import HOUR_MS, MINUTE_MS, make_grip, make_throttle, open_since
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.breaker import Board, Grip
from tidegate.policy.decide import decide, terms_of
from tidegate.policy.facts import Terms
from tidegate.policy.grant import Grant
from tidegate.policy.paces import is_marketing_now, number_share, turns_of
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.rules import Rules
from tidegate.policy.standing import NumberStanding, Standing
from tidegate.policy.verdict import Queue, Reason

OF_TEMPLATE: dict[str, Any] = {"scope": Scope.TEMPLATE, "value": f"{WABA}:{TEMPLATE[1]}:{TEMPLATE[0]}"}
HALF = make_throttle(recover_ms=None, for_ms=HOUR_MS, **OF_TEMPLATE, rule="template_yellow")
AIMD = make_throttle(rule="throughput", value=NUMBER, covers=Covers.EVERYTHING)
SPAM = make_grip(value=NUMBER)


def standing_with(*grips: Grip, rules: Rules | None = None, throughput: int = 80) -> Standing:
    numbers = {NUMBER: NumberStanding(NUMBER, throughput=throughput)}
    board = Board(open_since(grip=grip) for grip in grips)
    return make_standing(breakers=board, rules=rules or Rules(), numbers=numbers)


def off(rule: str, mode: str = "off") -> Rules:
    return make_rules(consequence=[{"id": rule, "mode": mode}])


def test_a_throttle_of_a_number_is_the_number_s_own_pace() -> None:
    standing = standing_with(AIMD)

    assert number_share(make_case(), standing, NOW_MS) == 0.5
    assert number_share(make_case(), standing, NOW_MS + MINUTE_MS) == 1
    assert turns_of(make_case(), standing, NOW_MS) == ()
    assert terms_of(make_case(), standing, standing.rules, NOW_MS).throughput_emission_us == 25_000


def test_a_throttle_of_a_template_is_a_pace_beside_it() -> None:
    standing = standing_with(HALF)

    (turn,) = turns_of(make_case(), standing, NOW_MS)
    assert (turn.emission_ms, turn.probes) == (25.0, "")
    assert turn.objection.pacing
    assert "50%" in turn.objection.detail
    assert number_share(make_case(), standing, NOW_MS) == 1


def test_a_half_open_breaker_lets_one_send_a_trickle_through_on_all_nodes_together() -> None:
    standing = standing_with(SPAM)

    assert turns_of(make_case(), standing, NOW_MS) == ()
    (turn,) = turns_of(make_case(), standing, NOW_MS + HOUR_MS)
    assert (turn.emission_ms, turn.tolerance_ms) == (MINUTE_MS, 0)
    assert turn.probes == f"spam_rate/number/{NUMBER}"
    assert turn.objection.spread_ms == MINUTE_MS


@pytest.mark.parametrize(
    ("grip", "case", "rules"),
    [
        pytest.param(HALF, make_case(template=("another", "en_US")), Rules(), id="another template"),
        pytest.param(SPAM, make_service_case(), Rules(), id="a reply, where it covers what the business begins"),
        pytest.param(SPAM, make_case(number="another"), Rules(), id="another number"),
        pytest.param(HALF, make_case(), off("template_yellow"), id="its rule is off"),
        pytest.param(HALF, make_case(), off("template_yellow", "shadow"), id="its rule only tells"),
        pytest.param(HALF, make_case(), make_rules(template_health={"mode": "shadow"}), id="its guardrail only tells"),
        pytest.param(SPAM, make_case(), make_rules(number_standing={"mode": "off"}), id="its guardrail is off"),
    ],
)
def test_whom_a_breaker_does_not_concern_waits_for_no_turn_of_its(grip: Grip, case: Any, rules: Rules) -> None:
    assert turns_of(case, standing_with(grip, rules=rules), NOW_MS + (HOUR_MS if grip is SPAM else 0)) == ()


def test_a_number_without_a_pace_has_no_share_of_one() -> None:
    assert turns_of(make_case(), standing_with(HALF, throughput=0), NOW_MS) == ()


def test_utility_is_marketing_while_meta_says_so() -> None:
    grip = make_grip(
        rule="utility_reclassified",
        scope=Scope.WABA,
        value=WABA,
        covers=Covers.UTILITY,
        action=Action.RECLASSIFY,
        trickle_ms=None,
    )
    standing = standing_with(grip)

    assert is_marketing_now(make_case(category=Category.UTILITY), standing, NOW_MS)
    assert not is_marketing_now(make_case(category=Category.UTILITY), standing, NOW_MS + HOUR_MS)
    assert not is_marketing_now(make_case(category=Category.AUTHENTICATION), standing, NOW_MS)


class TestAnOpenBreaker:
    """What `decide` makes of one."""

    def test_it_stops_what_it_covers_until_its_end(self) -> None:
        standing = standing_with(SPAM)

        decided = decide(make_case(), standing, standing.rules, NOW_MS)

        assert isinstance(decided, Queue)
        assert (decided.reason, decided.until_ms) == (Reason.NUMBER_STANDING, NOW_MS + HOUR_MS)

    def test_in_shadow_it_only_tells(self) -> None:
        rules = off("spam_rate", "shadow")
        standing = standing_with(SPAM, rules=rules)

        decided = decide(make_case(), standing, rules, NOW_MS)

        assert isinstance(decided, Terms)
        assert decided.foreshadowed == (Reason.NUMBER_STANDING,)

    def test_where_its_rule_is_off_it_says_nothing(self) -> None:
        rules = off("spam_rate")

        decided = decide(make_case(), standing_with(SPAM, rules=rules), rules, NOW_MS)

        assert isinstance(decided, Terms)
        assert decided.foreshadowed == ()


class TestAnAppsShare:
    def test_an_app_with_a_share_of_the_throughput_has_turns_of_its_own(self) -> None:
        grant = Grant("checkout", throughput_share=0.25)

        (turn,) = turns_of(make_case(grant=grant), make_standing(), NOW_MS)

        assert (turn.name, turn.emission_ms, turn.probes) == (f"app:checkout:{NUMBER}", 50.0, "")
        assert turn.objection.reason is Reason.THROUGHPUT
        assert turn.objection.pacing
        assert turn.objection.detail == "the app checkout has 25% of the number's 80 messages a second"

    def test_an_app_without_one_has_none(self) -> None:
        assert turns_of(make_case(grant=Grant("checkout", templates=("*",))), make_standing(), NOW_MS) == ()

    def test_a_number_without_a_known_throughput_has_no_share_to_give(self) -> None:
        standing = make_standing(numbers={NUMBER: NumberStanding(NUMBER, throughput=0)})
        assert turns_of(make_case(grant=Grant("checkout", throughput_share=0.5)), standing, NOW_MS) == ()
