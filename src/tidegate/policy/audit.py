"""The audit's entries: what one says, how it is chained to the one before it, and whether a chain is whole.

    hash(n) = SHA-256( hash(n-1) + text(n) )

`hash` is 64 lower-case hex digits as ASCII, that before the first entry 64 zeros; `text` is the entry without `prev`
and `hash` as canonical JSON: UTF-8, keys sorted, no spaces. So whoever has the entries can check them with nothing but
a JSON library and SHA-256, and whoever changes, removes or inserts one has to change all that follow it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

GENESIS: Final = "0" * 64
"""The hash before the first entry."""

#: What the chain adds to an entry's own words.
_CHAINED: Final = frozenset({"prev", "hash"})


class Act(StrEnum):
    """What was done. The values are API: they are added to, and never changed."""

    PAUSE_START = "pause.start"
    PAUSE_END = "pause.end"
    BREAKER_CLOSE = "breaker.close"
    #: A breaker that concerns many users moved, by a rule or by hand.
    BREAKER_CHANGE = "breaker.change"
    #: Meta's limit of a portfolio changed.
    LIMIT_CHANGE = "limit.change"
    RULES_REPLACE = "rules.replace"
    BOOKS_ACCEPT = "books.accept"
    CONSENT_WRITE = "consent.write"
    RECIPIENT_ERASE = "recipient.erase"
    KEY_MAKE = "key.make"
    KEY_REVOKE = "key.revoke"
    WALLET_TOP_UP = "wallet.top_up"
    #: An operator cancelled a message of another app's.
    MESSAGE_CANCEL = "message.cancel"
    WEBHOOKS_REPLAY = "webhooks.replay"
    CAMPAIGN_CREATE = "campaign.create"
    CAMPAIGN_UPLOAD = "campaign.upload"
    CAMPAIGN_DELETE = "campaign.delete"
    CAMPAIGN_START = "campaign.start"
    CAMPAIGN_PAUSE = "campaign.pause"
    CAMPAIGN_RESUME = "campaign.resume"
    CAMPAIGN_CANCEL = "campaign.cancel"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: an app with the fingerprint of the key that it used and the address that it came from.

    What no app did has a `name` that says what did (`SIGHUP`, `webhook` ...), and neither key nor address.
    """

    name: str
    key: str = ""
    address: str = ""

    def told(self) -> dict[str, str]:
        """It as JSON values."""
        return {"app": self.name, "key": self.key, "from": self.address}


@dataclass(frozen=True, slots=True)
class Deed:
    """An act that is to be written down. It names no phone number: a user is the hash that stands for them (hex).

    `target`: what it was done to, such as `{"number": "106540352242922"}`. `detail`: JSON values.
    """

    act: str
    by: Actor
    target: Mapping[str, str]
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def words(self, place: str, seq: int, at_ms: int, entry_id: str) -> dict[str, Any]:
        """The entry that it becomes: number `seq` of the chain of `place`, written at `at_ms` by the store's time."""
        return {
            "seq": seq,
            "id": entry_id,
            "at": _time(at_ms),
            "portfolio": place,
            "act": str(self.act),
            "by": self.by.told(),
            "target": dict(self.target),
            "reason": self.reason,
            "detail": dict(self.detail),
        }


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry of a chain that is not as it was written, and why."""

    seq: int
    why: str


def canonical(words: Mapping[str, Any]) -> str:
    """An entry's own words as they are hashed."""
    own = {key: value for key, value in words.items() if key not in _CHAINED}
    return json.dumps(own, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def link(prev: str, text: str) -> str:
    """The hash of an entry (64 hex digits), given the hash of the one before it and its text."""
    return hashlib.sha256(prev.encode() + text.encode()).hexdigest()


class Verification:
    """Walks one chain, the oldest entry first; `broken` is the first entry that is not as it was written.

    The first entry that it is given is believed to follow the `prev` that it names, unless it is the first of all: what
    is older was forgotten when its time was over. An anchor, `{seq: hash}`, is what was written down of the chain
    elsewhere: the entry of that number has to be there, or to be the one that the first one follows, with this hash.
    """

    def __init__(self, anchors: Mapping[int, str] | None = None) -> None:
        self._anchors = dict(anchors or {})
        self._unseen = set(self._anchors)
        self.broken: Broken | None = None
        self.checked = 0
        #: Entries of which only the links could be checked: their words are withheld from whoever asks.
        self.withheld = 0
        self.seq = 0
        self.hash = GENESIS

    def walk(self, entries: Iterable[Mapping[str, Any]]) -> bool:
        """Check further entries, as `GET /audit` tells them; False when one is broken."""
        for entry in entries:
            why = self._fault(entry)
            if why:
                self.broken = Broken(int(entry.get("seq", 0)), why)
                return False
            self.checked += 1
            self.withheld += "act" not in entry
            self.seq, self.hash = entry["seq"], entry["hash"]
        return True

    def end(self) -> bool:
        """Say that this was all; False when an anchor's entry was not among it."""
        if self._unseen and self.broken is None:
            missing = min(self._unseen)
            why = "ends before it" if missing > self.seq else "begins after it"
            self.broken = Broken(missing, f"it is missing: the chain {why}")
        return self.broken is None

    def _fault(self, entry: Mapping[str, Any]) -> str:
        seq, prev, told = entry["seq"], entry["prev"], entry["hash"]
        if self.checked and seq != self.seq + 1:
            return f"it does not follow number {self.seq}"
        if (self.checked or seq == 1) and prev != self.hash:
            return "it does not name the hash of the entry before it"
        if "act" in entry and link(prev, canonical(entry)) != told:
            return "its words are not those that were hashed"
        if not self.checked and self._anchors.get(seq - 1, prev) != prev:
            return "it does not follow the entry that the anchor was taken of"
        self._unseen -= {seq, seq - 1}
        if self._anchors.get(seq, told) != told:
            return "it is not the one that the anchor was taken of"
        return ""


def _time(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
