"""The steps of a campaign in virtual time."""

from __future__ import annotations

from tests.factories import DAY_MS, NOW_MS, NUMBER, WABA
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.plan import Cohort, Itinerary, Leg, LegTimes, Sender
from tidegate.policy.plan.legs import Legs

HOUR_MS = 3_600_000


def cohort(step: int | None, recipients: int = 10) -> Cohort:
    return Cohort(
        recipients=recipients,
        category=Category.MARKETING,
        template=("offer", "en"),
        senders=(Sender(WABA, NUMBER),),
        expires_at_ms=NOW_MS + DAY_MS,
        step=step,
    )


def test_the_next_step_begins_when_the_gate_of_the_one_before_may_pass() -> None:
    cohorts = [cohort(0), cohort(1)]
    legs = Legs(Itinerary(NOW_MS, NOW_MS + DAY_MS, (Leg("a", HOUR_MS), Leg("b"))), cohorts)

    legs.look([10, 10], None, NOW_MS)
    assert (list(legs.on()), legs.to_come()) == ([0], 10)

    legs.look([0, 10], NOW_MS + 5, NOW_MS + 10)
    assert (list(legs.on()), legs.to_come()) == ([], 10)
    assert legs.next_ms(NOW_MS + 10) == NOW_MS + 5 + HOUR_MS

    later_ms = NOW_MS + 5 + HOUR_MS
    legs.look([0, 10], NOW_MS + 5, later_ms)
    assert (list(legs.on()), legs.to_come()) == ([1], 0)
    assert legs.next_ms(later_ms) is None

    legs.look([0, 0], later_ms + 7, later_ms + 10)
    legs.look([0, 0], later_ms + 7, later_ms + 20)
    assert not legs.remaining([0, 0])
    assert legs.times() == (
        LegTimes("a", 10, NOW_MS, NOW_MS + 5, later_ms),
        LegTimes("b", 10, later_ms, later_ms + 7, later_ms + 7),
    )


def test_a_step_of_nobody_takes_no_time() -> None:
    legs = Legs(Itinerary(NOW_MS, NOW_MS + DAY_MS, (Leg("a", HOUR_MS), Leg("b"))), [cohort(1)])

    legs.look([10], None, NOW_MS)

    assert list(legs.on()) == [0]


def test_nothing_begins_before_its_start() -> None:
    start_ms = NOW_MS + HOUR_MS
    legs = Legs(Itinerary(start_ms, NOW_MS + DAY_MS), [cohort(0), cohort(None)])

    legs.look([10, 10], None, NOW_MS)

    assert not legs.began
    assert legs.next_ms(NOW_MS) == start_ms
    assert (list(legs.on()), legs.to_come()) == ([], 10)


def test_what_waited_before_is_none_of_the_campaign() -> None:
    legs = Legs(Itinerary(NOW_MS, NOW_MS + DAY_MS), [cohort(None)])

    assert not legs.remaining([10])
