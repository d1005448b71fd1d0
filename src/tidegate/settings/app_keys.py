"""Keys of apps: how one is made, and the hash under which the configuration knows it."""

import hashlib
import re
import secrets
from typing import Final

PREFIX: Final = "tg_"
"""Lets a key be recognised in a log or a repository where it should not be."""

ENVIRONMENT: Final = re.compile(r"[a-z][a-z0-9]{0,15}")
"""A name of an environment: `prod`, `stage`, `dev`."""

METAS_PREFIX: Final = "EAA"
"""How Meta's access tokens begin (Meta, "Access tokens": every example; no word of Meta's promises it)."""

#: 32 random bytes in base64url are 43 characters: a key without an environment is shorter than any with one.
_WITH_ENVIRONMENT: Final = re.compile(rf"{PREFIX}({ENVIRONMENT.pattern})_[A-Za-z0-9_-]{{43}}")


def new_key(environment: str | None = None) -> str:
    """A fresh key: the prefix, the environment that it is for, and 32 random bytes in base64url."""
    return PREFIX + (f"{environment}_" if environment else "") + secrets.token_urlsafe(32)


def is_metas(key: str) -> bool:
    """Whether it is a token of Meta's, rather than a key that was made here or anywhere else."""
    return key.startswith(METAS_PREFIX)


def environment_of(key: str) -> str | None:
    """The environment that a key names; None for one that names none, as keys did once."""
    found = _WITH_ENVIRONMENT.fullmatch(key)
    return found[1] if found else None


def hash_key(key: str) -> str:
    """`key_sha256` of a key: SHA-256 of the whole key as UTF-8, in lower-case hex.

    A plain hash is enough: a key has 256 random bits, so there is nothing to guess.
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def fingerprint(key: str) -> str:
    """What a key is called where it is told who did what: the first 12 digits of its `key_sha256`."""
    return fingerprint_of(hash_key(key))


def fingerprint_of(key_sha256: str) -> str:
    """What the key with this hash is called."""
    return key_sha256[:12]
