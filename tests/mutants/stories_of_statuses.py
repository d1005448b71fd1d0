"""What is told of many messages in one call, of which much is alike."""

from __future__ import annotations

from typing import Any

import orjson

from tests.factories import NUMBER, PORTFOLIO, make_outcome, make_status
from tests.mutants.book import ANN, BEGIN_MS, Book
from tidegate.cloudapi.vocabulary import MessageStatus
from tidegate.store.outcomes import counters_of


async def _told(book: Book, status: MessageStatus) -> list[tuple[bytes, bytes, str, int]]:
    """What counts where, by template, once four that were taken are told of at once; of one nothing is noted."""
    for i, template in enumerate(("", "up/en", "up/de", "up/en")):
        noted = {"number": NUMBER, "category": "utility", "template": template}
        assert (await book.admit(f"m{i}", ANN, about=orjson.dumps(noted) if template else b"")).taken
        await book.ledger.settle(make_outcome(f"m{i}", wamid=f"wamid.m{i}|sealed"))
    counters = counters_of(status, None)
    told = [make_status(f"m{i}", status.value, BEGIN_MS, counters=counters) for i in range(4)]
    assert all(one.changed for one in await book.ledger.statuses.apply(told))
    found: Any = await book.client.hgetall(f"tidegate:{{{PORTFOLIO}}}:outcomes:told")
    fields = [(field.split(b" ", 3), int(by)) for field, by in found.items()]
    return sorted((where, what, orjson.loads(kind)["template"], by) for (_, where, what, kind), by in fields)


async def an_acceptance_has_proven_what_a_status_tells_again(book: Book) -> None:
    assert await _told(book, MessageStatus.SENT) == [(b"b", b"sent", "up/de", 1), (b"b", b"sent", "up/en", 2)]


async def what_is_told_of_is_not_what_is_like_it(book: Book) -> None:
    told = await _told(book, MessageStatus.DELIVERED)
    assert {template: by for _, what, template, by in told if what == b"delivered"} == {"up/en": 2, "up/de": 1}
