"""Nodes that lease places, lose the store and their answers, restart and die; and who was really written to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError

from tests.factories import DAY_MS, NOW_MS, PORTFOLIO, make_ask, make_case, make_ledger, make_rules, make_standing
from tests.property.bench import Bench
from tidegate.clock import StoreClock
from tidegate.cloudapi.vocabulary import Category
from tidegate.errors import StoreUnavailable
from tidegate.gateway import Offline
from tidegate.journal import Journal
from tidegate.metrics import Metrics
from tidegate.offline_duty import OfflineDuty
from tidegate.policy.decide import terms_of
from tidegate.policy.offline import AWAY_MS
from tidegate.policy.rules import Rules
from tidegate.store.books import Books
from tidegate.store.ledger import Ledger, Outcome
from tidegate.store.prepaid import Prepaid
from tidegate.store.scripts import StoreClient
from tidegate.store.standings import Standings
from tidegate.store.users import Users

LIMIT: Final = 6
SHARES: Final = (0.9, 0.9, 0.9, 0.9, 0.4)
"""Of the limit that is reserved for login codes: half of it may be leased, so one or two of three places a node."""


def rules_of(share: float) -> Rules:
    paces = {"throughput": {"mode": "off"}, "pair_rate": {"mode": "off"}}
    reserve = {"authentication": share, "utility": 0}
    return make_rules(headroom=0, late_delivery_hold=False, reserve=reserve, **paces)


class Wire:
    """A node's way to the store. `fates` are those of its next calls: heard, unheard or unanswered; then `is_cut`."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client
        self.is_cut = False
        self.fates: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def call(*args: Any, **options: Any) -> Any:
            fate = self.fates.pop(0) if self.fates else "unheard" if self.is_cut else "heard"
            if fate == "unheard":
                raise RedisConnectionError("a test")
            answer = await getattr(self._client, name)(*args, **options)
            if fate == "unanswered":
                raise RedisConnectionError("a test")
            return answer

        return call


@dataclass
class OneNode:
    """What a process has of this; `tell_by_ms`: it has written to somebody who is counted for no longer than that."""

    wire: Wire
    journals: list[Journal]
    ledger: Ledger
    standings: Standings
    prepaid: Prepaid
    offline: Offline
    duty: OfflineDuty
    clock: StoreClock
    tell_by_ms: int | None = None


@dataclass
class World:
    """A store, its nodes, and the truth: until when each user counts, whoever knows of it."""

    bench: Bench
    now_ms: int = NOW_MS
    nodes: list[OneNode] = field(default_factory=list)
    counted_until_ms: dict[bytes, int] = field(default_factory=dict)
    sends: int = 0

    @property
    def counted(self) -> int:
        return sum(until > self.now_ms for until in self.counted_until_ms.values())

    def begin(self, journals: list[Journal], share: float, *, is_cut: bool = False) -> OneNode:
        wire: Any = Wire(self.bench.client)
        wire.is_cut = is_cut
        clock = StoreClock(lambda: (self.now_ms - NOW_MS) / 1000)
        clock.observe(self.now_ms)
        standings = Standings(wire, [make_standing(limit=LIMIT, rules=rules_of(share))])
        offline = Offline(journals[0], clock, lambda: False)
        ledger = make_ledger(wire)
        ledger._journal = journals[0]
        prepaid = Prepaid(wire, journals[0].node)
        duty = OfflineDuty(
            prepaid=prepaid,
            books=Books(wire),
            ledger=ledger,
            users=Users(wire, [PORTFOLIO], clock.now_ms, one_slot=False),
            standings=standings,
            offline=offline,
            journals=journals,
            clock=clock,
            metrics=Metrics(),
        )
        node = OneNode(wire, journals, ledger, standings, prepaid, offline, duty, clock)
        self.nodes.append(node)
        return node

    def pass_time(self, step_ms: int) -> None:
        """Time goes by. Whoever has to tell something in time comes back for it."""
        end_ms = self.now_ms + step_ms
        for node in sorted(self.nodes, key=lambda node: node.tell_by_ms or 0):
            if node.tell_by_ms is not None and node.tell_by_ms <= end_ms:
                self._set_clock(max(self.now_ms, node.tell_by_ms - 1))
                node.wire.is_cut, node.wire.fates = False, []
                self.look(node)
        self._set_clock(end_ms)

    def _set_clock(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.bench.run(self.bench.set_clock(now_ms))

    def look(self, node: OneNode) -> bool:
        """The node's duty, once; whether all of it was done."""
        try:
            self.bench.run(node.duty.look(PORTFOLIO))
        except StoreUnavailable:
            return False
        if not node.offline.owes(PORTFOLIO):
            node.tell_by_ms = None
        return True

    def send(self, node: OneNode, user: bytes, category: Category) -> bool:
        """As the gateway does it: by the store, or by the node's own means; whether it went."""
        return self.bench.run(self._send(node, user, category))

    async def _send(self, node: OneNode, user: bytes, category: Category) -> bool:
        self.sends += 1
        case = make_case(category=category, recipient=user)
        try:
            standing = await node.standings.current(PORTFOLIO)
        except StoreUnavailable:
            return False
        while True:
            terms = terms_of(case, standing, standing.rules, self.now_ms)
            ask = make_ask(f"m{self.sends}", user, terms=terms)
            try:
                facts = await node.ledger.admit(ask)
                if facts.stale:
                    standing = await node.standings.reload(PORTFOLIO, facts.epoch)
                    continue
            except StoreUnavailable:
                before = node.offline.places(PORTFOLIO)
                own = await node.offline.admit(ask, case)
                if own is None or not own.taken:
                    return False
                if node.offline.places(PORTFOLIO) == before:
                    tell_by_ms = self.now_ms + AWAY_MS
                    node.tell_by_ms = min(tell_by_ms, node.tell_by_ms or tell_by_ms)
                facts = own
            else:
                node.offline.heard(PORTFOLIO)
                node.offline.heard_of[PORTFOLIO].of_window((ask.intent.number, ask.intent.recipient), facts)
            if facts.taken:
                self.counted_until_ms[user] = self.now_ms + DAY_MS
                await self._settle(node, ask.intent.message_id)
            return facts.taken

    async def _settle(self, node: OneNode, message_id: str) -> None:
        try:
            await node.ledger.settle(Outcome(PORTFOLIO, message_id, 1, "accepted", "a test", f"wamid.{message_id}"))
        except StoreUnavailable:
            return
