"""A gate judged: when it passes, fails, is unsure, and what it says of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tidegate.policy.campaign.gate import DEFAULT, AtLimit, Baseline, Gate, Watched
from tidegate.policy.campaign.gate_metric import Usual
from tidegate.policy.campaign.judgement import Arm, Judgement, Outcome, judge
from tidegate.policy.campaign.rate_test import Moment
from tidegate.policy.warning_metric import HOUR_MS

DAY = 20_000
NINE_MS = (DAY * 24 + 9) * HOUR_MS
GONE_MS = NINE_MS + HOUR_MS // 2
USUAL = {"failure": Usual(0.02), "opt_out": Usual(0.005), "read": Usual(0.6)}
GATE = Gate((Watched("failure"), Watched("opt_out")))


def counts(sends: int, **by_outcome: int) -> Mapping[int, Mapping[str, int]]:
    return {DAY: {"09.sent": sends, **{f"09.{name}": n for name, n in by_outcome.items()}}}


def arm(sends: int, name: str = "only", *, is_control: bool = False, **by_outcome: int) -> Arm:
    return Arm(name, (counts(sends, **by_outcome),), USUAL, is_control)


def judged(gate: Gate, *arms: Arm, after_h: float = 24, quality: tuple[str, ...] = ()) -> Judgement:
    return judge(gate, arms, Moment(int(GONE_MS + after_h * HOUR_MS), GONE_MS, 4), quality)


def test_a_healthy_step_passes_once_it_has_soaked() -> None:
    healthy = arm(4_000, failed=80, opted_out=20)

    soaking, passed = judged(GATE, healthy, after_h=0.9), judged(GATE, healthy)

    assert (soaking.outcome, soaking.reason) == (Outcome.UNSURE, "soaking")
    assert soaking.look_again_at_ms == pytest.approx(GONE_MS + 59 * 60_000, abs=60_001)
    assert (passed.outcome, passed.reason, passed.look_again_at_ms) == (Outcome.PASS, "rates", None)


def test_a_bad_rate_fails_at_once_even_while_the_step_is_sent() -> None:
    bad = arm(4_000, failed=80, opted_out=90)
    sending = Moment(NINE_MS + 60_000, None, 4)

    failed = judge(GATE, [bad], sending)

    assert (failed.outcome, failed.reason) == (Outcome.FAIL, "rates")
    assert [(finding.metric, finding.says) for finding in failed.findings] == [
        ("failure", Outcome.UNSURE),
        ("opt_out", Outcome.FAIL),
    ]
    still = judge(GATE, [arm(4_000, failed=0)], sending)
    assert (still.outcome, still.reason) == (Outcome.UNSURE, "sending")
    assert still.look_again_at_ms == sending.now_ms + 300_000


def test_few_sends_halt_nothing_and_do_not_pass_while_they_look_bad() -> None:
    awful = arm(99, failed=60)

    assert judged(GATE, awful).outcome is Outcome.UNSURE
    assert judged(replace(GATE, least_sends=99), awful).outcome is Outcome.FAIL


@pytest.mark.parametrize("sends", [0, 3], ids=["none", "a few"])
def test_a_step_of_too_few_sends_passes_and_says_so(sends: int) -> None:
    passed = judged(GATE, arm(sends))

    assert (passed.outcome, passed.reason) == (Outcome.PASS, "too_few")
    assert {finding.rules_out for finding in passed.findings} == {None}


@pytest.mark.parametrize("sends", [0, 20_000], ids=["of none", "of most"])
def test_a_step_of_which_more_was_sent_than_is_counted_does_not_pass(sends: int) -> None:
    def judged_at(hours: float, uncounted: float) -> tuple[Outcome, str]:
        moment = Moment(int(GONE_MS + hours * HOUR_MS), GONE_MS, 4, uncounted)
        told = judge(GATE, [arm(sends)], moment)
        return told.outcome, told.reason

    assert judged_at(24, 0.1)[0] is Outcome.PASS
    assert judged_at(24, 0.11) == (Outcome.UNSURE, "uncounted")
    assert judged_at(26, 0.11) == (Outcome.FAIL, "limit")


@pytest.mark.parametrize(("at_limit", "outcome"), [(AtLimit.HALT, Outcome.FAIL), (AtLimit.CONTINUE, Outcome.PASS)])
def test_what_stays_unsure_is_decided_at_the_limit(at_limit: AtLimit, outcome: Outcome) -> None:
    gate, between = replace(GATE, at_limit=at_limit), arm(4_000, failed=80, opted_out=46)

    unsure, over = judged(gate, between, after_h=25.95), judged(gate, between, after_h=26)

    assert (unsure.outcome, unsure.reason) == (Outcome.UNSURE, "rates")
    assert unsure.look_again_at_ms == GONE_MS + gate.wait_ms
    assert (over.outcome, over.reason) == (outcome, "limit")


def test_what_meta_says_fails_whatever_the_rates_say() -> None:
    failed = judged(GATE, arm(4_000, failed=80, opted_out=20), quality=("template: quality RED",))

    assert (failed.outcome, failed.reason, failed.quality) == (Outcome.FAIL, "quality", ("template: quality RED",))
    assert failed.to_json()["quality"] == ["template: quality RED"]


def test_a_variant_is_compared_with_the_control_and_the_control_with_its_template() -> None:
    gate = Gate((Watched("failure", Baseline.CONTROL),))
    control = arm(4_000, "a", is_control=True, failed=80)

    worse = judged(gate, control, arm(4_000, "b", failed=300))
    both = judged(gate, arm(4_000, "a", is_control=True, failed=300), arm(4_000, "b", failed=300))

    assert [(f.variant, f.against, f.says) for f in worse.findings] == [
        ("a", "template", Outcome.PASS),
        ("b", "control", Outcome.FAIL),
    ]
    assert [(f.variant, f.says) for f in both.findings] == [("a", Outcome.FAIL), ("b", Outcome.PASS)]


def test_what_an_app_reports_is_judged_beside_the_control_alone() -> None:
    gate = Gate((Watched("conversion", Baseline.CONTROL),))
    control = arm(4_000, "a", is_control=True, conversion=400_000)

    found = judged(gate, control, arm(4_000, "b", conversion=100_000)).findings

    assert [(f.variant, f.against, f.says) for f in found] == [("b", "control", Outcome.FAIL)]


def test_a_rate_that_is_given_is_what_counts() -> None:
    found = judged(Gate((Watched("opt_out", 0.02),)), arm(4_000, opted_out=80)).findings

    assert [(f.against, f.usual, f.says) for f in found] == [("given", 0.02, Outcome.PASS)]


def test_a_template_of_which_nothing_is_known_is_said_to_be_assumed() -> None:
    unknown = replace(arm(4_000, opted_out=20), usual={"opt_out": Usual(0.0065, 0.05)})

    found = judged(GATE, unknown).findings

    assert [(f.metric, f.against) for f in found] == [("opt_out", "assumed")]


def test_the_evidence_is_told_in_full() -> None:
    told = judged(GATE, arm(4_000, failed=80, opted_out=90)).to_json()

    assert (told["outcome"], told["reason"], told["quality"]) == ("fail", "rates", [])
    assert told["rates"][1] == {
        "variant": "only",
        "metric": "opt_out",
        "says": "fail",
        "against": "template",
        "usual": 0.005,
        "rate": 0.0225,
        "sends": 4000,
        "events": 90.0,
        "rules_out": pytest.approx(4, abs=1),
        "evidence_bad": pytest.approx(40, abs=5),
        "evidence_good": pytest.approx(-46, abs=10),
    }
    assert judged(GATE, arm(0)).to_json()["rates"][0]["rate"] is None


def test_the_default_gate_asks_nothing_of_what_is_not_known() -> None:
    assert {finding.metric for finding in judged(DEFAULT, arm(4_000)).findings} == set(USUAL)
