"""How much may be under way at once: of all, and of one app, so that none takes the whole node."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Final

from tidegate.edge.denials import Denial, Kind
from tidegate.metrics import Metrics
from tidegate.settings.tables import App

_SOON: Final = {"Retry-After": "1"}


class Turnstile:
    """Counts what is under way; entered once a request, by any number at a time. Entering raises Denial when full."""

    __slots__ = ("_kind", "_limit", "_metrics", "_most", "_whose", "on_empty", "room")

    def __init__(self, most: int, kind: Kind, whose: str, limit: str, metrics: Metrics) -> None:
        """`kind`: what entering is refused as; `limit`: what that is counted as; `whose`: who has so much in hand."""
        self._most = most
        self._kind = kind
        self._whose = whose
        self._limit = limit
        self._metrics = metrics
        #: How many more may enter.
        self.room = most
        #: Called whenever the last has left.
        self.on_empty: Callable[[], None] | None = None

    @property
    def inside(self) -> int:
        """How many have entered, and not left."""
        return self._most - self.room

    def __enter__(self) -> None:
        if not self.room:
            self._metrics.turned_away(self._limit)
            detail = f"{self._whose} has {self._most} requests under way, as many as it may: nothing was sent"
            raise Denial(self._kind, detail, headers=_SOON)
        self.room -= 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.room += 1
        if self.on_empty is not None and not self.inside:
            self.on_empty()


class AppTurnstile(Turnstile):
    """An app's own, and by way of it the node's."""

    __slots__ = ("_node",)

    def __init__(self, app: App, node: Turnstile, metrics: Metrics) -> None:
        super().__init__(app.max_in_flight, Kind.TOO_MANY_REQUESTS, "the app", "app", metrics)
        self._node = node

    def enter(self) -> None:
        """Have one enter both, or neither: raises Denial when one is full."""
        node = self._node
        if not (node.room and self.room):
            # The one that is full says so.
            with node, self:
                pass
        node.room -= 1
        self.room -= 1

    def leave(self) -> None:
        """Have one leave both that entered them by `enter`."""
        node = self._node
        self.room += 1
        node.room += 1
        if node.on_empty is not None and not node.inside:
            node.on_empty()


class Turnstiles:
    """The node's own, and one for each app."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self.node = Turnstile(most, Kind.OVERLOADED, "the node", "node", metrics)
        metrics.in_flight(lambda: self.node.inside)
        self._metrics = metrics
        self._of_apps: dict[str, AppTurnstile] = {}

    def of(self, app: App) -> AppTurnstile:
        """The app's."""
        found = self._of_apps.get(app.name)
        if found is None:
            found = self._of_apps[app.name] = AppTurnstile(app, self.node, self._metrics)
        return found
