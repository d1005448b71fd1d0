"""One rate, tested for bad and for good: what its sends may show, and what a step of its size can."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest

from tidegate.policy.campaign.gate import Baseline, Gate, Watched
from tidegate.policy.campaign.gate_metric import Hours, Usual
from tidegate.policy.campaign.rate_test import Moment, RateTest
from tidegate.policy.campaign.safe_test import Cell
from tidegate.policy.warning_metric import HOUR_MS

SENT_AT = 480_000
LATER_MS = (SENT_AT + 100) * HOUR_MS
GONE = Moment(LATER_MS, LATER_MS - 99 * HOUR_MS, 4)
SURE = log(20)


def sent(sends: int, events: float, hour: int = SENT_AT) -> Hours:
    return ((hour, Cell(sends, events)),)


def made(metric: str, *steps: Hours, usual: Usual, control: tuple[Hours, ...] | None = None) -> RateTest:
    watched = Watched(metric, Baseline.TEMPLATE if control is None else Baseline.CONTROL)
    return RateTest(Gate((watched,)), watched, GONE, usual, steps, control)


OPT_OUTS = Usual(0.005)


@pytest.mark.parametrize(
    ("sends", "rules_out"),
    [(50, None), (800, 8), (4_000, 4), (20_000, 2), (100_000, 2)],
    ids=["too few", "a hundredth", "a twentieth", "a quarter", "all"],
)
def test_a_step_rules_out_what_its_size_can_show(sends: int, rules_out: float | None) -> None:
    factor, _ = made("opt_out", sent(sends, 0.005 * sends), usual=OPT_OUTS).good()

    assert factor == (None if rules_out is None else pytest.approx(rules_out, rel=0.25))


@pytest.mark.parametrize(("times", "passes", "fails"), [(0.5, 1, 0), (1, 1, 0), (2.2, 0, 0), (3, 0, 1), (6, 0, 1)])
def test_more_opt_outs_than_usual_are_bad_and_fewer_are_good(times: float, passes: bool, fails: bool) -> None:
    test = made("opt_out", sent(4_000, 20 * times), usual=OPT_OUTS)

    assert (test.good()[1] >= SURE) == passes
    assert (test.log_bad() >= SURE) == fails


@pytest.mark.parametrize(("share", "passes", "fails"), [(0.7, 1, 0), (0.6, 1, 0), (0.37, 0, 0), (0.25, 0, 1)])
def test_fewer_reads_than_usual_are_bad_and_more_are_good(share: float, passes: bool, fails: bool) -> None:
    test = made("read", sent(600, 600 * share), usual=Usual(0.6))

    assert (test.good()[1] >= SURE) == passes
    assert (test.log_bad() >= SURE) == fails


def test_a_good_first_step_does_not_hide_a_bad_second_one() -> None:
    hidden = made("opt_out", sent(20_000, 60), sent(2_000, 30), usual=OPT_OUTS)

    assert hidden.log_bad() >= SURE
    assert replace(hidden, steps=(sent(22_000, 90),)).log_bad() < 0


def test_evidence_is_shared_among_all_steps_that_are_planned() -> None:
    test = made("opt_out", sent(4_000, 90), usual=OPT_OUTS)
    alone = replace(test, moment=replace(GONE, steps_planned=1))

    assert test.log_bad() == pytest.approx(alone.log_bad() - log(4))


def test_what_is_assumed_fails_only_beyond_the_worst_that_is_healthy_and_passes_below_it() -> None:
    usual = Usual(0.005, 0.05)
    passing, unsure, failing = (made("opt_out", sent(1_000, n), usual=usual) for n in (15, 50, 180))

    assert passing.good()[1] >= SURE
    assert unsure.log_bad() < SURE
    assert unsure.good()[1] < SURE
    assert failing.log_bad() >= SURE
    read = made("read", sent(1_000, 300), usual=Usual(0.5, 0.1))
    assert read.log_bad() < 0
    assert read.good()[1] >= SURE


def test_while_a_step_is_young_only_news_counts() -> None:
    young = replace(GONE, now_ms=(SENT_AT + 1) * HOUR_MS, gone_at_ms=None)
    opt_outs = replace(made("opt_out", sent(4_000, 90), usual=OPT_OUTS), moment=young)
    reads = replace(made("read", sent(4_000, 400), usual=Usual(0.6)), moment=young)

    assert opt_outs.log_bad() >= SURE
    assert opt_outs.good() == (None, 0.0)
    # Nobody has read it yet: that says nothing so soon.
    assert reads.log_bad() == pytest.approx(0)


@pytest.mark.parametrize(("in_arm", "passes", "fails"), [(40, 1, 0), (300, 0, 1)])
def test_a_variant_is_compared_with_the_control_beside_it(in_arm: int, passes: bool, fails: bool) -> None:
    test = made("failure", sent(2_000, in_arm), usual=Usual(0.02), control=(sent(2_000, 40),))

    assert (test.good()[1] >= SURE) == passes
    assert (test.log_bad() >= SURE) == fails


def test_what_apps_report_is_compared_whatever_its_rate() -> None:
    control = (sent(3_000, 300),)

    assert made("conversion", sent(3_000, 100), usual=Usual(0.1), control=control).log_bad() >= SURE
    assert made("conversion", sent(3_000, 310), usual=Usual(0.1), control=control).good()[1] >= SURE


def test_without_a_control_that_has_sent_nothing_can_be_said() -> None:
    test = made("failure", sent(2_000, 400), usual=Usual(0.02), control=((),))

    assert test.log_bad() == 0
    assert test.good() == (None, 0.0)
