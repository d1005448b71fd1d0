"""Keys of apps: how one is made, and the hash under which the configuration knows it."""

import hashlib
import secrets
from typing import Final

PREFIX: Final = "tg_"
"""Lets a key be recognised in a log or a repository where it should not be."""


def new_key() -> str:
    """A fresh key: the prefix and 32 random bytes in base64url."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_key(key: str) -> str:
    """`key_sha256` of a key: SHA-256 of the whole key as UTF-8, in lower-case hex.

    A plain hash is enough: a key has 256 random bits, so there is nothing to guess.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
