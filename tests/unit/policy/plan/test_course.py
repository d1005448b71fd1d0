"""A campaign's course in virtual time, through the guardrails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.factories import DAY_MS, NOW_MS, NUMBER, TEMPLATE, WABA, make_rules, make_standing, make_template
from tests.unit.policy.rate_cards import market
from tidegate.cloudapi.vocabulary import UNLIMITED, Category, Quality, TemplateStatus
from tidegate.policy.breaker import Board, Breaker, State
from tidegate.policy.capacity import Release
from tidegate.policy.grant import Grant
from tidegate.policy.plan import Beside, Cohort, Course, Forecast, Itinerary, Leg, Sender, Situation
from tidegate.policy.plan.course import share_out
from tidegate.policy.pricing import SERVICE_CHARGED_SINCE_MS
from tidegate.policy.reach import Action, Covers, Scope
from tidegate.policy.standing import NumberStanding, Pause, Standing
from tidegate.policy.users import EMPTY
from tidegate.policy.verdict import Reason
from tidegate.policy.warm_up import Ramp
from tidegate.policy.warming import Warming, number_id

HOUR_MS = 3_600_000
SENDER = Sender(WABA, NUMBER)
OTHER = Sender(WABA, "106540352242923")
#: Messages have prices.
PRICED_MS = SERVICE_CHARGED_SINCE_MS + DAY_MS + 1
#: Nothing is kept back: all of the limit is the campaign's.
BARE = {"headroom": 0.0, "reserve": {"authentication": 0.0, "utility": 0.0}}


def cohort(recipients: int, **changes: Any) -> Cohort:
    values: dict[str, Any] = {
        "recipients": recipients,
        "category": Category.MARKETING,
        "template": TEMPLATE,
        "senders": (SENDER,),
        "expires_at_ms": NOW_MS + 30 * DAY_MS,
    }
    return Cohort(**values | changes)


def plan(
    cohorts: Sequence[Cohort],
    standing: Standing | None = None,
    *,
    legs: tuple[Leg, ...] = (Leg("all"),),
    start_ms: int = 0,
    now_ms: int = NOW_MS,
    days: float = 30,
    beside: Sequence[Beside] = (),
    **situation: Any,
) -> Forecast:
    known = standing or make_standing(limit=100, rules=make_rules(**BARE))
    itinerary = Itinerary(max(now_ms, start_ms), now_ms + int(days * DAY_MS), legs)
    course = Course(Situation(now_ms, known, **situation), itinerary, cohorts, beside)
    times = [now_ms, *course.run()]
    assert times == sorted(times)
    forecast = course.forecast()
    assert forecast.recipients == forecast.sent + sum(forecast.refused.values()) + sum(forecast.unsent.values())
    assert sum(hour.sent for hour in forecast.hours) == forecast.sent
    return forecast


def hours_to(forecast: Forecast) -> float:
    assert forecast.finish_ms is not None
    return (forecast.finish_ms - NOW_MS) / HOUR_MS


def test_a_campaign_within_the_limit_goes_at_the_numbers_pace() -> None:
    forecast = plan([cohort(800)], make_standing(limit=10_000))

    assert hours_to(forecast) * 3_600 == pytest.approx(10, abs=0.1)
    assert forecast.limit_used is None
    assert (forecast.unsent, forecast.refused) == ({}, {})


def test_beyond_the_limit_every_day_brings_as_many_as_come_free() -> None:
    forecast = plan([cohort(250)])

    assert 48 < hours_to(forecast) < 48.05
    assert [hour.sent for hour in forecast.hours if hour.sent] == [100, 100, 50]
    assert forecast.limit_used == pytest.approx(1, abs=0.001)
    assert forecast.hours[0].waiting == {Reason.MESSAGING_LIMIT.value: 150}


def test_places_that_are_held_come_free_by_their_curve() -> None:
    curve = (Release(NOW_MS + HOUR_MS, 30), Release(NOW_MS + 2 * HOUR_MS, 70))

    forecast = plan([cohort(50)], used=100, curve=curve)

    assert 2 < hours_to(forecast) < 2.01
    assert [hour.sent for hour in forecast.hours] == [0, 30, 20]


def test_what_is_kept_for_others_is_not_planned_with() -> None:
    forecast = plan([cohort(90)], make_standing(limit=100))

    assert [hour.sent for hour in forecast.hours if hour.sent] == [80, 10]
    assert forecast.least_left == {Category.AUTHENTICATION: 15, Category.UTILITY: 10, Category.MARKETING: 0}


def test_those_who_have_night_wait_for_the_morning_and_hold_nobody() -> None:
    # 22:13 in London, 07:13 in Tokyo.
    rules = make_rules(quiet_hours={"from": "21:00", "to": "08:00"})
    zones = [("Europe/London", 60), ("America/New_York", 40), ("Asia/Tokyo", 20)]
    cohorts = [cohort(count, zones=(zone,)) for zone, count in zones]

    forecast = plan(cohorts, make_standing(limit=UNLIMITED, rules=rules))

    assert {hour.from_ms // HOUR_MS % 24: hour.sent for hour in forecast.hours if hour.sent} == {22: 40, 23: 20, 8: 60}
    assert forecast.hours[0].waiting == {Reason.QUIET_HOURS.value: 80}
    assert forecast.least_left is None
    assert forecast.hours[0].left is None


def test_who_never_has_day_is_left_when_the_campaign_ends() -> None:
    rules = make_rules(quiet_hours={"from": "18:00", "to": "08:00"})
    nowhere = cohort(5, zones=("Europe/Kaliningrad", "Asia/Kamchatka"))

    forecast = plan([cohort(10), nowhere], make_standing(rules=rules), days=3)

    assert forecast.finish_ms is None
    assert forecast.unsent == {Reason.QUIET_HOURS.value: 5}
    assert forecast.ended_ms == NOW_MS + 3 * DAY_MS


def test_who_must_not_be_written_to_is_refused_and_takes_no_time() -> None:
    refused = EMPTY.with_consent(Category.MARKETING, False, "a tap", NOW_MS)

    forecast = plan([cohort(10), cohort(4, user=refused)])

    assert forecast.refused == {Reason.OPTED_OUT.value: 4}
    assert forecast.hours[0].refused == {Reason.OPTED_OUT.value: 4}
    assert forecast.finish_ms is not None


def test_steps_wait_for_the_gates_before_them() -> None:
    forecast = plan(
        [cohort(10, step=0), cohort(40, step=1)], legs=(Leg("1 %", 2 * HOUR_MS), Leg("all")), start_ms=NOW_MS + HOUR_MS
    )

    assert 3 < hours_to(forecast) < 3.01
    assert [leg.recipients for leg in forecast.legs] == [10, 40]
    assert [hour.waiting for hour in forecast.hours[:2]] == [{Reason.SCHEDULED.value: 50}, {"step": 40}]


def test_a_deadline_leaves_the_rest_unsent() -> None:
    forecast = plan([cohort(250)], days=1.5)

    assert forecast.finish_ms is None
    assert forecast.unsent == {Reason.MESSAGING_LIMIT.value: 50}


def test_what_waited_before_takes_its_places_first() -> None:
    queued = cohort(60, step=None, expires_at_ms=NOW_MS + DAY_MS)

    forecast = plan([cohort(100), queued])

    assert [hour.sent for hour in forecast.hours if hour.sent] == [40, 60]
    assert forecast.recipients == 100


def test_what_waited_before_and_is_refused_is_none_of_the_campaign() -> None:
    queued = cohort(60, step=None, user=EMPTY.with_consent(Category.MARKETING, False, "a tap", NOW_MS))

    forecast = plan([cohort(100), queued])

    assert [hour.sent for hour in forecast.hours if hour.sent] == [100]
    assert forecast.refused == {}


def test_a_number_without_a_pace_sends_at_once_whatever_goes_beside_it() -> None:
    standing = make_standing(limit=UNLIMITED, numbers={NUMBER: NumberStanding(NUMBER, throughput=0)})

    forecast = plan([cohort(5_000)], standing, beside=[Beside(Category.UTILITY, 1, 10)])

    assert hours_to(forecast) == 0


def test_what_waited_before_may_expire() -> None:
    paused = (Pause("p", "template", "old", "why", NOW_MS, None, "me"),)
    standing = make_standing(limit=100, rules=make_rules(**BARE), pauses=paused)
    queued = cohort(60, step=None, template=("old", "en"), expires_at_ms=NOW_MS + HOUR_MS)

    forecast = plan([cohort(150), queued], standing)

    assert forecast.sent == 150


def test_what_goes_beside_it_keeps_its_places_and_its_turns() -> None:
    beside = [Beside(Category.AUTHENTICATION, per_second=40, recipients=20)]
    rules = make_rules(headroom=0.0, reserve={"authentication": 0.05, "utility": 0.0})

    forecast = plan([cohort(1_000)], make_standing(limit=400, rules=rules), beside=beside)

    assert [hour.sent for hour in forecast.hours if hour.sent] == [380, 360, 260]
    assert forecast.hours[0].left == {Category.AUTHENTICATION: 0, Category.UTILITY: 0, Category.MARKETING: 0}
    assert forecast.beside_refused == {Category.AUTHENTICATION: 0}


def test_half_of_the_turns_are_gone_where_others_send_at_half_of_the_pace() -> None:
    beside = [Beside(Category.AUTHENTICATION, per_second=40, recipients=20, known=20)]

    forecast = plan([cohort(800)], make_standing(limit=UNLIMITED), beside=beside)

    assert hours_to(forecast) * 3_600 == pytest.approx(20, abs=0.5)


def test_what_goes_beside_it_may_take_all_turns_and_borrows_none() -> None:
    beside = [Beside(Category.AUTHENTICATION, per_second=10_000, recipients=20, known=20)]

    forecast = plan([cohort(10)], make_standing(limit=UNLIMITED), beside=beside, days=0.1)

    assert forecast.unsent == {Reason.THROUGHPUT.value: 10}


def test_beside_it_nobody_is_counted_twice_who_holds_a_place_already() -> None:
    beside = [Beside(Category.UTILITY, per_second=1, recipients=20, known=20)]

    forecast = plan([cohort(85)], beside=beside, used=20, curve=(Release(NOW_MS + HOUR_MS, 20),))

    assert [hour.sent for hour in forecast.hours if hour.sent] == [80, 5]


def test_sends_beside_it_that_find_no_place_are_told_of() -> None:
    beside = [Beside(Category.UTILITY, per_second=1, recipients=50)]

    forecast = plan([cohort(250)], beside=beside)

    assert forecast.beside_refused == {Category.UTILITY: 50}


def test_sends_beside_it_that_nobody_lets_go_are_refused() -> None:
    paused = (Pause("p", "category", "utility", "why", NOW_MS, None, "me"),)
    standing = make_standing(limit=100, rules=make_rules(**BARE), pauses=paused)

    forecast = plan([cohort(250)], standing, beside=[Beside(Category.UTILITY, 1, 10)])

    assert forecast.beside_refused == {Category.UTILITY: 10}


@pytest.mark.parametrize(
    ("changes", "hours"),
    [
        pytest.param(
            {"pauses": (Pause("p", "number", NUMBER, "why", NOW_MS, NOW_MS + HOUR_MS, "me"),)}, 1, id="a pause"
        ),
        pytest.param({"held_until_ms": NOW_MS + 2 * HOUR_MS}, 2, id="books that may miss something"),
    ],
)
def test_a_stop_with_an_end_is_waited_for(changes: dict[str, Any], hours: int) -> None:
    forecast = plan([cohort(10)], make_standing(**changes))

    assert hours <= hours_to(forecast) < hours + 0.1


def test_a_stop_without_an_end_leaves_all_unsent() -> None:
    template = make_template(status=TemplateStatus.PAUSED)
    standing = make_standing(templates={template.key: template})

    forecast = plan([cohort(10)], standing, days=2)

    assert forecast.unsent == {Reason.TEMPLATE_PAUSED.value: 10}


def test_a_number_that_stands_still_leaves_its_share_to_the_others() -> None:
    paused = (Pause("p", "number", NUMBER, "why", NOW_MS, None, "me"),)
    numbers = {one.number: NumberStanding(one.number) for one in (SENDER, OTHER)}

    forecast = plan([cohort(160, senders=(SENDER, OTHER))], make_standing(limit=1_000, pauses=paused, numbers=numbers))

    assert forecast.by_sender == {OTHER: 160}


def test_a_faster_number_takes_more() -> None:
    numbers = {NUMBER: NumberStanding(NUMBER, throughput=20), OTHER.number: NumberStanding(OTHER.number)}

    forecast = plan([cohort(5_000, senders=(SENDER, OTHER))], make_standing(limit=UNLIMITED, numbers=numbers))

    assert hours_to(forecast) * 3_600 == pytest.approx(50, abs=5)
    assert forecast.by_sender[OTHER] / forecast.by_sender[SENDER] == pytest.approx(4, rel=0.1)


def test_a_young_number_grows_day_by_day() -> None:
    standing = make_standing(limit=10_000, rules=make_rules(warm_up={"start": 50, "scopes": ["number"]}))

    forecast = plan([cohort(400)], standing)

    assert [hour.sent for hour in forecast.hours if hour.sent] == [50, 100, 200, 50]
    assert forecast.hours[0].waiting == {Reason.WARM_UP.value: 350}


def test_a_warm_up_that_is_under_way_goes_on_from_where_it_is() -> None:
    warming = Warming(NOW_MS - DAY_MS + HOUR_MS, 0, Ramp(50), Quality.YELLOW)
    standing = make_standing(
        limit=10_000,
        rules=make_rules(warm_up={"start": 50, "scopes": ["number"]}),
        warmings={number_id(NUMBER): warming},
    )

    forecast = plan([cohort(110)], standing, tallied={f"warm:{number_id(NUMBER)}:0": 40})

    # YELLOW: it does not grow.
    assert [hour.sent for hour in forecast.hours if hour.sent][:2] == [10, 50]


def test_money_that_runs_out_holds_the_rest_until_the_next_period() -> None:
    card = {"currency": "USD", "markets": {"all": market("*") | {"marketing": "0.10"}}}
    rules = make_rules(**BARE, budget={"amount": "2", "period": "day", "per": "portfolio", "rate_card": [card]})

    cohorts = [cohort(50, expires_at_ms=PRICED_MS + 9 * DAY_MS)]

    forecast = plan(cohorts, make_standing(limit=1_000, rules=rules), now_ms=PRICED_MS)

    assert [hour.sent for hour in forecast.hours if hour.sent] == [20, 20, 10]
    assert forecast.hours[0].waiting == {Reason.BUDGET.value: 30}


def breaker(**changes: Any) -> Breaker:
    values: dict[str, Any] = {
        "rule": "made_up",
        "scope": Scope.NUMBER,
        "value": NUMBER,
        "covers": Covers.MARKETING,
        "action": Action.HOLD,
        "reason": Reason.NUMBER_STANDING,
        "state": State.OPEN,
        "event_at_ms": NOW_MS - HOUR_MS,
        "until_ms": NOW_MS - 1,
        "trickle_ms": 60_000,
        "probes": 3,
    }
    return Breaker(**values | changes)


def test_probes_that_go_well_let_the_rest_go() -> None:
    standing = make_standing(limit=1_000, breakers=Board([breaker()]))

    forecast = plan([cohort(100)], standing)

    assert 2 <= hours_to(forecast) * 60 < 3.5
    assert forecast.unsent == {}


def test_a_throttle_that_eases_lets_more_go_with_time() -> None:
    throttle = breaker(action=Action.THROTTLE, share=0.1, level=0.1, until_ms=None, recover_ms=None, trickle_ms=None)
    standing = make_standing(limit=UNLIMITED, breakers=Board([throttle]))

    forecast = plan([cohort(800)], standing)

    assert hours_to(forecast) * 3_600 == pytest.approx(100, abs=2)


def test_an_app_goes_at_its_share_of_the_pace() -> None:
    grant = Grant("shop", throughput_share=0.5)

    forecast = plan([cohort(800, grant=grant)], make_standing(limit=UNLIMITED))

    assert hours_to(forecast) * 3_600 == pytest.approx(20, abs=1)


def test_of_two_paces_the_slower_one_counts() -> None:
    throttle = breaker(action=Action.THROTTLE, share=0.1, level=0.1, until_ms=None, trickle_ms=None)
    standing = make_standing(limit=UNLIMITED, breakers=Board([throttle]))

    forecast = plan([cohort(400, grant=Grant("shop", throughput_share=0.5))], standing)

    assert hours_to(forecast) * 3_600 == pytest.approx(50, abs=2)


def test_an_app_fills_its_share_of_the_limit_and_no_more() -> None:
    share = (30, (Release(NOW_MS + HOUR_MS, 10), Release(NOW_MS + 3 * HOUR_MS, 20)))
    members = cohort(60, grant=Grant("shop", limit_share=0.5))

    forecast = plan([members], used=30, curve=share[1], share=share)

    assert [(hour.from_ms - NOW_MS) // HOUR_MS for hour in forecast.hours if hour.sent] == [0, 0, 2, 23]
    assert [hour.sent for hour in forecast.hours if hour.sent] == [20, 10, 20, 10]
    assert forecast.hours[0].waiting == {Reason.LIMIT_SHARE.value: 40}


def test_what_the_app_may_not_send_is_refused() -> None:
    grant = Grant("shop", categories=frozenset({Category.UTILITY}))

    assert plan([cohort(8, grant=grant)]).refused == {Reason.NOT_GRANTED.value: 8}


def test_what_is_judged_as_marketing_is_planned_as_that() -> None:
    reclassified = breaker(
        action=Action.RECLASSIFY, scope=Scope.WABA, value=WABA, covers=Covers.UTILITY, until_ms=None, trickle_ms=None
    )
    rules = make_rules(quiet_hours={"from": "21:00", "to": "08:00"})
    standing = make_standing(rules=rules, breakers=Board([reclassified]))

    forecast = plan([cohort(8, category=Category.UTILITY, zones=("Europe/London",))], standing)

    assert hours_to(forecast) > 9


def test_whoever_holds_a_place_goes_though_none_is_left_and_holds_it_for_longer() -> None:
    curve = (Release(NOW_MS + 6 * HOUR_MS, 100),)
    members = cohort(40, counted_until_ms=NOW_MS + 6 * HOUR_MS)

    forecast = plan([members, cohort(80)], used=100, curve=curve)

    assert [hour.sent for hour in forecast.hours if hour.sent] == [40, 60, 20]


def test_replies_to_open_windows_take_no_place() -> None:
    forecast = plan([cohort(40, window_ends_ms=NOW_MS + HOUR_MS)], used=100)

    assert forecast.sent == 40


def test_a_plan_looks_ahead_for_sixty_days_at_most() -> None:
    forecast = plan([cohort(100, expires_at_ms=NOW_MS + 900 * DAY_MS)], used=100, days=900)

    assert forecast.ended_ms == NOW_MS + 60 * DAY_MS


@pytest.mark.parametrize(
    ("room", "sizes", "shares"),
    [
        pytest.param(10, [30, 10], [7, 3], id="in proportion"),
        pytest.param(100, [30, 10], [30, 10], id="there is room for all"),
        pytest.param(0, [30, 10], [0, 0], id="there is no room"),
        pytest.param(3, [1, 1, 1, 1], [0, 1, 1, 1], id="together all of it"),
    ],
)
def test_room_is_shared(room: int, sizes: list[int], shares: list[int]) -> None:
    assert share_out(room, sizes) == shares


def test_a_long_plan_takes_longer_ticks() -> None:
    slow = make_standing(limit=UNLIMITED, numbers={NUMBER: NumberStanding(NUMBER, throughput=1)})

    forecast = plan([cohort(25_000)], slow)

    assert hours_to(forecast) * 3_600 == pytest.approx(25_000, rel=0.005)
