"""The send queue as one would write it in one process that never dies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tidegate.policy.lifecycle import RANK, State
from tidegate.store.asks import OUTCOME_MS
from tidegate.store.ledger import UNRESOLVED_MS
from tidegate.store.send_queue import LEASE_MS, Lane, Waiting

Where = Literal["lane", "waiting", "leased", "nowhere"]


@dataclass
class Queued:
    """One message and where it stands in line; `at_ms`: due at, waiting since, or lapsing at."""

    state: str
    attempt: int
    lane: Lane
    recipient: bytes
    queued_at_ms: int
    expires_at_ms: int
    body: bytes
    reason: str
    where: Where = "nowhere"
    at_ms: int = 0


class QueueModel:
    """One portfolio's queue. `held`: the recipients who hold a place now, as the book says."""

    def __init__(self) -> None:
        self.messages: dict[str, Queued] = {}
        self.in_flight: dict[str, int] = {}

    def enqueue(self, waiting: Waiting, now_ms: int, held: set[bytes]) -> bool:
        known = self.messages.get(waiting.message_id)
        if waiting.attempt is None:
            if known:
                return False
        elif not known or known.attempt != waiting.attempt or known.state not in (State.QUEUED, State.SENDING):
            return False
        needs_place = waiting.needs_place and waiting.recipient not in held
        queued_at_ms = known.queued_at_ms if known else now_ms
        due_at_ms = now_ms if waiting.needs_place and not needs_place else waiting.due_at_ms
        self.in_flight.pop(waiting.message_id, None)
        self.messages[waiting.message_id] = Queued(
            state=State.QUEUED.value,
            attempt=0 if waiting.attempt is None else waiting.attempt + 1,
            lane=waiting.lane,
            recipient=waiting.recipient,
            queued_at_ms=queued_at_ms,
            expires_at_ms=waiting.expires_at_ms,
            body=waiting.body,
            reason=waiting.reason,
            where="waiting" if needs_place else "lane",
            at_ms=queued_at_ms if needs_place else due_at_ms,
        )
        return True

    def line(self, lane: Lane, where: Where) -> list[str]:
        """Who stands there, first come first."""
        standing = [(m.at_ms, id_) for id_, m in self.messages.items() if (m.lane, m.where) == (lane, where)]
        return [id_ for _, id_ in sorted(standing)]

    def claim(self, lanes: Mapping[Lane, tuple[int, int]], now_ms: int, used: int) -> list[tuple[str, int]]:
        claimed = []
        for lane, (most, places) in lanes.items():
            due = [id_ for id_ in self.line(lane, "lane") if self.messages[id_].at_ms <= now_ms][:most]
            room = min(most - len(due), most if places < 0 else places - used)
            waiting = self.line(lane, "waiting")[: max(0, room)]
            used += len(waiting)
            for id_ in due + waiting:
                message = self.messages[id_]
                message.attempt += 1
                message.where, message.at_ms = "leased", now_ms + LEASE_MS
                claimed.append((id_, message.attempt))
        return claimed

    def admitted(self, message_id: str, now_ms: int, *, new_place: bool) -> None:
        """It is on its way; others to the same recipient need no place of their own any more."""
        message = self.messages[message_id]
        message.state, message.where = State.SENDING.value, "nowhere"
        self.in_flight[message_id] = now_ms + OUTCOME_MS
        if new_place:
            self.wake(message.recipient, now_ms)

    def wake(self, recipient: bytes, now_ms: int) -> None:
        for message in self.messages.values():
            if (message.recipient, message.where) == (recipient, "waiting"):
                message.where, message.at_ms = "lane", now_ms

    def reap(self, now_ms: int) -> list[tuple[str, str]]:
        ended = []
        for id_, message in self.messages.items():
            if message.state == State.QUEUED and message.expires_at_ms <= now_ms:
                message.state, message.where, message.reason = State.EXPIRED.value, "nowhere", "expired"
                ended.append(("expired", id_))
            elif message.where == "leased" and message.at_ms <= now_ms:
                message.attempt += 1
                message.where, message.at_ms = "lane", now_ms
                ended.append(("requeued", id_))
        for id_ in [id_ for id_, until in self.in_flight.items() if until <= now_ms]:
            del self.in_flight[id_]
            if self.messages[id_].state == State.SENDING:
                self._park(id_, now_ms)
                ended.append(("unknown", id_))
            elif self.messages[id_].state == State.UNKNOWN:
                ended.append(("unresolved", id_))
        return ended

    def end(self, message_id: str, state: str) -> str:
        message = self.messages.get(message_id)
        if message is None:
            return ""
        had = message.state
        if had == State.QUEUED:
            message.state, message.where = state, "nowhere"
        return had

    def settle(self, message_id: str, attempt: int, state: str, now_ms: int) -> None:
        message = self.messages.get(message_id)
        if not message or message.attempt != attempt or message.state not in (State.SENDING, State.UNKNOWN):
            return
        if state != State.UNKNOWN:
            message.state = state
            self.in_flight.pop(message_id, None)
        elif message.state == State.SENDING:
            self._park(message_id, now_ms)

    def _park(self, message_id: str, now_ms: int) -> None:
        """Nobody knows of it; after a while that is told of."""
        self.messages[message_id].state = State.UNKNOWN.value
        self.in_flight[message_id] = now_ms + UNRESOLVED_MS

    def refresh(self, message_id: str, status: str, rank: int) -> None:
        message = self.messages.get(message_id)
        if message is None:
            return
        self.in_flight.pop(message_id, None)
        if rank > RANK[State(message.state)]:
            message.state, message.where = status, "nowhere"

    def rouse(self, reasons: set[str], now_ms: int) -> int:
        asleep = [m for m in self.messages.values() if m.where == "lane" and m.at_ms > now_ms and m.reason in reasons]
        for message in asleep:
            message.at_ms = now_ms
        return len(asleep)
