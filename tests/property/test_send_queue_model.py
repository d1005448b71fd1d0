"""The send queue against a plain model of it: fences, leases, deadlines, order; on both stores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.factories import (
    DAY_MS,
    NOW_MS,
    PORTFOLIO,
    make_ask,
    make_inbound,
    make_ledger,
    make_outcome,
    make_seal,
    make_status,
    make_terms,
    user,
)
from tests.property.bench import Bench
from tests.property.book_dump import Dump, read, slot
from tests.property.queue_model import QueueModel
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.lifecycle import RANK, State
from tidegate.store.asks import OUTCOME_MS
from tidegate.store.send_queue import LEASE_MS, Claim, Lane, SendQueue, Waiting

USERS = [user(n) for n in range(3)]
LANES = [Lane("101", Category.UTILITY), Lane("102", Category.UTILITY), Lane("101", Category.MARKETING)]
REASONS = ["messaging_limit", "template_paused", "quiet_hours"]
HOUR_MS = 3_600_000
LONG_MS = 40 * DAY_MS

STEPS_MS = [0, 0, 1, 1, 999, LEASE_MS - 1, LEASE_MS, OUTCOME_MS, HOUR_MS, DAY_MS]
DUE_IN_MS = [-5_000, 0, 0, 1, 999, HOUR_MS]
EXPIRES_IN_MS = [0, 1, LEASE_MS, HOUR_MS, 3 * DAY_MS, LONG_MS, LONG_MS, LONG_MS]
ROOM = st.tuples(st.sampled_from([0, 1, 1, 2, 8, 8]), st.sampled_from([-1, -1, 0, 1, 2, 3]))
PLAN = st.tuples(
    st.sampled_from(LANES),
    st.sampled_from(USERS),
    st.sampled_from(DUE_IN_MS),
    st.booleans(),
    st.sampled_from(EXPIRES_IN_MS),
    st.sampled_from(REASONS),
)


class SendQueueMachine(RuleBasedStateMachine):
    """`in_hand` is what nodes believe to have claimed: some of them have slept through their lease."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = NOW_MS + 345
        self.model = QueueModel()
        self.ids: list[str] = []
        self.in_hand: list[tuple[str, int]] = []
        self.claimed_before: set[tuple[str, int]] = set()
        self.queue = SendQueue(self.bench.client, [PORTFOLIO], make_seal())
        self.ledger = make_ledger(self.bench.client)
        self.bench.run(self.bench.begin(self.now_ms))

    @rule(step_ms=st.sampled_from(STEPS_MS))
    def time_goes_by(self, step_ms: int) -> None:
        self.now_ms += step_ms
        self.bench.run(self.bench.set_clock(self.now_ms))

    @rule(plans=st.lists(PLAN, min_size=1, max_size=5), twice=st.booleans())
    def enqueue(self, plans: list[tuple[Any, ...]], twice: bool) -> None:
        for plan in plans:
            self.ids.append(f"m{len(self.ids)}")
            waiting = self._waiting(self.ids[-1], None, plan)
            self._enqueue(waiting)
            if twice:
                self._enqueue(waiting)

    @precondition(lambda self: self.in_hand)
    @rule(plan=PLAN, pick=st.integers(0), twice=st.booleans())
    def give_back(self, plan: tuple[Any, ...], pick: int, twice: bool) -> None:
        id_, attempt = self._picked(pick)
        message = self.model.messages[id_]
        waiting = self._waiting(id_, attempt, (plan[0], message.recipient, *plan[2:]))

        self._enqueue(waiting)
        if twice:
            self._enqueue(waiting)

    @rule(lanes=st.lists(st.tuples(st.sampled_from(LANES), ROOM), min_size=1, max_size=3, unique_by=lambda x: x[0]))
    def claim(self, lanes: list[tuple[Lane, tuple[int, int]]]) -> None:
        self._claim(dict(lanes))

    @rule()
    def claim_everything(self) -> None:
        self._claim(dict.fromkeys(LANES, (100, -1)))

    @rule(room=ROOM, places=st.sampled_from([-1, 1, 2]))
    def claim_and_admit(self, room: tuple[int, int], places: int) -> None:
        self._claim(dict.fromkeys(LANES, room))
        for id_, attempt in self.in_hand[-3:]:
            self._admit(id_, attempt, places, counts=True)

    @precondition(lambda self: self.in_hand)
    @rule(pick=st.integers(0), places=st.sampled_from([-1, -1, 0, 1, 2]), counts=st.booleans())
    def admit(self, pick: int, places: int, counts: bool) -> None:
        self._admit(*self._picked(pick), places, counts=counts)

    def _admit(self, id_: str, attempt: int, places: int, *, counts: bool) -> None:
        message = self.model.messages[id_]
        held = self._held()
        terms = make_terms(places=places, counts=counts)
        ask = make_ask(id_, message.recipient, attempt=attempt, number=message.lane.number, terms=terms,
                       deadline_ms=message.expires_at_ms)  # fmt: skip

        facts = self.bench.run(self.ledger.admit(ask))

        assert facts.repeated == ((message.state, message.attempt) == (State.SENDING, attempt))
        mine = (message.state, message.attempt) == (State.QUEUED, attempt)
        assert facts.gone == (not mine and not facts.repeated)
        assert facts.expired == (mine and message.expires_at_ms <= self.now_ms)
        if facts.taken and not facts.repeated:
            assert mine
            took_one = message.recipient in self._held() - held
            self.model.admitted(id_, self.now_ms, new_place=took_one)

    @precondition(lambda self: self.in_hand)
    @rule(pick=st.integers(0), ending=st.sampled_from(["accepted", "failed", "unknown"]))
    def settle(self, pick: int, ending: Any) -> None:
        id_, attempt = self._picked(pick)

        self.bench.run(self.ledger.settle(make_outcome(id_, ending, attempt=attempt, release=ending == "failed")))

        self.model.settle(id_, attempt, ending, self.now_ms)

    @precondition(lambda self: self.ids)
    @rule(pick=st.integers(0), word=st.sampled_from(["sent", "delivered", "failed"]))
    def refresh(self, pick: int, word: str) -> None:
        status = make_status(self.ids[pick % len(self.ids)], word, self.now_ms // 1000 * 1000)

        self.bench.run(self.ledger.refresh(status))

        self.model.refresh(status.message_id, status.kind.status, RANK[State(status.kind.status)])

    @rule(who=st.sampled_from(USERS), age_ms=st.sampled_from([0, HOUR_MS, DAY_MS]))
    def a_user_writes(self, who: bytes, age_ms: int) -> None:
        before = self.bench.run(self.ledger.open_window(make_inbound(who, 0, "101")))

        ends = self.bench.run(self.ledger.open_window(make_inbound(who, self.now_ms - age_ms, "101")))

        if ends > before:
            self.model.wake(who, self.now_ms)

    @precondition(lambda self: self.ids)
    @rule(pick=st.integers(0), state=st.sampled_from(["cancelled", "failed"]))
    def end(self, pick: int, state: str) -> None:
        id_ = self.ids[pick % len(self.ids)]

        had = self.bench.run(self.queue.end(PORTFOLIO, id_, state, "a test"))

        assert had == self.model.end(id_, state)

    @rule()
    def reap(self) -> None:
        self._reap()

    @rule(reasons=st.sets(st.sampled_from(REASONS), min_size=1))
    def rouse(self, reasons: set[str]) -> None:
        roused = self.bench.run(self.queue.rouse(PORTFOLIO, LANES, sorted(reasons)))

        assert roused == self.model.rouse(reasons, self.now_ms)

    @rule()
    def look_at_the_lanes(self) -> None:
        for state in self.bench.run(self.queue.lanes(PORTFOLIO, LANES)):
            due, waiting = self.model.line(state.lane, "lane"), self.model.line(state.lane, "waiting")
            assert (state.due, state.waiting_for_place) == (len(due), len(waiting))
            assert state.next_at_ms == (self.model.messages[due[0]].at_ms if due else None)
            if not due and not waiting:
                assert (state.oldest_at_ms, state.reason, state.until_ms) == (None, None, None)
            else:
                heads = [self.model.messages[id_] for id_ in due[:1] + waiting[:1]]
                assert state.oldest_at_ms == min(message.queued_at_ms for message in heads)
                assert state.reason == heads[-1].reason

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        dump = self._dump()
        dump.check()
        expected: dict[str, dict[bytes, int]] = defaultdict(dict)
        queued_for: dict[bytes, set[str]] = defaultdict(set)
        for id_, message in self.model.messages.items():
            record = dump.message(id_)
            assert (record[b"state"].decode(), int(record[b"attempt"])) == (message.state, message.attempt)
            if message.state == State.QUEUED:
                assert message.where != "nowhere", "a queued message stands nowhere"
                name = "leases" if message.where == "leased" else f"{message.where}:{message.lane}"
                expected[name][id_.encode()] = message.at_ms
                expected["deadlines"][id_.encode()] = message.expires_at_ms
                queued_for[message.recipient].add(id_)
        stored = {n: v for n, v in dump.keys.items() if n.startswith(("lane:", "waiting:", "leases", "deadlines"))}
        assert stored == expected
        index = {who: text.decode().split() for who, text in dump.keys.get("queued_for", {}).items()}
        assert {who: set(ids) for who, ids in index.items()} == queued_for
        assert all(len(ids) == len(set(ids)) for ids in index.values())
        assert dump.in_flight == self.model.in_flight

    def teardown(self) -> None:
        """Every message that is still queued is claimed by somebody in the end, or expires."""
        for _ in range(4):
            self.now_ms += HOUR_MS
            self.bench.run(self.bench.set_clock(self.now_ms))
            self._reap()
            self._claim(dict.fromkeys(LANES, (1_000, -1)))
        queued = {id_ for id_, message in self.model.messages.items() if message.state == State.QUEUED}
        assert queued <= {id_ for id_, _ in self.claimed_before}
        self.now_ms += LONG_MS
        self.bench.run(self.bench.set_clock(self.now_ms))
        self._reap()
        dump = self._dump()
        assert not [n for n in dump.keys if n.startswith(("lane:", "waiting:", "leases", "deadlines", "queued_for"))]

    def _waiting(self, message_id: str, attempt: int | None, plan: tuple[Any, ...]) -> Waiting:
        lane, who, due_in_ms, needs_place, expires_in_ms, reason = plan
        return Waiting(
            message_id=message_id,
            attempt=attempt,
            lane=lane,
            recipient=who,
            due_at_ms=self.now_ms + due_in_ms,
            needs_place=needs_place,
            expires_at_ms=self.now_ms + expires_in_ms,
            body=f"body of {message_id} {attempt}".encode(),
            about=b"{}",
            reason=reason,
            until_ms=None,
            cause="a test",
        )

    def _enqueue(self, waiting: Waiting) -> None:
        known = self.model.messages.get(waiting.message_id)
        held = self._held(without=waiting if known and known.attempt == waiting.attempt else None)

        kept = self.bench.run(self.queue.enqueue(PORTFOLIO, waiting))

        assert kept == self.model.enqueue(waiting, self.now_ms, held)

    def _claim(self, lanes: Mapping[Lane, tuple[int, int]]) -> None:
        used = len(self._held())

        claim = self.bench.run(self.queue.claim(PORTFOLIO, lanes))

        expected = self.model.claim(lanes, self.now_ms, used)
        assert [(one.message_id, one.attempt) for one in claim.messages] == expected
        assert not self.claimed_before & set(expected), "claimed twice by the same attempt"
        self.claimed_before |= set(expected)
        self.in_hand += expected
        for one in claim.messages:
            message = self.model.messages[one.message_id]
            assert self.bench.run(self.queue.open(one, "")) == message.body
            assert (one.lane, one.expires_at_ms) == (message.lane, message.expires_at_ms)
        self._check_wake(lanes, claim)

    def _check_wake(self, lanes: Mapping[Lane, tuple[int, int]], claim: Claim) -> None:
        """Whoever has room left is told of what comes next, and nobody is told of what is over."""
        spare = {lane: most - sum(one.lane == lane for one in claim.messages) for lane, (most, _) in lanes.items()}
        nexts = [m.at_ms for m in self.model.messages.values() if m.where == "lane" and spare.get(m.lane, 0) > 0]
        nexts += [m.at_ms for m in self.model.messages.values() if m.where == "leased" and m.at_ms > self.now_ms]
        assert claim.wake_at_ms is None or claim.wake_at_ms > self.now_ms
        if nexts:
            assert claim.wake_at_ms is not None
            assert claim.wake_at_ms <= min(nexts)
        for lane, room in spare.items():
            if room > 0 and self.model.line(lane, "waiting") and self._held():
                assert claim.wake_at_ms is not None, "nobody wakes who waits for a place"

    def _reap(self) -> None:
        reaped = self.bench.run(self.queue.reap(PORTFOLIO)).messages

        assert sorted((one.became, one.message_id) for one in reaped) == sorted(self.model.reap(self.now_ms))

    def _held(self, without: Waiting | None = None) -> set[bytes]:
        """Who holds a place now; without the hold that a message gives back as it is queued."""
        entries = self._dump().places
        held = set()
        for who in USERS:
            entry = entries.get(slot(who))
            if entry is None:
                continue
            message = without and self.model.messages.get(without.message_id)
            given_back = without if message and message.state == State.SENDING else None
            ends = [hold.ends for id_, hold in entry.holds.items() if not given_back or id_ != given_back.message_id]
            if max([entry.counted, *ends]) > self.now_ms:
                held.add(who)
        return held

    def _picked(self, pick: int) -> tuple[str, int]:
        # The latest claims more often than the old ones.
        return self.in_hand[-1 - pick % min(len(self.in_hand), 6)]

    def _dump(self) -> Dump:
        return self.bench.run(read(self.bench.client))


def test_the_queue_does_what_the_model_does(bench: Bench) -> None:
    machine = type("SendQueueMachine", (SendQueueMachine,), {"bench": bench})

    run_state_machine_as_test(machine, settings=settings(max_examples=bench.examples(80), stateful_step_count=50))
