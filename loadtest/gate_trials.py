"""Campaigns that gates are tried on: what 80,000 recipients do is drawn, in the simulator's time, and judged.

The counts alone, without gateway and store, judged as the gateway judges them. The same seed gives the same campaign.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field, replace
from math import sqrt
from random import Random
from typing import Final

from loadtest.early_warning import CAMPAIGNS_DIFFER, TEMPLATES_DIFFER, USUAL, around, history
from tidegate.policy.campaign.gate import DEFAULT, Baseline, Gate
from tidegate.policy.campaign.gate_metric import Usual, usual_of
from tidegate.policy.campaign.judgement import Arm, Judgement, Outcome, judge
from tidegate.policy.campaign.rate_test import Moment
from tidegate.policy.early_warning import Plan
from tidegate.policy.warning_counts import day_of, field_of
from tidegate.policy.warning_metric import HOUR_MS, Counter, Metric
from tidegate.simulator.scenarios import BAD_TEMPLATE
from tidegate.simulator.score import Score

RECIPIENTS: Final = 80_000
SHARES: Final = (0.01, 0.05, 0.25, 1.0)
LIMIT: Final = 10_000
#: What is known before: sends of the template, and of the portfolio's other templates.
OWN_SENDS: Final = 20_000
FLEET_SENDS: Final = 50_000
#: Shares of recipients who block, as in the simulator's scenario `bad_template`.
GOOD_BLOCKS: Final = 0.003
BAD_BLOCKS: Final = 0.12
_REACTIONS: Final = BAD_TEMPLATE.reactions
_READ_WITHIN_MS: Final = 10 * 60_000
_DAY_MS: Final = 24 * HOUR_MS
#: How often it is looked at: soon after a step, and later.
_SOON_MS: Final = 5 * 60_000
_LATER_MS: Final = HOUR_MS

Days = dict[int, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Trial:
    """A kind of campaign.

    From step `bad_from` on (0: from the beginning; None: never) each of the `worse` rates is so many times as high as
    its template's. `speaks`: whether Meta grades the template, and says so by webhook. `beside`: whether a control
    variant goes to every other recipient, which is never worse, and the other variant is judged against it.
    """

    name: str
    bad_from: int | None = None
    worse: tuple[tuple[Metric, float], ...] = ()
    speaks: bool = False
    beside: bool = False

    @property
    def is_good(self) -> bool:
        return self.bad_from is None

    @property
    def gate(self) -> Gate:
        """The default gate."""
        against = Baseline.CONTROL if self.beside else Baseline.TEMPLATE
        return replace(DEFAULT, metrics=tuple(replace(watched, baseline=against) for watched in DEFAULT.metrics))


_OPT_OUTS: Final = ((Metric.OPT_OUT, 3.0),)
_FAILURES: Final = ((Metric.FAILURE, 2.0), (Metric.BLOCK_PROXY, 2.0))
TRIALS: Final = (
    Trial("good; Meta silent"),
    Trial("good; Meta speaks", speaks=True),
    Trial("good, beside a control; Meta silent", beside=True),
    Trial("3 x opt-outs, blocked; Meta speaks", 0, _OPT_OUTS, speaks=True),
    Trial("3 x opt-outs, blocked from the 5 % step on; Meta speaks", 1, _OPT_OUTS, speaks=True),
    Trial("3 x opt-outs; Meta silent", 0, _OPT_OUTS),
    Trial("3 x opt-outs from the 5 % step on; Meta silent", 1, _OPT_OUTS),
    Trial("2 x failed and withheld from the 5 % step on; Meta silent", 1, _FAILURES),
    Trial(
        "4 x withheld from the 5 % step on, beside a control; Meta silent", 1, ((Metric.BLOCK_PROXY, 4.0),), beside=True
    ),
)


@dataclass(frozen=True, slots=True)
class Told:
    """How a campaign ended: what halted it, None where nothing did; in which step (0 is the first), and after how many
    sends and how long. `waited_ms`: between the last send of each step that passed, and its pass."""

    halted: str | None
    step: int
    sent: int
    took_ms: int
    waited_ms: tuple[int, ...]

    @property
    def in_time(self) -> bool:
        """Whether it was halted before a quarter of the recipients was sent to."""
        return self.halted is not None and self.sent < RECIPIENTS * SHARES[2]


@dataclass(slots=True)
class _Variant:
    """What goes to a share of the recipients: its rates, what is usual of its template, what became of its sends."""

    name: str
    share: float
    rates: dict[Metric, float]
    template: dict[Metric, float]
    usual: dict[str, Usual]
    steps: list[Days] = field(default_factory=list)


@dataclass(slots=True)
class _Play:
    """One campaign under way."""

    trial: Trial
    dice: Random
    variants: list[_Variant]
    coming: list[tuple[int, int, dict[str, int], str, int]] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    score: Score = field(default_factory=Score)
    places: deque[tuple[int, int]] = field(default_factory=deque)

    def run(self) -> Told:
        """Send, wait and judge until it is over."""
        now_ms = sent = 0
        waited: list[int] = []
        for step, share in enumerate(SHARES):
            left, gone_ms = round(RECIPIENTS * share) - sent, None
            for variant in self.variants:
                variant.steps.append({})
            while True:
                if left:
                    going = min(left, self._places(now_ms))
                    self._send(step, going, now_ms)
                    left, sent = left - going, sent + going
                    gone_ms = None if left else now_ms
                is_soon = gone_ms is not None and now_ms < gone_ms + 3 * HOUR_MS
                now_ms += _SOON_MS if is_soon else _LATER_MS
                self._hear(now_ms)
                judged = self._judge(Moment(now_ms, gone_ms, len(SHARES)))
                if judged.outcome is Outcome.FAIL:
                    return Told(_why(judged), step, sent, now_ms, tuple(waited))
                if gone_ms is not None and (judged.outcome is Outcome.PASS or share == 1):
                    waited.append(now_ms - gone_ms)
                    break
        return Told(None, len(SHARES) - 1, sent, now_ms, tuple(waited[:-1]))

    def _places(self, now_ms: int) -> int:
        while self.places and self.places[0][0] <= now_ms - _DAY_MS:
            self.places.popleft()
        return LIMIT - sum(sends for _, sends in self.places)

    def _send(self, step: int, sends: int, now_ms: int) -> None:
        if not sends:
            return
        self.places.append((now_ms, sends))
        for i, variant in enumerate(self.variants):
            # With a control the other variant is the bad one.
            is_bad = self.trial.bad_from is not None and step >= self.trial.bad_from and i == len(self.variants) - 1
            self._send_to(variant, variant.steps[step], round(sends * variant.share), now_ms, is_bad=is_bad)

    def _send_to(self, variant: _Variant, days: Days, sends: int, now_ms: int, *, is_bad: bool) -> None:
        times = dict(self.trial.worse) if is_bad else {}
        rates = variant.rates | {metric: min(0.95, variant.template[metric] * times[metric]) for metric in times}
        counts = days.setdefault(day_of(now_ms), {})
        left = sends
        went = {}
        for metric in (Metric.UNDELIVERED, Metric.FAILURE, Metric.BLOCK_PROXY):
            went[metric] = min(left, self._draw(sends, rates[metric]))
            left -= went[metric]
        self._comes(now_ms, counts, Counter.SENT, now_ms, sends)
        self._comes(now_ms, counts, Counter.FAILED, now_ms, went[Metric.FAILURE])
        self._comes(now_ms, counts, Counter.WITHHELD, now_ms, went[Metric.BLOCK_PROXY])
        self._comes(now_ms, counts, Counter.DELIVERED, now_ms, left)
        read = left - self._draw(left, rates[Metric.UNREAD])
        self._comes(now_ms, counts, Counter.READ, now_ms + _READ_WITHIN_MS, read)
        for _ in range(self._draw(sends, rates[Metric.OPT_OUT])):
            self._comes(now_ms, counts, Counter.OPTED_OUT, self._reacts_ms(now_ms), 1)
        if self.trial.speaks:
            for _ in range(left):
                self.score.delivered(now_ms, _REACTIONS)
            for _ in range(self._draw(left, BAD_BLOCKS if is_bad else GOOD_BLOCKS)):
                heapq.heappush(self.blocks, self._reacts_ms(now_ms))

    def _reacts_ms(self, now_ms: int) -> int:
        return now_ms + _REACTIONS.delay.ms(self.dice.random())

    def _draw(self, sends: int, rate: float) -> int:
        if sends < 2_000:
            return sum(self.dice.random() < rate for _ in range(sends))
        return max(0, min(sends, round(self.dice.gauss(sends * rate, sqrt(sends * rate * (1 - rate))))))

    def _comes(self, sent_ms: int, counts: dict[str, int], counter: Counter, at_ms: int, n: int) -> None:
        heapq.heappush(self.coming, (at_ms, len(self.coming), counts, field_of(counter, sent_ms), n))

    def _hear(self, now_ms: int) -> None:
        while self.coming and self.coming[0][0] <= now_ms:
            _, _, counts, name, n = heapq.heappop(self.coming)
            counts[name] = counts.get(name, 0) + n
        while self.blocks and self.blocks[0] <= now_ms:
            self.score.disliked(heapq.heappop(self.blocks), _REACTIONS)

    def _judge(self, moment: Moment) -> Judgement:
        arms = [
            Arm(variant.name, tuple(variant.steps), variant.usual, self.trial.beside and i == 0)
            for i, variant in enumerate(self.variants)
        ]
        is_red = self.trial.speaks and self.score.quality(moment.now_ms, _REACTIONS) == "RED"
        return judge(self.trial.gate, arms, moment, ["template: status PAUSED"] if is_red else [])


def play(trial: Trial, seed: int) -> Told:
    """One campaign, from its first send to its end.

    Its template differs from the fleet, and what is sent of it now differs from its past.
    """
    dice = Random(f"gates {seed}")
    template = {metric: around(rate, TEMPLATES_DIFFER, dice) for metric, rate in USUAL.items()}
    now = {metric: around(rate, CAMPAIGNS_DIFFER, dice) for metric, rate in template.items()}
    usual = _usual(template, dice)
    names = ("a", "b") if trial.beside else ("a",)
    return _Play(trial, dice, [_Variant(name, 1 / len(names), now, template, usual) for name in names]).run()


def _usual(template: dict[Metric, float], dice: Random) -> dict[str, Usual]:
    """What is known of a template and its fleet."""
    usual: dict[str, Usual] = {}
    for metric, fleet_rate in USUAL.items():
        rate = "read" if metric is Metric.UNREAD else metric.value
        own, fleet = history(OWN_SENDS, template[metric], dice), history(FLEET_SENDS, fleet_rate, dice)
        known = usual_of(rate, own, fleet, Plan())
        assert known is not None
        usual[rate] = known
    return usual


def _why(judged: Judgement) -> str:
    if judged.reason == "quality":
        return judged.reason
    bad = Outcome.FAIL if judged.reason == "rates" else Outcome.UNSURE
    return f"{judged.reason}: {', '.join(sorted({f.metric for f in judged.findings if f.says is bad}))}"
