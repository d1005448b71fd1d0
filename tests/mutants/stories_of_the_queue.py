"""Who stands in line, who is claimed, and who is never sent again."""

from __future__ import annotations

import asyncio

from tests.factories import DAY_MS, PORTFOLIO, user
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, HOUR_MS, LANE, Book
from tidegate.cloudapi.vocabulary import Category
from tidegate.policy.facts import Tally
from tidegate.store.ledger import UNRESOLVED_MS
from tidegate.store.send_queue import LEASE_MS, Lane


async def a_claim_that_was_overtaken_can_not_send(book: Book) -> None:
    await book.enqueue("m1", ANN)
    assert await book.claimed() == [("m1", 1)]
    await book.at(LEASE_MS)
    assert await book.reaped() == [("requeued", "m1")]
    assert (await book.admit("m1", ANN, attempt=1)).gone
    assert not await book.enqueue("m1", ANN, attempt=1)
    assert await book.claimed() == [("m1", 3)]
    assert (await book.admit("m1", ANN, attempt=3)).taken


async def a_claim_is_given_once(book: Book) -> None:
    await book.enqueue("m1", ANN)
    assert await book.claimed() == [("m1", 1)]
    assert await book.claimed() == []
    await book.at(LEASE_MS - 1)
    assert await book.reaped() == []


async def a_claim_finds_what_there_is_in_whatever_lane(book: Book) -> None:
    lanes = [Lane(str(number), Category.MARKETING) for number in range(40)]
    await book.enqueue("m1", ANN, lane=lanes[39])
    await book.enqueue("m2", BOB, lane=lanes[3])
    await book.enqueue("m3", CAT, lane=lanes[20], needs_place=True)
    claim = await book.claim(10, -1, *lanes)
    claimed = [(one.message_id, one.lane) for one in claim.messages]
    assert claimed == [("m2", lanes[3]), ("m3", lanes[20]), ("m1", lanes[39])]


async def a_glance_sees_what_is_queued_until_it_is_sent(book: Book) -> None:
    assert await book.glance() == (0, False, False)
    await book.enqueue("m1", ANN, due_at_ms=HOUR_MS)
    await book.enqueue("m2", BOB, needs_place=True)
    assert await book.glance() == (0, True, False)
    await book.at(HOUR_MS)
    assert await book.claimed() == [("m1", 1), ("m2", 1)]
    assert await book.glance() == (0, True, False), "a claim may come to nothing"
    await book.admit("m1", ANN, attempt=1)
    await book.admit("m2", BOB, attempt=1)
    assert await book.glance() == (0, False, False)


async def what_goes_together_leaves_all_in_which_it_was_in_line(book: Book) -> None:
    await book.enqueue("m1", ANN)
    await book.enqueue("m2", BOB)
    assert await book.claimed() == [("m1", 1), ("m2", 1)]
    await book.enqueue("m3", CAT)
    await book.enqueue("m4", user(4), needs_place=True)
    facts = await asyncio.gather(
        book.admit("m1", ANN, attempt=1),
        book.admit("m2", BOB, attempt=1),
        book.admit("m3", CAT, attempt=0),
        # It has come to need none.
        book.admit("m4", user(4), attempt=0, counts=False),
    )
    assert all(fact.taken for fact in facts)
    prefix = book.keys.message("").removesuffix("message:")
    lines = ("deadlines", "leases", "queued_for", f"lane:{LANE}", f"waiting:{LANE}")
    assert await book.client.exists(*(prefix + line for line in lines)) == 0


async def what_is_queued_for_one_user_leaves_one_by_one(book: Book) -> None:
    for id_ in ("m1", "m2", "m3"):
        await book.enqueue(id_, ANN)
    await book.claimed()
    await book.admit("m1", ANN)
    assert await book.queued_for() == {ANN: ["m2", "m3"]}
    await asyncio.gather(book.admit("m2", ANN), book.admit("m3", ANN))
    assert await book.queued_for() == {}


async def who_gets_a_place_by_what_was_queued_too_wakes_the_others(book: Book) -> None:
    await book.enqueue("m1", ANN)
    await book.enqueue("m2", ANN, needs_place=True)
    assert await book.claimed(places=0) == [("m1", 1)]
    # One after the other in one call.
    await asyncio.gather(book.admit("m1", ANN, counts=False), book.admit("m3", ANN))
    assert await book.claimed(places=0) == [("m2", 1)]


async def what_comes_out_of_the_queue_has_all_of_its_history(book: Book) -> None:
    await book.enqueue("m1", ANN, expires_at_ms=HOUR_MS)
    await book.at(10)
    await book.claimed()
    tallies = (Tally("spend", 5, 100, False, BEGIN_MS + DAY_MS),)
    deadline_ms = BEGIN_MS + HOUR_MS
    await asyncio.gather(book.admit("m1", ANN, tallies=tallies, deadline_ms=deadline_ms), book.admit("m2", BOB))
    await book.settle("m1", "accepted")
    await book.status("m1", "delivered", 0)
    record = await book.messages.find(PORTFOLIO, "m1")
    assert record is not None
    told = [(event.at_ms - BEGIN_MS, event.state) for event in record.history]
    assert told == [(0, "queued"), (10, "sending"), (10, "accepted"), (10, "delivered")]
    assert (record.expires_at_ms, record.is_known_by_our_id) == (deadline_ms, True)
    direct = await book.messages.find(PORTFOLIO, "m2")
    assert direct is not None
    assert ([event.state for event in direct.history], direct.expires_at_ms) == (["sending"], None)


async def of_what_nothing_is_noted_an_acceptance_is_read(book: Book) -> None:
    await book.admit("m1", ANN, about=b"")
    await book.settle("m1", "accepted")
    await book.status("m1", "delivered", 0)
    assert await book.state("m1") == "delivered"


async def what_is_queued_rests_on_what_is_known_of_its_user_by_then(book: Book) -> None:
    await book.enqueue("m1", ANN)
    await book.claimed()
    await book.prove(ANN, BOB)
    facts = await book.admit("m1", ANN)
    assert (facts.taken, facts.other_user) == (False, True)


async def what_is_given_back_waits_since_it_was_queued_first(book: Book) -> None:
    await book.enqueue("m1", ANN)
    await book.claimed()
    await book.at(10)
    await book.admit("m1", ANN, tallies=(Tally("spend", 5, 100, False, BEGIN_MS + DAY_MS),))
    await book.at(20)
    assert await book.enqueue("m1", ANN, attempt=1)
    [lane] = await book.queue.lanes(PORTFOLIO, [LANE])
    assert (lane.oldest_at_ms, await book.used(), await book.stands("spend")) == (BEGIN_MS, 0, 0)


async def a_glance_sees_a_deadline_that_has_passed(book: Book) -> None:
    await book.enqueue("m1", ANN, due_at_ms=HOUR_MS, expires_at_ms=60_000)
    await book.at(59_999)
    assert await book.glance() == (0, True, False)
    await book.at(60_000)
    assert await book.glance() == (0, True, True)
    await book.reaped()
    assert await book.glance() == (0, False, False)


async def a_glance_sees_a_claim_that_has_lapsed(book: Book) -> None:
    await book.enqueue("m1", ANN)
    await book.claimed()
    await book.at(LEASE_MS - 1)
    assert await book.glance() == (0, True, False)
    await book.at(LEASE_MS)
    assert await book.glance() == (0, True, True)


async def a_glance_sees_a_send_whose_outcome_never_came(book: Book) -> None:
    await book.admit("m1", ANN)
    assert await book.glance() == (0, False, False)
    await book.at(DAY_MS // 2)
    assert await book.glance() == (0, False, True)
    assert await book.reaped() == [("unknown", "m1")]


async def a_glance_sees_a_message_that_nobody_ever_told_of(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.settle("m1", "unknown")
    await book.at(UNRESOLVED_MS - 1)
    assert await book.glance() == (0, False, False)
    await book.at(UNRESOLVED_MS)
    assert await book.glance() == (0, False, True)


async def a_glance_sees_a_place_that_has_ended(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.settle("m1", "accepted")
    await book.status("m1", "delivered", 0)
    await book.at(DAY_MS - 1)
    assert await book.glance() == (0, False, False)
    await book.at(DAY_MS + 1_000)
    assert await book.glance() == (0, False, True)
    await book.reaped()
    assert (await book.used(), await book.glance()) == (0, (0, False, False))


async def a_glance_sees_that_the_standing_is_another(book: Book) -> None:
    await book.client.hset(book.keys.ledger, "epoch", 7)
    assert await book.glance() == (7, False, False)


async def first_come_first_served_and_nobody_early(book: Book) -> None:
    await book.enqueue("m1", ANN, due_at_ms=20)
    await book.enqueue("m2", BOB, due_at_ms=10)
    await book.enqueue("m3", CAT, due_at_ms=21)
    await book.at(20)
    claim = await book.claim()
    assert [one.message_id for one in claim.messages] == ["m2", "m1"]
    assert claim.wake_at_ms == BEGIN_MS + 21


async def who_waits_for_a_place_is_claimed_as_places_come_free(book: Book) -> None:
    await book.admit("m0", CAT)
    await book.enqueue("m1", ANN, needs_place=True)
    await book.enqueue("m2", BOB, needs_place=True)
    claim = await book.claim(places=1)
    assert (claim.messages, claim.wake_at_ms) == ((), BEGIN_MS + DAY_MS)
    assert await book.claimed(places=2) == [("m1", 1)]
    await book.at(DAY_MS)
    assert await book.claimed(places=1) == [("m2", 1)]


async def who_writes_waits_for_no_place(book: Book) -> None:
    await book.enqueue("m1", ANN, needs_place=True)
    assert await book.claimed(places=0) == []
    await book.writes(ANN, at_ms=0)
    assert await book.claimed(places=0) == [("m1", 1)]


async def who_got_a_place_by_another_message_waits_for_none(book: Book) -> None:
    await book.enqueue("m1", ANN, needs_place=True)
    await book.admit("m2", ANN)
    await book.enqueue("m3", ANN, needs_place=True)
    assert await book.claimed(places=0) == [("m1", 1), ("m3", 1)]


async def what_was_cancelled_is_neither_claimed_nor_admitted(book: Book) -> None:
    await book.enqueue("m1", ANN)
    await book.enqueue("m2", BOB)
    assert await book.claimed(most=1) == [("m1", 1)]
    for id_ in ("m1", "m2"):
        assert await book.queue.end(PORTFOLIO, id_, "cancelled", "a test") == "queued"
    assert await book.claimed() == []
    assert (await book.admit("m1", ANN, attempt=1)).gone
    assert await book.queue.end(PORTFOLIO, "m1", "cancelled", "a test") == "cancelled"


async def what_is_queued_twice_in_one_call_is_queued_once(book: Book) -> None:
    assert await asyncio.gather(book.enqueue("m1", ANN), book.enqueue("m1", ANN, due_at_ms=HOUR_MS)) == [True, False]
    assert await book.claimed() == [("m1", 1)]


async def what_waits_beyond_its_deadline_expires(book: Book) -> None:
    await book.enqueue("m1", ANN, expires_at_ms=1_000)
    await book.at(999)
    assert await book.reaped() == []
    await book.at(1_000)
    assert await book.reaped() == [("expired", "m1")]
    assert (await book.claimed(), await book.state("m1")) == ([], "expired")


async def what_is_given_back_gives_its_place_back(book: Book) -> None:
    await book.admit("m1", ANN)
    assert await book.enqueue("m1", ANN, attempt=1)
    assert (await book.used(), await book.state("m1")) == (0, "queued")
    assert not await book.enqueue("m1", ANN, attempt=1)
    assert await book.claimed() == [("m1", 3)]


async def what_was_sent_after_all_is_not_sent_again(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.enqueue("m1", ANN, attempt=1)
    await book.status("m1", "delivered", 0)
    [state] = await book.queue.lanes(PORTFOLIO, [LANE])
    assert (state.due, state.waiting_for_place) == (0, 0)
    assert (await book.claimed(), await book.state("m1"), await book.used()) == ([], "delivered", 1)


async def what_is_queued_no_more_keeps_nobody_from_being_woken(book: Book) -> None:
    await book.admit("m1", BOB)
    await book.enqueue("m2", ANN, needs_place=True)
    # As a call leaves it that broke off while it wrote.
    await book.client.hset(f"tidegate:{{{PORTFOLIO}}}:queued_for", ANN, "m1 m2")
    await book.writes(ANN, 0)
    assert await book.claimed(places=0) == [("m2", 1)]


async def a_lane_without_room_wakes_nobody_for_what_is_due_already(book: Book) -> None:
    await book.enqueue("m1", ANN)
    assert (await book.claim(most=0)).wake_at_ms is None


async def what_is_held_for_a_reason_that_is_over_is_due_at_once(book: Book) -> None:
    await book.enqueue("m1", ANN, due_at_ms=HOUR_MS, reason="template_paused")
    await book.enqueue("m2", BOB, due_at_ms=HOUR_MS, reason="quiet_hours")
    assert await book.queue.rouse(PORTFOLIO, [LANE], ["template_paused", "messaging_limit"]) == 1
    assert await book.claimed() == [("m1", 1)]


async def whoever_claims_nothing_learns_of_a_new_epoch(book: Book) -> None:
    assert (await book.claim(most=0)).epoch == 0
    await book.client.hset(book.keys.ledger, "epoch", "7")  # type: ignore[misc]  # redis-py's stubs: not always a coroutine
    claim = await book.claim(most=0)
    assert (claim.epoch, claim.messages) == (7, ())


async def a_lane_takes_no_more_than_is_left_of_the_room_for_all(book: Book) -> None:
    other = Lane("2", LANE.category)
    for n, lane in enumerate([LANE, LANE, other, other]):
        await book.enqueue(f"m{n}", user(n), lane=lane)
    first, second = await book.claim(10, -1, LANE, other, room=3), await book.claim(10, -1, LANE, other, room=3)
    assert [one.message_id for one in first.messages] == ["m0", "m1", "m2"]
    assert [one.message_id for one in second.messages] == ["m3"]
