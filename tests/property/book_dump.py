"""What a store really holds for a portfolio, read key by key, and what must always be true of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.factories import PORTFOLIO
from tests.property.book_model import Hold
from tidegate.store.asks import OUTCOME_MS
from tidegate.store.message_record import spread
from tidegate.store.scripts import StoreClient

_PREFIX = f"tidegate:{{{PORTFOLIO}}}:".encode()


def slot(recipient: bytes) -> tuple[str, bytes]:
    """The bucket and the member that stand for a recipient (the layout that `lua/_places.lua` describes)."""
    return str(int.from_bytes(recipient[:2], "big") % 4_096), recipient[2:9]


@dataclass
class Entry:
    """A place as it is stored: its end (ms), its counted end, and its holds by message."""

    ends: int
    counted: int
    holds: dict[str, Hold]

    @property
    def expected(self) -> int:
        return max([self.counted, *(hold.expected for hold in self.holds.values())])


class Dump:
    """All keys of a portfolio, but its clock."""

    def __init__(self, keys: dict[str, Any]) -> None:
        self.keys = keys
        self.ledger: dict[bytes, bytes] = keys.get("ledger", {})
        self.calendar: dict[str, int] = {bucket.decode(): end for bucket, end in keys.get("calendar", {}).items()}
        self.releases = {int(second): int(places) for second, places in keys.get("releases", {}).items()}
        self.holds: dict[bytes, bytes] = keys.get("holds", {})
        self.places = dict(self._places())
        self.shares = {app.decode(): Dump(_of_share(keys, app.decode())) for app in keys.get("tally:share:apps", ())}

    def _places(self) -> Any:
        for name, packed in self.keys.items():
            if not name.startswith("places:"):
                continue
            bucket = name.removeprefix("places:")
            assert self.calendar[bucket] <= int.from_bytes(packed[:6], "big"), "a new end would not be in the calendar"
            for at in range(6, len(packed), 13):
                member, ends = packed[at : at + 7], int.from_bytes(packed[at + 7 : at + 13], "big")
                text = self.holds.get(f"{bucket}:".encode() + member)
                yield (bucket, member), _entry(ends, text)

    @property
    def used(self) -> int:
        return int(self.ledger.get(b"used", 0))

    @property
    def in_flight(self) -> dict[str, int]:
        known = {id_.decode(): until for id_, until in self.keys.get("inflight", {}).items()}
        for admitted, ids in self.intents.items():
            known |= {id_: admitted + OUTCOME_MS for id_ in ids if self._is_sending(id_, admitted)}
        return known

    @property
    def intents(self) -> dict[int, list[str]]:
        """What was admitted together and may still be in flight, by when that was (ms)."""
        return {int(field): ids.decode().split() for field, ids in self.ledger.items() if field.isdigit()}

    def _is_sending(self, message_id: str, admitted: int) -> bool:
        record = self.message(message_id)
        return record.get(b"state") == b"sending" and int(record[b"at"]) == admitted

    def message(self, message_id: str) -> dict[bytes, bytes]:
        return spread(self.keys.get(f"message:{message_id}", {}))

    def check(self) -> None:
        """The laws of the book, and of those of the apps, whatever happened: raises AssertionError."""
        for share in self.shares.values():
            share.check()
        assert self.used == len(self.places), "used is not the number of places"
        assert sum(self.releases.values()) == self.used, "the curve does not release what is used"
        expected = Counter(-(-entry.expected // 1000) for entry in self.places.values())
        assert self.releases == expected, "the curve is not what the places expect"
        assert all(n > 0 for n in self.releases.values()), "an empty second stays in the curve"
        for (bucket, _), entry in self.places.items():
            assert self.calendar[bucket] <= entry.ends, "the calendar would look into a bucket too late"
            latest = max([entry.counted, *(hold.ends for hold in entry.holds.values())])
            assert entry.ends == latest, "a place does not end with the last of what keeps it"
        slots = {f"{bucket}:".encode() + member for bucket, member in self.places}
        assert set(self.holds) <= slots, "a hold without a place"
        assert {int(field[:-5]) for field in self.ledger if field.endswith(b" left")} == self.intents.keys()
        for admitted, ids in self.intents.items():
            sending = sum(self._is_sending(id_, admitted) for id_ in ids)
            left = int(self.ledger[f"{admitted} left".encode()])
            assert sending <= left <= len(ids), "what was admitted together is no longer known, or known for ever"

    def swept(self, now_ms: int) -> dict[str, Any]:
        """All that would be left if everything due were swept now: two dumps that differ in nothing but sweeping
        are equal by this."""
        alive = {slot_: entry for slot_, entry in self.places.items() if entry.ends > now_ms}
        rest = {
            name: value
            for name, value in self.keys.items()
            if name not in ("ledger", "calendar", "releases", "holds")
            and not name.startswith(("places:", "tally:share:"))
        }
        ledger = {field: value for field, value in self.ledger.items() if field != b"used"}
        curve = Counter(-(-entry.expected // 1000) for entry in alive.values())
        shares = {app: share.swept(now_ms) for app, share in self.shares.items()}
        return {
            "places": alive,
            "ledger": ledger,
            "used": len(alive),
            "releases": curve,
            "rest": rest,
            "shares": shares,
        }

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is left of any place."""
        traces = ("calendar", "releases", "holds")
        if not all(share.is_at_rest for share in self.shares.values()):
            return False
        return not self.used and not self.places and not any(self.keys.get(name) for name in traces)


async def read(client: StoreClient) -> Dump:
    """Every key of the portfolio, in three trips."""
    names = [name for name in await client.keys(_PREFIX + b"*") if name != _PREFIX + b"clock"]
    async with client.pipeline(transaction=False) as types:
        for name in names:
            types.type(name)
        kinds = await types.execute()
    async with client.pipeline(transaction=False) as values:
        for name, kind in zip(names, kinds, strict=True):
            _READ[kind](values, name)
        found = await values.execute()
    whole = (_whole(kind, value) for kind, value in zip(kinds, found, strict=True))
    return Dump({n.removeprefix(_PREFIX).decode("latin-1"): v for n, v in zip(names, whole, strict=True)})


_READ: dict[bytes, Callable[[Any, bytes], Any]] = {
    b"string": lambda pipe, name: pipe.get(name),
    b"hash": lambda pipe, name: pipe.hgetall(name),
    b"zset": lambda pipe, name: pipe.zrange(name, 0, -1, withscores=True),
    b"set": lambda pipe, name: pipe.smembers(name),
    b"stream": lambda pipe, name: pipe.xrange(name),
}


def _of_share(keys: dict[str, Any], app: str) -> dict[str, Any]:
    own = f"tally:share:{app}:"
    return {name.removeprefix(own): value for name, value in keys.items() if name.startswith(own)}


def _whole(kind: bytes, value: Any) -> Any:
    return {member: int(score) for member, score in value} if kind == b"zset" else value


def _entry(ends: int, text: bytes | None) -> Entry:
    if text is None:
        return Entry(ends, ends, {})
    found = re.findall(r"([^;,]+),([0-9]+),([0-9]+)", text.decode())
    holds = {id_: Hold(int(expected), int(latest)) for id_, expected, latest in found}
    return Entry(ends, int(text.partition(b";")[0]), holds)
