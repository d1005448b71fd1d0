"""What nobody knows of: calls that come late, tries that were never answered, and the one further try of some."""

from __future__ import annotations

from typing import Any

from tests.factories import DAY_MS, NUMBER, PORTFOLIO
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, FOREVER_MS, HOUR_MS, LONG_MS, Book
from tidegate.store.asks import OUTCOME_MS
from tidegate.store.ledger import LATE_MS, UNRESOLVED_MS

ABOUT = b'{"app":"shop","category":"marketing","delivery":"at_least_once"}'


async def an_admission_that_comes_after_its_send_was_given_up_takes_nothing(book: Book) -> None:
    assert not await book.settle("m1", "failed", release=True)
    await book.at(LATE_MS - 1)
    assert (await book.admit("m1", ANN)).gone
    assert (await book.used(), await book.state("m1"), await book.reaped()) == (0, "failed", [])
    assert LATE_MS - 60_000 < await book.client.pttl(book.keys.message("m1")) <= LATE_MS


async def an_outcome_that_is_not_known_leaves_nothing_to_find(book: Book) -> None:
    assert not await book.settle("m1", "unknown")
    assert not await book.settle("m2", "failed")
    assert (await book.state("m1"), await book.state("m2")) == (None, None)


async def a_send_that_was_given_up_after_its_admission_came_gives_its_place_back(book: Book) -> None:
    assert (await book.admit("m1", ANN)).taken
    assert await book.settle("m1", "failed", release=True)
    assert (await book.admit("m1", ANN)).gone
    assert (await book.used(), await book.state("m1")) == (0, "failed")


async def what_is_queued_after_it_was_taken_back_is_not_queued(book: Book) -> None:
    assert await book.queue.end(PORTFOLIO, "m1", "failed", "a test", forestall=True) == ""
    assert not await book.enqueue("m1", ANN)
    await book.at(LATE_MS - 1)
    assert not await book.enqueue("m1", ANN)
    assert (await book.claimed(), await book.state("m1")) == ([], "failed")
    assert await book.queue.end(PORTFOLIO, "m2", "cancelled", "a test") == ""
    assert await book.state("m2") is None


async def what_has_a_body_out_of_the_queue_is_taken_once_whatever_was_noted_of_it(book: Book) -> None:
    await book.enqueue("m1", ANN)
    await book.claimed()
    assert (await book.admit("m1", ANN, body=b"sealed")).taken
    again = await book.admit("m1", ANN, body=b"sealed")
    assert (again.taken, again.repeated) == (True, True)
    assert await book.used() == 1


async def what_comes_out_of_the_queue_may_be_tried_again(book: Book) -> None:
    await book.enqueue("m1", ANN, about=ABOUT)
    await book.claimed()
    await book.admit("m1", ANN, about=ABOUT)
    await book.settle("m1", "unknown")
    await book.at(1)
    await _heard_of(book, "m2", BOB)
    await book.at(UNRESOLVED_MS)
    assert await book.reaped() == [("tried_again", "m1")]
    [again] = (await book.claim()).messages
    assert (again.message_id, again.attempt, again.sealed != b"") == ("m1", 3, True)
    # Whatever is noted of it now: its first try may have been taken.
    await book.admit("m1", ANN, attempt=3)
    await book.settle("m1", "failed", attempt=3, release=True)
    assert (await book.state("m1"), await book.used()) == ("unknown", 2)


async def what_is_unknown_for_a_quarter_of_an_hour_is_told_of_once(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB)
    await book.settle("m1", "unknown")
    await book.at(OUTCOME_MS)
    assert await book.reaped() == [("unknown", "m2")]
    # What waited for an answer when its node ended is as old as its being unknown, and no older.
    await book.at(UNRESOLVED_MS - 1)
    assert await book.reaped() == []
    await book.at(UNRESOLVED_MS)
    assert await book.reaped() == [("unresolved", "m1")]
    assert await book.reaped() == []
    await book.at(OUTCOME_MS + UNRESOLVED_MS)
    assert await book.reaped() == [("unresolved", "m2")]
    assert (await book.state("m1"), await book.state("m2"), await book.used()) == ("unknown", "unknown", 2)


async def what_was_told_of_as_unresolved_is_settled_by_its_status_for_a_week(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.settle("m1", "unknown")
    await book.at(UNRESOLVED_MS)
    await book.reaped()
    await book.at(7 * DAY_MS)
    assert await book.used() == 0
    assert (await book.status("m1", "delivered", 7 * DAY_MS)).changed
    assert (await book.state("m1"), await book.used()) == ("delivered", 1)


async def what_is_settled_in_time_is_never_unresolved(book: Book) -> None:
    for message_id, user in (("m1", ANN), ("m2", BOB)):
        await book.admit(message_id, user)
        await book.settle(message_id, "unknown")
    await book.settle("m1", "accepted")
    await book.status("m2", "sent", 0)
    await book.at(UNRESOLVED_MS)
    assert await book.reaped() == []


async def what_is_kept_of_a_message_goes_when_it_will_not_be_tried_again(book: Book) -> None:
    await book.enqueue("m1", ANN)
    await book.claimed()
    await book.admit("m1", ANN)
    await book.settle("m1", "unknown")
    await _in_silence(book, "m2", BOB)
    assert (await _body(book, "m1"), await _body(book, "m2")) == (None, b"sealed")
    await book.at(UNRESOLVED_MS)
    assert await book.reaped() == [("unresolved", "m1"), ("unresolved", "m2")]
    assert await _body(book, "m2") is None
    await book.admit("m3", CAT, about=ABOUT, body=b"sealed")
    await book.settle("m3", "accepted")
    assert await _body(book, "m3") is None


async def what_asked_for_it_is_tried_once_more_while_others_are_heard_of(book: Book) -> None:
    await _tried_again(book)
    assert (await book.state("m1"), await book.used()) == ("queued", 2)
    [claimed] = (await book.claim()).messages
    assert (claimed.message_id, claimed.attempt, claimed.sealed, claimed.about) == ("m1", 3, b"sealed", ABOUT)
    # Its own place is its own: it needs no other, in a full book.
    assert (await book.admit("m1", ANN, attempt=3, places=2, about=ABOUT)).taken
    await book.settle("m1", "unknown", attempt=3)
    assert await _body(book, "m1") is None
    await _heard_of(book, "m3", CAT)
    await book.at(2 * UNRESOLVED_MS)
    assert await book.reaped() == [("unresolved", "m1")]
    assert await book.claimed() == []


async def nothing_is_tried_again_in_a_silence(book: Book) -> None:
    # What was sent before it proves nothing of what came after it.
    await _heard_of(book, "m0", CAT)
    await book.at(1)
    await _in_silence(book, "m1", ANN)
    # Neither does what another number hears of.
    await _heard_of(book, "m2", BOB, number="1" + NUMBER)
    await book.at(1 + UNRESOLVED_MS)
    assert await book.reaped() == [("unresolved", "m1")]


async def nothing_is_tried_again_that_did_not_ask_for_it(book: Book) -> None:
    await book.enqueue("m1", ANN, about=b'{"category":"marketing"}')
    await book.claimed()
    await book.admit("m1", ANN, about=b'{"category":"marketing"}')
    await book.settle("m1", "unknown")
    await book.at(1)
    await _heard_of(book, "m2", BOB)
    await book.at(UNRESOLVED_MS)
    assert await book.reaped() == [("unresolved", "m1")]


async def nothing_is_tried_again_after_its_deadline(book: Book) -> None:
    await _in_silence(book, "m1", ANN, deadline_ms=UNRESOLVED_MS)
    await book.at(1)
    await _heard_of(book, "m2", BOB)
    await book.at(UNRESOLVED_MS)
    assert await book.reaped() == [("unresolved", "m1")]


async def what_is_tried_again_keeps_its_deadline(book: Book) -> None:
    await _tried_again(book, deadline_ms=2 * UNRESOLVED_MS)
    await book.at(2 * UNRESOLVED_MS)
    # The first try may have been taken: it is no message that was never sent.
    assert await book.reaped() == [("unresolved", "m1")]
    assert (await book.claimed(), await book.state("m1"), await book.used()) == ([], "unknown", 2)
    assert await book.queued_for() == {}


async def a_further_try_that_was_not_taken_proves_nothing_of_the_first(book: Book) -> None:
    await _tried_again(book)
    await book.claimed()
    await book.admit("m1", ANN, attempt=3, about=ABOUT)
    assert not await book.settle("m1", "failed", release=True, attempt=3)
    assert (await book.state("m1"), await book.used()) == ("unknown", 2)
    assert await book.reaped() == [("unresolved", "m1")]
    assert await book.claimed() == []


async def a_further_try_that_was_not_sent_goes_back_in_line_and_keeps_its_place(book: Book) -> None:
    await _tried_again(book)
    await book.claimed()
    await book.admit("m1", ANN, attempt=3, about=ABOUT)
    assert await book.enqueue("m1", ANN, attempt=3, about=ABOUT)
    assert (await book.state("m1"), await book.used()) == ("queued", 2)
    assert await book.claimed() == [("m1", 5)]


async def a_further_try_can_be_taken_back_and_the_first_can_not(book: Book) -> None:
    await _tried_again(book)
    assert await book.queue.end(PORTFOLIO, "m1", "cancelled", "a test") == "unknown"
    assert (await book.state("m1"), await book.used()) == ("unknown", 2)
    assert (await book.claimed(), await book.reaped()) == ([], [("unresolved", "m1")])


async def a_status_of_the_first_try_ends_the_wait_for_a_further_one(book: Book) -> None:
    await _tried_again(book)
    assert (await book.status("m1", "failed", UNRESOLVED_MS)).freed
    assert (await book.claimed(), await book.state("m1"), await book.used()) == ([], "failed", 1)


async def late_word_of_the_first_try_ends_the_wait_for_a_further_one(book: Book) -> None:
    await _tried_again(book)
    await book.settle("m1", "accepted", attempt=1)
    assert (await book.claimed(), await book.state("m1"), await book.used()) == ([], "accepted", 2)
    await book.at(FOREVER_MS)
    assert await book.reaped() == []


async def a_status_of_one_try_frees_nothing_that_the_other_may_hold(book: Book) -> None:
    await _tried_again(book)
    await book.claimed()
    await book.admit("m1", ANN, attempt=3, hold_ms=LONG_MS, about=ABOUT)
    await book.settle("m1", "accepted", attempt=3)
    assert not (await book.status("m1", "failed", UNRESOLVED_MS)).freed
    await book.at(UNRESOLVED_MS + HOUR_MS)
    await book.status("m1", "delivered", UNRESOLVED_MS + HOUR_MS)
    await book.at(30 * DAY_MS)
    assert await book.used() == 1
    await book.at(UNRESOLVED_MS + LONG_MS)
    assert await book.used() == 0


async def both_tries_may_be_delivered_and_each_counts_from_its_own_time(book: Book) -> None:
    await _tried_again(book)
    await book.claimed()
    await book.admit("m1", ANN, attempt=3, about=ABOUT)
    await book.settle("m1", "accepted", attempt=3)
    await book.status("m1", "delivered", UNRESOLVED_MS)
    await book.at(20 * HOUR_MS)
    await book.status("m1", "delivered", 20 * HOUR_MS)
    await book.at(40 * HOUR_MS)
    assert await book.used() == 1
    await book.at(44 * HOUR_MS + 1_000)
    assert await book.used() == 0


async def _body(book: Book, message_id: str) -> bytes | None:
    """What is kept of a message, sealed as it was."""
    found: Any = book.client.hget(book.keys.message(message_id), "body")
    body: bytes | None = await found
    return body


async def _in_silence(book: Book, message_id: str, user: bytes, **changes: int) -> None:
    """A message that asks to be tried once more, whose POST was not answered."""
    deadline_ms = changes.get("deadline_ms")
    own = {} if deadline_ms is None else {"deadline_ms": BEGIN_MS + deadline_ms}
    await book.admit(message_id, user, about=ABOUT, body=b"sealed", **own)
    await book.settle(message_id, "unknown")


async def _heard_of(book: Book, message_id: str, user: bytes, **changes: str) -> None:
    """Another message, whose status comes at once."""
    await book.admit(message_id, user, **changes)
    await book.status(message_id, "sent", book.at_ms)


async def _tried_again(book: Book, **changes: int) -> None:
    """ANN's first message is in line for its further try; it and BOB's hold a place each."""
    await _in_silence(book, "m1", ANN, **changes)
    await book.at(1)
    await _heard_of(book, "m2", BOB)
    await book.at(UNRESOLVED_MS)
    assert await book.reaped() == [("tried_again", "m1")]
