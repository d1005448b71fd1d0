"""The state machine: every state with every event, and what time does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import NOW_MS
from tests.unit.policy.breaker.specimens import (
    HOUR_MS,
    MINUTE_MS,
    after,
    make_grip,
    make_throttle,
    open_since,
    told,
    tripped,
)
from tidegate.policy.breaker import FLOOR, SKEW_MS, TABLE, Breaker, Event, Kind, State, share_at, state_at, step
from tidegate.policy.breaker.machine import UNTOLD_MS
from tidegate.policy.reach import Action
from tidegate.policy.verdict import Reason

C, O, H = State.CLOSED, State.OPEN, State.HALF_OPEN  # noqa: E741 - the letters of the table
LATER_MS = NOW_MS + 10 * MINUTE_MS
ENDED_MS = NOW_MS + HOUR_MS

NEVER = None
SOUND = after((NOW_MS, tripped(NOW_MS)), (LATER_MS, told(Kind.OPERATOR_CLOSE, LATER_MS)))
OPEN = open_since()
TWO_PROBES = open_since(grip=make_grip(probes=2))
GENTLE = make_grip(trickle_ms=None)

BY_HAND = Event(Kind.OPERATOR_OPEN, LATER_MS, "a customer called", make_grip(), LATER_MS + HOUR_MS)

CASES: list[Any] = [
    # a breaker, an event, the store's time, the state after it
    pytest.param(NEVER, tripped(NOW_MS), NOW_MS, O, id="bad news opens what never was"),
    pytest.param(NEVER, tripped(NOW_MS), ENDED_MS, H, id="bad news that comes when its time is over is tried out"),
    pytest.param(NEVER, tripped(NOW_MS, GENTLE), ENDED_MS, C, id="and where there is no trickle it changes nothing"),
    pytest.param(SOUND, tripped(NOW_MS), LATER_MS, C, id="what a person has declared over does not come back"),
    pytest.param(SOUND, tripped(LATER_MS + 1), LATER_MS + 1, O, id="what is newer than that does"),
    pytest.param(SOUND, told(Kind.TIME_UP, LATER_MS), LATER_MS, C, id="time leaves closed what is closed"),
    pytest.param(SOUND, told(Kind.PROOF, ENDED_MS), ENDED_MS, C, id="a read leaves closed what is closed"),
    pytest.param(SOUND, told(Kind.PROBE_OK, LATER_MS), LATER_MS, C, id="a late probe that went well changes nothing"),
    pytest.param(SOUND, told(Kind.PROBE_FAILED, ENDED_MS), ENDED_MS, O, id="a late probe that failed opens"),
    pytest.param(
        SOUND, told(Kind.PROBE_FAILED, NOW_MS), ENDED_MS, C, id="but not one from before it was declared over"
    ),
    pytest.param(
        SOUND,
        told(Kind.PROBE_FAILED, LATER_MS + 1),
        LATER_MS + 1 + HOUR_MS,
        H,
        id="a probe whose failure is told after its time is tried again",
    ),
    pytest.param(SOUND, told(Kind.WEBHOOK_RELAX, ENDED_MS), ENDED_MS, C, id="a good word leaves closed what is closed"),
    pytest.param(SOUND, told(Kind.OPERATOR_CLOSE, ENDED_MS), ENDED_MS, C, id="a hand closes what is closed"),
    pytest.param(SOUND, BY_HAND, LATER_MS, O, id="a hand opens what is closed, in the same instant too"),
    pytest.param(OPEN, tripped(LATER_MS), LATER_MS, O, id="more bad news keeps it open"),
    pytest.param(OPEN, told(Kind.TIME_UP, ENDED_MS - 1), ENDED_MS - 1, O, id="open until the last millisecond"),
    pytest.param(OPEN, told(Kind.PROOF, NOW_MS + SKEW_MS), LATER_MS, C, id="a read that is newer closes it"),
    pytest.param(OPEN, told(Kind.PROOF, NOW_MS + SKEW_MS - 1), LATER_MS, O, id="one that may be older does not"),
    pytest.param(OPEN, told(Kind.PROBE_OK, LATER_MS), LATER_MS, O, id="a send from before it opened proves nothing"),
    pytest.param(OPEN, told(Kind.PROBE_FAILED, LATER_MS), LATER_MS, O, id="a send that fails keeps it open"),
    pytest.param(OPEN, told(Kind.WEBHOOK_RELAX, NOW_MS + 1), LATER_MS, H, id="a newer good word lets probes through"),
    pytest.param(OPEN, told(Kind.WEBHOOK_RELAX, NOW_MS), LATER_MS, O, id="one of the same instant does not"),
    pytest.param(OPEN, told(Kind.OPERATOR_CLOSE, LATER_MS), LATER_MS, C, id="a hand closes what is open"),
    pytest.param(OPEN, BY_HAND, LATER_MS, O, id="a hand keeps open what is open"),
    pytest.param(OPEN, tripped(ENDED_MS), ENDED_MS, O, id="bad news opens again what is half open"),
    pytest.param(OPEN, tripped(NOW_MS), ENDED_MS, H, id="the same news once more does not"),
    pytest.param(OPEN, told(Kind.TIME_UP, ENDED_MS), ENDED_MS, H, id="its time is up: half open"),
    pytest.param(OPEN, told(Kind.PROOF, ENDED_MS), ENDED_MS, C, id="a read closes what is half open"),
    pytest.param(OPEN, told(Kind.PROOF, NOW_MS), ENDED_MS, H, id="an old read does not"),
    pytest.param(OPEN, told(Kind.PROBE_OK, ENDED_MS), ENDED_MS, C, id="the probe went well: closed"),
    pytest.param(TWO_PROBES, told(Kind.PROBE_OK, ENDED_MS), ENDED_MS, H, id="the first of two probes went well"),
    pytest.param(OPEN, told(Kind.PROBE_FAILED, ENDED_MS), ENDED_MS, O, id="the probe failed: open again"),
    pytest.param(
        OPEN,
        told(Kind.PROBE_FAILED, ENDED_MS),
        ENDED_MS + HOUR_MS,
        H,
        id="a failure that is told an hour late has had its hour",
    ),
    pytest.param(OPEN, told(Kind.WEBHOOK_RELAX, ENDED_MS), ENDED_MS, H, id="a good word alone closes nothing"),
    pytest.param(OPEN, told(Kind.OPERATOR_CLOSE, ENDED_MS), ENDED_MS, C, id="a hand closes what is half open"),
    pytest.param(OPEN, BY_HAND, ENDED_MS, O, id="a hand opens what is half open"),
]


@pytest.mark.parametrize(("breaker", "event", "now_ms", "expected"), CASES)
def test_every_transition(breaker: Breaker | None, event: Event, now_ms: int, expected: State) -> None:
    moved = after((now_ms, event), breaker=breaker)

    assert moved.state is state_at(moved, now_ms) is expected
    assert expected in TABLE[state_at(breaker, now_ms), event.kind].to


def test_the_cases_are_all_that_the_table_has() -> None:
    shown = {
        (state_at(breaker, now_ms), event.kind, expected)
        for breaker, event, now_ms, expected in (case.values for case in CASES)
    }
    assert shown == {(*pair, state) for pair, row in TABLE.items() for state in row.to}
    assert set(TABLE) == {(state, kind) for state in State for kind in Kind}


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.TRIP, Kind.OPERATOR_OPEN}))
def test_what_never_was_open_cannot_be_closed(kind: Kind) -> None:
    assert step(None, told(kind, NOW_MS), NOW_MS) is None
    assert state_at(None, NOW_MS) is C


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (Event(Kind.TRIP, NOW_MS, "x"), "trip has to name what it takes hold of"),
        (Event(Kind.OPERATOR_OPEN, NOW_MS, "x"), "operator_open has to name what it takes hold of"),
        (Event(Kind.OPERATOR_OPEN, NOW_MS, "x", make_grip(), NOW_MS), "until a time that is past"),
        (Event(Kind.OPERATOR_CLOSE, NOW_MS, " "), "needs a reason"),
    ],
)
def test_an_event_that_makes_no_sense_is_refused(event: Event, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        step(OPEN, event, NOW_MS)


def test_more_bad_news_extends_and_never_shortens() -> None:
    assert after((LATER_MS, tripped(LATER_MS)), breaker=OPEN).until_ms == LATER_MS + HOUR_MS
    assert after((LATER_MS, tripped(LATER_MS, until_ms=LATER_MS + 1)), breaker=OPEN).until_ms == ENDED_MS
    endless = after((LATER_MS, tripped(LATER_MS, until_ms=None)), breaker=OPEN)
    assert endless.until_ms is None
    assert after((LATER_MS + 1, tripped(LATER_MS + 1)), breaker=endless).until_ms is None


def test_what_is_proven_over_is_not_heard_again() -> None:
    tried = after((ENDED_MS, told(Kind.PROBE_OK, ENDED_MS)), breaker=OPEN)

    assert after((LATER_MS, tripped(NOW_MS, cause="the same once more")), breaker=tried) == tried


def test_the_newest_good_word_counts_whatever_arrives_last() -> None:
    eased = after((LATER_MS, told(Kind.WEBHOOK_RELAX, LATER_MS)), breaker=OPEN)

    assert after((ENDED_MS - 1, told(Kind.WEBHOOK_RELAX, NOW_MS)), breaker=eased) == eased


def test_after_a_proof_new_bad_news_has_its_own_end() -> None:
    endless = open_since(until_ms=None)
    proven = after((LATER_MS, told(Kind.PROOF, LATER_MS)), breaker=endless)
    assert proven.state is C

    again = after((ENDED_MS, tripped(ENDED_MS)), breaker=proven)

    assert (again.state, again.opened_at_ms, again.until_ms) == (O, ENDED_MS, ENDED_MS + HOUR_MS)


def test_it_is_open_since_the_first_bad_news_whatever_arrives_first() -> None:
    breaker = after((LATER_MS, tripped(LATER_MS)), (LATER_MS, tripped(NOW_MS, cause="older")))

    assert (breaker.opened_at_ms, breaker.event_at_ms, breaker.cause) == (NOW_MS, LATER_MS, "error.131048")


def test_what_opens_anew_after_its_time_is_open_since_then() -> None:
    breaker = after(
        (NOW_MS, tripped(NOW_MS, GENTLE)),
        (ENDED_MS + HOUR_MS, tripped(ENDED_MS + HOUR_MS, GENTLE)),
    )

    assert breaker.opened_at_ms == ENDED_MS + HOUR_MS


def test_news_of_the_future_counts_as_of_now() -> None:
    breaker = open_since(NOW_MS, until_ms=LATER_MS)
    early = after((NOW_MS + 1, tripped(NOW_MS + HOUR_MS)), breaker=breaker)

    assert early.event_at_ms == NOW_MS + 1


def test_old_news_brings_no_new_terms_and_newer_news_does() -> None:
    edited = make_grip(reason=Reason.CAMPAIGN_HALTED)

    assert after((LATER_MS, tripped(NOW_MS, edited)), breaker=OPEN).reason is Reason.NUMBER_STANDING
    assert after((LATER_MS, tripped(LATER_MS, edited)), breaker=OPEN).reason is Reason.CAMPAIGN_HALTED


def test_each_failed_probe_holds_longer_up_to_the_longest() -> None:
    grip = make_grip(for_ms=1_000, factor=4, longest_ms=60_000)
    breaker, now_ms, spans = open_since(NOW_MS, grip), NOW_MS + 1_000, []
    for _ in range(30):
        breaker = after((now_ms, told(Kind.PROBE_FAILED, now_ms)), breaker=breaker)
        assert breaker.until_ms is not None
        spans.append(breaker.until_ms - now_ms)
        now_ms = breaker.until_ms

    assert spans == [4_000, 16_000] + [60_000] * 28


def test_after_a_probe_that_went_well_the_wait_begins_small_again() -> None:
    grip = make_grip(for_ms=1_000, factor=4, longest_ms=60_000)
    failed = after((NOW_MS + 1_000, told(Kind.PROBE_FAILED, NOW_MS + 1_000)), breaker=open_since(NOW_MS, grip))
    assert failed.until_ms is not None
    well = after((failed.until_ms, told(Kind.PROBE_OK, failed.until_ms)), breaker=failed)

    again = after((LATER_MS, tripped(LATER_MS, grip)), breaker=well)

    assert (well.state, again.failures, again.until_ms) == (C, 0, LATER_MS + 1_000)


def test_bad_news_in_the_answer_to_a_probe_is_its_failure() -> None:
    grip = make_grip(factor=2, longest_ms=24 * HOUR_MS)
    own = tripped(ENDED_MS, grip, own=True)

    assert after((ENDED_MS, own), breaker=open_since(NOW_MS, grip)).until_ms == ENDED_MS + 2 * HOUR_MS
    told_end = tripped(ENDED_MS, grip, own=True, until_ms=ENDED_MS + 9 * HOUR_MS)
    assert after((ENDED_MS, told_end), breaker=open_since(NOW_MS, grip)).until_ms == ENDED_MS + 9 * HOUR_MS
    assert after((LATER_MS, tripped(LATER_MS, grip, own=True)), breaker=open_since(NOW_MS, grip)).failures == 0


def test_a_failed_probe_of_what_no_time_ends_waits_for_another_good_word() -> None:
    eased = after((NOW_MS, tripped(NOW_MS, make_grip(for_ms=None))), (LATER_MS, told(Kind.WEBHOOK_RELAX, LATER_MS)))
    assert eased.state is H

    failed = after((ENDED_MS, told(Kind.PROBE_FAILED, ENDED_MS)), breaker=eased)

    assert (failed.state, failed.until_ms) == (O, None)


def test_where_the_rule_names_no_span_a_failed_probe_holds_for_an_hour() -> None:
    expiring = open_since(NOW_MS, make_grip(for_ms=None), until_ms=LATER_MS)

    failed = after((LATER_MS, told(Kind.PROBE_FAILED, LATER_MS)), breaker=expiring)

    assert failed.until_ms == LATER_MS + UNTOLD_MS


def test_a_late_failure_opens_what_was_proven_for_its_own_span_only() -> None:
    proven = after((LATER_MS, told(Kind.PROOF, LATER_MS)), breaker=open_since(until_ms=NOW_MS + 99 * HOUR_MS))

    reopened = after((LATER_MS, told(Kind.PROBE_FAILED, LATER_MS)), breaker=proven)

    assert (reopened.state, reopened.until_ms, reopened.opened_at_ms) == (O, LATER_MS + HOUR_MS, LATER_MS)


def test_bad_news_makes_the_probes_start_again() -> None:
    grip = make_grip(probes=3)
    tried = after((ENDED_MS, told(Kind.PROBE_OK, ENDED_MS)), breaker=open_since(NOW_MS, grip))
    assert tried.probes_ok == 1

    assert after((ENDED_MS, tripped(NOW_MS, grip)), breaker=tried).probes_ok == 1
    assert after((ENDED_MS, tripped(NOW_MS + 1, grip)), breaker=tried).probes_ok == 0


class TestByHand:
    def test_neither_a_read_nor_a_good_word_nor_a_probe_closes_it(self) -> None:
        for kind in (Kind.PROOF, Kind.WEBHOOK_RELAX, Kind.PROBE_OK):
            assert after((LATER_MS, BY_HAND), (LATER_MS + 60_000, told(kind, LATER_MS + 60_000))).state is O

    def test_its_time_closes_it_without_probes(self) -> None:
        breaker = after((LATER_MS, BY_HAND))

        assert state_at(breaker, LATER_MS + HOUR_MS - 1) is O
        assert state_at(breaker, LATER_MS + HOUR_MS) is C

    def test_a_rule_does_not_loosen_it(self) -> None:
        breaker = after((LATER_MS, BY_HAND), (LATER_MS + 1, tripped(LATER_MS + 1, make_throttle())))

        assert (breaker.by_hand, breaker.action, breaker.trickle_ms) == (True, Action.HOLD, None)

    def test_once_it_is_over_the_rule_is_the_rule_again(self) -> None:
        over_ms = LATER_MS + HOUR_MS
        proven = after((LATER_MS, BY_HAND), (over_ms, told(Kind.PROOF, over_ms)))
        again = after((over_ms + 1, tripped(over_ms + 1)), breaker=proven)

        assert (proven.state, again.by_hand, again.trickle_ms) == (C, False, MINUTE_MS)

    def test_the_reason_is_kept(self) -> None:
        closed = after((LATER_MS, Event(Kind.OPERATOR_CLOSE, LATER_MS, "Meta's support says so")), breaker=OPEN)

        assert closed.cause == "Meta's support says so"


class TestThrottle:
    def test_it_is_halved_and_grows_back_in_a_line(self) -> None:
        breaker = open_since(NOW_MS, make_throttle())

        assert breaker.until_ms == NOW_MS + 30_000
        assert [share_at(breaker, NOW_MS + s * 1_000) for s in (0, 6, 15, 29, 30, 99)] == pytest.approx(
            [0.5, 0.6, 0.75, 0.5 + 29 / 60, 1, 1]
        )
        assert state_at(breaker, NOW_MS + 30_000) is C

    def test_a_second_of_bad_news_is_one_cut(self) -> None:
        grip = make_throttle()
        breaker = open_since(NOW_MS, grip)
        for ms in (1, 400, 999):
            breaker = after((NOW_MS + ms, tripped(NOW_MS + ms, grip)), breaker=breaker)
        assert share_at(breaker, NOW_MS + 999) == pytest.approx(0.5 + 0.999 / 60)
        assert breaker.until_ms == pytest.approx(NOW_MS + 30_000, abs=1)

        cut = after((NOW_MS + 1_000, tripped(NOW_MS + 1_000, grip)), breaker=breaker)

        assert cut.level == pytest.approx((0.5 + 1 / 60) / 2)

    def test_rounding_does_not_shorten_it_either(self) -> None:
        grip = make_throttle(recover_ms=1_003)
        breaker = open_since(NOW_MS, grip)

        assert breaker.until_ms == NOW_MS + 502
        assert after((NOW_MS + 1, tripped(NOW_MS + 1, grip)), breaker=breaker).until_ms == NOW_MS + 502

    def test_something_is_always_left(self) -> None:
        grip, breaker = make_throttle(), open_since(NOW_MS, make_throttle())
        for second in range(1, 20):
            at_ms = NOW_MS + second * 1_000
            breaker = after((at_ms, tripped(at_ms, grip)), breaker=breaker)
            assert share_at(breaker, at_ms) >= FLOOR

    def test_without_recovery_it_stays_until_its_end_at_the_least_share(self) -> None:
        half = make_throttle(recover_ms=None, for_ms=HOUR_MS)
        third = make_throttle(recover_ms=None, for_ms=HOUR_MS, share=0.3)
        breaker = after((NOW_MS, tripped(NOW_MS, third)), (LATER_MS, tripped(LATER_MS, half)))

        assert share_at(breaker, LATER_MS + HOUR_MS - 1) == 0.3
        assert share_at(breaker, LATER_MS + HOUR_MS) == 1
        fresh = after((LATER_MS + HOUR_MS, tripped(LATER_MS + HOUR_MS, half)), breaker=breaker)
        assert share_at(fresh, LATER_MS + HOUR_MS) == 0.5

    def test_what_throttles_nothing_leaves_all(self) -> None:
        assert share_at(OPEN, NOW_MS) == 1
