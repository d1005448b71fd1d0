"""What an app may reach: numbers, their accounts and portfolios, and the tokens that act for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.edge.graph_paths import Target
from tidegate.gateway import Route
from tidegate.settings import Settings
from tidegate.settings.credentials import Credentials
from tidegate.settings.tables import App, Scope


class Held(StrEnum):
    """What an app has of the object of Graph's that it names, where it may name it."""

    NUMBER = "number"
    #: Every number of the account.
    ACCOUNT = "account"
    PART_OF_ACCOUNT = "part_of_account"
    #: A file, a template, a flow: neither number nor account.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Reach:
    """What an app may reach beside its numbers, in the file's order."""

    wabas: frozenset[str]
    #: Those of them of which no number is another's only.
    whole_wabas: frozenset[str]
    portfolios: tuple[str, ...]
    #: The account that ids belong to which are not in the configuration; None where that is not clear.
    only_waba: str | None
    #: The accounts whose tokens open no account that the app may not use.
    separate: frozenset[str]


@dataclass(frozen=True, slots=True)
class Access:
    """An account, and the token that acts for it."""

    waba: str
    token: str = field(repr=False)


class Grants:
    """Answers for each app as if what it may not use did not exist."""

    def __init__(self, settings: Settings, credentials: Credentials) -> None:
        self._credentials = credentials
        self._tokens = credentials.of_wabas
        self._routes = {n.id: Route(p.id, w.id, n.id) for p, w, n in settings.numbers}
        self._apps = settings.apps
        #: By number, of each app.
        self._routes_of = {
            app.name: {number: route for number, route in self._routes.items() if app.may_use(number)}
            for app in self._apps
        }
        self._reaches: dict[str, _Reach] = {}
        self._as_of = -1

    def _reach(self, app: App) -> _Reach:
        return self._by_name()[app.name]

    def _by_name(self) -> dict[str, _Reach]:
        if self._as_of != self._credentials.version:
            # Which accounts a token opens is part of what an app may reach by it.
            self._as_of = self._credentials.version
            self._reaches = {app.name: self._reach_of(app) for app in self._apps}
        return self._reaches

    def _reach_of(self, app: App) -> _Reach:
        routes = self._routes_of[app.name]
        wabas = frozenset(route.waba for route in routes.values())
        portfolios = tuple(dict.fromkeys(route.portfolio for route in routes.values()))
        tokens = {self._tokens[waba] for waba in wabas}
        foreign = {token for waba, token in self._tokens.items() if waba not in wabas}
        # One token for all that the app may use: whose an object is makes no difference then.
        only_waba = min(wabas) if len(tokens) == 1 else None
        separate = frozenset(waba for waba in wabas if self._tokens[waba] not in foreign)
        whole = wabas - {route.waba for number, route in self._routes.items() if number not in routes}
        return _Reach(wabas, whole, portfolios, only_waba, separate)

    def route(self, app: App, number: str) -> Route | None:
        """The number's route; None for one that is unknown, or not this app's to use."""
        return self._routes_of[app.name].get(number)

    def routes(self, app: App) -> tuple[Route, ...]:
        """Every number that the app may use."""
        return tuple(self._routes_of[app.name].values())

    def portfolios(self, app: App) -> tuple[str, ...]:
        """Every portfolio of which the app may use a number."""
        return self._reach(app).portfolios

    def wabas(self, app: App) -> frozenset[str]:
        """Every account of which the app may use a number."""
        return self._reach(app).wabas

    def covers(self, app: App, other: str) -> bool:
        """Whether an app may use whatever the app of the name `other` may: what that one does is its business too.

        What is not in the configuration (any more) is the business of whoever is not held to some of the numbers.
        """
        theirs = self._routes_of.get(other)
        if theirs is None:
            return app.numbers is None
        return theirs.keys() <= self._routes_of[app.name].keys()

    def may_see(self, app: App, about: Mapping[str, str]) -> bool:
        """Whether a message of which this was noted is the app's to see.

        Its own are, and to an operator all of the numbers that are its to run.
        """
        if about.get("app") == app.name:
            return True
        return Scope.ADMIN in app.scopes and self.route(app, about.get("number", "")) is not None

    def token_of_waba(self, app: App, waba: str) -> str | None:
        """The token of an account; None when it is not the app's to use."""
        return self._tokens[waba] if waba in self._reach(app).wabas else None

    def held(self, app: App, target: Target) -> Held:
        """What the app has of the object that it names, one that it may reach."""
        if target.object_id in self._routes:
            return Held.NUMBER
        if target.object_id not in self._tokens:
            return Held.UNKNOWN
        return Held.ACCOUNT if target.object_id in self._reach(app).whole_wabas else Held.PART_OF_ACCOUNT

    def reaches(self, app: App, target: Target) -> bool:
        """Whether an app with a token of its own may ask for this: that token decides what it opens, but what is
        registered here and not the app's does not exist for it.
        """
        reach, object_id = self._reach(app), target.object_id
        if object_id in self._routes or object_id in self._tokens:
            return self.route(app, object_id) is not None or object_id in reach.wabas
        return target.may_be_unknown

    def access(self, app: App, target: Target) -> Access | None:
        """How to reach an object of Graph's; None when it is not the app's to reach.

        An id of a number or an account is known. Another one (a file, a template, a flow) belongs to an account that
        is known only when the app uses numbers of exactly one, or when it names the number itself; that account's
        token decides what it opens, so it may open no account that the app may not use.
        """
        reach, object_id = self._reach(app), target.object_id
        if object_id in self._routes:
            route = self.route(app, object_id)
            return Access(route.waba, self._tokens[route.waba]) if route else None
        if object_id in self._tokens:
            return Access(object_id, self._tokens[object_id]) if object_id in reach.wabas else None
        if not target.may_be_unknown:
            return None
        named = self.route(app, target.phone_number_id or "")
        waba = named.waba if named else reach.only_waba
        return Access(waba, self._tokens[waba]) if waba is not None and waba in reach.separate else None
