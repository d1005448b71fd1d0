"""A message's record as the store has it: fields of its own, before those that are packed (`lua/_message.lua`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SENT: Final = b"sent"
_TAKEN: Final = b"taken"
_RECIPIENT_BYTES: Final = 16


def spread(fields: Mapping[Any, Any]) -> dict[bytes, bytes]:
    """Every field of a record, packed or not; `fields` as HGETALL answers, empty where there is no such message."""
    own = dict(fields)
    sent, taken = own.pop(_SENT, None), own.pop(_TAKEN, None)
    return own if sent is None else _sent(sent) | own if taken is None else _taken(_sent(sent), taken) | own


def _sent(packed: bytes) -> dict[bytes, bytes]:
    head, _, rest = packed[_RECIPIENT_BYTES:].partition(b"\n")
    attempt, number, place, at, window, tallies_bytes = head.split(b" ")
    end = int(tallies_bytes)
    return {
        b"state": b"sending",
        b"recipient": packed[:_RECIPIENT_BYTES],
        b"attempt": attempt,
        b"number": number,
        b"place": b"" if place == b"-" else place,
        b"at": at,
        b"window": window,
        b"tallies": rest[:end],
        b"about": rest[end:],
        b"history": b"%b sending\n" % at,
    }


def _taken(record: dict[bytes, bytes], packed: bytes) -> dict[bytes, bytes]:
    wamid_bytes, outcomes, kpis, at, rest = packed.split(b" ", 4)
    end = len(rest) - int(wamid_bytes)
    record |= {b"state": b"accepted", b"answered": b"1"}
    record[b"history"] += b"%b accepted %b\n" % (at, rest[:end])
    if rest[end:]:
        record[b"wamid"] = rest[end:]
    if outcomes != b"-":
        record[b"outcomes"] = outcomes.replace(b",", b" ")
    if kpis != b"-":
        record[b"kpis"] = kpis
    return record
