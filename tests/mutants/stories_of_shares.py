"""Apps with a share of the limit: whose send took a place, and for how long it is that app's."""

from __future__ import annotations

from typing import Any

from tests.factories import DAY_MS, NUMBER, PORTFOLIO, make_share
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, HOUR_MS, LONG_MS, Book
from tests.property.share_model import about
from tidegate.journal import Intent
from tidegate.policy.facts import NO_LIMIT, Facts
from tidegate.store.books import Books


async def _sent(book: Book, app: str, message_id: str, recipient: bytes, most: int = 1, **changes: Any) -> Facts:
    return await book.admit(message_id, recipient, tallies=(make_share(app, most),), about=about(app), **changes)


async def _has(book: Book, app: str) -> int:
    return (await book.ledger.books(PORTFOLIO, app)).used


async def an_app_takes_its_share_and_others_the_rest(book: Book) -> None:
    facts = [await _sent(book, "a", f"a{n}", who) for n, who in enumerate((ANN, BOB))]
    assert [(one.taken, one.tallied) for one in facts] == [(True, (0,)), (False, (1,))]
    assert (await _sent(book, "b", "b1", BOB)).taken
    assert (await book.admit("m1", CAT)).taken
    assert (await _has(book, "a"), await _has(book, "b"), await book.used()) == (1, 1, 3)
    assert await book.stands("share:a") is None, "it is counted in places only"


async def a_share_is_free_at_the_end_of_its_place(book: Book) -> None:
    await _sent(book, "a", "a1", ANN)
    await book.at(DAY_MS - 1)
    assert not (await _sent(book, "a", "a2", BOB)).taken
    await book.at(DAY_MS)
    assert (await _sent(book, "a", "a2", BOB)).taken
    assert (await _has(book, "a"), await book.used()) == (1, 1)


async def who_is_counted_costs_no_share(book: Book) -> None:
    await book.admit("m1", ANN)
    assert (await _sent(book, "a", "a1", ANN, 0)).taken
    assert (await _sent(book, "a", "a2", BOB)).taken
    assert (await _sent(book, "a", "a3", BOB)).taken
    assert await _has(book, "a") == 1


async def a_share_is_held_by_the_messages_of_its_app(book: Book) -> None:
    await _sent(book, "a", "a1", ANN)
    await book.at(HOUR_MS)
    await _sent(book, "a", "a2", ANN)
    await book.at(2 * HOUR_MS)
    await book.admit("m1", ANN)
    await book.at(DAY_MS)
    assert await _has(book, "a") == 1
    await book.at(DAY_MS + HOUR_MS)
    assert (await _has(book, "a"), await book.used()) == (0, 1)
    assert (await _sent(book, "a", "a3", ANN)).taken
    assert await _has(book, "a") == 0, "who is another's costs nothing"


async def what_is_proven_unsent_gives_its_share_back(book: Book) -> None:
    await _sent(book, "a", "a1", ANN)
    await book.settle("a1", "failed", release=True)
    assert (await _sent(book, "a", "a2", BOB)).taken
    await book.enqueue("a2", BOB, attempt=1)
    assert (await _has(book, "a"), await book.used()) == (0, 0)
    assert (await _sent(book, "a", "a3", CAT)).taken
    await book.status("a3", "failed", 0)
    assert (await _has(book, "a"), await book.used()) == (0, 0)


async def a_share_follows_the_delivery(book: Book) -> None:
    await _sent(book, "a", "a1", ANN, hold_ms=LONG_MS)
    await book.at(HOUR_MS)
    await book.status("a1", "delivered", HOUR_MS)
    await book.at(DAY_MS)
    assert await _has(book, "a") == 1
    await book.at(DAY_MS + HOUR_MS + 1_000)
    assert await _has(book, "a") == 0


async def a_glance_sees_a_place_of_a_share_that_has_ended(book: Book) -> None:
    await _sent(book, "a", "a1", ANN)
    await book.settle("a1", "accepted")
    await book.at(HOUR_MS)
    await book.admit("m1", ANN)
    await book.settle("m1", "accepted")
    await book.at(DAY_MS)
    assert await book.used() == 1
    assert await book.glance() == (0, False, True)
    await book.reaped()
    assert await book.glance() == (0, False, False)


async def a_late_delivery_takes_a_place_of_its_app(book: Book) -> None:
    await book.writes(ANN, 0)
    assert (await _sent(book, "a", "a1", ANN, 0)).taken
    assert await _has(book, "a") == 0
    await book.at(DAY_MS)
    await book.status("a1", "delivered", DAY_MS)
    assert (await _has(book, "a"), await book.used()) == (1, 1)


async def a_look_takes_no_share(book: Book) -> None:
    assert (await _sent(book, "a", "a1", ANN, dry_run=True)).taken
    assert await _has(book, "a") == 0
    await _sent(book, "a", "a2", ANN)
    await book.at(DAY_MS)
    facts = await _sent(book, "a", "a3", BOB, dry_run=True)
    assert (facts.taken, facts.tallied) == (True, (0,))


async def a_share_moves_with_its_user(book: Book) -> None:
    await _sent(book, "a", "a1", ANN, 2)
    await book.at(HOUR_MS)
    await _sent(book, "a", "a2", BOB, 2)
    await book.prove(ANN, BOB)
    assert (await _has(book, "a"), await book.used()) == (1, 1)
    await book.settle("a2", "failed", release=True)
    assert await _has(book, "a") == 1, "the other message holds it"
    await book.settle("a1", "failed", release=True)
    assert (await _has(book, "a"), await book.used()) == (0, 0)


async def what_has_ended_is_swept_though_nobody_asks(book: Book) -> None:
    await _sent(book, "a", "a1", ANN)
    await book.at(DAY_MS)
    await book.reaped()
    assert not await book.client.keys("*:tally:share:a:places:*")


async def without_a_limit_no_send_frees_all_that_has_ended(book: Book) -> None:
    for n, who in enumerate((ANN, BOB, CAT)):
        await _sent(book, "a", f"a{n}", who, NO_LIMIT)
    await book.at(DAY_MS)
    facts = await _sent(book, "a", "a3", ANN, NO_LIMIT)
    assert (facts.taken, facts.tallied) == (True, (2,))
    assert await _has(book, "a") == 1


async def a_share_is_written_down_again(book: Book) -> None:
    await book.admit("m1", ANN)
    missing = Intent(
        portfolio=PORTFOLIO,
        message_id="a1",
        attempt=1,
        recipient=ANN,
        number=NUMBER,
        place="1",
        window_ends_ms=0,
        at_ms=BEGIN_MS,
        ends_ms=BEGIN_MS + DAY_MS,
        about=about("a"),
    )
    await Books(book.client).rebuild(PORTFOLIO, [missing])
    assert (await _has(book, "a"), await book.used()) == (1, 1)
    await Books(book.client).rebuild(PORTFOLIO, [missing])
    assert await _has(book, "a") == 1


async def what_is_noted_decides_whose_a_place_is(book: Book) -> None:
    await book.admit("m1", ANN, about=b'{"app":"a","campaign":"\\"share\\":"}')
    await book.admit("m2", BOB, about=b'{"app":"a","other":{"share":"1"}}')
    assert await book.used() == 2
    assert not await book.client.keys("*:tally:share:*")


async def the_curve_of_an_app_is_of_its_own_places(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(HOUR_MS)
    await _sent(book, "a", "a1", BOB)
    expected = -(-(BEGIN_MS + HOUR_MS + DAY_MS) // 1000)
    assert (await book.ledger.books(PORTFOLIO, "a")).releases == {expected: 1}
