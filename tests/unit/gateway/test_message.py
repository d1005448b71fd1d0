"""What is noted of a message, which a node remembers for a day."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import orjson
import pytest
from msgspec import structs

from tests.factories import make_seal
from tidegate.cloudapi.messages import Request, parse_send
from tidegate.cloudapi.vocabulary import Category
from tidegate.gateway import Message, Route
from tidegate.gateway import message as message_module
from tidegate.policy.campaign.part import Part

ROUTE = Route("red", "1", "101")
MANY = 500


def a_message(number: int, **more: object) -> Message:
    body = {"messaging_product": "whatsapp", "to": "16505551234", "type": "text", "text": {"body": "hi"}, **more}
    request = parse_send(orjson.dumps(body))
    assert isinstance(request, Request)
    return Message(f"m{number}", "shop", ROUTE, request, "/v25.0/101/messages", 0, Category.MARKETING, True)


def marketed(number: int) -> Message:
    return structs.replace(a_message(number), marketing_at_ms=1 + number)


def noted_by_its_sender(number: int) -> Message:
    return a_message(number, biz_opaque_callback_data=f"order {number}")


@pytest.mark.parametrize("make", [marketed, noted_by_its_sender])
def test_what_is_noted_of_one_message_takes_little_more_memory_than_it_is_long(make: Callable[[int], Message]) -> None:
    seal, messages = make_seal(), [make(number) for number in range(2 * MANY)]
    # What is made once for all is made.
    before = [message.about(seal) for message in messages[:MANY]]

    tracemalloc.start()
    try:
        noted = [message.about(seal) for message in messages[MANY:]]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len({*before, *noted}) == 2 * MANY
    assert taken / MANY < 2_048


def of_a_campaign(number: int) -> Message:
    return structs.replace(a_message(number), campaign="c1", part=Part("c1", 1 + number, 1, "step-1", "all"))


@pytest.mark.parametrize("make", [marketed, of_a_campaign])
def test_what_one_message_alone_has_is_not_kept_with_what_its_kind_has(make: Callable[[int], Message]) -> None:
    message_module._noted.cache_clear()
    noted = [make(number).noted_json() for number in range(MANY)]
    before = message_module._noted.cache_info()

    noted += [make(number).noted_json() for number in range(MANY, 2 * MANY)]

    assert len(set(noted)) == 2 * MANY
    assert message_module._noted.cache_info().misses == before.misses
