"""Who holds a place, since when and until when."""

from __future__ import annotations

import asyncio

from tests.factories import DAY_MS, PORTFOLIO, make_status
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, DAN, HOUR_MS, LONG_MS, Book
from tidegate.store.asks import OUTCOME_MS


async def a_place_is_held_to_its_last_millisecond_and_free_at_its_end(book: Book) -> None:
    assert (await book.admit("m1", ANN, places=1)).taken
    await book.at(DAY_MS - 1)
    assert not (await book.admit("m2", BOB, places=1)).taken
    await book.at(DAY_MS)
    assert (await book.admit("m2", BOB, places=1)).taken


async def the_last_place_is_given_once(book: Book) -> None:
    assert (await book.admit("m1", ANN, places=2)).taken
    assert (await book.admit("m2", BOB, places=2)).taken
    facts = await book.admit("m3", CAT, places=2)
    assert (facts.taken, facts.used, facts.counted) == (False, 2, False)


async def who_holds_a_place_needs_no_other(book: Book) -> None:
    await book.admit("m1", ANN, places=1)
    facts = await book.admit("m2", ANN, places=1)
    assert (facts.taken, facts.counted) == (True, True)
    assert await book.used() == 1


async def a_book_that_is_read_lets_go_of_what_has_ended(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB, hold_ms=LONG_MS)
    await book.at(DAY_MS)
    assert await book.used() == 1


async def a_bucket_is_looked_into_when_its_first_place_ends(book: Book) -> None:
    await book.admit("m1", ANN, places=2)
    await book.admit("m2", DAN, places=2, hold_ms=LONG_MS)
    await book.at(DAY_MS)
    assert (await book.admit("m3", BOB, places=2)).taken
    await book.at(LONG_MS)
    assert await book.used() == 0


async def a_place_that_ends_before_the_others_of_its_bucket_is_freed_in_time(book: Book) -> None:
    await book.admit("m1", ANN, places=2, hold_ms=LONG_MS)
    await book.admit("m2", DAN, places=2)
    await book.at(DAY_MS)
    assert (await book.admit("m3", BOB, places=2)).taken


async def a_delivery_that_lets_a_place_end_before_the_others_of_its_bucket_frees_it_in_time(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.admit("m2", DAN, hold_ms=LONG_MS)
    await book.status("m2", "delivered", 0)
    await book.at(DAY_MS + 1_000)
    assert await book.used() == 1


async def what_is_read_before_it_was_delivered_ends_a_place_before_the_others_of_its_bucket(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.admit("m2", DAN, hold_ms=LONG_MS)
    await book.status("m2", "read", 0)
    await book.at(DAY_MS + 1_000)
    assert await book.used() == 1
    await book.at(LONG_MS)
    assert await book.used() == 0


async def of_one_bucket_two_are_delivered_in_one_call(book: Book) -> None:
    for id_, who in (("m1", ANN), ("m2", DAN), ("m3", BOB)):
        await book.admit(id_, who, hold_ms=LONG_MS)
    await book.ledger.statuses.apply([make_status(id_, "delivered", BEGIN_MS) for id_ in ("m1", "m2")])
    await book.at(DAY_MS + 1_000)
    assert await book.used() == 1


async def nobody_is_taken_for_two_halves_of_others(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", DAN)
    # Seven bytes of the recipient are kept, and the end of its place after them, which begins with a 1.
    halves = ANN[:2] + ANN[3:9] + b"\x01" + ANN[9:]
    assert not (await book.admit("m3", halves)).counted
    assert await book.used() == 3


async def two_sends_of_one_call_to_one_user_share_a_place(book: Book) -> None:
    first, second = await asyncio.gather(book.admit("m1", ANN), book.admit("m2", ANN))
    assert (first.counted, second.counted) == (False, True)
    assert await book.used() == 1
    assert not await book.settle("m1", "failed", release=True)
    assert await book.settle("m2", "failed", release=True)


async def two_new_users_of_one_call_have_a_place_each(book: Book) -> None:
    sends = [book.admit(f"m{n}", who, places=2) for n, who in enumerate([ANN, BOB, CAT])]
    assert [one.taken for one in await asyncio.gather(*sends)] == [True, True, False]
    assert [await book.settle(id_, "failed", release=True) for id_ in ("m0", "m1")] == [True, True]
    assert await book.used() == 0


async def a_place_that_begins_where_another_has_just_ended_is_freed_in_time(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", DAN, hold_ms=LONG_MS)
    await book.at(DAY_MS)
    await book.admit("m3", ANN[:2] + b"eve" * 4 + b"ee", hold_ms=HOUR_MS)
    await book.at(DAY_MS + HOUR_MS)
    assert await book.used() == 1


async def a_place_that_follows_the_users_last_one_is_held_by_its_messages(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(DAY_MS)
    again = await asyncio.gather(*(book.admit(id_, ANN) for id_ in ("m2", "m3")))
    assert [(one.taken, one.counted) for one in again] == [(True, False), (True, True)]
    assert [await book.settle(id_, "failed", release=True) for id_ in ("m2", "m3")] == [False, True]
    assert await book.used() == 0


async def a_place_that_follows_the_users_last_one_ends_a_day_after_its_delivery(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(DAY_MS)
    await book.admit("m2", ANN, hold_ms=LONG_MS)
    await book.status("m2", "delivered", DAY_MS)
    await book.at(2 * DAY_MS + 1_000)
    assert await book.used() == 0


async def two_calls_for_one_message_in_one_trip_take_one_place(book: Book) -> None:
    first, second = await asyncio.gather(book.admit("m1", ANN), book.admit("m1", ANN))
    assert (first.repeated, second.repeated) == (False, True)
    assert await book.used() == 1


async def a_short_hold_does_not_shorten_a_long_one(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.admit("m2", ANN, hold_ms=DAY_MS)
    await book.at(DAY_MS)
    assert await book.used() == 1
    await book.at(LONG_MS)
    assert await book.used() == 0


async def the_curve_tells_when_places_are_expected(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.at(HOUR_MS)
    await book.admit("m2", BOB)
    first, second = -(-(BEGIN_MS + DAY_MS) // 1000), -(-(BEGIN_MS + HOUR_MS + DAY_MS) // 1000)
    assert (await book.books()).releases == {first: 1, second: 1}
    await book.status("m2", "failed", HOUR_MS)
    assert (await book.books()).releases == {first: 1}


async def holds_that_have_ended_are_not_carried_on(book: Book) -> None:
    for i in range(5):
        await book.at(i * 23 * HOUR_MS)
        await book.admit(f"m{i}", ANN)
    [text] = (await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:holds")).values()
    assert text.count(b";") == 2


async def a_send_that_does_not_count_takes_no_place(book: Book) -> None:
    assert (await book.admit("m1", ANN, counts=False, places=0)).taken
    assert await book.used() == 0


async def an_unknown_outcome_keeps_its_place(book: Book) -> None:
    await book.admit("m1", ANN)
    assert not await book.settle("m1", "unknown")
    assert await book.used() == 1


async def a_proven_failure_gives_its_place_back(book: Book) -> None:
    await book.admit("m1", ANN)
    assert await book.settle("m1", "failed", release=True)
    assert await book.used() == 0
    assert (await book.admit("m2", BOB, places=1)).taken


async def a_failure_without_proof_keeps_its_place(book: Book) -> None:
    await book.admit("m1", ANN)
    assert not await book.settle("m1", "failed")
    assert await book.used() == 1


async def a_failure_frees_nothing_that_another_message_holds(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", ANN)
    assert not await book.settle("m2", "failed", release=True)
    assert await book.used() == 1


async def an_outcome_of_another_attempt_changes_nothing(book: Book) -> None:
    await book.admit("m1", ANN, attempt=1)
    assert not await book.settle("m1", "failed", release=True, attempt=2)
    assert (await book.used(), await book.state("m1")) == (1, "sending")


async def an_outcome_that_never_came_is_unknown_and_not_sent_again(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(OUTCOME_MS - 1)
    assert await book.reaped() == []
    await book.at(OUTCOME_MS)
    assert await book.reaped() == [("unknown", "m1")]
    assert (await book.state("m1"), await book.used(), await book.claimed()) == ("unknown", 1, [])


async def a_call_whose_answer_was_lost_is_answered_again_and_changes_nothing(book: Book) -> None:
    terms = {"places": 1, "throughput_emission_us": 1_000_000, "pair_emission_ms": 6_000}
    assert (await book.admit("m1", ANN, **terms)).taken
    facts = await book.admit("m1", ANN, **terms)
    assert (facts.taken, facts.repeated) == (True, True)
    await book.at(6_000)
    assert (await book.admit("m2", ANN, **terms)).taken


async def a_late_delivery_leaves_what_another_message_holds(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.writes(ANN, at_ms=0)
    await book.admit("m2", ANN)
    await book.at(DAY_MS)
    await book.status("m2", "delivered", DAY_MS)
    await book.at(3 * DAY_MS)
    assert await book.used() == 1


async def a_hold_that_a_delivery_has_ended_is_nothing_to_the_next_of_its_call(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.writes(ANN, at_ms=0)
    await book.admit("m2", ANN)
    await book.at(DAY_MS)
    told = [make_status(id_, "delivered", (BEGIN_MS + DAY_MS) // 1000 * 1000) for id_ in ("m1", "m2")]
    await book.ledger.statuses.apply(told)
    await book.at(3 * DAY_MS)
    assert await book.used() == 0


async def a_delivery_after_a_failure_of_its_call_finds_its_place_where_it_is_by_then(book: Book) -> None:
    # Both stand in one string, the one that is let go before the other.
    beside = ANN[:2] + BOB[2:]
    await book.admit("m1", beside)
    await book.admit("m2", ANN)
    await book.at(5_000)
    told = [make_status(id_, word, BEGIN_MS + 5_000) for id_, word in (("m1", "failed"), ("m2", "delivered"))]
    await book.ledger.statuses.apply(told)
    assert await book.used() == 1
    await book.at(2 * DAY_MS)
    assert await book.used() == 0


async def a_delivery_after_a_failure_of_its_call_is_not_held_by_what_has_failed(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(5_000)
    told = [make_status("m1", word, BEGIN_MS + 5_000) for word in ("failed", "delivered")]
    await book.ledger.statuses.apply(told)
    assert await book.used() == 1
    await book.at(DAY_MS + 4_999)
    assert await book.used() == 1
    await book.at(DAY_MS + 5_000)
    assert await book.used() == 0


async def a_delivery_does_not_go_back_behind_another(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.status("m1", "delivered", HOUR_MS)
    await book.admit("m2", ANN)
    await book.status("m2", "delivered", 0)
    await book.at(DAY_MS + HOUR_MS // 2)
    assert await book.used() == 1


async def a_delivery_has_its_place_expected_when_it_ends(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(HOUR_MS)
    await book.status("m1", "delivered", HOUR_MS)
    assert (await book.books()).releases == {-(-(BEGIN_MS + HOUR_MS + DAY_MS) // 1000): 1}


async def a_delivery_leaves_the_other_places_of_its_string(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.admit("m2", DAN)
    await book.status("m1", "delivered", 0)
    assert (await book.admit("m3", DAN)).counted
    assert await book.used() == 2
