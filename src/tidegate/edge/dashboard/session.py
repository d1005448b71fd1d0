"""Who is signed in: a sealed cookie that every node can open, and that names a key without holding it.

The cookie holds the SHA-256 of the key, when it ends, and a token for forms, sealed with AES-256-GCM under a key that
is derived from the identity key, which is the same on all nodes. The key that it names is looked up with every request,
so a session ends with its key.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LASTING_MS: Final = 12 * 3_600_000
_PURPOSE: Final = b"tidegate dashboard session 1"
_NONCE: Final = 12
_HASH: Final = 32
_TIME: Final = 8
_TOKEN: Final = 16
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True)
class Session:
    """A session: `key_hash` (64 hex digits) of the key that opened it, its end (ms), the token of its forms (hex)."""

    key_hash: str = field(repr=False)
    ends_at_ms: int
    token: str = field(repr=False)

    def is_its_token(self, given: str) -> bool:
        """Whether a form was written in this session."""
        return hmac.compare_digest(self.token.encode(), given.encode("utf-8", "surrogatepass"))


class Sessions:
    """Makes cookies, and reads them."""

    __slots__ = ("_cipher",)

    def __init__(self, identity_key: bytes) -> None:
        """`identity_key`: `privacy.identity_key`; what is derived from it opens nothing else."""
        self._cipher = AESGCM(HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(identity_key))

    def begin(self, key_hash: str, now_ms: int) -> str:
        """The cookie of a new session of a key."""
        ends_at_ms = now_ms + LASTING_MS
        told = bytes.fromhex(key_hash) + ends_at_ms.to_bytes(_TIME, "big") + secrets.token_bytes(_TOKEN)
        nonce = os.urandom(_NONCE)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, told, _PURPOSE)).decode()

    def read(self, cookie: str, now_ms: int) -> Session | None:
        """The session of a cookie; None for one that is over, and for anything that was not made by `begin`."""
        if len(cookie) > _LONGEST:
            return None
        try:
            raw = base64.urlsafe_b64decode(cookie)
            told = self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], _PURPOSE)
        except (InvalidTag, ValueError, binascii.Error):
            return None
        ends_at_ms = int.from_bytes(told[_HASH : _HASH + _TIME], "big")
        if now_ms >= ends_at_ms:
            return None
        return Session(told[:_HASH].hex(), ends_at_ms, told[_HASH + _TIME :].hex())
