"""What an app may reach: numbers, their accounts and portfolios, and the tokens that act for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tidegate.gateway import Route
from tidegate.settings import Settings
from tidegate.settings.tables import App


@dataclass(frozen=True, slots=True)
class _Reach:
    """One app's share of the configuration, in the file's order."""

    routes: dict[str, Route]
    wabas: frozenset[str]
    portfolios: tuple[str, ...]
    #: The token for ids that are not in the configuration; None where it is not clear which account they belong to.
    only_token: str | None = field(repr=False)


class Grants:
    """Answers for each app as if what it may not use did not exist."""

    def __init__(self, settings: Settings) -> None:
        self._tokens = {waba.id: waba.access_token.get_secret_value() for _, waba in settings.wabas}
        self._routes = {n.id: Route(p.id, w.id, n.id) for p, w, n in settings.numbers}
        self._reach = {app.name: self._reach_of(app) for app in settings.apps}

    def _reach_of(self, app: App) -> _Reach:
        routes = {number: route for number, route in self._routes.items() if app.may_use(number)}
        wabas = frozenset(route.waba for route in routes.values())
        portfolios = tuple(dict.fromkeys(route.portfolio for route in routes.values()))
        only_token = self._tokens[next(iter(wabas))] if len(wabas) == 1 else None
        return _Reach(routes, wabas, portfolios, only_token)

    def route(self, app: App, number: str) -> Route | None:
        """The number's route; None for one that is unknown, or not this app's to use."""
        return self._reach[app.name].routes.get(number)

    def routes(self, app: App) -> tuple[Route, ...]:
        """Every number that the app may use."""
        return tuple(self._reach[app.name].routes.values())

    def portfolios(self, app: App) -> tuple[str, ...]:
        """Every portfolio of which the app may use a number."""
        return self._reach[app.name].portfolios

    def wabas(self, app: App) -> frozenset[str]:
        """Every account of which the app may use a number."""
        return self._reach[app.name].wabas

    def token(self, app: App, object_id: str) -> str | None:
        """The token to reach an object of Graph's with; None when it is not the app's to reach.

        An id of a number or an account is known. Another one (a template, a file) belongs to an account that is
        known only when the app uses numbers of exactly one; that account's token decides what it opens.
        """
        reach = self._reach[app.name]
        if object_id in self._routes:
            route = reach.routes.get(object_id)
            return self._tokens[route.waba] if route else None
        if object_id in self._tokens:
            return self._tokens[object_id] if object_id in reach.wabas else None
        return reach.only_token
