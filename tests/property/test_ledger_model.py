"""The counting book against a plain model of it, over boundary times, on both stores."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from tests.factories import (
    DAY_MS,
    NEVER_MS,
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
from tests.property.bench import KEYS, Bench
from tests.property.book_dump import Dump, read, slot
from tests.property.book_model import BookModel
from tests.property.share_model import ShareModel, about, with_share
from tidegate.policy.facts import Facts
from tidegate.policy.tallies import SHARE
from tidegate.store.asks import OUTCOME_MS, Ask
from tidegate.store.idempotency import Entry
from tidegate.store.send_queue import SendQueue
from tidegate.store.statuses import Refreshed

USERS = [user(n) for n in range(5)]
NUMBERS = ["101", "102"]

STEPS_MS = [0, 0, 1, 999, 6_000, OUTCOME_MS, DAY_MS - 1, DAY_MS, DAY_MS + 1, 30 * DAY_MS]
#: How old what a webhook tells is. Below zero: Meta's clock is ahead; the last one is nobody's clock.
AGES_MS = [0, 0, 1, 999, 1_000, OUTCOME_MS, DAY_MS - 1, DAY_MS, DAY_MS + 1, 31 * DAY_MS, -1_000, -4_000 * DAY_MS]
#: Windows that would close within a second of real time are left to other tests: a server lets go of keys by real time.
INBOUND_AGES_MS = [0, 0, 1, 999, DAY_MS - 300_000, DAY_MS, DAY_MS + 1, -5_000]

TERMS = st.builds(
    lambda kind, **changes: make_terms(counts=kind == "counts", needs_window=kind == "service", **changes),
    kind=st.sampled_from(["counts", "counts", "counts", "service", "neither"]),
    places=st.sampled_from([-1, 0, 1, 2, 2, 3]),
    hold_ms=st.sampled_from([DAY_MS, 31 * DAY_MS]),
    window_margin_ms=st.sampled_from([0, 10_000]),
)
PACES = st.sampled_from(
    [
        {},
        {},
        {"pair_emission_ms": 6_000},
        {"pair_emission_ms": 6_000, "pair_tolerance_ms": 12_000},
        {"throughput_emission_us": 12_500, "throughput_tolerance_us": 10_000},
        {"throughput_emission_us": 1_000_000},
        {"throughput_emission_us": 1_000_000, "waits_for_throughput": False},
        {"pair_emission_ms": 6_000, "pair_tolerance_ms": 12_000, "waits_for_pair": False},
        {"pair_emission_ms": 6_000, "throughput_emission_us": 12_500},
    ]
)
#: An app without a share of the limit, or one with so many places.
APPS = st.sampled_from([None, None, None, ("a", 1), ("a", 2), ("a", -1), ("b", 1), ("b", 0)])
#: What some claim to be the only ones of, and for how long.
CLAIMS = st.sampled_from([None, None, None, ("d1", DAY_MS), ("d1", 30 * DAY_MS), ("d2", DAY_MS)])
ASKS = st.tuples(
    st.sampled_from(USERS), st.sampled_from(NUMBERS), TERMS, PACES, st.sampled_from([0, 0, 0, 0, 0, 1]), APPS, CLAIMS
)
STATUSES = st.sampled_from(
    [
        ("sent", "keeps"),
        ("delivered", "counts"),
        ("delivered", "counts"),
        ("read", "counts"),
        ("failed", "frees"),
        ("failed", "keeps"),
    ]
)
ENDINGS = st.sampled_from([("accepted", False), ("failed", True), ("failed", False), ("unknown", False)])


class LedgerMachine(RuleBasedStateMachine):
    """Every rule is one call, run on the store and on the model; `twice`: its answer was lost, and it is run again."""

    bench: Bench

    def __init__(self) -> None:
        super().__init__()
        # Between two seconds, so that Meta's whole seconds are never our milliseconds.
        self.now_ms = NOW_MS + 345
        self.model = ShareModel()
        self.ids: list[str] = []
        self.ledger = make_ledger(self.bench.client)
        self.queue = SendQueue(self.bench.client, [PORTFOLIO], make_seal())
        self.bench.run(self.bench.begin(self.now_ms))

    @rule(step_ms=st.sampled_from(STEPS_MS))
    def time_goes_by(self, step_ms: int) -> None:
        self.now_ms += step_ms
        self.bench.run(self.bench.set_clock(self.now_ms))

    @precondition(lambda self: self.model.places)
    @rule(pick=st.integers(0), before_ms=st.sampled_from([0, 0, 1]))
    def a_place_comes_to_its_end(self, pick: int, before_ms: int) -> None:
        ends = [place.ends for place in self.model.places.values()]
        self.time_goes_by(max(0, ends[pick % len(ends)] - before_ms - self.now_ms))

    @rule(asked=ASKS, twice=st.booleans(), late=st.sampled_from([False, False, False, True]))
    def admit(self, asked: tuple[Any, ...], twice: bool, late: bool) -> None:
        ask = self._ask(asked, deadline_ms=self.now_ms if late else self.now_ms + 1)
        before = self._dump()

        self._compare(ask, self._call(lambda: self.ledger.admit(ask), twice=twice))

        if ask.intent.message_id not in self.model.messages:
            assert before.swept(self.now_ms) == self._dump().swept(self.now_ms), "a denial changed something"

    @rule(asked=st.lists(ASKS, min_size=2, max_size=4))
    def admit_together(self, asked: list[tuple[Any, ...]]) -> None:
        asks = [self._ask(one) for one in asked]

        async def at_once() -> list[Facts]:
            return await asyncio.gather(*map(self.ledger.admit, asks))

        for ask, facts in zip(asks, self.bench.run(at_once()), strict=True):
            self._compare(ask, facts)

    @rule(asked=ASKS)
    def look(self, asked: tuple[Any, ...]) -> None:
        ask = replace(self._ask(asked), dry_run=True)
        before = self._dump()

        self._compare(ask, self._call(lambda: self.ledger.admit(ask)))

        assert before.swept(self.now_ms) == self._dump().swept(self.now_ms), "a look changed something"

    @precondition(lambda self: self.model.messages)
    @rule(asked=ASKS, pick=st.integers(0), attempt=st.sampled_from([1, 1, 2]))
    def admit_a_known_message(self, asked: tuple[Any, ...], pick: int, attempt: int) -> None:
        known = list(self.model.messages)
        ask = self._ask(asked)
        ask = replace(ask, intent=replace(ask.intent, message_id=known[pick % len(known)], attempt=attempt))
        before = self._dump()

        self._compare(ask, self._call(lambda: self.ledger.admit(ask)))

        assert before.keys == self._dump().keys, "a call for a message that is on its way changed something"

    @precondition(lambda self: self.ids)
    @rule(pick=st.integers(0), ending=ENDINGS, attempt=st.sampled_from([1, 1, 1, 2]), twice=st.booleans(),
          digest=st.sampled_from(["", "d1", "d1", "d2"]))  # fmt: skip
    def settle(self, pick: int, ending: Any, attempt: int, twice: bool, digest: str) -> None:
        state, release = ending
        answered: dict[str, Any] = {}
        if digest:
            since_ms, _, _ = self.model.claims.get(f"shop:{digest}", (self.now_ms, "", b""))
            answer = f"{since_ms} {self._known(pick)} \n{pick}\n".encode()
            answered = {"once": f"shop:{digest}", "answer": answer}
        id_ = self._known(pick)
        wamid = f"wamid.{id_}" if state == "accepted" else ""
        outcome = make_outcome(id_, state, attempt=attempt, release=release, wamid=wamid, **answered)

        freed = self._call(lambda: self.ledger.settle(outcome), twice=twice)

        self._same_but_for_what_was_due(freed, self.model.settle(outcome, self.now_ms))

    @precondition(lambda self: self.ids)
    @rule(pick=st.integers(0), told=STATUSES, age_ms=st.sampled_from(AGES_MS), twice=st.booleans())
    def refresh(self, pick: int, told: tuple[str, Any], age_ms: int, twice: bool) -> None:
        word, says = told
        second = (self.now_ms - age_ms) // 1000 * 1000
        status = make_status(self._known(pick), word, second, says=says)

        refreshed = self._call(lambda: self.ledger.refresh(status), twice=twice)

        expected = self.model.refresh(status, self.now_ms)
        assert (refreshed.known, refreshed.changed) == (expected.known, expected.changed)
        self._same_but_for_what_was_due(refreshed.freed, expected.freed)

    @precondition(lambda self: self.ids)
    @rule(told=st.lists(st.tuples(st.integers(0), STATUSES, st.sampled_from(AGES_MS)), min_size=2, max_size=6))
    def refresh_together(self, told: list[tuple[int, tuple[str, Any], int]]) -> None:
        statuses = [
            make_status(self._known(pick), word, (self.now_ms - age_ms) // 1000 * 1000, says=says)
            for pick, (word, says), age_ms in told
        ]

        async def at_once() -> list[Refreshed]:
            return await asyncio.gather(*map(self.ledger.refresh, statuses))

        for status, refreshed in zip(statuses, self.bench.run(at_once()), strict=True):
            expected = self.model.refresh(status, self.now_ms)
            assert (refreshed.known, refreshed.changed) == (expected.known, expected.changed)
            self._same_but_for_what_was_due(refreshed.freed, expected.freed)

    @rule(who=st.sampled_from(USERS), number=st.sampled_from(NUMBERS), age_ms=st.sampled_from(INBOUND_AGES_MS),
          twice=st.booleans())  # fmt: skip
    def open_window(self, who: bytes, number: str, age_ms: int, twice: bool) -> None:
        inbound = make_inbound(who, self.now_ms - age_ms, number)

        ends_ms = self._call(lambda: self.ledger.open_window(inbound), twice=twice)

        assert ends_ms == self.model.open_window(inbound, self.now_ms)

    @rule()
    def reap(self) -> None:
        reaped = self._call(lambda: self.queue.reap(PORTFOLIO)).messages

        told = [{one.message_id for one in reaped if one.became == became} for became in ("unknown", "unresolved")]
        assert tuple(told) == self.model.reap(self.now_ms)

    @rule()
    def read_the_books(self) -> None:
        books = self._call(lambda: self.ledger.books(PORTFOLIO))

        self.model.advance(self.now_ms)
        assert (books.now_ms, books.epoch) == (self.now_ms, self.model.epoch)
        assert books.used == self.model.used
        assert self._overdue_as_one(books.releases) == self._overdue_as_one(self.model.releases)

    @rule()
    def the_standing_changes(self) -> None:
        self.model.epoch = self.bench.run(self.bench.client.hincrby(KEYS.ledger, "epoch", 1))

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        dump = self._dump()
        dump.check()
        self.model.advance(self.now_ms)
        self._same_places(dump, self.model)
        for app, share in self.model.shares.items():
            self._same_places(dump.shares.get(app, Dump({})), share)
            assert share.places.keys() <= self.model.places.keys(), "an app has a place that nobody has"
        assert dump.in_flight == self.model.in_flight
        for id_, message in self.model.messages.items():
            kept = dump.message(id_)
            assert (kept[b"state"].decode(), int(kept[b"attempt"])) == (message.state, message.attempt)
        for name, (since_ms, holder, answer) in self.model.claims.items():
            assert dump.keys[f"once:{name}"] == (answer or f"{since_ms} {holder} ".encode())

    def _same_places(self, dump: Dump, model: BookModel) -> None:
        alive = {key: entry for key, entry in dump.places.items() if entry.ends > self.now_ms}
        expected = {slot(recipient): place for recipient, place in model.places.items()}
        assert alive.keys() == expected.keys()
        for key, place in expected.items():
            assert alive[key].ends == place.ends
            # What is overdue waits for its fate: by how much no longer matters to anybody.
            assert max(alive[key].expected, self.now_ms) == max(place.expected, self.now_ms)
            unsettled = {id_: hold for id_, hold in alive[key].holds.items() if hold.ends > self.now_ms}
            assert unsettled == place.holds

    def teardown(self) -> None:
        """Everything comes to its end: nothing of it is left."""
        self.model.advance(self.now_ms)
        self.now_ms = max([self.now_ms, *(place.ends for place in self.model.places.values())])
        self.bench.run(self.bench.set_clock(self.now_ms))
        books = self._call(lambda: self.ledger.books(PORTFOLIO))
        assert (books.used, books.releases) == (0, {})
        # What was opened by early notices of buckets is closed when these come due.
        self.bench.run(self.bench.set_clock(NEVER_MS * 2))
        self._call(lambda: self.ledger.books(PORTFOLIO))
        for app in self.model.shares:
            assert self._call(lambda app=app: self.ledger.books(PORTFOLIO, app)).used == 0
        assert self._dump().is_at_rest

    def _ask(self, asked: tuple[Any, ...], **changes: Any) -> Ask:
        who, number, terms, pace, behind, share, claim = asked
        self.ids.append(f"m{len(self.ids)}")
        terms = terms._replace(epoch=self.model.epoch - behind, **pace)
        if share is not None:
            terms, changes["about"] = with_share(terms, *share), about(share[0])
        if claim is not None:
            changes["once"] = Entry(PORTFOLIO, f"shop:{claim[0]}", "", self.ids[-1], claim[1])
        return make_ask(self.ids[-1], who, number=number, terms=terms, **changes)

    def _known(self, pick: int) -> str:
        return self.ids[pick % len(self.ids)]

    def _dump(self) -> Dump:
        return self.bench.run(read(self.bench.client))

    def _call(self, call: Callable[[], Coroutine[Any, Any, Any]], *, twice: bool = False) -> Any:
        answer = self.bench.run(call())
        if twice:
            before = self._dump()
            self.bench.run(call())
            assert before.swept(self.now_ms) == self._dump().swept(self.now_ms), "the second run changed something"
        return answer

    def _compare(self, ask: Ask, facts: Facts) -> None:
        held = ask.intent.recipient in self.model.places
        expected = self.model.admit(ask, self.now_ms)
        for name in ("now_ms", "epoch", "taken", "stale", "gone", "expired", "repeated", "unclaimed"):
            assert getattr(facts, name) == getattr(expected, name), name
        if facts.stale or facts.gone or facts.expired or facts.repeated or facts.unclaimed:
            return
        for name in ("window_ends_ms", "counted"):
            assert getattr(facts, name) == getattr(expected, name), name
        for name in ("pair_at_ms", "throughput_at_ms"):
            # Of a turn that has come it is not told since when.
            assert max(getattr(facts, name), self.now_ms) == max(getattr(expected, name), self.now_ms), name
        for stood, in_model, tally in zip(facts.tallied, expected.tallied, ask.terms.tallies, strict=True):
            assert stood >= in_model
            assert tally.limit < 0 or (stood >= tally.limit) == (in_model >= tally.limit)
        # What is due may not be swept yet, but never so that a place that is free is refused.
        assert facts.used >= expected.used
        terms = ask.terms
        if terms.places >= 0 and facts.needs_place(terms):
            assert (facts.used >= terms.places) == (expected.used >= terms.places)
            assert held or not facts.taken or ask.dry_run or self.model.used <= terms.places, "more than the bound"
        for tally in terms.tallies if facts.taken and not held and not ask.dry_run else ():
            used = self.model.shares[tally.name.removeprefix(SHARE)].used
            assert used <= tally.limit or tally.limit < 0 or not facts.needs_place(terms), "more than the app's share"

    def _overdue_as_one(self, curve: dict[int, int]) -> Counter[int]:
        merged: Counter[int] = Counter()
        for second, places in curve.items():
            merged[max(second, -(-self.now_ms // 1000))] += places
        return merged

    def _same_but_for_what_was_due(self, freed: bool, expected: bool) -> None:
        """A place that was due anyway may be told as freed; any other must be told as it is."""
        assert freed or not expected


def test_the_book_does_what_the_model_does(bench: Bench) -> None:
    machine = type("LedgerMachine", (LedgerMachine,), {"bench": bench})

    run_state_machine_as_test(machine, settings=settings(max_examples=bench.examples(60), stateful_step_count=50))
