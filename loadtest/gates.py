"""`python -m loadtest gates`: how often a campaign's gates stop a good template, and how soon a bad one, by trial.

The counts alone, without gateway and store: what 80,000 recipients do is drawn, in the simulator's time, and judged by
the gates as the gateway does. The same seed gives the same campaign.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from math import sqrt
from random import Random
from typing import Final

from loadtest.early_warning import CAMPAIGNS_DIFFER, TEMPLATES_DIFFER, USUAL, around, history
from tidegate.policy.campaign.gate import DEFAULT, Gate
from tidegate.policy.campaign.gate_metric import Usual, usual_of
from tidegate.policy.campaign.judgement import Arm, Judgement, Outcome, judge
from tidegate.policy.campaign.rate_test import Moment
from tidegate.policy.early_warning import Plan
from tidegate.policy.warning_counts import day_of, field_of
from tidegate.policy.warning_metric import HOUR_MS, Counter, Metric
from tidegate.simulator.scenarios import BAD_TEMPLATE
from tidegate.simulator.score import Score

SHARES: Final = (0.01, 0.05, 0.25, 1.0)
OWN_SENDS: Final = 20_000
FLEET_SENDS: Final = 50_000
_TICK_MS: Final = 5 * 60_000
_DAY_MS: Final = 24 * HOUR_MS
_READ_MS: Final = 10 * 60_000
_GOOD_BLOCKS, _BAD_BLOCKS = 0.003, 0.12
"""Shares of recipients who block, as in the simulator's scenario `bad_template`."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A kind of campaign. From step `bad_from` on (0: from the beginning; None: never) each of the `worse` rates is so
    many times as high; `speaks`: whether Meta sends webhooks about the template's quality."""

    name: str
    bad_from: int | None = None
    worse: tuple[tuple[Metric, float], ...] = ()
    speaks: bool = False
    recipients: int = 80_000
    limit: int = 10_000
    gate: Gate = DEFAULT

    @property
    def sizes(self) -> tuple[int, ...]:
        """Recipients by step."""
        reached = [round(self.recipients * share) for share in SHARES]
        return tuple(reached[i] - (reached[i - 1] if i else 0) for i in range(len(reached)))


_OPT_OUTS: Final = ((Metric.OPT_OUT, 3.0),)
TRIALS: Final = (
    Trial("good, Meta silent"),
    Trial("good, Meta speaks", speaks=True),
    Trial("3 x opt-outs from the start, Meta silent", 0, _OPT_OUTS),
    Trial("3 x opt-outs from the 5 % step on, Meta silent", 1, _OPT_OUTS),
    Trial("3 x opt-outs from the 5 % step on, Meta speaks", 1, _OPT_OUTS, speaks=True),
    Trial(
        "2 x failed and withheld from the 5 % step on, Meta silent", 1, ((Metric.FAILURE, 2), (Metric.BLOCK_PROXY, 2))
    ),
)


@dataclass(frozen=True, slots=True)
class Told:
    """How a campaign ended: halted (by what, in which step, counted from 0) or not; how many had been sent to by then,
    and after how long."""

    halted: str | None
    step: int
    sent: int
    took_ms: int
    waited_ms: tuple[int, ...]
    """Between the last send of each step that passed, and its pass."""


@dataclass(slots=True)
class _Play:
    """One campaign under way."""

    trial: Trial
    dice: Random
    usual: dict[str, Usual]
    rates: dict[Metric, float]
    steps: list[dict[int, dict[str, int]]] = field(default_factory=list)
    coming: list[tuple[int, int, dict[str, int], str, int]] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    score: Score = field(default_factory=Score)
    places: deque[tuple[int, int]] = field(default_factory=deque)

    def run(self) -> Told:
        """Send, wait and judge until it is over."""
        now_ms = sent = 0
        waited: list[int] = []
        for step, size in enumerate(self.trial.sizes):
            began_ms, gone_at_ms, left = now_ms, None, size
            self.steps.append({})
            while True:
                if left:
                    going = min(left, self._places(now_ms))
                    self._send(step, going, now_ms)
                    left, sent = left - going, sent + going
                    gone_at_ms = None if left else now_ms
                now_ms += _TICK_MS if gone_at_ms is not None and now_ms < gone_at_ms + 3 * HOUR_MS else 6 * _TICK_MS
                self._hear(now_ms)
                judged = self._judge(step, now_ms, gone_at_ms)
                if judged.outcome is Outcome.FAIL:
                    return Told(_why(judged), step, sent, now_ms, tuple(waited))
                if judged.outcome is Outcome.PASS and gone_at_ms is not None:
                    waited.append(now_ms - gone_at_ms)
                    break
                if not left and step + 1 == len(self.trial.sizes):
                    return Told(None, step, sent, now_ms, tuple(waited))
                if not left and now_ms - began_ms > 40 * _DAY_MS:
                    raise RuntimeError("a gate never ended its wait")
        return Told(None, len(SHARES) - 1, sent, now_ms, tuple(waited))

    def _places(self, now_ms: int) -> int:
        while self.places and self.places[0][0] <= now_ms - _DAY_MS:
            self.places.popleft()
        return self.trial.limit - sum(n for _, n in self.places)

    def _send(self, step: int, sends: int, now_ms: int) -> None:
        if not sends:
            return
        self.places.append((now_ms, sends))
        is_bad = self.trial.bad_from is not None and step >= self.trial.bad_from
        times = dict(self.trial.worse) if is_bad else {}
        rates = {metric: min(0.95, rate * times.get(metric, 1)) for metric, rate in self.rates.items()}
        counts = self.steps[step].setdefault(day_of(now_ms), {})
        silent = self._draw(sends, rates[Metric.UNDELIVERED])
        failed = min(sends - silent, self._draw(sends, rates[Metric.FAILURE]))
        withheld = min(sends - silent - failed, self._draw(sends, rates[Metric.BLOCK_PROXY]))
        delivered = sends - silent - failed - withheld
        read = delivered - self._draw(delivered, rates[Metric.UNREAD])
        for counter, n, wait_ms in (
            (Counter.SENT, sends, 0),
            (Counter.FAILED, failed, 0),
            (Counter.WITHHELD, withheld, 0),
            (Counter.DELIVERED, delivered, 0),
            (Counter.READ, read, _READ_MS),
        ):
            self._comes(now_ms + wait_ms, counts, field_of(counter, now_ms), n)
        delay = BAD_TEMPLATE.reactions.delay
        for _ in range(self._draw(sends, rates[Metric.OPT_OUT])):
            self._comes(now_ms + delay.ms(self.dice.random()), counts, field_of(Counter.OPTED_OUT, now_ms), 1)
        if self.trial.speaks:
            for _ in range(delivered):
                self.score.delivered(now_ms, BAD_TEMPLATE.reactions)
            for _ in range(self._draw(delivered, _BAD_BLOCKS if is_bad else _GOOD_BLOCKS)):
                heapq.heappush(self.blocks, now_ms + delay.ms(self.dice.random()))

    def _draw(self, sends: int, rate: float) -> int:
        if sends < 2_000:
            return sum(self.dice.random() < rate for _ in range(sends))
        return max(0, min(sends, round(self.dice.gauss(sends * rate, sqrt(sends * rate * (1 - rate))))))

    def _comes(self, at_ms: int, counts: dict[str, int], name: str, n: int) -> None:
        heapq.heappush(self.coming, (at_ms, len(self.coming), counts, name, n))

    def _hear(self, now_ms: int) -> None:
        while self.coming and self.coming[0][0] <= now_ms:
            _, _, counts, name, n = heapq.heappop(self.coming)
            counts[name] = counts.get(name, 0) + n
        while self.blocks and self.blocks[0] <= now_ms:
            self.score.disliked(heapq.heappop(self.blocks), BAD_TEMPLATE.reactions)

    def _judge(self, step: int, now_ms: int, gone_at_ms: int | None) -> Judgement:
        arm = Arm("only", tuple(self.steps), self.usual)
        quality = ["template PAUSED"] if self._quality(now_ms) == "RED" else []
        return judge(self.trial.gate, [arm], Moment(now_ms, gone_at_ms, len(SHARES)), quality)

    def _quality(self, now_ms: int) -> str:
        return self.score.quality(now_ms, BAD_TEMPLATE.reactions) if self.trial.speaks else "GREEN"


def play(trial: Trial, seed: int) -> Told:
    """One campaign from its first send to its end."""
    dice = Random(f"{seed}")
    usual, rates = {}, {}
    for metric, fleet_rate in USUAL.items():
        template = around(fleet_rate, TEMPLATES_DIFFER, dice)
        rates[metric] = around(template, CAMPAIGNS_DIFFER, dice)
        own, fleet = history(OWN_SENDS, template, dice), history(FLEET_SENDS, fleet_rate, dice)
        name = "read" if metric is Metric.UNREAD else metric.value
        known = usual_of(name, own, fleet, Plan())
        if known is not None:
            usual[name] = known
    return _Play(trial, dice, usual, rates).run()


def _why(judged: Judgement) -> str:
    if judged.reason != "rates":
        return judged.reason + (
            ": " + ",".join(f.metric for f in judged.findings if f.says is not Outcome.PASS)
            if judged.reason == "limit"
            else ""
        )
    return "rates: " + ",".join(f.metric for f in judged.findings if f.says is Outcome.FAIL)
