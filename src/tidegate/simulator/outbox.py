"""Webhooks on their way out: some late, some twice, some never."""

from __future__ import annotations

from heapq import heappop, heappush

from tidegate.simulator.behaviour import Behaviour
from tidegate.simulator.chance import Chance
from tidegate.simulator.notices import Webhook


class Outbox:
    """Holds webhooks until they leave; of equal times the first put leaves first."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Webhook]] = []
        self._put = 0
        self.lost = 0

    def put(self, webhook: Webhook, now_ms: int, behaviour: Behaviour, chance: Chance, scale: float) -> None:
        """Post a webhook: draws its delay and whether it is lost, doubled or overtaken by later ones."""
        delay_ms = behaviour.webhook_delay.ms(chance())
        if chance.hits(behaviour.lost_share):
            self.lost += 1
            return
        if chance.hits(behaviour.reordered_share):
            delay_ms += behaviour.late_webhook_delay.ms(chance())
        self._push(webhook, now_ms + int(delay_ms * scale))
        if chance.hits(behaviour.duplicated_share):
            again_ms = delay_ms + behaviour.late_webhook_delay.ms(chance())
            self._push(webhook, now_ms + int(again_ms * scale))

    def due(self, now_ms: int) -> list[Webhook]:
        """Take out what leaves by now, in the order of leaving."""
        taken: list[Webhook] = []
        while self._waiting and self._waiting[0][0] <= now_ms:
            taken.append(heappop(self._waiting)[2])
        return taken

    def next_at_ms(self) -> int | None:
        """Tell when the next one leaves; None: nothing waits."""
        return self._waiting[0][0] if self._waiting else None

    def _push(self, webhook: Webhook, at_ms: int) -> None:
        self._put += 1
        heappush(self._waiting, (at_ms, self._put, webhook))
