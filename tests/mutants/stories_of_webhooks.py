"""What Meta tells of messages, and what users' messages open."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import ResponseError

from tests.factories import DAY_MS, NUMBER, PORTFOLIO, make_outcome, make_status
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, HOUR_MS, LONG_MS, Book
from tidegate.policy.facts import Tally
from tidegate.store import told_outcomes
from tidegate.store.statuses import CHANGED, UNWRITTEN, Refreshed


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


async def a_delivery_is_not_later_than_what_tells_of_it(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.at(5_000)
    await book.status("m1", "delivered", 5_000)
    await book.at(5_000 + DAY_MS - 1)
    assert await book.used() == 1
    await book.at(5_000 + DAY_MS)
    assert await book.used() == 0


async def a_delivery_is_not_earlier_than_its_send(book: Book) -> None:
    await book.at(DAY_MS)
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.status("m1", "delivered", 0)
    await book.at(2 * DAY_MS - 1)
    assert await book.used() == 1


async def a_time_from_nowhere_takes_no_place_for_good(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.status("m1", "delivered", 4_000 * DAY_MS)
    await book.at(2 * DAY_MS + 1_000)
    assert await book.used() == 0


async def a_message_that_was_read_counts_from_its_delivery(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.status("m1", "delivered", 0)
    await book.at(5 * HOUR_MS)
    await book.status("m1", "read", 5 * HOUR_MS)
    await book.at(DAY_MS + 1_000)
    assert await book.used() == 0


async def a_status_brings_metas_id_where_that_is_not_known(book: Book) -> None:
    await book.admit("m1", ANN)
    for wamid in ("w", "v"):
        told = await book.status("m1", "delivered", 0, wamid=wamid, sealed="")
        assert told == Refreshed(UNWRITTEN)
        assert not (await book.status("m1", "delivered", 0, wamid=wamid, sealed=f"{wamid}|sealed")).unwritten
        assert await book.client.get(book.keys.wamid(wamid)) == b"m1"
    assert not (await book.status("m1", "read", 0, wamid="w", sealed="")).unwritten
    assert await book.client.hget(book.keys.message("m1"), "wamid") == b"w|sealed"


async def an_acceptance_is_remembered_with_metas_id_and_what_was_counted_of_it(book: Book) -> None:
    about = b'{"number":"%b","category":"utility"}' % NUMBER.encode()
    await book.admit("m1", ANN, about=about)
    for _ in range(2):
        await book.ledger.settle(make_outcome("m1", wamid="w|sealed"))
        record = await book.messages.find(PORTFOLIO, "m1")
        assert record is not None
        assert [event.state for event in record.history] == ["sending", "accepted"]
    day, hour = BEGIN_MS // DAY_MS, BEGIN_MS // HOUR_MS % 24
    await told_outcomes.carry_over(book.client, book.keys)
    scope = f"tidegate:{{{PORTFOLIO}}}:outcomes:{day}:category:{NUMBER}:utility"
    assert await book.client.hgetall(scope) == {b"%02d.sent" % hour: b"1"}
    await book.admit("m2", BOB)
    await book.ledger.settle(make_outcome("m2", wamid="v|sealed"))
    assert not (await book.status("m2", "delivered", 0, wamid="v", sealed="")).unwritten


async def the_acceptance_of_another_attempt_is_not_this_ones(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.ledger.settle(make_outcome("m1", attempt=2))
    assert await book.state("m1") == "sending"


async def each_send_is_counted_once_however_many_are_told(book: Book) -> None:
    day, hour, told = BEGIN_MS // DAY_MS, BEGIN_MS // HOUR_MS % 24, book.keys.named("outcomes:") + b"told"
    about = b'{"number":"%b","category":"utility","app":"a%d"}'

    async def send(n: int) -> None:
        await book.admit(f"m{n}", n.to_bytes(16, "big"), about=about % (NUMBER.encode(), n))
        await book.ledger.settle(make_outcome(f"m{n}"))

    for _ in range(2):
        await asyncio.gather(*map(send, range(520)))
        assert await book.client.hlen(told) <= 512
    for _ in range(2):
        await told_outcomes.carry_over(book.client, book.keys)
        assert not await book.client.exists(told)
        scope = f"tidegate:{{{PORTFOLIO}}}:outcomes:{day}:category:{NUMBER}:utility"
        assert await book.client.hgetall(scope) == {b"%02d.sent" % hour: b"520"}


async def of_two_words_in_one_call_the_second_knows_the_first(book: Book) -> None:
    await book.admit("m1", ANN)
    words = (make_outcome("m1"), make_outcome("m1", "failed", release=True))
    await asyncio.gather(*(book.ledger.settle(word) for word in words))
    assert (await book.state("m1"), await book.used()) == ("accepted", 1)


async def a_delivery_tells_what_is_known_of_its_user(book: Book) -> None:
    for id_ in ("m1", "m2"):
        await book.admit(id_, ANN)
    told = (await book.ledger.statuses.apply([make_status("m1", "delivered", BEGIN_MS, anew="row/")]))[0]
    assert (told.has_counts, told.user) == (False, b"")
    await book.client.set(f"tidegate:{{{PORTFOLIO}}}:count:row/{ANN.hex()}", "floor:0 0,1")
    await book.client.hset(book.keys.user(ANN), mapping={"v": 1, "r": "{}"})
    told = (await book.ledger.statuses.apply([make_status("m2", "delivered", BEGIN_MS, anew="row/")]))[0]
    assert (told.has_counts, told.user) == (True, b"{}")


async def what_may_follow_is_told_and_else_nothing(book: Book) -> None:
    tell = book.ledger.statuses.apply
    part = b'{"app":"a","number":"%b","category":"marketing","campaign":"c","row":"7"}' % NUMBER.encode()
    for id_, about in (("m1", b""), ("m2", b""), ("m3", part), ("m4", b""), ("m5", b"")):
        await book.admit(id_, BOB if id_ == "m5" else ANN, **{"about": about} if about else {})
        await book.ledger.settle(make_outcome(id_, wamid=f"wamid.{id_}|sealed"))
    states = ("sent", "delivered", "read", "sent")
    words = [make_status("m1", state, BEGIN_MS, asks=False, anew="row/") for state in states]
    assert await tell(words[:2]) + await tell(words[2:]) == [Refreshed(CHANGED)] * 3 + [Refreshed(0)]
    assert (await tell([make_status("m2", "sent", BEGIN_MS)]))[0].before == b"accepted"
    assert (await tell([make_status("m3", "sent", BEGIN_MS, asks=False)]))[0].noted == part
    assert (await tell([make_status("m5", "failed", BEGIN_MS, asks=False)]))[0].freed == 1
    await book.client.hset(book.keys.user(ANN), mapping={"v": 1, "r": "{}"})
    told = (await tell([make_status("m4", "delivered", BEGIN_MS, asks=False, anew="row/")]))[0]
    assert (told.code, told.user, told.has_counts) == (CHANGED, b"{}", 0)
    assert [await book.state(id_) for id_ in ("m1", "m2", "m4")] == ["read", "sent", "delivered"]


async def of_nobodys_delivery_no_counts_are_told(book: Book) -> None:
    await book.settle("m1", "failed", release=True)
    told = (await book.ledger.statuses.apply([make_status("m1", "delivered", BEGIN_MS, anew="row/")]))[0]
    assert (told.changed, told.has_counts) == (True, False)


async def a_delivery_under_a_name_tells_what_is_known_of_the_user(book: Book) -> None:
    await book.admit("m1", BOB)
    await book.prove(BOB, ANN)
    # As of one that is not under way any more.
    await book.client.hset(book.keys.message("m1"), "recipient", BOB)
    await book.client.hset(book.keys.user(ANN), mapping={"v": 1, "r": "{}"})
    told = await book.status("m1", "delivered", 0)
    assert (told.recipient, told.user) == (ANN, b"{}")


async def a_status_under_a_name_answers_what_the_user_has_asked(book: Book) -> None:
    await book.admit("m1", BOB, about=b'{"number":"%b","category":"utility"}' % NUMBER.encode())
    await book.prove(BOB, ANN)
    # As of one that is not under way any more.
    await book.client.hset(book.keys.message("m1"), "recipient", BOB)
    asked = book.keys.reached(f"asked:{NUMBER}", ANN)
    await book.client.set(asked, f"{BEGIN_MS - 5_000} 0")
    await book.status("m1", "sent", 0, counters="sent=-1")
    assert await book.client.get(asked) == b"0 %d" % BEGIN_MS


async def a_record_lasts_no_longer_than_before(book: Book) -> None:
    key, lasting = book.keys.message("m1"), []
    await book.admit("m1", ANN, hold_ms=LONG_MS)

    async def note() -> None:
        lasting.append(round(await book.client.pttl(key) / HOUR_MS))

    await note()
    await book.ledger.settle(make_outcome("m1", wamid="w|sealed"))
    await note()
    await book.status("m1", "sent", 0, wamid="w", sealed="")
    await note()
    await book.move(ANN, BOB)
    await note()
    assert len(set(lasting)) == 1
    assert lasting[0] > 0
    about = b'{"app":"shop","number":"101","category":"utility"}'
    await book.admit("m2", CAT, hold_ms=LONG_MS, about=about)
    await book.ledger.settle(make_outcome("m2", wamid="v|sealed"))
    for word in ("read", "delivered"):
        await book.status("m2", word, 0, wamid="v", sealed="", counters=f"{word}=-1")
        assert 0 < await book.client.pttl(book.keys.message("m2")) < LONG_MS
    assert await book.state("m2") == "read"


async def what_failed_after_its_acceptance_has_given_back_what_it_took(book: Book) -> None:
    tally = Tally("spend:USD:all", 4, 10, False, BEGIN_MS + 2 * DAY_MS)
    await book.admit("m1", ANN, tallies=(tally,))
    await book.ledger.settle(make_outcome("m1", wamid="w|sealed"))
    await book.status("m1", "failed", 0, wamid="w", sealed="", says="frees")
    record = await book.messages.find(PORTFOLIO, "m1")
    assert record is not None
    assert record.state == "failed"
    assert await book.stands("spend:USD:all") == 0
    await book.status("m1", "delivered", 0, wamid="w", sealed="")
    assert await book.stands("spend:USD:all") == 4


async def what_statuses_told_of_what_meta_took_is_remembered(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.ledger.settle(make_outcome("m1", wamid="w|sealed"))
    for hour, word in enumerate(("delivered", "read", "read", "sent")):
        await book.at(hour * HOUR_MS)
        await book.status("m1", word, hour * HOUR_MS, wamid="w", sealed="")
    record = await book.messages.find(PORTFOLIO, "m1")
    assert record is not None
    assert [event.state for event in record.history] == ["sending", "accepted", "delivered", "read"]
    await book.at(DAY_MS + 1_000)
    assert await book.used() == 0


async def a_status_brings_the_id_that_the_acceptance_lacked(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.ledger.settle(make_outcome("m1"))
    await book.status("m1", "delivered", 0, wamid="w", sealed="w|sealed")
    await book.status("m1", "read", HOUR_MS, wamid="w", sealed="w|sealed")
    record = await book.messages.find(PORTFOLIO, "m1")
    assert record is not None
    assert (record.taken, record.state) == (True, "read")
    assert [event.state for event in record.history] == ["sending", "accepted", "delivered", "read"]


async def one_that_cannot_be_told_takes_no_other_with_it(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.admit("m2", BOB, about=b"1")
    with pytest.raises(ResponseError):
        await book.ledger.statuses.apply([make_status(id_, "failed", BEGIN_MS) for id_ in ("m1", "m2")])
    assert await book.client.hget(book.keys.ledger, "used") == b"0"


async def what_one_of_a_call_lets_go_of_is_gone_for_the_next(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    await book.admit("m2", ANN, hold_ms=HOUR_MS, pair_emission_ms=0)
    await book.at(2 * HOUR_MS)
    told = [make_status(id_, "delivered", BEGIN_MS + 2 * HOUR_MS) for id_ in ("m1", "m2")]
    await book.ledger.statuses.apply(told)
    assert await book.used() == 1
    assert not await book.client.exists(book.keys.named("holds"))


async def of_what_its_status_tells_no_fate_is_awaited(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.settle("m1", "unknown")
    assert await book.client.zcard(book.keys.named("inflight")) == 1
    await book.status("m1", "sent", 0)
    assert await book.client.zcard(book.keys.named("inflight")) == 0


async def a_state_never_goes_back(book: Book) -> None:
    await book.admit("m1", ANN)
    assert (await book.status("m1", "read", 0)).changed
    for word in ("delivered", "sent", "failed"):
        assert not (await book.status("m1", word, 0)).changed
    assert (await book.state("m1"), await book.used()) == ("read", 1)


async def a_failure_after_a_delivery_frees_nothing(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.status("m1", "delivered", 0)
    assert not (await book.status("m1", "failed", 0)).freed
    assert await book.used() == 1


async def a_delivery_after_a_failure_counts(book: Book) -> None:
    await book.admit("m1", ANN)
    assert (await book.status("m1", "failed", 0)).freed
    assert (await book.status("m1", "delivered", 0)).changed
    assert await book.used() == 1


async def a_delivery_after_the_hold_counts_from_its_own_time(book: Book) -> None:
    await book.admit("m1", ANN)
    await book.at(DAY_MS)
    assert await book.used() == 0
    await book.status("m1", "delivered", DAY_MS)
    assert await book.used() == 1
    await book.at(2 * DAY_MS)
    assert await book.used() == 0


async def a_failure_in_doubt_is_waited_for_no_longer_than_a_day(book: Book) -> None:
    await book.admit("m1", ANN, hold_ms=LONG_MS)
    assert not (await book.status("m1", "failed", 0, says="keeps")).freed
    await book.at(DAY_MS - 1)
    assert await book.used() == 1
    await book.at(DAY_MS)
    assert await book.used() == 0


async def a_status_of_a_stranger_is_known_as_that(book: Book) -> None:
    refreshed = await book.status("m9", "delivered", 0)
    assert (refreshed.known, refreshed.changed, refreshed.freed) == (False, False, False)
    assert await book.used() == 0


async def a_window_runs_from_the_users_message_not_from_its_arrival(book: Book) -> None:
    await book.at(23 * HOUR_MS)
    assert await book.writes(ANN, at_ms=0) == DAY_MS
    assert (await book.admit("m1", ANN, counts=False, needs_window=True)).taken
    await book.at(DAY_MS)
    assert not (await book.admit("m2", ANN, counts=False, needs_window=True)).taken


async def a_window_that_ends_within_the_margin_counts_as_closed(book: Book) -> None:
    await book.writes(ANN, at_ms=0)
    await book.at(DAY_MS - 10_000)
    terms = {"counts": False, "needs_window": True}
    assert not (await book.admit("m1", ANN, window_margin_ms=10_000, **terms)).taken
    assert (await book.admit("m2", ANN, window_margin_ms=9_999, **terms)).taken


async def a_late_or_future_message_neither_shortens_nor_stretches_a_window(book: Book) -> None:
    await book.at(HOUR_MS)
    assert await book.writes(ANN, at_ms=HOUR_MS) == HOUR_MS + DAY_MS
    assert await book.writes(ANN, at_ms=0) == HOUR_MS + DAY_MS
    assert await book.writes(ANN, at_ms=9 * DAY_MS) == HOUR_MS + DAY_MS
    await book.at(2 * DAY_MS)
    assert await book.writes(ANN, at_ms=DAY_MS) is None


async def inside_a_window_nobody_takes_a_place(book: Book) -> None:
    await book.writes(ANN, at_ms=0)
    facts = await book.admit("m1", ANN, places=0)
    assert (facts.taken, facts.window_ends_ms) == (True, BEGIN_MS + DAY_MS)
    assert await book.used() == 0


async def what_is_delivered_when_the_window_has_closed_counts(book: Book) -> None:
    await book.writes(ANN, at_ms=0)
    await book.writes(BOB, at_ms=0)
    await book.admit("m1", ANN)
    await book.admit("m2", BOB)
    await book.at(DAY_MS)
    await book.status("m1", "delivered", DAY_MS)
    await book.status("m2", "delivered", DAY_MS - 1_000)
    assert await book.used() == 1
