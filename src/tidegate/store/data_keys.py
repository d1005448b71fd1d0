"""The keys that encrypt what is personal: each of one day, kept in the store wrapped by a payload key, and destroyed.

What is encrypted names how long it has to be readable, and gets the day's key of the shortest span that lasts for it.
When the span is over the key is deleted, and with it goes whatever of the day is left in the store, in its append-only
file or in a replica, unread. Another payload key wraps the same data keys anew, so that it can be exchanged without a
message being lost; whoever destroys the one before makes every older backup unreadable.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.errors import StoreUnavailable
from tidegate.store.keys import DATA_KEYS
from tidegate.store.scripts import StoreClient, script

DAY_MS: Final = 86_400_000
#: For how many days after its own a key is kept: what is queued for 3 days at most (the longest default), what is noted
#: of messages until their fate is sure, and what may be queued for longer than Meta keeps anything.
SPANS: Final = (4, 45, 400)

_ID: Final = 8
_NONCE: Final = 12
_KEY: Final = 32
#: How often a node looks whether its keys are still in the store, and whether any is to be destroyed.
_LOOK_S: Final = 60.0
#: After a look that failed, the next one; and a key that is not there is not asked for more often.
_AGAIN_MS: Final = 1_000
#: Of so many keys that are not there it is remembered that they were asked for.
_MOST_MISSED: Final = 1_000

log = structlog.get_logger()


class DataKey(NamedTuple):
    """One data key: `key_id` (8 bytes: span, day, chance) stands before all that is encrypted with it."""

    key_id: bytes
    secret: bytes
    cipher: AESGCM

    def __repr__(self) -> str:
        return f"DataKey({self.key_id.hex()})"

    @property
    def ends_ms(self) -> int:
        """When it is destroyed."""
        return _ends_ms(self.key_id)


class DataKeys:
    """The data keys of this store, as a node knows them. Holds keys; shows them nowhere."""

    def __init__(
        self, client: StoreClient, payload_key: bytes, previous: Iterable[bytes], now_ms: Callable[[], int]
    ) -> None:
        """`payload_key` wraps the data keys; what one of `previous` has wrapped is read, and wrapped anew.

        `now_ms`: the store's time.
        """
        self._client = client
        self._wrapping, *self._unwrapping = (_wrapping_key(key) for key in (payload_key, *previous))
        #: The store's time.
        self.now_ms: Final = now_ms
        self._known: dict[bytes, DataKey] = {}
        #: Of each span the key of the day, and when it is destroyed; the shortest span first.
        self.todays: list[DataKey] = []
        self.ends_ms: list[int] = []
        #: Until when they are those of the day.
        self.turns_at_ms = 0
        #: Keys that were not there, and when that was seen.
        self._missed: dict[bytes, int] = {}
        self._unreadable: set[bytes] = set()
        self._lock = asyncio.Lock()

    async def ready(self) -> None:
        """See to it that there are keys of this day; where the store is away, those of the day before go on."""
        if self.now_ms() < self.turns_at_ms:
            return
        async with self._lock:
            if self.now_ms() >= self.turns_at_ms:
                try:
                    await self._turn()
                except StoreUnavailable:
                    self.turns_at_ms = self.now_ms() + _AGAIN_MS

    async def find(self, key_id: bytes) -> DataKey | None:
        """The key of this id; None when it was destroyed, or no payload key opens it. Raises StoreUnavailable."""
        if key_id not in self._known:
            async with self._lock:
                # Whoever had the lock before may have learned it.
                if key_id not in self._known and self.now_ms() >= self._missed.get(key_id, 0) + _AGAIN_MS:
                    await self._ask_for(key_id)
        key = self._known.get(key_id)
        return key if key is not None and key.ends_ms > self.now_ms() else None

    async def _ask_for(self, key_id: bytes) -> None:
        await self._exchange([])
        self._missed.pop(key_id, None)
        if key_id not in self._known:
            if len(self._missed) >= _MOST_MISSED:
                self._missed.clear()
            self._missed[key_id] = self.now_ms()

    async def run(self) -> None:
        """Keep the keys in the store and destroy those whose time is over, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("data_keys_not_looked_after", fault=str(error))

    async def look(self) -> None:
        """Put back what the store has lost, wrap anew, destroy what is over. Raises StoreUnavailable."""
        async with self._lock:
            await self._turn()

    async def _turn(self) -> None:
        now_ms = self.now_ms()
        day = now_ms // DAY_MS
        await self._exchange([key for key in self._known.values() if key.ends_ms > now_ms])
        missing = [span for span in SPANS if not any(_is_of(key_id, span, day) for key_id in self._known)]
        if missing:
            # Two nodes may do so at once: then both keys are used, each by whom it is known to.
            await self._exchange([_new_key(span, day) for span in missing])
        self.todays = [min(key for key in self._known.values() if _is_of(key.key_id, span, day)) for span in SPANS]
        self.ends_ms = [key.ends_ms for key in self.todays]
        self.turns_at_ms = (day + 1) * DAY_MS

    async def _exchange(self, put: Sequence[DataKey]) -> None:
        """Put keys where they are missing, and learn all that there are."""
        now_ms = self.now_ms()
        stored = await self._call([(key.key_id, self._wrapped(key)) for key in put], [], [])
        anew: list[tuple[bytes, bytes, bytes]] = []
        over = [key_id for key_id in stored if len(key_id) == _ID and _ends_ms(key_id) <= now_ms]
        for key_id, wrapped in stored.items():
            if key_id not in over and key_id not in self._known:
                self._learn(key_id, wrapped)
            if key_id in self._known and self._unwrap(self._wrapping, key_id, wrapped) is None:
                anew.append((key_id, wrapped, self._wrapped(self._known[key_id])))
        if anew or over:
            await self._call([], anew, over)
        if over:
            log.info("data_keys_destroyed", count=len(over))
        for key_id in [key_id for key_id in self._known if _ends_ms(key_id) <= now_ms]:
            del self._known[key_id]

    def _learn(self, key_id: bytes, wrapped: bytes) -> None:
        for wrapping in (self._wrapping, *self._unwrapping):
            secret = self._unwrap(wrapping, key_id, wrapped)
            if secret is not None:
                self._known[key_id] = DataKey(key_id, secret, AESGCM(secret))
                return
        if key_id not in self._unreadable:
            self._unreadable.add(key_id)
            log.error("data_key_unreadable", remedy="name the payload key before this one as privacy.previous_keys")

    def _wrapped(self, key: DataKey) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._wrapping.encrypt(nonce, key.secret, key.key_id)

    @staticmethod
    def _unwrap(wrapping: AESGCM, key_id: bytes, wrapped: bytes) -> bytes | None:
        try:
            return wrapping.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], key_id)
        except (InvalidTag, ValueError):
            return None

    async def _call(
        self, put: Sequence[tuple[bytes, bytes]], anew: Sequence[tuple[bytes, bytes, bytes]], over: Sequence[bytes]
    ) -> Mapping[bytes, bytes]:
        args: list[str | bytes | int] = [len(put), len(anew)]
        for words in (*put, *anew):
            args += words
        found: Any = await script("keep_data_keys").repeatable(self._client, [DATA_KEYS], [*args, *over])
        return dict(zip(found[::2], found[1::2], strict=True))


def _wrapping_key(payload_key: bytes) -> AESGCM:
    return AESGCM(hashlib.blake2b(payload_key, digest_size=_KEY, person=b"tidegate-wrap").digest())


def _new_key(span: int, day: int) -> DataKey:
    secret = os.urandom(_KEY)
    return DataKey(_prefix(span, day) + os.urandom(3), secret, AESGCM(secret))


def _prefix(span: int, day: int) -> bytes:
    return span.to_bytes(2, "big") + day.to_bytes(3, "big")


def _is_of(key_id: bytes, span: int, day: int) -> bool:
    return key_id.startswith(_prefix(span, day))


def _ends_ms(key_id: bytes) -> int:
    span, day = int.from_bytes(key_id[:2], "big"), int.from_bytes(key_id[2:5], "big")
    return (day + 1 + span) * DAY_MS
