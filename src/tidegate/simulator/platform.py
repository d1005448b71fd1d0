"""The state of the imitated platform that its rules share."""

from __future__ import annotations

from typing import Any

from tidegate.simulator import notices
from tidegate.simulator.agenda import Agenda
from tidegate.simulator.book import Book
from tidegate.simulator.chance import Chance, stream_of
from tidegate.simulator.config import SimulatorConfig
from tidegate.simulator.estate import Estate, Number
from tidegate.simulator.identity import User
from tidegate.simulator.ids import Stream, wamid
from tidegate.simulator.notices import Webhook
from tidegate.simulator.outbox import Outbox
from tidegate.simulator.pace import PairDebts, Throughput
from tidegate.simulator.score import Score
from tidegate.simulator.windows import Windows

#: Streams of chance from here on belong to webhooks, those below to messages.
_WEBHOOK_STREAMS = 1 << 48


class Platform:
    """Everything that is so at this moment; it decides nothing.

    `unreachable` are users (by key) without WhatsApp, `stopped` pairs (account, user) without marketing and since
    when, `asked_to_stop` the same of users who wrote STOP, which Meta does nothing about; `blocked` pairs (number,
    user) where the user blocked the number. `marketing` holds the times of marketing
    deliveries of the last 24 h by user, `scores` how templates and numbers (by id) are received.
    """

    def __init__(self, config: SimulatorConfig, start_ms: int) -> None:
        self.seed = config.seed
        self.start_ms = start_ms
        self.behaviour = config.behaviour
        self.scale = config.delivery_scale
        self.tier_strings = config.tier_strings
        self.estate = Estate(config.portfolios, start_ms)
        self.book = Book()
        self.agenda = Agenda()
        self.outbox = Outbox()
        self.windows = Windows()
        self.pairs = PairDebts()
        self.throughputs = {number_id: Throughput() for number_id in self.estate.numbers}
        self.unreachable: set[str] = set()
        self.stopped: dict[tuple[str, str], int] = {}
        self.asked_to_stop: dict[tuple[str, str], int] = {}
        self.blocked: set[tuple[str, str]] = set()
        self.marketing: dict[str, tuple[int, ...]] = {}
        self.scores: dict[str, Score] = {}
        self._told = 0
        self._received = 0

    def tell(self, webhook: Webhook, now_ms: int) -> None:
        """Post a webhook; delay, loss and doubling are drawn by its place in the order of all webhooks."""
        self._told += 1
        chance = Chance(self.seed, _WEBHOOK_STREAMS + self._told)
        self.outbox.put(webhook, now_ms, self.behaviour, chance, self.scale)

    def receive(self, number: Number, user: User, message: dict[str, Any], now_ms: int) -> str:
        """Take a user's message, which opens the window; `message` is its type with that block. Give the wamid."""
        self._received += 1
        message_id = wamid(self.seed, Stream.INBOUND, self._received)
        self.windows.open(number.id, user.key, now_ms)
        self.throughputs[number.id].receive(now_ms)
        self.blocked.discard((number.id, user.key))
        self.tell(notices.inbound(number, user, message, now_ms, message_id), now_ms)
        return message_id

    def is_reachable(self, user: str) -> bool:
        """Say whether a user (by key) is on WhatsApp."""
        if user in self.unreachable:
            return False
        absent = self.behaviour.absent_share
        return not absent or not Chance(self.seed, stream_of("absent", user)).hits(absent)

    def later(self, now_ms: int, delay_ms: int) -> int:
        """Give the time of something that takes `delay_ms` at the platform's usual speed."""
        return now_ms + int(delay_ms * self.scale)
