"""Turns, looks, denials, and decisions that came too late."""

from __future__ import annotations

from tests.factories import DAY_MS, user
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, LONG_MS, Book


async def a_pair_has_one_turn_every_six_seconds(book: Book) -> None:
    assert (await book.admit("m1", ANN, pair_emission_ms=6_000)).taken
    await book.at(5_999)
    facts = await book.admit("m2", ANN, pair_emission_ms=6_000)
    assert (facts.taken, facts.pair_at_ms) == (False, BEGIN_MS + 6_000)
    assert (await book.admit("m3", BOB, pair_emission_ms=6_000)).taken
    await book.at(6_000)
    assert (await book.admit("m4", ANN, pair_emission_ms=6_000)).taken


async def a_send_that_is_taken_is_told_what_was_used_and_whether_it_was_counted(book: Book) -> None:
    told = [await book.admit(f"m{i}", who) for i, who in enumerate((ANN, BOB, BOB, CAT))]
    assert [(facts.taken, facts.used, facts.counted) for facts in told] == [
        (True, 0, False),
        (True, 1, False),
        (True, 2, True),
        (True, 2, False),
    ]


async def a_pair_may_borrow_from_its_future(book: Book) -> None:
    terms = {"pair_emission_ms": 6_000, "pair_tolerance_ms": 12_000}
    assert [(await book.admit(f"m{i}", ANN, **terms)).taken for i in range(4)] == [True, True, True, False]


async def a_number_is_paced_over_all_its_recipients(book: Book) -> None:
    assert (await book.admit("m1", ANN, throughput_emission_us=12_500)).taken
    await book.at(12)
    facts = await book.admit("m2", BOB, throughput_emission_us=12_500)
    assert (facts.taken, facts.throughput_at_ms) == (False, BEGIN_MS + 13)
    assert (await book.admit("m3", BOB, throughput_emission_us=12_500, number="2")).taken
    await book.at(13)
    assert (await book.admit("m4", BOB, throughput_emission_us=12_500)).taken


async def a_turn_that_was_taken_early_is_owed(book: Book) -> None:
    terms = {"throughput_emission_us": 12_500, "throughput_tolerance_us": 10_000}
    for at_ms, taken in ((0, True), (10, True), (14, False), (15, True), (27, False), (28, True)):
        await book.at(at_ms)
        assert (await book.admit(f"m{at_ms}", user(at_ms), **terms)).taken is taken, at_ms


async def a_turn_in_shadow_is_told_and_not_waited_for(book: Book) -> None:
    terms = {"pair_emission_ms": 6_000, "throughput_emission_us": 1_000_000}
    shadow = {"waits_for_pair": False, "waits_for_throughput": False}
    for i in range(4):
        facts = await book.admit(f"m{i}", ANN, **terms, **shadow)
        assert facts.taken
    assert (facts.pair_at_ms, facts.throughput_at_ms) == (BEGIN_MS + 6_000, BEGIN_MS + 1_000), "no debt grows"
    assert not (await book.admit("m9", ANN, **terms)).taken


async def a_send_that_keeps_what_a_further_try_needs_is_taken_once(book: Book) -> None:
    assert (await book.admit("m1", ANN, body=b"sealed")).taken
    facts = await book.admit("m1", ANN, body=b"sealed")
    assert (facts.taken, facts.repeated) == (True, True)


async def a_denial_takes_nothing(book: Book) -> None:
    terms = {"throughput_emission_us": 1_000_000, "pair_emission_ms": 6_000}
    assert not (await book.admit("m1", ANN, places=0, **terms)).taken
    assert await book.state("m1") is None
    assert (await book.admit("m2", ANN, places=1, **terms)).taken


async def a_look_takes_nothing(book: Book) -> None:
    assert (await book.admit("m1", ANN, places=1, pair_emission_ms=6_000, dry_run=True)).taken
    assert (await book.used(), await book.state("m1")) == (0, None)
    assert (await book.admit("m1", ANN, places=1, pair_emission_ms=6_000)).taken


async def a_look_sees_all_that_has_ended(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB)
    await book.at(DAY_MS)
    facts = await book.admit("m3", CAT, places=9, dry_run=True)
    assert (facts.taken, facts.used) == (True, 0)


async def under_a_lowered_limit_all_that_has_ended_makes_room(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB)
    await book.at(DAY_MS)
    assert (await book.admit("m3", CAT, places=1)).taken


async def who_held_a_place_until_now_holds_none(book: Book) -> None:
    for i, who in enumerate((ANN, BOB, CAT)):
        await book.admit(f"m{i}", who)
    await book.at(DAY_MS)
    facts = [await book.admit(f"n{i}", who) for i, who in enumerate((CAT, BOB, ANN))]
    assert [one.counted for one in facts] == [False] * 3


async def a_delivery_that_is_told_when_its_day_is_over_gives_the_place_back(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.at(5_000 - 345 + 999 + DAY_MS)
    assert (await book.status("m1", "delivered", 5_000)).freed


async def a_decision_under_an_old_standing_takes_nothing(book: Book) -> None:
    await book.client.hincrby(book.keys.ledger, "epoch", 1)
    facts = await book.admit("m1", ANN, epoch=0)
    assert (facts.taken, facts.stale, facts.epoch) == (False, True, 1)
    assert (await book.admit("m1", ANN, epoch=1)).taken


async def nothing_starts_at_its_deadline(book: Book) -> None:
    await book.at(1_000)
    facts = await book.admit("m1", ANN, deadline_ms=BEGIN_MS + 1_000)
    assert (facts.taken, facts.expired) == (False, True)
    assert (await book.admit("m1", ANN, deadline_ms=BEGIN_MS + 1_001)).taken
