"""How fast a number may send: messages per second, and per user (pair rate)."""

from __future__ import annotations

from collections import deque

from tidegate.simulator.behaviour import PairRate

_SECOND_MS = 1_000


class Throughput:
    """Messages of one number within any moving second (Meta: throughput; inbound and outbound count)."""

    def __init__(self) -> None:
        self._outbound: deque[int] = deque()
        self._inbound: deque[int] = deque()

    def outbound(self, now_ms: int) -> int:
        """Count the sends begun in the last second."""
        return self._count(self._outbound, now_ms)

    def inbound(self, now_ms: int) -> int:
        """Count the messages received in the last second."""
        return self._count(self._inbound, now_ms)

    def send(self, now_ms: int) -> None:
        """Note a send."""
        self._outbound.append(now_ms)

    def receive(self, now_ms: int) -> None:
        """Note a message of a user."""
        self.inbound(now_ms)
        self._inbound.append(now_ms)

    @staticmethod
    def _count(times: deque[int], now_ms: int) -> int:
        while times and times[0] <= now_ms - _SECOND_MS:
            times.popleft()
        return len(times)


class PairDebts:
    """The debt of every (number, user): a burst is borrowed from the future and paid before the next."""

    def __init__(self) -> None:
        self._debts: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._sweep_at = 1_024

    def __len__(self) -> int:
        return len(self._debts)

    def wait_ms(self, number_id: str, user: str, now_ms: int, rate: PairRate) -> int:
        """Tell how long this pair must still wait; 0: it may send now."""
        begun_ms, sent, paid_ms = self._debts.get((number_id, user), (0, 0, 0))
        if now_ms >= paid_ms:
            return 0
        if now_ms < begun_ms + rate.burst_window_ms and sent < rate.burst:
            return 0
        return paid_ms - now_ms

    def send(self, number_id: str, user: str, now_ms: int, rate: PairRate) -> None:
        """Note a send of this pair."""
        begun_ms, sent, paid_ms = self._debts.get((number_id, user), (0, 0, 0))
        if now_ms >= paid_ms:
            begun_ms, sent, paid_ms = now_ms, 0, now_ms
        self._debts[number_id, user] = (begun_ms, sent + 1, paid_ms + rate.emission_ms)
        if len(self._debts) >= self._sweep_at:
            self._debts = {pair: debt for pair, debt in self._debts.items() if debt[2] > now_ms}
            self._sweep_at = max(1_024, 2 * len(self._debts))  # so that sweeping costs nothing a send
