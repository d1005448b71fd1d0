"""One reader: it gets what passes, in order; who is too slow loses the newest, and is told how many."""

from __future__ import annotations

from tidegate.feed.event import EventId, FeedEvent, Kind
from tidegate.feed.subscription import MOST_WAITING, Subscription
from tidegate.store.feeds import EntryId


def event(i: int, kind: Kind = Kind.STATUS) -> FeedEvent:
    return FeedEvent.of(EventId(EntryId(i)), kind, "p", i, {"i": i})


def reader() -> Subscription:
    return Subscription(["p"], lambda one: one.kind is Kind.STATUS, "app", None, lambda: 77, lambda one: None)


async def test_what_passes_comes_in_order_and_once() -> None:
    one = reader()
    for told in (event(1), event(2, Kind.PAUSE), event(3)):
        one.offer(told)

    assert [told.at_ms for told in await one.next(1)] == [1, 3]
    assert await one.next(0) == []


async def test_who_does_not_read_keeps_a_bounded_number_and_learns_how_many_are_missing() -> None:
    one = reader()
    for i in range(MOST_WAITING + 5):
        one.offer(event(i))

    told = await one.next(1)

    assert [e.at_ms for e in told[:-1]] == list(range(MOST_WAITING))
    assert (told[-1].kind, told[-1].data, told[-1].id) == (Kind.GAP, {"missed": 5}, None)
    one.offer(event(9_999))
    assert [e.at_ms for e in await one.next(1)] == [9_999], "the gap is told once"


async def test_who_was_away_is_told_so_before_what_comes() -> None:
    one = reader()
    one.miss()
    one.offer(event(5))

    told = await one.next(1)

    assert [(e.kind, e.at_ms) for e in told] == [(Kind.GAP, 77), (Kind.STATUS, 5)]
    assert told[0].data == {"missed": None}


async def test_a_reader_whose_channels_do_not_open_goes_on_and_is_told_that_it_may_have_missed_something() -> None:
    one = reader()
    await one.joined(0.01)

    assert [e.kind for e in await one.next(1)] == [Kind.GAP]


async def test_the_end_is_told_at_once_to_who_waits_and_to_who_comes_later() -> None:
    one = reader()
    one.offer(event(1))
    one.end()

    assert [e.at_ms for e in await one.next(60)] == [1]
    assert one.ended
    assert await one.next(60) == []
