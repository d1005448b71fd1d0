"""Laws of a campaign's gate, and its first error rate by trial; `python -m loadtest gates` plays whole campaigns."""

from __future__ import annotations

from math import sqrt
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.early_warning import Binomial
from tidegate.policy.campaign.gate import Gate, Watched
from tidegate.policy.campaign.gate_metric import Usual
from tidegate.policy.campaign.judgement import Arm, Judgement, Outcome, judge
from tidegate.policy.campaign.rate_test import Moment
from tidegate.policy.warning_metric import HOUR_MS

DAY = 20_000
START_MS = DAY * 24 * HOUR_MS
SEVERITY = {Outcome.PASS: 0, Outcome.UNSURE: 1, Outcome.FAIL: 2}
STEPS = st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 0.2)), min_size=1, max_size=4)


def arm(steps: list[tuple[int, int]], metric: str = "opted_out", usual: float = 0.01) -> Arm:
    """A variant whose steps were sent one a day, so many and so many of them with the event."""
    counts = tuple(
        {DAY + i: {"09.sent": sends, "09.delivered": sends, f"09.{metric}": n}} for i, (sends, n) in enumerate(steps)
    )
    return Arm("a", counts, {"opt_out": Usual(usual), "read": Usual(usual)})


def judged(metric: str, steps: list[tuple[int, int]], counter: str, usual: float) -> Judgement:
    gone_ms = START_MS + (len(steps) - 1) * 24 * HOUR_MS + 10 * HOUR_MS
    moment = Moment(gone_ms + 25 * HOUR_MS, gone_ms, 4)
    return judge(Gate((Watched(metric),), least_sends=1), [arm(steps, counter, usual)], moment)


@given(steps=STEPS, at=st.integers(0, 3), more=st.integers(1, 400))
@settings(max_examples=60)
def test_more_bad_news_never_makes_a_gate_milder(steps: list[tuple[int, float]], at: int, more: int) -> None:
    before = [(sends, int(sends * share)) for sends, share in steps]
    at %= len(before)
    sends, bad = before[at]
    after = [*before[:at], (sends, min(sends, bad + more)), *before[at + 1 :]]

    milder, worse = (judged("opt_out", told, "opted_out", 0.01) for told in (before, after))

    assert SEVERITY[worse.outcome] >= SEVERITY[milder.outcome]


@given(steps=STEPS, at=st.integers(0, 3), more=st.integers(1, 400))
@settings(max_examples=60)
def test_more_reads_never_make_a_gate_stricter(steps: list[tuple[int, float]], at: int, more: int) -> None:
    before = [(sends, int(sends * share * 5)) for sends, share in steps]
    at %= len(before)
    sends, read = before[at]
    after = [*before[:at], (sends, min(sends, read + more)), *before[at + 1 :]]

    stricter, milder = (judged("read", told, "read", 0.6) for told in (before, after))

    assert SEVERITY[milder.outcome] <= SEVERITY[stricter.outcome]


def test_what_is_just_healthy_is_hardly_ever_halted_however_often_it_is_looked_at() -> None:
    gate, dice, halted = Gate((Watched("opt_out"),)), Random(1), 0
    bad = Binomial(500, 0.01 * sqrt(2))
    for _ in range(150):
        steps = [[0, 0], [0, 0]]
        for look in range(30):
            step = 0 if look < 5 else 1
            steps[step][0] += 500
            steps[step][1] += bad.draw(dice)
            seen = arm([(sends, n) for sends, n in steps[: step + 1]])
            if judge(gate, [seen], Moment(START_MS + 12 * HOUR_MS, None, 2)).outcome is Outcome.FAIL:
                halted += 1
                break

    # At most 1.5 of 150 on average.
    assert halted <= 4
