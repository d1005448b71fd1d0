"""Names that turn out to be one user's: whatever is counted goes where the name leads. BOB is another name of ANN's."""

from __future__ import annotations

from tests.factories import DAY_MS, NUMBER, PORTFOLIO, make_inbound
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, HOUR_MS, LONG_MS, Book


async def two_places_of_one_user_become_one(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.admit("m2", BOB, hold_ms=LONG_MS)
    assert await book.prove(BOB, ANN)
    assert await book.used() == 1
    assert not await book.move(BOB, ANN)
    await book.settle("m1", "failed", release=True)
    assert await book.used() == 1
    await book.settle("m2", "failed", release=True)
    assert await book.used() == 0


async def a_place_that_only_changes_its_name_is_not_free(book: Book) -> None:
    await book.admit("m1", BOB)
    assert not await book.prove(BOB, ANN)
    assert (await book.admit("m2", ANN, places=1)).counted


async def a_place_lasts_as_long_as_the_later_of_two(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB, hold_ms=LONG_MS)
    await book.prove(BOB, ANN)
    await book.at(LONG_MS - 1)
    assert await book.used() == 1
    await book.at(LONG_MS)
    assert await book.used() == 0


async def a_delivery_under_a_name_counts_for_the_user(book: Book) -> None:
    await book.admit("m1", BOB, hold_ms=LONG_MS)
    await book.at(10_000)
    await book.status("m1", "delivered", 10_000)
    await book.prove(BOB, ANN)
    await book.at(10_000 + DAY_MS - 1)
    assert await book.used() == 1
    await book.at(10_000 + DAY_MS)
    assert await book.used() == 0


async def a_message_that_holds_a_place_becomes_the_user_s(book: Book) -> None:
    await book.admit("m1", BOB)
    await book.prove(BOB, ANN)
    assert await book.recipient("m1") == ANN


async def what_goes_back_to_its_lane_after_the_proof_gives_the_place_back(book: Book) -> None:
    await book.admit("m1", BOB, hold_ms=LONG_MS)
    await book.prove(BOB, ANN)
    assert await book.enqueue("m1", BOB, attempt=1)
    assert (await book.used(), await book.queued_for()) == (0, {ANN: ["m1"]})


async def a_late_delivery_to_a_name_takes_the_user_s_place(book: Book) -> None:
    await book.writes(BOB, 0)
    await book.admit("m1", BOB)
    await book.prove(BOB, ANN)
    await book.at(DAY_MS + HOUR_MS)
    told = await book.status("m1", "delivered", DAY_MS + HOUR_MS)
    assert (await book.used(), told.recipient) == (1, ANN)
    assert (await book.admit("m2", ANN, places=1)).counted


async def a_window_moves_with_the_name(book: Book) -> None:
    await book.writes(BOB, 0)
    await book.prove(BOB, ANN)
    assert (await book.admit("m1", ANN, needs_window=True, counts=False)).taken
    assert not (await book.admit("m2", BOB, needs_window=True, counts=False, user_version=BEGIN_MS)).taken


async def of_two_windows_the_later_one_stays(book: Book) -> None:
    await book.writes(BOB, 0)
    await book.at(HOUR_MS)
    await book.writes(ANN, HOUR_MS)
    await book.prove(BOB, ANN)
    assert (await book.admit("m1", ANN)).window_ends_ms == BEGIN_MS + HOUR_MS + DAY_MS


async def who_writes_under_a_name_opens_and_closes_the_user_s_window(book: Book) -> None:
    await book.prove(BOB, ANN)
    await book.writes(BOB, 0)
    assert (await book.admit("m1", ANN, needs_window=True, counts=False)).taken
    await book.ledger.close_window(make_inbound(BOB, BEGIN_MS))
    assert not (await book.admit("m2", ANN, needs_window=True, counts=False)).taken


async def turns_of_two_names_are_owed_one_after_the_other(book: Book) -> None:
    await book.admit("m1", ANN, pair_emission_ms=6_000)
    await book.admit("m2", BOB, pair_emission_ms=6_000)
    await book.prove(BOB, ANN)
    await book.move(BOB, ANN)
    assert (await book.admit("m3", ANN, pair_emission_ms=6_000)).pair_at_ms == BEGIN_MS + 12_000


async def what_is_queued_for_a_name_waits_for_no_place_where_the_user_has_one(book: Book) -> None:
    await book.enqueue("m1", BOB, needs_place=True)
    await book.admit("m2", ANN)
    await book.prove(BOB, ANN)
    assert await book.claimed(places=0) == [("m1", 1)]


async def what_is_queued_for_a_user_goes_in_the_window_of_a_name(book: Book) -> None:
    await book.enqueue("m1", ANN, needs_place=True)
    await book.writes(BOB, 0)
    await book.prove(BOB, ANN)
    assert await book.claimed(places=0) == [("m1", 1)]


async def what_is_queued_for_a_name_goes_when_the_user_gets_a_place(book: Book) -> None:
    await book.enqueue("m1", BOB, needs_place=True)
    await book.prove(BOB, ANN)
    await book.enqueue("m2", BOB, needs_place=True)
    assert await book.queued_for() == {ANN: ["m1", "m2"]}
    await book.admit("m3", ANN)
    assert await book.claimed(places=0) == [("m1", 1), ("m2", 1)]


async def what_is_queued_and_ends_leaves_no_trace_under_a_name(book: Book) -> None:
    await book.enqueue("m1", BOB)
    await book.prove(BOB, ANN)
    await book.queue.end(PORTFOLIO, "m1", "cancelled", "a test")
    assert await book.queued_for() == {}


async def what_is_queued_under_one_name_and_sent_under_another_leaves_no_trace(book: Book) -> None:
    await book.enqueue("m1", BOB)
    await book.enqueue("m2", BOB)
    assert await book.claimed() == [("m1", 1), ("m2", 1)]
    await book.enqueue("m1", ANN, attempt=1)
    assert await book.queued_for() == {ANN: ["m1"], BOB: ["m2"]}
    await book.queue.end(PORTFOLIO, "m1", "cancelled", "a test")
    assert (await book.admit("m2", ANN, attempt=1)).taken
    assert await book.queued_for() == {}


async def a_name_of_a_name_is_the_user_s(book: Book) -> None:
    await book.prove(CAT, BOB)
    await book.prove(BOB, ANN)
    await book.writes(CAT, 0)
    assert (await book.admit("m1", ANN, needs_window=True, counts=False)).taken


async def a_user_s_own_name_moves_nowhere(book: Book) -> None:
    await book.admit("m1", ANN)
    assert not await book.move(ANN, ANN)
    assert await book.used() == 1


async def a_name_that_is_forgotten_leaves_no_trace(book: Book) -> None:
    await book.admit("m1", BOB)
    await book.move(BOB, ANN)
    assert await book.client.exists(book.keys.user(BOB)) == 0
    assert (await book.admit("m2", ANN, places=1)).counted


async def the_last_message_under_any_name_is_the_last_one(book: Book) -> None:
    for what in (NUMBER, f"marketing:{NUMBER}"):
        own, other = book.keys.reached(what, ANN), book.keys.reached(what, BOB)
        await book.client.set(other, "m1", px=60_000)
        await book.move(BOB, ANN)
        assert (await book.client.get(own), await book.client.exists(other)) == (b"m1", 0)
        await book.client.set(other, "m0", px=30_000)
        await book.move(BOB, ANN)
        assert (await book.client.get(own), await book.client.exists(other)) == (b"m1", 0)
