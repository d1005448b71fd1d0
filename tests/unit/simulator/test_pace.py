"""Throughput and pair debt at boundary times."""

from __future__ import annotations

import pytest

from tidegate.simulator.behaviour import PairRate
from tidegate.simulator.pace import PairDebts, Throughput

RATE = PairRate()


@pytest.mark.parametrize(
    ("now_ms", "counted"),
    [
        pytest.param(0, 1, id="a send counts at once"),
        pytest.param(999, 1, id="it counts for 999 ms"),
        pytest.param(1_000, 0, id="and no longer at 1 s"),
    ],
)
def test_throughput_counts_a_moving_second(now_ms, counted):
    throughput = Throughput()
    throughput.send(0)
    throughput.receive(0)
    assert (throughput.outbound(now_ms), throughput.inbound(now_ms)) == (counted, counted)


def sent(debts: PairDebts, *times_ms: int) -> list[int]:
    """Try to send at each time; the waits that were asked for (0: sent)."""
    waits = []
    for now_ms in times_ms:
        waits.append(debts.wait_ms("n", "ann", now_ms, RATE))
        if waits[-1] == 0:
            debts.send("n", "ann", now_ms, RATE)
    return waits


@pytest.mark.parametrize(
    ("times_ms", "waits"),
    [
        pytest.param((0, 6_000, 12_000), [0, 0, 0], id="one message every 6 s goes for ever"),
        pytest.param((0, 5_999), [0, 0], id="a second one within 6 s is a burst of two"),
        pytest.param((0, 0, 11_999), [0, 0, 1], id="a burst of two is paid 12 s after it began"),
        pytest.param((0, 0, 12_000), [0, 0, 0], id="then the next may go"),
        pytest.param((0, 1, 6_000), [0, 0, 6_000], id="after 6 s a burst can no longer grow"),
    ],
)
def test_a_pair_pays_its_bursts(times_ms, waits):
    assert sent(PairDebts(), *times_ms) == waits


def test_a_burst_holds_45_messages_and_costs_270_seconds():
    debts = PairDebts()
    assert sent(debts, *range(45)) == [0] * 45
    assert sent(debts, 45) == [270_000 - 45]
    assert sent(debts, 269_999, 270_000) == [1, 0]


def test_pairs_do_not_pay_for_each_other():
    debts = PairDebts()
    sent(debts, *range(45))
    assert debts.wait_ms("n", "bob", 45, RATE) == 0
    assert debts.wait_ms("other", "ann", 45, RATE) == 0


def test_paid_debts_are_forgotten():
    debts = PairDebts()
    for order in range(10_000):
        debts.send("n", f"user {order}", order * 6_000, RATE)
    assert len(debts) < 2_000
