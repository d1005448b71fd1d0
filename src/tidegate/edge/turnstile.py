"""How much may be under way at once: of all, and of one app, so that none takes the whole node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tidegate.edge.denials import Denial, Kind
from tidegate.metrics import Metrics
from tidegate.settings.tables import App

_SOON: Final = {"Retry-After": "1"}


class Turnstile:
    """Counts requests of Graph's face that are being answered."""

    __slots__ = ("_inside", "_metrics", "_most", "_of_app")

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._metrics = metrics
        self._inside = 0
        self._of_app: dict[str, int] = {}

    @contextmanager
    def for_anybody(self) -> Iterator[None]:
        """Hold one of the node's places while it lasts. Raises Denial (overloaded)."""
        if self._inside >= self._most:
            self._metrics.turned_away("node")
            raise Denial(Kind.OVERLOADED, "the node has as much in hand as it may: nothing was sent", headers=_SOON)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    @contextmanager
    def for_app(self, app: App) -> Iterator[None]:
        """Hold one of the app's places while it lasts. Raises Denial (too_many_requests)."""
        inside = self._of_app.get(app.name, 0)
        if inside >= app.max_in_flight:
            self._metrics.turned_away("app")
            detail = f"the app has {app.max_in_flight} requests under way, as many as it may: nothing was sent"
            raise Denial(Kind.TOO_MANY_REQUESTS, detail, headers=_SOON)
        self._of_app[app.name] = inside + 1
        try:
            yield
        finally:
            self._of_app[app.name] -= 1
