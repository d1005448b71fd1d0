"""Laws of the watch, and its error rates by trial. docs/early-warning.md quotes the larger run of the same trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.early_warning import (
    FIRST,
    KNOWN,
    NEW,
    USUAL,
    Binomial,
    Past,
    alarms_at_the_edge,
    delays,
    healthy_alarms,
)
from tidegate.policy.early_warning import WINDOW_HOURS, Level, Plan, Watch, assess, judge, merge, observe
from tidegate.policy.warning_metric import HOUR_MS, RECIPES, Metric, Tally

PLAN = Plan()
Outcome = tuple[int, int, int]

METRICS = st.sampled_from(list(Metric))
TALLIES = st.builds(Tally, st.integers(0, 3_000), st.integers(0, 300))
HOURS = st.sampled_from([0, 1, 2, 23, WINDOW_HOURS - 1, WINDOW_HOURS, WINDOW_HOURS + 1, 500])
OUTCOMES = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60), HOURS), max_size=8)
WATCHES = st.builds(Watch, METRICS, baseline=TALLIES, fleet=TALLIES)


def saw(watch: Watch, outcomes: Sequence[Outcome]) -> Watch:
    """The watch after outcomes of (good, bad, hour)."""
    for good, bad, hour in outcomes:
        watch = observe(watch, good, bad, hour * HOUR_MS)
    return watch


@given(watch=WATCHES, outcomes=OUTCOMES, data=st.data())
def test_neither_the_order_nor_the_node_matters(watch: Watch, outcomes: list[Outcome], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(outcomes))
    cut = data.draw(st.integers(0, len(outcomes)))
    whole = saw(watch, outcomes)

    assert saw(watch, shuffled) == whole
    assert merge(saw(watch, shuffled[:cut]), saw(watch, shuffled[cut:])) == whole


@given(watch=WATCHES, outcomes=OUTCOMES, more=st.integers(1, 500))
def test_good_news_never_raises_the_level_and_bad_news_never_lowers_it(
    watch: Watch, outcomes: list[Outcome], more: int
) -> None:
    plan = replace(PLAN, least_sends=1)  # a send more may make the sample large enough
    before = saw(watch, outcomes)
    level = judge(before, plan).severity

    assert judge(observe(before, more, 0), plan).severity <= level
    assert judge(observe(before, 0, more), plan).severity >= level


@given(watch=WATCHES, outcomes=OUTCOMES, late=st.integers(0, 60))
def test_bad_news_still_under_way_makes_no_alarm(watch: Watch, outcomes: list[Outcome], late: int) -> None:
    known = [(good + min(bad, late), bad - min(bad, late), hour) for good, bad, hour in outcomes]

    assert judge(saw(watch, known), PLAN).severity <= judge(saw(watch, outcomes), PLAN).severity


@given(watch=WATCHES, outcomes=OUTCOMES, rate=st.floats(0, 1), other=st.floats(0, 1))
def test_a_worse_past_never_trips_sooner(watch: Watch, outcomes: list[Outcome], rate: float, other: float) -> None:
    def with_past(share: float) -> Watch:
        return replace(watch, baseline=Tally(1_000 - round(1_000 * share), round(1_000 * share)))

    better, worse = sorted((rate, other))

    # The doubt in a rate shrinks again above one half, where no healthy rate of an event lies.
    if RECIPES[watch.metric].ceiling <= 0.5:
        levels = [judge(saw(with_past(share), outcomes), PLAN).severity for share in (worse, better)]
        assert levels == sorted(levels)


@given(watch=WATCHES, outcomes=OUTCOMES)
def test_a_finding_is_consistent(watch: Watch, outcomes: list[Outcome]) -> None:
    watch = saw(watch, outcomes)
    finding = assess(watch, PLAN)

    assert finding.log_evidence >= 0
    assert 0 < finding.baseline_rate < 1
    assert finding.outcomes.sends <= watch.judged.sends
    if finding.level.severity >= Level.THROTTLE.severity:
        assert finding.outcomes.sends >= PLAN.least_sends
        assert finding.outcomes.rate > finding.baseline_rate


@given(sends=st.integers(1, 60), rate=st.floats(0.01, 0.99), seed=st.integers(0, 9))
@settings(max_examples=25)
def test_the_dice_of_the_trials_are_fair(sends: int, rate: float, seed: int) -> None:
    table, dice = Binomial(sends, rate), Random(seed)
    drawn = [table.draw(dice) for _ in range(2_000)]

    spread = (sends * rate * (1 - rate) / len(drawn)) ** 0.5
    assert all(0 <= bad <= sends for bad in drawn)
    assert abs(sum(drawn) / len(drawn) - sends * rate) <= 5 * spread


@pytest.mark.parametrize(
    ("past", "campaigns"),
    [
        pytest.param(KNOWN, 500, id="templates with a history"),
        pytest.param(NEW, 250, id="new templates in a known portfolio"),
        pytest.param(FIRST, 250, id="a portfolio without any history"),
    ],
)
def test_at_most_two_in_a_hundred_healthy_campaigns_are_stopped(past: Past, campaigns: int) -> None:
    alarms = healthy_alarms(past, campaigns, seed=11, batch=1_000)

    assert alarms.stopped <= 0.02 * campaigns
    assert alarms.throttled <= 0.05 * campaigns


@pytest.mark.parametrize("metric", list(Metric))
def test_the_worst_that_is_healthy_is_healthy(metric: Metric) -> None:
    """At the edge of the null the bound of theory holds: one scope, one metric, one campaign."""
    tests = len(Metric) * PLAN.scopes
    alarms = alarms_at_the_edge(metric, runs=150, seed=12)

    assert alarms.stopped <= 150 * PLAN.false_stops / tests
    assert alarms.throttled <= 150 * PLAN.false_throttles / tests


@pytest.mark.parametrize(
    ("metric", "past", "throttled_within", "stopped_within"),
    [
        pytest.param(Metric.OPT_OUT, KNOWN, 3_500, 4_500, id="opt-outs of a known template"),
        pytest.param(Metric.OPT_OUT, NEW, 5_500, 7_000, id="opt-outs of a new template"),
        pytest.param(Metric.BLOCK_PROXY, KNOWN, 400, 500, id="withheld messages of a known template"),
        pytest.param(Metric.BLOCK_PROXY, NEW, 600, 800, id="withheld messages of a new template"),
        pytest.param(Metric.FAILURE, KNOWN, 1_000, 1_200, id="failures of a known template"),
        pytest.param(Metric.FAILURE, NEW, 1_500, 1_800, id="failures of a new template"),
    ],
)
def test_a_template_four_times_as_bad_as_usual_is_throttled_then_stopped(
    metric: Metric, past: Past, throttled_within: int, stopped_within: int
) -> None:
    throttle, stop = delays(metric, USUAL[metric], 4, past, runs=60, seed=13)

    assert throttle.most is not None
    assert throttle.most <= throttled_within
    assert stop.most is not None
    assert throttle.most <= stop.most <= stopped_within


def test_a_read_rate_that_falls_by_half_is_throttled_and_never_stopped() -> None:
    """45 % unread become 72.5 %."""
    throttle, stop = delays(Metric.UNREAD, 0.45, 0.725 / 0.45, KNOWN, runs=40, seed=14)

    assert throttle.most is not None
    assert throttle.most <= 500
    assert stop.half is None
