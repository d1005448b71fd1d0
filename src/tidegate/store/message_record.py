"""A message's record as the store has it: fields of its own, before those that are packed (`lua/_message.lua`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_SENT: Final = b"sent"
_TAKEN: Final = b"taken"
_TOLD: Final = b"told"
_RECIPIENT_BYTES: Final = 16


def spread(fields: Mapping[Any, Any]) -> dict[bytes, bytes]:
    """Every field of a record, packed or not; `fields` as HGETALL answers, empty where there is no such message."""
    own = dict(fields)
    sent, taken, told = own.pop(_SENT, None), own.pop(_TAKEN, None), own.pop(_TOLD, None)
    if sent is None:
        return own
    record = _sent(sent)
    if taken is not None:
        _take(record, taken)
    if told is not None:
        _tell(record, told)
    return record | own


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


def _take(record: dict[bytes, bytes], packed: bytes) -> None:
    wamid_bytes, outcomes, kpis, at, rest = packed.split(b" ", 4)
    end = len(rest) - int(wamid_bytes)
    record |= {b"state": b"accepted", b"answered": b"1"}
    record[b"history"] += b"%b accepted %b\n" % (at, rest[:end])
    if rest[end:]:
        record[b"wamid"] = rest[end:]
    _count(record, outcomes, kpis)


def _tell(record: dict[bytes, bytes], packed: bytes) -> None:
    record[b"state"], counted, outcomes, kpis, history = packed.split(b" ", 4)
    record[b"history"] += history
    if counted == b"1":
        record[b"counted"] = counted
    _count(record, outcomes, kpis)


def _count(record: dict[bytes, bytes], outcomes: bytes, kpis: bytes) -> None:
    if outcomes != b"-":
        record[b"outcomes"] = outcomes.replace(b",", b" ")
    if kpis != b"-":
        record[b"kpis"] = kpis
