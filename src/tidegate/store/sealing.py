"""What is personal at rest: encrypted with AES-256-GCM, bound to the message that it belongs to."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE: Final = 12


class BrokenSeal(Exception):
    """What was stored can't be opened: another payload key, another message, or damage."""


class Seal:
    """Encrypts what is queued. Holds the key; shows it nowhere."""

    __slots__ = ("_aead", "_naming")

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(hashlib.blake2b(key, digest_size=32, person=b"tidegate-body").digest())
        self._naming = hashlib.blake2b(key, digest_size=32, person=b"tidegate-name").digest()

    def close(self, message_id: str, body: bytes) -> bytes:
        """Encrypt `body` for this message."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, body, message_id.encode())

    def open(self, message_id: str, sealed: bytes) -> bytes:
        """Decrypt what `close` gave for this message. Raises BrokenSeal."""
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], message_id.encode())
        except (InvalidTag, ValueError):
            raise BrokenSeal(message_id) from None

    def name(self, told: bytes) -> str:
        """A name (32 hex digits) for what was said: the same for the same, and of no use to whoever has not the key."""
        return hashlib.blake2b(told, digest_size=16, key=self._naming).hexdigest()

    def close_word(self, message_id: str, word: str) -> str:
        """Encrypt what is noted beside a message, as ASCII text; it can't be taken for its body."""
        return base64.b64encode(self.close(_beside(message_id), word.encode())).decode()

    def open_word(self, message_id: str, sealed: str) -> str:
        """Decrypt what `close_word` gave for this message. Raises BrokenSeal."""
        try:
            return self.open(_beside(message_id), base64.b64decode(sealed, validate=True)).decode()
        except ValueError:
            raise BrokenSeal(message_id) from None


def _beside(message_id: str) -> str:
    return f"{message_id} beside"
