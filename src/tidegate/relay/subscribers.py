"""The apps that get webhooks, and of which numbers and accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from tidegate.settings import Settings

#: Stands in the place of an app for whoever is told of alerts. No app can have this name.
ALERTS: Final = "*alerts"


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

    __slots__ = ("_by_app", "alerts", "all", "portfolio_of_number", "portfolio_of_waba")

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
        #: Whoever is told of alerts; None: nobody.
        self.alerts = _of_alerts(settings)
        self._by_app = {subscriber.app: subscriber for subscriber in found}
        self.all: Sequence[Subscriber] = tuple(found)

    def replace(self, settings: Settings) -> list[str]:
        """Take addresses and secrets of a file that was read anew: the keys of the file that say something else now.

        An app that had no address when this node started gets none, and one that has none any more keeps it.
        """
        changed = []
        told = _of_alerts(settings)
        if told is not None and self.alerts is not None:
            names = ("url", "secret")
            changed += [f"alerts.webhook_{name}" for name in names if getattr(told, name) != getattr(self.alerts, name)]
            self.alerts = told
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
        """One of `all`, or the one of `ALERTS`, as the file had it when it was read last. Raises KeyError."""
        if app == ALERTS and self.alerts is not None:
            return self.alerts
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


def _of_alerts(settings: Settings) -> Subscriber | None:
    alerts = settings.alerts
    if alerts.webhook_url is None or alerts.webhook_secret is None:
        return None
    return Subscriber(
        ALERTS,
        alerts.webhook_url,
        alerts.webhook_secret.get_secret_value().encode(),
        frozenset(number.id for _, _, number in settings.numbers),
        frozenset(waba.id for _, waba in settings.wabas),
        tuple(portfolio.id for portfolio in settings.portfolios),
    )
