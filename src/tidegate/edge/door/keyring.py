"""Which app a key belongs to."""

from __future__ import annotations

from typing import Final

import structlog

from tidegate.clock import StoreClock
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.headed import Headed
from tidegate.edge.door.lockout import Lockout
from tidegate.edge.door.peers import peer_of
from tidegate.keys_in_force import KeysInForce
from tidegate.metrics import Metrics
from tidegate.settings.app_keys import environment_of, hash_key
from tidegate.settings.tables import App, Scope, Server

#: Graph takes both (Meta, "Resumable Upload API" writes `OAuth`).
_SCHEMES: Final = frozenset({"bearer", "oauth"})
#: Client libraries that wait by themselves sleep as long as they are told, within the call.
_LONGEST_RETRY_S: Final = 30
_LONGEST_KEY: Final = 512

log = structlog.get_logger()


class Keyring:
    """Finds apps by their keys, of which it holds the hashes only."""

    __slots__ = ("_clock", "_keys", "_lockout", "_metrics", "_server")

    def __init__(self, keys: KeysInForce, server: Server, clock: StoreClock, metrics: Metrics) -> None:
        self._keys = keys
        self._server = server
        self._clock = clock
        self._metrics = metrics
        self._lockout = Lockout()

    async def app(self, request: Headed, key: str | None) -> App:
        """The app of the key that came with a request.

        Raises Denial: unauthenticated for no key, a key of nobody and one of another environment; locked_out for one
        of these from a peer that has given too many.
        """
        if not key:
            raise Denial(Kind.UNAUTHENTICATED, "no key, or one that is not known here, was given")
        # What is looked up is the SHA-256: how long the look-up takes tells of the hash, from which nobody can work
        # towards a key.
        key_hash = hash_key(key[:_LONGEST_KEY])
        if not self._keys.are_fresh:
            await self._keys.refresh()
        app = self._keys.find(key_hash) if len(key) <= _LONGEST_KEY else None
        foreign = self._foreign(key)
        if app is not None and foreign is None:
            return app
        peer, now_ms = peer_of(request, self._server.peer_header), self._clock.monotonic_ms()
        locked_ms = self._lockout.locked_ms(peer, now_ms)
        if locked_ms:
            self._metrics.refused_key("locked_out")
            raise Denial(
                Kind.LOCKED_OUT,
                "too many keys that are not known here came from this address",
                headers={"Retry-After": str(min(_LONGEST_RETRY_S, -(-locked_ms // 1000)))},
            )
        self._lockout.failed(peer, key_hash, now_ms)
        self._metrics.refused_key("unknown" if foreign is None else "environment")
        # An environment is told by the key's own text, whoever's it is: it says nothing of the keys that there are.
        detail = f"the key is one of the environment {foreign}, and this is {self._server.environment}"
        raise Denial(
            Kind.UNAUTHENTICATED,
            "no key, or one that is not known here, was given" if foreign is None else detail,
        )

    async def app_of_hash(self, key_hash: str) -> App | None:
        """The app of the key with this SHA-256, one that opened before; None once it opens nothing any more."""
        if not self._keys.are_fresh:
            await self._keys.refresh()
        return self._keys.find(key_hash)

    def _foreign(self, key: str) -> str | None:
        """The environment that a key names, where it is another one than this gateway's."""
        named = environment_of(key)
        return named if self._server.environment is not None and named not in (None, self._server.environment) else None


def bearer(authorization: list[str]) -> str | None:
    """The key in the values of an Authorization header; None when there is none, or no single one."""
    if len(authorization) != 1:
        return None
    scheme, _, key = authorization[0].partition(" ")
    return key.strip() or None if scheme.lower() in _SCHEMES else None


def require(app: App, *scopes: Scope) -> None:
    """Raises Denial (forbidden) unless the app has one of these scopes."""
    for scope in scopes:
        if scope in app.scopes:
            return
    if scopes:
        raise Denial(Kind.FORBIDDEN, f"this takes the scope {' or '.join(scopes)}")
