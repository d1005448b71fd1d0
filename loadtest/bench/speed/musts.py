"""What must hold, what is aimed at, and what was measured: ratios, taken round by round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from loadtest.bench.speed import candidates as who
from loadtest.bench.speed.axes import MANY_PORTFOLIOS, ONE_PORTFOLIO, counted_name
from loadtest.bench.speed.found import Found, Setting
from loadtest.bench.speed.intake import Storm
from loadtest.bench.speed.rounds import Rounds
from loadtest.bench.speed.window import Window

_AT_64: Final = Setting(64)


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure, and how it is told."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Must:
    """One line: `at_least`, or at most, `must`; `read` gives None where it was not measured."""

    measure: str
    must: float
    goal: float
    unit: str
    at_least: bool
    read: Callable[[Found], Measured | None]

    def told(self, bound: float) -> str:
        """A bound as it is written."""
        return f"{'>=' if self.at_least else '<='} {bound:g}{self.unit}"

    def holds(self, measured: Measured, bound: float) -> bool:
        """Whether what was measured keeps to a bound."""
        return measured.value >= bound if self.at_least else measured.value <= bound


def _cheaper(other: str) -> Callable[[Found], Measured | None]:
    """How many times as many sends a second, and how many times less CPU of the gateway a send; the smaller counts."""

    def read(found: Found) -> Measured | None:
        rounds = found.sends.get(_AT_64)
        if rounds is None or not rounds.has(who.ON, other):
            return None
        faster = rounds.ratio(who.ON, other, lambda window: window.per_second)
        cheaper = rounds.ratio(other, who.ON, lambda window: window.gateway_us)
        text = (
            f"{faster.median:.2f}x sends/s [{faster.low:.2f}-{faster.high:.2f}], "
            f"{cheaper.median:.2f}x CPU [{cheaper.low:.2f}-{cheaper.high:.2f}]"
        )
        return Measured(min(faster.median, cheaper.median), text)

    return read


def _added_ms(found: Found) -> Measured | None:
    rounds = found.sends.get(Setting(1))
    if rounds is None or not rounds.has(who.ON, who.BARE):
        return None
    added = rounds.paired(who.ON, who.BARE, lambda one, bare: one.p50_ms - bare.p50_ms)
    return Measured(added.median, f"{added.median:.3f} ms [{added.low:.3f} to {added.high:.3f}]")


def _half_load(found: Found) -> Measured | None:
    for setting, rounds in found.latency.items():
        if not setting.upstream_ms and rounds.has(who.ON, who.BARE):
            return _ratio(rounds, who.ON, who.BARE, lambda window: window.p99_ms)
    return None


def _store_us(found: Found) -> Measured | None:
    rounds = found.sends.get(_AT_64)
    if rounds is None or not rounds.has(who.ON):
        return None
    spent = rounds.of(who.ON, lambda window: window.store_us)
    return Measured(spent.median, f"{spent.median:.1f} us [{spent.low:.1f}-{spent.high:.1f}]")


def _recipients(found: Found) -> Measured | None:
    sizes = sorted(found.recipient_bytes)
    if len(sizes) < 2 or sizes[-1] < 1_000_000:
        return None
    return _ratio(found.recipients, counted_name(sizes[-1]), counted_name(sizes[0]), lambda window: window.cpu_us)


def _bytes(found: Found) -> Measured | None:
    most = max(found.recipient_bytes, default=0)
    if most < 1_000_000:
        return None
    return Measured(found.recipient_bytes[most], f"{found.recipient_bytes[most]:.1f}")


def _portfolios(found: Found) -> Measured | None:
    return _ratio(found.portfolios, MANY_PORTFOLIOS, ONE_PORTFOLIO, lambda window: window.cpu_us)


def _durable(found: Found) -> Measured | None:
    of = [_ratio(found.durable, form, who.ON, lambda window: window.per_second) for form in who.DURABLE]
    both = [measured for measured in of if measured is not None]
    if len(both) < len(who.DURABLE):
        return None
    return Measured(min(one.value for one in both), f"fsync always {both[0].text}, replica {both[1].text}")


def _drained(found: Found) -> Measured | None:
    if not found.queue.has(who.ON):
        return None
    drained = found.queue.of(who.ON, lambda queued: queued.drained_per_second / queued.direct.per_second)
    return Measured(drained.median, f"{drained.median:.2f}x [{drained.low:.2f}-{drained.high:.2f}]")


def _told_singly(found: Found) -> Measured | None:
    """Of statuses that come one in a delivery, by few connections and by many; the fewer a second count."""
    singly = [rounds for delivered, rounds in found.webhooks.items() if delivered.at_once == 1 and rounds.has(who.ON)]
    if not singly:
        return None
    of = [rounds.of(who.ON, lambda intake: intake.per_second / intake.sends.per_second) for rounds in singly]
    return min((Measured(one.median, f"{one.median:.2f}x [{one.low:.2f}-{one.high:.2f}]") for one in of), key=_value)


def _value(measured: Measured) -> float:
    return measured.value


def _acked(figure: Callable[[Storm], float]) -> Callable[[Found], Measured | None]:
    """How long answers to webhooks take in a storm."""

    def read(found: Found) -> Measured | None:
        if not found.storm.has(who.ON):
            return None
        took = found.storm.of(who.ON, figure)
        return Measured(took.median, f"{took.median:.1f} ms [{took.low:.1f}-{took.high:.1f}]")

    return read


def _ratio(rounds: Rounds[Window], name: str, to: str, figure: Callable[[Window], float]) -> Measured | None:
    if not rounds.has(name, to):
        return None
    ratio = rounds.ratio(name, to, figure)
    return Measured(ratio.median, f"{ratio.median:.2f}x [{ratio.low:.2f}-{ratio.high:.2f}]")


MUSTS: Final[Sequence[Must]] = (
    Must("sends/s and CPU a send, all rules on, against bare aiohttp", 1.5, 2.0, "x", True, _cheaper(who.BARE)),
    Must("the same against the naive gateway", 4, 6, "x", True, _cheaper(who.NAIVE)),
    Must("one connection: added p50 against bare", 0.15, 0.05, " ms", False, _added_ms),
    Must("at half load: p99 against bare", 1.0, 0.7, "x", False, _half_load),
    Must("store CPU a send", 25, 12, " us", False, _store_us),
    Must("1M counted recipients against 1K, CPU a send", 1.15, 1.05, "x", False, _recipients),
    Must("store bytes a counted recipient", 40, 20, "", False, _bytes),
    Must("50 portfolios against 1, CPU a send", 1.8, 1.3, "x", False, _portfolios),
    Must("durable promises on against off, sends/s", 0.8, 0.9, "x", True, _durable),
    Must("queued sends drained per second against direct sends", 0.7, 0.9, "x", True, _drained),
    Must("statuses per second, one a delivery, against sends", 3, 4, "x", True, _told_singly),
    Must("a storm of webhooks: p50 of their answers", 50, 25, " ms", False, _acked(lambda storm: storm.p50_ms)),
    Must("a storm of webhooks: p99 of their answers", 250, 100, " ms", False, _acked(lambda storm: storm.p99_ms)),
)


def missed(found: Found, musts: Sequence[Must] = MUSTS) -> list[str]:
    """The lines of which the must does not hold, or that were not measured."""
    failed = []
    for must in musts:
        measured = must.read(found)
        if measured is None or not must.holds(measured, must.must):
            failed.append(must.measure)
    return failed
