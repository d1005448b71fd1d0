"""What is personal at rest: encrypted with AES-256-GCM, bound to the message that it belongs to."""

from __future__ import annotations

import base64
import hashlib
from binascii import b2a_base64
from bisect import bisect_left
from collections.abc import Callable
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag

from tidegate.entropy import portions
from tidegate.errors import StoreUnavailable
from tidegate.store.data_keys import DAY_MS, DataKey

_ID: Final = 8
_NONCE: Final = 12
#: For so long after its deadline a message's record may be kept: Meta may take 30 days to deliver it, the place lasts a
#: day longer, and its webhooks repeat themselves for 8 more.
RECORD_MS: Final = 39 * DAY_MS
#: Between the name under which a message is found by Meta's id and that id, sealed.
_THEN: Final = "|"
#: What tells Meta's id of a message from all else that is sealed under the message's own.
_NAMED_BY_META: Final = " wamid"


class BrokenSeal(Exception):
    """What was stored can't be opened: its key was destroyed, or is another one, another message's, or damage."""


class Keys(Protocol):
    """Where a seal has its keys from: `DataKeys`."""

    todays: list[DataKey]
    """Of each span the key of the day, the shortest span first."""
    ends_ms: list[int]
    """When each of them is destroyed."""
    turns_at_ms: int
    """Until when they are those of the day."""

    def now_ms(self) -> int:
        """The store's time."""

    async def ready(self) -> None:
        """See to it that there are keys of this day."""

    async def find(self, key_id: bytes) -> DataKey | None:
        """The key of this id. Raises StoreUnavailable."""


class Seal:
    """Encrypts what is stored of people. What is opened may be asked of the store first: raises StoreUnavailable."""

    __slots__ = ("_named", "_nonces", "_wamids", "keys", "now_ms", "ready")

    def __init__(self, naming_key: bytes, keys: Keys) -> None:
        """`naming_key` makes names for what was said, and must not change while they are compared (24 hours)."""
        self.keys: Final = keys
        self._nonces: Final = portions(_NONCE)
        key = hashlib.blake2b(naming_key, digest_size=32, person=b"tidegate-name").digest()
        self._named = hashlib.blake2b(digest_size=16, key=key)
        self._wamids = hashlib.blake2b(b"wamid:", digest_size=16, key=key)
        self.now_ms: Final[Callable[[], int]] = keys.now_ms
        #: To be awaited before something is sealed, once the keys' day is over.
        self.ready: Final = keys.ready

    def close(self, name: str, body: bytes, until_ms: int) -> bytes:
        """Encrypt `body` under this name so that it can be opened until then. Raises StoreUnavailable."""
        keys = self.keys
        try:
            key_id, _, cipher = keys.todays[bisect_left(keys.ends_ms, until_ms)]
        except IndexError:
            raise StoreUnavailable("the store is unavailable: there is no data key that lasts") from None
        nonce = next(self._nonces)
        return key_id + nonce + cipher.encrypt(nonce, body, key_id + name.encode())

    async def open(self, name: str, sealed: bytes) -> bytes:
        """Decrypt what `close` gave under this name. Raises BrokenSeal."""
        key_id, nonce = sealed[:_ID], sealed[_ID : _ID + _NONCE]
        key = await self.keys.find(key_id)
        if key is None:
            raise BrokenSeal(name)
        try:
            return key.cipher.decrypt(nonce, sealed[_ID + _NONCE :], key_id + name.encode())
        except (InvalidTag, ValueError):
            raise BrokenSeal(name) from None

    def name(self, told: bytes) -> str:
        """A name (32 hex digits) for what was said: the same for the same, and of no use to whoever has not the key."""
        named = self._named.copy()
        named.update(told)
        return named.hexdigest()

    def close_word(self, message_id: str, word: str, deadline_ms: int) -> str:
        """Encrypt what is noted beside a message with this deadline, as ASCII text; it can't be taken for its body."""
        return _ascii(self.close(_beside(message_id), word.encode(), deadline_ms + RECORD_MS))

    async def open_word(self, message_id: str, sealed: str) -> str:
        """Decrypt what `close_word` gave for this message. Raises BrokenSeal."""
        return await self._open_text(_beside(message_id), sealed)

    def wamid_index(self, wamid: str) -> str:
        """The name under which a message is found by Meta's id, which holds the recipient's number in base64."""
        named = self._wamids.copy()
        named.update(wamid.encode())
        return named.hexdigest()

    def close_wamid(self, message_id: str, wamid: str) -> str:
        """Meta's id of a message as it is stored: the name of it, and it, sealed. Raises StoreUnavailable."""
        told, named = wamid.encode(), self._wamids.copy()
        named.update(told)
        sealed = self.close(message_id + _NAMED_BY_META, told, self.keys.turns_at_ms + RECORD_MS)
        return f"{named.hexdigest()}{_THEN}{b2a_base64(sealed, newline=False).decode()}"

    async def open_wamid(self, message_id: str, stored: str) -> str | None:
        """Meta's id again; None when it can't be read any more."""
        _, _, sealed = stored.partition(_THEN)
        try:
            return await self._open_text(f"{message_id}{_NAMED_BY_META}", sealed)
        except BrokenSeal:
            return None

    async def _open_text(self, name: str, sealed: str) -> str:
        try:
            return (await self.open(name, base64.b64decode(sealed, validate=True))).decode()
        except ValueError:
            raise BrokenSeal(name) from None


def body_name(message_id: str, number: str, app: str) -> str:
    """What a message's body is bound to."""
    return f"{message_id} {number} {app}"


def _beside(message_id: str) -> str:
    return f"{message_id} beside"


def _ascii(sealed: bytes) -> str:
    return b2a_base64(sealed, newline=False).decode("ascii")
