"""Books that may have lost something: who has to say what they miss, and what is written down again."""

from __future__ import annotations

from typing import Any

from tests.factories import DAY_MS, NUMBER, PORTFOLIO
from tests.mutants.book import ANN, BEGIN_MS, BOB, HOUR_MS, LANE, LONG_MS, Book
from tidegate.journal import Intent
from tidegate.store.books import HOLD_MS, Books, Joined
from tidegate.store.ledger import UNRESOLVED_MS
from tidegate.store.witness import Identity

GONE_MS = 6_000


async def another_server_waits_for_those_who_wrote_to_the_last(book: Book) -> None:
    era = (await _joins(book, "a")).era
    await _joins(book, "b", era=era)
    assert (await _joins(book, "a", "s2", era=era)).owing == {"a", "b"}
    assert await _vouches(book, era, "a") == (1, False)
    assert (await _joins(book, "b", "s2", era=era)).owing == {"b"}
    assert await _vouches(book, era, "b") == (0, True)
    last = await _joins(book, "a", "s2", era=era)
    assert (sorted(last.owing), last.held_until_ms) == ([], 0)


async def a_server_that_keeps_all_waits_for_nobody(book: Book) -> None:
    era = (await _joins(book, "a")).era
    assert (await _joins(book, "a", "s2", era=era, keeps=True)).owing == set()
    assert (await _joins(book, "a", "s2", era=era)).owing == set()


async def who_had_left_before_has_nothing_to_say(book: Book) -> None:
    era = (await _joins(book, "gone")).era
    await book.at(1)
    await _joins(book, "stays", era=era)
    await book.at(GONE_MS + 1)
    await _joins(book, "a", era=era)
    assert (await _joins(book, "a", "s2", era=era)).owing == {"a", "stays"}


async def who_ended_in_order_has_nothing_to_say_until_it_comes_back(book: Book) -> None:
    books, era = Books(book.client), (await _joins(book, "left")).era
    assert not await books.leave(PORTFOLIO, "another", "left")
    assert await books.leave(PORTFOLIO, era, "left")
    await _joins(book, "a", era=era)
    assert (await _joins(book, "a", "s2", era=era)).owing == {"a"}
    assert not await books.leave(PORTFOLIO, era, "a")
    assert (await _joins(book, "left", "s2", era=era)).owing == {"a"}
    assert (await _joins(book, "a", "s3", era=era)).owing == {"a", "left"}


async def other_books_wait_for_those_who_wrote_in_the_ones_before(book: Book) -> None:
    await book.at(HOLD_MS)
    knows = {"b": 1, "gone": 0}
    joined = await _joins(book, "a", era="before", knows=knows)
    assert (sorted(joined.owing), joined.held_until_ms) == (["a", "b"], BEGIN_MS + 2 * HOLD_MS)
    assert (await _joins(book, "c")).owing == {"a", "b"}


async def a_hold_ends_by_itself_and_is_not_prolonged(book: Book) -> None:
    era = (await _joins(book, "a", era="before", knows={"lost": 0})).era
    await book.at(HOLD_MS - 1)
    assert (await _joins(book, "a", "s2", era=era)).held_until_ms == BEGIN_MS + HOLD_MS
    await book.at(HOLD_MS)
    joined = await _joins(book, "a", "s2", era=era)
    assert (sorted(joined.owing), joined.held_until_ms) == ([], 0)


async def a_hold_is_under_an_epoch_of_its_own(book: Book) -> None:
    first = await _joins(book, "a")
    held = await _joins(book, "a", "s2", era=first.era)
    assert (await book.admit("m1", ANN, epoch=first.epoch)).stale
    await _vouches(book, first.era, "a")
    assert (await book.admit("m1", ANN, epoch=held.epoch)).stale
    assert (await book.admit("m1", ANN, epoch=held.epoch + 1)).taken


async def new_books_have_an_epoch_that_none_before_them_had(book: Book) -> None:
    assert (await _joins(book, "a")).epoch >= BEGIN_MS


async def whoever_remembers_other_books_has_them_held_under_another_epoch(book: Book) -> None:
    first = await _joins(book, "a")
    await _joins(book, "b", era="before")
    assert (await book.admit("m1", ANN, epoch=first.epoch)).stale


async def another_server_has_an_epoch_that_the_last_one_never_had(book: Book) -> None:
    era = (await _joins(book, "a")).era
    await book.at(60_000)
    assert (await _joins(book, "a", "s2", era=era)).epoch >= BEGIN_MS + 60_000


async def nobody_vouches_for_other_books_or_for_others(book: Book) -> None:
    era = (await _joins(book, "a", era="before")).era
    assert await _vouches(book, "before", "a") == (-1, False)
    assert await _vouches(book, era, "b") == (1, False)
    assert (await _joins(book, "c")).held_until_ms == BEGIN_MS + HOLD_MS


async def an_operator_takes_the_books_as_they_are(book: Book) -> None:
    era = (await _joins(book, "a", era="before", knows={"lost": 0})).era
    assert await _vouches(book, era) == (0, True)
    assert await _vouches(book, era) == (0, False)
    assert (await _joins(book, "c")).owing == set()


async def what_is_written_again_holds_its_place_until_its_fate_is_known(book: Book) -> None:
    assert await _rebuilds(book, _sent("m1", ANN), _sent("m2", BOB, state="failed"), _sent("m3", BOB, place="0")) == 3
    await book.at(LONG_MS - 1)
    assert (await book.used(), await book.state("m1")) == (1, "accepted")
    await book.at(LONG_MS)
    assert await book.used() == 0


async def a_delivery_that_is_written_again_counts_for_a_day_and_once(book: Book) -> None:
    await book.at(20_000)
    at_ms = BEGIN_MS // 1000 * 1000 + 9_000
    assert await _rebuilds(book, _sent("m1", ANN, delivered_at_ms=at_ms)) == 1
    await book.status("m1", "read", 15_000)
    await book.at(DAY_MS + at_ms + 998 - BEGIN_MS)
    assert await book.used() == 1
    await book.at(DAY_MS + at_ms + 999 - BEGIN_MS)
    assert await book.used() == 0


async def a_delivery_after_its_window_counts_when_it_is_written_again(book: Book) -> None:
    await book.at(HOUR_MS)
    in_window = {"place": "0", "window_ends_ms": BEGIN_MS + 60_000}
    await _rebuilds(book, _sent("m1", ANN, delivered_at_ms=BEGIN_MS + 70_000, **in_window))
    await _rebuilds(book, _sent("m2", BOB, delivered_at_ms=BEGIN_MS + 50_000, **in_window))
    assert await book.used() == 1


async def a_delivery_that_the_books_were_not_told_is_told_once(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=DAY_MS)
    await book.settle("m1", "accepted")
    await book.at(20_000)
    for at_ms in (9_000, 15_000):
        assert await _rebuilds(book, _sent("m1", ANN, delivered_at_ms=BEGIN_MS + at_ms)) == 0
    await book.at(DAY_MS + 9_998)
    assert await book.used() == 1
    await book.at(DAY_MS + 9_999)
    assert await book.used() == 0


async def what_was_learned_from_a_status_is_completed_by_who_sent_it(book: Book) -> None:
    await _rebuilds(book, _sent("m1", ANN, attempt=0))
    for attempt, app in ((1, b'{"app":"shop"}'), (2, b'{"app":"another"}')):
        assert await _rebuilds(book, _sent("m1", ANN, attempt=attempt, about=app)) == 0
    record = await book.messages.find(PORTFOLIO, "m1")
    assert record is not None
    assert record.about.get("app") == "shop"


async def what_the_books_know_stays_as_it_is(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.settle("m1", "failed", release=True)
    assert await _rebuilds(book, _sent("m1", ANN)) == 0
    assert (await book.used(), await book.state("m1")) == (0, "failed")


async def what_was_sent_counts_though_a_record_was_left_for_it(book: Book) -> None:
    await book.settle("m1", "failed", release=True)
    assert await _rebuilds(book, _sent("m1", ANN)) == 1
    assert (await book.used(), await book.state("m1")) == (1, "accepted")


async def what_statuses_told_of_a_record_that_was_left_stands(book: Book) -> None:
    await book.settle("m1", "failed", release=True)
    await book.status("m1", "delivered", 0)
    await book.at(HOUR_MS)
    assert await _rebuilds(book, _sent("m1", ANN, state="unknown")) == 1
    assert (await book.used(), await book.state("m1")) == (1, "delivered")
    await book.at(HOUR_MS + DAY_MS + 1_000)
    assert await book.used() == 0


async def what_was_sent_leaves_the_queue_when_it_is_written_again(book: Book) -> None:
    await book.enqueue("m1", ANN, expires_at_ms=HOUR_MS)
    await book.enqueue("m2", BOB)
    assert await book.claimed() == [("m1", 1), ("m2", 1)]
    await book.at(1)
    assert await _rebuilds(book, _sent("m1", ANN)) == 1
    assert list((await book.queued_for()).values()) == [["m2"]]
    await book.at(60_000)
    assert await book.reaped() == [("requeued", "m2")]
    assert await book.claimed() == [("m2", 3)]
    await book.at(HOUR_MS)
    assert ("expired", "m1") not in await book.reaped()


async def what_was_sent_leaves_nothing_in_the_queue(book: Book) -> None:
    await book.enqueue("m1", ANN)
    assert await _rebuilds(book, _sent("m1", ANN)) == 1
    [lane] = await book.queue.lanes(PORTFOLIO, [LANE])
    assert lane.due == 0
    assert await book.client.zcard(f"tidegate:{{{PORTFOLIO}}}:deadlines") == 0


async def what_a_later_attempt_gave_back_stays_in_the_queue(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.enqueue("m1", ANN, attempt=1)
    assert await _rebuilds(book, _sent("m1", ANN)) == 0
    assert await book.claimed() == [("m1", 3)]


async def what_was_sent_leaves_the_queue_though_another_counted_on(book: Book) -> None:
    await book.enqueue("m1", ANN)
    assert await book.claimed() == [("m1", 1)]
    assert await book.enqueue("m1", ANN, attempt=1)
    assert await _rebuilds(book, _sent("m1", ANN)) == 1
    assert await book.claimed() == []


async def what_is_tried_once_more_stays_in_the_queue(book: Book) -> None:
    about = b'{"app":"shop","category":"marketing","delivery":"at_least_once"}'
    await book.admit("m1", ANN, about=about, body=b"sealed")
    await book.settle("m1", "unknown")
    await book.at(1)
    await book.admit("m2", BOB)
    await book.status("m2", "sent", book.at_ms)
    await book.at(UNRESOLVED_MS)
    assert await book.reaped() == [("tried_again", "m1")]
    assert await _rebuilds(book, _sent("m1", ANN, state="unknown")) == 0
    assert await book.claimed() == [("m1", 3)]


async def what_is_written_again_on_its_way_is_unknown_after_a_minute(book: Book) -> None:
    await _rebuilds(book, _sent("m1", ANN, state="sending"))
    await book.at(60_000)
    assert await book.reaped() == [("unknown", "m1")]


async def what_is_written_again_under_a_name_is_its_users(book: Book) -> None:
    await book.prove(ANN, BOB)
    await _rebuilds(book, _sent("m1", ANN), _sent("m2", BOB))
    assert (await book.used(), await book.recipient("m1")) == (1, BOB)


async def of_two_words_of_the_standing_the_newer_one_stays(book: Book) -> None:
    books = Books(book.client)
    for field, value in ((b"older", b"5 8 1"), (b"newer", b"5 10 1")):
        await book.client.hset(book.keys.standing, field, value)
    before = (await book.books()).epoch
    told = {b"older": b"4 9 2", b"newer": b"6 9 2", b"missing": b"1 1 2"}
    assert await books.restore(PORTFOLIO, told, {}) == 2
    found: Any = book.client.hgetall(book.keys.standing)
    assert await found == told | {b"newer": b"5 10 1"}
    assert (await book.books()).epoch == before + 1
    assert await books.restore(PORTFOLIO, told, {}) == 0
    assert (await book.books()).epoch == before + 1


async def a_breaker_that_swung_later_stays(book: Book) -> None:
    books = Books(book.client)
    await book.client.hset(book.keys.breakers, b"b1", b"10 {}")
    assert await books.restore(PORTFOLIO, {}, {b"b1": b'9 {"a":1}', b"b2": b"1 {}"}) == 1


async def what_was_written_down_again_ends_for_itself_alone(book: Book) -> None:
    await book.admit("m1", ANN)
    assert await _rebuilds(book, _sent("m2", BOB, state="sending")) == 1
    await book.settle("m2", "accepted")
    await book.at(UNRESOLVED_MS)
    assert await book.reaped() == [("unknown", "m1")]


async def _joins(
    book: Book,
    node: str,
    server: str = "s1",
    *,
    era: str = "",
    knows: dict[str, int] | None = None,
    keeps: bool = False,
) -> Joined:
    others = {other: BEGIN_MS + at_ms for other, at_ms in (knows or {}).items()}
    return await Books(book.client).join(PORTFOLIO, node, Identity(server, keeps), era, others)


async def _vouches(book: Book, era: str, *nodes: str) -> tuple[int, bool]:
    vouched = await Books(book.client).vouch(PORTFOLIO, era, nodes)
    return vouched.owing, vouched.whole


async def _rebuilds(book: Book, *sends: Intent) -> int:
    return await Books(book.client).rebuild(PORTFOLIO, sends)


def _sent(message_id: str, recipient: bytes, **changes: Any) -> Intent:
    values: dict[str, Any] = {
        "portfolio": PORTFOLIO,
        "message_id": message_id,
        "attempt": 1,
        "recipient": recipient,
        "number": NUMBER,
        "place": "1",
        "window_ends_ms": 0,
        "at_ms": BEGIN_MS,
        "ends_ms": BEGIN_MS + LONG_MS,
        "about": b"{}",
        "state": "accepted",
    }
    return Intent(**values | changes)
