"""Watches add up, and are judged by a test whose arithmetic can be done by hand."""

from __future__ import annotations

from math import exp, log
from typing import Any

import pytest

from tidegate.policy.early_warning import (
    WINDOW_HOURS,
    Level,
    Plan,
    Watch,
    assess,
    baseline_rate,
    evidence,
    judge,
    merge,
    observe,
)
from tidegate.policy.warning_metric import HOUR_MS, RECIPES, Metric, Tally

PLAN = Plan()
SETTLED = Tally(19_900, 100)  # opt-outs of half a percent
START_MS = 470_000 * HOUR_MS


def make_watch(metric: Metric = Metric.OPT_OUT, **changes: Any) -> Watch:
    """A watch of a known template in a known fleet, that saw nothing yet."""
    values: dict[str, Any] = {"started_at_ms": START_MS, "baseline": SETTLED, "fleet": SETTLED}
    return Watch(metric, **values | changes)


class TestObserve:
    def test_outcomes_add_up_by_the_hour_of_their_sends(self) -> None:
        watch = observe(make_watch(), 5, 1, START_MS + HOUR_MS)
        watch = observe(watch, 3, 0, START_MS)
        watch = observe(watch, 2, 2, START_MS + 2 * HOUR_MS - 1)

        assert watch.by_hour == ((470_000, Tally(3, 0)), (470_001, Tally(7, 3)))
        assert watch.judged == Tally(10, 3)

    def test_without_a_time_they_belong_to_the_newest_hour(self) -> None:
        assert observe(make_watch(), 1, 0).by_hour == ((470_000, Tally(1, 0)),)
        assert observe(observe(make_watch(), 1, 0, START_MS + HOUR_MS), 0, 1).by_hour == ((470_001, Tally(1, 1)),)

    @pytest.mark.parametrize(
        ("good", "bad", "sent_at_ms"),
        [
            pytest.param(0, 0, START_MS, id="no outcome at all"),
            pytest.param(1, 1, START_MS - 1, id="a send from before the watch began"),
            pytest.param(1, 1, START_MS + HOUR_MS, id="a send that is seven days older than the newest"),
        ],
    )
    def test_what_is_not_judged_changes_nothing(self, good: int, bad: int, sent_at_ms: int) -> None:
        watch = observe(make_watch(), 1, 0, START_MS + (WINDOW_HOURS + 1) * HOUR_MS)

        assert observe(watch, good, bad, sent_at_ms) == watch

    def test_seven_days_are_judged(self) -> None:
        watch = observe(make_watch(), 1, 0, START_MS)

        watch = observe(watch, 1, 0, START_MS + (WINDOW_HOURS - 1) * HOUR_MS)
        assert len(watch.by_hour) == 2
        assert len(observe(watch, 1, 0, START_MS + WINDOW_HOURS * HOUR_MS).by_hour) == 2

    @pytest.mark.parametrize(("good", "bad"), [(-1, 1), (1, -1)])
    def test_nothing_is_taken_back(self, good: int, bad: int) -> None:
        with pytest.raises(ValueError, match="upwards"):
            observe(make_watch(), good, bad)

    def test_two_nodes_see_what_one_would(self) -> None:
        here = observe(make_watch(), 5, 1, START_MS)
        there = observe(observe(make_watch(), 1, 1, START_MS), 2, 0, START_MS + HOUR_MS)

        assert merge(here, there) == observe(observe(make_watch(), 6, 2, START_MS), 2, 0, START_MS + HOUR_MS)

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(make_watch(Metric.FAILURE), id="of another metric"),
            pytest.param(make_watch(started_at_ms=0), id="with another start"),
            pytest.param(make_watch(baseline=Tally()), id="with another history"),
            pytest.param(make_watch(fleet=Tally()), id="among other peers"),
        ],
    )
    def test_watches_do_not_merge_with_a_watch(self, other: Watch) -> None:
        with pytest.raises(ValueError, match="merge"):
            merge(make_watch(), other)


class TestBaseline:
    @pytest.mark.parametrize(
        ("metric", "own", "fleet", "low", "high"),
        [
            pytest.param(Metric.OPT_OUT, Tally(99_000, 1_000), SETTLED, 0.0098, 0.0105, id="own history rules"),
            pytest.param(Metric.OPT_OUT, Tally(), SETTLED, 0.0064, 0.0066, id="a new template: the fleet, doubted"),
            pytest.param(Metric.OPT_OUT, Tally(99, 1), SETTLED, 0.0065, 0.0073, id="a little own history, a little"),
            pytest.param(Metric.OPT_OUT, Tally(), Tally(), 0.0064, 0.0066, id="no history: what is assumed"),
            pytest.param(Metric.OPT_OUT, Tally(10**6), SETTLED, 0.002, 0.002, id="never below the floor"),
            pytest.param(Metric.OPT_OUT, Tally(), Tally(10**6), 0.0025, 0.0027, id="nor does a fleet lie below it"),
            pytest.param(Metric.OPT_OUT, Tally(0, 10**6), SETTLED, 0.05, 0.05, id="never above the ceiling"),
            pytest.param(Metric.OPT_OUT, Tally(1_000), Tally(0, 10**6), 0.010, 0.013, id="nor does a fleet lie above"),
            pytest.param(Metric.UNREAD, Tally(), Tally(0, 10**6), 0.9, 0.9, id="nor a fleet of nobody who reads"),
        ],
    )
    def test_what_is_normal(self, metric: Metric, own: Tally, fleet: Tally, low: float, high: float) -> None:
        assert low <= baseline_rate(make_watch(metric, baseline=own, fleet=fleet), PLAN) <= high

    def test_the_prior_has_the_width_of_the_plan(self) -> None:
        watch = make_watch(baseline=Tally(), fleet=Tally(99_500_000, 500_000))

        assert baseline_rate(watch, Plan(spread=0.4, doubt=2.0)) == pytest.approx(0.005 * (1 + 2 * 0.4), rel=1e-3)


class TestJudge:
    @pytest.mark.parametrize(
        ("good", "bad", "level"),
        [
            pytest.param(0, 0, Level.CALM, id="nothing sent"),
            pytest.param(1_990, 10, Level.CALM, id="as ever"),
            pytest.param(1_980, 20, Level.CALM, id="twice as bad, in two thousand"),
            pytest.param(1_964, 36, Level.CALM, id="36 of two thousand"),
            pytest.param(1_963, 37, Level.WATCH, id="one more is worth a look"),
            pytest.param(1_962, 38, Level.WATCH, id="38"),
            pytest.param(1_961, 39, Level.THROTTLE, id="one more is too many"),
            pytest.param(1_959, 41, Level.THROTTLE, id="41: four times as bad"),
            pytest.param(1_958, 42, Level.STOP, id="one more is far too many"),
            pytest.param(0, 99, Level.WATCH, id="too few to act on, however bad"),
            pytest.param(0, 100, Level.STOP, id="enough to act on"),
        ],
    )
    def test_opt_outs_of_a_known_template(self, good: int, bad: int, level: Level) -> None:
        assert judge(observe(make_watch(), good, bad), PLAN) is level

    def test_the_evidence_is_a_mean_of_likelihood_ratios(self) -> None:
        watch = observe(make_watch(), 1_940, 60)
        null = 1.5 * baseline_rate(watch, PLAN) / (1 - baseline_rate(watch, PLAN))
        p0 = null / (1 + null)
        rates = [m * null / (1 + m * null) for m in PLAN.multiples]

        ratios = [exp(60 * log(p / p0) + 1_940 * log((1 - p) / (1 - p0))) for p in rates]

        expected = pytest.approx(log(sum(ratios) / len(ratios)))
        assert assess(watch, PLAN).log_evidence == expected
        assert evidence(Tally(1_940, 60), baseline_rate(watch, PLAN), PLAN) == expected

    def test_there_is_no_evidence_against_what_is_healthy_or_was_not_sent(self) -> None:
        assert evidence(Tally(975, 25), 0.01, PLAN) > 1
        assert evidence(Tally(985, 15), 0.01, PLAN) == 0
        assert evidence(Tally(), 0.01, PLAN) == 0

    def test_the_alarms_of_a_week_are_split_among_its_tests(self) -> None:
        assert PLAN.threshold(PLAN.false_stops) == pytest.approx(log(7 * 24 * 5 * 2 / 0.01))

    def test_a_long_good_past_does_not_hide_a_bad_present(self) -> None:
        watch = observe(make_watch(), 49_750, 250, START_MS)
        assert judge(observe(watch, 1_900, 100, START_MS), PLAN) is Level.CALM

        finding = assess(observe(watch, 1_900, 100, START_MS + HOUR_MS), PLAN)

        assert finding.level is Level.STOP
        assert (finding.since_ms, finding.outcomes) == (START_MS + HOUR_MS, Tally(1_900, 100))

    def test_silence_throttles_and_never_stops(self) -> None:
        told = observe(make_watch(Metric.BLOCK_PROXY), 0, 10_000)
        silent = observe(make_watch(Metric.UNREAD), 0, 10_000)

        assert judge(told, PLAN) is Level.STOP
        assert judge(silent, PLAN) is Level.THROTTLE

    @pytest.mark.parametrize(
        ("own", "fleet", "bad", "level"),
        [
            pytest.param(Tally(), Tally(), 100, Level.THROTTLE, id="ten per cent, and nothing to compare it with"),
            pytest.param(Tally(), Tally(), 200, Level.STOP, id="twenty per cent are never healthy"),
            pytest.param(Tally(994, 5), Tally(), 100, Level.THROTTLE, id="one send too few to call it measured"),
            pytest.param(Tally(995, 5), Tally(), 100, Level.STOP, id="enough history of its own"),
            pytest.param(Tally(), Tally(995, 5), 100, Level.STOP, id="enough history of its peers"),
        ],
    )
    def test_an_assumed_baseline_stops_only_what_nobody_calls_healthy(
        self, own: Tally, fleet: Tally, bad: int, level: Level
    ) -> None:
        watch = make_watch(baseline=own, fleet=fleet)

        assert judge(observe(watch, 1_000 - bad, bad), PLAN) is level

    def test_a_finding_says_what_it_rests_on(self) -> None:
        calm = assess(observe(make_watch(), 398, 2, START_MS + HOUR_MS), PLAN)

        assert (calm.outcomes, calm.since_ms, calm.log_evidence) == (Tally(398, 2), START_MS + HOUR_MS, 0.0)
        assert assess(make_watch(), PLAN).since_ms == START_MS
        assert str(calm) == "opt_out 0.50% of 400 sends, baseline 0.55%: calm"
        assert "assumed baseline 0.65%" in str(assess(make_watch(baseline=Tally(), fleet=Tally()), PLAN))

    def test_numbers_beyond_any_campaign_do_no_harm(self) -> None:
        assert judge(observe(make_watch(), 10**12, 0), PLAN) is Level.CALM
        assert judge(observe(make_watch(), 10**12, 10**12), PLAN) is Level.STOP
        assert judge(observe(make_watch(Metric.UNREAD, baseline=Tally(0, 10**6)), 0, 10**9), PLAN) is Level.THROTTLE


class TestPlan:
    @pytest.mark.parametrize(
        "values",
        [
            pytest.param({"false_stops": 0.0}, id="a stop that can never be false"),
            pytest.param({"false_stops": 0.3}, id="more false stops than throttles"),
            pytest.param({"false_throttles": 2.0}, id="more false throttles than watches"),
            pytest.param({"multiples": ()}, id="no alternative"),
            pytest.param({"multiples": (1.0, 2.0)}, id="an alternative that is the null"),
            pytest.param({"tolerance": 0.9}, id="a null that is better than the baseline"),
            pytest.param({"scopes": 0}, id="no scope"),
            pytest.param({"least_sends": 0}, id="no least number of sends"),
            pytest.param({"least_measured": 0}, id="no least history"),
            pytest.param({"spread": 0.0}, id="templates that never differ"),
            pytest.param({"doubt": -1.0}, id="more than certain"),
        ],
    )
    def test_a_plan_has_to_make_a_test(self, values: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=r"."):
            Plan(**values)

    def test_levels_are_ordered(self) -> None:
        assert sorted(Level, key=lambda level: level.severity) == [
            Level.CALM,
            Level.WATCH,
            Level.THROTTLE,
            Level.STOP,
        ]

    def test_every_metric_has_a_recipe_with_rates_in_order(self) -> None:
        assert set(RECIPES) == set(Metric)
        assert all(0 < recipe.floor < recipe.assumed < recipe.ceiling < 1 for recipe in RECIPES.values())
