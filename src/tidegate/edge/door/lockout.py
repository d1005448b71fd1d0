"""Whoever has given too many keys that are none is told so for a while; a key that is one opens from anywhere."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

#: So many different wrong keys within so long, and a peer is locked out: that is guessing. One old key that a client
#: goes on with is not, until it is a nuisance. The numbers are none of Meta's.
FAILURES: Final = 10
SAME_FAILURES: Final = 100
WITHIN_MS: Final = 60_000
#: The first lock-out; each further one lasts twice as long, up to the longest.
FIRST_MS: Final = 30_000
LONGEST_MS: Final = 900_000
#: A peer that was quiet for so long begins anew.
FORGIVEN_MS: Final = 3_600_000
#: Peers of which something is remembered: the oldest is forgotten first.
MOST: Final = 10_000


@dataclass(slots=True)
class _Record:
    """What is remembered of one peer; times are the node's monotonic ms."""

    failures: int = 0
    keys: set[str] = field(default_factory=set)
    since_ms: float = 0.0
    last_ms: float = 0.0
    locked_until_ms: float = float("-inf")
    lock_outs: int = 0

    def begin(self, at_ms: float) -> None:
        self.failures, self.since_ms = 0, at_ms
        self.keys.clear()


class Lockout:
    """Counts wrong keys by peer, on one node. Times are given, in ms that only grow.

    Keys of 256 random bits can't be guessed: what is kept away is the noise. A good key is not shut out with a bad
    neighbour, for behind one address there may be a whole company, or a proxy.
    """

    __slots__ = ("_records",)

    def __init__(self) -> None:
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def locked_ms(self, peer: str, now_ms: float) -> int:
        """For how long this peer is told no more of its keys; 0: it is not locked out."""
        record = self._records.get(peer)
        if record is None or record.locked_until_ms <= now_ms:
            return 0
        return max(1, int(record.locked_until_ms - now_ms))

    def failed(self, peer: str, key_hash: str, now_ms: float) -> None:
        """A key of nobody came from there."""
        record = self._records.get(peer)
        if record is None or now_ms - record.last_ms > FORGIVEN_MS:
            record = self._records[peer] = _Record(since_ms=now_ms)
        self._records.move_to_end(peer)
        if now_ms - record.since_ms > WITHIN_MS:
            record.begin(now_ms)
        record.failures += 1
        record.keys.add(key_hash)
        record.last_ms = now_ms
        if len(record.keys) >= FAILURES or record.failures >= SAME_FAILURES:
            # Not a shift of any width: the count of lock-outs has no bound.
            record.locked_until_ms = now_ms + min(LONGEST_MS, FIRST_MS * 2 ** min(record.lock_outs, 10))
            record.lock_outs += 1
            record.begin(record.locked_until_ms)
        if len(self._records) > MOST:
            self._records.popitem(last=False)
