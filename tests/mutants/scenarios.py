"""Short stories of the counting book and the queue, each with one moral, each deterministic.

They are told to both stores, and to every mutant of the scripts: a mutant that no story tells from the original
would be a gap in what is proven.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from tests.factories import DAY_MS, PORTFOLIO, user
from tests.mutants.book import BEGIN_MS, LANE, Book
from tidegate.store.ledger import OUTCOME_MS
from tidegate.store.send_queue import LEASE_MS

Scenario = Callable[[Book], Awaitable[None]]
SCENARIOS: Final[list[Scenario]] = []

ANN, BOB, CAT = user(0), user(1), user(2)
#: Shares a bucket of places with ANN.
DAN = user(3)
LONG_MS = 31 * DAY_MS
HOUR_MS = 3_600_000


def scenario(story: Scenario) -> Scenario:
    SCENARIOS.append(story)
    return story


# Places.


@scenario
async def a_place_is_held_to_its_last_millisecond_and_free_at_its_end(book: Book) -> None:
    assert (await book.admit("m1", ANN, places=1)).taken
    await book.at(DAY_MS - 1)
    assert not (await book.admit("m2", BOB, places=1)).taken
    await book.at(DAY_MS)
    assert (await book.admit("m2", BOB, places=1)).taken


@scenario
async def the_last_place_is_given_once(book: Book) -> None:
    assert (await book.admit("m1", ANN, places=2)).taken
    assert (await book.admit("m2", BOB, places=2)).taken
    facts = await book.admit("m3", CAT, places=2)
    assert (facts.taken, facts.used, facts.counted) == (False, 2, False)


@scenario
async def who_holds_a_place_needs_no_other(book: Book) -> None:
    await book.admit("m1", ANN, places=1)
    facts = await book.admit("m2", ANN, places=1)
    assert (facts.taken, facts.counted) == (True, True)
    assert await book.used() == 1


@scenario
async def a_book_that_is_read_lets_go_of_what_has_ended(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB, hold_ms=LONG_MS)
    await book.at(DAY_MS)
    assert await book.used() == 1


@scenario
async def a_bucket_is_looked_into_when_its_first_place_ends(book: Book) -> None:
    await book.admit("m1", ANN, places=2)
    await book.admit("m2", DAN, places=2, hold_ms=LONG_MS)
    await book.at(DAY_MS)
    assert (await book.admit("m3", BOB, places=2)).taken
    await book.at(LONG_MS)
    assert await book.used() == 0


@scenario
async def a_short_hold_does_not_shorten_a_long_one(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.admit("m2", ANN, hold_ms=DAY_MS)
    await book.at(DAY_MS)
    assert await book.used() == 1
    await book.at(LONG_MS)
    assert await book.used() == 0


@scenario
async def the_curve_tells_when_places_are_expected(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.at(HOUR_MS)
    await book.admit("m2", BOB)
    first, second = -(-(BEGIN_MS + DAY_MS) // 1000), -(-(BEGIN_MS + HOUR_MS + DAY_MS) // 1000)
    assert (await book.books()).releases == {first: 1, second: 1}
    await book.status("m2", "failed", HOUR_MS)
    assert (await book.books()).releases == {first: 1}


@scenario
async def holds_that_have_ended_are_not_carried_on(book: Book) -> None:
    for i in range(5):
        await book.at(i * 23 * HOUR_MS)
        await book.admit(f"m{i}", ANN)
    [text] = (await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:holds")).values()
    assert text.count(b";") == 2


@scenario
async def a_send_that_does_not_count_takes_no_place(book: Book) -> None:
    assert (await book.admit("m1", ANN, counts=False, places=0)).taken
    assert await book.used() == 0


# Outcomes.


@scenario
async def an_unknown_outcome_keeps_its_place(book: Book) -> None:
    await book.admit("m1", ANN)
    assert not await book.settle("m1", "unknown")
    assert await book.used() == 1


@scenario
async def a_proven_failure_gives_its_place_back(book: Book) -> None:
    await book.admit("m1", ANN)
    assert await book.settle("m1", "failed", release=True)
    assert await book.used() == 0
    assert (await book.admit("m2", BOB, places=1)).taken


@scenario
async def a_failure_without_proof_keeps_its_place(book: Book) -> None:
    await book.admit("m1", ANN)
    assert not await book.settle("m1", "failed")
    assert await book.used() == 1


@scenario
async def a_failure_frees_nothing_that_another_message_holds(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", ANN)
    assert not await book.settle("m2", "failed", release=True)
    assert await book.used() == 1


@scenario
async def an_outcome_of_another_attempt_changes_nothing(book: Book) -> None:
    await book.admit("m1", ANN, attempt=1)
    assert not await book.settle("m1", "failed", release=True, attempt=2)
    assert (await book.used(), await book.state("m1")) == (1, "sending")


@scenario
async def an_outcome_that_never_came_is_unknown_and_not_sent_again(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(OUTCOME_MS - 1)
    assert await book.reaped() == []
    await book.at(OUTCOME_MS)
    assert await book.reaped() == [("unknown", "m1")]
    assert (await book.state("m1"), await book.used(), await book.claimed()) == ("unknown", 1, [])


@scenario
async def a_call_whose_answer_was_lost_is_answered_again_and_changes_nothing(book: Book) -> None:
    terms = {"places": 1, "throughput_emission_us": 1_000_000, "pair_emission_ms": 6_000}
    assert (await book.admit("m1", ANN, **terms)).taken
    facts = await book.admit("m1", ANN, **terms)
    assert (facts.taken, facts.repeated) == (True, True)
    await book.at(6_000)
    assert (await book.admit("m2", ANN, **terms)).taken


# Statuses.


@scenario
async def a_delivery_counts_a_day_from_the_end_of_its_second(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.at(10_000)
    await book.status("m1", "delivered", 5_000)
    # Begun 345 ms into a second: told of second 5 - 0.345, delivered at most 999 ms later.
    ends_ms = 5_000 - 345 + 999 + DAY_MS
    await book.at(ends_ms - 1)
    assert await book.used() == 1
    await book.at(ends_ms)
    assert await book.used() == 0


@scenario
async def a_delivery_is_not_later_than_what_tells_of_it(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.at(5_000)
    await book.status("m1", "delivered", 5_000)
    await book.at(5_000 + DAY_MS - 1)
    assert await book.used() == 1
    await book.at(5_000 + DAY_MS)
    assert await book.used() == 0


@scenario
async def a_delivery_is_not_earlier_than_its_send(book: Book) -> None:
    await book.at(DAY_MS)
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.status("m1", "delivered", 0)
    await book.at(2 * DAY_MS - 1)
    assert await book.used() == 1


@scenario
async def a_time_from_nowhere_takes_no_place_for_good(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.status("m1", "delivered", 4_000 * DAY_MS)
    await book.at(2 * DAY_MS + 1_000)
    assert await book.used() == 0


@scenario
async def a_message_that_was_read_counts_from_its_delivery(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.status("m1", "delivered", 0)
    await book.at(5 * HOUR_MS)
    await book.status("m1", "read", 5 * HOUR_MS)
    await book.at(DAY_MS + 1_000)
    assert await book.used() == 0


@scenario
async def a_state_never_goes_back(book: Book) -> None:
    await book.admit("m1", ANN)
    assert (await book.status("m1", "read", 0)).changed
    for word in ("delivered", "sent", "failed"):
        assert not (await book.status("m1", word, 0)).changed
    assert (await book.state("m1"), await book.used()) == ("read", 1)


@scenario
async def a_failure_after_a_delivery_frees_nothing(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.status("m1", "delivered", 0)
    assert not (await book.status("m1", "failed", 0)).freed
    assert await book.used() == 1


@scenario
async def a_delivery_after_a_failure_counts(book: Book) -> None:
    await book.admit("m1", ANN)
    assert (await book.status("m1", "failed", 0)).freed
    assert (await book.status("m1", "delivered", 0)).changed
    assert await book.used() == 1


@scenario
async def a_delivery_after_the_hold_counts_from_its_own_time(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(DAY_MS)
    assert await book.used() == 0
    await book.status("m1", "delivered", DAY_MS)
    assert await book.used() == 1
    await book.at(2 * DAY_MS)
    assert await book.used() == 0


@scenario
async def a_failure_in_doubt_is_waited_for_no_longer_than_a_day(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    assert not (await book.status("m1", "failed", 0, says="keeps")).freed
    await book.at(DAY_MS - 1)
    assert await book.used() == 1
    await book.at(DAY_MS)
    assert await book.used() == 0


@scenario
async def a_status_of_a_stranger_is_known_as_that(book: Book) -> None:
    refreshed = await book.status("m9", "delivered", 0)
    assert (refreshed.known, refreshed.changed, refreshed.freed) == (False, False, False)
    assert await book.used() == 0


# Windows.


@scenario
async def a_window_runs_from_the_users_message_not_from_its_arrival(book: Book) -> None:
    await book.at(23 * HOUR_MS)
    assert await book.writes(ANN, at_ms=0) == DAY_MS
    assert (await book.admit("m1", ANN, counts=False, needs_window=True)).taken
    await book.at(DAY_MS)
    assert not (await book.admit("m2", ANN, counts=False, needs_window=True)).taken


@scenario
async def a_window_that_ends_within_the_margin_counts_as_closed(book: Book) -> None:
    await book.writes(ANN, at_ms=0)
    await book.at(DAY_MS - 10_000)
    terms = {"counts": False, "needs_window": True}
    assert not (await book.admit("m1", ANN, window_margin_ms=10_000, **terms)).taken
    assert (await book.admit("m2", ANN, window_margin_ms=9_999, **terms)).taken


@scenario
async def a_late_or_future_message_neither_shortens_nor_stretches_a_window(book: Book) -> None:
    await book.at(HOUR_MS)
    assert await book.writes(ANN, at_ms=HOUR_MS) == HOUR_MS + DAY_MS
    assert await book.writes(ANN, at_ms=0) == HOUR_MS + DAY_MS
    assert await book.writes(ANN, at_ms=9 * DAY_MS) == HOUR_MS + DAY_MS
    await book.at(2 * DAY_MS)
    assert await book.writes(ANN, at_ms=DAY_MS) is None


@scenario
async def inside_a_window_nobody_takes_a_place(book: Book) -> None:
    await book.writes(ANN, at_ms=0)
    facts = await book.admit("m1", ANN, places=0)
    assert (facts.taken, facts.window_ends_ms) == (True, BEGIN_MS + DAY_MS)
    assert await book.used() == 0


@scenario
async def what_is_delivered_when_the_window_has_closed_counts(book: Book) -> None:
    await book.writes(ANN, at_ms=0)
    await book.writes(BOB, at_ms=0)
    await book.admit("m1", ANN)
    await book.admit("m2", BOB)
    await book.at(DAY_MS)
    await book.status("m1", "delivered", DAY_MS)
    await book.status("m2", "delivered", DAY_MS - 1_000)
    assert await book.used() == 1


# Turns.


@scenario
async def a_pair_has_one_turn_every_six_seconds(book: Book) -> None:
    assert (await book.admit("m1", ANN, pair_emission_ms=6_000)).taken
    await book.at(5_999)
    facts = await book.admit("m2", ANN, pair_emission_ms=6_000)
    assert (facts.taken, facts.pair_at_ms) == (False, BEGIN_MS + 6_000)
    assert (await book.admit("m3", BOB, pair_emission_ms=6_000)).taken
    await book.at(6_000)
    assert (await book.admit("m4", ANN, pair_emission_ms=6_000)).taken


@scenario
async def a_pair_may_borrow_from_its_future(book: Book) -> None:
    terms = {"pair_emission_ms": 6_000, "pair_tolerance_ms": 12_000}
    assert [(await book.admit(f"m{i}", ANN, **terms)).taken for i in range(4)] == [True, True, True, False]


@scenario
async def a_number_is_paced_over_all_its_recipients(book: Book) -> None:
    assert (await book.admit("m1", ANN, throughput_emission_us=12_500)).taken
    await book.at(12)
    facts = await book.admit("m2", BOB, throughput_emission_us=12_500)
    assert (facts.taken, facts.throughput_at_ms) == (False, BEGIN_MS + 13)
    assert (await book.admit("m3", BOB, throughput_emission_us=12_500, number="2")).taken
    await book.at(13)
    assert (await book.admit("m4", BOB, throughput_emission_us=12_500)).taken


@scenario
async def a_turn_that_was_taken_early_is_owed(book: Book) -> None:
    terms = {"throughput_emission_us": 12_500, "throughput_tolerance_us": 10_000}
    for at_ms, taken in ((0, True), (10, True), (14, False), (15, True), (27, False), (28, True)):
        await book.at(at_ms)
        assert (await book.admit(f"m{at_ms}", user(at_ms), **terms)).taken is taken, at_ms


@scenario
async def a_denial_takes_nothing(book: Book) -> None:
    terms = {"throughput_emission_us": 1_000_000, "pair_emission_ms": 6_000}
    assert not (await book.admit("m1", ANN, places=0, **terms)).taken
    assert await book.state("m1") is None
    assert (await book.admit("m2", ANN, places=1, **terms)).taken


@scenario
async def a_look_takes_nothing(book: Book) -> None:
    assert (await book.admit("m1", ANN, places=1, pair_emission_ms=6_000, dry_run=True)).taken
    assert (await book.used(), await book.state("m1")) == (0, None)
    assert (await book.admit("m1", ANN, places=1, pair_emission_ms=6_000)).taken


@scenario
async def a_look_sees_all_that_has_ended(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB)
    await book.at(DAY_MS)
    facts = await book.admit("m3", CAT, dry_run=True)
    assert (facts.taken, facts.used) == (True, 0)


@scenario
async def under_a_lowered_limit_all_that_has_ended_makes_room(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB)
    await book.at(DAY_MS)
    assert (await book.admit("m3", CAT, places=1)).taken


@scenario
async def who_held_a_place_until_now_holds_none(book: Book) -> None:
    for i, who in enumerate((ANN, BOB, CAT)):
        await book.admit(f"m{i}", who)
    await book.at(DAY_MS)
    facts = [await book.admit(f"n{i}", who) for i, who in enumerate((CAT, BOB, ANN))]
    assert [one.counted for one in facts] == [False] * 3


@scenario
async def a_delivery_that_is_told_when_its_day_is_over_gives_the_place_back(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.at(5_000 - 345 + 999 + DAY_MS)
    assert (await book.status("m1", "delivered", 5_000)).freed


# Decisions.


@scenario
async def a_decision_under_an_old_standing_takes_nothing(book: Book) -> None:
    await book.client.hincrby(book.keys.ledger, "epoch", 1)
    facts = await book.admit("m1", ANN, epoch=0)
    assert (facts.taken, facts.stale, facts.epoch) == (False, True, 1)
    assert (await book.admit("m1", ANN, epoch=1)).taken


@scenario
async def nothing_starts_at_its_deadline(book: Book) -> None:
    await book.at(1_000)
    facts = await book.admit("m1", ANN, deadline_ms=BEGIN_MS + 1_000)
    assert (facts.taken, facts.expired) == (False, True)
    assert (await book.admit("m1", ANN, deadline_ms=BEGIN_MS + 1_001)).taken


# The queue.


@scenario
async def a_claim_that_was_overtaken_can_not_send(book: Book) -> None:
    await book.enqueue("m1", ANN)
    assert await book.claimed() == [("m1", 1)]
    await book.at(LEASE_MS)
    assert await book.reaped() == [("requeued", "m1")]
    assert (await book.admit("m1", ANN, attempt=1)).gone
    assert not await book.enqueue("m1", ANN, attempt=1)
    assert await book.claimed() == [("m1", 3)]
    assert (await book.admit("m1", ANN, attempt=3)).taken


@scenario
async def a_claim_is_given_once(book: Book) -> None:
    await book.enqueue("m1", ANN)
    assert await book.claimed() == [("m1", 1)]
    assert await book.claimed() == []
    await book.at(LEASE_MS - 1)
    assert await book.reaped() == []


@scenario
async def first_come_first_served_and_nobody_early(book: Book) -> None:
    await book.enqueue("m1", ANN, due_at_ms=20)
    await book.enqueue("m2", BOB, due_at_ms=10)
    await book.enqueue("m3", CAT, due_at_ms=21)
    await book.at(20)
    claim = await book.claim()
    assert [one.message_id for one in claim.messages] == ["m2", "m1"]
    assert claim.wake_at_ms == BEGIN_MS + 21


@scenario
async def who_waits_for_a_place_is_claimed_as_places_come_free(book: Book) -> None:
    await book.admit("m0", CAT)
    await book.enqueue("m1", ANN, needs_place=True)
    await book.enqueue("m2", BOB, needs_place=True)
    claim = await book.claim(places=1)
    assert (claim.messages, claim.wake_at_ms) == ((), BEGIN_MS + DAY_MS)
    assert await book.claimed(places=2) == [("m1", 1)]
    await book.at(DAY_MS)
    assert await book.claimed(places=1) == [("m2", 1)]


@scenario
async def who_writes_waits_for_no_place(book: Book) -> None:
    await book.enqueue("m1", ANN, needs_place=True)
    assert await book.claimed(places=0) == []
    await book.writes(ANN, at_ms=0)
    assert await book.claimed(places=0) == [("m1", 1)]


@scenario
async def who_got_a_place_by_another_message_waits_for_none(book: Book) -> None:
    await book.enqueue("m1", ANN, needs_place=True)
    await book.admit("m2", ANN)
    await book.enqueue("m3", ANN, needs_place=True)
    assert await book.claimed(places=0) == [("m1", 1), ("m3", 1)]


@scenario
async def what_was_cancelled_is_neither_claimed_nor_admitted(book: Book) -> None:
    await book.enqueue("m1", ANN)
    await book.enqueue("m2", BOB)
    assert await book.claimed(most=1) == [("m1", 1)]
    for id_ in ("m1", "m2"):
        assert await book.queue.end(PORTFOLIO, id_, "cancelled", "a test") == "queued"
    assert await book.claimed() == []
    assert (await book.admit("m1", ANN, attempt=1)).gone
    assert await book.queue.end(PORTFOLIO, "m1", "cancelled", "a test") == "cancelled"


@scenario
async def what_waits_beyond_its_deadline_expires(book: Book) -> None:
    await book.enqueue("m1", ANN, expires_at_ms=1_000)
    await book.at(999)
    assert await book.reaped() == []
    await book.at(1_000)
    assert await book.reaped() == [("expired", "m1")]
    assert (await book.claimed(), await book.state("m1")) == ([], "expired")


@scenario
async def what_is_given_back_gives_its_place_back(book: Book) -> None:
    await book.admit("m1", ANN)
    assert await book.enqueue("m1", ANN, attempt=1)
    assert (await book.used(), await book.state("m1")) == (0, "queued")
    assert not await book.enqueue("m1", ANN, attempt=1)
    assert await book.claimed() == [("m1", 3)]


@scenario
async def what_was_sent_after_all_is_not_sent_again(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.enqueue("m1", ANN, attempt=1)
    await book.status("m1", "delivered", 0)
    [state] = await book.queue.lanes(PORTFOLIO, [LANE])
    assert (state.due, state.waiting_for_place) == (0, 0)
    assert (await book.claimed(), await book.state("m1"), await book.used()) == ([], "delivered", 1)


@scenario
async def a_lane_without_room_wakes_nobody_for_what_is_due_already(book: Book) -> None:
    await book.enqueue("m1", ANN)
    assert (await book.claim(most=0)).wake_at_ms is None


@scenario
async def what_is_held_for_a_reason_that_is_over_is_due_at_once(book: Book) -> None:
    await book.enqueue("m1", ANN, due_at_ms=HOUR_MS, reason="template_paused")
    await book.enqueue("m2", BOB, due_at_ms=HOUR_MS, reason="quiet_hours")
    assert await book.queue.rouse(PORTFOLIO, [LANE], ["template_paused", "messaging_limit"]) == 1
    assert await book.claimed() == [("m1", 1)]
