"""From the fields of a day's hash to a watch."""

from __future__ import annotations

import pytest

from tidegate.policy.early_warning import WINDOW_HOURS
from tidegate.policy.warning_counts import (
    BASELINE_DAYS,
    DAY_MS,
    KEEP_MS,
    Day,
    baseline_days,
    baseline_of,
    day_of,
    field_of,
    fleet_of,
    fleets_of,
    silence_ripens_ms,
    watch_of,
    window_days,
)
from tidegate.policy.warning_metric import HOUR_MS, Counter, Metric, Tally

TODAY = 20_000
NOW_MS = TODAY * DAY_MS + 12 * HOUR_MS + 60_000
NOON = TODAY * 24 + 12


def test_where_a_count_lies() -> None:
    assert day_of(NOW_MS) == TODAY
    assert field_of(Counter.READ, NOW_MS) == "12.read"
    assert field_of(Counter.SENT, NOW_MS + 13 * HOUR_MS) == "01.sent"


HOUR_OF_ALL: Day = {
    "05.sent": 100,
    "05.delivered": 80,
    "05.read": 50,
    "05.failed": 3,
    "05.withheld": 6,
    "05.dropped": 1,
    "05.opted_out": 4,
    "05.hugs": 7,
}


@pytest.mark.parametrize(
    ("metric", "tally"),
    [
        pytest.param(Metric.FAILURE, Tally(97, 3), id="failed, of those sent"),
        pytest.param(Metric.BLOCK_PROXY, Tally(94, 6), id="withheld, of those sent"),
        pytest.param(Metric.OPT_OUT, Tally(96, 4), id="opted out, of those sent"),
        pytest.param(Metric.UNDELIVERED, Tally(90, 10), id="sent, and nothing heard"),
        pytest.param(Metric.UNREAD, Tally(50, 30), id="delivered, and not read"),
    ],
)
def test_each_metric_is_made_of_its_counters(metric: Metric, tally: Tally) -> None:
    watch = watch_of(metric, {TODAY - 2: HOUR_OF_ALL}, NOW_MS)

    assert watch.by_hour == (((TODAY - 2) * 24 + 5, tally),)


@pytest.mark.parametrize(
    ("metric", "day", "tally"),
    [
        pytest.param(Metric.OPT_OUT, {"05.sent": 2, "05.opted_out": 5}, Tally(0, 2), id="more bad than sent"),
        pytest.param(Metric.UNREAD, {"05.delivered": 2, "05.read": 5}, Tally(2, 0), id="more read than delivered"),
        pytest.param(Metric.FAILURE, {"05.sent": 2, "05.failed": -5}, Tally(2, 0), id="less than nothing"),
    ],
)
def test_counts_that_do_not_fit_are_cut(metric: Metric, day: Day, tally: Tally) -> None:
    assert watch_of(metric, {TODAY - 2: day}, NOW_MS).judged == tally


@pytest.mark.parametrize(
    ("metric", "hour", "is_judged"),
    [
        pytest.param(Metric.OPT_OUT, NOON, True, id="this hour: what is told counts at once"),
        pytest.param(Metric.OPT_OUT, NOON + 1, False, id="an hour to come"),
        pytest.param(Metric.OPT_OUT, NOON - WINDOW_HOURS + 1, True, id="seven days, this hour included"),
        pytest.param(Metric.OPT_OUT, NOON - WINDOW_HOURS, False, id="an hour more"),
        pytest.param(Metric.UNREAD, NOON - 26, True, id="silence: its last send is a day and an hour old"),
        pytest.param(Metric.UNREAD, NOON - 25, False, id="silence: its last send may still be read"),
        pytest.param(Metric.UNREAD, NOON - WINDOW_HOURS + 1, True, id="silence: seven days as well"),
        pytest.param(Metric.UNREAD, NOON - WINDOW_HOURS, False, id="silence: and no more"),
    ],
)
def test_what_is_judged(metric: Metric, hour: int, is_judged: bool) -> None:
    day = {f"{hour % 24:02}.sent": 5, f"{hour % 24:02}.delivered": 5}

    assert bool(watch_of(metric, {hour // 24: day}, NOW_MS).by_hour) is is_judged


@pytest.mark.parametrize(
    ("started_at_ms", "is_judged"),
    [
        pytest.param(NOON * HOUR_MS, True, id="the hour that begins with it"),
        pytest.param(NOON * HOUR_MS + 1, False, id="not one that began before it"),
    ],
)
def test_a_watch_that_was_cleared_begins_anew(started_at_ms: int, is_judged: bool) -> None:
    watch = watch_of(Metric.OPT_OUT, {TODAY: {"12.sent": 5}}, NOW_MS, started_at_ms=started_at_ms)

    assert bool(watch.by_hour) is is_judged
    assert watch.started_at_ms == started_at_ms


OLDEST = TODAY - 7 - BASELINE_DAYS


@pytest.mark.parametrize(
    ("day", "now_ms", "counted"),
    [
        pytest.param(TODAY - 8, NOW_MS, True, id="the day before the window"),
        pytest.param(TODAY - 7, NOW_MS, False, id="a day of which a part is judged"),
        pytest.param(TODAY - 7, TODAY * DAY_MS + 22 * HOUR_MS, False, id="a day of which an hour is judged"),
        pytest.param(TODAY - 7, TODAY * DAY_MS + 23 * HOUR_MS, True, id="a day of which the last hour is just over"),
        pytest.param(OLDEST, NOW_MS, True, id="four weeks of history"),
        pytest.param(OLDEST - 1, NOW_MS, False, id="and no more"),
    ],
)
def test_the_baseline_is_older_than_all_that_is_judged(day: int, now_ms: int, counted: bool) -> None:
    days = {day: {"05.sent": 10, "05.opted_out": 1, "23.sent": 10, "tripped": 0}}

    assert baseline_of(Metric.OPT_OUT, days, now_ms) == (Tally(19, 1) if counted else Tally())
    if counted:
        assert now_ms - day * DAY_MS <= KEEP_MS
        assert watch_of(Metric.OPT_OUT, days, now_ms).judged == Tally()


def test_a_day_that_tripped_teaches_nothing() -> None:
    days = {TODAY - 9: {"05.sent": 10, "tripped": 1}, TODAY - 10: {"05.sent": 4}}

    assert watch_of(Metric.OPT_OUT, days, NOW_MS).baseline == Tally(4)


def test_a_baseline_that_is_known_is_not_asked_for_again() -> None:
    days = {TODAY - 9: {"05.sent": 10}}

    assert watch_of(Metric.OPT_OUT, days, NOW_MS, baseline=Tally(7, 1)).baseline == Tally(7, 1)
    assert watch_of(Metric.OPT_OUT, days, NOW_MS, baseline=Tally()).baseline == Tally()


def test_no_peer_speaks_for_the_fleet() -> None:
    fleet = fleet_of([Tally(9_000_000, 1_000_000), Tally(5_000), Tally(90, 10), Tally()])

    assert fleet == Tally(4_500 + 5_000 + 90, 500 + 10)
    assert watch_of(Metric.OPT_OUT, {}, NOW_MS, fleet=fleet).fleet == fleet
    assert fleet_of([Tally(9_999, 1)]) == Tally(4_999, 1)


def test_each_peers_fleet_is_all_the_others_however_busy_one_is() -> None:
    baselines = {"a": Tally(900, 100), "b": Tally(90_000, 10_000), "c": Tally()}

    fleets = fleets_of(baselines, at_most=5_000)

    assert fleets == {name: fleet_of(t for other, t in baselines.items() if other != name) for name in baselines}
    assert fleets["a"] == Tally(4_500, 500)


def test_a_baseline_ends_where_what_is_judged_begins() -> None:
    assert list(window_days(NOW_MS)) == list(range(TODAY - 7, TODAY + 1))
    assert baseline_days(NOW_MS) == range(TODAY - 7 - BASELINE_DAYS, TODAY - 7)


def test_silence_means_something_a_day_and_an_hour_after_the_last_send_of_an_hour() -> None:
    sends: dict[int, Day] = {TODAY - 1: {"10.sent": 100}}
    ripe_ms = (TODAY - 1) * DAY_MS + 11 * HOUR_MS + silence_ripens_ms()

    assert silence_ripens_ms() == 25 * HOUR_MS
    assert watch_of(Metric.UNDELIVERED, sends, ripe_ms - 1).judged == Tally()
    assert watch_of(Metric.UNDELIVERED, sends, ripe_ms).judged == Tally(0, 100)
