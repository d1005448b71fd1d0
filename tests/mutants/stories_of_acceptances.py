"""What is written down as Meta takes messages: of all that it took in a moment in one call."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from tests.factories import NUMBER, PORTFOLIO, make_outcome
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, HOUR_MS, Book


async def _admit(book: Book, message_id: str, recipient: bytes, category: str) -> None:
    about = b'{"number":"%b","category":"%b"}' % (NUMBER.encode(), category.encode())
    assert (await book.admit(message_id, recipient, about=about)).taken


async def _reached(book: Book) -> bytes | None:
    found: bytes | None = await book.client.get(book.keys.reached(NUMBER, ANN))
    return found


async def what_is_told_twice_in_one_call_counts_once(book: Book) -> None:
    await _admit(book, "m1", ANN, "utility")
    await _admit(book, "m2", BOB, "utility")
    ends = [make_outcome(id_, wamid=f"{id_}|sealed") for id_ in ("m1", "m2", "m1")]
    await asyncio.gather(*map(book.ledger.settle, ends))
    told: Any = await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:outcomes:told")
    assert [int(count) for count in told.values()] == [2]
    record = await book.messages.find(PORTFOLIO, "m1")
    assert record is not None
    assert [event.state for event in record.history] == ["sending", "accepted"]


async def sends_of_two_numbers_are_counted_for_each(book: Book) -> None:
    for i, number in enumerate((NUMBER, "2277", NUMBER, "2277")):
        noted = {"number": number, "category": "utility", "campaign": "spring"} | ({"row": str(i)} if i > 1 else {})
        assert (await book.admit(f"m{i}", ANN, number=number, about=orjson.dumps(noted))).taken
    await asyncio.gather(*(book.ledger.settle(make_outcome(f"m{i}")) for i in range(4)))
    told: Any = await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:outcomes:told")
    kinds = [(orjson.loads(field.split(b" ", 3)[3]), int(count)) for field, count in told.items()]
    assert sorted((kind["number"], count) for kind, count in kinds) == sorted([(NUMBER, 2), ("2277", 2)])
    assert not any("row" in kind for kind, _ in kinds)
    assert await book.client.get(book.keys.reached(NUMBER, ANN)) == b"0 m2 -"
    assert await book.client.get(book.keys.reached("2277", ANN)) == b"0 m3 -"


async def what_finds_no_room_is_counted_whole_however_its_hours_take_turns(book: Book) -> None:
    noted, told = b'{"number":"%b","category":"utility"}', f"tidegate:{{{PORTFOLIO}}}:outcomes:told"
    hour = BEGIN_MS // HOUR_MS
    others = {b"%d s sent " % hour + noted % str(number).encode(): 1 for number in range(512)}
    await book.client.hset(told, mapping=others)
    await _admit(book, "m1", ANN, "utility")
    await _admit(book, "m2", BOB, "utility")
    await book.at(HOUR_MS)
    await _admit(book, "m3", CAT, "utility")
    await asyncio.gather(*(book.ledger.settle(make_outcome(id_)) for id_ in ("m1", "m3", "m2")))
    found: Any = await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:outcomes:{hour // 24}:category:{NUMBER}:utility")
    counts = {field.decode(): int(count) for field, count in found.items()}
    assert counts == {f"{hour % 24:02}.sent": 2, f"{(hour + 1) % 24:02}.sent": 1}


async def marketing_is_remembered_for_three_days_with_what_comes_after_it(book: Book) -> None:
    for id_, category in (("m1", "marketing"), ("m2", "utility")):
        await _admit(book, id_, ANN, category)
    await asyncio.gather(*(book.ledger.settle(make_outcome(id_)) for id_ in ("m1", "m2")))
    assert await _reached(book) == b"0 m2 m1"
    for hour, id_, last in ((72, "m3", b"0 m3 m1"), (73, "m4", b"0 m4 -"), (74, "m5", b"0 m5 -")):
        await book.at(hour * HOUR_MS)
        await _admit(book, id_, ANN, "utility")
        await book.ledger.settle(make_outcome(id_))
        assert await _reached(book) == last
    await _admit(book, "m6", ANN, "marketing")
    await book.ledger.settle(make_outcome("m6"))
    assert await _reached(book) == b"1 m6 m6"


async def an_acceptance_answers_what_its_user_has_asked(book: Book) -> None:
    await book.client.set(book.keys.reached(f"asked:{NUMBER}", ANN), f"{BEGIN_MS - 5_000} 0")
    await _admit(book, "m1", ANN, "utility")
    await book.ledger.settle(make_outcome("m1"))
    assert await book.client.get(book.keys.reached(f"asked:{NUMBER}", ANN)) == b"0 %d" % BEGIN_MS
    assert await book.client.type(book.keys.message("m1")) == b"string"
