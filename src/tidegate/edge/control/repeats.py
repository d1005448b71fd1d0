"""Idempotency-Key on the control plane: one key makes one thing, and whoever repeats the request gets its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import orjson
from msgspec.structs import replace

from tidegate.edge.calls import Call
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.idempotency import REPLAYED, digest_of, home_of, packed, read_key, unpacked
from tidegate.edge.replies import Reply
from tidegate.errors import StoreUnavailable
from tidegate.store.asks import OUTCOME_MS
from tidegate.store.idempotency import Done, Entry, Mine, Other, Running


async def once(
    call: Call, fields: dict[str, object], portfolio: str, new_id: str, make: Callable[[str], Awaitable[Reply]]
) -> Reply:
    """The answer of `make`, which is called with the id of what it is to make: once for each key, if one is given.

    `make` has to find what it has made under that id: a request that was not answered within a minute is carried out
    again with the first one's. `fields`: the body. Raises Denial, and StoreUnavailable.
    """
    given = call.request.headers.getall("Idempotency-Key", [])
    if not given:
        return await make(new_id)
    if len(given) > 1:
        raise Denial(Kind.BAD_REQUEST, "header Idempotency-Key: is given twice")
    services = call.services
    asked = f"{call.request.method} {call.request.path}\n".encode() + orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    home, digest = home_of(services, call.app, portfolio), digest_of(read_key(given[0].strip()))
    entry = Entry(home, f"{call.app.name}:{digest}", services.idempotency.fingerprint(asked), new_id)
    found = await services.idempotency.claim(entry)
    if isinstance(found, Running) and found.age_ms > OUTCOME_MS:
        entry = replace(entry, message_id=found.message_id)
        found = await services.idempotency.claim(entry, instead_of=found.message_id)
    match found:
        case Done(answer):
            return unpacked(answer).with_headers(REPLAYED)
        case Other():
            raise Denial(Kind.UNPROCESSABLE, "header Idempotency-Key: was used for another request before")
        case Running():
            detail = "header Idempotency-Key: the first request with it is still running"
            raise Denial(Kind.CONFLICT, detail, headers={"Retry-After": "1"})
        case Mine():
            return await _made(call, entry, make)


async def _made(call: Call, entry: Entry, make: Callable[[str], Awaitable[Reply]]) -> Reply:
    store = call.services.idempotency
    try:
        reply = await make(entry.message_id)
    except Denial:
        # Nothing was made: the key is free for another try.
        with suppress(StoreUnavailable):
            await store.free(entry)
        raise
    with suppress(StoreUnavailable):
        # Without it a repetition is carried out again, a minute later, and finds what was made.
        await store.keep(entry, packed(reply))
    return reply
