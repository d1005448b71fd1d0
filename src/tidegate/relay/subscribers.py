"""The apps that get webhooks, and of which numbers and accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from tidegate.settings import Settings


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One app with a `webhook_url`. Neither that nor the secret is shown: an address may hold a password too."""

    app: str
    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    numbers: frozenset[str]
    wabas: frozenset[str]
    portfolios: tuple[str, ...]

    @property
    def host(self) -> str:
        """Host of its address, which is all that is shown of it."""
        return urlsplit(self.url).hostname or ""


class Subscribers:
    """All apps that get webhooks, in the configuration's order; address and secret of each are replaced at run time."""

    __slots__ = ("_by_app", "all", "portfolio_of_number", "portfolio_of_waba")

    def __init__(self, settings: Settings) -> None:
        routes = [(p.id, w.id, n.id) for p, w, n in settings.numbers]
        self.portfolio_of_number: Mapping[str, str] = {number: portfolio for portfolio, _, number in routes}
        self.portfolio_of_waba: Mapping[str, str] = {waba: portfolio for portfolio, waba, _ in routes}
        found = []
        for app in settings.apps:
            if app.webhook_url is None or app.webhook_secret is None:
                continue
            own = [route for route in routes if app.may_use(route[2])]
            found.append(
                Subscriber(
                    app.name,
                    app.webhook_url,
                    app.webhook_secret.get_secret_value().encode(),
                    frozenset(number for _, _, number in own),
                    frozenset(waba for _, waba, _ in own),
                    tuple(dict.fromkeys(portfolio for portfolio, _, _ in own)),
                )
            )
        self._by_app = {subscriber.app: subscriber for subscriber in found}
        self.all: Sequence[Subscriber] = tuple(found)

    def replace(self, settings: Settings) -> list[str]:
        """Take addresses and secrets of a file that was read anew: the keys of the file that say something else now.

        An app that had no address when this node started gets none, and one that has none any more keeps it.
        """
        changed = []
        for given in Subscribers(settings).all:
            before = self._by_app.get(given.app)
            if before is None:
                continue
            if given.url != before.url:
                changed.append(f"webhook_url of {given.app}")
            if given.secret != before.secret:
                changed.append(f"webhook_secret of {given.app}")
            self._by_app[given.app] = replace(before, url=given.url, secret=given.secret)
        self.all = tuple(self._by_app.values())
        return changed

    def named(self, app: str) -> Subscriber:
        """One of `all`, as the file had it when it was read last."""
        return self._by_app[app]

    def of(self, app: str | None) -> tuple[Subscriber, ...]:
        """The app of this name, if it gets webhooks."""
        found = self._by_app.get(app or "")
        return (found,) if found else ()

    def of_number(self, number: str) -> tuple[Subscriber, ...]:
        """Those that may use a number."""
        return tuple(one for one in self.all if number in one.numbers)

    def of_waba(self, waba: str) -> tuple[Subscriber, ...]:
        """Those that may use a number of an account."""
        return tuple(one for one in self.all if waba in one.wabas)
