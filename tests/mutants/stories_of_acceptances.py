"""What is written down as Meta takes messages: of all that it took in a moment in one call."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from tests.factories import NUMBER, PORTFOLIO, make_outcome
from tests.mutants.book import ANN, BEGIN_MS, BOB, CAT, HOUR_MS, Book
from tidegate.store.outcomes import Outcomes


async def _admit(book: Book, message_id: str, recipient: bytes, category: str) -> None:
    about = b'{"app":"shop","number":"%b","category":"%b"}' % (NUMBER.encode(), category.encode())
    assert (await book.admit(message_id, recipient, about=about)).taken


async def _reached(book: Book, number: str = NUMBER) -> list[bytes | None]:
    """What ANN got last from a number, and of marketing."""
    found: list[bytes | None] = await book.client.mget(
        [book.keys.reached(number, ANN), book.keys.reached(f"marketing:{number}", ANN)]
    )
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


async def what_was_taken_before_stays_as_it_is_beside_what_is_new(book: Book) -> None:
    for message_id, recipient in (("m1", ANN), ("m2", BOB)):
        await _admit(book, message_id, recipient, "utility")
    await book.ledger.settle(make_outcome("m2"))
    await asyncio.gather(*(book.ledger.settle(make_outcome(id_)) for id_ in ("m1", "m2")))
    told: Any = await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:outcomes:told")
    assert [int(count) for count in told.values()] == [2]
    record = await book.messages.find(PORTFOLIO, "m2")
    assert record is not None
    assert [event.state for event in record.history] == ["sending", "accepted"]


async def what_is_not_alike_is_counted_apart(book: Book) -> None:
    for i, template in enumerate(("up/en", "up/de", "up/en", "up/e")):
        noted = {"number": NUMBER, "category": "utility", "template": template}
        assert (await book.admit(f"m{i}", ANN, about=orjson.dumps(noted))).taken
    await asyncio.gather(*(book.ledger.settle(make_outcome(f"m{i}")) for i in range(4)))
    told: Any = await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:outcomes:told")
    kinds = [(orjson.loads(field.split(b" ", 3)[3]), int(count)) for field, count in told.items()]
    found = {kind["template"]: count for kind, count in kinds}
    assert found == {"up/en": 2, "up/de": 1, "up/e": 1}


async def what_ends_in_one_call_ends_each_in_its_own_way(book: Book) -> None:
    for message_id, recipient in (("m1", ANN), ("m2", BOB), ("m3", CAT)):
        await _admit(book, message_id, recipient, "utility")
    ends = [make_outcome("m1"), make_outcome("m2", state="failed"), make_outcome("m3", state="unknown")]
    await asyncio.gather(*map(book.ledger.settle, ends))
    found = [await book.messages.find(PORTFOLIO, message_id) for message_id in ("m1", "m2", "m3")]
    assert [record and record.state for record in found] == ["accepted", "failed", "unknown"]


async def what_calls_count_adds_up(book: Book) -> None:
    for message_id, recipient in (("m1", ANN), ("m2", BOB), ("m3", CAT)):
        await _admit(book, message_id, recipient, "utility")
    await asyncio.gather(*(book.ledger.settle(make_outcome(id_)) for id_ in ("m1", "m2")))
    await book.ledger.settle(make_outcome("m3"))
    told: Any = await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:outcomes:told")
    assert [int(count) for count in told.values()] == [3]


async def sends_of_two_numbers_are_counted_for_each(book: Book) -> None:
    for i, number in enumerate((NUMBER, "2277", NUMBER, "2277")):
        noted = {"number": number, "category": "utility", "campaign": "spring"} | ({"row": str(i)} if i > 1 else {})
        assert (await book.admit(f"m{i}", ANN, number=number, about=orjson.dumps(noted))).taken
    await asyncio.gather(*(book.ledger.settle(make_outcome(f"m{i}")) for i in range(4)))
    told: Any = await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:outcomes:told")
    kinds = [(orjson.loads(field.split(b" ", 3)[3]), int(count)) for field, count in told.items()]
    assert sorted((kind["number"], count) for kind, count in kinds) == sorted([(NUMBER, 2), ("2277", 2)])
    assert not any("row" in kind for kind, _ in kinds)
    assert await _reached(book) == [b"m2", None]
    assert await _reached(book, "2277") == [b"m3", None]


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


async def marketing_is_remembered_with_what_comes_after_it(book: Book) -> None:
    for id_, category in (("m1", "marketing"), ("m2", "utility"), ("m3", "service"), ("m4", "utility")):
        await _admit(book, id_, ANN, category)
    await asyncio.gather(*(book.ledger.settle(make_outcome(id_)) for id_ in ("m1", "m2", "m3")))
    assert await _reached(book) == [b"m2", b"m1"]
    await book.ledger.settle(make_outcome("m4"))
    assert await _reached(book) == [b"m4", b"m1"]
    for key in (book.keys.reached(NUMBER, ANN), book.keys.reached(f"marketing:{NUMBER}", ANN)):
        assert 71 * HOUR_MS < await book.client.pttl(key) <= 72 * HOUR_MS
    await book.at(HOUR_MS)
    await _admit(book, "m5", ANN, "marketing")
    await book.ledger.settle(make_outcome("m5"))
    assert await _reached(book) == [b"m5", b"m5"]


async def what_is_accepted_late_is_remembered_as_the_last(book: Book) -> None:
    await _admit(book, "m1", ANN, "marketing")
    await book.ledger.settle(make_outcome("m1", state="unknown"))
    assert await _reached(book) == [None, None]
    await book.ledger.settle(make_outcome("m1"))
    assert await _reached(book) == [b"m1", b"m1"]


async def acceptances_answer_what_their_users_have_asked(book: Book) -> None:
    for message_id, recipient in (("m1", ANN), ("m2", BOB), ("m3", CAT)):
        await _admit(book, message_id, recipient, "utility")
    asked = Outcomes(book.client, [PORTFOLIO], one_slot=False)
    for recipient in (ANN, CAT):
        assert await asked.asked(PORTFOLIO, NUMBER, recipient, BEGIN_MS - 5_000)
    await book.ledger.settle(make_outcome("m1"))
    await asyncio.gather(*(book.ledger.settle(make_outcome(id_)) for id_ in ("m2", "m3")))
    keys = [book.keys.reached(f"asked:{NUMBER}", recipient) for recipient in (ANN, BOB, CAT)]
    assert await book.client.mget(keys) == [b"0 %d" % BEGIN_MS, None, b"0 %d" % BEGIN_MS]
    assert await book.client.type(book.keys.message("m1")) == b"string"
