"""The counting book as one would write it without a store, without concurrency and without care for speed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from tests.factories import DAY_MS
from tidegate.policy.facts import Facts
from tidegate.policy.lifecycle import RANK, State
from tidegate.store.asks import OUTCOME_MS, Ask
from tidegate.store.ledger import UNRESOLVED_MS, Inbound, Outcome
from tidegate.store.statuses import CHANGED, UNKNOWN, Refreshed, Status


@dataclass
class Hold:
    """A message of unknown fate: when its place is expected to come free, and when it does at the latest (ms)."""

    expected: int
    ends: int


@dataclass
class Place:
    """A recipient who counts: until `counted` for a proven delivery, and as long as any of `holds`."""

    counted: int = 0
    holds: dict[str, Hold] = field(default_factory=dict)

    @property
    def ends(self) -> int:
        return max([self.counted, *(hold.ends for hold in self.holds.values())])

    @property
    def expected(self) -> int:
        return max([self.counted, *(hold.expected for hold in self.holds.values())])


@dataclass
class Message:
    """What the book remembers of a message. `kind`: 1 took a place, 0 needed none, '' never does."""

    state: str
    attempt: int
    recipient: bytes
    kind: str
    window_ms: int
    at_ms: int
    delivered: bool = False


class BookModel:
    """One portfolio. Every method first lets go of what has ended by `now_ms`, as a clerk would who never sleeps."""

    def __init__(self) -> None:
        self.epoch = 0
        self.places: dict[bytes, Place] = {}
        self.windows: dict[tuple[str, bytes], int] = {}
        self.pair_tats: dict[tuple[str, bytes], int] = {}
        self.number_tats_us: dict[str, int] = {}
        self.messages: dict[str, Message] = {}
        self.in_flight: dict[str, int] = {}
        #: What only one may be: since when (ms), by which message, and what it became with its answer.
        self.claims: dict[str, tuple[int, str, bytes]] = {}

    def advance(self, now_ms: int) -> None:
        for recipient, place in list(self.places.items()):
            place.holds = {id_: hold for id_, hold in place.holds.items() if hold.ends > now_ms}
            if place.ends <= now_ms:
                del self.places[recipient]

    @property
    def used(self) -> int:
        return len(self.places)

    @property
    def releases(self) -> dict[int, int]:
        curve: dict[int, int] = {}
        for place in self.places.values():
            second = -(-place.expected // 1000)
            curve[second] = curve.get(second, 0) + 1
        return curve

    def admit(self, ask: Ask, now_ms: int) -> Facts:
        self.advance(now_ms)
        terms, message = ask.terms, self.messages.get(ask.intent.message_id)

        def facts(**seen: Any) -> Facts:
            return Facts(**({"now_ms": now_ms, "epoch": self.epoch, "taken": False} | seen))

        if message and not ask.dry_run:
            again = (message.state, message.attempt) == (State.SENDING, ask.intent.attempt)
            return facts(taken=True, repeated=True, epoch=terms.epoch) if again else facts(gone=True, epoch=terms.epoch)
        claim = ask.once
        if claim is not None and claim.name in self.claims:
            since_ms, holder, answer = self.claims[claim.name]
            if now_ms - since_ms < claim.kept_ms and (holder != ask.intent.message_id or answer):
                return facts(unclaimed=True, epoch=terms.epoch)
        if now_ms >= ask.deadline_ms:
            return facts(expired=True, epoch=terms.epoch)
        if terms.epoch != self.epoch:
            return facts(stale=True, used=self.used)

        pair = (ask.intent.number, ask.intent.recipient)
        window = self.windows.get(pair, 0)
        open_ = window - terms.window_margin_ms > now_ms
        pair_at = self.pair_tats.get(pair, 0) - terms.pair_tolerance_ms
        tat_us = self.number_tats_us.get(ask.intent.number, 0)
        turn_at = math.ceil((tat_us - terms.throughput_tolerance_us) / 1000)
        needs_counting = terms.counts and not open_
        counted = needs_counting and ask.intent.recipient in self.places
        used = self.used

        taken = not (
            (terms.needs_window and not open_)
            or (needs_counting and not counted and 0 <= terms.places <= used)
            or (terms.pair_emission_ms and terms.waits_for_pair and pair_at > now_ms)
            or (terms.throughput_emission_us and terms.waits_for_throughput and turn_at > now_ms)
        )
        if taken and not ask.dry_run:
            if needs_counting:
                place = self.places.setdefault(ask.intent.recipient, Place())
                place.holds[ask.intent.message_id] = Hold(now_ms + DAY_MS, now_ms + terms.hold_ms)
            if terms.pair_emission_ms:
                tat_ms = max(self.pair_tats.get(pair, 0), now_ms) + terms.pair_emission_ms
                most_ms = now_ms + terms.pair_tolerance_ms + terms.pair_emission_ms
                self.pair_tats[pair] = tat_ms if terms.waits_for_pair else min(tat_ms, most_ms)
            if terms.throughput_emission_us:
                tat_us = max(tat_us, now_ms * 1000) + terms.throughput_emission_us
                most_us = now_ms * 1000 + terms.throughput_tolerance_us + terms.throughput_emission_us
                self.number_tats_us[ask.intent.number] = tat_us if terms.waits_for_throughput else min(tat_us, most_us)
            kind = "1" if needs_counting else "0" if terms.counts else ""
            self.messages[ask.intent.message_id] = Message(
                State.SENDING.value, ask.intent.attempt, ask.intent.recipient, kind, window, now_ms
            )
            self.in_flight[ask.intent.message_id] = now_ms + OUTCOME_MS
            if claim is not None:
                self.claims[claim.name] = now_ms, ask.intent.message_id, b""
        return facts(
            taken=taken,
            window_ends_ms=window,
            counted=counted,
            used=used,
            pair_at_ms=pair_at,
            throughput_at_ms=turn_at,
        )

    def settle(self, outcome: Outcome, now_ms: int) -> bool:
        self.advance(now_ms)
        since_ms, holder, answer = self.claims.get(outcome.once, (0, "", b""))
        if outcome.answer.startswith(b"%d %b \n" % (since_ms, holder.encode())) and not answer:
            self.claims[outcome.once] = since_ms, holder, outcome.answer
        message = self.messages.get(outcome.message_id)
        if message is None and outcome.release:
            # Whoever is proven unsent without having been admitted may be admitted yet, by a call that is late.
            self.messages[outcome.message_id] = Message(outcome.state, outcome.attempt, b"", "", 0, 0)
        if message is None or message.attempt != outcome.attempt:
            return False
        if message.state not in (State.SENDING, State.UNKNOWN):
            return False
        if outcome.state != State.UNKNOWN:
            message.state = outcome.state
            self.in_flight.pop(outcome.message_id, None)
        elif message.state == State.SENDING:
            self._park(outcome.message_id, now_ms)
        return outcome.release and self._let_go(message, outcome.message_id, now_ms)

    def refresh(self, status: Status, now_ms: int) -> Refreshed:
        self.advance(now_ms)
        message = self.messages.get(status.message_id)
        if message is None:
            return Refreshed(UNKNOWN)
        self.in_flight.pop(status.message_id, None)
        rank, rank_now, freed = RANK[State(status.kind.status)], RANK[State(message.state)], False
        if status.kind.says == "counts" and not message.delivered:
            message.delivered = True
            freed = self._count(message, status, now_ms)
        elif status.kind.says == "frees" and rank > rank_now:
            freed = self._let_go(message, status.message_id, now_ms)
        elif status.kind.status == "failed" and rank > rank_now:
            freed = self._doubt(message, status.message_id, now_ms)
        changed = rank > rank_now
        if changed:
            message.state = status.kind.status
        return Refreshed(CHANGED if changed else 0, int(freed))

    def open_window(self, inbound: Inbound, now_ms: int) -> int:
        self.advance(now_ms)
        pair = (inbound.number, inbound.recipient)
        ends = min(inbound.at_ms, now_ms) + DAY_MS
        if ends > now_ms:
            self.windows[pair] = max(ends, self.windows.get(pair, 0))
        window = self.windows.get(pair, 0)
        return window if window > now_ms else 0

    def reap(self, now_ms: int) -> tuple[set[str], set[str]]:
        """Outcomes that never came: the messages that are unknown since, and those that have been for long."""
        self.advance(now_ms)
        overdue = {id_ for id_, until in self.in_flight.items() if until <= now_ms}
        for id_ in overdue:
            del self.in_flight[id_]
        unknown = {id_ for id_ in overdue if self.messages[id_].state == State.SENDING}
        unresolved = {id_ for id_ in overdue if self.messages[id_].state == State.UNKNOWN}
        for id_ in unknown:
            self._park(id_, now_ms)
        return unknown, unresolved

    def _park(self, message_id: str, now_ms: int) -> None:
        self.messages[message_id].state = State.UNKNOWN.value
        self.in_flight[message_id] = now_ms + UNRESOLVED_MS

    def _let_go(self, message: Message, message_id: str, now_ms: int) -> bool:
        """Proof that nobody was reached by it: whether the recipient's place came free by that."""
        place = self.places.get(message.recipient)
        if message.kind != "1" or place is None:
            return False
        place.holds.pop(message_id, None)
        return self._came_free(message.recipient, now_ms)

    def _doubt(self, message: Message, message_id: str, now_ms: int) -> bool:
        """It failed, but may have counted when it was sent: nobody waits for it longer than a day."""
        place = self.places.get(message.recipient)
        if message.kind != "1" or place is None or message_id not in place.holds:
            return False
        place.holds[message_id].ends = place.holds[message_id].expected
        return self._came_free(message.recipient, now_ms)

    def _count(self, message: Message, status: Status, now_ms: int) -> bool:
        """A delivery: at Meta's second, not after now, and not before the message was sent."""
        at_ms = min(status.kind.at_ms, now_ms + DAY_MS)
        delivered = max(message.at_ms, at_ms if at_ms > now_ms else min(now_ms, at_ms + 999))
        outside = message.kind == "1" or (message.kind == "0" and delivered >= message.window_ms)
        if not outside:
            return False
        held = message.recipient in self.places
        place = self.places.setdefault(message.recipient, Place())
        place.holds.pop(status.message_id, None)
        place.counted = max(place.counted, delivered + DAY_MS)
        return self._came_free(message.recipient, now_ms) and held

    def _came_free(self, recipient: bytes, now_ms: int) -> bool:
        self.advance(now_ms)
        return recipient not in self.places
