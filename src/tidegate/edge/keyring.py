"""Which app a key belongs to."""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.edge.denials import Denial, Kind
from tidegate.settings.app_keys import hash_key
from tidegate.settings.tables import App, Scope

_BEARER = "bearer"
_LONGEST_KEY = 512


class Keyring:
    """Finds apps by their keys, of which it holds the hashes only."""

    __slots__ = ("_apps",)

    def __init__(self, apps: Iterable[App]) -> None:
        self._apps = {key_hash: app for app in apps for key_hash in app.key_sha256}

    def find(self, key: str | None) -> App | None:
        """The app of this key; None for a key of nobody.

        What is looked up is the key's SHA-256: how long the look-up takes tells of the hash, from which nobody can
        work towards a key.
        """
        if not key or len(key) > _LONGEST_KEY:
            return None
        return self._apps.get(hash_key(key))

    def app(self, key: str | None) -> App:
        """The app of this key. Raises Denial (unauthenticated) for a key of nobody."""
        app = self.find(key)
        if app is None:
            raise Denial(Kind.UNAUTHENTICATED, "no key, or one that is not known here, was given")
        return app


def bearer(authorization: list[str]) -> str | None:
    """The key in the values of an Authorization header; None when there is none, or no single one."""
    if len(authorization) != 1:
        return None
    scheme, _, key = authorization[0].partition(" ")
    return key.strip() or None if scheme.lower() == _BEARER else None


def require(app: App, *scopes: Scope) -> None:
    """Raises Denial (forbidden) unless the app has one of these scopes."""
    if scopes and not any(scope in app.scopes for scope in scopes):
        raise Denial(Kind.FORBIDDEN, f"this takes the scope {' or '.join(scopes)}")
