"""What of one user is on its way to the apps, or dead: found among all that is, and put in other words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tidegate.store.faults import store_faults
from tidegate.store.keys import PortfolioKeys
from tidegate.store.relays import KEPT_MS, NAME_BYTES, Given, bound_to
from tidegate.store.scripts import StoreClient, script
from tidegate.store.sealing import Seal

#: So many webhooks are looked at in one step.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Trace:
    """A webhook that speaks of a user; the fields are `store.relays.Leased`'s and `Parcel`'s."""

    app: str
    name: bytes
    sealed: bytes = field(repr=False)
    message_id: str
    given: Given
    kind: str


class RelayTraces:
    """Finds and rewrites them. Every method may be repeated, and raises StoreUnavailable."""

    def __init__(self, client: StoreClient, portfolios: Iterable[str], seal: Seal) -> None:
        """`seal` is the one of `Relays`."""
        self._client = client
        self._seal = seal
        self._keys = {portfolio: PortfolioKeys(portfolio) for portfolio in portfolios}

    async def of_user(self, portfolio: str, names: Sequence[bytes]) -> AsyncIterator[list[Trace]]:
        """The webhooks of a user with these names, a few at a time; those of apps too that are not served any more.

        Looks at every key of the store, as there is nothing that leads from a user to what is dead.
        """
        prefix, found = self._keys[portfolio].relay("item").encode() + b":", []
        with store_faults:
            async for key in self._client.scan_iter(match=prefix + b"*", count=_AT_ONCE):
                app, name = bytes(key)[len(prefix) : -NAME_BYTES - 1], bytes(key)[-NAME_BYTES:]
                found.append((app, name))
                if len(found) == _AT_ONCE:
                    yield await self._theirs(portfolio, names, found)
                    found.clear()
        yield await self._theirs(portfolio, names, found)

    async def open(self, trace: Trace) -> bytes:
        """The body. Raises BrokenSeal."""
        return await self._seal.open(bound_to(trace.app, trace.name), trace.sealed)

    async def rewrite(self, portfolio: str, bodies: Sequence[tuple[str, bytes, bytes | None]]) -> int:
        """Put these bodies (app, name, body) in the place of what was there; None: it goes. How many there were."""
        if not bodies:
            return 0
        await self._seal.ready()
        until_ms = self._seal.now_ms() + KEPT_MS
        args: list[str | bytes | int] = []
        for app, name, body in bodies:
            args += (app, name, b"" if body is None else self._seal.close(bound_to(app, name), body, until_ms))
        return int(await script("relay_rewrite").repeatable(self._client, self._keys[portfolio].all, args))

    async def _theirs(
        self, portfolio: str, names: Sequence[bytes], found: Sequence[tuple[bytes, bytes]]
    ) -> list[Trace]:
        args: list[str | bytes | int] = [len(names), *(name.hex() for name in names)]
        for app, name in found:
            args += (app, name)
        answer = await script("relay_of_user").repeatable(self._client, self._keys[portfolio].all, args)
        return [
            Trace(app.decode(), name, sealed, message_id.decode(), Given.read(given), kind.decode())
            for app, name, sealed, message_id, given, kind in (answer[i : i + 6] for i in range(0, len(answer), 6))
        ]
