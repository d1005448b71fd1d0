"""Allowances and further turns: taken with all else or not at all, given back on proof, settled by the bill."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.factories import DAY_MS, NUMBER, make_ask, make_objection, make_terms, user
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, HOUR_MS, LANE, Book
from tidegate.policy.facts import NO_LIMIT, Tally, Turn

WARM, SPENT, WALLET, FREE = f"warm:number:{NUMBER}:0", "spend:USD:waba:1:month:0", "spend:USD:wallet:1", "included:1:0"


def new_recipients(limit: int = NO_LIMIT, **changes: Any) -> Tally:
    return Tally(WARM, 1, limit, True, BEGIN_MS + 2 * DAY_MS, **changes)


def money(cost: int, limit: int = NO_LIMIT, name: str = SPENT, **changes: Any) -> Tally:
    return Tally(name, cost, limit, False, BEGIN_MS + 2 * DAY_MS, **changes)


def free(limit: int) -> Tally:
    return Tally(FREE, 1, limit, False, BEGIN_MS + 2 * DAY_MS, covers=True)


async def a_further_turn_is_waited_for(book: Book) -> None:
    turn = Turn("probe:1", 1_000, 500, make_objection())
    assert (await book.admit("m1", ANN, turns=(turn,))).taken
    await book.at(499)
    facts = await book.admit("m2", BOB, turns=(turn,))
    assert (facts.taken, facts.turns_at_ms) == (False, (BEGIN_MS + 500,))
    assert (await book.admit("m3", BOB, turns=(turn._replace(name="probe:2"),))).taken
    await book.at(500)
    assert (await book.admit("m4", BOB, turns=(turn,))).taken
    assert not (await book.admit("m5", CAT, turns=(turn,))).taken, "what was borrowed is owed"


async def of_two_further_turns_both_have_to_come(book: Book) -> None:
    slow, fast = Turn("slow", 1_000, 0, make_objection()), Turn("fast", 10, 0, make_objection())
    assert (await book.admit("m1", ANN, turns=(slow, fast))).taken
    await book.at(10)
    facts = await book.admit("m2", BOB, turns=(slow, fast))
    assert (facts.taken, facts.turns_at_ms) == (False, (BEGIN_MS + 1_000, BEGIN_MS + 10))
    assert (await book.admit("m3", BOB, turns=(fast,))).taken, "a denial takes no turn"


async def an_allowance_is_taken_to_its_last(book: Book) -> None:
    facts = [await book.admit(f"m{n}", user(n), tallies=(new_recipients(2),)) for n in range(3)]
    assert [(one.taken, one.tallied) for one in facts] == [(True, (0,)), (True, (1,)), (False, (2,))]
    assert (await book.used(), await book.state("m2")) == (2, None)


async def sends_of_one_call_share_what_an_allowance_has(book: Book) -> None:
    of = make_terms(tallies=(money(40, 100),))
    asks = [make_ask(f"m{n}", user(n), terms=of) for n in range(3)]
    facts = await asyncio.gather(*map(book.ledger.admit, asks))
    assert [(one.taken, one.tallied) for one in facts] == [(True, (0,)), (True, (40,)), (False, (80,))]
    assert await book.stands(SPENT) == 80


async def who_holds_a_place_already_is_no_new_recipient(book: Book) -> None:
    assert (await book.admit("m1", ANN, tallies=(new_recipients(1),))).taken
    assert (await book.admit("m2", ANN, tallies=(new_recipients(1),))).taken
    await book.writes(BOB, 0)
    assert (await book.admit("m3", BOB, tallies=(new_recipients(1),))).taken
    assert await book.stands(WARM) == 1


async def what_nobody_enforces_is_counted_and_stops_nothing(book: Book) -> None:
    tallies = (new_recipients(1, enforced=False), money(70, 100, enforced=False))
    facts = [await book.admit(f"m{n}", user(n), tallies=tallies) for n in range(3)]
    assert [(one.taken, one.tallied) for one in facts] == [(True, (0, 0)), (True, (1, 70)), (True, (2, 140))]


async def a_sum_is_spent_to_the_last_millionth(book: Book) -> None:
    assert (await book.admit("m1", ANN, tallies=(money(40, 100),))).taken
    assert (await book.admit("m2", BOB, tallies=(money(60, 100),))).taken
    facts = await book.admit("m3", CAT, tallies=(money(1, 100),))
    assert (facts.taken, facts.tallied) == (False, (100,))
    assert (await book.admit("m4", CAT, tallies=(money(0, 100),))).taken, "what is free may always go"


async def of_two_allowances_none_is_taken_unless_both_have_room(book: Book) -> None:
    assert not (await book.admit("m1", ANN, tallies=(money(10), money(10, 9, WALLET)))).taken
    assert not (await book.admit("m2", ANN, tallies=(money(10, 9, WALLET), money(10)))).taken
    assert (await book.stands(SPENT), await book.stands(WALLET)) == (None, None)
    assert (await book.admit("m3", ANN, tallies=(money(10), money(10, 10, WALLET)))).taken
    assert (await book.stands(SPENT), await book.stands(WALLET)) == (10, 10)


async def without_a_turn_no_allowance_is_taken(book: Book) -> None:
    turn = Turn("probe:1", 1_000, 0, make_objection())
    assert (await book.admit("m1", ANN, turns=(turn,), tallies=(money(10),))).taken
    assert not (await book.admit("m2", BOB, turns=(turn,), tallies=(money(10),))).taken
    assert await book.stands(SPENT) == 10
    assert not (await book.admit("m3", BOB, tallies=(money(10, 19),), turns=(turn._replace(name="other"),))).taken
    assert (await book.admit("m4", BOB, turns=(turn._replace(name="other"),))).taken


async def a_look_takes_no_allowance(book: Book) -> None:
    assert (await book.admit("m1", ANN, tallies=(new_recipients(1), money(5)), dry_run=True)).taken
    assert (await book.stands(WARM), await book.stands(SPENT)) == (None, None)
    assert await book.client.hgetall(book.keys.ramps) == {}


async def a_repeated_call_takes_no_allowance_again(book: Book) -> None:
    for _ in range(2):
        assert (await book.admit("m1", ANN, tallies=(money(5),))).taken
    assert await book.stands(SPENT) == 5


async def the_first_new_recipient_begins_a_warm_up(book: Book) -> None:
    await book.at(7)
    await book.admit("m1", ANN, tallies=(new_recipients(),))
    await book.at(9)
    await book.admit("m2", BOB, tallies=(new_recipients(), new_recipients()._replace(name="warm:number:2:1")))
    assert await book.client.hgetall(book.keys.ramps) == {f"number:{NUMBER}".encode(): str(BEGIN_MS + 7).encode()}


async def in_an_open_window_some_messages_cost_nothing(book: Book) -> None:
    reply = money(10, 10, free_in_window=True)
    assert (await book.admit("m1", ANN, tallies=(reply,))).taken
    assert not (await book.admit("m2", BOB, tallies=(reply,))).taken
    await book.writes(BOB, 0)
    assert (await book.admit("m3", BOB, tallies=(reply,))).taken
    assert not (await book.admit("m4", BOB, tallies=(money(10, 10),))).taken, "others cost there too"
    assert await book.stands(SPENT) == 10


async def what_is_included_covers_what_comes_after_it_while_there_is_some(book: Book) -> None:
    facts = [await book.admit(f"m{n}", user(n), tallies=(free(2), money(10, 15))) for n in range(4)]
    assert [one.taken for one in facts] == [True, True, True, False]
    assert [one.tallied for one in facts] == [(0, 0), (1, 0), (2, 0), (2, 10)]
    await book.settle("m0", "failed", release=True)
    assert (await book.admit("m5", CAT, tallies=(free(2), money(10, 15)))).taken
    assert (await book.stands(FREE), await book.stands(SPENT)) == (2, 10)


async def an_allowance_ends_with_its_period(book: Book) -> None:
    await book.admit("m1", ANN, tallies=(money(5),))
    left_ms = await book.client.pttl(book.keys.tally(SPENT))
    assert DAY_MS < left_ms <= 2 * DAY_MS
    await book.admit("m2", BOB, tallies=(money(5, name=WALLET)._replace(expires_at_ms=0),))
    assert await book.client.pttl(book.keys.tally(WALLET)) == -1
    await book.at(3 * DAY_MS)
    await book.admit("m3", CAT, tallies=(money(5),))
    assert await book.stands(SPENT) == 10, "the clock of the store's own decides when it is forgotten"


async def what_was_proven_unsent_is_given_back(book: Book) -> None:
    await book.admit("m1", ANN, tallies=(new_recipients(1), money(5, 5)))
    await book.settle("m1", "failed", release=True)
    assert (await book.stands(WARM), await book.stands(SPENT)) == (0, 0)
    await book.settle("m1", "failed", release=True)
    await book.status("m1", "failed", 1_000)
    assert (await book.stands(WARM), await book.stands(SPENT)) == (0, 0), "once"


async def an_unknown_outcome_keeps_its_allowance(book: Book) -> None:
    await book.admit("m1", ANN, tallies=(new_recipients(1), money(5, 5)))
    await book.settle("m1", "unknown")
    assert (await book.stands(WARM), await book.stands(SPENT)) == (1, 5)


async def what_goes_back_to_its_lane_gives_its_allowance_back(book: Book) -> None:
    await book.enqueue("m1", ANN)
    [(_, attempt)] = await book.claimed()
    await book.admit("m1", ANN, attempt=attempt, tallies=(money(5, 5),))
    assert await book.enqueue("m1", ANN, attempt=attempt, lane=LANE)
    assert await book.stands(SPENT) == 0
    await book.at(1)
    [(_, attempt)] = await book.claimed()
    await book.admit("m1", ANN, attempt=attempt, tallies=(money(4, 5),))
    await book.settle("m1", "failed", release=True, attempt=attempt)
    assert await book.stands(SPENT) == 0, "of the second attempt too, and the first one's no second time"


async def a_failure_that_nobody_saw_gives_all_back(book: Book) -> None:
    await book.admit("m1", ANN, tallies=(new_recipients(1), money(5), free(9)))
    await book.settle("m1", "accepted")
    await book.status("m1", "failed", 1_000)
    assert [await book.stands(name) for name in (WARM, SPENT, FREE)] == [0, 0, 0]


async def a_doubtful_failure_gives_the_money_back(book: Book) -> None:
    await book.admit("m1", ANN, tallies=(new_recipients(1), money(5), free(9)))
    await book.settle("m1", "accepted")
    await book.status("m1", "failed", 1_000, says="keeps")
    assert [await book.stands(name) for name in (WARM, SPENT, FREE)] == [1, 0, 0]


async def a_delivery_after_all_takes_it_again(book: Book) -> None:
    await book.admit("m1", ANN, tallies=(new_recipients(1), money(5)))
    await book.status("m1", "failed", 1_000)
    await book.status("m1", "delivered", 2_000)
    assert (await book.stands(WARM), await book.stands(SPENT)) == (1, 5)
    await book.status("m1", "read", 3_000)
    await book.status("m1", "failed", 4_000)
    assert (await book.stands(WARM), await book.stands(SPENT)) == (1, 5), "and keeps it"


async def a_delivery_after_all_is_billed_at_the_price_that_was_told(book: Book) -> None:
    await book.admit("m1", ANN, tallies=(money(5),))
    await book.status("m1", "failed", 1_000)
    await book.status("m1", "sent", 500, billed_micros=7)
    assert await book.stands(SPENT) == 0, "what failed costs nothing"
    await book.status("m1", "delivered", 2_000)
    assert await book.stands(SPENT) == 7
    await book.status("m1", "failed", 3_000, billed_micros=9)
    assert await book.stands(SPENT) == 7, "a failure has no price"


async def the_bill_takes_the_place_of_what_was_reserved(book: Book) -> None:
    tallies = (new_recipients(1), money(5), money(5, name=WALLET))
    await book.admit("m1", ANN, tallies=tallies)
    await book.admit("m2", BOB, tallies=(money(5),))
    await book.status("m1", "sent", 1_000, billed_micros=8)
    assert [await book.stands(name) for name in (WARM, SPENT, WALLET)] == [1, 13, 8]
    await book.status("m1", "delivered", HOUR_MS, billed_micros=8)
    await book.status("m1", "delivered", HOUR_MS, billed_micros=8)
    assert [await book.stands(name) for name in (WARM, SPENT, WALLET)] == [1, 13, 8], "once"
    await book.status("m2", "sent", 1_000, billed_micros=0)
    assert await book.stands(SPENT) == 8, "what is free for Meta is free"


async def what_seemed_free_is_billed_where_meta_bills_it(book: Book) -> None:
    await book.writes(ANN, 0)
    await book.admit("m1", ANN, tallies=(money(10, free_in_window=True),))
    await book.status("m1", "delivered", 1_000, billed_micros=6)
    assert await book.stands(SPENT) == 6


async def a_status_without_a_price_settles_nothing(book: Book) -> None:
    await book.admit("m1", ANN, tallies=(money(5),))
    await book.status("m1", "sent", 1_000)
    await book.status("m1", "delivered", 2_000)
    assert await book.stands(SPENT) == 5


async def what_is_settled_after_its_period_counts_nowhere(book: Book) -> None:
    await book.admit("m1", ANN, tallies=(money(5),))
    await book.client.delete(book.keys.tally(SPENT))
    await book.status("m1", "sent", 1_000, billed_micros=8)
    await book.status("m1", "failed", 2_000)
    assert await book.stands(SPENT) is None


async def large_sums_are_exact(book: Book) -> None:
    large = 8_999_999_999_999_999
    assert (await book.admit("m1", ANN, tallies=(money(large - 1, large),))).taken
    facts = await book.admit("m2", BOB, tallies=(money(2, large),))
    assert (facts.taken, facts.tallied) == (False, (large - 1,))
    assert (await book.admit("m3", BOB, tallies=(money(1, large),))).taken
    await book.status("m1", "delivered", 1_000, billed_micros=large - 3)
    assert await book.stands(SPENT) == large - 2
