"""A message's record as the store has it: fields of its own, before what is packed (`lua/_message.lua`)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

from redis.exceptions import ResponseError

from tidegate.store.scripts import StoreClient

_PACKED: Final = b"packed"
_RECIPIENT_BYTES: Final = 16
#: When it was admitted, its window's end, how long its tallies are, and whether it needs a place.
_NUMBERS: Final = struct.Struct("<dddc")


async def read(client: StoreClient, key: str | bytes) -> dict[bytes, bytes]:
    """Every field of the record of this key; empty where there is no such message."""
    found: Any = await client.mget([key])
    if found[0] is None:
        try:
            own: Mapping[Any, Any] = await client.hgetall(key)
        except ResponseError:
            # It was written meanwhile, as a string.
            found = await client.mget([key])
            return spread(found[0] or {})
        return spread(own)
    return spread(found[0])


def spread(stored: bytes | Mapping[Any, Any]) -> dict[bytes, bytes]:
    """Every field of a record, packed or not: of a string, or of a hash, which is empty where there is none."""
    if isinstance(stored, bytes):
        return _unpacked(stored)
    own = dict(stored)
    packed = own.pop(_PACKED, None)
    return own if packed is None else _unpacked(packed) | own


def _unpacked(packed: bytes) -> dict[bytes, bytes]:
    at_ms, window_ends_ms, tallies_bytes, place = _NUMBERS.unpack_from(packed, _RECIPIENT_BYTES)
    attempt, number, rest = packed[_RECIPIENT_BYTES + _NUMBERS.size :].split(b"\0", 2)
    at, end = b"%d" % at_ms, int(tallies_bytes)
    about, taken, added = rest[end:].partition(b"\n")
    tallies, waits, waited = (b"\n" + rest[:end]).partition(b"\n\n")
    record = {
        b"state": b"sending",
        b"recipient": packed[:_RECIPIENT_BYTES],
        b"attempt": attempt,
        b"number": number,
        b"place": b"" if place == b"-" else place,
        b"at": at,
        b"window": b"%d" % window_ends_ms,
        b"tallies": (tallies + b"\n")[1:] if waits else rest[:end],
        b"about": about,
        b"history": b"%b sending\n" % at,
    }
    if waits:
        _wait(record, *waited.split(b"\n", 1))
    if taken:
        _take(record, *added.split(b"\n", 2))
    return record


def _wait(record: dict[bytes, bytes], expires: bytes, history: bytes) -> None:
    """What is known of one that came out of the queue."""
    queued_at = next(line.split(b" ", 1)[0] for line in history.splitlines() if line.split(b" ")[1] == b"queued")
    record |= {b"expires": expires, b"queued_at": queued_at, b"given": b"1", b"history": history + record[b"history"]}


def _take(record: dict[bytes, bytes], taken: bytes, wamid: bytes, told: bytes = b"") -> None:
    outcomes, kpis, at, cause = taken.split(b" ", 3)
    record |= {b"state": b"accepted", b"answered": b"1"}
    record[b"history"] += b"%b accepted %b\n" % (at, cause)
    if wamid:
        record[b"wamid"] = wamid
    if told:
        record[b"state"], counted, outcomes, kpis, history = told.split(b" ", 4)
        record[b"history"] += history
        if counted == b"1":
            record[b"counted"] = counted
    if outcomes != b"-":
        record[b"outcomes"] = outcomes.replace(b",", b" ")
    if kpis != b"-":
        record[b"kpis"] = kpis
