"""The judgement: what the standing decides alone, what the ledger is asked, and what its facts mean."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import (
    DAY_MS,
    NOW_MS,
    NUMBER,
    make_case,
    make_facts,
    make_rules,
    make_service_case,
    make_standing,
    make_template,
    make_terms,
)
from tidegate.cloudapi.vocabulary import UNLIMITED, Category, TemplateStatus
from tidegate.policy.decide import PACING_RETRY_MS, decide, explain, is_free, judge, shadowed, terms_of
from tidegate.policy.facts import Case, Facts, Terms
from tidegate.policy.guardrails import COUNTED, STANDING, USER
from tidegate.policy.guardrails.messaging_limit import messaging_limit
from tidegate.policy.guardrails.pair_rate import pair_rate
from tidegate.policy.rules import GUARDRAIL_FIELDS, Mode, Rules
from tidegate.policy.standing import CampaignStanding, NumberStanding, Pause, Standing
from tidegate.policy.verdict import Queue, Reason, Reject, Send, Verdict, Wait

FULL = make_terms(places=85, limit_places=100, category_places=85)
PACED = make_terms(pair_emission_ms=6_000, throughput_emission_us=12_500)
OFF_AT_FIRST = {name for name in GUARDRAIL_FIELDS if Rules().mode(name) is Mode.OFF}
HELD = make_case(hold=True)
LATE_MS = 31 * DAY_MS + 60_000
NOT_HELD = make_case(hold=False)


def standing_with(*, status: TemplateStatus | None = None, paused_until_ms: int | None = 0) -> Standing:
    template = make_template(status=status)
    pause = Pause("p1", "number", NUMBER, "complaints", since_ms=0, until_ms=paused_until_ms, by="ops")
    return make_standing(templates={template.key: template}, pauses=(pause,))


class TestDecide:
    """What needs no look into the books."""

    @pytest.mark.parametrize(
        ("case", "standing", "verdict"),
        [
            pytest.param(
                make_case(expires_at_ms=NOW_MS),
                make_standing(),
                (Reject, Reason.EXPIRED, None),
                id="its deadline is now",
            ),
            pytest.param(
                make_case(expires_at_ms=NOW_MS - 1, not_before_ms=NOW_MS + 5),
                make_standing(),
                (Reject, Reason.EXPIRED, None),
                id="a deadline that passed before its time came",
            ),
            pytest.param(
                make_case(not_before_ms=NOW_MS + 1),
                make_standing(),
                (Queue, Reason.SCHEDULED, NOW_MS + 1),
                id="it is asked for a millisecond from now",
            ),
            pytest.param(
                HELD,
                standing_with(paused_until_ms=NOW_MS + 9),
                (Queue, Reason.PAUSED_BY_OPERATOR, NOW_MS + 9),
                id="a pause holds what may be held, until its end",
            ),
            pytest.param(
                HELD,
                standing_with(paused_until_ms=None),
                (Queue, Reason.PAUSED_BY_OPERATOR, None),
                id="a pause without end holds until it is lifted",
            ),
            pytest.param(
                NOT_HELD,
                standing_with(paused_until_ms=None),
                (Reject, Reason.PAUSED_BY_OPERATOR, None),
                id="what may not be held is refused",
            ),
            pytest.param(
                HELD,
                standing_with(status=TemplateStatus.PAUSED),
                (Queue, Reason.TEMPLATE_PAUSED, None),
                id="a paused template is waited for",
            ),
            pytest.param(
                HELD,
                standing_with(status=TemplateStatus.DISABLED),
                (Reject, Reason.TEMPLATE_DISABLED, None),
                id="a disabled template is not",
            ),
            pytest.param(
                HELD,
                standing_with(status=TemplateStatus.DISABLED, paused_until_ms=None),
                (Reject, Reason.TEMPLATE_DISABLED, None),
                id="a final no outweighs one that ends",
            ),
        ],
    )
    def test_the_verdict_of_the_standing(self, case: Case, standing: Standing, verdict: tuple[Any, ...]) -> None:
        decided = decide(case, standing, Rules(), NOW_MS)

        assert not isinstance(decided, Terms | Send | Wait)
        assert (type(decided), decided.reason, decided.until_ms) == verdict

    @pytest.mark.parametrize(
        ("case", "standing", "rules"),
        [
            pytest.param(HELD, make_standing(), Rules(), id="nothing speaks against it"),
            pytest.param(make_case(expires_at_ms=NOW_MS + 1), make_standing(), Rules(), id="a millisecond is left"),
            pytest.param(make_case(not_before_ms=NOW_MS), make_standing(), Rules(), id="its time is now"),
            pytest.param(
                HELD,
                standing_with(status=TemplateStatus.DISABLED),
                make_rules(template_health={"mode": "shadow"}),
                id="a guardrail in shadow mode does not decide",
            ),
            pytest.param(
                HELD,
                standing_with(status=TemplateStatus.DISABLED),
                make_rules(template_health={"mode": "off"}),
                id="one that is off is not asked",
            ),
        ],
    )
    def test_what_the_ledger_is_asked(self, case: Case, standing: Standing, rules: Rules) -> None:
        decided = decide(case, standing, rules, NOW_MS)

        assert isinstance(decided, Terms)
        assert decided._replace(foreshadowed=()) == terms_of(case, standing, rules)

    def test_a_pause_by_hand_is_no_rule_that_can_be_turned_off(self) -> None:
        modes = {name: {"mode": "off"} for name in ("service_window", "messaging_limit", "template_health")}

        assert isinstance(decide(HELD, standing_with(paused_until_ms=None), make_rules(**modes), NOW_MS), Queue)


class TestTerms:
    """The numbers that `admit` compares with."""

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            pytest.param({}, {"places": 1_600, "limit_places": 1_900, "category_places": 1_600}, id="marketing"),
            pytest.param({"category": Category.UTILITY}, {"places": 1_800}, id="utility"),
            pytest.param(
                {"category": Category.AUTHENTICATION},
                {"places": 1_900, "limit_places": 1_900, "category_places": -1},
                id="authentication",
            ),
            pytest.param(
                {"category": None, "template": None},
                {"places": -1, "limit_places": -1, "category_places": -1, "counts": False, "needs_window": True},
                id="a free-form message asks for a window instead of a place",
            ),
            pytest.param({"to_group": True}, {"counts": False, "needs_window": False}, id="to a group nothing counts"),
        ],
    )
    def test_by_category(self, changes: dict[str, Any], expected: dict[str, Any]) -> None:
        terms = terms_of(make_case(**changes), make_standing(), Rules())

        assert {name: getattr(terms, name) for name in expected} == expected

    @pytest.mark.parametrize(
        ("tables", "places"),
        [
            pytest.param({"category_reserve": {"mode": "shadow"}}, 1_900, id="the reserve in shadow does not bind"),
            pytest.param({"category_reserve": {"mode": "off"}}, 1_900, id="nor does it when it is off"),
            pytest.param({"messaging_limit": {"mode": "shadow"}}, 1_600, id="the reserve binds without the limit"),
            pytest.param(
                {"messaging_limit": {"mode": "off"}, "category_reserve": {"mode": "shadow"}}, -1, id="neither binds"
            ),
        ],
    )
    def test_only_enforced_bounds_bind(self, tables: dict[str, Any], places: int) -> None:
        terms = terms_of(make_case(), make_standing(), make_rules(**tables))

        assert (terms.places, terms.limit_places, terms.category_places) == (places, 1_900, 1_600)

    def test_a_reserve_binds_though_the_headroom_leaves_no_place_at_all(self) -> None:
        rules = make_rules(headroom=0.1, messaging_limit={"mode": "off"})

        assert terms_of(make_case(), make_standing(limit=1), rules).places == 0

    def test_a_reserve_alone_does_not_bind_the_category_that_it_is_for(self) -> None:
        case = make_case(category=Category.AUTHENTICATION)

        assert terms_of(case, make_standing(), make_rules(messaging_limit={"mode": "off"})).places == -1

    def test_unlimited_asks_for_no_place_but_counts(self) -> None:
        terms = terms_of(make_case(), make_standing(limit=UNLIMITED), Rules())

        assert (terms.places, terms.counts) == (-1, True)

    def test_the_terms_name_the_epoch_of_the_decision(self) -> None:
        assert terms_of(make_case(), make_standing(epoch=7), Rules()).epoch == 7

    @pytest.mark.parametrize(
        ("category", "tables", "ms"),
        [
            pytest.param(Category.MARKETING, {}, LATE_MS, id="marketing: thirty days, a day, a minute for the way"),
            pytest.param(Category.UTILITY, {}, LATE_MS, id="utility too"),
            pytest.param(
                Category.AUTHENTICATION, {}, DAY_MS + 960_000, id="a login code: a quarter of an hour, a day, a minute"
            ),
            pytest.param(Category.MARKETING, {"late_delivery_hold": False}, DAY_MS, id="the operator may do without"),
            pytest.param(None, {}, DAY_MS, id="a free-form message holds nothing"),
        ],
    )
    def test_how_long_a_place_is_kept(self, category: Category | None, tables: dict[str, Any], ms: int) -> None:
        assert terms_of(make_case(category=category), make_standing(), make_rules(**tables)).hold_ms == ms

    @pytest.mark.parametrize(
        ("per_second", "emission_us", "tolerance_us"),
        [
            pytest.param(80, 12_500, 10_000, id="80 a second are evenly spaced, and 10 ms of lateness are forgiven"),
            pytest.param(1_000, 1_000, 10_000, id="so are 1,000 a second"),
            pytest.param(3, 333_333, 10_000, id="a third of a second is cut to whole microseconds"),
        ],
    )
    def test_the_pace_of_a_number(self, per_second: int, emission_us: int, tolerance_us: int) -> None:
        standing = make_standing(numbers={NUMBER: NumberStanding(NUMBER, throughput=per_second)})

        terms = terms_of(make_case(category=Category.MARKETING), standing, Rules())

        assert (terms.throughput_emission_us, terms.throughput_tolerance_us) == (emission_us, tolerance_us)

    @pytest.mark.parametrize(
        ("category", "tolerance_us"),
        [
            pytest.param(Category.AUTHENTICATION, 35_000, id="a login code goes up to 25 ms early"),
            pytest.param(Category.UTILITY, 22_500, id="a utility message half of that"),
            pytest.param(None, 22_500, id="a reply half of that"),
            pytest.param(Category.MARKETING, 10_000, id="a campaign none"),
        ],
    )
    def test_the_urgent_go_before_their_turn(self, category: Category | None, tolerance_us: int) -> None:
        assert terms_of(make_case(category=category), make_standing(), Rules()).throughput_tolerance_us == tolerance_us

    def test_a_number_without_throughput_is_not_paced(self) -> None:
        standing = make_standing(numbers={NUMBER: NumberStanding(NUMBER, throughput=0)})

        assert terms_of(make_case(), standing, Rules()).throughput_emission_us == 0

    def test_the_pace_of_a_pair(self) -> None:
        terms = terms_of(make_case(), make_standing(), Rules())

        assert (terms.pair_emission_ms, terms.pair_tolerance_ms) == (6_000, 264_000)

    def test_what_is_in_shadow_is_counted_and_not_waited_for(self) -> None:
        rules = make_rules(
            pair_rate={"mode": "shadow"}, throughput={"mode": "shadow"}, service_window={"mode": "shadow"}
        )

        terms = terms_of(make_service_case(), make_standing(), rules)

        assert not terms.needs_window
        assert (terms.pair_emission_ms > 0, terms.waits_for_pair) == (True, False)
        assert (terms.throughput_emission_us > 0, terms.waits_for_throughput) == (True, False)

    def test_what_is_off_asks_for_nothing(self) -> None:
        names = ("service_window", "pair_rate", "throughput")
        rules = make_rules(**{name: {"mode": "off"} for name in names})

        terms = terms_of(make_service_case(), make_standing(), rules)

        assert not terms.needs_window
        assert (terms.pair_emission_ms, terms.pair_tolerance_ms) == (0, 0)
        assert (terms.throughput_emission_us, terms.throughput_tolerance_us) == (0, 0)

    def test_the_margin_is_the_operators(self) -> None:
        assert terms_of(make_case(), make_standing(), make_rules(window_margin="1m")).window_margin_ms == 60_000


class TestJudge:
    """What the facts mean."""

    @pytest.mark.parametrize(
        ("case", "terms", "facts", "verdict"),
        [
            pytest.param(HELD, FULL, make_facts(used=84), Send(), id="a place is left"),
            pytest.param(
                HELD,
                FULL,
                make_facts(used=85, place_at_ms=NOW_MS + 5),
                (Queue, Reason.CATEGORY_RESERVE, NOW_MS + 5),
                id="what is left is reserved",
            ),
            pytest.param(
                HELD,
                FULL,
                make_facts(used=100, place_at_ms=NOW_MS + 5),
                (Queue, Reason.MESSAGING_LIMIT, NOW_MS + 5),
                id="of a full limit the limit speaks, not the reserve",
            ),
            pytest.param(
                NOT_HELD,
                FULL,
                make_facts(used=100),
                (Reject, Reason.MESSAGING_LIMIT, None),
                id="refused where not held",
            ),
            pytest.param(HELD, FULL, make_facts(used=100, repeated=True), Send(), id="what was taken before is sent"),
            pytest.param(
                make_service_case(hold=True),
                make_terms(needs_window=True, counts=False),
                make_facts(),
                (Reject, Reason.SERVICE_WINDOW_CLOSED, None),
                id="a closed window is never waited for",
            ),
            pytest.param(
                make_case(pacing_wait_ms=500),
                PACED,
                make_facts(throughput_at_ms=NOW_MS + 500),
                (Wait, Reason.THROUGHPUT, NOW_MS + 500),
                id="a turn that comes within the wait is waited for",
            ),
            pytest.param(
                make_case(pacing_wait_ms=499),
                PACED,
                make_facts(throughput_at_ms=NOW_MS + 500),
                (Queue, Reason.THROUGHPUT, NOW_MS + 500),
                id="one that comes later is queued for",
            ),
            pytest.param(
                make_case(pacing_wait_ms=10_000),
                PACED,
                make_facts(throughput_at_ms=NOW_MS + 500, pair_at_ms=NOW_MS + 900),
                (Wait, Reason.PAIR_RATE, NOW_MS + 900),
                id="of two turns the later one is waited for",
            ),
            pytest.param(
                make_case(pacing_wait_ms=10_000),
                make_terms(limit_places=100, throughput_emission_us=12_500),
                make_facts(used=100, throughput_at_ms=NOW_MS + 500),
                (Queue, Reason.MESSAGING_LIMIT, None),
                id="a full limit outweighs a turn: waiting for the turn would not help",
            ),
        ],
    )
    def test_the_verdict(self, case: Case, terms: Terms, facts: Facts, verdict: Verdict | tuple[Any, ...]) -> None:
        judged = judge(case, terms, facts, Rules())

        match judged:
            case Send():
                assert judged == verdict
            case Wait(objection, until_ms):
                assert (type(judged), objection.reason, until_ms) == verdict
            case Queue() | Reject():
                assert (type(judged), judged.reason, judged.until_ms) == verdict

    @pytest.mark.parametrize(
        ("facts", "terms", "needs_place"),
        [
            pytest.param(make_facts(used=100), FULL, True, id="for want of a place"),
            pytest.param(make_facts(used=90), FULL, True, id="for want of an unreserved place"),
            pytest.param(make_facts(pair_at_ms=NOW_MS + 60_000), PACED, False, id="for its turn"),
        ],
    )
    def test_what_a_queued_send_waits_for(self, facts: Facts, terms: Terms, needs_place: bool) -> None:
        judged = judge(HELD, terms, facts, Rules())

        assert isinstance(judged, Queue)
        assert judged.needs_place is needs_place

    @pytest.mark.parametrize(
        ("in_ms", "soon"),
        [
            pytest.param(PACING_RETRY_MS, True, id="a caller can sleep that long"),
            pytest.param(PACING_RETRY_MS + 1, False, id="but not longer"),
        ],
    )
    def test_a_refusal_for_pace_that_ends_soon_says_so(self, in_ms: int, soon: bool) -> None:
        judged = judge(NOT_HELD, PACED, make_facts(pair_at_ms=NOW_MS + in_ms), Rules())

        assert isinstance(judged, Reject)
        assert judged.pacing is soon

    def test_a_refusal_for_a_place_is_no_matter_of_pace(self) -> None:
        judged = judge(NOT_HELD, FULL, make_facts(used=100, place_at_ms=NOW_MS + 1), Rules())

        assert isinstance(judged, Reject)
        assert not judged.pacing

    @pytest.mark.parametrize("mode", ["shadow", "off"])
    def test_a_guardrail_that_is_not_enforced_does_not_decide(self, mode: str) -> None:
        rules = make_rules(messaging_limit={"mode": mode}, category_reserve={"mode": mode})

        assert judge(HELD, FULL, make_facts(used=100), rules) == Send()


class TestShadow:
    def test_what_would_have_been_objected_to_is_told(self) -> None:
        rules = make_rules(messaging_limit={"mode": "shadow"}, category_reserve={"mode": "shadow"})

        assert shadowed(HELD, FULL, make_facts(used=90), rules) == [Reason.CATEGORY_RESERVE]
        assert shadowed(HELD, FULL, make_facts(used=84), rules) == []

    @pytest.mark.parametrize("mode", ["enforce", "off"])
    def test_what_decides_or_is_off_casts_no_shadow(self, mode: str) -> None:
        rules = make_rules(messaging_limit={"mode": mode}, category_reserve={"mode": mode})

        assert shadowed(HELD, FULL, make_facts(used=100), rules) == []


class TestExplain:
    def test_every_guardrail_answers_in_the_order_of_explanation(self) -> None:
        answers = explain(HELD, make_standing(), FULL, make_facts(used=90), Rules())

        every = (*STANDING, *USER, *COUNTED)
        asked = [guardrail.__name__ for guardrail in every if guardrail.__name__ not in OFF_AT_FIRST]
        assert [answer.guardrail for answer in answers] == asked
        assert asked[0] == "operator_pause"
        objecting = [answer.guardrail for answer in answers if answer.objection]
        assert objecting == ["category_reserve"]

    def test_one_that_is_off_is_left_out_and_one_in_shadow_says_so(self) -> None:
        rules = make_rules(messaging_limit={"mode": "shadow"}, pair_rate={"mode": "off"})

        answers = {a.guardrail: a for a in explain(HELD, make_standing(), FULL, make_facts(used=100), rules)}

        assert pair_rate.__name__ not in answers
        shadow = answers[messaging_limit.__name__]
        assert shadow.mode is Mode.SHADOW
        assert shadow.objection is not None


@pytest.mark.parametrize(
    ("standing", "free"),
    [
        pytest.param(make_standing(), True, id="nothing is stopped"),
        pytest.param(standing_with(paused_until_ms=NOW_MS + 9), False, id="the number is paused"),
        pytest.param(
            make_standing(campaigns={"cmp-1": CampaignStanding("cmp-1", "paused", stopped=True)}),
            False,
            id="its campaign is",
        ),
    ],
)
def test_what_may_go_by_its_number_is_told_by_the_standing_alone(standing: Standing, free: bool) -> None:
    # Nobody is known to have agreed to anything, and it is no matter here.
    assert is_free(make_case(campaign="cmp-1"), standing, NOW_MS) is free
