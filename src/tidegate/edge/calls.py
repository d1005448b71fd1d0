"""One authenticated request to the control plane, and what its handler may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from tidegate.cloudapi.json_text import BadJson, read_json
from tidegate.edge.denials import Denial, Kind
from tidegate.edge.door.bodies import read_body, refuse_encoded
from tidegate.edge.door.keyring import bearer
from tidegate.edge.door.peers import address_of
from tidegate.edge.grants import Grants
from tidegate.edge.services import Services
from tidegate.gateway import Route
from tidegate.policy.audit import Act, Actor, Deed
from tidegate.policy.standing import Standing
from tidegate.settings.app_keys import fingerprint, fingerprint_of
from tidegate.settings.tables import App
from tidegate.store.ledger import EVERY_PLACE, Books

_MOST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Call:
    """A request of an app that has the scope for it. Its methods raise Denial, and StoreUnavailable.

    `key_hash`: `key_sha256` of the key that it came with, where that is not in its headers. `seen`: where books
    that were read are kept, for whoever looks at the same ones several times in one go; None: they are read anew.
    """

    request: web.Request
    app: App
    services: Services
    grants: Grants
    key_hash: str = ""
    seen: dict[str, Books] | None = None

    def path(self, name: str) -> str:
        """A part of the path, unescaped."""
        return self.request.match_info[name]

    def query(self, name: str) -> str | None:
        """A query parameter; None when it is not given. Given twice it means nothing."""
        values = self.request.query.getall(name, [])
        if len(values) > 1:
            raise Denial(Kind.BAD_REQUEST, f"query {name}: is given twice")
        return values[0] if values else None

    async def fields(self, most: int = _MOST) -> dict[str, Any]:
        """The body, which has to be a JSON object of `most` bytes that gives no key twice."""
        refuse_encoded(self.request)
        raw = await read_body(self.request, most)
        try:
            body = read_json(raw)
        except BadJson as fault:
            raise Denial(Kind.BAD_REQUEST, f"body: {fault}") from None
        if not isinstance(body, dict):
            raise Denial(Kind.BAD_REQUEST, "body: has to be a JSON object")
        return body

    def route(self, number: str | None) -> Route:
        """The route of a number that the app may use."""
        route = self.grants.route(self.app, number) if number else None
        if route is None:
            raise Denial(Kind.NOT_FOUND, "no such number")
        return route

    def portfolio(self, portfolio: str) -> str:
        """A portfolio of which the app may use a number."""
        if portfolio not in self.grants.portfolios(self.app):
            raise Denial(Kind.NOT_FOUND, "no such portfolio")
        return portfolio

    @property
    def actor(self) -> Actor:
        """Who calls, as the audit tells it: the app, the fingerprint of its key, its address."""
        key = bearer(self.request.headers.getall("Authorization", []))
        address = address_of(self.request, self.services.settings.server.peer_header)
        named = fingerprint_of(self.key_hash) if self.key_hash else fingerprint(key) if key else ""
        return Actor(self.app.name, named, address)

    async def audit(self, place: str, act: Act, target: Mapping[str, str], reason: str = "", **detail: Any) -> None:
        """Write down what is about to be done, before it is; `place`: the portfolio, or `store.audit.GATEWAY`.

        What can't be written down (StoreUnavailable) must not be done.
        """
        await self.services.audit.write(place, Deed(act, self.actor, target, reason, detail))

    async def books(self, portfolio: str, *, curve: bool = False) -> Books:
        """The portfolio's books at the store's time; with the `curve` of releases, by the minute where it is long."""
        if self.seen is not None and portfolio in self.seen and not curve:
            return self.seen[portfolio]
        books = await self.services.ledger.books_freeing(portfolio, EVERY_PLACE if curve else 0)
        self.services.clock.observe(books.now_ms)
        if self.seen is not None:
            self.seen[portfolio] = books
        return books

    async def standing(self, portfolio: str, books: Books) -> Standing:
        """The standing as it is in the store now, not as it was last looked at here."""
        return await self.services.standings.reload(portfolio, epoch=books.epoch)
