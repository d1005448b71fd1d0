"""Who sends: what is the same of all sends of an app by one of its numbers."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from tidegate.cloudapi.messages import RecipientKind, Request
from tidegate.cloudapi.vocabulary import Category
from tidegate.edge.graph.send_options import SendOptions
from tidegate.gateway import Route
from tidegate.gateway.wishes import granted
from tidegate.lasting import lasting_json
from tidegate.policy.rules import Delivery, Duplicates, Mode
from tidegate.policy.standing import Standing
from tidegate.settings.tables import App

#: It is kept of so many kinds of sends of a portfolio what they come to.
_MOST_KINDS: Final = 4_096


class SendKind(Struct, frozen=True, gc=False, eq=False):
    """What sends of one sender that ask for the same come to under one standing; it is one object for all of them.

    The first four are what is granted to them, as `gateway.wishes.granted` tells it. `duplicates`: the rule, where it
    speaks of them; `same_within_ms`: its span, 0 where it does not.
    """

    category: Category | None
    wait_ms: int
    holds: bool
    delivery: Delivery
    duplicates: Duplicates | None
    same_within_ms: int


class Kinds:
    """What sends of one portfolio come to that ask for the same: worked out once under a standing, its last one."""

    __slots__ = ("known", "under")

    def __init__(self) -> None:
        self.under: Standing | None = None
        #: By sender, and what is asked for.
        self.known: dict[tuple[object, ...], SendKind] = {}

    def begin(self, standing: Standing) -> None:
        """Forget what was known: under another standing, or for it is too much."""
        self.under, self.known = standing, {}


class Sender:
    """An app by one of its numbers."""

    __slots__ = ("_kinds", "_mark", "app", "begins", "is_told", "name", "portfolio", "route")

    def __init__(self, app: App, route: Route, kinds: Kinds, edge: str = "messages") -> None:
        """`kinds`: of its portfolio. `edge`: of Graph's, where its messages are posted to."""
        self.app: Final = app
        self.route: Final = route
        # What is asked for at each send is no field of a table, for which one looks three times as long.
        self.name: Final = app.name
        self.portfolio: Final = route.portfolio
        #: Whether the app is told how its messages end, by webhook.
        self.is_told: Final = app.webhook_url is not None
        #: How what is said of its messages begins, by what their recipients are named by.
        self.begins: Final = {kind: lasting_json([app.name, route.number, edge, kind.value]) for kind in RecipientKind}
        # Its own would hold on to a standing for as long as it sends nothing.
        self._kinds: Final = kinds
        #: Stands for it there: nothing that is known leads back to it, and one look tells it from any other.
        self._mark: Final = object()

    def kind_of(self, request: Request, options: SendOptions, standing: Standing) -> SendKind:
        """What a send of its with these options comes to."""
        kinds = self._kinds
        asked = (self._mark, request.template, request.category, request.type, options.wishes, options.campaign)
        known = kinds.known.get(asked) if kinds.under is standing else None
        return known or self._work_out(asked, request, options, standing)

    def _work_out(
        self, asked: tuple[object, ...], request: Request, options: SendOptions, standing: Standing
    ) -> SendKind:
        kinds = self._kinds
        if kinds.under is not standing or len(kinds.known) >= _MOST_KINDS:
            kinds.begin(standing)
        given = granted(standing, self.route, request, options.wishes)
        rule = _rule(standing.rules.duplicates, given[0])
        kind = kinds.known[asked] = SendKind(*given, rule, 0 if rule is None else rule.within_ms)
        return kind

    def __repr__(self) -> str:
        return f"Sender({self.name!r}, {self.route!r})"


def _rule(rule: Duplicates | None, category: Category | None) -> Duplicates | None:
    if rule is None or rule.mode is Mode.OFF:
        return None
    return rule if (category.value if category else "service") in rule.categories else None
